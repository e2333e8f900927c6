#!/usr/bin/env python3
"""Rules about the tree itself that a compiler does not check."""

import json
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, run_cases  # noqa: E402

LONG_FILE_LINES = 800

# A file over the limit, and why it holds only one thing.
LONG_FILES = {}

TOP_LEVEL = {
    ".ci", ".clang-format", ".clang-tidy", ".clangd", ".dockerignore", ".editorconfig",
    ".gitattributes", ".github", ".gitignore", "CHANGELOG.md", "CMakeLists.txt",
    "CMakePresets.json", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "connectors",
    "deploy", "engine", "proto", "rules", "tests",
}

# Absolute paths of somebody's machine.
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|home|root|Users|farm)/\w")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")  # Split: this file is searched too.


def tracked(*patterns):
    output = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=PROJECT_ROOT,
                            capture_output=True, text=True, check=True).stdout
    return [name for name in output.split("\0") if name and (PROJECT_ROOT / name).is_file()]


def lines_matching(pattern, files):
    found = []
    for name in files:
        text = (PROJECT_ROOT / name).read_bytes().decode(errors="replace")
        found += [f"{name}:{number}: {line.strip()}"
                  for number, line in enumerate(text.splitlines(), start=1)
                  if pattern.search(line)]
    return found


def test_long_files_are_explained():
    counts = {name: len((PROJECT_ROOT / name).read_bytes().splitlines())
              for name in tracked("*.cc", "*.h", "*.py", "*.sh")}
    assert counts, "no sources found"
    long_files = {name for name, count in counts.items() if count > LONG_FILE_LINES}
    assert long_files == LONG_FILES.keys(), (long_files, LONG_FILES)


def test_no_machine_paths():
    found = lines_matching(MACHINE_PATH, tracked())
    assert not found, "\n".join(found)


def test_nothing_is_left_for_later():
    found = lines_matching(UNFINISHED, tracked())
    assert not found, "\n".join(found)


def test_top_level_is_fixed():
    entries = {name.split("/")[0] for name in tracked()}
    assert entries <= TOP_LEVEL, f"does not belong on the top level: {entries - TOP_LEVEL}"


def test_scripts_are_executable():
    # Whatever begins with #! is meant to be called by its name.
    for name in tracked("*.py", "*.sh", ".ci/*"):
        path = PROJECT_ROOT / name
        if path.read_bytes().startswith(b"#!"):
            assert path.stat().st_mode & 0o111, f"{name} is not executable"


def test_sources_are_formatted():
    result = subprocess.run(["clang-format", "--dry-run", "-Werror", *tracked("*.cc", "*.h")],
                            cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_presets_build_where_the_documents_say():
    presets = json.loads((PROJECT_ROOT / "CMakePresets.json").read_text())["configurePresets"]
    directories = {preset["binaryDir"] for preset in presets if "binaryDir" in preset}
    assert directories == {"${sourceDir}/build/${presetName}"}, directories


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
