#!/usr/bin/env python3
"""The running process seen from outside: intake of good and bad bodies, admin paths, reload, stop."""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import Skipped, binary, run_cases  # noqa: E402
from small_rules import COME_BACK_URL, PING_URL, write_small_rules  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

NEW_URL = "https://shop.example/new"


@contextmanager
def running(**settings):
    with tempfile.TemporaryDirectory(prefix="sojourn-http-") as name:
        rules = write_small_rules(Path(name) / "rules")
        with Sojourn(Path(name) / "process", rules=rules, **settings) as sojourn:
            sojourn.rules = rules
            yield sojourn


def ping(number, person="ann", **more):
    return {"userId": person, "event": "Ping", "messageId": f"ping-{person}-{number}",
            "properties": {"number": f"n{number}"}, **more}


def pings(sojourn, url=PING_URL):
    return [action for action in sojourn.actions() if action.get("url") == url]


def wait_for_pings(sojourn, count, url=PING_URL):
    sojourn.wait_for(lambda: len(pings(sojourn, url)) >= count, timeout=30,
                     what=f"{count} actions")
    assert len(pings(sojourn, url)) == count


def one_line_error(answer, status, *words):
    assert answer[0] == status, answer
    text = json.loads(answer[1])
    assert text["success"] is False, text
    for word in words:
        assert word in text["error"], f"{word!r} is not in: {text['error']}"
    assert text["error"] and "\n" not in text["error"], text


def test_event_becomes_action_within_a_second():
    with running() as sojourn:
        assert sojourn.post("/v1/track", ping(0))[0] == 200
        wait_for_pings(sojourn, 1)  # The first one pays for what is made on first use.
        took = []
        for number in range(1, 6):  # A busy machine may be late once.
            begin = time.monotonic()
            assert sojourn.post("/v1/track", ping(number))[0] == 200
            sojourn.wait_for(lambda: sojourn.metric("sojourn_actions_total") == number + 1,
                             timeout=10)
            took.append(time.monotonic() - begin)
        assert min(took) < 1, took


def test_bad_bodies():
    with running() as sojourn:
        def wrong(body, *words, path="/v1/track", status=400):
            one_line_error(sojourn.post(path, body), status, *words)

        wrong(b"")
        wrong(b"{")
        wrong(b"null")
        wrong(b"[]")
        wrong(b"\xff\xfe{}")
        wrong(b'{"userId":"ann","event":"Ping","properties":{"x":NaN}}')
        wrong(b'{"userId":"ann","event":"Ping","properties":{"x":1e999}}')
        wrong(b'{"userId":"ann","event":"Ping","properties":{"x":"\\ud800"}}')
        wrong(b'{"userId":"ann","event":"Ping"} trailing')
        wrong({"event": "Ping"}, "userId")
        wrong({"userId": "ann"})
        wrong({"userId": ["ann"], "event": "Ping"}, "userId")
        wrong({"userId": "a" * 300, "event": "Ping"})
        wrong({"userId": "ann", "event": "P" * 101})
        wrong({**ping(1), "messageId": "m" * 257})
        wrong({**ping(1), "timestamp": "yesterday"}, "timestamp")
        wrong({**ping(1), "properties": [1]}, "properties")
        wrong({**ping(1), "type": "jump"}, "type")
        for depth in (200, 4_000):
            wrong(b'{"userId":"ann","event":"Ping","properties":' + b'{"a":' * depth + b"1"
                  + b"}" * depth + b"}")
            wrong(b"[" * depth)
        wrong({**ping(1), "properties": {"x": "x" * 300_000}}, status=413)
        wrong({"batch": {}}, "batch", path="/v1/batch")
        wrong({"batch": [{}]}, path="/v1/batch")
        wrong({"batch": [ping(1)] * 2501}, "2500", path="/v1/batch", status=413)
        wrong(b"x" * (3 << 20), path="/v1/batch", status=413)
        one_line_error(sojourn.post("/v1/nosuch", ping(1)), 404)
        one_line_error(sojourn.get("/v1/track"), 405)
        assert sojourn.post("/v1/track", ping(2))[0] == 200
        wait_for_pings(sojourn, 1)


def test_batch_with_bad_calls():
    with running() as sojourn:
        good = [{"type": "track", **ping(number)} for number in (1, 2)]
        large = {"type": "track", **ping(9), "properties": {"x": "x" * 300_000}}
        bad = {"type": "track", "event": "Ping", "properties": {"number": "lost"}}
        status, text = sojourn.post("/v1/batch", {"batch": [good[0], bad, large, good[1]]})
        assert status == 200, text
        rejected = json.loads(text)["rejected"]
        assert [item["index"] for item in rejected] == [1, 2], rejected
        assert "userId" in rejected[0]["error"] and "32768" in rejected[1]["error"], rejected
        wait_for_pings(sojourn, 2)
        assert sojourn.metric("sojourn_dead_letters_total") == 2


def test_write_keys():
    public = "a key that every visitor reads"
    with running(write_keys={"web": "right key",
                             "page": {"key": public, "public": True}}) as sojourn:
        def basic(key):
            return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}

        one_line_error(sojourn.post("/v1/track", ping(1)), 401, "write key")
        one_line_error(sojourn.post("/v1/track", ping(1), headers=basic("wrong")), 401, "wrong")
        one_line_error(sojourn.post("/v1/track", ping(1), headers=basic("")), 401)
        one_line_error(sojourn.post("/v1/track", {**ping(1), "writeKey": "wrong"}), 401)
        assert sojourn.post("/v1/track", ping(2), headers=basic("right key"))[0] == 200
        assert sojourn.post("/v1/track", {**ping(3), "writeKey": "right key"})[0] == 200
        wait_for_pings(sojourn, 2)
        assert sojourn.post("/v1/track", ping(4), headers=basic(public))[0] == 200
        for name in ("Person Erased", "Email Bounced"):
            erase = {"userId": ping(4)["userId"], "event": name, "properties": {"type": "hard"}}
            one_line_error(sojourn.post("/v1/track", erase, headers=basic(public)), 400, name)
        wait_for_pings(sojourn, 3)
        assert sojourn.metric("sojourn_dead_letters_total") == 2
        log = sojourn.log_tail(100)
        assert log.count("shorter than 16 characters") == 1 and "write_key=web" in log, log


def test_admin_paths():
    with running() as sojourn:
        assert sojourn.get("/-/healthy") == (200, "healthy\n")
        assert sojourn.get("/-/ready")[0] == 200
        for method, path in (("POST", "/-/reload"), ("GET", "/-/actions"), ("POST", "/-/enroll"),
                             ("POST", "/-/backfill"),
                             ("POST", "/-/import")):
            one_line_error(sojourn.request(method, path), 401, "token")
            one_line_error(sojourn.request(method, path, headers={"Authorization": "Bearer x"}),
                           401, "token")
        instance = sojourn.data / "instance.json"
        assert instance.stat().st_mode & 0o077 == 0, "others may read the token"
        assert admin(sojourn, "GET", "/-/actions?from=1,2")[0] == 400
        assert admin(sojourn, "POST", "/-/import?import=replay-x")[0] == 400
        piece = f"/-/import?import=history-{'0' * 64}&position=0&last=0"
        assert admin(sojourn, "POST", piece, body=b"\xff" * 40)[0] == 400
        assert admin(sojourn, "POST", "/-/enroll?journey=nosuch")[0] == 400
        assert sojourn.get("/-/healthy")[0] == 200


def admin(sojourn, method, path, **options):
    token = json.loads((sojourn.data / "instance.json").read_text())["token"]
    return sojourn.request(method, path, headers={"Authorization": f"Bearer {token}"}, **options)


def test_metrics_are_clean():
    promtool = shutil.which("promtool")
    if promtool is None:
        raise Skipped("no promtool")
    with running() as sojourn:
        sojourn.post("/v1/batch", {"batch": [ping(1), {"type": "identify", "userId": "bob"}, {}]})
        sojourn.post("/v1/track", b"{")
        wait_for_pings(sojourn, 1)
        page = sojourn.get("/metrics")[1]
        checked = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True,
                                 text=True)
        assert checked.returncode == 0 and not checked.stderr, checked.stdout + checked.stderr
        sojourn.wait_for(lambda: "\nsojourn_timers_oldest" in sojourn.get("/metrics")[1],
                         what="the workers' gauges")
        page = sojourn.get("/metrics")[1]
        for name in ("sojourn_build_info", "sojourn_events_total", "sojourn_runs_entered_total",
                     "sojourn_timers_oldest_overdue_seconds", "sojourn_lag_records",
                     "sojourn_rules_last_successful_load_timestamp_seconds",
                     "sojourn_commit_duration_seconds_count", "sojourn_store_size_bytes"):
            assert f"\n{name}" in page, name


def test_repeated_message():
    with running() as sojourn:
        for _ in range(3):
            assert sojourn.post("/v1/track", ping(1))[0] == 200
        assert sojourn.post("/v1/batch", {"batch": [ping(1), ping(1), ping(2)]})[0] == 200
        wait_for_pings(sojourn, 2)


def test_acknowledged_survives_kill():
    with running() as sojourn:
        for number in range(20):
            assert sojourn.post("/v1/track", ping(number))[0] == 200
            if number % 5 == 4:
                sojourn.kill()
                sojourn.start()
        wait_for_pings(sojourn, 20)
        sojourn.kill()
        assert len(pings(sojourn)) == 20  # Read from the directory itself.


def test_many_at_once():
    threads, each = 50, 20
    with running(threads=2) as sojourn:
        def send(thread, failures):
            for number in range(each):
                status, text = sojourn.post("/v1/track", ping(number, person=f"p{thread}"))
                if status != 200:
                    failures.append((status, text))
        failures = []
        workers = [threading.Thread(target=send, args=(thread, failures))
                   for thread in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert not failures, failures[:3]
        wait_for_pings(sojourn, threads * each)


def test_stop_with_clients_connected():
    with running() as sojourn:
        address = ("127.0.0.1", sojourn.port)
        idle = socket.create_connection(address)
        half = socket.create_connection(address)
        half.sendall(b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        follower = subprocess.Popen([str(binary()), "actions", "--follow", "--format", "json", "--data",
                                     str(sojourn.data)], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)
        stop = threading.Event()

        def send():
            number = 0
            while not stop.is_set():
                number += 1
                try:
                    sojourn.post("/v1/track", ping(number))
                except OSError:
                    return
        sender = threading.Thread(target=send)
        sender.start()
        assert json.loads(follower.stdout.readline())["person"] == "ann"
        stop.set()
        sender.join()
        time.sleep(0.5)  # The follower waits for more again.
        begin = time.monotonic()
        sojourn.stop(timeout=30)
        took = time.monotonic() - begin
        assert took < 10, f"stopped after {took:.1f} s"
        assert not (sojourn.data / "instance.json").exists()
        idle.close()
        half.close()
        assert follower.wait(30) == 2, "the follower does not say that the process has gone"
        assert len(follower.stderr.read().splitlines()) == 1


def test_interrupt_stops():
    with running() as sojourn:
        sojourn.process.send_signal(2)
        assert sojourn.process.wait(10) == 0


def test_edit_goes_live():
    with running() as sojourn:
        sojourn.post("/v1/track", ping(1))
        wait_for_pings(sojourn, 1)
        journey = sojourn.rules / "journeys/ping.yaml"
        begin = time.monotonic()
        journey.write_text(journey.read_text().replace(PING_URL, NEW_URL))
        sojourn.wait_for(lambda: sojourn.metric("sojourn_rules_loads_total") >= 2, timeout=10)
        assert time.monotonic() - begin < 2.5
        sojourn.post("/v1/track", ping(2))
        wait_for_pings(sojourn, 1, NEW_URL)
        assert len(pings(sojourn)) == 1


def test_rules_that_do_not_check_are_refused():
    with running() as sojourn:
        loaded = "sojourn_rules_last_load_successful"
        assert sojourn.metric(loaded) == 1
        journey = sojourn.rules / "journeys/ping.yaml"
        good = journey.read_text()
        journey.write_text(good.replace("steps", "stepz"))
        status, text = admin(sojourn, "POST", "/-/reload")
        answer = json.loads(text)
        assert status == 400 and not answer["success"], text
        assert "journeys/ping.yaml:4:1" in answer["error"] and "steps" in answer["error"], answer
        assert sojourn.metric(loaded) == 0
        sojourn.post("/v1/track", ping(1))
        wait_for_pings(sojourn, 1)
        # A reader of files sees the mistake, too, and the mending of it.
        journey.write_text(good)
        sojourn.wait_for(lambda: sojourn.metric(loaded) == 1, timeout=10, what="the good rules")
        journey.write_text(good.replace("webhook", "webhok"))
        sojourn.wait_for(lambda: sojourn.metric(loaded) == 0, timeout=10, what="the refusal")
        sojourn.post("/v1/track", ping(2))
        wait_for_pings(sojourn, 2)


def test_rules_that_vanish():
    with running() as sojourn:
        loaded = "sojourn_rules_last_load_successful"
        away = sojourn.rules.with_name("away")
        sojourn.rules.rename(away)
        sojourn.wait_for(lambda: sojourn.metric(loaded) == 0, timeout=10, what="the refusal")
        sojourn.rules.mkdir()
        assert admin(sojourn, "POST", "/-/reload")[0] == 400
        sojourn.post("/v1/track", ping(1))
        wait_for_pings(sojourn, 1)
        sojourn.rules.rmdir()
        away.rename(sojourn.rules)
        sojourn.wait_for(lambda: sojourn.metric(loaded) == 1, timeout=10, what="the good rules")


def test_torn_requests():
    with running() as sojourn:
        for text in (b"", b"\0" * 100, b"GET", b"GET / HTTP/9.9\r\n\r\n",
                     b"POST /v1/track HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                     b"POST /v1/track HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                     b"POST /v1/track HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                     b"GET /metrics?" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
                     b"GET /metrics HTTP/1.1\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
                     b"GET /-/actions?from=%zz%0 HTTP/1.1\r\nAuthorization: Basic ====\r\n\r\n",
                     os.urandom(1000)):
            with socket.create_connection(("127.0.0.1", sojourn.port), timeout=10) as connection:
                try:
                    connection.sendall(text)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
                except ConnectionError:
                    pass  # A refused client may be cut off.
        assert sojourn.get("/-/healthy")[0] == 200
        assert sojourn.post("/v1/track", ping(1))[0] == 200
        wait_for_pings(sojourn, 1)


def test_segment_flips_by_time_alone():
    with running() as sojourn:
        ninety_days_ago = time.time() - 90 * 24 * 3600
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ninety_days_ago + 3))
        sojourn.post("/v1/track", {"userId": "cleo", "event": "Order Completed",
                                   "messageId": "o1", "timestamp": stamp})
        assert not pings(sojourn, COME_BACK_URL)
        wait_for_pings(sojourn, 1, COME_BACK_URL)


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
