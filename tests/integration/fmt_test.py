#!/usr/bin/env python3
"""`sojourn fmt`: what it writes, and what it leaves alone."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, binary, run_cases  # noqa: E402

ROUGH = "segment:   a   # name\nwhere:\n- 'true'\n"
SMOOTH = 'segment: a # name\nwhere:\n  - "true"\n'


def fmt(*arguments, cwd=None):
    return subprocess.run([binary(), "fmt", *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False, cwd=cwd)


def test_files_are_written_and_named():
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        file = root / "segments/a.yaml"
        file.parent.mkdir()
        file.write_text(ROUGH)
        file.chmod(0o640)
        (root / "codes.csv").write_text("a ,  b\n")
        result = fmt("--check", root)
        assert result.returncode == 1 and result.stdout == f"{file}\n", result
        assert "1 of 1 files are not formatted" in result.stderr, result.stderr
        assert file.read_text() == ROUGH
        result = fmt(root)
        assert (result.returncode, result.stdout, result.stderr) == (0, f"{file}\n", ""), result
        assert file.read_text() == SMOOTH
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        assert sorted(path.name for path in root.rglob("*")) == ["a.yaml", "codes.csv", "segments"]
        assert (root / "codes.csv").read_text() == "a ,  b\n"
        for arguments in ((root,), ("--check", root), (file,)):
            result = fmt(*arguments)
            assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), result


def test_what_does_not_parse_is_left_alone():
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        (root / "broken.yaml").write_text("segment:   [a\n")
        (root / "rough.yaml").write_text(ROUGH)
        (root / "anchor.yaml").write_text("segment:   &x a\n")
        result = fmt(root)
        assert result.returncode == 1, result
        assert f"{root}/broken.yaml:" in result.stderr and "error[J005]" in result.stderr
        assert f"{root}/anchor.yaml: left as it is: anchors" in result.stderr, result.stderr
        assert (root / "broken.yaml").read_text() == "segment:   [a\n"
        assert (root / "anchor.yaml").read_text() == "segment:   &x a\n"
        assert (root / "rough.yaml").read_text() == SMOOTH


def test_arguments():
    with tempfile.TemporaryDirectory() as temporary:
        result = fmt(cwd=temporary)
        assert result.returncode == 2 and "rules: no such file" in result.stderr, result.stderr
        text = Path(temporary) / "a.txt"
        text.write_text("x")
        result = fmt(text)
        assert result.returncode == 2 and ".yaml or .liquid" in result.stderr, result.stderr


def test_a_link_leads_to_the_file_that_is_written():
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        (root / "real.yaml").write_text(ROUGH)
        os.symlink("real.yaml", root / "link.yaml")
        assert fmt(root / "link.yaml").returncode == 0
        assert (root / "link.yaml").is_symlink() and (root / "real.yaml").read_text() == SMOOTH


def test_rules_mean_the_same_afterwards():
    with tempfile.TemporaryDirectory() as temporary:
        rules = Path(temporary) / "rules"
        shutil.copytree(PROJECT_ROOT / "rules", rules)
        for file in rules.rglob("*.yaml"):  # rough, and the same to every reader
            file.write_text("".join(line[:-1] + "   \n\n\n" if line.endswith("}\n") and
                                    not line.startswith(" ") else line
                                    for line in file.read_text().splitlines(keepends=True)))
        assert fmt(rules).stdout, "nothing was rough"
        for file in rules.rglob("*.yaml"):
            assert "\n\n\n" not in file.read_text(), file
        result = subprocess.run([binary(), "test", rules], capture_output=True, text=True,
                                timeout=120, check=False)
        assert result.returncode == 0, result.stdout


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
