#!/usr/bin/python3
"""Records of others in their own forms: CloudEvents, and the frame of a schema registry.

Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client. What is
framed is encoded by protoc; the registry is tests/support/schema_registry.py.
"""

import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, run_cases  # noqa: E402
from kafka_events import partition_of  # noqa: E402
from kafka_shop import APP, PARTITIONS, TOPIC as INPUT, kafka_shop  # noqa: E402
from schema_registry import SchemaRegistry  # noqa: E402
from sojourn_process import free_port  # noqa: E402

TOPIC = "foreign"
RULES = {"company.yaml": "company: Test Shop\ntimezone: UTC\n",
         "journeys/order.yaml": """\
journey: order
trigger: {event: Order Placed}
one_run_per: event.order_id
steps:
  - webhook: {url: "https://shop.example/order",
              data: {order: trigger.order_id, cents: trigger.total.cents}}
"""}
SECRETS = {"coupon_key": "c", "event_id_key": "e", "address_key": "a",
           "link_keys": ["a link key of tests"]}
PASSWORD = "a-password-of-the-registry"
ORDER = """syntax = "proto3";
package shop;
import "money.proto";
import "google/protobuf/timestamp.proto";
message Unused { string x = 1; }
message OrderPlaced {
  string user_id = 1;
  string message_id = 2;
  string order_id = 3;
  Money total = 4;
  google.protobuf.Timestamp timestamp = 5;
}
"""
MONEY = 'syntax = "proto3"; package shop; message Money { int64 cents = 1; string currency = 2; }'


def protoc(directory, mode, message, file, data):
    return subprocess.run(["protoc", f"--{mode}={message}", "-I", directory, file], input=data,
                          capture_output=True, check=True).stdout


def encoded_order(directory, person, number):
    (directory / "order.proto").write_text(ORDER)
    (directory / "money.proto").write_text(MONEY)
    text = (f'user_id: "{person}" message_id: "m-{number}" order_id: "o-{number}" '
            f'total {{ cents: {number} currency: "EUR" }} timestamp {{ seconds: 1770000000 }}')
    return protoc(directory, "encode", "shop.OrderPlaced", "order.proto", text.encode())


def framed(schema, message):
    return b"\0" + struct.pack(">I", schema) + message


def call(person, number):
    return {"type": "track", "userId": person, "event": "Order Placed", "messageId": f"m-{number}",
            "properties": {"order_id": f"o-{number}", "total": {"cents": number}}}


def cloud_event(person, number):
    return {"specversion": "1.0", "id": str(number), "source": "/shop", "type": "Order Placed",
            "subject": person, "data": {"order_id": f"o-{number}", "total": {"cents": number}}}


def binary(event):
    """Value and headers."""
    event = dict(event)
    return (json.dumps(event.pop("data")).encode(),
            [(f"ce_{name}", value) for name, value in event.items()] +
            [("content-type", "application/json")])


STRUCTURED = [("content-type", "application/cloudevents+json; charset=UTF-8")]


class Foreign:
    """Writes in order, into one partition."""

    def __init__(self, bootstrap):
        self.producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 0})

    def write(self, value, headers=None):
        self.producer.produce(TOPIC, value, b"any key", 0, headers=headers or [])
        assert self.producer.flush(60) == 0


def fill(registry):
    registry.schemas[1] = {"schema": '{"type": "object"}', "schemaType": "JSON"}
    registry.schemas[2] = {"schema": ORDER, "schemaType": "PROTOBUF", "references": [
        {"name": "money.proto", "subject": "money", "version": 3}]}
    registry.schemas[3] = {"schema": '{"type": "string"}'}  # Avro needs no saying
    registry.versions["money", 3] = {"subject": "money", "version": 3, "id": 9, "schema": MONEY,
                                     "schemaType": "PROTOBUF"}


def process_with(registry_port, shop):
    sojourn = shop.process("one")
    os.environ["REGISTRY"] = f"ada:{PASSWORD}"  # of commands, too
    sojourn.settings["kafka"]["properties"] = {
        "schema.registry.url": f"http://127.0.0.1:{registry_port}",
        "schema.registry.basic.auth.user.info": {"env": "REGISTRY"}}
    sojourn.write_config()
    return sojourn


def test_forms_of_others():
    """What came before a record of an unknown schema goes its way; the record waits, and no less."""
    with tempfile.TemporaryDirectory() as scratch, \
            kafka_shop(RULES, routes={TOPIC: 1}, secrets=SECRETS) as shop:
        registry = SchemaRegistry(free_port(), "ada", PASSWORD)
        fill(registry)
        sojourn = process_with(registry.port, shop)
        foreign = Foreign(shop.broker.bootstrap)
        foreign.write(*binary(cloud_event("ada", 1)))
        foreign.write(json.dumps(cloud_event("bob", 2)).encode(), STRUCTURED)
        foreign.write(json.dumps(call("cy", 3)).encode())
        foreign.write(framed(1, json.dumps(call("dan", 4)).encode()))
        foreign.write(framed(2, b"\x02\x02" + encoded_order(Path(scratch), "eve", 5)))
        foreign.write(framed(3, b"\x06foo"))        # Avro
        foreign.write(framed(99, b"{}"))            # registered nowhere
        foreign.write(framed(2, b"\x02\x02\x0a\x7f"))  # cut
        foreign.write(b"\0\0")
        foreign.write(json.dumps(call("fay", 6)).encode())
        with sojourn:
            sojourn.wait_for(lambda: sojourn.metric("sojourn_routed_records_total") == 3, 60,
                             "what needs no registry")
            time.sleep(2)
            assert sojourn.metric("sojourn_routed_records_total") == 3
            assert "schema registry" in sojourn.log_file.read_text()
            # Whoever does not let us in says nothing of the schema.
            registry.credentials = "ada:another"
            with registry:
                sojourn.wait_for(lambda: registry.refused > 1, 60, "a refusal")
                assert sojourn.metric("sojourn_routed_records_total") == 3
                registry.credentials = f"ada:{PASSWORD}"
                sojourn.wait_for(lambda: sojourn.metric("sojourn_routed_records_total") == 10, 60,
                                 "the rest")
                sojourn.wait_for(lambda: len(shop.actions()) == 6, 60, "every order")
            assert registry.asked.count("/schemas/ids/2") == 1, registry.asked
            check_orders(shop)
            check_letters(shop)
            assert PASSWORD not in sojourn.log_file.read_text()


def check_orders(shop):
    orders = {}
    for action in shop.actions():
        text = json.dumps(action)
        person = next(name for name in ("ada", "bob", "cy", "dan", "eve", "fay")
                      if f'"{name}"' in text)
        number = next(number for number in range(1, 7) if f'"o-{number}"' in text)
        assert f'"cents": {number}' in text, text
        orders[person] = number
    assert orders == {"ada": 1, "bob": 2, "cy": 3, "dan": 4, "eve": 5, "fay": 6}, orders
    eve = next(record for record in shop.records(f"{APP}.events") if record.key() == b"eve")
    text = protoc(PROJECT_ROOT / "proto", "decode", "sojourn.v1.Event", "sojourn/v1/event.proto",
                  eve.value()).decode()
    assert '"Order Placed"' in text and '"m-5"' in text and "1770000000" in text, text


def check_letters(shop):
    letters = {dict(record.headers())["offset"]: record
               for record in shop.records(f"{APP}.dead-letters")}
    reasons = {offset.decode(): b" ".join(value for _, value in record.headers()).decode()
               for offset, record in letters.items()}
    assert sorted(reasons) == ["5", "6", "7", "8"], reasons
    assert "AVRO" in reasons["5"] and "no schema 99" in reasons["6"], reasons
    assert "no message of its schema" in reasons["7"] and "ends inside" in reasons["8"], reasons


# ---- in an input, keyed by person --------------------------------------------------------------

def someone_in(partition):
    return next(name for name in (f"p{n}" for n in range(1000))
                if partition_of(name.encode(), PARTITIONS) == partition)


class Keyed:
    """Writes to an input as one's own producer would."""

    def __init__(self, bootstrap):
        self.producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 0})

    def write(self, person, value, headers=None):
        self.producer.produce(INPUT, value, person.encode(),
                              partition_of(person.encode(), PARTITIONS), headers=headers or [])
        assert self.producer.flush(60) == 0


@contextlib.contextmanager
def silent_registry(port):
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", port)):
        yield


def ordered(shop):
    """The orders that actions tell of."""
    return sorted(int(number) for action in shop.actions()
                  for number in set(re.findall(r'"o-(\d+)"', json.dumps(action))))


def write_what_is_none(keyed, person):
    for schema, message in ((3, b"\x06foo"), (99, b"{}"), (2, b"\x02\x02\x0a\x7f")):
        keyed.write(person, framed(schema, message))
    keyed.write(person, b"\0\0")
    keyed.write(person, b"[]", [("content-type", "application/cloudevents-batch+json")])
    keyed.write(person, *binary(cloud_event("somebody else", 90)))
    keyed.write(person, *binary({**cloud_event(person, 91), "specversion": "2.0"}))


WHAT_IS_NONE = [("undecodable", "AVRO"), ("undecodable", "no schema 99"),
                ("undecodable", "no message of its schema"), ("undecodable", "ends inside"),
                ("undecodable", "one record is one event"), ("key_mismatch", "record's key"),
                ("undecodable", "specversion")]


def check_letters_of_input(shop, partition, first):
    letters = sorted(({name: value.decode() for name, value in record.headers()}
                      for record in shop.records(f"{APP}.dead-letters")),
                     key=lambda letter: int(letter["offset"]))
    assert len(letters) == len(WHAT_IS_NONE), letters
    for number, (letter, (reason, words)) in enumerate(zip(letters, WHAT_IS_NONE)):
        assert letter["reason"] == reason and words in letter["message"], letter
        assert (letter["topic"], letter["partition"], letter["offset"]) == (
            INPUT, str(partition), str(first + number)), letter


def test_forms_of_others_in_an_input():
    """A record whose schema is not known holds its partition; the others and the group go on."""
    held, free = someone_in(0), someone_in(1)
    with tempfile.TemporaryDirectory() as scratch, kafka_shop(RULES, secrets=SECRETS) as shop:
        registry = SchemaRegistry(free_port(), "ada", PASSWORD)
        fill(registry)
        sojourn = process_with(registry.port, shop)
        keyed = Keyed(shop.broker.bootstrap)
        keyed.write(held, *binary(cloud_event(held, 1)))
        unnamed = cloud_event(held, 2)
        del unnamed["subject"]  # the key says whose it is
        keyed.write(held, json.dumps(unnamed).encode(), STRUCTURED)
        keyed.write(held, *binary(cloud_event(held, 1)))  # once more: the id is known
        keyed.write(held, framed(1, json.dumps(call(held, 3)).encode()))
        keyed.write(held, json.dumps(call(held, 4)).encode())
        with sojourn:
            with silent_registry(registry.port):
                keyed.write(free, *binary(cloud_event(free, 5)))
                sojourn.wait_for(lambda: ordered(shop) == [1, 2, 5], 60, "what needs no registry")
                keyed.write(held, framed(2, b"\x02\x02" + encoded_order(Path(scratch), held, 6)))
                write_what_is_none(keyed, held)
                # Longer than a session and a transaction may take.
                for number in range(7, 19):
                    keyed.write(free, json.dumps(call(free, number)).encode())
                    sojourn.wait_for(lambda: number in ordered(shop), 30, "others go on")
                    time.sleep(1)
            others = list(range(7, 19))
            assert ordered(shop) == [1, 2, 5] + others
            assert sojourn.get("/-/ready")[0] == 200
            lags = sojourn.metric_by("sojourn_lag_seconds", "partition")
            assert lags["0"] > 10 and lags["1"] < 10, lags
            log = sojourn.log_file.read_text()
            assert "the schema registry" in log and "made anew" not in log, log
            assert not shop.records(f"{APP}.dead-letters")
            with registry:
                sojourn.wait_for(lambda: ordered(shop) == [1, 2, 3, 4, 5, 6] + others, 60,
                                 "what was held")
                sojourn.wait_for(lambda: sojourn.metric("sojourn_dead_letters_total") ==
                                 len(WHAT_IS_NONE), 60, "dead letters")
                check_letters_of_input(shop, 0, first=6)
                assert registry.asked.count("/schemas/ids/2") == 1, registry.asked
                assert registry.asked.count("/schemas/ids/1") == 1, registry.asked
                sojourn.kill()
                sojourn.start()
                keyed.write(held, framed(1, json.dumps(call(held, 20)).encode()))
                sojourn.wait_for(lambda: 20 in ordered(shop), 60, "an order after the restart")
                explained = sojourn.command("explain", held).stdout
                assert explained.count("Order Placed") >= 6, explained
            assert ordered(shop) == [1, 2, 3, 4, 5, 6] + others + [20]
            assert PASSWORD not in sojourn.log_file.read_text()


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
