#!/usr/bin/env python3
"""Several ids of one person on the embedded log: live over HTTP, replayed from a file, explained."""

import json
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

FILES = {
    "company.yaml": "company: Shop\ntimezone: UTC\n",
    "journeys/second.yaml": 'journey: second\ntrigger: {event: Order Completed}\n'
                            'only_if: count("Order Completed") == 2\n'
                            "steps:\n  - send_email: thanks\n",
    "journeys/joined.yaml": "journey: joined\ntrigger: {event: Person Merged}\n"
                            "steps:\n  - webhook: {url: https://shop.example/joined, "
                            "data: {from: trigger.from}}\n",
    "templates/thanks.liquid": "---\ntemplate: thanks\nsubject: Thanks\n---\nThanks\n",
}


@contextmanager
def shop(**settings):
    with tempfile.TemporaryDirectory(prefix="sojourn-merges-") as name:
        root = Path(name)
        for file, text in FILES.items():
            path = root / "rules" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        sojourn = Sojourn(root / "process", rules=root / "rules", partitions=4, **settings)
        try:
            yield root, sojourn
        finally:
            if sojourn.process and sojourn.process.poll() is None:
                sojourn.kill()


def order(number, **who):
    return {"type": "track", "event": "Order Completed", "messageId": f"order-{number}", **who}


LOGIN = {"type": "identify", "userId": "ana", "anonymousId": "visitor", "messageId": "login",
         "traits": {"email": "ana@shop.example"}}


def post(sojourn, *calls):
    for call in calls:
        status, body = sojourn.post("/v1/" + call["type"], call)[:2]
        assert status == 200, (status, body)


def told(actions):
    return sorted((action["person"], action["kind"]) for action in actions)


def actions_of(sojourn, count):
    sojourn.wait_for(lambda: len(sojourn.actions()) >= count)
    sojourn.wait_settled(4)
    return sojourn.actions()


JOINED = [("ana", "send_email"), ("ana", "webhook")]


def test_live():
    with shop() as (root, sojourn):
        sojourn.spawn()
        sojourn.wait_ready()
        post(sojourn, order(1, anonymousId="visitor"), LOGIN)
        actions_of(sojourn, 1)  # joined
        post(sojourn, order(2, userId="ana"))
        assert told(actions_of(sojourn, 2)) == JOINED
        post(sojourn, order(3, anonymousId="visitor"))  # late
        sojourn.wait_for(lambda: sojourn.metric("sojourn_events_sent_on_total") == 1)
        assert sojourn.metric("sojourn_ids_merged_total") == 1
        sojourn.wait_settled(4)
        sojourn.kill()
        sojourn.spawn()
        sojourn.wait_ready()
        # The first once more; over HTTP it would not come as far as the log.
        again = root / "again.ndjson"
        again.write_text(json.dumps({**order(1, anonymousId="visitor"),
                                     "timestamp": "2026-03-02T09:00:00Z"}) + "\n")
        sojourn.command("import", str(again), "--as", "events", "--yes")
        sojourn.wait_for(lambda: sojourn.metric("sojourn_events_sent_on_total") == 1)
        sojourn.wait_settled(4)
        assert told(sojourn.actions()) == JOINED
        sojourn.stop()
        text = sojourn.command("explain", "ana").stdout
        assert "another id becomes part of this person" in text, text
        assert "dropped: duplicate" in text, text
        assert "does not end in just the state" not in text, text
        text = sojourn.command("explain", "a:visitor").stdout
        assert "has become part of ana" in text, text
        assert json.loads(sojourn.command("explain", "a:visitor", "--format", "json").stdout)[
            "merged_into"] == "ana"


def test_replayed():
    with shop() as (root, sojourn):
        events = root / "events.ndjson"
        moments = (f"2026-03-02T0{hour}:00:00Z" for hour in range(9))
        calls = [order(1, anonymousId="visitor"), LOGIN, order(2, anonymousId="somebody"),
                 {"type": "identify", "userId": "bob", "traits": {"email": "bob@shop.example"}},
                 order(3, userId="bob"), order(4, userId="bob")]
        events.write_text("".join(json.dumps({**call, "timestamp": next(moments)}) + "\n"
                                  for call in calls))
        sojourn.command("import", str(events))
        sojourn.spawn()
        sojourn.wait_ready()
        assert told(actions_of(sojourn, 2)) == [("ana", "webhook"), ("bob", "send_email")]
        post(sojourn, order(5, anonymousId="visitor"))
        assert told(actions_of(sojourn, 3)) == [*JOINED, ("bob", "send_email")]
        sojourn.stop()
        text = sojourn.command("simulate").stdout
        assert "joined" in text, text


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
