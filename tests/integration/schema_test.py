#!/usr/bin/env python3
"""`sojourn schema`: an independent validator (npm's ajv) accepts what `check` accepts."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, Skipped, binary, run_cases  # noqa: E402
from npm_packages import install  # noqa: E402

KINDS = ("company", "catalog", "segment", "coupon_pool", "journey", "tests", "template")
SHARED_SCENARIOS = PROJECT_ROOT.parent / "shared/scenarios"
GOLDENS = PROJECT_ROOT / "engine/language/testdata"
# Mistakes that a schema can see: unknown and missing keys, kinds of values, names, numbers, ...
STRUCTURAL = {"J020", "J021", "J022", "J023", "J024", "J025", "J026", "J029", "J030", "J034",
              "J036", "J037"}
# Mistakes that only the loader sees although they are about one value, and those of YAML itself.
LEXICAL = {f"J{number:03}" for number in range(1, 18)} | {"J027", "J028", "J031", "J032", "J033",
                                                          "J035"}


def sojourn(*arguments):
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False)


def schema(*kind):
    result = sojourn("schema", *kind)
    assert result.returncode == 0, result.stderr
    return result.stdout


def validate(schema_text, files):
    """Errors by file, as ajv sees them; the schema itself must be draft-07."""
    modules = install(**{"ajv": "8.17.1", "js-yaml": "4.1.0"})
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "schema.json"
        path.write_text(schema_text)
        result = subprocess.run(
            ["node", PROJECT_ROOT / "tests/support/validate_rules.js", path],
            input=json.dumps([str(file) for file in files]), capture_output=True, text=True,
            timeout=600, check=False, env={**os.environ, "NODE_PATH": str(modules)})
    assert result.returncode == 0, result.stderr
    assert result.stderr == "", result.stderr
    answer = json.loads(result.stdout)
    assert answer["schema"] == [], answer["schema"]
    return answer["files"]


def accepts_all(base):
    files = sorted(base.rglob("*.yaml"))
    assert files, f"no rules in {base}"
    wrong = {file: errors for file, errors in validate(schema(), files).items() if errors}
    assert not wrong, json.dumps(wrong, indent=1)


def test_the_committed_schema_is_what_the_command_prints():
    assert (PROJECT_ROOT / "rules/schema.json").read_text() == schema(), \
        "write it again: sojourn schema > rules/schema.json"


def test_every_demo_file_names_the_schema():
    for file in sorted((PROJECT_ROOT / "rules").rglob("*.yaml")):
        first = file.read_text().splitlines()[0]
        match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert match, f"{file}: {first}"
        assert (file.parent / match[1]).resolve() == PROJECT_ROOT / "rules/schema.json", file


def test_the_demo_rules_are_valid():
    accepts_all(PROJECT_ROOT / "rules")


def test_the_scenarios_are_valid():
    accepts_all(PROJECT_ROOT / "tests/scenarios")


def test_the_shared_scenarios_are_valid():
    if not SHARED_SCENARIOS.exists():
        raise Skipped(f"no {SHARED_SCENARIOS}")
    accepts_all(SHARED_SCENARIOS)


def test_each_kind_alone():
    files = sorted((PROJECT_ROOT / "rules").rglob("*.yaml"))
    for kind in KINDS:
        title = json.loads(schema(kind))["title"]
        assert title == f"Sojourn rules: {kind}", title
        key = "journeys" if kind == "tests" else kind
        mine = {str(file) for file in files
                if re.search(rf"^{key}:", file.read_text(), re.MULTILINE)}
        answers = validate(schema(kind), files)
        assert {file for file, errors in answers.items() if not errors} == mine, kind
    unknown = sojourn("schema", "jorney")
    assert unknown.returncode == 2 and "jorney" in unknown.stderr and "journey" in unknown.stderr


def golden_files(directory, suffix):
    """Every YAML file of the golden cases with the codes of its diagnostics, written to disk."""
    codes = {}
    for case in sorted(GOLDENS.glob(f"*{suffix}")):
        name = case.name.removesuffix(suffix)
        for part in re.split(r"^### ", case.read_bytes().decode(errors="replace"),
                             flags=re.MULTILINE)[1:]:
            path, text = part.split("\n", 1)
            # Test files are not what these cases are about; some stand for no more than a name.
            if path.endswith(".yaml") and not path.endswith(".test.yaml"):
                file = directory / name / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
                codes[str(file)] = set()
        diagnostics = GOLDENS / f"{name}.diag"
        if suffix == ".good.yaml":
            continue
        for path, code in re.findall(r"^(\S+?):\d+:\d+: (?:error|warning)\[(\w+)\]",
                                     diagnostics.read_text(errors="replace"), re.MULTILINE):
            if str(directory / name / path) in codes:
                codes[str(directory / name / path)].add(code)
    return codes


def test_structural_mistakes_are_refused_and_others_are_not():
    with tempfile.TemporaryDirectory() as temporary:
        codes = golden_files(Path(temporary), ".bad.yaml")
        answers = validate(schema(), codes)
        refused = 0
        for file, of_file in codes.items():
            if of_file & STRUCTURAL:
                assert answers[file], f"{file} has {of_file} and is valid"
                refused += 1
            elif not of_file & LEXICAL:
                assert not answers[file], f"{file}: {answers[file]}"
        assert refused >= 5, refused


def test_good_files_of_the_goldens_are_valid():
    with tempfile.TemporaryDirectory() as temporary:
        answers = validate(schema(), golden_files(Path(temporary), ".good.yaml"))
        assert answers and not any(answers.values()), json.dumps(answers, indent=1)


# One mistake each, and where it is seen.
MISTAKES = {
    "company: x\ntimzone: UTC\n": "/",
    "journey: a\nsteps: []\n": "/",
    "journey: a\ntrigger: {event: A}\nsteps:\n  - sendemail: x\n": "/steps/0",
    "journey: a\ntrigger: {event: A}\nsteps:\n  - {wait: 2 days, exit: x}\n": "/steps/0",
    "journey: a\ntrigger: {event: A}\nsteps:\n  - wait: 2 dayz\n": "/steps/0/wait",
    "journey: a\ntrigger: {event: A}\nsteps:\n  - wait: 1 day 2 weeks\n": "/steps/0/wait",
    "journey: a\ntrigger: {event: A}\nsteps:\n  - wait: 0 days\n": "/steps/0/wait",
    "journey: a\ntrigger: {event: A}\nreentry: after a while\nsteps: []\n": "/reentry",
    "journey: A b\ntrigger: {event: A}\nsteps: []\n": "/journey",
    "journey: a\ntrigger: {event: A, where: []}\nsteps: []\n": "/trigger/where",
    "segment: a\nwhere:\n": "/where",
    "coupon_pool: a\nstatic: A\ncodes: [B]\n": "/",
    "coupon_pool: a\ngenerate: {length: 5}\n": "/generate/length",
    "catalog: a\nevents: {A: {x: strin}}\n": "/events/A/x",
    "journeys: [a]\ntests: []\n": "/tests",
    "rules: x\n": "/",
    "- a\n": "/",
}


def test_where_a_mistake_is_seen():
    with tempfile.TemporaryDirectory() as temporary:
        files = {}
        for number, (text, place) in enumerate(MISTAKES.items()):
            file = Path(temporary) / f"{number}.yaml"
            file.write_text(text)
            files[str(file)] = (text, place)
        for file, errors in validate(schema(), files).items():
            text, place = files[file]
            assert any(error.startswith(f"{place}: ") for error in errors), (text, place, errors)


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
