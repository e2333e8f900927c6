// Sends the calls of a JSON file with the shop's SDK: node send.mjs ENDPOINT WRITE_KEY FILE
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_PATH + "/");
const { Analytics } = require("@segment/analytics-node");

const [endpoint, writeKey, file] = process.argv.slice(2);
const analytics = new Analytics({ host: endpoint, writeKey });
analytics.on("error", (error) => {
  console.error(error);
  process.exitCode = 1;
});
for (const { type, ...call } of JSON.parse(readFileSync(file, "utf8"))) analytics[type](call);
await analytics.closeAndFlush();
