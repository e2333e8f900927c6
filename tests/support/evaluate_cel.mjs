// Evaluates plain CEL with the npm package @bufbuild/cel: node evaluate_cel.mjs PACKAGES < CASES.
//
// PACKAGES is the node_modules directory that holds it. Input and output are those of
// sojourn_evaluate (tests/support/evaluate.cc), without optional values.
import { createInterface } from "node:readline";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const home = join(process.argv[2], "@bufbuild/cel/dist/esm");
const load = (file) => import(pathToFileURL(join(home, file)).href);
const cel = await load("index.js");
const { strings } = await load("ext/index.js");

function toDouble(number) {
  return typeof number === "number" ? number : Number(number);
}

function fromJson(value) {
  if ("boolValue" in value) return value.boolValue;
  if ("int64Value" in value) return BigInt(value.int64Value);
  if ("uint64Value" in value) return cel.celUint(BigInt(value.uint64Value));
  if ("doubleValue" in value) return toDouble(value.doubleValue);
  if ("stringValue" in value) return value.stringValue;
  if ("bytesValue" in value) return new Uint8Array(Buffer.from(value.bytesValue, "base64"));
  if ("listValue" in value) return cel.celList((value.listValue.values ?? []).map(fromJson));
  if ("mapValue" in value) {
    const entries = value.mapValue.entries ?? [];
    return cel.celMap(new Map(entries.map(({ key, value }) => [fromJson(key), fromJson(value)])));
  }
  return null;
}

// What stands behind the seconds, as sojourn writes it: without the zeros of the end, in timestamps
// without groups of three.
function fraction(nanoseconds, zeros) {
  return nanoseconds === 0 ? "" : "." + String(nanoseconds).padStart(9, "0").replace(zeros, "");
}

function messageToJson(message) {
  const { $typeName: type, seconds, nanos } = message;
  if (type === "google.protobuf.Duration") {
    const negative = seconds < 0n || nanos < 0;
    const whole = String(seconds < 0n ? -seconds : seconds);
    return { durationValue: `${negative ? "-" : ""}${whole}${fraction(Math.abs(nanos), /0+$/)}s` };
  }
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return { timestampValue: `${seconds} s, out of range` };
  const text = date.toISOString().replace(/\.000Z$/, "");
  return { timestampValue: `${text}${fraction(nanos, /(000)+$/)}Z` };
}

function toJson(value) {
  if (cel.isCelError(value)) return { error: value.message };
  if (value === null) return { nullValue: null };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "bigint") return { int64Value: String(value) };
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "number") {
    return { doubleValue: Number.isFinite(value) ? value : String(value) };
  }
  if (value instanceof Uint8Array) return { bytesHex: Buffer.from(value).toString("hex") };
  if (cel.isCelUint(value)) return { uint64Value: String(value.value) };
  if (cel.isCelList(value)) return { listValue: { values: [...value].map(toJson) } };
  if (cel.isCelMap(value)) {
    const entries = [...value].map(([key, item]) => ({ key: toJson(key), value: toJson(item) }));
    return { mapValue: { entries } };
  }
  if (cel.isCelType(value)) return { typeValue: value.name };
  return messageToJson(value.message);
}

const environment = cel.celEnv({ funcs: strings });
for await (const line of createInterface({ input: process.stdin })) {
  const { expr, bindings = {} } = JSON.parse(line);
  const variables = {};
  for (const [name, { value }] of Object.entries(bindings)) variables[name] = fromJson(value);
  let result;
  try {
    result = toJson(cel.plan(environment, cel.parse(expr))(variables));
  } catch (error) {
    result = { error: String(error.message ?? error) };
  }
  process.stdout.write(JSON.stringify(result) + "\n");
}
