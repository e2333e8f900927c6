#!/usr/bin/python3
"""Merges ids across partitions while faults strike, and compares everybody with a plain count.

    merges.py --merges 10000 --seed N [--instances 3] [--calm]

The faults are those of chaos.py; they go on as long as records are written, and for a whole deck at
least. With --calm one instance is killed, and that is all. Prints what happened and `verdict: ok`, `failed` or `vacuous`; exit code 0 only for `ok`.

Debian's own Python runs this: it has python3-confluent-kafka.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from chaos import MINIMA_PER_DECK, SETTLE_SECONDS  # noqa: E402
from faults import Faults  # noqa: E402
from kafka_events import partition_of  # noqa: E402
from kafka_reader import read_topic  # noqa: E402
from merge_model import Story, judge  # noqa: E402
from shop import ACTIONS, APP, PARTITIONS, TOPICS, Shop  # noqa: E402
from writer import FLUSH_SECONDS  # noqa: E402

RULES = Path(__file__).resolve().parent / "merge-rules"
RECORDS_PER_SECOND = 150
LAST_TIMER_SECONDS = 11
MERGED_STATE = 22  # proto/sojourn/v1/event.proto
MIN_MERGED = 0.9  # of the ids; one that logged in before anything else of it arrived had no state
MAX_TOLD = 10


class Tellers:
    """Writes records at a steady rate, from a thread of its own while the block lasts."""

    def __init__(self, bootstrap, seed, records):
        self._draw = random.Random(seed)
        self._records = records
        self.failures = []
        self.done = threading.Event()
        self._stopping = threading.Event()
        self._producer = Producer({
            "bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": False,
            "linger.ms": 5, "message.timeout.ms": FLUSH_SECONDS * 1000,
            "reconnect.backoff.max.ms": 500, "log_level": 0})
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self._stopping.set()
        self._thread.join()
        self.flush()

    def _run(self):
        due = time.monotonic()
        for record in self._records:
            if self._stopping.is_set():
                return
            self.write(*record)
            due += 1 / RECORDS_PER_SECOND
            self._stopping.wait(max(0.0, due - time.monotonic()))
        self.done.set()

    def write(self, key, event):
        # One person's records stay in one topic: what is said first counts first.
        topic = TOPICS[sum(key.encode()) % len(TOPICS)]
        self._producer.produce(topic, json.dumps(event).encode(), key.encode(),
                               partition_of(key.encode(), PARTITIONS), on_delivery=self._note)
        self._producer.poll(0)

    def _note(self, error, _):
        if error:
            self.failures.append(str(error))

    def flush(self):
        assert self._producer.flush(FLUSH_SECONDS) == 0, "the broker did not take every record"
        assert not self.failures, self.failures[:3]


def type_of(event):
    """The field `type` of a protobuf event."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = event[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(event):
        tag = varint()
        if tag & 7 == 2:
            length = varint()
            at += length
        elif tag & 7 == 1:
            at += 8
        else:
            value = varint()
            if tag >> 3 == 8:
                return value
    return 0


class Merges:
    def __init__(self, merge_count, seed, instance_count, calm, directory):
        self.seed, self.merge_count = seed, merge_count
        self.instance_count, self.calm, self.directory = instance_count, calm, directory
        self.counts, self.missing = Counter(), []
        self._begin = time.monotonic()

    def tell(self, text):
        print(f"  {time.monotonic() - self._begin:7.1f} s  {text}", flush=True)

    def run(self):
        """Findings; what is missing stands in `missing`."""
        story = Story(self.seed, self.merge_count)
        with Shop(self.directory, self.instance_count, 1, self.seed, rules=RULES) as shop:
            faults = Faults(shop, random.Random(self.seed), self.tell)
            with Tellers(shop.broker.bootstrap, self.seed, story.records) as tellers:
                if self.calm:
                    faults.kill_one()
                else:
                    faults.play(time.monotonic() + len(story.records) / RECORDS_PER_SECOND)
                    self.tell("all is healed")
                faults.heal()
            self._tell_the_rest(shop, tellers, story)
            self._count(shop, faults, len(story.records))
            actions = [(record.key().decode(), json.loads(record.value()))
                       for record in read_topic(shop.broker, ACTIONS, PARTITIONS)]
            self.counts["actions"] = len(actions)
            letters = read_topic(shop.broker, f"{APP}.dead-letters", PARTITIONS)
        found = [f"a dead letter: {dict(letter.headers() or [])}" for letter in letters]
        return found + judge(story.people, actions)

    def _tell_the_rest(self, shop, tellers, story):
        for records in (story.contradictions(), story.audits()):
            shop.wait_settled(SETTLE_SECONDS)
            for record in records:
                tellers.write(*record)
            tellers.flush()
        time.sleep(LAST_TIMER_SECONDS)
        shop.wait_settled(SETTLE_SECONDS)
        self.tell("all is at rest")

    def _count(self, shop, faults, record_count):
        self.counts.update(faults.counts)
        events = read_topic(shop.broker, f"{APP}.events", PARTITIONS)
        self.counts.update({
            "records": record_count, "ids that merged": sum(
                type_of(event.value()) == MERGED_STATE for event in events),
            "fences": sum(shop.proxy.fenced.values()),
            "rebalances": max(0, len(shop.proxy.generations) - 1),
            "rollbacks (log)": shop.logged("a commit did not take effect")})
        minima = {name: count * faults.counts["decks"] for name, count in MINIMA_PER_DECK.items()
                  if name != "replays"}
        minima["ids that merged"] = round(MIN_MERGED * self.merge_count)
        self.missing = [f"{self.counts[name]} {name}, of {least} at least"
                        for name, least in minima.items() if self.counts[name] < least]


def run(merge_count, seed, instance_count=3, calm=False):
    """The result, its text, and the directory with the logs where it is not ok."""
    directory = Path(tempfile.mkdtemp(prefix=f"sojourn-merges-{seed}-"))
    merges = Merges(merge_count, seed, instance_count, calm, directory)
    try:
        found = merges.run()
    except BaseException:
        print(f"  seed {seed} did not come to its end; the logs are in {directory}", flush=True)
        raise
    lines = [f"  {name:32} {count:>10,}" for name, count in sorted(merges.counts.items())]
    lines += [f"found: {text}" for text in found[:MAX_TOLD]]
    lines += [f"vacuous: {text}" for text in merges.missing]
    result = "failed" if found else "vacuous" if merges.missing else "ok"
    lines.append(f"{len(found)} findings\nverdict: {result}")
    if result == "ok":
        shutil.rmtree(directory, ignore_errors=True)
    return result, "\n".join(lines), directory


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--merges", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--calm", action="store_true", help="no faults but one kill")
    arguments = parser.parse_args()
    result, text, directory = run(arguments.merges, arguments.seed, arguments.instances,
                                  arguments.calm)
    print(text)
    if result != "ok":
        print(f"the logs of seed {arguments.seed}: {directory}")
    return 0 if result == "ok" else 1


if __name__ == "__main__":
    sys.exit(main())
