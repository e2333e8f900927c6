"""What people of a shop do: visits and orders, at a steady rate, by a seed.

Some records come twice, with the same id; some tell of what happened a while ago; some people are
erased. Everybody begins with an Identify, after an erasure again. What counts for the judge is not
what was written but what stands in the log. Standard library only.
"""

import random
import threading
import time
from collections import deque
from datetime import datetime, timedelta, timezone

# Of each hundred records; the rest are orders.
VIEWS, PAID, CANCELLED, IDENTIFIES, ERASURES = 30, 12, 8, 3, 1
# Who is erased has been known for longer than any broker is away. What waited for it is logged in one
# millisecond, and who comes twice to their first entry in that has two actions of one id.
KNOWN_SECONDS = 60
REPEATED, LATE = 0.06, 0.05
RECENT_ORDERS = 120
NAMES = ("Ana", "Bo", "Cleo", "Dan")


class People:
    """Act in a thread of their own until the block is left; audit() comes afterwards.

    Where their records go is a subclass's: _send(topic, person, event) once for each, _flush() at
    the end.
    """

    def __init__(self, seed, person_count, records_per_second):
        self._draw = random.Random(seed)
        self._persons = [f"person-{number}" for number in range(person_count)]
        self._pause_seconds = 1 / records_per_second
        self._known, self._recent = {}, deque(maxlen=RECENT_ORDERS)
        self.written = self.repeated = self.late = 0
        self.resting = False  # for a while nobody does anything; from any thread
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """What was written so far is where it is read."""
        self._stopping.set()
        self._thread.join()
        self._flush()

    def audit(self):
        """One last record of everybody, whose action shows all that is known."""
        for person in self._persons:
            self._write("orders", person, self._track("Audited", {"audit_id": f"a-{person}"}))
        self._flush()

    def _run(self):
        due = time.monotonic()
        while not self._stopping.is_set():
            if not self.resting:
                self._one()
            due += self._pause_seconds
            self._stopping.wait(max(0.0, due - time.monotonic()))

    def _one(self):
        person = self._draw.choice(self._persons)
        if person not in self._known:
            self._known[person] = time.monotonic()
            return self._identify(person)
        lot = self._draw.randrange(100)
        if lot < VIEWS:
            return self._write("visits", person, self._track(
                "Product Viewed", {"view_id": f"v-{self.written}"}))
        lot -= VIEWS
        if lot < PAID + CANCELLED and self._recent:
            person, order = self._draw.choice(self._recent)
            name = "Order Paid" if lot < PAID else "Order Cancelled"
            return self._write("orders", person, self._track(name, {"order_id": order}))
        lot -= PAID + CANCELLED
        if lot < IDENTIFIES:
            return self._identify(person)
        lot -= IDENTIFIES
        if lot < ERASURES and time.monotonic() - self._known[person] > KNOWN_SECONDS:
            del self._known[person]
            return self._write("orders", person, self._track("Person Erased", {}))
        order = f"o-{self.written}"
        self._recent.append((person, order))
        total = float(self._draw.randrange(1, 80))
        self._write("orders", person, self._track(
            "Order Completed", {"order_id": order, "total": total}))

    def _identify(self, person):
        self._write("orders", person, {
            "type": "identify", "messageId": f"m-{self.written}",
            "traits": {"email": f"{person}@shop.example", "first_name": self._draw.choice(NAMES)}})

    def _track(self, name, properties):
        event = {"type": "track", "event": name, "messageId": f"m-{self.written}",
                 "properties": properties}
        if self._draw.random() < LATE:
            self.late += 1
            ago = timedelta(milliseconds=self._draw.randrange(500, 40_000))
            moment = datetime.now(timezone.utc) - ago
            event["timestamp"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return event

    def _write(self, topic, person, event):
        times = 1
        if self._draw.random() < REPEATED:
            times = 2
            self.repeated += 1
        for _ in range(times):
            self._send(topic, person, {**event, "userId": person})
        self.written += 1
