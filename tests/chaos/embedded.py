"""Proves exactly once over the embedded log of one process, or finds where it is not so.

    run.sh --embedded --minutes M --seed N [--keep DIRECTORY]

One `sojourn run` takes events over HTTP and sends mails to a relay, and dies again and again: killed
at any moment, while it starts, or at one of its syncs; often the power is lost with it, and what was
not synced is taken back (power.py). Then it may go on in peace, everybody's state is asked for by a
last record, and the judge compares. chaos.py runs this.

Debian's own Python runs this: it has python3-aiosmtpd.
"""

import email
import json
import logging
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path
from shutil import copytree

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import directory_rows  # noqa: E402
import order  # noqa: E402
from delivery_records import delivery_records  # noqa: E402
from evidence import Batch, Delivery, Emitted, Evidence, Mail  # noqa: E402
from http_writer import HttpWriter  # noqa: E402
from ldb_rows import rows  # noqa: E402
from mail_relay import Relay  # noqa: E402
from power import PowerLossDisk  # noqa: E402
from sojourn_process import Sojourn, free_port  # noqa: E402

RULES = Path(__file__).resolve().parent / "rules"
PERSONS, RECORDS_PER_SECOND, PARTITIONS = 160, 90, 4
# How a life ends, each with and without the loss of power.
ENDS = ("at a moment", "at a moment", "while it starts", "before a sync", "before a sync",
        "after a sync", "after a sync")
MOMENT_SECONDS, STARTING_SECONDS, SYNCS = (0.2, 2.0), (0.0, 0.4), (1, 400)
# Lives in which only timers and mails go on, so that one write waits for its sync alone.
QUIET, QUIET_SYNCS = 0.3, (15, 90)
LAST_SYNC_SECONDS = 15  # a life that has not come to its last sync by then ends all the same
LAST_TIMER_SECONDS = 16
SETTLE_SECONDS = 60
MIN_ACTIONS_PER_MINUTE = 900
# Of each deck of ends that was played.
MINIMA_PER_DECK = {"kills": 12, "deaths at a sync": 3, "losses of power": 6,
                   "losses that took bytes back": 1, "records worked on after a restart": 1}
RELOADED = """\
journey: idle
trigger: {{event: Audited, where: event.audit_id == "never-{number}"}}
steps:
  - webhook: {{url: "https://shop.example/idle"}}
"""


class AlongReader:
    """Reads actions from the process as they are committed, through all its lives."""

    def __init__(self, sojourn):
        self.actions = []  # Emitted; of the reader's thread until the block is left
        self._sojourn = sojourn
        self._next = [0] * PARTITIONS
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()

    def _run(self):
        while not self._stopping.is_set():
            try:
                self.read(follow_ms=300)
            except (OSError, ValueError):  # It has died, or begins just now.
                time.sleep(0.02)

    def read(self, follow_ms=0):
        """What has been committed since; gives how many actions these are."""
        instance = json.loads((self._sojourn.data / "instance.json").read_text())
        start = ",".join(map(str, self._next))
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._sojourn.port}/-/actions?from={start}&limit=5000"
            f"&follow={follow_ms}", headers={"Authorization": f"Bearer {instance['token']}"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            lines = answer.read().splitlines()
            ends = [int(text) for text in answer.headers["X-Sojourn-Next"].split(",")]
        places = [(number, offset) for number, end in enumerate(ends)
                  for offset in range(self._next[number], end)]
        assert len(places) == len(lines), (self._next, ends, len(lines))
        self.actions += [Emitted(*place, json.loads(line)["person"], line)
                         for place, line in zip(places, lines)]
        self._next = ends
        return len(lines)


class EmbeddedChaos:
    """One run: the process, what strikes it, and what is left at the end."""

    def __init__(self, minutes, seed, draw, directory, tell):
        self.minutes, self.seed, self.draw, self.tell = minutes, seed, draw, tell
        self.counts = Counter({name: 0 for name in MINIMA_PER_DECK})
        self.relay = Relay(directory)
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # Clients that die are no news.
        copytree(RULES, directory / "rules")
        self.sojourn = self._process(directory)
        self.disk = PowerLossDisk(self.sojourn.data)
        self.decks = self._bundles = 0
        self._deaths = []  # (ended, begun again), milliseconds by the wall clock

    def _process(self, directory):
        key_file, port = directory / "dkim.pem", free_port()
        subprocess.run(["openssl", "genrsa", "-out", key_file, "2048"], check=True,
                       capture_output=True)
        mail = {"send": "smtp", "smtp": self.relay.settings(),
                "public_url": f"http://127.0.0.1:{port}",
                "dkim": [{"domain": "shop.example", "selector": "test",
                          "key_file": str(key_file)}]}
        sojourn = Sojourn(directory / "process", rules=directory / "rules", port=port, threads=2,
                          partitions=PARTITIONS, mail=mail)
        del sojourn.settings["secrets"]  # Those that it makes must last, too.
        sojourn.write_config()
        sojourn.rules = directory / "rules"
        return sojourn

    def run(self):
        """The evidence, when all is at rest."""
        self.relay.controller.start()
        try:
            writer = HttpWriter(self.sojourn, self.seed, PERSONS, RECORDS_PER_SECOND)
            with AlongReader(self.sojourn) as along:
                with writer:
                    self._play(time.monotonic() + 60 * self.minutes, writer)
                    writer.resting = False
                    self._begin()
                    self.sojourn.wait_ready()
                    self.tell("all is healed")
                self._come_to_rest(writer)
            along.read()
            return self._gather(writer, along)
        finally:
            if self.sojourn.process and self.sojourn.process.poll() is None:
                self.sojourn.kill()
            self.relay.controller.stop()

    # ---- deaths

    def _play(self, deadline, writer):
        while self.decks == 0 or time.monotonic() < deadline:
            deck = [(end, lost) for end in ENDS for lost in (False, True)] + [("by a stop", False)]
            self.draw.shuffle(deck)
            for end, power_is_lost in deck:
                if self.decks > 0 and time.monotonic() > deadline:
                    return
                writer.resting = self.draw.random() < QUIET
                self._live(end, power_is_lost, QUIET_SYNCS if writer.resting else SYNCS)
            self.decks += 1

    def _begin(self, **dying):
        self.sojourn.environment = self.disk.environment(**dying)
        self.sojourn.spawn()
        if self._deaths:
            self._deaths[-1] = (self._deaths[-1][0], now_ms())

    def _live(self, end, power_is_lost, syncs):
        self._end_life(end, syncs)
        self._deaths.append((now_ms(), now_ms()))
        taken_back = ""
        if power_is_lost:
            size, names = self.disk.lose_power(self.draw)
            taken_back = f"; the power is lost: {size} bytes and {names} names are taken back"
            self.counts["losses of power"] += 1
            self.counts["losses that took bytes back"] += size > 0
        self.tell(f"ended {end}{taken_back}")

    def _end_life(self, end, syncs):
        at_sync = end.endswith("a sync")
        if at_sync:
            self._begin(die_at=self.draw.randint(*syncs), die=end.split()[0])
        else:
            self._begin()
        process = self.sojourn.process
        if end == "while it starts":
            time.sleep(self.draw.uniform(*STARTING_SECONDS))
        elif at_sync:
            self._wait_for_death(process)
        else:
            self.sojourn.wait_ready()
            self._change_rules()
            time.sleep(self.draw.uniform(*MOMENT_SECONDS))
        if end == "by a stop":
            return self.sojourn.stop()
        if at_sync:
            self.counts["deaths at a sync"] += process.poll() == -signal.SIGKILL
        if process.poll() is None:
            self.sojourn.kill()
        assert process.returncode == -signal.SIGKILL, (
            f"it ended by itself with {process.returncode}: {self.sojourn.log_tail()}")
        self.counts["kills"] += 1

    def _wait_for_death(self, process):
        try:
            process.wait(LAST_SYNC_SECONDS)
        except subprocess.TimeoutExpired:
            pass

    def _change_rules(self):
        """Other rules, which change nothing for anybody, in half of the lives."""
        if self.draw.random() < 0.5:
            return
        self._bundles += 1
        partial = self.sojourn.directory / "idle.partial"
        partial.write_text(RELOADED.format(number=self._bundles))
        partial.rename(self.sojourn.rules / "journeys/idle.yaml")
        self.sojourn.process.send_signal(signal.SIGHUP)

    # ---- the end

    def _come_to_rest(self, writer):
        time.sleep(LAST_TIMER_SECONDS)
        self.sojourn.wait_settled(PARTITIONS, SETTLE_SECONDS)
        writer.audit()
        self.sojourn.wait_settled(PARTITIONS, SETTLE_SECONDS)
        self.sojourn.wait_for(lambda: self.sojourn.metric("sojourn_mail_queue") == 0,
                              SETTLE_SECONDS, "an empty mail queue")
        self.tell("all is at rest")

    def _gather(self, writer, along):
        self.sojourn.stop()
        data = self.sojourn.data
        inputs = directory_rows.input_records(data)
        times = directory_rows.action_times(data)
        deliveries = [Delivery(record["action"], record["state"])
                      for record in delivery_records(data).values()]
        self.sojourn.start()
        reader = AlongReader(self.sojourn)
        while reader.read():
            pass
        self._count(writer, inputs, times, reader.actions)
        with self.relay.lock:
            mails = [Mail(action_of(content)) for _, content in self.relay.mails]
        minima = {name: count * self.decks for name, count in MINIMA_PER_DECK.items()}
        minima["expected actions"] = round(MIN_ACTIONS_PER_MINUTE * self.minutes)
        numbers = {"seed": self.seed, "minutes": self.minutes, "late_ms": order.NEVER_LATE,
                   "counts": dict(self.counts), "minima": minima}
        return Evidence(inputs, along.actions, reader.actions, reader.actions, batches(times),
                        numbers, writer.sent, mails, deliveries)

    def _count(self, writer, inputs, times, actions):
        self.counts.update({
            "decks": self.decks, "bundles of rules": self._bundles,
            "records written": writer.written, "records written twice": writer.repeated,
            "records that tell of the past": writer.late, "answers lost": writer.answers_lost,
            "dead letters": sum(1 for _ in rows(self.sojourn.data, "dead_letters"))})
        log_ms = {(record.partition, record.offset): record.log_ms for record in inputs}
        late = {}  # records whose actions were committed by another process than took them
        for action in actions:
            why = json.loads(action.value).get("why", {})
            place = (why.get("partition"), why.get("offset"))
            if "topic" in why and any(log_ms[place] <= ended and begun <= times[action[:2]]
                                      for ended, begun in self._deaths):
                late[place] = True
        self.counts["records worked on after a restart"] = len(late)


def now_ms():
    return int(time.time() * 1000)


def action_of(content):
    """The action that a mail's Message-ID names."""
    return email.message_from_bytes(content)["Message-ID"].strip("<>").partition("@")[0]


def batches(times):
    """What one commit has written; on the embedded log there is nothing but commits."""
    return [Batch(partition, offset, offset, str(committed_ms), "commit")
            for (partition, offset), committed_ms in sorted(times.items())]
