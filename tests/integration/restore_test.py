#!/usr/bin/python3
"""While a partition is restored over a real broker, the process says so, and how much is left.

Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import shutil
import sys
from pathlib import Path

from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from kafka_shop import APP, PARTITIONS, kafka_shop  # noqa: E402

RULES = {
    "company.yaml": "company: Test Shop\ntimezone: UTC\ncurrency: EUR\n"
                    "postal_address: Main Street 1\n",
    "journeys/seen.yaml": "journey: seen\ntrigger: {event: Seen}\nsteps:\n"
                          "  - webhook: {url: 'https://shop.example/seen'}\n",
}
PEOPLE = 200
HELD = f"{APP}.changelog"


def held_up(broker):
    """A transaction that stays open in one partition of the changelog: a restore waits for it."""
    producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": "held up"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for number in range(50):
        producer.produce(HELD, b"never committed", f"nobody-{number}".encode(), 0)
    assert producer.flush(30) == 0
    return producer


def remaining(sojourn):
    return dict((labels["partition"], value) for labels, value in
                sojourn.samples("sojourn_restore_records_remaining"))


def test_a_restore_tells_what_is_left():
    with kafka_shop(RULES) as made:
        one = made.process("one").start()
        calls = [{"type": "track", "event": "Seen", "userId": f"p-{n}", "messageId": f"m-{n}"}
                 for n in range(PEOPLE)]
        assert one.post("/v1/batch", {"batch": calls})[0] == 200
        one.wait_settled(PARTITIONS)
        one.stop()
        shutil.rmtree(one.data)
        producer = held_up(made.broker)
        one.spawn()

        def says_what_is_left():
            try:
                return remaining(one).get("0")
            except OSError:
                return None

        one.wait_for(says_what_is_left, what="a partition that is restored")
        status, text = one.get("/-/ready")
        assert status == 503 and "restoring" in text, (status, text)
        one.wait_for(lambda: 50 <= remaining(one)["0"] <= 55, what="all but what is held up")
        assert one.metric("sojourn_restore_seconds_remaining") > 0
        one.wait_for(lambda: 'message="partition is being restored' in one.log_tail(30),
                     what="a line in the log")
        assert "records_remaining=" in one.log_tail(30)
        producer.abort_transaction(30)
        one.wait_ready()
        one.wait_settled(PARTITIONS)
        assert set(remaining(one).values()) == {0.0}, remaining(one)
        assert not one.samples("sojourn_restore_seconds_remaining")
        assert one.metric("sojourn_persons") == PEOPLE


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
