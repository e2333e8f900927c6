#!/usr/bin/env python3
"""Disks that fill up or fail below a running process: nothing acknowledged is lost or doubled."""

import collections
import json
import resource
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from small_disk import MEBIBYTE, fill, noise, small_disk  # noqa: E402
from small_rules import PING_URL, write_small_rules  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

LATER_URL = "https://shop.example/later"
WAIT_SECONDS = 15
# Just below what one event may be (32 KiB).
LARGE_NOTE_BYTES = 30_000
# Some time after its Keep, everybody's timer writes many times what the event was.
LATER_WEBHOOKS = 5
LATER_JOURNEY = (
    "journey: later\ntrigger: {event: Keep}\nsteps:\n"
    f"  - wait: {WAIT_SECONDS} seconds\n"
    + f"  - webhook: {{url: \"{LATER_URL}\", data: {{note: event.note}}}}\n" * LATER_WEBHOOKS)


@contextmanager
def workplace():
    with tempfile.TemporaryDirectory(prefix="sojourn-full-disk-") as name:
        directory = Path(name)
        write_small_rules(directory / "rules")
        (directory / "rules/journeys/later.yaml").write_text(LATER_JOURNEY)
        yield directory


def process(directory, data):
    return Sojourn(directory / "process", rules=directory / "rules", data=str(data))


class Shop:
    """Sends Pings and remembers which were acknowledged."""

    def __init__(self, sojourn):
        self.sojourn = sojourn
        self.sent = 0
        self.acknowledged = set()

    def ping(self, note_bytes=100):
        """One event; the answer's status and text. None where nobody listens."""
        self.sent += 1
        number = f"n{self.sent}"
        try:
            answer = self.sojourn.post("/v1/track", {
                "userId": f"person-{self.sent % 50}", "event": "Ping",
                "messageId": f"ping-{self.sent}",
                "properties": {"number": number, "note": noise(note_bytes, self.sent)}})
        except OSError:
            return None
        if answer[0] == 200:
            self.acknowledged.add(number)
        else:
            assert answer[0] == 503, answer
        return answer

    def headers_of_a_refusal(self):
        body = json.dumps({"userId": "person-0", "event": "Ping"}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.sojourn.port}/v1/track", body,
                                         {"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request):
                raise AssertionError("it was taken")
        except urllib.error.HTTPError as error:
            assert error.code == 503, error
            return error.headers

    def keep(self, people, note_bytes):
        for person in range(people):
            status, text = self.sojourn.post("/v1/track", {
                "userId": f"keeper-{person}", "event": "Keep", "messageId": f"keep-{person}",
                "properties": {"note": noise(note_bytes, -person)}})
            assert status == 200, text

    def check(self, later=0):
        """Every acknowledged event has its one action; one that was refused has at most one."""
        def counts():
            return collections.Counter(action["url"] for action in self.sojourn.actions())
        self.sojourn.wait_for(lambda: counts()[PING_URL] >= len(self.acknowledged)
                              and counts()[LATER_URL] >= later, what="all actions")
        self.sojourn.wait_settled(4)
        seen = collections.Counter(action["run_key"] for action in self.sojourn.actions()
                                   if action["url"] == PING_URL)
        assert not self.acknowledged - seen.keys(), sorted(self.acknowledged - seen.keys())
        assert set(seen.values()) <= {1}, seen.most_common(3)
        assert counts()[LATER_URL] == later, counts()


def wait_for_the_end(shop):
    """Goes on sending until the process has ended; what its readiness and last line said."""
    sojourn = shop.sojourn
    reasons = set()
    deadline = time.monotonic() + 60
    while sojourn.process.poll() is None:
        assert time.monotonic() < deadline, f"it did not end: {sojourn.log_tail()}"
        shop.ping()
        try:
            status, text = sojourn.get("/-/ready")
            if status == 503:
                reasons.add(text)
        except OSError:
            pass
        time.sleep(0.02)
    assert sojourn.process.returncode == 2, sojourn.process.returncode
    return reasons, sojourn.log_tail(1)


def test_nearly_full_disk_stops_intake_until_there_is_room():
    with workplace() as directory, small_disk(directory / "disk", "240m") as disk:
        data = disk / "data"
        with process(directory, data) as sojourn:
            shop = Shop(sojourn)
            for _ in range(20):
                assert shop.ping()[0] == 200
            ballast = fill(disk, leave_bytes=70 * MEBIBYTE)
            answer = shop.ping(note_bytes=LARGE_NOTE_BYTES)
            while answer[0] == 200:
                answer = shop.ping(note_bytes=LARGE_NOTE_BYTES)
            error = json.loads(answer[1])["error"]
            assert str(data) in error and "make room" in error, error
            status, reason = sojourn.get("/-/ready")
            assert status == 503 and str(data) in reason and "make room" in reason, reason
            assert "Retry-After" in shop.headers_of_a_refusal()
            # What SojournNotReady, SojournDiskFilling and SojournEventsRefused look at.
            assert sojourn.metric("sojourn_ready") == 0
            assert 0 < sojourn.metric("sojourn_disk_free_bytes") < 240 * MEBIBYTE
            refused = sojourn.metric_by("sojourn_http_requests_total", "code", route="/v1/track")
            assert refused["503"] >= 2, refused
            sojourn.wait_for(lambda: "nearly full" in sojourn.log_tail(), what="a line in the log")
            assert shop.ping()[0] == 503
            shop.check()  # there is room for the commits of what was taken in
            ballast.unlink()
            assert shop.ping()[0] == 200
            assert sojourn.get("/-/ready")[0] == 200
            assert sojourn.metric("sojourn_ready") == 1
            shop.check()
            sojourn.stop()


def test_full_disk_ends_the_process_and_the_next_one_goes_on():
    with workplace() as directory, small_disk(directory / "disk", "400m") as disk:
        data = disk / "data"
        with process(directory, data) as sojourn:
            shop = Shop(sojourn)
            for _ in range(20):
                assert shop.ping()[0] == 200
            people = 400
            shop.keep(people, note_bytes=LARGE_NOTE_BYTES)
            ballast = fill(disk, leave_bytes=0)
            reasons, last_line = wait_for_the_end(shop)
            for text in (*reasons, last_line):
                assert str(data) in text and "full" in text, text
            assert "free some space" in last_line, last_line
            # As long as the disk is full, a start says so too.
            sojourn.spawn()
            assert sojourn.process.wait(60) == 2
            assert str(data) in sojourn.log_tail(1) and "full" in sojourn.log_tail(1)
            ballast.unlink()
            sojourn.start()
            assert shop.ping()[0] == 200
            shop.check(later=people * LATER_WEBHOOKS)
            sojourn.stop()


def test_failing_disk_ends_the_process_and_the_next_one_goes_on():
    with workplace() as directory:
        data = directory / "data"
        with process(directory, data) as sojourn:
            shop = Shop(sojourn)
            for _ in range(20):
                assert shop.ping()[0] == 200
            # No file may grow by more than this: the database's log soon fails to.
            largest = max(file.stat().st_size for file in data.rglob("*") if file.is_file())
            limit = largest + 100_000
            resource.prlimit(sojourn.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
            reasons, last_line = wait_for_the_end(shop)
            assert any(str(data) in reason for reason in reasons), reasons
            assert str(data) in last_line and "File too large" in last_line, last_line
            assert "start again" in last_line, last_line
            assert 20 < len(shop.acknowledged) < shop.sent
            sojourn.start()
            assert shop.ping()[0] == 200
            shop.check()
            sojourn.stop()


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
