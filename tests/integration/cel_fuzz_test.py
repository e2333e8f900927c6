#!/usr/bin/python3
"""Random expressions against another implementation of CEL, the npm package @bufbuild/cel.

Both get the same expressions and bindings, and must come to the same values, or both to errors.
Where the two are known to differ, DIVERGENCES says how and why. That is compared in long runs
(tests/run.sh --long), for which the package is installed; in others the same expressions only have
to end, each in a value or an error.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, long_run, run_cases  # noqa: E402

PACKAGE = "@bufbuild/cel@0.6.1"
EXPRESSIONS = 40_000
SEED = 20260302

BINDINGS = {
    "i": {"int64Value": "7"},
    "u": {"uint64Value": "3"},
    "d": {"doubleValue": 2.5},
    "s": {"stringValue": "tacocat"},
    "y": {"bytesValue": "AP8="},
    "b": {"boolValue": True},
    "n": {"nullValue": None},
    "l": {"listValue": {"values": [{"int64Value": "3"}, {"int64Value": "1"}, {"doubleValue": 2}]}},
    "t": {"listValue": {"values": [{"stringValue": "a"}, {"stringValue": "tac"}]}},
    "m": {"mapValue": {"entries": [
        {"key": {"stringValue": "a"}, "value": {"int64Value": "1"}},
        {"key": {"stringValue": "s"}, "value": {"stringValue": "co"}}]}},
}

LEAVES = [*BINDINGS, "missing", "0", "1", "-1", "2u", "0.0", "1.5", "-0.5", "'a'", "'co'", "''",
          "b'a'", "true", "false", "null", "[]", "{}", "9223372036854775807", "1e300",
          "duration('90s')", "duration('-1.5s')", "timestamp('2026-03-02T09:00:00Z')",
          "timestamp('2024-02-29T23:59:59.5Z')"]

# {} stands for a smaller expression.
FORMS = [
    "({}) + ({})", "({}) - ({})", "({}) * ({})", "({}) / ({})", "({}) % ({})", "-({})", "!({})",
    "({}) == ({})", "({}) != ({})", "({}) < ({})", "({}) <= ({})", "({}) > ({})", "({}) >= ({})",
    "({}) && ({})", "({}) || ({})", "({}) ? ({}) : ({})", "({}) in ({})", "({})[{}]", "({}).a",
    "has(({}).s)", "[{}]", "[{}, {}]", "{{'a': {}}}", "{{{}: {}, 'z': 1}}", "size({})",
    "({}).all(x, {})", "({}).exists(x, {})", "({}).exists_one(x, {})", "({}).filter(x, {})",
    "({}).map(x, {})", "({}).map(x, {}, {})", "({}).all(x, (x) > ({}))", "({}).map(x, (x) + ({}))",
    "int({})", "uint({})", "double({})", "string({})", "bytes({})", "bool({})", "dyn({})",
    "type({})", "duration({})", "timestamp({})", "({}).contains({})", "({}).startsWith({})",
    "({}).endsWith({})", "({}).getFullYear()", "({}).getMonth()", "({}).getDayOfYear()",
    "({}).getDayOfWeek()", "({}).getHours('+05:30')", "({}).getSeconds()",
    "({}).getMilliseconds()", "({}).charAt({})", "({}).indexOf({})", "({}).lastIndexOf({})",
    "({}).substring({})", "({}).substring({}, {})", "({}).replace({}, {})", "({}).split({})",
    "({}).join({})", "({}).trim()", "({}).lowerAscii()", "({}).upperAscii()",
    "'%s'.format([{}])", "'%d %s'.format([{}, {}])", "'%x'.format([{}])", "'%b'.format([{}])",
    "'%.2f'.format([{}])", "strings.quote({})",
]

# Where the other implementation is known to differ: the forms, what ours and theirs come to (as
# regular expressions over JSON), and why. Only the smallest part of an expression that differs counts.
ERROR = r'\{"error": .*'
VALUE = r'\{"(?!error).*'
NO_OVERLOAD = r'\{"error": "the operation does not take values of these types"\}'
DIVERGENCES = [
    (["has(({}).s)"], ERROR, r'\{"boolValue": false\}',
     "theirs takes has() of what has no fields, and of errors, for false"),
    (["int({})", "uint({})", "double({})", "duration({})"], r'\{"error": "the text is no .*', VALUE,
     "theirs reads texts as JavaScript does: no text is 0, others are NaN"),
    (["duration({})", "int({})"], NO_OVERLOAD, VALUE,
     "theirs turns ints into durations and back; the specification does not"),
    (["timestamp({})"], r'\{"timestampValue": .*', r'\{"timestampValue": .*',
     "theirs counts milliseconds where the specification counts seconds"),
    (["timestamp({})"], r'\{"timestampValue": .*', ERROR, "likewise"),
    (["timestamp({})"], ERROR, r'\{"timestampValue": .*', "likewise"),
    (["!({})", "-({})"], NO_OVERLOAD, VALUE, "theirs drops pairs of ! and - whatever they stand on"),
    (["-({})"], r'\{"durationValue": .*', ERROR, "ours has the negative of a duration, too"),
    (["({})[{}]"], NO_OVERLOAD, VALUE, "theirs takes true and false for indexes of lists"),
    (["({}) in ({})"], r'\{"boolValue": false\}', r'\{"error": .*@in.*',
     "what can be no key is not in a map; theirs says it cannot be asked"),
    (["{{{}: {}, 'z': 1}}"], r'\{"error": "keys of a map are .*', VALUE,
     "theirs takes doubles for keys; the specification does not"),
    (["string({})", "'%s'.format([{}])", "'%d %s'.format([{}, {}])"],
     r'\{"error": "the bytes are no valid UTF-8"\}', VALUE,
     "theirs replaces what is no UTF-8; the specification makes it an error"),
    (["string({})", "'%s'.format([{}])", "'%d %s'.format([{}, {}])"],
     r'.*-1\.5s.*', r'.*-1\.500s.*', "theirs writes durations as protobuf's JSON"),
    (["'%.2f'.format([{}])"], VALUE, r'\{"stringValue": "-?10{300}\.00"\}',
     "theirs writes digits that the double does not have"),
]


class Expression:
    """A form with expressions in its places, or a leaf."""

    def __init__(self, form, parts=()):
        self.form = form
        self.parts = parts
        self.text = form.format(*(part.text for part in parts)) if parts else form

    def with_all_parts(self):
        yield self
        for part in self.parts:
            yield from part.with_all_parts()


def packages():
    """The node_modules directory with the other implementation, installed on first use."""
    home = PROJECT_ROOT / "build/test/cel_fuzz"
    if not (home / "node_modules/@bufbuild/cel").exists():
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run([shutil.which("npm"), "install", "--prefix", home, "--no-audit", "--no-fund",
                        "--ignore-scripts", PACKAGE], check=True, capture_output=True)
    return home / "node_modules"


def binary():
    default = PROJECT_ROOT / "build/release/bin/sojourn_evaluate"
    path = Path(os.environ.get("SOJOURN_EVALUATE", default))
    assert path.exists(), f"{path} is not built"
    return path


def random_expression(source, size):
    """One of at most `size` forms."""
    if size <= 0:
        return Expression(source.choice(LEAVES))
    form = source.choice(FORMS)
    count = form.count("{}")
    return Expression(form, [random_expression(source, source.randrange(size) // count)
                             for _ in range(count)])


def evaluate(command, texts):
    """What a command of evaluate.cc's kind says of each text."""
    bindings = {name: {"value": value} for name, value in BINDINGS.items()}
    lines = "".join(json.dumps({"expr": text, "bindings": bindings}) + "\n" for text in texts)
    process = subprocess.run(command, input=lines.encode(), capture_output=True, check=False,
                             timeout=900)
    assert process.returncode == 0, process.stderr.decode()[-2000:]
    results = [json.loads(line) for line in process.stdout.decode().splitlines()]
    assert len(results) == len(texts), f"{len(results)} of {len(texts)} expressions ended"
    return results


def evaluate_ours(texts):
    return evaluate([binary()], texts)


def evaluate_theirs(texts):
    other = PROJECT_ROOT / "tests/support/evaluate_cel.mjs"
    return evaluate([shutil.which("node"), other, packages()], texts)


def plain(result):
    """A result in one form for both: errors without their text, maps in the order of their keys."""
    if "error" in result:
        return "error"
    if "listValue" in result:
        return ["list", *map(plain, result["listValue"]["values"])]
    if "mapValue" in result:
        entries = [[plain(e["key"]), plain(e["value"])] for e in result["mapValue"]["entries"]]
        return ["map", *sorted(entries, key=json.dumps)]
    if isinstance(result.get("doubleValue"), (int, float)):
        return ["double", float(result["doubleValue"])]
    return result


def compare(expressions):
    """The expressions on which the two differ: expression, ours, theirs."""
    texts = [expression.text for expression in expressions]
    results = zip(expressions, evaluate_ours(texts), evaluate_theirs(texts))
    return [(expression, ours, theirs) for expression, ours, theirs in results
            if plain(ours) != plain(theirs)]


def smallest_differences(expressions):
    """The parts of `expressions` on which the two differ though they agree on the parts of those."""
    parts = {part.text: part for whole in expressions for part in whole.with_all_parts()}
    differences = compare(list(parts.values()))
    differing = {expression.text for expression, _, _ in differences}
    return [(expression, ours, theirs) for expression, ours, theirs in differences
            if not any(part.text in differing
                       for own in expression.parts for part in own.with_all_parts())]


def is_known(expression, ours, theirs):
    return any(expression.form in forms and re.fullmatch(our_result, json.dumps(ours)) and
               re.fullmatch(their_result, json.dumps(theirs))
               for forms, our_result, their_result, _ in DIVERGENCES)


def random_expressions(count):
    source = random.Random(SEED)
    return [random_expression(source, source.randint(1, 8)) for _ in range(count)]


def test_random_expressions_end():
    results = evaluate_ours([expression.text for expression in random_expressions(5_000)])
    values = sum("error" not in result for result in results)
    assert values > 400, f"only {values} expressions have a value"


def agrees_with_another_implementation():
    differing = [expression for expression, _, _ in compare(random_expressions(EXPRESSIONS))]
    unknown = [case for case in smallest_differences(differing) if not is_known(*case)]
    for expression, ours, theirs in sorted(unknown, key=lambda case: len(case[0].text)):
        print(f"{expression.text}\n  ours   {json.dumps(ours)}\n  theirs {json.dumps(theirs)}",
              file=sys.stderr)
    assert not unknown, f"{len(unknown)} expressions differ, {unknown[0][0].text} is one"


if long_run():
    test_agrees_with_another_implementation = agrees_with_another_implementation


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
