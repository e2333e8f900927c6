#!/usr/bin/env python3
"""Many timers that are due at the same instant, on the embedded log: bench_burst.py [TIMERS].

Imports that many persons who all wait until one moment, sends live events to others before and while
it comes, and tells: how long until all had fired, how long live events took from their append to the
commit of their action, the most memory, and whether every timer fired once. A figure beside its
limit is a figure still; only what fired twice or never is an error. Standard library only, and
RocksDB's `ldb`, which reads the directory in the end.
"""

import argparse
import shutil
import struct
import sys
import tempfile
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from ldb_rows import rows, varint  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

LIVE_PER_SECOND, LIVE_SENDERS, LEAD_SECONDS = 40, 2, 10
FILL_PER_SECOND, FILL_SECONDS = 15_000, 30  # what the import surely manages
LIMIT_P99_SECONDS, LIMIT_MEMORY_MIB = 5, 4096
PARTITIONS = 4
RULES = {
    "company.yaml": "company: Test Shop\ntimezone: UTC\n",
    "journeys/wait.yaml":
        "journey: wait\ntrigger: {event: Joined}\nsteps:\n"
        "  - wait: {until: 'timestamp(\"MOMENT\")'}\n"
        "  - webhook: {url: \"https://shop.example/due\"}\n",
    "journeys/live.yaml":
        "journey: live\ntrigger: {event: Ping}\none_run_per: event.number\nsteps:\n"
        "  - webhook: {url: \"https://shop.example/live\"}\n",
}


def rfc3339(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def say(name, value):
    print(f"{name:<44} {value}", flush=True)


def write_file(path, count):
    """Everybody joined an hour ago."""
    joined = rfc3339(datetime.now(timezone.utc) - timedelta(hours=1))
    with open(path, "w") as file:
        for number in range(count):
            file.write(f'{{"type":"track","userId":"t{number}","event":"Joined",'
                       f'"messageId":"j{number}","timestamp":"{joined}"}}\n')


class LiveEvents:
    """Sends them until the block is left."""

    def __init__(self, sojourn):
        self.acknowledged = [0] * LIVE_SENDERS  # by sender, each numbers its own
        self.slowest_answer_seconds = 0.0
        self._sojourn = sojourn
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(sender,))
                         for sender in range(LIVE_SENDERS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _send(self, sender):
        due = time.monotonic()
        while not self._stopping.is_set():
            number = self.acknowledged[sender]
            began = time.monotonic()
            status, text = self._sojourn.post("/v1/track", {
                "userId": f"live-{sender}-{number % 50}", "event": "Ping",
                "properties": {"number": f"{sender}-{number}"}}, timeout=120)
            assert status == 200, text
            self.slowest_answer_seconds = max(self.slowest_answer_seconds,
                                              time.monotonic() - began)
            self.acknowledged[sender] += 1
            due = max(due + LIVE_SENDERS / LIVE_PER_SECOND, time.monotonic())
            self._stopping.wait(due - time.monotonic())


def fired(sojourn):
    return sojourn.metric("sojourn_timers_fired_total")


def fill(sojourn, directory, count, moment):
    path = directory / "joined.ndjson"
    write_file(path, count)
    began = time.monotonic()
    sojourn.command("import", str(path), "--yes", timeout=7200)
    sojourn.wait_settled(PARTITIONS, 7200)
    path.unlink()
    say("seconds to import and start all", f"{time.monotonic() - began:.0f}")
    left = moment - time.time()
    if left < LEAD_SECONDS:
        sys.exit(f"the moment came before all were waiting ({-left:.0f} s too late); "
                 "give more time with --fill-seconds")


def burst(sojourn, count, moment):
    """Until everything has fired; the live events that were sent around it."""
    time.sleep(max(0, moment - LEAD_SECONDS - time.time()))
    with LiveEvents(sojourn) as live:
        sojourn.wait_for(lambda: fired(sojourn) >= count, 7200, "all timers")
        say("seconds from the moment until all had fired", f"{time.time() - moment:.1f}")
        time.sleep(2)
    sojourn.wait_settled(PARTITIONS, 7200)
    return live


def peak_memory_mib(sojourn):
    status = Path(f"/proc/{sojourn.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


# ---- what was committed ----------------------------------------------------------------------


def person_and_times(row):
    """Of a row of `actions`: whose it is, its logical time and when it was committed."""
    committed_ms = struct.unpack_from("<q", row, 1)[0]
    _, at = varint(row, 9)
    person, time_ms = b"", 0
    while at < len(row):
        tag, at = varint(row, at)
        value, at = varint(row, at)
        if tag & 7 == 2:
            if tag >> 3 == 3:
                person = bytes(row[at:at + value])
            at += value
        elif tag >> 3 == 18:
            time_ms = value
            break
    return person.decode(), time_ms, committed_ms


def check(data, count, live, moment):
    times_fired, delays_ms, live_count = bytearray(count), [], 0
    for _, _, row in rows(data, "actions"):
        person, time_ms, committed_ms = person_and_times(row)
        if person.startswith("t"):
            times_fired[int(person[1:])] += 1
            continue
        live_count += 1
        if time_ms >= moment * 1000:
            delays_ms.append(committed_ms - time_ms)
    delays_ms.sort()
    sent = sum(live.acknowledged)
    never, twice = times_fired.count(0), count - times_fired.count(0) - times_fired.count(1)
    p99_seconds = delays_ms[len(delays_ms) * 99 // 100] / 1000
    say("timers that fired once / never / more often", f"{times_fired.count(1)} / {never} / {twice}")
    say("live events sent / with an action", f"{sent} / {live_count}")
    say("live events, commit after append: p50", f"{delays_ms[len(delays_ms) // 2] / 1000:.3f} s")
    say("live events, commit after append: p99", f"{p99_seconds:.3f} s  (limit "
                                                 f"{LIMIT_P99_SECONDS} s)")
    say("live events, commit after append: longest", f"{delays_ms[-1] / 1000:.3f} s")
    say("live events, slowest answer", f"{live.slowest_answer_seconds:.3f} s")
    return never == twice == 0 and live_count == sent


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("timers", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fill-seconds", type=int, help="from the start until the moment")
    arguments = parser.parse_args()
    count = arguments.timers
    wait_seconds = arguments.fill_seconds or FILL_SECONDS + count // FILL_PER_SECOND
    moment = int(time.time()) + wait_seconds
    directory = Path(tempfile.mkdtemp(prefix="sojourn-burst-"))
    try:
        for name, text in RULES.items():
            (directory / "rules" / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / "rules" / name).write_text(text.replace(
                "MOMENT", rfc3339(datetime.fromtimestamp(moment, timezone.utc))))
        with Sojourn(directory / "process", rules=directory / "rules", partitions=PARTITIONS,
                     threads=arguments.threads) as sojourn:
            say("timers", f"{count:,}")
            fill(sojourn, directory, count, moment)
            live = burst(sojourn, count, moment)
            say("most memory", f"{peak_memory_mib(sojourn):,} MiB  (limit {LIMIT_MEMORY_MIB:,} MiB)")
            sojourn.stop(600)
            return 0 if check(sojourn.data, count, live, moment) else 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
