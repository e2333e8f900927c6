#!/usr/bin/env python3
"""The demo's events: the whole purchase history, nothing invented but the labelled sample."""

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, run_cases, shared_data  # noqa: E402

SCRIPT = PROJECT_ROOT / "deploy/demo/make_events.py"


def make_events(output, history):
    return subprocess.run([SCRIPT, "--cdnow", history, output], capture_output=True, text=True,
                          check=False)


@functools.cache
def events():
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory, "events.ndjson")
        result = make_events(output, shared_data("cdnow/CDNOW_master.txt"))
        assert result.returncode == 0, result.stderr
        assert os.listdir(directory) == ["events.ndjson"], "left something behind"
        return [json.loads(line) for line in output.read_text().splitlines()]


def is_sample(message):
    return message["userId"].startswith("sample-")


def test_every_order_of_the_history_once():
    # Per customer and day: how many orders, how many discs, how many cents.
    expected, found = Counter(), Counter()
    rows = shared_data("cdnow/CDNOW_master.txt").read_text().split("\n")[1:]
    for customer, date, discs, dollars in (row.split() for row in rows if row.strip()):
        expected.update({(customer, date, "orders"): 1, (customer, date, "discs"): int(discs),
                         (customer, date, "cents"): round(float(dollars) * 100)})
    for message in events():
        if message["type"] == "track" and not is_sample(message):
            assert message["event"] == "Order Completed", message
            key = message["userId"], message["timestamp"][:10].replace("-", "")
            bought = message["properties"]
            found.update({(*key, "orders"): 1, (*key, "discs"): bought["quantity"],
                          (*key, "cents"): round(bought["total"] * 100)})
    assert sum(count for key, count in expected.items() if key[2] == "orders") == 69659
    assert found == expected, "the events are not the history"


def test_ids_are_unique_and_times_in_order():
    all_events = events()
    assert len({message["messageId"] for message in all_events}) == len(all_events)
    orders = [message["properties"]["order_id"] for message in all_events
              if message.get("event") == "Order Completed"]
    assert len(set(orders)) == len(orders)
    times = [message["timestamp"] for message in all_events]
    assert times == sorted(times)
    of_customer = Counter((message["userId"], message["timestamp"]) for message in all_events)
    assert max(of_customer.values()) == 1, of_customer.most_common(1)


def test_everybody_is_known_by_address_first():
    first = {}
    for message in events():
        first.setdefault(message["userId"], message)
    assert len(first) == 23570 + 40, len(first)
    for person, message in first.items():
        assert message["type"] == "identify", message
        assert message["traits"] == {"email": f"{person}@example.test"}, message


def test_orders_lie_in_the_daytime_of_their_day():
    new_york = ZoneInfo("America/New_York")
    for message in events():
        moment = datetime.fromisoformat(message["timestamp"].replace("Z", "+00:00"))
        local = moment.astimezone(new_york)
        if not is_sample(message):
            assert 8 <= local.hour < 20 and local.date() == moment.date(), message


def test_sample_is_labelled_and_whole():
    names = defaultdict(set)
    for message in events():
        labelled = message.get("context", {}).get("sample") == "made up for the demo"
        assert labelled == is_sample(message), message
        if labelled and message["type"] == "track":
            names[message["event"]].add(message["userId"])
    wanted = {"Signed Up", "Product Viewed", "Checkout Started", "Order Completed",
              "Order Refunded", "Email Opened", "Email Link Clicked", "Unsubscribed"}
    assert names.keys() == wanted, names.keys() ^ wanted
    assert all(len(people) >= 5 for people in names.values()), names


def test_other_data_are_refused():
    with tempfile.TemporaryDirectory() as directory:
        wrong, output = Path(directory, "wrong.txt"), Path(directory, "events.ndjson")
        wrong.write_text("customer_id date number_of_cds dollar_value\n00001 19970101 1 11.77\n")
        for history, complaint in [(wrong, "SHA-256"), (Path(directory, "none"), "No such file")]:
            result = make_events(output, history)
            assert result.returncode == 1 and complaint in result.stderr, result
            assert len(result.stderr.splitlines()) == 1, result.stderr
            assert not output.exists()


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
