#!/usr/bin/env python3
"""Whoever reaches a listener: TLS and its certificates, hashed keys and tokens, limits, tricks."""

import base64
import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import binary, run_cases  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

TRACK = {"userId": "ada", "event": "Ping", "properties": {}}


@contextlib.contextmanager
def workplace():
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


def make_certificate(directory, name, days=2):
    """A key and a certificate for 127.0.0.1, signed by itself."""
    certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", str(days), "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    return certificate, key


def trusting(certificate):
    return ssl.create_default_context(cafile=certificate)


class SecureSojourn(Sojourn):
    """Asked over TLS by who trusts `trusted` alone."""

    trusted = None

    def request(self, method, path, body=None, headers=None, timeout=30):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout,
                                                 context=trusting(self.trusted))
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        connection.request(method, path, data, headers or {})
        answer = connection.getresponse()
        try:
            return answer.status, answer.read().decode()
        finally:
            connection.close()


def raw(port, text, timeout=10, half_close=False):
    """All that is answered until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as client:
        client.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))
        if half_close:
            client.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := client.recv(65536):
                answer += piece
        return answer.decode("latin-1")


def status_of(answer):
    found = re.match(r"HTTP/1\.1 (\d+)", answer)
    return int(found[1]) if found else None


def basic(key):
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def days_left(sojourn):
    ends = sojourn.metric_by("sojourn_tls_certificate_expires_timestamp_seconds", "listener")
    return {listener: round((end - time.time()) / 86400, 1) for listener, end in ends.items()}


def test_tls_and_its_reload():
    with workplace() as directory:
        certificate, key = make_certificate(directory, "first")
        sojourn = SecureSojourn(directory, tls={"certificate": "live.pem", "key": "live.key"})
        sojourn.trusted = certificate

        def install(pem, private):
            (directory / "live.pem").write_bytes(pem.read_bytes())
            (directory / "live.key").write_bytes(private.read_bytes())

        install(certificate, key)
        with sojourn:
            assert sojourn.post("/v1/track", TRACK)[0] == 200
            said = subprocess.run(["curl", "-sS", "--cacert", certificate, "-o", "/dev/null", "-w",
                                   "%{http_code}", f"https://127.0.0.1:{sojourn.port}/-/healthy"],
                                  capture_output=True, text=True, check=True)
            assert said.stdout == "200", said
            sojourn.command("actions")  # it trusts what the instance file names
            assert days_left(sojourn) == {"main": 2}, days_left(sojourn)
            check_versions(sojourn, certificate)
            answer = raw(sojourn.port, "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
            assert status_of(answer) == 400 and "https://" in answer, answer
            raw(sojourn.port, b"\x16\x03\x01\x00\x05hello" + b"\0" * 50, half_close=True)
            old = http.client.HTTPSConnection("127.0.0.1", sojourn.port, timeout=10,
                                              context=trusting(certificate))
            old.request("GET", "/-/healthy")
            old.getresponse().read()
            # A pair that does not fit changes nothing and is said.
            second, second_key = make_certificate(directory, "second", days=20)
            install(second, key)
            sojourn.process.send_signal(signal.SIGHUP)
            sojourn.wait_for(lambda: "is not that of the certificate" in sojourn.log_tail(),
                             what="the refusal of the new pair")
            assert sojourn.get("/-/healthy")[0] == 200
            install(second, second_key)
            sojourn.process.send_signal(signal.SIGHUP)
            sojourn.wait_for(lambda: "new certificate" in sojourn.log_tail(), what="the reload")
            old.request("GET", "/-/healthy")
            assert old.getresponse().read() == b"healthy\n"  # open connections go on
            sojourn.trusted = second
            assert sojourn.post("/v1/track", TRACK)[0] == 200
            assert days_left(sojourn) == {"main": 20}, days_left(sojourn)
            sojourn.command("actions")
            # Nobody else is told the token.
            instance = json.loads((sojourn.data / "instance.json").read_text())
            instance["certificate"] = "0" * 64
            (sojourn.data / "instance.json").write_text(json.dumps(instance))
            refused = sojourn.command("pause", check=False)
            assert refused.returncode == 2 and instance["token"] not in refused.stderr, refused


def check_versions(sojourn, certificate):
    for version, works in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                           (ssl.TLSVersion.TLSv1_3, True)):
        context = trusting(certificate)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        with socket.create_connection(("127.0.0.1", sojourn.port), timeout=10) as plain:
            try:
                with context.wrap_socket(plain, server_hostname="127.0.0.1") as client:
                    assert works, client.version()
            except (ssl.SSLError, ConnectionResetError):
                assert not works, version


def test_certificates_that_cannot_be_used():
    with workplace() as directory:
        certificate, key = make_certificate(directory, "first")
        make_certificate(directory, "other")
        (directory / "garbage").write_text("no certificate")
        subprocess.run(["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:x", "-out",
                        directory / "locked.key"], check=True, capture_output=True)
        for pem, private, word in (("none.pem", key, "none.pem"), (certificate, "none.key", "none"),
                                   ("garbage", key, "no certificate in PEM"),
                                   (certificate, "garbage", "no private key"),
                                   (certificate, "other.key", "not that of the certificate"),
                                   (certificate, "locked.key", "passphrase")):
            sojourn = Sojourn(directory, tls={"certificate": str(pem), "key": str(private)})
            said = subprocess.run([binary(), "run", "--config", sojourn.config], timeout=30,
                                  capture_output=True, text=True, stdin=subprocess.DEVNULL,
                                  check=False)
            assert said.returncode == 2 and word in said.stderr, (word, said)
            assert not sojourn.data.exists() or not list(sojourn.data.iterdir())


def new_key():
    said = subprocess.run([binary(), "key"], capture_output=True, text=True, check=True).stdout
    found = re.fullmatch(r"key:  ([0-9a-f]{64})\nhash: (sha256:[0-9a-f]{64})\n", said)
    return found[1], found[2]


def test_hashed_keys_and_tokens():
    with workplace() as directory:
        key, key_hash = new_key()
        token, token_hash = new_key()
        assert key != token
        (directory / "token").write_text(token_hash + "\n")
        with Sojourn(directory, write_keys={"web": key_hash, "plain": "a plain key"},
                     admin_tokens={"ada": {"file": "token"}}) as sojourn:
            assert sojourn.post("/v1/track", TRACK, headers=basic(key))[0] == 200
            assert sojourn.post("/v1/track", TRACK, headers=basic("a plain key"))[0] == 200
            assert sojourn.post("/v1/track", {**TRACK, "writeKey": key})[0] == 200
            for wrong in (key_hash, key_hash[7:], key[:-1], "", token):
                assert sojourn.post("/v1/track", TRACK, headers=basic(wrong))[0] == 401, wrong
            ask = lambda value: sojourn.request(  # noqa: E731
                "POST", "/-/reload", b"", {"Authorization": "Bearer " + value})[0]
            assert ask(token) == 200
            assert [ask(wrong) for wrong in (token_hash, key, "x")] == [401] * 3
            assert "operator=ada" in sojourn.log_tail()
            assert sojourn.get("/-/person?id=ada")[0] == 401


HEADS = [
    # Two lengths, or one that not everybody reads alike.
    (400, "POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
          "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (400, "POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"),
    (400, "POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n"),
    (400, "POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    (400, "POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
    (400, "POST /v1/track HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (400, "POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
    (400, "POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    # Folded lines, bare line ends, control characters.
    (400, "GET /-/healthy HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n"),
    (400, "GET /-/healthy HTTP/1.1\nHost: x\n\n"),
    (400, "GET /-/healthy HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n"),
    (400, "GET /-/healthy HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n"),
    (400, "GET /-/hea\0lthy HTTP/1.1\r\nHost: x\r\n\r\n"),
    (400, "GET /-/healthy HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
    (400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    (400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    # Too much.
    (414, "GET /" + "a" * 13000 + " HTTP/1.1\r\nHost: x\r\n\r\n"),
    (431, "GET /-/healthy HTTP/1.1\r\nX: " + "a" * 20000 + "\r\n\r\n"),
    (431, "GET /-/healthy HTTP/1.1\r\n" + "X: a\r\n" * 101 + "\r\n"),
    (431, "GET /-/healthy HTTP/1.1\r\n" + "X" * 17000),
    (413, "POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"),
]


def test_heads_that_are_refused():
    smuggled = "POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\n"
    smuggled += '{"userId":"eve","event":"Pong"}'[:30]
    with workplace() as directory, Sojourn(directory) as sojourn:
        for status, head in HEADS:
            answer = raw(sojourn.port, head + smuggled)
            assert status_of(answer) == status, (status, head[:200], answer)
            assert answer.count("HTTP/1.1") == 1, answer  # nothing after it was read
            assert "Connection: close" in answer, answer
        assert sojourn.metric("sojourn_intake_events_total") == 0
        assert sojourn.post("/v1/track", TRACK)[0] == 200


def test_paths_are_names_and_no_files():
    tricks = ["/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/v1/../-/healthy",
              "//-/healthy", "/-//healthy", "/-/./healthy", "/-/healthy/", "/-/healthy%00",
              "/%2d/healthy", "/-/%68ealthy", "/-/healthy%2f..", "/-/healthy;x", "\\-\\healthy",
              "/etc/passwd", "/u/../../etc/passwd", "/u/%2e%2e%2fetc%2fpasswd", "/c/..%2f..",
              "http://127.0.0.1/-/healthy", "file:///etc/passwd", "*", "/data/secrets.json",
              "/instance.json", "/-/instance.json", "/-/PERSON?id=../../x"]
    with workplace() as directory, Sojourn(directory, mail={"send": "files"}) as sojourn:
        for path in tricks:
            for method in ("GET", "POST"):
                answer = raw(sojourn.port, f"{method} {path} HTTP/1.1\r\nHost: x\r\n"
                                           "Content-Length: 0\r\nConnection: close\r\n\r\n")
                assert status_of(answer) in (400, 404, 405), (path, answer)
                assert "root:" not in answer and "coupon" not in answer, (path, answer)
        token = json.loads((sojourn.data / "instance.json").read_text())["token"]
        # An id is a key, whatever it looks like.
        answer = sojourn.get("/-/person?id=../../../../etc/passwd",
                             headers={"Authorization": "Bearer " + token})
        assert answer == (200, ""), answer  # nobody has this id


def crowd_of(port, count):
    """That many silent connections, from ten addresses."""
    clients = []
    for i in range(count):
        client = socket.socket()
        client.settimeout(10)
        client.bind((f"127.0.1.{i % 10 + 1}", 0))
        client.connect(("127.0.0.1", port))
        if i % 3 == 0:
            client.sendall(b"POST /v1/track HTTP/1.1\r\nX-Slow: ")
        clients.append(client)
    return clients


def test_ten_thousand_idle_connections_and_a_neighbour():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(10_000, hard - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with workplace() as directory, Sojourn(directory) as sojourn:
        try:
            clients = crowd_of(sojourn.port, count)
            took = []
            for _ in range(50):
                began = time.monotonic()
                assert sojourn.post("/v1/track", TRACK, timeout=10)[0] == 200
                took.append(time.monotonic() - began)
            assert sorted(took)[len(took) // 2] < 1, took
            assert sojourn.get("/-/ready")[0] == 200
            for client in clients:
                client.close()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_slow_requests_are_told_and_closed():
    starts = {"a head": b"POST /v1/track HTTP/1.1\r\nHost: x\r\nX: ",
              "a body": b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{",
              "chunks": b"POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"1\r\n{\r\n"}

    def trickle(start, port):
        """A byte a second; the answer and when it came."""
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.settimeout(1)
            client.sendall(start)
            answer = b""
            while time.monotonic() - began < 50:
                try:
                    piece = client.recv(65536)
                    if not piece:
                        break
                    answer += piece
                except TimeoutError:
                    client.sendall(b"a" if b"chunked" not in start else b"1\r\na\r\n")
                except OSError:
                    break
            return answer.decode("latin-1"), time.monotonic() - began

    with workplace() as directory, Sojourn(directory) as sojourn:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            slow = {name: pool.submit(trickle, start, sojourn.port)
                    for name, start in starts.items()}
            assert sojourn.post("/v1/track", TRACK)[0] == 200
            for name, result in slow.items():
                answer, seconds = result.result()
                assert status_of(answer) == 408 and 25 < seconds < 45, (name, seconds, answer)
        assert sojourn.post("/v1/track", TRACK)[0] == 200


if __name__ == "__main__":
    os.environ.pop("http_proxy", None)
    sys.exit(run_cases(globals()))
