"""A mail relay for tests that nobody here wrote (aiosmtpd), with STARTTLS and a key of its own."""

import ssl
import subprocess
import threading
import time

from aiosmtpd.controller import Controller

from sojourn_process import free_port


class Relay:
    """Keeps what it is given; answers RCPT as `refusals` says, by address."""

    def __init__(self, directory):
        self.mails = []
        self.refusals = {}
        self.delay_seconds = 0
        self.lock = threading.Lock()
        key, certificate = directory / "key.pem", directory / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-keyout", key, "-out", certificate, "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost"], check=True,
                       capture_output=True)
        self.certificate = certificate
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        self.controller = Controller(self, hostname="localhost", port=free_port(),
                                     tls_context=context, require_starttls=True)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        with self.lock:
            self.mails.append((envelope.rcpt_tos[0], envelope.content))
        if self.delay_seconds:
            time.sleep(self.delay_seconds)
        return "250 taken"

    def settings(self):
        return {"host": "localhost", "port": self.controller.port,
                "ca_file": str(self.certificate)}
