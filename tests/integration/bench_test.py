#!/usr/bin/env python3
"""The benchmarks run; their figures are for people to read."""

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, Skipped, long_run, run_cases  # noqa: E402


def test_step_prints_a_figure_for_each_kind_of_event():
    result = subprocess.run([str(PROJECT_ROOT / "tests/bench/bench"), "step", "1000", "20000"],
                            capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stderr
    for name in ("Product Viewed", "Checkout Started", "Order Completed", "Email Link Clicked"):
        assert name in result.stdout, result.stdout


def test_check_prints_seconds_and_memory():
    result = subprocess.run([str(PROJECT_ROOT / "tests/bench/bench"), "check", "20"],
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    for part in ("20 journeys", "seconds", "limit 2", "MiB"):
        assert part in result.stdout, result.stdout


def test_many_timers_of_one_moment():
    """Each fires once; the other figures are for people to read."""
    if not long_run():
        raise Skipped("takes half an hour: tests/run.sh --long")
    result = subprocess.run([str(PROJECT_ROOT / "tests/bench/bench"), "burst", "10000000",
                             "--fill-seconds", "900"], capture_output=True, text=True, timeout=1750)
    print(result.stdout, flush=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_restore_prints_persons_and_seconds():
    if not long_run():
        raise Skipped("a million persons: tests/run.sh --long")
    result = subprocess.run([str(PROJECT_ROOT / "tests/bench/bench"), "restore"],
                            capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stderr
    print(result.stdout, flush=True)
    assert json.loads(result.stdout.splitlines()[0])["persons"] == 1_000_000


def test_an_unknown_benchmark_explains_itself():
    result = subprocess.run([str(PROJECT_ROOT / "tests/bench/bench"), "nothing"],
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 2 and "bench step" in result.stderr


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
