"""A plain recount of two demo journeys, win-back and post-purchase-thanks, from orders alone.

Written from the text of the rules and of the language, person by person, sharing nothing with the
engine: no timers, no state, only the list of a person's orders. What it yields is compared with the
actions that the engine emitted. Times are milliseconds since the epoch. Standard library only.
"""

import hashlib
from datetime import datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

SECOND = 1000
DAY = 24 * 3600 * SECOND
SHOP_ZONE = ZoneInfo("America/New_York")
QUIET_FROM, QUIET_TO = time(21, 0), time(8, 0)
LAPSE = 90 * DAY
REENTRY = 180 * DAY
CLICK_WAIT = 7 * DAY
FOLLOW_UP_WAIT = 14 * DAY


def bucket(kind, journey, name, person):
    """The language's bucket of a person, 0 to 9,999."""
    digest = hashlib.sha256("\0".join([kind, journey, name, person]).encode()).digest()
    return int.from_bytes(digest[:8], "big") % 10_000


def after_quiet_hours(moment):
    """The moment itself, or the end of the quiet night it falls into."""
    seconds = moment // 1000
    local = datetime.fromtimestamp(seconds, timezone.utc).astimezone(SHOP_ZONE)
    if QUIET_TO <= local.time() < QUIET_FROM:
        return moment
    day = local.date() + (timedelta(days=1) if local.time() >= QUIET_FROM else timedelta())
    morning = datetime.combine(day, QUIET_TO, SHOP_ZONE)
    return int(morning.timestamp()) * 1000


def offer_path(person):
    number = bucket("ab", "win-back", "offer", person)
    return "control" if number < 1000 else "reminder" if number < 5500 else "coupon"


def thanks(person, orders):
    """(journey, step, kind, template, time) of post-purchase-thanks; `orders`: rising times."""
    for index, moment in enumerate(orders):
        if index > 0:
            yield ("post-purchase-thanks", "1.else.1", "send_email", "thanks-again", moment)
            continue
        yield ("post-purchase-thanks", "1.then.1", "send_email", "thanks-first-order", moment)
        yield ("post-purchase-thanks", "1.then.3", "send_email", "first-order-followup",
               after_quiet_hours(moment + FOLLOW_UP_WAIT))


def win_back(person, orders):
    """The same of win-back. An order at or before a moment is looked at before that moment."""
    last_entry = None
    for index, moment in enumerate(orders):
        following = orders[index + 1] if index + 1 < len(orders) else None
        entry = moment + LAPSE + 1
        if following is not None and following <= entry:
            continue
        if last_entry is not None and entry - last_entry < REENTRY:
            continue
        last_entry = entry
        yield from win_back_run(offer_path(person), entry, following)


def win_back_run(path, entry, next_order):
    def bought_by(moment):
        return next_order is not None and next_order <= moment

    if path == "control":
        return
    send_step, last_step = "1.reminder.1", "1.reminder.2.else.1"
    first, last = "winback-reminder", "winback-last-call"
    if path == "coupon":
        yield ("win-back", "1.coupon.1", "coupon", "winback-15", entry)
        send_step, last_step = "1.coupon.2", "1.coupon.3.else.1"
        first, last = "winback-coupon", "winback-coupon-reminder"
    sent = after_quiet_hours(entry)
    if sent != entry and bought_by(sent):
        return
    yield ("win-back", send_step, "send_email", first, sent)
    timeout = sent + CLICK_WAIT
    if bought_by(timeout):
        return
    sent = after_quiet_hours(timeout)
    if sent != timeout and bought_by(sent):
        return
    yield ("win-back", last_step, "send_email", last, sent)


def recount(orders_by_person, until):
    """The set of (person, journey, step, kind, template or pool, time) due at or before `until`."""
    expected = set()
    for person, orders in orders_by_person.items():
        orders = sorted(orders)
        for action in [*thanks(person, orders), *win_back(person, orders)]:
            if action[-1] <= until:
                expected.add((person, *action))
    return expected
