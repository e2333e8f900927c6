// Sends a session with one of the libraries for Node: node_session.js LIBRARY HOST KEY SESSION.
//
// LIBRARY is the package's name; SESSION a JSON file with the calls. Run in the directory that has
// node_modules. Ends when the library says that everything was sent.
"use strict";
const fs = require("fs");
const path = require("path");
const { createRequire } = require("module");

const [library, host, key, file] = process.argv.slice(2);
const load = createRequire(path.join(process.cwd(), "index.js"));
const calls = JSON.parse(fs.readFileSync(file, "utf8"));

function withDate(call) {
  const { type, ...fields } = call;
  return fields.timestamp ? { ...fields, timestamp: new Date(fields.timestamp) } : fields;
}

const SENDERS = {
  async "@segment/analytics-node"() {
    const { Analytics } = load("@segment/analytics-node");
    const analytics = new Analytics({ writeKey: key, host, flushAt: 15 });
    for (const call of calls) analytics[call.type](withDate(call));
    await analytics.closeAndFlush();
  },
  async "@customerio/cdp-analytics-node"() {
    const { Analytics } = load("@customerio/cdp-analytics-node");
    const analytics = new Analytics({ writeKey: key, host });
    for (const call of calls) analytics[call.type](withDate(call));
    await analytics.closeAndFlush();
  },
  async "@rudderstack/rudder-sdk-node"() {
    const Analytics = load("@rudderstack/rudder-sdk-node");
    const client = new Analytics(key, { dataPlaneUrl: host, flushInterval: 100 });
    for (const call of calls) client[call.type](withDate(call));
    while (client.queue.length > 0) await client.flush();
    await client.pendingFlush;
  },
  async "@dittofeed/sdk-node"() {
    const { DittofeedSdk } = load("@dittofeed/sdk-node");
    const basic = Buffer.from(`${key}:`).toString("base64");
    await DittofeedSdk.init({ writeKey: `Basic ${basic}`, host });
    for (const { type, ...fields } of calls) {
      DittofeedSdk[type](fields);
      await DittofeedSdk.flush();
    }
  },
};

SENDERS[library]().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
