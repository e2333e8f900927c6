"""The shop's events over HTTP, and a judge for logs that cannot be read record by record.

Where events do not lie in Kafka's input topics, what stands in the log is known from two sides: what
was posted, and the actions, each of which names the record that caused it. Every record that is no
repetition leads to at least one action of its own moment; so its place and log time are those of
this action. One that has no action is taken to have been logged when it was posted, and is missed
by the judge. Nobody is erased here: that would leave no action. Standard library only.
"""

import random
import time
from collections import Counter, defaultdict
from datetime import datetime, timezone

import judge
import order
from evidence import Emitted
from judge import Action, Verdict
from model import Record

NAMES = ("Ana", "Bo", "Cleo", "Dan")


class ShopEvents:
    """Draws events by a seed, and remembers what was acknowledged: [(event, when, in ms)]."""

    def __init__(self, seed, person_count, prefix=""):
        self._draw = random.Random(seed)
        self._persons = [f"person-{number}" for number in range(person_count)]
        self._prefix, self._count = prefix, 0
        self._orders = []
        self.sent = []

    def introduce(self):
        return [self._event(person, type="identify", traits={
            "email": f"{person}@shop.example", "first_name": self._draw.choice(NAMES)})
                for person in self._persons]

    def some(self, count):
        return [self._one() for _ in range(count)]

    def audit(self):
        return [self._track(person, "Audited", audit_id=f"a-{person}") for person in self._persons]

    def repeated(self, count):
        """Events that were sent before, once more."""
        return [event for event, _ in self._draw.sample(self.sent, min(count, len(self.sent)))]

    def post(self, sojourn, events):
        """Posts them together; remembers them when they are acknowledged."""
        events = self.stamp(events)
        status, text = sojourn.post("/v1/batch", {"batch": events})
        assert status == 200, text
        self.remember(events)

    @staticmethod
    def stamp(events):
        """With the moment at which they happened: else that is when the process received them,
        which is not quite their log time. What is stamped stays as it is."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return [{"timestamp": now, **event} for event in events]

    def remember(self, events):
        known = {event["messageId"] for event, _ in self.sent}
        now_ms = round(time.time() * 1000)
        self.sent += [(event, now_ms) for event in events if event["messageId"] not in known]

    def _one(self):
        person = self._draw.choice(self._persons)
        lot = self._draw.randrange(100)
        if lot < 30:
            return self._track(person, "Product Viewed", view_id=f"v-{self._count}")
        if lot < 50 and self._orders:
            person, order = self._draw.choice(self._orders[-40:])
            name = "Order Paid" if lot < 42 else "Order Cancelled"
            return self._track(person, name, order_id=order)
        self._orders.append((person, f"o-{self._prefix}{self._count}"))
        return self._track(person, "Order Completed", order_id=self._orders[-1][1],
                           total=float(self._draw.randrange(1, 80)))

    def _track(self, person, name, **properties):
        return self._event(person, type="track", event=name, properties=properties)

    def _event(self, person, **event):
        self._count += 1
        return {**event, "userId": person, "messageId": f"m-{self._prefix}{self._count}"}


def judge_log(sent, documents, topics):
    """The verdict on actions, as JSON documents in the order of each person, for what was sent.
    `topics`: where records may have stood, earlier ones first."""
    verdict = Verdict()
    actions, ids = defaultdict(list), Counter()
    first_of = {}
    for number, document in enumerate(documents):
        action = Action(Emitted(0, number, "", document))
        ids[action.id] += 1
        if ids[action.id] > 1:
            verdict.find("duplicate", str(action))
            continue
        actions[action.person].append(action)
        if action.cause:
            first_of.setdefault(action.cause[3], action)
    records = defaultdict(list)
    for number, (event, posted_ms) in enumerate(sent):
        action = first_of.get(event["messageId"])
        place = action.cause[:3] if action else (topics[-1], -1, number)
        records[event["userId"]].append(Record(
            *place, action.time_ms if action else posted_ms, event["userId"],
            {**event, "time_ms": judge.milliseconds(event["timestamp"])}))
    for person in sorted(records.keys() | actions.keys()):
        _judge_person(records[person], actions[person], topics, verdict)
    return verdict


def _judge_person(records, found, topics, verdict):
    result = order.search(records, topics, lambda n, output: found[n].same(output), len(found))
    verdict.counts["expected actions"] += sum(map(len, result.moves))
    verdict.counts["late records"] += result.late if result.met else 0
    if result.met:
        return
    by_rule = order.by_rule(records, topics)
    differences = min(judge._differences(result.moves, found), judge._differences(by_rule, found),
                      key=len)
    for kind, text in differences or [("reordered", judge._first_difference(result.moves, found))]:
        verdict.find(kind, text)
