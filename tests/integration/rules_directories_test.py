#!/usr/bin/env python3
"""Every rules directory of the tree passes its own tests: the demo's, and the scenarios."""

import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, Skipped, binary, run_cases  # noqa: E402

TIMEOUT_SECONDS = 120
SHARED_SCENARIOS = PROJECT_ROOT.parent / "shared/scenarios"


def sojourn(*arguments):
    result = subprocess.run([binary(), *arguments], capture_output=True, text=True, check=False,
                            timeout=TIMEOUT_SECONDS)
    assert result.returncode == 0, f"exit code {result.returncode}:\n{result.stdout}{result.stderr}"
    return result.stdout


def passes(directory):
    """All tests of a directory pass, and there are some."""
    passed, failed = sojourn("test", str(directory)).splitlines()[-1].split(", ")
    assert failed == "0 failed" and int(passed.removesuffix(" passed")) > 0, (passed, failed)


def test_the_demo_rules_check():
    last_line = sojourn("check", str(PROJECT_ROOT / "rules")).splitlines()[-1]
    assert "0 errors" in last_line or "no errors" in last_line, last_line


def test_the_demo_rules_pass_and_every_step_is_reached():
    report = sojourn("test", str(PROJECT_ROOT / "rules"), "--coverage")
    assert "no test reaches" not in report, report
    assert ", 0 failed" in report, report


def test_watch_runs_them_again_when_a_file_changes():
    with tempfile.TemporaryDirectory() as name:
        rules = Path(name) / "rules"
        shutil.copytree(PROJECT_ROOT / "rules", rules)
        process = subprocess.Popen([binary(), "test", str(rules), "--watch"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        guard = threading.Timer(TIMEOUT_SECONDS, process.kill)
        guard.start()
        try:
            def read_until_it_waits():
                lines = []
                for line in process.stdout:
                    if line.startswith("Waiting for changes"):
                        return "".join(lines)
                    lines.append(line)
                raise AssertionError("".join(lines))

            assert ", 0 failed" in read_until_it_waits()
            welcome = rules / "journeys/welcome.yaml"
            text = welcome.read_text()
            welcome.write_text("jurney: welcome\n")
            assert "welcome.yaml:1:1: error" in read_until_it_waits()
            welcome.write_text(text)
            assert ", 0 failed" in read_until_it_waits()
        finally:
            guard.cancel()
            process.kill()
            process.wait()
            process.stdout.close()


def add_scenarios(prefix, base):
    """One case for each rules directory in `base`."""
    for directory in sorted(path.parent for path in base.glob("*/company.yaml")):
        name = f"test_{prefix}_{directory.name.replace('-', '_')}"
        globals()[name] = lambda directory=directory: passes(directory)


def test_there_are_shared_scenarios():
    if not SHARED_SCENARIOS.exists():
        raise Skipped(f"no {SHARED_SCENARIOS}")
    assert any(SHARED_SCENARIOS.glob("*/company.yaml")), f"no scenario in {SHARED_SCENARIOS}"


add_scenarios("scenario", PROJECT_ROOT / "tests/scenarios")
add_scenarios("shared", SHARED_SCENARIOS)

if __name__ == "__main__":
    sys.exit(run_cases(globals()))
