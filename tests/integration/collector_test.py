#!/usr/bin/env python3
"""Events over HTTP, byte by byte: what libraries and browsers send, what attackers send, and what
happens to it when the process is killed, restarts or has thousands of idle guests."""

import base64
import contextlib
import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import binary, run_cases  # noqa: E402
from event_log import read_events  # noqa: E402
from small_rules import write_small_rules  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

KEY = "website-key"
BASIC = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()
# Some libraries give up after 0.6 seconds.
MOST_RESTART_SECONDS = 0.5


@contextmanager
def running(start=True, **settings):
    with tempfile.TemporaryDirectory(prefix="sojourn-collector-") as name:
        rules = write_small_rules(Path(name) / "rules")
        sojourn = Sojourn(Path(name) / "process", rules=rules, write_keys={"website": KEY},
                          **settings)
        with sojourn if start else contextlib.nullcontext():
            yield sojourn
        if sojourn.process and sojourn.process.poll() is None:
            sojourn.kill()


def track(number, person="ann", **more):
    return {"type": "track", "userId": person, "event": "Seen", "messageId": f"{person}-{number}",
            "properties": {"number": number}, **more}


def send(sojourn, path, body, **headers):
    """Status, headers by lower-case name, body."""
    connection = http.client.HTTPConnection("127.0.0.1", sojourn.port, timeout=30)
    with contextlib.closing(connection):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(headers.pop("method", "POST"), path, data,
                           {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return (answer.status, {name.lower(): value for name, value in answer.getheaders()},
                answer.read().decode())


def numbers(sojourn):
    return sorted(event["properties"].get("number") for event in read_events(sojourn))


# ---- what is taken -----------------------------------------------------------------------------


def test_what_browsers_send():
    with running() as sojourn:
        page = {"Origin": "https://shop.example"}
        status, headers, _ = send(sojourn, "/v1/t", b"", method="OPTIONS", **page,
                                  Access_Control_Request_Method="POST",
                                  Access_Control_Request_Headers="authorization,content-type")
        assert status == 200, status
        assert headers["access-control-allow-origin"] == "https://shop.example", headers
        assert "authorization" in headers["access-control-allow-headers"], headers
        assert int(headers["access-control-max-age"]) > 0, headers
        status, headers, _ = send(sojourn, "/v1/t", track(1), Authorization=BASIC, **page,
                                  Content_Type="text/plain")
        assert status == 200 and headers["access-control-allow-origin"], headers
        assert headers["access-control-expose-headers"] == "Retry-After", headers
        # navigator.sendBeacon: no header of one's own, the key in the body.
        status, _, _ = send(sojourn, "/v1/b", {"batch": [track(2)], "writeKey": KEY}, **page,
                            Content_Type="text/plain;charset=UTF-8")
        assert status == 200
        assert send(sojourn, "/v1/t", track(3), **page)[0] == 401
        assert send(sojourn, "/v1/m", {"series": []}, **page)[0] == 200
        status, headers, _ = send(sojourn, "/v1/b", b" " * 600_000, **page)
        assert status == 413 and headers["access-control-allow-origin"], headers
        assert numbers(sojourn) == [1, 2]
        assert sojourn.metric("sojourn_intake_events_total") == 2
        dropped = sojourn.metric_by("sojourn_intake_dropped_total", "reason")
        assert dropped["metrics"] == 1 and dropped["unauthorized"] == 1, dropped
        assert dropped["too_large"] == 1, dropped


def test_browsers_are_told_where_to_send():
    with running() as sojourn:
        page = {"Origin": "https://shop.example"}
        status, headers, text = send(sojourn, f"/v1/projects/{KEY}/settings", b"", method="GET",
                                     **page)
        assert status == 200 and headers["access-control-allow-origin"] == page["Origin"], headers
        assert json.loads(text)["integrations"] == {"Segment.io": {
            "apiKey": KEY, "apiHost": f"127.0.0.1:{sojourn.port}/v1", "protocol": "http"}}, text
        assert json.loads(text)["metrics"]["sampleRate"] == 0, text
        for path in ("/v1/projects/another/settings", f"/v1/projects/{KEY}/other"):
            status, headers, _ = send(sojourn, path, b"", method="GET", **page)
            assert status == 404 and headers["access-control-allow-origin"], (path, status)
        assert KEY not in sojourn.get("/metrics")[1]


def test_a_bad_call_costs_no_other():
    with running() as sojourn:
        texts = [json.dumps(track(1)), json.dumps(track(2)).replace(": 2", ": NaN"),
                 json.dumps(track(3)).replace("Seen", "\\ud83d"), json.dumps(track(4))]
        body = '{"batch":[' + ",".join(texts) + '],"sentAt":"2026-01-01T00:00:00Z"}'
        status, _, text = send(sojourn, "/v1/batch", body.encode(), Authorization=BASIC)
        assert status == 200, text
        assert [item["index"] for item in json.loads(text)["rejected"]] == [1, 2], text
        assert numbers(sojourn) == [1, 4]
        letters = sojourn.command("dead-letters", "--format", "json").stdout
        assert "NaN" in letters and "ud83d" in letters, letters


def test_packed_bodies_and_bombs():
    with running() as sojourn:
        body = json.dumps({"batch": [track(n) for n in range(3)]}).encode()
        for encoding, packed in (("gzip", gzip.compress(body)), ("deflate", zlib.compress(body))):
            assert send(sojourn, "/v1/batch", packed, Authorization=BASIC,
                        Content_Encoding=encoding)[0] == 200
        assert numbers(sojourn) == [0, 1, 2]
        before = sojourn.resident_bytes()
        bomb = gzip.compress(b"[" * (200 << 20), 9)
        for _ in range(5):
            status, _, text = send(sojourn, "/v1/batch", bomb, Authorization=BASIC,
                                   Content_Encoding="gzip")
            assert status == 413 and json.loads(text)["code"] == "too_large", text
        assert sojourn.resident_bytes() - before < 64 << 20
        assert send(sojourn, "/v1/batch", b"x", Authorization=BASIC,
                    Content_Encoding="gzip")[0] == 400


def test_refusals_say_code_and_message():
    with running() as sojourn:
        for body, status in ((b"{", 400), (json.dumps({"batch": [track(1)] * 2501}).encode(), 413),
                             (b" " * 600_000, 413)):
            got, _, text = send(sojourn, "/v1/batch", body, Authorization=BASIC)
            answer = json.loads(text)
            assert got == status and answer["code"] and answer["message"], (got, text)


def test_cloud_events():
    with running() as sojourn:
        event = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "Seen",
                 "subject": "ann", "time": "2026-03-02T09:00:00Z", "data": {"number": 1}}
        structured = "application/cloudevents+json"
        assert send(sojourn, "/v1/events", event, Authorization=BASIC,
                    Content_Type=structured)[0] == 200
        assert send(sojourn, "/v1/events", [{**event, "id": "2", "data": {"number": 2}}, {}],
                    Authorization=BASIC,
                    Content_Type="application/cloudevents-batch+json")[0] == 200
        assert send(sojourn, "/v1/events", {"number": 3}, Authorization=BASIC, ce_id="3",
                    Content_Type="application/json", ce_specversion="1.0", ce_type="Seen",
                    ce_source="/shop", ce_subject="J%C3%BCrgen")[0] == 200
        events = read_events(sojourn)
        assert numbers(sojourn) == [1, 2, 3]
        assert {event["person"] for event in events} == {"ann", "Jürgen"}, events
        assert {event["id"] for event in events} == {"/shop#1", "/shop#2", "/shop#3"}, events


def test_the_same_batch_many_times_at_once():
    """As libraries do that give up waiting: every request is answered, every event taken once."""
    with running() as sojourn:
        batch = {"batch": [track(number) for number in range(300)]}
        answers = []
        clients = [threading.Thread(target=lambda: answers.append(
            sojourn.post("/v1/batch", batch, headers={"Authorization": BASIC})[0]))
            for _ in range(20)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert answers == [200] * 20, answers
        assert numbers(sojourn) == list(range(300))


# ---- kills and restarts ------------------------------------------------------------------------


class Senders:
    """Many clients that send batches and note what was acknowledged."""

    def __init__(self, sojourn, count=8):
        self.sojourn = sojourn
        self.acknowledged = set()
        self.sent = 0
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _send(self, client):
        number = 0
        while not self._end.is_set():
            calls = [track(number + n, f"person-{client}-{number % 7}") for n in range(5)]
            number += 5
            with contextlib.suppress(OSError, ValueError):
                if self.sojourn.post("/v1/batch", {"batch": calls},
                                     headers={"Authorization": BASIC})[0] == 200:
                    with self._lock:
                        self.acknowledged.update(call["messageId"] for call in calls)


def test_acknowledged_is_in_the_log_once():
    with running() as sojourn:
        with Senders(sojourn) as senders:
            for _ in range(3):
                have = len(senders.acknowledged)
                sojourn.wait_for(lambda: len(senders.acknowledged) > have + 200, what="events")
                sojourn.kill()
                sojourn.start()
        ids = [event["id"] for event in read_events(sojourn)]
        assert len(senders.acknowledged) > 600
        assert senders.acknowledged <= set(ids), senders.acknowledged - set(ids)
        assert len(ids) == len(set(ids)), "an event is in the log twice"


def test_what_was_sent_before_a_kill_is_taken_once():
    """More events of one person than the engine has ids of; the log itself remembers them."""
    calls = [track(number) for number in range(300)] + [track(1, person="bob")]
    with running() as sojourn:
        for _ in range(3):
            for part in (calls[:150], calls[150:], calls):
                status, _, text = send(sojourn, "/v1/batch", {"batch": part}, Authorization=BASIC)
                assert status == 200 and json.loads(text) == {"success": True}, text
            sojourn.kill()
            sojourn.start()
        assert send(sojourn, "/v1/t", track(1, person="cy"), Authorization=BASIC)[0] == 200
        ids = [event["id"] for event in read_events(sojourn)]
        assert sorted(ids) == sorted([call["messageId"] for call in calls] + ["cy-1"]), len(ids)


def seconds_until_taken(sojourn, begin, number):
    while True:
        with contextlib.suppress(OSError):
            if sojourn.post("/v1/track", track(number), headers={"Authorization": BASIC})[0] == 200:
                return time.monotonic() - begin
        time.sleep(0.005)


def test_a_restart_is_short():
    with running() as sojourn:
        took = []
        for number in range(4):  # A busy machine may be late, but not always.
            sojourn.post("/v1/track", track(f"before-{number}"), headers={"Authorization": BASIC})
            sojourn.kill()
            begin = time.monotonic()
            sojourn.spawn()
            took.append(seconds_until_taken(sojourn, begin, number))
        assert min(took) < MOST_RESTART_SECONDS, took
        sojourn.wait_ready()


@contextmanager
def handed_over(sojourn):
    """Starts the process with a listening socket that stays here, as systemd does it."""
    listener = socket.create_server(("127.0.0.1", sojourn.port), backlog=1000)

    def spawn():
        command = f'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" "$@" 3<&{listener.fileno()}'
        with open(sojourn.log_file, "ab") as log:
            sojourn.process = subprocess.Popen(
                ["bash", "-c", command, str(binary()), "run", "--config", str(sojourn.config)],
                stdout=log, stderr=log, pass_fds=[listener.fileno()])
    try:
        yield spawn
    finally:
        listener.close()


def test_a_handed_socket_refuses_nobody():
    """Clients that never try again: none is refused while the process is restarted and killed."""
    with running(start=False) as sojourn, handed_over(sojourn) as spawn:
        spawn()
        sojourn.wait_ready()
        refused, taken, cut, end = [], [], [], threading.Event()

        def client(name):
            number = 0
            while not end.is_set():
                number += 1
                try:
                    status, _ = sojourn.post("/v1/track", track(number, name),
                                             headers={"Authorization": BASIC})
                    (taken if status == 200 else refused).append(f"{name}-{number}")
                except OSError as error:
                    # Killed under a request; only being refused would be the port's fault.
                    (refused if "refused" in str(error) else cut).append(str(error))
        clients = [threading.Thread(target=client, args=(f"client-{n}",)) for n in range(4)]
        for thread in clients:
            thread.start()
        for stop in (signal.SIGTERM, signal.SIGKILL):
            time.sleep(0.5)
            have = len(taken)
            sojourn.process.send_signal(stop)
            sojourn.process.wait(60)
            spawn()
            sojourn.wait_for(lambda: len(taken) > have + 10, what="events after the restart")
        end.set()
        for thread in clients:
            thread.join()
        assert not refused, refused[:5]
        ids = [event["id"] for event in read_events(sojourn)]
        assert set(taken) <= set(ids) and len(ids) == len(set(ids))


# ---- hostile guests ----------------------------------------------------------------------------


def raw(sojourn, data, timeout=2):
    """What comes back until the other side closes, or says nothing more."""
    with socket.create_connection(("127.0.0.1", sojourn.port), timeout=timeout) as connection:
        answer = b""
        with contextlib.suppress(ConnectionError, TimeoutError):
            connection.sendall(data)
            while piece := connection.recv(65536):
                answer += piece
        return answer


def test_smuggled_requests():
    """A second request hidden in the first one's body is never taken for one of its own."""
    hidden = json.dumps(track("hidden")).encode()
    inner = (b"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: " + BASIC.encode()
             + b"\r\nContent-Length: " + str(len(hidden)).encode() + b"\r\n\r\n" + hidden)
    head = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: " + BASIC.encode() + b"\r\n"
    length = b"Content-Length: " + str(len(inner) + 5).encode() + b"\r\n"
    with running() as sojourn:
        for name, data in {
            "both lengths": head + length + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
            "two lengths": head + b"Content-Length: 0\r\n" + length + b"\r\n" + inner,
            "odd coding": head + length + b"Transfer-Encoding: xchunked\r\n\r\n" + inner,
            "blank before colon": head + b"Content-Length : 5\r\n\r\n{}   " + inner,
            "negative": head + b"Content-Length: -1\r\n\r\n" + inner,
        }.items():
            answer = raw(sojourn, data)
            assert answer.count(b"HTTP/1.1 200") == 0, f"{name}: {answer[:300]}"
        assert numbers(sojourn) == []
        assert send(sojourn, "/v1/track", track(1), Authorization=BASIC)[0] == 200


def test_broken_and_deep_bodies():
    with running() as sojourn:
        for body in (b"", b"\0", b"\xff" * 1000, b"[" * 400_000, b'{"batch":' + b"[" * 400_000,
                     b'{"a":' * 80_000, b'{"batch":[' + b'"' * 400_000, os.urandom(100_000)):
            for path in ("/v1/track", "/v1/batch", "/v1/events"):
                status, _, text = send(sojourn, path, body, Authorization=BASIC)
                assert status in (400, 413, 415), (path, body[:20], status, text)
        assert send(sojourn, "/v1/track", track(1), Authorization=BASIC)[0] == 200
        assert numbers(sojourn) == [1]


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
