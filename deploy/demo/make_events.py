#!/usr/bin/env python3
"""Writes the demo's events: the CDNOW purchase history and a small made-up sample.

    make_events.py [--cdnow FILE] OUTPUT

OUTPUT is NDJSON for `sojourn import`: Segment-shaped messages, one a line, in order of time. Each
CDNOW customer has an identify (email ID@example.test) a minute before the first order, and one
`Order Completed` per order. The same input gives the same bytes.

The history knows only days. A customer orders at one time of day, derived from the customer's
number: 14:00 UTC plus (number * 613) mod 30,000 seconds, and each further order of the same day is
five minutes after the one before. So every order lies on its day, between nine in the morning and
eight in the evening on the American east coast. Standard library only.
"""

import argparse
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cdnow  # noqa: E402
import sample_events  # noqa: E402

OPENING_HOUR_UTC = 14
BETWEEN_ORDERS_OF_A_DAY = timedelta(minutes=5)


def moment_of(customer, date, earlier_that_day):
    """When a customer ordered, who had already ordered earlier_that_day times on that date."""
    opening = datetime(int(date[:4]), int(date[4:6]), int(date[6:]), OPENING_HOUR_UTC,
                       tzinfo=timezone.utc)
    of_the_customer = timedelta(seconds=int(customer) * 613 % 30_000)
    return opening + of_the_customer + earlier_that_day * BETWEEN_ORDERS_OF_A_DAY


def cdnow_events(orders):
    """Yields (moment, message) for the orders of the history."""
    last_customer, last_date, number, earlier_that_day = None, None, 0, 0
    for customer, date, quantity, total in orders:
        if customer != last_customer:
            number, last_date = 0, None
            yield moment_of(customer, date, 0) - timedelta(minutes=1), {
                "type": "identify", "messageId": f"cdnow-{customer}-identify", "userId": customer,
                "traits": {"email": f"{customer}@example.test"}}
        earlier_that_day = earlier_that_day + 1 if date == last_date else 0
        last_customer, last_date, number = customer, date, number + 1
        yield moment_of(customer, date, earlier_that_day), {
            "type": "track", "messageId": f"cdnow-{customer}-{number}", "userId": customer,
            "event": "Order Completed",
            "properties": {"order_id": f"{customer}-{number}", "total": total, "currency": "USD",
                           "quantity": quantity}}


def write(events, output):
    """Writes the events by time; all at once, so that no half file is ever taken for a whole."""
    events = sorted(events, key=lambda event: event[0])  # Stable: a person's order is kept.
    partial = output.with_name(output.name + ".partial")
    with open(partial, "w", encoding="utf-8") as file:
        for moment, message in events:
            message["timestamp"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
            file.write(json.dumps(message, separators=(",", ":")) + "\n")
    partial.replace(output)
    return events


def main():
    parser = argparse.ArgumentParser(description="Writes the demo's events as NDJSON.")
    parser.add_argument("--cdnow", metavar="FILE", help="a CDNOW_master.txt at hand")
    parser.add_argument("output", type=Path, metavar="OUTPUT")
    arguments = parser.parse_args()
    try:
        history = list(cdnow_events(cdnow.read(cdnow.find(arguments.cdnow))))
        sample = list(sample_events.events())
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        events = write(history + sample, arguments.output)
    except (cdnow.DataError, OSError) as error:
        print(f"make_events: {error}", file=sys.stderr)
        return 1
    people = len({message["userId"] for _, message in events})
    print(f"{arguments.output}: {len(events):,} events of {people:,} people, "
          f"{events[0][0]:%Y-%m-%d} to {events[-1][0]:%Y-%m-%d}, "
          f"{len(sample)} of them made up for the demo")
    return 0


if __name__ == "__main__":
    sys.exit(main())
