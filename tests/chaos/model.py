"""What the journeys of tests/chaos/rules must do with one person, written from the language's text.

An oracle: it shares no code with the engine and knows the rules by heart, so a change of a file
below rules/ must be repeated here. A Person takes records and fires timers, one at a time; which
comes next is the business of order.py. Standard library only.
"""

from typing import NamedTuple

SHOP = "https://shop.example/"
BUSY_WINDOW_MS, BUSY_ORDERS = 15_000, 3
RECENT_WINDOW_MS = 20_000
CAP_WINDOW_MS, CAP_SENDS = 12_000, 3
BROWSE_REENTRY_MS, BROWSE_PATIENCE_MS = 5_000, 4_000
LOYAL_TOTAL, LOYAL_PASSES, LOYAL_WAIT_MS = 50.0, 3, 2_000
LOYAL_VIEWS_WINDOW_MS, LOYAL_MAX_VIEWS = 10_000, 4
PACKED_MS, SHIPPED_MS, GOAL_MS = 3_000, 4_000, 6_000
POINTS, LEVEL_POINTS = 10, 50
REMEMBERED_IDS = 64
NEVER = 1 << 62


class Record(NamedTuple):
    """A committed record of an input topic; `event` is its decoded JSON."""
    topic: str
    partition: int
    offset: int
    log_ms: int
    person: str
    event: dict


class Output(NamedTuple):
    """One action, as far as it is a function of the input."""
    journey: str
    run_key: str
    entry: int
    step: str
    what: str  # URL of a webhook, "TEMPLATE to ADDRESS" of a mail
    data: dict
    time_ms: int
    cause: tuple  # topic, partition, offset and id of the record; () for timers

    @property
    def name(self):
        """What it is called whatever is in it; the passes of a repeat have the same one."""
        return self.journey, self.run_key, self.entry, self.step


class Run:
    """A run that waits; `place` says where."""

    def __init__(self, journey, key, entry, entered_ms, trigger):
        self.journey, self.key, self.entry = journey, key, entry
        self.entered_ms, self.trigger = entered_ms, trigger
        self.place, self.due_ms, self.passes = "", NEVER, 0

    def copy(self):
        twin = Run(self.journey, self.key, self.entry, self.entered_ms, self.trigger)
        twin.place, twin.due_ms, twin.passes = self.place, self.due_ms, self.passes
        return twin

    @property
    def age(self):
        return self.entered_ms, self.journey, self.key


class Person:
    """The state of one person; take() and fire() give the actions of one step, in order."""

    def __init__(self):
        self.clock_ms = 0
        self.traits, self.entries = {}, {}
        self.ids, self.orders, self.views, self.sends = [], [], [], []
        self.paid = 0
        self.busy, self._judged_ms = False, 0
        self.browsed_ms = None
        self.runs = []
        self._outputs, self._queue, self._cause = [], [], ()

    def copy(self):
        twin = Person()
        twin.clock_ms, twin.paid, twin.busy = self.clock_ms, self.paid, self.busy
        twin.browsed_ms, twin._judged_ms = self.browsed_ms, self._judged_ms
        twin.traits, twin.entries = dict(self.traits), dict(self.entries)
        twin.ids, twin.orders = list(self.ids), list(self.orders)
        twin.views, twin.sends = list(self.views), list(self.sends)
        twin.runs = [run.copy() for run in self.runs]
        return twin

    # ---- inputs

    def logical_ms(self, record):
        return max(record.log_ms, self.clock_ms)

    def next_due_ms(self):
        return min([self._recount_ms(), *(run.due_ms for run in self.runs)])

    def take(self, record):
        """A record, whose earlier timers must have fired."""
        assert self.next_due_ms() >= self.logical_ms(record)
        event = record.event
        if event["messageId"] in self.ids:
            return []
        name = "Identify" if event["type"] == "identify" else event["event"]
        if name == "Person Erased":
            self.__init__()  # Everything, the clock and the ids of events too.
            return []
        self.clock_ms = self.logical_ms(record)
        self.ids = (self.ids + [event["messageId"]])[-REMEMBERED_IDS:]
        self._begin((record.topic, record.partition, record.offset, event["messageId"]))
        happened_ms = min(event.get("time_ms", record.log_ms), self.clock_ms)
        properties = event.get("properties", {})
        self.traits.update(event.get("traits", {}))
        if name == "Order Completed":
            self.orders.append((happened_ms, properties["order_id"], properties["total"]))
        elif name == "Product Viewed":
            self.views.append(happened_ms)
        elif name == "Order Paid":
            self.paid += 1
        change = self._judge_busy()
        self._exit_runs(name, properties)
        self._continue_runs(name, properties)
        self._start_runs(name, properties, change)
        return self._end()

    def fire(self):
        """The timer that is due next, at the moment it is due."""
        due_ms = self.next_due_ms()
        assert due_ms < NEVER
        self.clock_ms = max(self.clock_ms, due_ms)
        self._begin(())
        if self._recount_ms() <= due_ms:
            self._start_busy(self._judge_busy())
            return self._end()
        run = min((run for run in self.runs if run.due_ms == due_ms),
                  key=lambda run: (run.journey, run.key))
        run.due_ms = NEVER
        getattr(self, f"_{run.place}")(run)
        return self._end()

    def _begin(self, cause):
        self._outputs, self._queue, self._cause = [], [], cause

    def _end(self):
        for level in self._queue:  # Each handled like an input; nothing else asks for it.
            self._emit(self._enter("level", "", {}), "1", SHOP + "level",
                       {"level": level, "points": self.traits["points"]})
        return self._outputs

    # ---- the segment "busy"

    def _orders_within(self, window_ms):
        return sum(self.clock_ms - order[0] < window_ms for order in self.orders)

    def _recount_ms(self):
        """When the next order leaves the window. The segment is judged then, also where that makes
        no difference: the person's clock has moved, which a late record shows."""
        return min((order[0] + BUSY_WINDOW_MS for order in self.orders
                    if order[0] + BUSY_WINDOW_MS > self._judged_ms), default=NEVER)

    def _judge_busy(self):
        self._judged_ms = self.clock_ms
        before, self.busy = self.busy, self._orders_within(BUSY_WINDOW_MS) >= BUSY_ORDERS
        if self.busy == before:
            return ""
        return "enters_segment" if self.busy else "leaves_segment"

    def _start_busy(self, change):
        if change:
            self._emit(self._enter("busy", "", {}), "1", SHOP + "busy",
                       {"what": change, "orders": len(self.orders)})

    # ---- runs

    def _enter(self, journey, key, trigger):
        self.entries[journey] = self.entries.get(journey, 0) + 1
        return Run(journey, key, self.entries[journey], self.clock_ms, trigger)

    def _emit(self, run, step, what, data):
        self._outputs.append(Output(run.journey, run.key, run.entry, step, what, data,
                                    self.clock_ms, self._cause))

    def _send(self, run, step, template, about):
        address = self.traits.get("email")
        within = sum(self.clock_ms - sent < CAP_WINDOW_MS for sent in self.sends)
        if not address or within >= CAP_SENDS:
            return
        self.sends.append(self.clock_ms)
        self._emit(run, step, f"{template} to {address}", {"about": about})

    def _wait(self, run, place, wait_ms):
        run.place, run.due_ms = place, self.clock_ms + wait_ms
        if run not in self.runs:
            self.runs.append(run)

    def _end_run(self, run):
        if run in self.runs:
            self.runs.remove(run)

    def _exit_runs(self, name, properties):
        for run in sorted(self.runs, key=lambda run: run.age):
            if run.journey == "loyal" and name == "Order Cancelled":
                self._end_run(run)
            if run.journey != "order" or properties.get("order_id") != run.trigger["order_id"]:
                continue
            in_time = self.clock_ms - run.entered_ms < GOAL_MS
            if name == "Order Cancelled" or (name == "Order Paid" and in_time):
                self._end_run(run)

    def _continue_runs(self, name, properties):
        for run in sorted(self.runs, key=lambda run: run.age):
            if run.journey == "browse" and name == "Order Completed":
                self._end_run(run)
                self._emit(run, "1.then.1", SHOP + "bought", {
                    "view": run.trigger["view_id"], "order": properties["order_id"]})

    def _start_runs(self, name, properties, change):
        """The journeys in the order of their names."""
        if name == "Audited":
            self._emit(self._enter("audit", "", {}), "1", SHOP + "audit", self._audit(properties))
        if name == "Product Viewed":
            self._start_browse(properties)
        self._start_busy(change)
        if name == "Order Completed":
            if properties["total"] >= LOYAL_TOTAL:
                self._start_loyal(properties)
            self._start_order(properties)
        if name == "Product Viewed":
            self._emit(self._enter("seen", "", {}), "1", SHOP + "seen",
                       {"view": properties["view_id"], "number": len(self.views)})
        if name in ("Order Paid", "Order Cancelled", "Identify"):
            self._emit(self._enter("told", "", {}), "1", SHOP + "told",
                       {"what": name, "name": self.traits.get("first_name", "")})

    def _audit(self, properties):
        newest = max(enumerate(self.orders), default=None, key=lambda item: (item[1][0], item[0]))
        return {
            "audit": properties["audit_id"], "orders": len(self.orders),
            "spent": sum(order[2] for order in self.orders),
            "largest": max((order[2] for order in self.orders), default=0.0),
            "newest": newest[1][1] if newest else "",
            "recent": self._orders_within(RECENT_WINDOW_MS), "views": len(self.views),
            "paid": self.paid, "busy": self.busy, "points": self.traits.get("points", 0),
            "name": self.traits.get("first_name", "")}

    # ---- browse: waits for an order

    def _start_browse(self, properties):
        if self.browsed_ms is not None and self.clock_ms - self.browsed_ms < BROWSE_REENTRY_MS:
            return
        if any(run.journey == "browse" for run in self.runs):
            return
        self.browsed_ms = self.clock_ms
        self._wait(self._enter("browse", "", properties), "browse_in_vain", BROWSE_PATIENCE_MS)

    def _browse_in_vain(self, run):
        self._end_run(run)
        self._send(run, "1.else.1", "nudge", run.trigger["view_id"])

    # ---- loyal: repeats a mail, restarts

    def _start_loyal(self, properties):
        for run in [run for run in self.runs if run.journey == "loyal"]:
            self._end_run(run)
        self._loyal_pass(self._enter("loyal", "", properties))

    def _loyal_pass(self, run):
        views = sum(self.clock_ms - view < LOYAL_VIEWS_WINDOW_MS for view in self.views)
        if run.passes < LOYAL_PASSES and views < LOYAL_MAX_VIEWS:
            run.passes += 1
            self._send(run, "1.steps.1", "thanks", run.trigger["order_id"])
            return self._wait(run, "loyal_pass", LOYAL_WAIT_MS)
        self._end_run(run)
        if "points" in self.traits:  # A first order counts later: then the step ends in an error.
            self._emit(run, "2", SHOP + "loyal", {"order": run.trigger["order_id"],
                                                  "points": self.traits["points"]})

    # ---- order: one run for each

    def _start_order(self, properties):
        order = properties["order_id"]
        if any(run.journey == "order" and run.key == order for run in self.runs):
            return
        run = self._enter("order", order, properties)
        self._emit(run, "1", SHOP + "confirmed", {
            "order": order, "number": len(self.orders),
            "spent": sum(order[2] for order in self.orders),
            "recent": self._orders_within(RECENT_WINDOW_MS)})
        self.traits["points"] = self.traits.get("points", 0) + POINTS
        if self.traits["points"] % LEVEL_POINTS == 0:
            self._queue.append(self.traits["points"] // LEVEL_POINTS)
        self._wait(run, "order_packed", PACKED_MS)

    def _order_packed(self, run):
        self._emit(run, "5", SHOP + "packed", {"order": run.key, "points": self.traits["points"]})
        self._wait(run, "order_shipped", SHIPPED_MS)

    def _order_shipped(self, run):
        self._end_run(run)
        self._emit(run, "7", SHOP + "shipped", {"order": run.key, "number": len(self.orders)})
