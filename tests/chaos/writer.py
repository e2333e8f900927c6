"""Writes what people of a shop do (people.py) to Kafka.

For Debian's own Python: it has python3-confluent-kafka.
"""

import json
import sys
from pathlib import Path

from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from kafka_events import partition_of  # noqa: E402
from people import People  # noqa: E402
from shop import PARTITIONS  # noqa: E402

FLUSH_SECONDS = 900  # longer than any broker is away


class Writer(People):
    """Writes from a thread of its own until the block is left; audit() comes afterwards."""

    def __init__(self, bootstrap, seed, person_count, records_per_second):
        super().__init__(seed, person_count, records_per_second)
        self.failures = []
        # Not idempotent: such a producer fails for good when the broker forgets its number. What it
        # writes twice has the same id.
        self._producer = Producer({
            "bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": False,
            "linger.ms": 5, "message.timeout.ms": FLUSH_SECONDS * 1000,
            "reconnect.backoff.max.ms": 500, "log_level": 0})

    def _send(self, topic, person, event):
        self._producer.produce(topic, json.dumps(event).encode(), person.encode(),
                               partition_of(person.encode(), PARTITIONS), on_delivery=self._note)
        self._producer.poll(0)

    def _note(self, error, _):
        if error:
            self.failures.append(str(error))

    def _flush(self):
        assert self._producer.flush(FLUSH_SECONDS) == 0, "the broker did not take every record"
        assert not self.failures, self.failures[:3]
