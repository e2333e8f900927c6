#!/usr/bin/python3
"""The purchase history of 23,570 customers through the whole engine, over every log there is.

The same events must give the same actions with the same ids: imported into the embedded log, read
from Kafka as JSON and as protobuf, undisturbed and with the process killed five times on the way.
What is expected of the customers is a plain recount of the history (tests/support/recount.py).

Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import contextlib
import functools
import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Consumer, Producer, TopicPartition

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import (PROJECT_ROOT, Skipped, binary, long_run, run_cases,  # noqa: E402
                   shared_data)
from kafka_broker import KafkaBroker  # noqa: E402
from kafka_events import encode_json, encode_protobuf, partition_of  # noqa: E402
from kafka_reader import read_topic  # noqa: E402
from recount import Expected, expected_actions  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

HISTORY = "cdnow/CDNOW_master.txt"
JOURNEYS = {path.stem for path in (PROJECT_ROOT / "rules/journeys").glob("*.yaml")}
PARTITIONS, THREADS = 4, 2
SETTLE_TIMEOUT_SECONDS = 300
# A process that is killed on the way takes at least so many records before.
RECORDS_PER_LIFE = 8000
APP, TOPICS = "demo", ("web", "email", "purchase")
# The history is older than a broker keeps records by default.
KEEP_OLD_RECORDS = {"retention.ms": -1, "segment.ms": 20 * 365 * 86_400_000}


class Emitted(NamedTuple):
    """What of an action may not depend on the log that it came from."""
    action: Expected
    address: str
    code: str


def milliseconds(text):
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def emitted(action):
    coupon = action.get("coupon", {})
    name = coupon["pool"] if action["kind"] == "coupon" else action["template"]
    return Emitted(Expected(action["person"], action["journey"], action["step"], action["kind"],
                            name, milliseconds(action["time"])),
                   action.get("address", ""), coupon.get("code", ""))


def by_id(actions):
    """id -> Emitted; fails where an id or an action is there twice."""
    found = {action["id"]: emitted(action) for action in actions}
    assert len(found) == len(actions), f"{len(actions) - len(found)} ids are there twice"
    distinct = {entry.action for entry in found.values()}
    assert len(distinct) == len(found), f"{len(found) - len(distinct)} actions are there twice"
    return found


def assert_same(found, expected):
    missing, surplus = expected - found, found - expected
    assert not missing and not surplus, (
        f"{len(missing)} missing, {len(surplus)} too many, such as {sorted(missing)[:2]}, "
        f"{sorted(surplus)[:2]}")


def assert_same_with_ids(found, expected):
    assert_same(set(found.values()), set(expected.values()))
    assert found == expected, "the same actions have other ids"


def assert_recounted(actions):
    of_customers = {entry.action for entry in actions.values()
                    if not entry.action.person.startswith("sample-")}
    assert_same(of_customers, expected_actions(shared_data(HISTORY)))


@functools.cache
def demo_events():
    """The demo's events as `sojourn import` reads them."""
    history = shared_data(HISTORY)
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "events.ndjson"
        subprocess.run([PROJECT_ROOT / "deploy/demo/make_events.py", "--cdnow", history, output],
                       check=True, capture_output=True)
        return output.read_text()


@contextlib.contextmanager
def timed(what):
    start = time.monotonic()
    yield
    seconds = time.monotonic() - start
    count = demo_events().count("\n")
    print(f"  {what}: {seconds:.1f} s, {count / seconds:,.0f} events/s", flush=True)


def kill_on_the_way(sojourn):
    """Starts the process and kills it -9 amid its work."""
    sojourn.start()
    sojourn.wait_for(lambda: sojourn.metric("sojourn_records_total") >= RECORDS_PER_LIFE,
                     timeout=120, what="taking the first records")
    sojourn.kill()


def finish(sojourn):
    """Lets a started process do the rest; there must be a rest, or no kill was on the way."""
    sojourn.wait_settled(PARTITIONS, SETTLE_TIMEOUT_SECONDS)
    assert sojourn.metric("sojourn_records_total") > 0, "everything was done before the last kill"


# ---- the embedded log ----


@contextlib.contextmanager
def embedded():
    """A configured, not yet started process, and the file of events to import."""
    with tempfile.TemporaryDirectory() as directory:
        events = Path(directory) / "events.ndjson"
        events.write_text(demo_events())
        sojourn = Sojourn(Path(directory) / "sojourn", partitions=PARTITIONS, threads=THREADS)
        try:
            yield sojourn, str(events)
        finally:
            if sojourn.process and sojourn.process.poll() is None:
                sojourn.kill()


def assert_every_journey_lives(sojourn):
    entered = sojourn.metric_by("sojourn_runs_entered_total", "journey")
    sends = sojourn.metric_by("sojourn_actions_total", "journey", kind="send_email")
    for counts in (entered, sends):
        assert JOURNEYS and counts.keys() == JOURNEYS and min(counts.values()) >= 1, counts
    skipped = sojourn.metric_by("sojourn_steps_skipped_total", "reason")
    assert "no_address" not in skipped, skipped


@functools.cache
def embedded_actions():
    """The actions of an undisturbed run over the embedded log, which all others must equal."""
    with embedded() as (sojourn, events):
        with timed("import"):
            sojourn.command("import", events)
        again = sojourn.command("import", events)
        assert "nothing to do" in again.stdout, again.stdout
        with timed("replay over the embedded log"):
            sojourn.start()
            finish(sojourn)
        assert_every_journey_lives(sojourn)
        with timed("reading the actions"):
            actions = sojourn.actions()
        assert sojourn.metric("sojourn_actions_total") == len(actions)
        sojourn.stop()
        return by_id(actions)


def bytes_below(directory):
    """Of the database's logs; a file may be renamed or go while this looks."""
    size = 0
    for path in directory.rglob("*.log"):
        with contextlib.suppress(FileNotFoundError):
            size += path.stat().st_size
    return size


def kill_importing_command(sojourn, events, share):
    """kill -9 of `sojourn import` into a log that no process runs on, amid the import."""
    command = subprocess.Popen([binary(), "import", events, "--config", sojourn.config],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while bytes_below(sojourn.data) < share * len(demo_events()):
        assert command.poll() is None, "the import ended before it could be killed"
        time.sleep(0.002)
    command.kill()
    command.wait()


def kill_imported_into(sojourn, events):
    """kill -9 of a running process while a command imports into it."""
    def imported():
        requests = sojourn.metric_by("sojourn_http_requests_total", "route", code="200")
        return requests.get("/-/import", 0)

    sojourn.start()
    with subprocess.Popen([binary(), "import", events, "--config", sojourn.config],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as command:
        # It reads the file before it asks the process, which works meanwhile on what it has.
        while imported() < 5:
            assert command.poll() is None, f"the import ended: {command.stdout.read()}"
            time.sleep(0.002)
        sojourn.kill()
        output, _ = command.communicate(timeout=120)
    assert command.returncode != 0, f"the import did not notice: {output}"


def test_embedded_equals_the_recount():
    assert_recounted(embedded_actions())


def test_embedded_killed_five_times():
    expected = embedded_actions()
    with embedded() as (sojourn, events):
        with timed("import and replay over the embedded log, killed five times"):
            kill_importing_command(sojourn, events, share=0.2)
            kill_imported_into(sojourn, events)
            sojourn.command("import", events)
            for _ in range(3):
                kill_on_the_way(sojourn)
            sojourn.start()
            again = sojourn.command("import", events)
            assert "nothing to do" in again.stdout, again.stdout
            finish(sojourn)
        assert_same_with_ids(by_id(sojourn.actions()), expected)
        sojourn.stop()


def test_a_posted_event_is_an_action_within_a_second():
    with tempfile.TemporaryDirectory() as directory, Sojourn(Path(directory) / "it") as sojourn:
        identify = {"userId": "quick", "traits": {"email": "quick@example.test"}}
        order = {"userId": "quick", "event": "Order Completed",
                 "properties": {"order_id": "q-1", "total": 12.5, "currency": "USD",
                                "quantity": 1}}
        follow = subprocess.Popen([binary(), "actions", "--follow", "--format", "json", "--config",
                                   sojourn.config], stdout=subprocess.PIPE, text=True)
        try:
            start = time.monotonic()
            for path, body in (("identify", identify), ("track", order)):
                status, answer = sojourn.post(f"/v1/{path}", body)
                assert status == 200, answer
            action = json.loads(follow.stdout.readline())
            seconds = time.monotonic() - start
        finally:
            follow.kill()
            follow.wait()
            follow.stdout.close()
        assert emitted(action).action[:5] == ("quick", "post-purchase-thanks", "1.then.1",
                                              "send_email", "thanks-first-order"), action
        assert action["address"] == "quick@example.test" and not action.get("late"), action
        print(f"  from the first POST to the action: {seconds * 1000:.0f} ms", flush=True)
        assert seconds < 1, f"{seconds:.2f} s"


# ---- Kafka ----


def topic_of(message):
    name = message.get("event", "")
    if name.startswith("Order "):
        return "purchase"
    return "email" if name.startswith(("Email ", "Unsubscribed")) else "web"


def produce_events(broker, event_format):
    """Writes every event to its topic, stamped with the moment when it happened."""
    producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 50, "acks": "all",
                         "queue.buffering.max.messages": 1_000_000})
    failures = []

    def note_failure(error, _):
        if error:
            failures.append(str(error))

    for line in demo_events().splitlines():
        message = json.loads(line)
        moment, key = milliseconds(message["timestamp"]), message["userId"].encode()
        value = (encode_json(message) if event_format == "json" else
                 encode_protobuf(message, moment))
        producer.produce(topic_of(message), value, key, partition_of(key, PARTITIONS),
                         timestamp=moment, on_delivery=note_failure)
        producer.poll(0)
    assert producer.flush(60) == 0 and not failures, failures[:1]


@contextlib.contextmanager
def over_kafka(event_format):
    """A configured, not yet started process, and a broker whose topics hold all the events."""
    with KafkaBroker() as broker, tempfile.TemporaryDirectory() as directory:
        for topic in TOPICS:
            broker.create_topic(topic, PARTITIONS, KEEP_OLD_RECORDS)
        sojourn = Sojourn(directory, app=APP, log="kafka", threads=THREADS, kafka={
            "bootstrap_servers": broker.bootstrap, "partitions": PARTITIONS,
            "inputs": [{"topic": topic, "format": event_format} for topic in TOPICS]})
        created = sojourn.command("kafka", "create-topics").stdout
        assert f"created   {APP}.actions" in created, created
        again = sojourn.command("kafka", "create-topics").stdout
        assert "created" not in again and "is right  purchase" in again, again
        with timed(f"producing as {event_format}"):
            produce_events(broker, event_format)
        try:
            yield sojourn, broker
        finally:
            if sojourn.process and sojourn.process.poll() is None:
                sojourn.kill()


def unread_records(broker):
    """How many records of the inputs the group has not yet committed."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": APP})
    unread = 0
    for place in consumer.committed([TopicPartition(topic, number) for topic in TOPICS
                                     for number in range(PARTITIONS)], timeout=30):
        _, end = consumer.get_watermark_offsets(place, timeout=30)
        unread += end - max(0, place.offset)
    consumer.close()
    return unread


def actions_in(broker):
    actions = []
    for record in read_topic(broker, f"{APP}.actions", PARTITIONS):
        action = json.loads(record.value())
        headers = dict(record.headers())
        assert headers["ce_id"].decode() == action["id"], headers
        assert record.key().decode() == action["person"], record.key()
        assert record.partition() == partition_of(record.key(), PARTITIONS), action
        actions.append(action)
    return by_id(actions)


def only_in_long_runs():
    if not long_run():
        raise Skipped("the other format does it: tests/run.sh --long")


def check_over_kafka(event_format, kills):
    expected = embedded_actions()
    with over_kafka(event_format) as (sojourn, broker):
        with timed(f"replay from Kafka as {event_format}, killed {kills} times"):
            for _ in range(kills):
                kill_on_the_way(sojourn)
            sojourn.start()
            sojourn.wait_for(lambda: unread_records(broker) == 0, SETTLE_TIMEOUT_SECONDS,
                             "committing the end of every input")
            finish(sojourn)
        assert_same_with_ids(actions_in(broker), expected)
        assert not read_topic(broker, f"{APP}.dead-letters", PARTITIONS)
        sojourn.stop()


# Each format is read once, once with kills and once without; the other two take a minute.
def test_kafka_json():
    only_in_long_runs()
    check_over_kafka("json", kills=0)


def test_kafka_protobuf():
    check_over_kafka("protobuf", kills=0)


def test_kafka_json_killed_five_times():
    check_over_kafka("json", kills=5)


def test_kafka_protobuf_killed_five_times():
    only_in_long_runs()
    check_over_kafka("protobuf", kills=5)


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
