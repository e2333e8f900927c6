#!/usr/bin/python3
"""`sojourn backfill` over two topics of a real broker, at work while events go on coming.

Everybody ends with the counts that a plain recount of what was written gives.
Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import json
import random
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from kafka_events import partition_of  # noqa: E402
from kafka_shop import PARTITIONS, kafka_shop, owned, wait_owned  # noqa: E402

TOPICS = ("web", "purchase")
PEOPLE = [f"p{number}" for number in range(200)]
OLD = {"company.yaml": "company: Test Shop\ntimezone: UTC\n",
       "journeys/other.yaml": "journey: other\ntrigger: {event: Other}\nsteps:\n"
                              "  - {webhook: {url: 'https://shop.example/other'}}\n"}
# What is asked shows the counters: each Check gives one webhook with what has been counted.
CHECK = {"journeys/check.yaml": """\
journey: check
trigger: {event: Check}
steps:
  - webhook:
      url: "https://shop.example/check"
      data:
        bought: count("Bought", ever)
        viewed: count("Viewed", ever)
        total: sum("Bought", ever, event.total)
"""}
LATER = {"journeys/later.yaml": """\
journey: later
trigger: {event: Later}
only_if: count("Viewed", days(3)) > 2 && person.vip == true
steps:
  - {webhook: {url: "https://shop.example/later"}}
"""}


class Traffic:
    """Writes what people do and keeps count of it: purchases to one topic, all else to the other."""

    def __init__(self, shop, seed):
        self.producer = Producer({"bootstrap.servers": shop.broker.bootstrap, "acks": "all",
                                  "linger.ms": 2, "log_level": 0})
        self.random = random.Random(seed)
        self.written = 0
        self.expected = defaultdict(lambda: {"bought": 0, "viewed": 0, "total": 0})

    def write(self, person, event, name=None, **properties):
        name = name or f"m-{self.written}"
        value = {"type": "track", "userId": person, "messageId": name, "event": event,
                 "properties": properties}
        self.producer.produce("purchase" if event == "Bought" else "web",
                              json.dumps(value).encode(), person.encode(),
                              partition_of(person.encode(), PARTITIONS))
        self.producer.poll(0)
        self.written += 1
        return name

    def act(self, person):
        counts = self.expected[person]
        if self.random.random() < 0.5:
            counts["viewed"] += 1
            return self.write(person, "Viewed")
        total = self.random.randint(1, 90)
        counts["bought"] += 1
        counts["total"] += total
        name = self.write(person, "Bought", total=total)
        if self.random.random() < 0.1:  # a client that did not hear the answer
            self.write(person, "Bought", name=name, total=total)
        return name

    def act_all(self, count):
        for _ in range(count):
            self.act(self.random.choice(PEOPLE))
        self.flush()

    def check_all(self):
        for person in PEOPLE:
            self.write(person, "Check")
        self.flush()

    def flush(self):
        assert self.producer.flush(60) == 0


class Going:
    """Events that go on coming while something else is done."""

    def __init__(self, traffic):
        self.traffic = traffic
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ended.is_set():
            self.traffic.act_all(20)
            time.sleep(0.02)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def load(processes, files):
    """Puts other rules into force and waits until every partition goes by them."""
    def oldest():
        bundles = [bundle for process in processes
                   for bundle in process.metric_by("sojourn_rules_bundle", "partition").values()]
        return min(bundles) if len(bundles) == PARTITIONS else 0

    processes[0].wait_for(lambda: oldest() > 0, what="the old rules")
    before = oldest()
    for process in processes:
        for name, text in files.items():
            (process.rules / name).write_text(text)
    processes[0].wait_for(lambda: oldest() > before, what="the new rules")


def checked(shop):
    return {action["person"]: action["values"]["data"] for action in shop.actions()
            if action.get("journey") == "check"}


def assert_counts(shop, traffic, processes):
    for process in processes:
        process.wait_settled(owned(process))
    traffic.check_all()
    processes[0].wait_for(lambda: len(checked(shop)) == len(PEOPLE), what="the answers")
    answers = checked(shop)
    wrong = {person: (answers[person], traffic.expected[person]) for person in PEOPLE
             if any(answers[person][key] != count
                    for key, count in traffic.expected[person].items())}
    assert not wrong, f"{len(wrong)} people, {list(wrong.items())[:3]}"


def test_events_of_two_topics_are_counted_once():
    with kafka_shop(OLD, topics=TOPICS) as shop:
        traffic = Traffic(shop, 1)
        processes = [shop.process("one").start(), shop.process("two").start()]
        wait_owned(processes)
        traffic.act_all(3000)
        with Going(traffic):
            load(processes, CHECK)
            said = processes[0].command("backfill", "--yes").stdout
        assert "3 counters would be filled from the log:" in said, said
        assert f"done: 3 counters of {len(PEOPLE)} people" in said, said
        assert_counts(shop, traffic, processes)
        again = processes[0].command("backfill", "--yes").stdout
        assert again == "no counter is to be filled: each has counted, or was filled\n", again


def test_the_moved_partition_goes_on_with_what_was_begun():
    """A process is killed in the middle: its partitions are taken over."""
    with kafka_shop(OLD, topics=TOPICS) as shop:
        traffic = Traffic(shop, 2)
        processes = [shop.process("one").start(), shop.process("two").start()]
        wait_owned(processes)
        traffic.act_all(2000)
        load(processes, CHECK)
        with Going(traffic):
            killer = threading.Timer(1, processes[1].kill)
            killer.start()
            said = processes[0].command("backfill", "--yes").stdout
            killer.join()
        assert "done: 3 counters" in said, said
        wait_owned(processes[:1])
        assert_counts(shop, traffic, processes[:1])


def test_without_a_process_it_says_what_is_missing():
    with kafka_shop(OLD, topics=TOPICS) as shop:
        traffic = Traffic(shop, 3)
        one = shop.process("one").start()
        wait_owned([one])
        traffic.act_all(100)
        load([one], CHECK)
        one.stop()
        refused = one.command("backfill", "--yes", check=False)
        assert refused.returncode != 0
        assert "a sojourn run of the app has to be at work" in refused.stderr, refused.stderr


def test_what_reads_the_person_is_refused():
    with kafka_shop(OLD, topics=TOPICS) as shop:
        one = shop.process("one").start()
        wait_owned([one])
        load([one], LATER)
        refused = one.command("backfill", "--dry-run", check=False)
        assert 'count("Viewed"' in refused.stdout, refused.stdout


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
