#!/usr/bin/env python3
"""`sojourn graph`: every journey of the tree is drawn, and the programs meant to read it can."""

import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, Skipped, binary, run_cases  # noqa: E402

SHARED_SCENARIOS = PROJECT_ROOT.parent / "shared/scenarios"
SVG = "{http://www.w3.org/2000/svg}"


def sojourn(*arguments):
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, check=False)


def graph(directory, *arguments):
    result = sojourn("graph", directory, *arguments)
    assert result.returncode == 0, result.stderr
    assert result.stderr == "", result.stderr
    return result.stdout


def directories():
    """Every rules directory of the tree, with the names of its journeys."""
    companies = [PROJECT_ROOT / "rules/company.yaml",
                 *sorted((PROJECT_ROOT / "tests/scenarios").glob("*/company.yaml")),
                 *sorted(SHARED_SCENARIOS.glob("*/company.yaml"))]
    for company in companies:
        names = re.findall(r"^journey: (\S+)", "\n".join(
            file.read_text() for file in company.parent.rglob("journeys/*.yaml")), re.MULTILINE)
        yield company.parent, names


def test_text_names_every_journey_and_fits_a_terminal():
    for directory, names in directories():
        text = graph(directory)
        for name in names:
            assert f"\n{name}\n" in f"\n{text}", f"{directory}: {name}"
        assert max(map(len, text.splitlines())) <= 80, text


def test_graphviz_reads_dot():
    if shutil.which("dot") is None:
        raise Skipped("graphviz is not installed; deploy/install-packages.sh test")
    for directory, names in directories():
        result = subprocess.run(["dot", "-Tsvg"], input=graph(directory, "--format", "dot"),
                                capture_output=True, text=True, timeout=120, check=False)
        assert result.returncode == 0 and result.stderr == "", f"{directory}: {result.stderr}"
        assert result.stdout.count('class="cluster"') == len(names), directory


def test_svg_is_well_formed_and_inside_its_frame():
    for directory, names in directories():
        root = ElementTree.fromstring(graph(directory, "--format", "svg"))
        width, height = float(root.get("width")), float(root.get("height"))
        headings = [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "name"]
        assert sorted(headings) == sorted(names), directory
        boxes = [tuple(float(box.get(key)) for key in ("x", "y", "width", "height"))
                 for box in root.iter(f"{SVG}rect") if box.get("x")]
        for x, y, w, h in boxes:
            assert x >= 0 and y >= 0 and x + w <= width and y + h <= height, (directory, x, y, w, h)
        for number, (x, y, w, h) in enumerate(boxes):
            for x2, y2, w2, h2 in boxes[number + 1:]:
                apart = x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
                assert apart, f"{directory}: boxes at {x},{y} and {x2},{y2} lie on each other"


def test_mermaid_has_the_shape_that_its_grammar_wants():
    node = r'\w+(\[\[".*"\]\]|\(\[".*"\]\)|\{\{".*"\}\}|\(".*"\)|>".*"\]|\[".*"\])'
    line = re.compile(rf'flowchart TB|  subgraph j\d+ \[".*"\]|    direction TB|  end|    {node}'
                      r'|    \w+ -->(\|".*"\|)? \w+')
    for directory, names in directories():
        lines = graph(directory, "--format", "mermaid").splitlines()
        assert len([one for one in lines if one.startswith("  subgraph ")]) == len(names)
        declared, used = set(), set()
        for one in lines:
            assert line.fullmatch(one), f"{directory}: {one}"
            arrow = re.fullmatch(r"    (\w+) -->.* (\w+)", one)
            if arrow:
                used |= set(arrow.groups())
            elif one.startswith("    ") and one != "    direction TB":
                declared.add(re.match(r"    (\w+)", one)[1])
            # Inside quotes only what needs no escape, and entities.
            for label in re.findall(r'"([^"]*)"', one):
                bare = re.sub(r"#\d+;|<br/>", "", label)
                assert not re.search(r'[<>&"#\[\]{}|`\\]', bare), one
        assert used <= declared, (directory, used - declared)


def test_one_journey_and_what_is_not_there():
    rules = PROJECT_ROOT / "rules"
    text = graph(rules, "welcome")
    assert text.startswith("welcome\n") and "win-back" not in text, text
    result = sojourn("graph", rules, "wellcome")
    assert result.returncode == 2 and 'did you mean "welcome"' in result.stderr, result.stderr
    with tempfile.TemporaryDirectory() as temporary:
        (Path(temporary) / "a.yaml").write_text("segment: a\nwhere: nosuch\n")
        result = sojourn("graph", temporary)
        assert result.returncode == 2 and "nosuch" in result.stderr, result.stderr


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
