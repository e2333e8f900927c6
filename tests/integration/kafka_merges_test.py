#!/usr/bin/python3
"""Ids that become one person over a real broker, in partitions of several instances: tests/chaos/merges.py
with one kill, and with `tests/run.sh --long` 10,000 of them under all its faults.

Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))
from cases import Skipped, long_run, run_cases  # noqa: E402
from merges import run  # noqa: E402


def merge(count, seed, **how):
    print(f"  seed {seed}, {count} merges", flush=True)
    result, text, directory = run(count, seed, **how)
    print(text, flush=True)
    assert result == "ok", f"{result}; the logs of seed {seed} are in {directory}"


def test_one_kill():
    merge(240, seed=5, instance_count=2, calm=True)


def test_all_faults():
    if not long_run():
        raise Skipped("takes ten minutes: tests/run.sh --long")
    merge(10_000, seed=random.randrange(1_000_000))


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
