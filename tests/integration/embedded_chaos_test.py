#!/usr/bin/python3
"""Exactly once over the embedded log of a process that is killed and loses power, again and again:
tests/chaos/embedded.py in a short form, and with `tests/run.sh --long` in the form of fifteen minutes.

SOJOURN_CHAOS_SEED=N plays other deaths than the short form always does; the long form has a new seed
each time, and prints it.
Debian's own Python runs this: it has python3-aiosmtpd and python3-confluent-kafka.
"""

import os
import random
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))
from cases import Skipped, long_run, run_cases  # noqa: E402
from chaos import run_embedded  # noqa: E402
from power import PowerLossDisk  # noqa: E402
from small_rules import write_small_rules  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

SHORT_MINUTES, LONG_MINUTES = 0.25, 15


def chaos(minutes, seed, may_try_again=True):
    seed = int(os.environ.get("SOJOURN_CHAOS_SEED") or seed)
    print(f"  seed {seed}, {minutes} minutes", flush=True)
    verdict, kept = run_embedded(minutes, seed)
    print(verdict.text(), flush=True)
    if verdict.result == "vacuous" and may_try_again:
        return chaos(2 * minutes, seed + 1, may_try_again=False)  # It says nothing either way.
    reasons = "; ".join([verdict.result, *verdict.kinds(), *verdict.missing])
    assert verdict.result == "ok", f"{reasons}; the evidence of seed {seed} is in {kept}"


def test_short():
    if long_run():
        raise Skipped("the long form is the same for longer")
    chaos(SHORT_MINUTES, seed=11)


def test_long():
    if not long_run():
        raise Skipped("takes a quarter of an hour: tests/run.sh --long")
    chaos(LONG_MINUTES, seed=random.randrange(1_000_000))


def test_power_is_lost_while_the_directory_is_made():
    """At each sync of the first start; the next start makes a whole directory of what is left."""
    step = 1 if long_run() else 12
    at_sync = 1
    while first_start_dies(at_sync):
        at_sync += step
    print(f"  {at_sync - 1} syncs", flush=True)
    assert at_sync > 25, at_sync


def first_start_dies(at_sync):
    """Whether there is such a sync; the process takes events in the end, either way."""
    with tempfile.TemporaryDirectory(prefix="sojourn-first-start-") as name:
        directory = Path(name)
        sojourn = Sojourn(directory, rules=write_small_rules(directory / "rules"))
        del sojourn.settings["secrets"]
        sojourn.write_config()
        disk = PowerLossDisk(sojourn.data)
        sojourn.environment = disk.environment(die_at=at_sync)
        try:
            is_dead = died(sojourn.spawn())
            if not is_dead:
                sojourn.kill()
            disk.lose_power(random.Random(at_sync))
            sojourn.environment = {}
            sojourn.start()
            status, text = sojourn.post("/v1/track", {"userId": "ada", "event": "Ping",
                                                      "properties": {"number": 1}})
            assert status == 200, text
            sojourn.wait_for(sojourn.actions, what="the action")
            return is_dead
        finally:
            sojourn.__exit__()


def died(sojourn):
    """Whether it died at its sync, and did not come to serve."""
    try:
        sojourn.wait_ready()
        return False
    except AssertionError:
        assert sojourn.process.poll() == -signal.SIGKILL, sojourn.log_tail()
        return True


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
