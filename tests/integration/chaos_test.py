#!/usr/bin/python3
"""Exactly once over a real broker, under faults: tests/chaos in a short form, and with
`tests/run.sh --long` in the form of twenty minutes.

SOJOURN_CHAOS_SEED=N plays other faults than the short form always does; the long form has a new seed
each time, and prints it.
Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import functools
import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))
from cases import Skipped, long_run, run_cases  # noqa: E402
from chaos import FULL_RECORDS_PER_SECOND, Chaos, run  # noqa: E402
from focused import ClockJumps  # noqa: E402

SHORT_MINUTES, LONG_MINUTES = 3, 20


def chaos(minutes, seed, **options):
    seed = int(os.environ.get("SOJOURN_CHAOS_SEED") or seed)
    print(f"  seed {seed}, {minutes} minutes", flush=True)
    verdict, kept = run(minutes, seed, **options)
    print(verdict.text(), flush=True)
    assert verdict.result == "ok", f"{verdict.result}; the evidence of seed {seed} is in {kept}"


def test_short():
    if long_run():
        raise Skipped("the long form is the same for longer")
    chaos(SHORT_MINUTES, seed=11)


def test_long():
    if not long_run():
        raise Skipped("takes half an hour: tests/run.sh --long")
    chaos(LONG_MINUTES, seed=random.randrange(1_000_000),
          make=functools.partial(Chaos, rate=FULL_RECORDS_PER_SECOND))


def test_clocks_that_jump():
    if not long_run():
        raise Skipped("takes a minute: tests/run.sh --long")
    verdict, kept = run(0, seed=5, instance_count=2, make=ClockJumps)
    print(verdict.text(), flush=True)
    assert verdict.result == "ok", f"{verdict.result}; the evidence is in {kept}"


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
