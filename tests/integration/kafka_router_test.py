#!/usr/bin/python3
"""Topics that are not keyed by person, and processes that run a part of the product each.

Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import contextlib
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from kafka_events import partition_of  # noqa: E402
from kafka_shop import APP, PARTITIONS, TOPIC, kafka_shop, owned, wait_owned  # noqa: E402
from mail_relay import Relay  # noqa: E402

ORDERS, CLICKS = "shop-orders", "clicks"
ROUTES = {ORDERS: 5, CLICKS: 1}
PEOPLE = 97
COMPANY = "company: Test Shop\ntimezone: UTC\n"
ORDER_RULES = {
    "company.yaml": COMPANY,
    "journeys/order.yaml": """\
journey: order
trigger: {event: Order Completed}
one_run_per: event.order_id
steps:
  - webhook: {url: "https://shop.example/order", data: {order: trigger.order_id}}
""",
}
REMINDER_RULES = {
    "company.yaml": COMPANY,
    "journeys/remind.yaml": """\
journey: remind
trigger: {event: Cart}
exit_on: [{event: Order Completed}]
steps:
  - wait: 3 seconds
  - webhook: {url: "https://shop.example/remind"}
""",
}
MAIL_RULES = {
    "company.yaml": """company: Test Shop
timezone: UTC
currency: EUR
postal_address: Test Shop, Main Street 1, Berlin
topics:
  marketing: {default: opted_in}
senders:
  hello: {from: "Test Shop <hello@shop.example>"}
""",
    "templates/offer.liquid": "---\ntemplate: offer\nsubject: An offer\n---\n<p>Hello</p>\n",
    "journeys/offer.yaml": """journey: offer
trigger: {event: Order Completed}
steps:
  - send_email: offer
""",
}
SECRETS = {"coupon_key": "c", "event_id_key": "e", "address_key": "a",
           "link_keys": ["a link key of tests"]}


def track(person, event, **properties):
    return {"type": "track", "userId": person, "event": event, "properties": properties}


class Writer:
    """Writes into topics of others and notes where each record came to stand."""

    def __init__(self, bootstrap):
        self.producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 5,
                                  "log_level": 0})
        self.places = []

    def write(self, topic, partition, value, key=None):
        self.producer.produce(topic, value, key, partition, on_delivery=self._note)
        self.producer.poll(0)

    def _note(self, error, record):
        assert error is None, error
        self.places.append((record.topic(), record.partition(), record.offset()))

    def flush(self):
        assert self.producer.flush(60) == 0


@contextlib.contextmanager
def orders_without_a_pause(writer):
    """Orders of PEOPLE, numbered, keyed by their number, as long as the block lasts."""
    stopping, count = threading.Event(), []

    def write():
        while not stopping.wait(0.003):
            number = len(count)
            call = track(f"person-{number % PEOPLE}", "Order Completed", order_id=f"o-{number}")
            if number % 2:
                call["messageId"] = f"m-{number}"
            writer.write(ORDERS, number % ROUTES[ORDERS], json.dumps(call).encode(),
                         f"o-{number}".encode())
            count.append(number)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield count
    finally:
        stopping.set()
        thread.join()
        writer.flush()


def routed(sojourn):
    return sojourn.metric("sojourn_routed_records_total")


def headers(record):
    return {name: value.decode() for name, value in record.headers() or []}


def check_events(made, wanted):
    """Every wanted place once in the app's events, with its log time, at its person."""
    originals = {(record.topic(), record.partition(), record.offset()): record
                 for topic, count in ROUTES.items() for record in made.records(topic, count)}
    seen = Counter()
    for record in made.records(f"{APP}.events"):
        origin = headers(record)
        place = (origin["sojourn-topic"], int(origin["sojourn-partition"]),
                 int(origin["sojourn-offset"]))
        seen[place] += 1
        original = originals[place]
        assert origin["sojourn-log-time"] == str(original.timestamp()[1]), place
        assert record.key().decode() == json.loads(original.value())["userId"], place
        assert record.partition() == partition_of(record.key(), PARTITIONS), place
    assert seen == Counter(wanted), (len(seen), len(wanted), seen.most_common(1))


def check_dead_letters(made, bad, places):
    """Each bad record, as it came, with its first place."""
    letters = {}
    for record in made.records(f"{APP}.dead-letters"):
        told = headers(record)
        letters[told["topic"], int(told["partition"]), int(told["offset"])] = record
    assert letters.keys() == set(places) and len(places) == len(bad), (letters.keys(), places)
    for (_, partition, _), letter in letters.items():
        reason, value, key = bad[partition]
        assert headers(letter)["reason"] == reason, headers(letter)
        assert (letter.key() or None) == key and letter.value() == value.encode(), reason


def test_every_record_is_taken_once_whoever_dies():
    """Two routers, each killed once; what is no event is a dead letter with its first place."""
    with kafka_shop(ORDER_RULES, routes=ROUTES) as made:
        engine = made.process("engine", roles=["engine"]).start()
        routers = [made.process(name, roles=["router"]) for name in ("r1", "r2")]
        first, second = routers
        writer, bad_writer = Writer(made.broker.bootstrap), Writer(made.broker.bootstrap)
        # By partition. Keys mean nothing here, and some records have none.
        bad = {0: ("bad_person_id", json.dumps({"type": "track", "event": "Order"}), b"o-1"),
               1: ("undecodable", '{"type": "track", "event"', None),
               4: ("undecodable", json.dumps(track("ann", "Order", text="x" * 300_000)), b"o-2")}
        first.start()
        with orders_without_a_pause(writer) as count:
            first.wait_for(lambda: routed(first) > 100, what="routed records")
            first.kill()
            first.start()
            second.start()
            for partition, (_, value, key) in bad.items():
                bad_writer.write(ORDERS, partition, value.encode(), key)
            bad_writer.flush()
            first.wait_for(lambda: routed(first) > 100 and routed(second) > 100,
                           what="both to route")
            second.kill()
            second.start()
            second.wait_for(lambda: routed(second) > 100, what="routed records")
        engine.wait_for(lambda: len(made.actions()) >= len(count), what="every order's action")
        orders = Counter(action["values"]["data"]["order"] for action in made.actions())
        assert orders == Counter(f"o-{number}" for number in count), len(orders)
        check_events(made, writer.places)
        check_dead_letters(made, bad, bad_writer.places)
        dead = sum((Counter(router.metric_by("sojourn_dead_letters_total", "source"))
                    for router in routers), Counter())
        assert set(dead) <= {ORDERS}, dead
        first.wait_for(lambda: first.metric_by("sojourn_route_lag_records", "topic") == {
            ORDERS: 0, CLICKS: 0}, what="no lag")
        assert first.metric("sojourn_route_behind_seconds") < 10
        assert owned(first) == owned(second) == 0 and owned(engine) == PARTITIONS
        assert first.get("/-/actions")[0] == 404
        engine.stop()
        first.stop()


def test_an_order_that_is_not_routed_yet_still_cancels():
    """The clock waits for the router, and so do later events of other topics."""
    with kafka_shop(REMINDER_RULES, routes=ROUTES) as made:
        engine = made.process("engine", roles=["engine"]).start()
        router = made.process("router", roles=["router"]).start()
        wait_owned([engine])
        waiting = [f"w{number}" for number in range(20)]
        ordering = [f"o{number}" for number in range(20)]
        writer = Writer(made.broker.bootstrap)
        for person in waiting + ordering:
            key = person.encode()
            writer.write(TOPIC, partition_of(key, PARTITIONS),
                         json.dumps(track(person, "Cart")).encode(), key)
        writer.flush()
        engine.wait_for(lambda: engine.metric("sojourn_runs_entered_total") == 40, what="runs")
        router.kill()
        for number, person in enumerate(ordering):
            writer.write(ORDERS, number % ROUTES[ORDERS],
                         json.dumps(track(person, "Order Completed")).encode())
        writer.flush()
        time.sleep(5)
        # Something later in another topic does not move the clock either.
        writer.write(TOPIC, partition_of(b"later", PARTITIONS),
                     json.dumps(track("later", "Page")).encode(), b"later")
        writer.flush()
        time.sleep(2)
        assert made.actions() == []
        assert engine.metric("sojourn_route_behind_seconds") > 5
        # A restart knows no more than before.
        engine.kill()
        engine.start()
        time.sleep(2)
        assert made.actions() == []
        router.start()
        engine.wait_for(lambda: len(made.actions()) >= len(waiting), what="the reminders")
        engine.wait_settled(PARTITIONS)
        reminded = sorted(action["person"] for action in made.actions())
        assert reminded == sorted(waiting), reminded


def test_three_processes_run_a_part_each():
    with tempfile.TemporaryDirectory(prefix="sojourn-relay-") as name:
        relay = Relay(Path(name))
        relay.controller.start()
        mail = {"send": "smtp", "smtp": relay.settings(), "public_url": "http://shop.example"}
        try:
            with kafka_shop(MAIL_RULES, routes=ROUTES, secrets=SECRETS, mail=mail) as made:
                check_parts(made, relay)
        finally:
            relay.controller.stop()


def check_parts(made, relay):
    router, engine = (made.process(part, roles=[part]).start() for part in ("router", "engine"))
    wait_owned([engine])
    people = [f"person-{number}" for number in range(12)]
    writer = Writer(made.broker.bootstrap)
    for person in people:
        writer.write(CLICKS, 0, json.dumps({
            "type": "identify", "userId": person,
            "traits": {"email": f"{person}@customer.example"}}).encode())
        writer.write(CLICKS, 0, json.dumps(track(person, "Order Completed")).encode())
    writer.flush()
    engine.wait_for(lambda: len(made.actions()) == len(people), what="every mail to be decided")
    time.sleep(2)
    assert relay.mails == [] and engine.mail_outcomes() == {}
    deliver = made.process("deliver", roles=["deliver"]).start()
    deliver.wait_for(lambda: len(relay.mails) >= len(people), what="every mail")
    time.sleep(1)
    assert sorted(to for to, _ in relay.mails) == sorted(
        f"{person}@customer.example" for person in people)
    assert deliver.mail_outcomes() == {"delivered": len(people)}
    assert owned(deliver) == owned(router) == 0 and routed(router) == 2 * len(people)
    assert routed(engine) == routed(deliver) == 0
    for sojourn in (router, engine, deliver):
        assert sojourn.get("/-/ready")[0] == 200
        sojourn.stop()


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
