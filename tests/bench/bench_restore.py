#!/usr/bin/python3
"""How fast state comes back from the changelog of a real broker: bench_restore.py [PERSONS].

One person lives through some events; their record, under as many ids, fills the changelog. Then a
process starts that has nothing on its disk. Debian's own Python runs this: it has
python3-confluent-kafka.
"""

import json
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from kafka_broker import KafkaBroker  # noqa: E402
from kafka_reader import read_topic  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

APP, INPUT, PARTITIONS, THREADS = "bench", "bench-web", 4, 2
PERSON = "person-0"
RULES = {
    "company.yaml": "company: Bench Shop\ntimezone: UTC\ncurrency: EUR\n"
                    "postal_address: Main Street 1\n",
    "catalog.yaml": "catalog: bench\nevents:\n  Order: {number: string, total: double}\n"
                    "  View: {product: string}\ntraits: {first_name: string, email: string}\n",
    "journeys/counted.yaml": """\
journey: counted
trigger: {event: Order, where: 'event.total > 0.0'}
reentry: never
steps:
  - webhook:
      url: https://shop.example/counted
      data:
        orders: count("Order")
        spent: sum("Order", ever, event.total)
        largest: max("Order", ever, event.total)
        newest: last("Order", event.number)
        views: count("View")
""",
}


def prepared(broker, directory):
    """A process that has run and stopped, and the record that it has left of one person."""
    for name, text in RULES.items():
        (directory / "rules" / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / "rules" / name).write_text(text)
    kafka = {"bootstrap_servers": broker.bootstrap, "instance": "one",
             "inputs": [{"topic": INPUT, "format": "json"}]}
    sojourn = Sojourn(directory / "one", rules=directory / "rules", app=APP, log="kafka",
                      threads=THREADS, kafka=kafka)
    broker.create_topic(INPUT, PARTITIONS)
    sojourn.command("kafka", "create-topics")
    with sojourn:
        calls = [{"type": "identify", "userId": PERSON, "messageId": "m",
                  "traits": {"first_name": "Ana", "email": "ana@customer.example"}}]
        calls += [{"type": "track", "event": name, "userId": PERSON, "messageId": f"{name}-{n}",
                   "properties": properties} for n in range(4) for name, properties in
                  (("Order", {"number": f"o-{n}", "total": 10.5}), ("View", {"product": f"p-{n}"}))]
        assert sojourn.post("/v1/batch", {"batch": calls})[0] == 200
        sojourn.wait_settled(PARTITIONS)
        sojourn.stop()
    records = [record.value() for record in read_topic(broker, f"{APP}.changelog", PARTITIONS)
               if record.key() == PERSON.encode()]
    return sojourn, records[-1]


def fill(broker, record, person_count):
    producer = Producer({"bootstrap.servers": broker.bootstrap, "partitioner": "murmur2_random",
                         "linger.ms": 50, "compression.type": "lz4",
                         "queue.buffering.max.messages": 200_000})
    for number in range(1, person_count):
        if number % 50_000 == 0:
            producer.poll(0)
        while True:
            try:
                producer.produce(f"{APP}.changelog", record, f"person-{number}")
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(300) == 0


def measure(sojourn, person_count, record):
    shutil.rmtree(sojourn.data)
    log_begin = sojourn.log_file.stat().st_size
    began = time.monotonic()
    sojourn.spawn()
    red = 0
    while True:
        try:
            if sojourn.get("/-/ready")[0] == 200:
                break
            red += 1
        except OSError:
            pass
        assert sojourn.process.poll() is None, sojourn.log_tail()
        time.sleep(0.05)
    took = time.monotonic() - began
    log = sojourn.log_file.read_text()[log_begin:]
    restores = [float(seconds) for seconds in
                re.findall(r'message="partition restored".*?seconds=([\d.]+)', log)]
    assert red > 0 and len(restores) == PARTITIONS, log
    seconds = sum(restores) / THREADS
    print(json.dumps({
        "persons": person_count, "record bytes": len(record), "partitions": PARTITIONS,
        "threads": THREADS, "start to ready, seconds": round(took, 2),
        "each partition, seconds": [round(restore, 2) for restore in restores],
        "persons a second": round(person_count / seconds)}))
    for line in log.splitlines():
        if "is being restored" in line:
            print(f"  {line}")


def main():
    person_count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with KafkaBroker() as broker, tempfile.TemporaryDirectory(prefix="sojourn-bench-") as name:
        sojourn, record = prepared(broker, Path(name))
        fill(broker, record, person_count)
        try:
            measure(sojourn, person_count, record)
        finally:
            sojourn.__exit__()
    return 0


if __name__ == "__main__":
    sys.exit(main())
