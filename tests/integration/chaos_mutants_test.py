#!/usr/bin/python3
"""The mutants of engine/base/mutant.h: what is shipped has none, and tests/chaos catches each.

Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))
from cases import PROJECT_ROOT, Skipped, binary, long_run, run_cases  # noqa: E402

ENUMERATED = re.compile(r"^  k(\w+),", re.MULTILINE)
NAMED = re.compile(r'\{"([a-z-]+)", Mutant::k(\w+)\}')


def named():
    """Name -> enumerator, as a build with mutants has them."""
    pairs = NAMED.findall((PROJECT_ROOT / "engine/base/mutant.cc").read_text())
    assert pairs, "no names found"
    return dict(pairs)


def test_each_has_a_name_and_a_place():
    header = (PROJECT_ROOT / "engine/base/mutant.h").read_text()
    assert set(named().values()) == set(ENUMERATED.findall(header)) - {"None"}
    sources = "".join(path.read_text() for top in ("engine", "connectors")
                      for path in (PROJECT_ROOT / top).rglob("*.cc"))
    for enumerator in named().values():
        assert f"IsMutant(Mutant::k{enumerator})" in sources, enumerator


def test_what_is_shipped_has_none():
    shipped = binary().read_bytes()
    for word in ("SOJOURN_MUTANT", *named()):
        assert word.encode() not in shipped, word
    for name in ("no-restore", "no such mutant"):
        result = subprocess.run([binary(), "--version"], capture_output=True, text=True,
                                env={**os.environ, "SOJOURN_MUTANT": name})
        assert result.returncode == 0 and not result.stderr, result


def test_each_is_caught():
    if not long_run():
        raise Skipped("takes half an hour and a build of its own: tests/run.sh --long")
    os.environ["SOJOURN_BINARY"] = str(PROJECT_ROOT / "build/mutants/sojourn")
    import mutants
    known = {mutant.name for _, of_run in mutants.RUNS.values() for mutant in of_run}
    assert known == named().keys(), known ^ named().keys()
    unknown = subprocess.run([binary(), "--version"], capture_output=True, text=True,
                             env={**os.environ, "SOJOURN_MUTANT": "no such mutant"})
    assert unknown.returncode == 2 and "there is no mutant" in unknown.stderr, unknown
    lines = mutants.hunt([])
    print(mutants.table(lines), flush=True)
    missed = [line.mutant for line in lines if not line.found]
    assert not missed, f"not caught: {', '.join(missed)}"


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
