"""A short run of chaos on the embedded log: kill -9 behind acknowledged events, and while a great
many timers fire. Every acknowledged event leads to its actions once, and so does every timer.

Standard library only.
"""

import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from judge import Verdict  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

RULES = Path(__file__).resolve().parent / "rules"
PERSONS, BATCH, PARTITIONS = 3_000, 500, 4
# A nudge is due so long after a view; all views were written within a moment.
NUDGE_SECONDS = 4
KILLS_AT_TIMERS = 12
# What becomes of a person who begins and views something.
JOURNEYS = ("told", "seen", "browse")


def run(seed):
    """The verdict, and the directory where the log and the data lie if it is not ok."""
    directory = Path(tempfile.mkdtemp(prefix=f"sojourn-kills-{seed}-"))
    verdict = Verdict()
    with Sojourn(directory, rules=RULES, threads=2) as sojourn:
        views = _write_and_kill(sojourn, verdict)
        _kill_at_timers(sojourn, verdict, random.Random(seed), views + NUDGE_SECONDS)
        sojourn.start()
        sojourn.wait_settled(PARTITIONS)
        _compare(sojourn.actions(), verdict)
    if verdict.result != "ok":
        return verdict, directory
    shutil.rmtree(directory)
    return verdict, None


def _write_and_kill(sojourn, verdict):
    """Everybody's two events; gives when the last was acknowledged."""
    calls = []
    for number in range(PERSONS):
        person = f"person-{number}"
        calls += [{"type": "identify", "userId": person, "messageId": f"i-{number}",
                   "traits": {"email": f"{person}@shop.example", "first_name": "Ana"}},
                  {"type": "track", "userId": person, "messageId": f"v-{number}",
                   "event": "Product Viewed", "properties": {"view_id": f"v-{number}"}}]
    for begin in range(0, len(calls), BATCH):
        code, answer = sojourn.post("/v1/batch", {"batch": calls[begin:begin + BATCH]})
        assert code == 200, answer
    acknowledged = time.monotonic()
    _kill(sojourn, verdict)
    return acknowledged


def _kill_at_timers(sojourn, verdict, draw, due):
    """Between the work on timers and their commit, as often as it is hit."""
    for _ in range(KILLS_AT_TIMERS):
        sojourn.spawn()
        time.sleep(max(0.0, due - time.monotonic()) + draw.uniform(0.05, 0.4))
        _kill(sojourn, verdict)


def _kill(sojourn, verdict):
    code = sojourn.process.poll()
    if code is not None:
        verdict.find("ended", f"ended with {code}: {sojourn.log_tail(1)}")
    else:
        sojourn.kill()
    verdict.counts["kills"] += 1


def _compare(actions, verdict):
    found = Counter((action["person"], action["journey"]) for action in actions)
    wanted = {(f"person-{number}", journey) for number in range(PERSONS) for journey in JOURNEYS}
    verdict.counts["expected actions"] = len(wanted)
    for person, journey in sorted(wanted | found.keys()):
        count = found[person, journey]
        if (person, journey) not in wanted:
            verdict.find("unexpected", f"{person} {journey}")
        elif count != 1:
            verdict.find("lost" if count == 0 else "duplicate", f"{person} {journey}")
