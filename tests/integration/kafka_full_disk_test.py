#!/usr/bin/python3
"""A disk that fills up below a process over Kafka: it takes no more and says why, and goes on when there
is room again; nothing is lost or doubled, whatever ends meanwhile.

Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import collections
import json
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import Skipped, long_run, run_cases  # noqa: E402
from kafka_events import partition_of  # noqa: E402
from kafka_sender import Sender  # noqa: E402
from kafka_shop import PARTITIONS, kafka_shop  # noqa: E402
from small_disk import MEBIBYTE, fill, noise, small_disk  # noqa: E402
from small_rules import FILES, PING_URL  # noqa: E402

LATER_URL = "https://shop.example/later"
NOTE_BYTES = 100_000  # kept of everybody who waits


def rules(wait_seconds):
    return {
        **FILES,
        "journeys/later.yaml":
            "journey: later\ntrigger: {event: Keep}\nsteps:\n"
            f"  - wait: {wait_seconds} seconds\n"
            f"  - webhook: {{url: \"{LATER_URL}\", data: {{size: \"size(event.note)\"}}}}\n"}


class Pings(Sender):
    def __init__(self, broker):
        super().__init__(broker)
        self.count = 0

    def ping(self, count):
        for _ in range(count):
            self.count += 1
            self.track(f"person-{self.count % 50}", "Ping", {"number": f"n{self.count}"})
        self.flush()


def in_one_partition(count):
    """Ids of so many people that all belong to partition 0."""
    names = (f"keeper-{number}" for number in range(count * PARTITIONS * 2))
    return [name for name in names if partition_of(name.encode(), PARTITIONS) == 0][:count]


def counts(shop):
    return collections.Counter(action["url"] for action in shop.actions())


def send_keeps(sender, count):
    for number, person in enumerate(in_one_partition(count)):
        sender.track(person, "Keep", {"note": noise(NOTE_BYTES, number)})
    sender.flush()


def wait_not_ready(sojourn):
    """Until its readiness says what is wrong."""
    def refused():
        status, text = sojourn.get("/-/ready")
        return status == 503 and "nearly full" in text and text
    reason = sojourn.wait_for(refused, what="being not ready")
    assert str(sojourn.settings["data"]) in reason and "make room" in reason, reason
    # What SojournNotReady and SojournDiskFilling look at.
    assert sojourn.metric("sojourn_ready") == 0
    assert sojourn.metric("sojourn_disk_free_bytes") < 64 * MEBIBYTE
    sojourn.wait_for(lambda: "nearly full" in sojourn.log_tail(), what="a line in the log")


def check_stands_still(shop, sojourn, sender):
    """Nothing is consumed and nothing done; the process does not spin meanwhile."""
    time.sleep(1)
    before, processor_seconds = counts(shop), used_seconds(sojourn)
    sender.ping(100)
    time.sleep(3)
    assert counts(shop) == before, (before, counts(shop))
    assert used_seconds(sojourn) - processor_seconds < 1.5
    assert sojourn.metric("sojourn_lag_records") > 0


def used_seconds(sojourn):
    fields = Path(f"/proc/{sojourn.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def check_all(shop, sojourn, sender, people):
    """Everything has its one action."""
    sojourn.wait_for(lambda: counts(shop)[LATER_URL] >= people and
                     counts(shop)[PING_URL] >= sender.count, 90, "all actions")
    sojourn.wait_settled(PARTITIONS)
    assert counts(shop) == {LATER_URL: people, PING_URL: sender.count}, counts(shop)
    seen = {(action["person"], action.get("run_key")) for action in shop.actions()}
    assert len(seen) == people + sender.count


def begin(shop, disk):
    """A process on the disk that has handled some pings, and who sends them."""
    sojourn = shop.process("one", data=str(disk / "data")).start()
    sender = Pings(shop.broker)
    sender.ping(100)
    sojourn.wait_for(lambda: counts(shop)[PING_URL] == 100, what="the first pings")
    return sojourn, sender


def test_nearly_full_disk_stops_consumption_until_there_is_room():
    people = 60
    with kafka_shop(rules(wait_seconds=3)) as shop, \
            small_disk(shop.directory / "disk", "300m") as disk:
        sojourn, sender = begin(shop, disk)
        ballast = fill(disk, leave_bytes=60 * MEBIBYTE)
        wait_not_ready(sojourn)
        send_keeps(sender, people)
        check_stands_still(shop, sojourn, sender)
        ballast.unlink()
        sojourn.wait_ready()
        check_all(shop, sojourn, sender, people)
        assert sojourn.metric("sojourn_ready") == 1
        sojourn.stop()


def test_full_disk_costs_nothing_over_restarts():
    """Not a byte is left, and the process is killed: its successors wait for room, or end and say so
    as often as their supervisor starts them."""
    if not long_run():
        raise Skipped("takes a minute: tests/run.sh --long")
    people = 600  # what is kept of them has no room in what is left of the database's own log
    with kafka_shop(rules(wait_seconds=30)) as shop, \
            small_disk(shop.directory / "disk", "300m") as disk:
        sojourn, sender = begin(shop, disk)
        send_keeps(sender, people)
        sojourn.wait_for(lambda: sojourn.metric("sojourn_lag_records") == 0, what="the keeps")
        ballast = fill(disk, leave_bytes=0)
        wait_not_ready(sojourn)
        sender.ping(100)
        # An orderly stop cannot write what is in memory only, if anything still is: the topics have it.
        sojourn.process.send_signal(signal.SIGTERM)
        code, last = sojourn.process.wait(120), sojourn.log_tail(1)
        assert code in (0, 2), sojourn.log_tail()
        if code == 2:
            assert str(disk) in last and "the disk is full; free some space" in last, last
        for _ in range(2):
            sojourn.spawn()
            time.sleep(3)
            if sojourn.process.poll() is None:
                sojourn.kill()
            else:
                assert sojourn.process.returncode == 2 and "full" in sojourn.log_tail(1)
        ballast.unlink()
        sojourn.start()
        check_all(shop, sojourn, sender, people)
        sojourn.stop()


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
