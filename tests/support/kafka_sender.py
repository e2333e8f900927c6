"""Writes events to topics in tests, as a producer of one's own would.

For Debian's own Python: it has python3-confluent-kafka, an independent Kafka client.
"""

import json

from confluent_kafka import Producer

from kafka_events import partition_of
from kafka_shop import PARTITIONS, TOPIC


class Sender:
    """Events for the topics of a KafkaShop; what was sent is there after flush()."""

    def __init__(self, broker, topic=TOPIC):
        self._topic = topic
        self._producer = Producer({"bootstrap.servers": broker.bootstrap, "acks": "all",
                                   "linger.ms": 5, "log_level": 0})

    def track(self, person, event, properties=None, **options):
        self._produce(person, {"type": "track", "event": event, "properties": properties or {}},
                      **options)

    def identify(self, person, traits, **options):
        self._produce(person, {"type": "identify", "traits": traits}, **options)

    def flush(self):
        assert self._producer.flush(60) == 0, "the broker did not take every record"

    def _produce(self, person, call, topic=None, log_ms=0):
        """`log_ms`: the record's timestamp; 0: the present."""
        self._producer.produce(
            topic or self._topic, json.dumps({**call, "userId": person}).encode(), person.encode(),
            partition_of(person.encode(), PARTITIONS), timestamp=log_ms)
        self._producer.poll(0)
