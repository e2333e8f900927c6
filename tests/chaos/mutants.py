#!/usr/bin/python3
"""Shows that the runs of chaos find mistakes: each of the engine's mutants by a run of its own.

    mutants.py [NAME...]      of a mutant or of a run; without any, all

A run must be `ok` where the engine makes no mistake, and `failed` with each of its mutants
(engine/base/mutant.h), by a finding of the kind that is expected. A run whose fault met nothing, on
a machine that is busy with other things, is made again. Prints a table at the end; the exit code is
0 only where every mutant was caught.

Needs build/mutants/sojourn (cmake --preset mutants && cmake --build --preset mutants), or
$SOJOURN_BINARY. Debian's own Python runs this: it has python3-confluent-kafka.
"""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("SOJOURN_BINARY", str(ROOT / "build/mutants/sojourn"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import chaos  # noqa: E402
import embedded_kills  # noqa: E402
import focused  # noqa: E402

SEED, TRIES = 7, 3


class Mutant(NamedTuple):
    name: str
    kinds: tuple  # of findings, one of which must be there


def over_kafka(make, brokers=1):
    return lambda seed: chaos.run(0, seed, instance_count=2, broker_count=brokers, make=make)


RUNS = {
    "kill_in_transaction": (over_kafka(focused.KillInTransaction), (
        Mutant("no-transaction", ("outside",)),
        Mutant("offsets-outside", ("lost",)),
        Mutant("random-transactional-id", ("left open",)),
        Mutant("ids-from-a-clock", ("renamed",)))),
    "late_zombie": (over_kafka(focused.LateZombie), (
        Mutant("timers-without-offsets", ("duplicate",)),
        Mutant("no-group-metadata", ("duplicate",)))),
    "slow_commit": (over_kafka(focused.SlowCommit), (
        Mutant("kept-producer", ("duplicate",)),
        Mutant("no-restore", ("duplicate",)))),
    "actions_refused": (over_kafka(focused.ActionsRefused), (
        Mutant("store-before-commit", ("lost",)),
        Mutant("timers-not-rebuilt", ("late", "lost")),
        Mutant("emit-on-replay", ("duplicate",)))),
    "full_queue": (over_kafka(focused.FullQueue), (
        Mutant("unchecked-produce", ("lost", "torn")),)),
    "markers_held": (over_kafka(focused.MarkersHeld, brokers=2), (
        Mutant("restore-to-committed-end", ("ended",)),)),
    "outdated_rules": (over_kafka(focused.OutdatedRules), (
        Mutant("unpinned-rules", ("changed",)),)),
    "embedded_kills": (embedded_kills.run, (
        Mutant("no-write-ahead-log", ("lost",)),
        Mutant("timers-outside-batch", ("lost",)))),
}


class Line(NamedTuple):
    """Of the table."""
    mutant: str
    run: str
    found: str  # kinds and how often; "" where it was not caught
    seconds: float


def play(run, mutant, seed):
    """One run, its verdict and how long it took. `mutant`: "" for none."""
    os.environ["SOJOURN_MUTANT"] = mutant
    began = time.monotonic()
    try:
        verdict, kept = run(seed)
    finally:
        del os.environ["SOJOURN_MUTANT"]
    if kept and mutant:
        shutil.rmtree(kept, ignore_errors=True)
    return verdict, kept, time.monotonic() - began


def is_right(name, run):
    """Whether the run is ok where the engine makes no mistake."""
    for number in range(TRIES):
        print(f"{name}, without a mutant", flush=True)
        verdict, kept, _ = play(run, "", SEED + number)
        print(f"{name}: {verdict.result}", flush=True)
        if verdict.result != "vacuous":
            break
    if verdict.result != "ok":
        print(verdict.text(), f"\nthe evidence is in {kept}", flush=True)
    return verdict.result == "ok"


def catch(name, run, mutant):
    """The line of a mutant."""
    for number in range(TRIES):
        print(f"{name}, with {mutant.name}", flush=True)
        verdict, _, seconds = play(run, mutant.name, SEED + number)
        kinds = verdict.kinds()
        print(f"{name}: {verdict.result} {dict(kinds)}", flush=True)
        if any(kinds[kind] for kind in mutant.kinds):
            found = ", ".join(f"{kind}: {kinds[kind]}" for kind in kinds)
            return Line(mutant.name, name, found, seconds)
    print(verdict.text(), flush=True)
    return Line(mutant.name, name, "", seconds)


def table(lines):
    rows = ["| mutant | caught by run | finding | seconds |", "| --- | --- | --- | --- |"]
    rows += [f"| `{mutant}` | `{run}` | {found or 'NOT CAUGHT'} | {seconds:.0f} |"
             for mutant, run, found, seconds in lines]
    return "\n".join(rows)


def hunt(names):
    """The lines of the mutants that are named, or whose run is; empty: of all."""
    lines = []
    for name, (run, mutants) in RUNS.items():
        chosen = [mutant for mutant in mutants
                  if not names or name in names or mutant.name in names]
        if not chosen:
            continue
        right = is_right(name, run)
        for mutant in chosen:
            # What a run finds that is never ok says nothing.
            lines.append(catch(name, run, mutant) if right else Line(mutant.name, name, "", 0))
    return lines


def main():
    names = sys.argv[1:]
    known = {*RUNS, *(mutant.name for _, mutants in RUNS.values() for mutant in mutants)}
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no such mutant or run: {', '.join(unknown)}; there are {', '.join(sorted(known))}",
              file=sys.stderr)
        return 2
    lines = hunt(names)
    print(table(lines))
    caught = sum(bool(line.found) for line in lines)
    print(f"{caught} of {len(lines)} caught")
    return 0 if caught == len(lines) else 1


if __name__ == "__main__":
    sys.exit(main())
