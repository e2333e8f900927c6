// Whether npm's standardwebhooks accepts a webhook: standard input is {secrets, headers, body},
// standard output a list of true and false, one for each secret.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.argv[2] + "/");
const { Webhook } = require("standardwebhooks");

const { secrets, headers, body } = JSON.parse(readFileSync(0, "utf8"));
const accepted = secrets.map((secret) => {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
});
console.log(JSON.stringify(accepted));
