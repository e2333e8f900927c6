#!/usr/bin/python3
"""A process that stands still for some seconds, or does not reach the broker: what arrives meanwhile
comes before timers of later.

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
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))
from cases import run_cases  # noqa: E402
from kafka_broker import KafkaBroker  # noqa: E402
from kafka_events import partition_of  # noqa: E402
from kafka_shop import PARTITIONS, TOPIC, kafka_shop, shop_at, wait_owned  # noqa: E402
from protocol import Api  # noqa: E402
from proxy import Fault, Proxy, Side, cut  # noqa: E402

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


def play(shop, one, stand_still, go_on):
    """In each round half of the people order while the process hears nothing, before their reminder
    is due."""
    producer = Producer({"bootstrap.servers": shop.broker.bootstrap, "acks": "all", "log_level": 0})
    one.start()
    wait_owned([one])
    waiting = [f"w{number}" for number in range(PEOPLE)]
    ordering = [f"o{number}" for number in range(PEOPLE)]
    for round_number in range(ROUNDS):
        write(producer, "Cart", round_number, waiting + ordering)
        time.sleep(1)
        stand_still()
        write(producer, "Order", round_number, ordering)
        time.sleep(4)
        go_on()
        wanted = (round_number + 1) * PEOPLE
        one.wait_for(lambda: len(shop.actions()) >= wanted, what="the reminders")
    one.wait_settled(PARTITIONS)
    reminded = [action["person"] for action in shop.actions()]
    wrong = [person for person in reminded if person.startswith("o")]
    assert not wrong, f"{len(wrong)} who had ordered were reminded"
    assert len(reminded) == ROUNDS * PEOPLE, len(reminded)


def test_orders_of_the_standstill_end_the_runs():
    with kafka_shop(RULES) as shop:
        one = shop.process("one")
        play(shop, one, lambda: os.kill(one.process.pid, signal.SIGSTOP),
             lambda: os.kill(one.process.pid, signal.SIGCONT))


def test_orders_while_nothing_can_be_fetched_end_the_runs():
    """The connection is lost again and again, always in the same words."""
    with Proxy() as proxy, KafkaBroker(proxy_ports=proxy.ports) as broker:
        proxy.connect_to(broker.proxied_addresses)
        with shop_at(broker, RULES) as shop:
            one = shop.process("one")
            one.settings["kafka"]["bootstrap_servers"] = f"127.0.0.1:{proxy.ports[0]}"
            one.write_config()
            play(shop, one, lambda: proxy.add(Fault(Api.FETCH, Side.REQUEST, cut)), proxy.clear)


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
