#!/usr/bin/python3
"""Proves exactly once over a real Apache Kafka broker, or finds where it is not so.

    run.sh --minutes M --seed N [--instances 3] [--brokers 1] [--rate 40] [--keep DIRECTORY]
    run.sh --embedded --minutes M --seed N [--keep DIRECTORY]      (embedded.py)

Some instances of `sojourn run` work on what a writer writes, through a proxy, while faults strike
them (faults.py). Then all is healed, everybody's state is asked for by a last record, and when
nothing is left to do the judge (judge.py) compares what is in the actions topic with what the input
demands. Prints what happened and the verdict; the exit code is 0 only for `ok`. Otherwise what was
found stays in a directory, for `judge.py DIRECTORY`. README.md says more.

Debian's own Python runs this: it has python3-confluent-kafka.
"""

import argparse
import functools
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import evidence as evidence_files  # noqa: E402
import segments  # noqa: E402
from embedded import EmbeddedChaos  # noqa: E402
from evidence import Emitted, Evidence  # noqa: E402
from faults import Faults  # noqa: E402
from judge import judge, milliseconds  # noqa: E402
from kafka_reader import ends, read_topic  # noqa: E402
from model import Record  # noqa: E402
from shop import ACTIONS, APP, PARTITIONS, TOPICS, AlongReader, NoRest, Shop  # noqa: E402
from writer import Writer  # noqa: E402

RECORDS_PER_SECOND = 30
FULL_RECORDS_PER_SECOND = 40  # in twenty minutes more than 100,000 actions
SECONDS_PER_PERSON = 16 / 3  # between the records of one
# The longest chain of timers (a segment that ends after 15 s), and some.
LAST_TIMER_SECONDS = 18
SETTLE_SECONDS = 300
# What the writer's rate alone gives several times over.
MIN_ACTIONS_PER_MINUTE = 600
# Of each deck of faults that was played: about half of what it holds, for some come in vain.
MINIMA_PER_DECK = {"kills": 4, "kills inside open transactions": 2, "fences": 1, "rebalances": 3,
                   "broker restarts": 1, "replays": 3}


class Teller:
    """Says what happens, and when."""

    def __init__(self):
        self._begin = time.monotonic()

    def __call__(self, text):
        print(f"  {time.monotonic() - self._begin:7.1f} s  {text}", flush=True)


class Chaos:
    """One run: the shop, what strikes it, and what is left at the end."""

    def __init__(self, minutes, seed, instance_count, broker_count, directory,
                 rate=RECORDS_PER_SECOND, **shop_settings):
        self.minutes, self.seed, self.rate = minutes, seed, rate
        self.instance_count, self.broker_count = instance_count, broker_count
        self.directory, self.shop_settings = directory, shop_settings
        self.tell, self._audit = Teller(), None

    def run(self):
        """The evidence, when all is at rest."""
        draw = random.Random(self.seed)
        with Shop(self.directory, self.instance_count, self.broker_count, self.seed,
                  **self.shop_settings) as shop:
            bootstrap = shop.broker.bootstrap
            faults = Faults(shop, draw, self.tell)
            writer = Writer(bootstrap, self.seed, round(self.rate * SECONDS_PER_PERSON), self.rate)
            cut_short = False
            with AlongReader(bootstrap) as along:
                self.prepare(shop)
                try:
                    with writer:
                        self.strike(shop, faults, writer)
                        faults.heal()
                        self.tell("all is healed")
                    self._come_to_rest(shop, writer, along)
                except NoRest:
                    self.tell("an instance ends again and again")
                    cut_short = True
                    shop.kill_all()
            assert not along.errors, along.errors[:3]
            return self._gather(shop, writer, faults, along, cut_short)

    def prepare(self, shop):
        """Before the first record."""

    def strike(self, shop, faults, writer):
        """While the writer writes."""
        del shop, writer
        time.sleep(3)
        faults.play(time.monotonic() + 60 * self.minutes)

    def _come_to_rest(self, shop, writer, along):
        time.sleep(LAST_TIMER_SECONDS)
        shop.wait_settled(SETTLE_SECONDS)
        self._audit = {"begin_ms": round(time.time() * 1000),
                       "offsets": ends(shop.broker, ACTIONS, PARTITIONS)}
        writer.audit()
        shop.wait_settled(SETTLE_SECONDS)
        self.tell("all is at rest")
        wanted = len(read_topic(shop.broker, ACTIONS, PARTITIONS))
        deadline = time.monotonic() + 60
        while len(along.records) < wanted and time.monotonic() < deadline:
            time.sleep(0.2)

    def _gather(self, shop, writer, faults, along, cut_short):
        inputs = [input_record(record) for topic in TOPICS
                  for record in read_topic(shop.broker, topic, PARTITIONS)]
        counts = Counter(faults.counts)
        counts.update({
            "records written": writer.written, "records written twice": writer.repeated,
            "records that tell of the past": writer.late,
            "fences": sum(shop.proxy.fenced.values()),
            "rebalances": max(0, len(shop.proxy.generations) - 1),
            "rollbacks (log)": shop.logged("a commit did not take effect"),
            "clients made anew (log)": shop.logged("a Kafka client is made anew"),
            "dead letters": len(read_topic(shop.broker, f"{APP}.dead-letters", PARTITIONS))})
        logs = sorted(shop.broker.directory.glob("node-*/data"))
        return Evidence(
            inputs, [emitted(record) for record in along.records],
            [emitted(record) for record in read_topic(shop.broker, ACTIONS, PARTITIONS)],
            [emitted(record) for record in
             read_topic(shop.broker, ACTIONS, PARTITIONS, "read_uncommitted")],
            segments.batches(logs, ACTIONS, PARTITIONS),
            {"seed": self.seed, "minutes": self.minutes, "instances": self.instance_count,
             "brokers": self.broker_count, "counts": dict(counts),
             "minima": self.minima(faults.counts["decks"]), "told": self._told(shop),
             "audit": self._audit, "cut_short": cut_short})

    def _told(self, shop):
        """What does not show in the actions."""
        told = [("ended", text) for text in shop.ended]
        # At rest every thread is there again and has ended what its last life began.
        return told + [("left open", name) for name, client in shop.proxy.left_open().items()
                       if client in shop.instances and name.startswith(f"{APP}-{client}-")]

    def minima(self, decks):
        minima = {name: count * decks for name, count in MINIMA_PER_DECK.items()}
        minima["expected actions"] = round(MIN_ACTIONS_PER_MINUTE * max(1, self.minutes))
        return minima


def input_record(record):
    event = json.loads(record.value())
    if "timestamp" in event:
        event["time_ms"] = milliseconds(event["timestamp"])
    return Record(record.topic(), record.partition(), record.offset(), record.timestamp()[1],
                  record.key().decode(), event)


def emitted(record):
    return Emitted(record.partition(), record.offset(), record.key().decode(), record.value())


def run(minutes, seed, instance_count=3, broker_count=1, keep=None, make=Chaos):
    """A run over Kafka and its verdict, and where its evidence is if it was kept. `make` makes the
    run, of what Chaos is made of."""
    return _judged(seed, keep, lambda directory: make(
        minutes, seed, instance_count, broker_count, directory).run())


def run_embedded(minutes, seed, keep=None):
    """The same over the embedded log of one process."""
    return _judged(seed, keep, lambda directory: EmbeddedChaos(
        minutes, seed, random.Random(seed), directory, Teller()).run())


def _judged(seed, keep, play):
    directory = Path(tempfile.mkdtemp(prefix=f"sojourn-chaos-{seed}-"))
    kept = Path(keep) if keep else directory
    is_over = False
    try:
        found = play(directory)
        evidence_files.save(found, kept)
        verdict = judge(found)
        is_over = verdict.result == "ok" and not keep
        if not is_over:
            _keep_logs(directory, kept)
        return verdict, None if is_over else kept
    except BaseException:
        print(f"  seed {seed} did not come to its end; the logs are in {directory}", flush=True)
        raise
    finally:
        if is_over:
            shutil.rmtree(directory, ignore_errors=True)


def _keep_logs(directory, kept):
    for log in directory.glob("*/sojourn.log"):
        target = kept / log.parent.name / log.name
        if target != log:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(log, target)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, required=True,
                        help="of faults; at least one whole deck of them is played")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--embedded", action="store_true", help="the embedded log, not Kafka")
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--brokers", type=int, default=1)
    parser.add_argument("--rate", type=int, default=FULL_RECORDS_PER_SECOND,
                        help="records a second; the more there are, the more persons, too")
    parser.add_argument("--keep", help="a directory for the evidence, also where all is well")
    arguments = parser.parse_args()
    if arguments.embedded:
        verdict, kept = run_embedded(arguments.minutes, arguments.seed, arguments.keep)
    else:
        verdict, kept = run(arguments.minutes, arguments.seed, arguments.instances,
                            arguments.brokers, arguments.keep,
                            functools.partial(Chaos, rate=arguments.rate))
    print(verdict.text())
    if kept:
        print(f"evidence of seed {arguments.seed}: {kept}")
    return 0 if verdict.result == "ok" else 1


if __name__ == "__main__":
    sys.exit(main())
