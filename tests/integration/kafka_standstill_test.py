#!/usr/bin/python3
"""A process that stands still for some seconds: what arrives meanwhile comes before timers of later.

Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from kafka_events import partition_of  # noqa: E402
from kafka_shop import PARTITIONS, TOPIC, kafka_shop, wait_owned  # noqa: E402

ROUNDS, PEOPLE = 4, 25
RULES = {
    "company.yaml": "company: Test Shop\ntimezone: UTC\n",
    "journeys/remind.yaml": """\
journey: remind
trigger: {event: Cart}
one_run_per: event.round
exit_on: [{event: Order, where: event.round == trigger.round}]
steps:
  - wait: 3 seconds
  - webhook: {url: "https://shop.example/remind"}
""",
}


def write(producer, event, round_number, people):
    for person in people:
        call = {"type": "track", "userId": person, "event": event,
                "messageId": f"{event}-{round_number}-{person}",
                "properties": {"round": round_number}}
        producer.produce(TOPIC, json.dumps(call).encode(), person.encode(),
                         partition_of(person.encode(), PARTITIONS))
    assert producer.flush(60) == 0


def test_orders_of_the_standstill_end_the_runs():
    """Half of the people order while the process is stopped, before their reminder is due."""
    with kafka_shop(RULES) as shop:
        producer = Producer({"bootstrap.servers": shop.broker.bootstrap, "acks": "all",
                             "log_level": 0})
        one = shop.process("one").start()
        wait_owned([one])
        waiting = [f"w{number}" for number in range(PEOPLE)]
        ordering = [f"o{number}" for number in range(PEOPLE)]
        for round_number in range(ROUNDS):
            write(producer, "Cart", round_number, waiting + ordering)
            time.sleep(1)
            os.kill(one.process.pid, signal.SIGSTOP)
            write(producer, "Order", round_number, ordering)
            time.sleep(4)
            os.kill(one.process.pid, signal.SIGCONT)
            wanted = (round_number + 1) * PEOPLE
            one.wait_for(lambda: len(shop.actions()) >= wanted, what="the reminders")
        one.wait_settled(PARTITIONS)
        reminded = [action["person"] for action in shop.actions()]
        wrong = [person for person in reminded if person.startswith("o")]
        assert not wrong, f"{len(wrong)} who had ordered were reminded"
        assert len(reminded) == ROUNDS * PEOPLE, len(reminded)


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
