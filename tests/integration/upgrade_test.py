#!/usr/bin/python3
"""State that older versions have left is opened and goes on; that of newer ones is refused.

tests/fixtures has what older binaries wrote. Debian's own Python runs this: it has
python3-confluent-kafka, an independent Kafka client.
"""

import contextlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from kafka_broker import KafkaBroker  # noqa: E402
from kafka_events import encode_json, partition_of  # noqa: E402
from kafka_reader import read_topic  # noqa: E402
from old_state import (APP, GIFTS, INPUT, PARTITIONS, PEOPLE, SECRETS, events_after,  # noqa: E402
                       fixtures, kafka_records, unpack_embedded, wanted_after, write_rules)
from sojourn_process import Sojourn  # noqa: E402

CHANGELOG = f"{APP}.changelog"
FIXTURE_VERSIONS = {"partition-meta-2": 6, "person-record-4": 4, "person-record-5": 5}
# In which everybody had got a listed coupon code.
GAVE_CODES = {"partition-meta-2"}


def told(actions):
    """What was said of whom: {(person, last word of the URL): data}, each once."""
    said = {}
    for action in actions:
        if action["kind"] == "coupon":
            continue
        key = action["person"], action["url"].rsplit("/", 1)[1]
        assert key not in said, f"{key} twice"
        said[key] = action["values"]["data"]
    return said


def test_the_fixtures_are_of_the_versions_they_are_named_after():
    assert fixtures() == sorted(FIXTURE_VERSIONS), fixtures()
    for fixture, version in FIXTURE_VERSIONS.items():
        people = [record for record in kafka_records(fixture)
                  if record["topic"] == CHANGELOG and not record["key"].startswith(b"\xff")]
        assert len({record["key"] for record in people}) == len(PEOPLE)
        assert {record["value"][0] for record in people} == {version}


def gifts_of(fixture):
    """How many codes were given in the end."""
    return len(PEOPLE) * (2 if fixture in GAVE_CODES else 1)


def check_codes(sojourn, fixture):
    """What was given before is remembered: each code left is one that nobody has."""
    (pool,) = json.loads(sojourn.command("coupons", "--json").stdout)["pools"]
    assert (pool["allotted"], pool["remaining"]) == (
        gifts_of(fixture), len(GIFTS) - gifts_of(fixture)), pool


def test_an_embedded_directory_goes_on():
    for fixture in fixtures():
        with tempfile.TemporaryDirectory(prefix="sojourn-upgrade-") as name:
            directory = Path(name)
            unpack_embedded(fixture, directory / "data")
            with Sojourn(directory, rules=write_rules(directory / "rules"), app=APP,
                         secrets=SECRETS) as sojourn:
                sojourn.wait_settled(PARTITIONS)
                assert sojourn.metric("sojourn_persons") == len(PEOPLE)
                assert sojourn.post("/v1/batch", {"batch": events_after()})[0] == 200
                sojourn.wait_settled(PARTITIONS)
                actions = sojourn.actions()
                said = told(actions)
                codes = [action["coupon"]["code"] for action in actions
                         if action["kind"] == "coupon"]
                check_codes(sojourn, fixture)
            assert len(codes) == len(set(codes)) == gifts_of(fixture), sorted(codes)
            begun = [key for key in said if key[1] == "begun"]
            assert len(begun) == len(PEOPLE), begun
            assert {key: data for key, data in said.items() if key not in begun} == wanted_after()


class OldKafka:
    """A broker with the topics of a fixture, and a process on it that has nothing on its disk."""

    def __init__(self, broker, directory):
        self.broker = broker
        kafka = {"bootstrap_servers": broker.bootstrap, "instance": "new",
                 "inputs": [{"topic": INPUT, "format": "json"}]}
        self.sojourn = Sojourn(directory, rules=write_rules(directory / "rules"), app=APP,
                               log="kafka", kafka=kafka, secrets=SECRETS)
        self.producer = Producer({"bootstrap.servers": broker.bootstrap})

    def fill(self, records):
        self.broker.create_topic(INPUT, PARTITIONS)
        self.sojourn.command("kafka", "create-topics")
        for record in records:
            self.producer.produce(record["topic"], record["value"], record["key"],
                                  record["partition"], timestamp=record["time_ms"])
        assert self.producer.flush(30) == 0

    def send(self, events):
        for event in events:
            key = event["userId"].encode()
            self.producer.produce(INPUT, encode_json(event), key, partition_of(key, PARTITIONS))
        assert self.producer.flush(30) == 0

    def written(self):
        """Records of what a process writes."""
        return [len(read_topic(self.broker, f"{APP}.{kind}", PARTITIONS))
                for kind in ("changelog", "actions", "events", "dead-letters")]


@contextlib.contextmanager
def old_kafka(records):
    with KafkaBroker() as broker, tempfile.TemporaryDirectory(prefix="sojourn-upgrade-") as name:
        made = OldKafka(broker, Path(name))
        made.fill(records)
        with contextlib.ExitStack() as stack:
            stack.callback(made.sojourn.__exit__)
            yield made


def test_a_changelog_goes_on():
    for fixture in fixtures():
        with old_kafka(kafka_records(fixture)) as made:
            sojourn = made.sojourn.start()
            sojourn.wait_settled(PARTITIONS)
            made.send(events_after())
            sojourn.wait_settled(PARTITIONS)
            actions = read_topic(made.broker, f"{APP}.actions", PARTITIONS)
            assert told(json.loads(action.value()) for action in actions) == wanted_after()
            check_codes(sojourn, fixture)
            # Without the local state, which has read what the older version wrote.
            sojourn.stop()
            shutil.rmtree(sojourn.data)
            sojourn.start()
            sojourn.wait_settled(PARTITIONS)
            check_codes(sojourn, fixture)


def test_old_codes_are_counted_once_after_a_move():
    """Each new partition keeps the codes of which no more than the upper half of a hash is known."""
    partitions = 3
    with KafkaBroker() as broker, tempfile.TemporaryDirectory(prefix="sojourn-upgrade-") as name:
        directory = Path(name)
        unpack_embedded("partition-meta-2", directory / "old")
        broker.create_topic(INPUT, partitions)
        kafka = {"bootstrap_servers": broker.bootstrap, "instance": "new",
                 "partitions": partitions, "inputs": [{"topic": INPUT, "format": "json"}]}
        new = Sojourn(directory / "new", rules=write_rules(directory / "rules"), app=APP,
                      log="kafka", kafka=kafka, secrets=SECRETS)
        new.command("kafka", "create-topics")
        new.command("migrate-to-kafka", "--from", str(directory / "old"))
        (pool,) = json.loads(new.command("coupons", "--json").stdout)["pools"]
        assert pool["allotted"] == len(PEOPLE), pool
        assert pool["remaining"] == len(GIFTS) - len(PEOPLE), pool


def newer(records):
    """The records, with one person's of a version that nobody knows yet, and its place."""
    changed, places = [], {}
    for record in records:
        if record["topic"] == CHANGELOG:
            offset = places.get(record["partition"], 0)
            places[record["partition"]] = offset + 1
            if record["key"] == PEOPLE[5].encode():
                record["value"] = bytes([99]) + record["value"][1:]
                place = f"{CHANGELOG} [{record['partition']}] offset {offset}"
        changed.append(record)
    return changed, place


def test_a_newer_record_is_refused_by_its_place():
    records, place = newer(kafka_records(fixtures()[-1]))
    with old_kafka(records) as made:
        before = made.written()
        made.sojourn.spawn()
        assert made.sojourn.process.wait(60) == 2
        said = made.sojourn.log_tail(1)
        assert place in said and "version 99" in said and "use a newer sojourn" in said, said
        assert made.written() == before, "something was written all the same"


def test_a_newer_directory_is_refused():
    with tempfile.TemporaryDirectory(prefix="sojourn-upgrade-") as name:
        directory = Path(name)
        unpack_embedded(fixtures()[-1], directory / "data")
        identity = directory / "data/sojourn.json"
        identity.write_text(json.dumps({**json.loads(identity.read_text()), "format": 2}))
        before = {path: path.stat().st_mtime_ns for path in (directory / "data").rglob("*")}
        sojourn = Sojourn(directory, rules=write_rules(directory / "rules"), app=APP,
                          secrets=SECRETS).spawn()
        assert sojourn.process.wait(30) == 2
        said = sojourn.log_tail(1)
        assert str(identity.parent) in said and "newer" in said, said
        changed = [path for path, time in before.items()
                   if path.is_file() and path.stat().st_mtime_ns != time]
        assert not [path for path in changed if path.name != "lock"], changed


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
