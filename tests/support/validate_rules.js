// Holds YAML files against a JSON Schema: node validate_rules.js SCHEMA < list of files as JSON.
// Prints {"schema": [errors of the schema itself], "files": {file: [errors]}}. Run where ajv and
// js-yaml are installed.
"use strict";
const fs = require("fs");
const Ajv = require("ajv");
const yaml = require("js-yaml");

const schema = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
ajv.validateSchema(schema);
const answer = { schema: ajv.errors || [], files: {} };
const validate = ajv.compile(schema);
for (const file of JSON.parse(fs.readFileSync(0, "utf8"))) {
  try {
    // The core schema, as the rules are read: dates stay text.
    validate(yaml.load(fs.readFileSync(file, "utf8"), { schema: yaml.CORE_SCHEMA }));
    answer.files[file] = (validate.errors || []).map(
      (error) => `${error.instancePath || "/"}: ${error.message}`);
  } catch (error) {
    answer.files[file] = [`not YAML: ${error.message}`];
  }
}
console.log(JSON.stringify(answer));
