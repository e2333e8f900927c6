"""Reads topics to their end, by an independent client (python3-confluent-kafka)."""

from confluent_kafka import Consumer, KafkaError, TopicPartition


def ends(broker, topic, partition_count):
    """Where each partition ends, control records included."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "the test"})
    offsets = [consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=30)[1]
               for number in range(partition_count)]
    consumer.close()
    return offsets


def read_topic(broker, topic, partition_count, isolation="read_committed"):
    """Every committed record of a topic, or with "read_uncommitted" every record."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "the test",
                         "isolation.level": isolation, "enable.partition.eof": True,
                         "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(partition_count)])
    records, at_end = [], set()
    while len(at_end) < partition_count:
        for record in consumer.consume(10_000, timeout=1):
            if not record.error():
                records.append(record)
                at_end.discard(record.partition())  # an open transaction was committed meanwhile
            elif record.error().code() == KafkaError._PARTITION_EOF:
                at_end.add(record.partition())
            else:
                raise AssertionError(record.error())
    consumer.close()
    return records
