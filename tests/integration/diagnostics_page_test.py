#!/usr/bin/env python3
"""rules/DIAGNOSTICS.md: every example of it, taken out of the page and run, gives its code."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, binary, run_cases  # noqa: E402

PAGE = PROJECT_ROOT / "rules/DIAGNOSTICS.md"
BLOCK = re.compile(r"(?:`([^`\n]+)`:\n\n)?```(\w+)\n(.*?)```\n", re.DOTALL)


def sojourn(*arguments):
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, check=False)


def blocks(text):
    """(file or None for commands, content) of a part of the page."""
    return [(name or None, content) for name, _, content in BLOCK.findall(text)]


def sections():
    """The files all examples share; by code: severity, files with the mistake, and without."""
    head, *entries = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    by_code = {}
    for entry in entries:
        code = entry.split("\n", 1)[0]
        wrong, _, right = entry.partition("\nInstead:\n")
        severity = re.search(r"\((error|warning)\)$", entry, re.MULTILINE)[1]
        by_code[code] = (severity, blocks(wrong), blocks(right))
    return blocks(head), by_code


def check(shared, files):
    """The diagnostics of a directory with these files, by `check --format json`."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for name, content in [*shared, *files]:
            if name is None:
                subprocess.run(["bash", "-c", content], cwd=root, check=True)
                continue
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)
        result = sojourn("check", root, "--format", "json")
        assert result.returncode in (0, 1), result.stderr
        return json.loads(result.stdout)


def test_the_page_is_what_is_generated():
    result = sojourn("check", "--explain", "all")
    assert result.stdout == PAGE.read_text(), \
        "write it again: sojourn check --explain all > rules/DIAGNOSTICS.md"


def test_every_example_gives_its_code():
    shared, by_code = sections()
    for code, (severity, wrong, _) in by_code.items():
        assert wrong, f"{code} has no example"
        found = check(shared, wrong)
        assert (code, severity) in {(one["code"], one["severity"]) for one in found}, \
            f"{code}: {found}"


def test_what_to_write_instead_checks():
    shared, by_code = sections()
    for code, (_, wrong, right) in by_code.items():
        names = {name for name, _ in [*wrong, *right]}
        if not right:
            assert names == {None}, f"{code} does not say what to write instead"
            continue
        for one in check(shared, right):
            assert one["severity"] == "warning", f"{code}: {one}"
            assert one["code"] != code or one["file"] not in names, f"{code}: {one}"


def test_explain_prints_one_entry():
    result = sojourn("check", "--explain", "J026")
    assert result.returncode == 0 and result.stdout.startswith("J026 (error): "), result.stdout
    assert "30 days" in result.stdout, result.stdout
    unknown = sojourn("check", "--explain", "J999")
    assert unknown.returncode == 2 and "J999" in unknown.stderr, unknown.stderr


def test_sarif_has_what_its_readers_need():
    _, by_code = sections()
    with tempfile.TemporaryDirectory() as temporary:
        (Path(temporary) / "a.yaml").write_text("segment: a\nwhere: nosuch > 1\n")
        sarif = json.loads(sojourn("check", temporary, "--format", "sarif").stdout)
    assert sarif["version"] == "2.1.0" and sarif["$schema"].endswith("sarif-2.1.0.json")
    (run,) = sarif["runs"]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert run["tool"]["driver"]["name"] == "sojourn" and rules.keys() == by_code.keys()
    for code, (severity, _, _) in by_code.items():
        assert rules[code]["defaultConfiguration"]["level"] == severity, code
        for text in ("shortDescription", "fullDescription", "help"):
            assert rules[code][text]["text"], code
        assert rules[code]["help"]["text"] == sojourn("check", "--explain", code).stdout, code
    assert run["results"]
    for result in run["results"]:
        assert result["ruleId"] in rules and result["level"] in ("error", "warning")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "a.yaml"
        region = place["region"]
        assert region["startLine"] == 2 and region["startColumn"] == 8, region
        assert region["endColumn"] == 14, region


def test_github_escapes_what_its_commands_need():
    with tempfile.TemporaryDirectory() as temporary:
        (Path(temporary) / "a,b:c%.yaml").write_text("segment: '50%'\nwhere: \"true\"\n")
        lines = sojourn("check", temporary, "--format", "github").stdout.splitlines()
    wanted = re.compile(r"::(error|warning) file=a%2Cb%3Ac%25\.yaml,line=1,col=10,endColumn=15,"
                        r"title=J029::\"50%25\" is not kebab-case.*")
    assert any(wanted.fullmatch(line) for line in lines), lines


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
