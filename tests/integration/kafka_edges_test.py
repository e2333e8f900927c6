#!/usr/bin/python3
"""What becomes of an app at the edges of what a log can bring, over a real broker.

A group whose offsets are forgotten, partitions that nothing was ever written to, a record from the
future, a topic that lags, a person who has grown to the limit. (An instance whose rules directory is
older than the rules in force: kafka_group_test.py.) All cases share one broker, each with an app and
topics of its own.

Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import atexit
import collections
import json
import sys
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from kafka_broker import KafkaBroker  # noqa: E402
from kafka_sender import Sender  # noqa: E402
from kafka_shop import PARTITIONS, shop_at, wait_owned  # noqa: E402

HOUR_MS = 3_600_000
THANKS, REMIND, PING = (f"https://shop.example/{name}" for name in ("thanks", "remind", "ping"))
RULES = {
    "company.yaml": "company: Test Shop\ntimezone: UTC\ncurrency: EUR\n",
    "journeys/thanks.yaml":
        "journey: thanks\ntrigger: {event: Order}\none_run_per: event.number\nsteps:\n"
        f"  - webhook: {{url: \"{THANKS}\", data: {{orders: 'count(\"Order\")'}}}}\n",
    "journeys/remind.yaml":
        "journey: remind\ntrigger: {event: Cart}\none_run_per: event.number\n"
        "exit_on: [{event: Order, where: event.number == trigger.number}]\nsteps:\n"
        "  - wait: LATER\n"
        f"  - webhook: {{url: \"{REMIND}\"}}\n",
    "journeys/ping.yaml":
        "journey: ping\ntrigger: {event: Ping}\none_run_per: event.number\nsteps:\n"
        f"  - webhook: {{url: \"{PING}\"}}\n",
}
_broker = []


def broker():
    if not _broker:
        _broker.append(KafkaBroker().start())
        atexit.register(_broker[0].stop)
    return _broker[0]


def app(name, wait, topics=("web",)):
    """An app at the broker, whose reminders come after `wait`."""
    rules = {path: text.replace("LATER", wait) for path, text in RULES.items()}
    return shop_at(broker(), rules, tuple(f"{name}-{topic}" for topic in topics), app=name)


def now_ms():
    return int(time.time() * 1000)


def time_ms(action):
    moment = datetime.fromisoformat(action["time"].replace("Z", "+00:00"))
    return round(moment.timestamp() * 1000)


def found(shop):
    """How often each action is there, by URL, person and what the run is for."""
    return collections.Counter((action["url"], action["person"], action["run_key"])
                               for action in shop.actions())


def check(shop, sojourn, wanted):
    """When all is done, exactly the wanted actions are there, each once."""
    sojourn.wait_for(lambda: len(shop.actions()) >= len(wanted), 60, "all actions")
    sojourn.wait_settled(PARTITIONS)
    present = found(shop)
    assert present == dict.fromkeys(wanted, 1), (present - collections.Counter(wanted),
                                                 collections.Counter(wanted) - present)


def test_offsets_that_were_forgotten_come_from_the_state():
    """A group that was idle past the retention of its offsets."""
    people = [f"p{number}" for number in range(40)]
    with app("forgotten", "8 seconds") as shop:
        one = shop.process("one").start()
        sender = Sender(shop.broker, shop.topics[0])
        for person in people:
            sender.track(person, "Order", {"number": "first"})
            sender.track(person, "Cart", {"number": "first"})
        sender.flush()
        one.wait_for(lambda: len(shop.actions()) >= len(people), what="the first thanks")
        one.wait_for(lambda: one.metric("sojourn_lag_records") == 0, what="no lag")
        one.stop()
        for person in people[:20]:
            sender.track(person, "Order", {"number": "while it was away"})
        sender.flush()
        shop.broker.forget_group(shop.app)
        one.start()
        for person in people[20:]:
            sender.track(person, "Order", {"number": "afterwards"})
        sender.flush()
        check(shop, one, [
            *((THANKS, person, "first") for person in people),
            *((REMIND, person, "first") for person in people),
            *((THANKS, person, "while it was away") for person in people[:20]),
            *((THANKS, person, "afterwards") for person in people[20:])])
        # The state is that of before, too: these are everybody's second orders.
        second = [action["values"]["data"]["orders"] for action in shop.actions()
                  if action["url"] == THANKS and action["run_key"] != "first"]
        assert set(second) == {2}, collections.Counter(second)
        one.stop()


def test_fresh_partitions_begin_where_they_begin_whatever_dies_before():
    """What stands in a topic before the first start counts, and a partition that was empty when a
    process died before its first record loses nothing of what comes then."""
    with app("fresh", "2 seconds") as shop:
        sender = Sender(shop.broker, shop.topics[0])
        sender.track("early", "Order", {"number": "before the first start"})
        sender.flush()
        one = shop.process("one").start()
        wait_owned([one])
        one.kill()
        people = [f"p{number}" for number in range(30)]
        for person in people:
            sender.track(person, "Cart", {"number": "first"})
        sender.flush()
        one.start()
        check(shop, one, [(THANKS, "early", "before the first start"),
                          *((REMIND, person, "first") for person in people)])
        one.stop()


def test_a_record_of_2099_fires_nothing_and_holds_nothing_up():
    with app("future", "1 hour") as shop:
        one = shop.process("one").start()
        sender = Sender(shop.broker, shop.topics[0])
        people = [f"p{number}" for number in range(20)]
        for person in people:
            sender.track(person, "Cart", {"number": "waits"})
        sender.flush()
        in_2099 = round(datetime(2099, 1, 1).timestamp() * 1000)
        for person in people:
            sender.track(person, "Ping", {"number": "future"}, log_ms=in_2099)
        sender.flush()
        one.wait_for(lambda: len(shop.actions()) >= len(people), what="the pings")
        for person in people:
            sender.track(person, "Ping", {"number": "present"})
        sender.flush()
        check(shop, one, [(PING, person, number) for person in people
                          for number in ("future", "present")])
        assert max(time_ms(action) for action in shop.actions()) <= now_ms() + 5_000
        assert one.metric("sojourn_log_times_clamped_total") == len(people)
        one.stop()


def test_what_lags_still_cancels():
    """The orders stand in a topic that is hours behind the other one; they were in time."""
    people, orders, fillers = [f"p{number}" for number in range(60)], 30, 8_000
    with app("lag", "1 hour", topics=("web", "purchase")) as shop:
        web, purchase = shop.topics
        sender = Sender(shop.broker)
        start_ms = now_ms() - 3 * HOUR_MS
        for number in range(fillers):
            sender.track(f"filler-{number % 500}", "Viewed", topic=purchase,
                         log_ms=start_ms + number * 2 * HOUR_MS // fillers)
        for person in people:
            sender.track(person, "Cart", {"number": "c"}, topic=web, log_ms=start_ms + HOUR_MS)
        for person in people[:orders]:
            sender.track(person, "Order", {"number": "c"}, topic=purchase,
                         log_ms=start_ms + 2 * HOUR_MS - 1)
        sender.track("present", "Ping", {"number": "now"}, topic=web)
        sender.flush()
        one = shop.process("one").start()
        check(shop, one, [*((THANKS, person, "c") for person in people[:orders]),
                          *((REMIND, person, "c") for person in people[orders:]),
                          (PING, "present", "now")])
        due = {time_ms(action) for action in shop.actions() if action["url"] == REMIND}
        assert due == {start_ms + 2 * HOUR_MS}, due
        one.stop()


def test_a_person_at_the_limit_goes_on():
    """What would make a person larger than 512 KiB is refused and kept; the person is not lost."""
    size, count = 100_000, 8
    with app("large", "1 hour") as shop:
        one = shop.process("one").start()
        sender = Sender(shop.broker, shop.topics[0])
        for number in range(count):
            sender.identify("large", {f"trait_{number}": f"{number}" * size})
            sender.track("large", "Ping", {"number": f"{number}"})
            sender.track("small", "Ping", {"number": f"{number}"})
        sender.flush()
        check(shop, one, [(PING, person, f"{number}") for person in ("large", "small")
                          for number in range(count)])
        letters = shop.records(f"{shop.app}.dead-letters")
        reasons = [dict(letter.headers())["reason"] for letter in letters]
        assert reasons == [b"person_too_large"] * 3, reasons
        assert [json.loads(letter.value())["traits"].keys() for letter in letters] == [
            {f"trait_{number}"} for number in (5, 6, 7)]
        assert one.metric_by("sojourn_dead_letters_total", "reason") == {"person_too_large": 3}
        one.stop()


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
