"""A mail relay that misbehaves as told: for an address, or on the next connections whoever comes.

    with HostileRelay(*make_certificate(directory, "good")) as relay:
        relay.connections = ["greeting-421", "close"]    # the next two; later ones are served well
        relay.addresses = {"a@b.example": ["end-lost"]}  # its first mail; later ones are taken

An address is a recipient's, or a sender's for the faults of MAIL. `taken` has the recipients of
mails that the relay answered with 250, `unanswered` those whose answer it kept to itself. A thread
for each connection. Standard library only.

Faults of a connection: close, greeting-421, greeting-554, greeting-huge, greeting-noise,
greeting-drip (a byte a second, for hours), ehlo-huge, no-starttls, starttls-refused,
starttls-injection, starttls-noise. Faults of an address are STAGE-WHAT: mail, rcpt, data or end (of
the data), and an answer (`rcpt-450`, `rcpt-550 5.7.1 no`), `lost` (it hangs up), `noise`, `huge`,
`hang` (never answered), `late` (554, when something more is said), or `drip`: a byte a second, the
good answer, but at `end` one of many lines that would take hours.
"""

import contextlib
import socket
import ssl
import subprocess
import threading

HUGE = b"x" * (1 << 20)


def make_certificate(directory, name, host="localhost", end=None):
    """A key and a self-signed certificate as (key, certificate); `end`: YYYYMMDDHHMMSSZ."""
    key, certificate = directory / f"{name}.key", directory / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-keyout", key, "-out", certificate, "-subj", f"/CN={host}",
                    "-addext", f"subjectAltName=DNS:{host}"], check=True, capture_output=True)
    if end:
        _sign_until(directory / f"{name}-authority", key, certificate, host, end)
    return key, certificate


def _sign_until(directory, key, certificate, host, end):
    """The certificate anew with an end in the past, which `openssl req` cannot write."""
    directory.mkdir()
    (directory / "index").write_text("")
    (directory / "config").write_text(
        "[ca]\ndefault_ca=own\n[own]\n"
        f"database={directory}/index\nnew_certs_dir={directory}\nrand_serial=yes\n"
        "default_md=sha256\npolicy=any\nx509_extensions=names\n"
        f"[any]\ncommonName=supplied\n[names]\nsubjectAltName=DNS:{host}\n"
        "basicConstraints=critical,CA:true\n")
    request = directory / "request"
    subprocess.run(["openssl", "req", "-new", "-key", key, "-subj", f"/CN={host}", "-out", request],
                   check=True, capture_output=True)
    subprocess.run(["openssl", "ca", "-batch", "-selfsign", "-config", directory / "config",
                    "-keyfile", key, "-in", request, "-out", certificate, "-notext",
                    "-startdate", "20200101000000Z", "-enddate", end],
                   check=True, capture_output=True)


class _Hangup(Exception):
    """The connection is over."""


class _Session:
    """One connection."""

    def __init__(self, relay, connection):
        self.relay = relay
        self.connection = connection
        self.buffer = b""
        self.recipient = ""
        self.faults = []  # of the mail at hand

    def serve(self, fault):
        if fault == "close":
            raise _Hangup
        if fault.startswith("greeting-"):
            self.greet_badly(fault)
        self.say("220 relay.example ESMTP")
        while True:
            line = self.line()
            verb = line.upper().split(" ")[0].split(":")[0]
            if verb in ("EHLO", "HELO"):
                self.hello(fault)
            elif verb == "STARTTLS":
                self.start_tls(fault)
            elif verb == "MAIL":
                self.sender(line)
            elif verb == "RCPT":
                self.receiver(line)
            elif verb == "DATA":
                self.data()
            else:
                self.say("221 bye" if verb == "QUIT" else "250 OK")

    def say(self, text):
        self.connection.sendall(text.encode() + b"\r\n")

    def line(self):
        while b"\r\n" not in self.buffer:
            self.receive()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode(errors="replace")

    def receive(self):
        piece = self.connection.recv(65536)
        if not piece:
            raise _Hangup
        self.buffer += piece

    def greet_badly(self, fault):
        if fault == "greeting-huge":
            self.connection.sendall(b"220 " + HUGE + b"\r\n")
        elif fault == "greeting-noise":
            self.connection.sendall(bytes(range(256)) * 4 + b"\r\n")
        elif fault == "greeting-drip":
            self.drip("220-go on\r\n" * 1000)
        else:
            self.say(fault[-3:] + " not now")
        raise _Hangup

    def hello(self, fault):
        if fault == "ehlo-huge":
            self.connection.sendall(b"250-" + HUGE + b"\r\n250 STARTTLS\r\n")
        elif fault == "no-starttls" or self.is_safe():
            self.say("250-relay.example\r\n250 8BITMIME")
        else:
            self.say("250-relay.example\r\n250 STARTTLS")

    def is_safe(self):
        return isinstance(self.connection, ssl.SSLSocket)

    def start_tls(self, fault):
        if fault == "starttls-refused":
            self.say("454 no TLS today")
            return
        if fault == "starttls-noise":
            self.say("220 go\r\n" + "this is no TLS\r\n" * 100)
            raise _Hangup
        # What comes with this answer was never protected and must not be taken for the relay's.
        more = "250-relay.example\r\n250 AUTH PLAIN\r\n" if fault == "starttls-injection" else ""
        self.connection.sendall(f"220 go\r\n{more}".encode())
        self.connection = self.relay.context.wrap_socket(self.connection, server_side=True)
        self.buffer = b""

    def sender(self, line):
        self.relay.in_the_clear += 0 if self.is_safe() else 1
        self.faults = self.relay.faults_of(line)
        self.answer("mail", "250 OK")

    def receiver(self, line):
        self.recipient = line.split("<", 1)[1].split(">", 1)[0]
        self.faults += self.relay.faults_of(line)
        self.answer("rcpt", "250 OK")

    def data(self):
        if not self.answer("data", "354 go on"):
            return
        while not self.buffer.endswith(b"\r\n.\r\n"):
            self.receive()
        self.buffer = b""
        self.relay.unanswered.append(self.recipient)
        is_taken = self.answer("end", "250 taken")
        self.relay.unanswered.remove(self.recipient)
        if is_taken:
            self.relay.taken.append(self.recipient)
        if not self.relay.keeps_connections:
            raise _Hangup

    def answer(self, stage, good):
        """Whether it was the good one. Does not return where nothing is answered."""
        faults = [fault for fault in self.faults if fault.startswith(stage + "-")]
        what = faults[0].removeprefix(stage + "-") if faults else ""
        if what == "lost":
            raise _Hangup
        if what == "drip":
            self.drip("250-go on\r\n" * 1000 + good if stage == "end" else good)
        elif what == "hang":
            self.relay.stopping.wait()
            raise _Hangup
        elif what == "late":
            self.receive()
            self.say("554 this was spam")
            raise _Hangup
        elif what == "noise":
            self.connection.sendall(b"\x00\xff\r\nwhat?\r\n")
            raise _Hangup
        elif what == "huge":
            self.connection.sendall(HUGE)
            raise _Hangup
        else:
            self.say(what + (" as I was told" if what.isdigit() else "") or good)
        return what in ("", "drip")

    def drip(self, text):
        for byte in text.encode() + b"\r\n":
            if self.relay.stopping.wait(1):
                raise _Hangup
            self.connection.sendall(bytes([byte]))


class HostileRelay:
    def __init__(self, key, certificate):
        self.certificate = certificate
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(certificate, key)
        self.connections = []
        self.addresses = {}
        self.keeps_connections = True  # after a mail
        self.taken = []
        self.unanswered = []
        self.in_the_clear = 0  # mails offered without TLS
        self.served = 0        # connections
        self.stopping = threading.Event()
        self._listener = socket.create_server(("localhost", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        # A listener that is only closed goes on listening while its thread waits in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def settings(self, **more):
        return {"host": "localhost", "port": self.port, "ca_file": str(self.certificate), **more}

    def faults_of(self, line):
        """What is to go wrong with the address in a command, and does not again."""
        address = line.split("<", 1)[1].split(">", 1)[0]
        faults = self.addresses.get(address, [])
        return [faults.pop(0)] if faults else []

    def _listen(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.served += 1
                fault = self.connections.pop(0) if self.connections else ""
                threading.Thread(target=self._serve, args=(connection, fault), daemon=True).start()

    def _serve(self, connection, fault):
        session = _Session(self, connection)
        with contextlib.suppress(_Hangup, OSError):
            session.serve(fault)
        with contextlib.suppress(OSError):
            session.connection.close()
