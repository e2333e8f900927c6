"""Several processes of one app over a real broker, in tests.

    with kafka_shop(RULES) as shop:
        one, two = shop.process("one").start(), shop.process("two").start()
        wait_owned([one, two], [2, 2])

For Debian's own Python: it has python3-confluent-kafka, an independent Kafka client.
"""

import contextlib
import json
import tempfile
from pathlib import Path

from kafka_broker import KafkaBroker
from kafka_reader import read_topic
from sojourn_process import Sojourn

APP, TOPIC = "shop", "web"
PARTITIONS, THREADS = 4, 2
HAND_OVER_SECONDS = 60


class KafkaShop:
    """A broker and processes of one app, each with a directory and rules of its own.

    `routes` are topics to be routed, with the number of their partitions.
    """

    def __init__(self, broker, directory, rules, settings, topics, routes, app=APP):
        self.broker = broker
        self.app = app
        self.directory = directory
        self.rules = rules
        self.settings = settings
        self.processes = []
        self.topics = topics
        self.routes = routes
        for topic in topics:
            broker.create_topic(topic, PARTITIONS)
        for topic, partitions in routes.items():
            broker.create_topic(topic, partitions)
        self.process("maker").command("kafka", "create-topics")

    def process(self, instance, **settings):
        """A configured, not yet started process."""
        rules = self.directory / instance / "rules"
        for name, text in self.rules.items():
            (rules / name).parent.mkdir(parents=True, exist_ok=True)
            (rules / name).write_text(text)
        inputs = [{"topic": topic, "format": "json"} for topic in self.topics]
        kafka = {"bootstrap_servers": self.broker.bootstrap, "partitions": PARTITIONS,
                 "instance": instance, "inputs": inputs}
        if self.routes:
            kafka["route"] = [{"topic": topic} for topic in self.routes]
        sojourn = Sojourn(self.directory / instance, rules=rules, app=self.app, log="kafka",
                          threads=THREADS, kafka=kafka, **{**self.settings, **settings})
        sojourn.rules = rules
        self.processes.append(sojourn)
        return sojourn

    def records(self, topic, partitions=PARTITIONS):
        return read_topic(self.broker, topic, partitions)

    def actions(self):
        return [json.loads(record.value()) for record in self.records(f"{self.app}.actions")]


@contextlib.contextmanager
def kafka_shop(rules, topics=(TOPIC,), **settings):
    with KafkaBroker() as broker, shop_at(broker, rules, topics, **settings) as shop:
        yield shop


@contextlib.contextmanager
def shop_at(broker, rules, topics=(TOPIC,), app=APP, routes=None, **settings):
    """At a broker that is there already; several apps have other names and topics."""
    with tempfile.TemporaryDirectory(prefix="sojourn-group-") as name:
        shop = KafkaShop(broker, Path(name), rules, settings, topics, routes or {}, app)
        try:
            yield shop
        finally:
            for sojourn in shop.processes:
                if sojourn.process and sojourn.process.poll() is None:
                    sojourn.kill()


def owned(sojourn):
    """How many partitions a process has restored."""
    return sum(value == 0 for _, value in sojourn.samples("sojourn_partition_restoring"))


def wait_owned(processes, shares=None):
    """Until the processes own every partition between them, in these shares if given."""
    def reached():
        counts = [owned(sojourn) for sojourn in processes]
        return sum(counts) == PARTITIONS and counts == (shares or counts)
    processes[0].wait_for(reached, HAND_OVER_SECONDS, "owning every partition")
