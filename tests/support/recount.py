#!/usr/bin/env python3
"""A plain recount of what the demo rules must do with the CDNOW history, straight from the orders.

An oracle for whole runs: it shares no code and no method with the engine (no steps, timers or
segments, only each customer's list of orders and arithmetic), and knows the rules of rules/ by heart:
a change there that changes what is sent must be repeated here. It covers the customers of the
history (not the made-up sample) in the journeys post-purchase-thanks, win-back and vip-thanks; the
other three never start without web events.

    expected_actions(FILE) -> set of Expected
    recount.py FILE           prints how many of each

It leans on three facts of the demo's data and checks the third: everybody has an address and
consents, all moments lie outside the quiet hours, no frequency cap is ever reached.
Standard library only.
"""

import hashlib
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy/demo"))
import cdnow  # noqa: E402
from make_events import moment_of  # noqa: E402

DAY_MS = 24 * 60 * 60 * 1000


class Expected(NamedTuple):
    """One action; `name` is the template, or the pool of a coupon."""
    person: str
    journey: str
    step: str
    kind: str
    name: str
    time_ms: int


def orders_by_customer(path):
    """customer -> [(moment in ms, total)], in order of time."""
    orders, of_day = defaultdict(list), Counter()
    for customer, date, _, total in cdnow.read(path):
        moment = moment_of(customer, date, of_day[customer, date])
        of_day[customer, date] += 1
        orders[customer].append((round(moment.timestamp() * 1000), total))
    return orders


def bucket(journey, test, person):
    digest = hashlib.sha256(b"\0".join([b"ab", journey.encode(), test.encode(), person.encode()]))
    return int.from_bytes(digest.digest()[:8], "big") % 10_000


def thanks(person, orders):
    journey = "post-purchase-thanks"
    first = orders[0][0]
    yield Expected(person, journey, "1.then.1", "send_email", "thanks-first-order", first)
    yield Expected(person, journey, "1.then.3", "send_email", "first-order-followup",
                   first + 14 * DAY_MS)
    for moment, _ in orders[1:]:
        yield Expected(person, journey, "1.else.1", "send_email", "thanks-again", moment)


def win_back(person, orders):
    moments = [moment for moment, _ in orders]
    last_entry = None
    for moment, following in zip(moments, moments[1:] + [None]):
        entry = moment + 90 * DAY_MS + 1
        if following is not None and following < entry:
            continue  # bought in time
        if last_entry is not None and entry - last_entry < 180 * DAY_MS:
            continue
        last_entry = entry
        second = entry + 7 * DAY_MS
        back_before_second = following is not None and following <= second
        yield from win_back_path(person, entry, None if back_before_second else second)


def win_back_path(person, entry, second):
    journey, drawn = "win-back", bucket("win-back", "offer", person)
    if drawn < 1_000:
        return
    if drawn < 5_500:
        yield Expected(person, journey, "1.reminder.1", "send_email", "winback-reminder", entry)
        if second:
            yield Expected(person, journey, "1.reminder.2.else.1", "send_email",
                           "winback-last-call", second)
        return
    yield Expected(person, journey, "1.coupon.1", "coupon", "winback-15", entry)
    yield Expected(person, journey, "1.coupon.2", "send_email", "winback-coupon", entry)
    if second:
        yield Expected(person, journey, "1.coupon.3.else.1", "send_email",
                       "winback-coupon-reminder", second)


def vip_thanks(person, orders):
    journey, last_entry = "vip-thanks", None
    for number, (moment, total) in enumerate(orders):
        before = sum(value for earlier, value in orders[:number]
                     if moment - earlier < 365 * DAY_MS)
        if before >= 500.0 or before + total < 500.0:
            continue
        if last_entry is not None and moment - last_entry < 365 * DAY_MS:
            continue
        last_entry = moment
        gift = moment + DAY_MS
        yield Expected(person, journey, "2", "coupon", "vip-gift", gift)
        yield Expected(person, journey, "3", "send_email", "vip-thanks", gift)


def check_caps(actions):
    """No more than three marketing mails to anybody within seven days."""
    sends = defaultdict(list)
    for action in actions:
        if action.kind == "send_email" and not action.name.startswith("thanks-"):
            sends[action.person].append(action.time_ms)
    for person, moments in sends.items():
        moments.sort()
        for first, fourth in zip(moments, moments[3:]):
            assert fourth - first >= 7 * DAY_MS, f"{person} reaches the frequency cap"


def expected_actions(path):
    actions = []
    for person, orders in orders_by_customer(path).items():
        for journey in (thanks, win_back, vip_thanks):
            actions += journey(person, orders)
    check_caps(actions)
    assert len(set(actions)) == len(actions)
    return set(actions)


def main():
    counts = Counter((action.journey, action.step, action.kind, action.name)
                     for action in expected_actions(Path(sys.argv[1])))
    for row, count in sorted(counts.items()):
        print(f"{count:7}  {'  '.join(row)}")


if __name__ == "__main__":
    main()
