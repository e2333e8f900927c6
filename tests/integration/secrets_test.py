#!/usr/bin/env python3
"""No secret shows anywhere: a shop with a secret of every kind lives through good and bad days, and
all that it said is searched."""

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import binary, run_cases  # noqa: E402
from sojourn_process import Sojourn, free_port  # noqa: E402

SECRETS = {name: f"{name}-5ecret-{number:032x}" for number, name in enumerate(
    ("write-key", "admin-token", "coupon-key", "event-id-key", "address-key", "link-key",
     "relay-password", "sasl-password", "registry-password"), 0xabc0)}
RULES = {
    "company.yaml": """company: Test Shop
timezone: UTC
postal_address: Test Shop, Main Street 1, Berlin
topics:
  marketing: {default: opted_in}
senders:
  hello: {from: "Test Shop <hello@shop.example>"}
""",
    "templates/offer.liquid": "---\ntemplate: offer\nsubject: An offer\n---\n<p>Hello</p>\n",
    "journeys/offer.yaml": "journey: offer\ntrigger: {event: Ping}\nsteps:\n  - send_email: offer\n",
}


def forms_of(secret):
    """The secret as it could show: plain, as base64 with what stands around it, quoted."""
    plain = secret.encode()
    return {plain, base64.b64encode(plain), base64.b64encode(b"ada:" + plain)[8:-4],
            base64.b64encode(plain + b":")[:-4]}


class Witness:
    """Everything that was said."""

    def __init__(self):
        self.said = []

    def hear(self, where, text):
        self.said.append((where, text if isinstance(text, bytes) else str(text).encode()))

    def check(self, secrets):
        assert sum(len(text) for _, text in self.said) > 10_000
        for name, secret in secrets.items():
            for where, text in self.said:
                for form in forms_of(secret):
                    assert form not in text, f"{name} shows in {where}"


def refusing_relay():
    """Speaks SMTP until the login, which it refuses with the client's own words."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client, client.makefile("rwb") as lines:
                lines.write(b"220 relay\r\n")
                lines.flush()
                for line in lines:
                    if line.upper().startswith(b"EHLO"):
                        lines.write(b"250-relay\r\n250 AUTH PLAIN LOGIN\r\n")
                    elif line.upper().startswith(b"QUIT"):
                        break
                    else:
                        lines.write(b"535 5.7.8 no: " + line.strip() + b"\r\n")
                    lines.flush()

    threading.Thread(target=serve, daemon=True).start()
    return server


def shop_in(directory, relay):
    for name, text in RULES.items():
        (directory / "rules" / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / "rules" / name).write_text(text)
    (directory / "token").write_text(SECRETS["admin-token"] + "\n")
    shop = Sojourn(
        directory, rules=directory / "rules",
        write_keys={"web": SECRETS["write-key"]}, admin_tokens={"ada": {"file": "token"}},
        secrets={"coupon_key": SECRETS["coupon-key"], "event_id_key": SECRETS["event-id-key"],
                 "address_key": {"env": "ADDRESS_KEY"}, "link_keys": [SECRETS["link-key"]]},
        mail={"send": "smtp", "public_url": "https://mail.shop.example",
              "smtp": {"host": "127.0.0.1", "port": relay.getsockname()[1], "security": "none",
                       "user": "ada", "password": SECRETS["relay-password"]}})
    os.environ["ADDRESS_KEY"] = SECRETS["address-key"]
    return shop


def basic(user):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:".encode()).decode()}


def send_good_and_bad(shop, witness):
    key, wrong = SECRETS["write-key"], SECRETS["write-key"][:-1]
    good = {"userId": "ada", "event": "Ping", "properties": {}}
    bodies = [good, {**good, "writeKey": key}, {"writeKey": key, "userId": "ada"},
              f'{{"writeKey": "{key}", "userId": NaN, '.encode(),
              {"batch": [good, {"writeKey": key}, 7], "writeKey": key}, b"[" * 5000, b"", b"null"]
    for path in ("/v1/track", "/v1/batch", "/v1/identify", f"/v1/track?writeKey={key}"):
        for headers in ({}, basic(key), basic(wrong), basic(SECRETS["admin-token"])):
            for body in bodies:
                witness.hear(path, shop.post(path, body, headers=headers))
    identify = {"userId": "ada", "traits": {"email": "ada@customer.example"}}
    assert shop.post("/v1/identify", identify, headers=basic(key))[0] == 200
    assert shop.post("/v1/track", good, headers=basic(key))[0] == 200
    for path in ("/metrics", "/-/healthy", "/-/ready", "/-/reload", "/-/person?id=ada", "/nowhere",
                 "/-/log?part=0", "/-/mails", "/-/dead-letters", "/-/suppressions", "/-/actions"):
        for token in ("", SECRETS["admin-token"], SECRETS["admin-token"] + "x", wrong):
            headers = {"Authorization": "Bearer " + token}
            witness.hear(path, shop.get(path, headers=headers))
            witness.hear(path, shop.post(path, b"{", headers=headers))
    with socket.create_connection(("127.0.0.1", shop.port), timeout=10) as client:
        client.sendall(f"POST /v1/track HTTP/1.1\r\nAuthorization: Bearer {key}\r\n {key}\r\n\r\n"
                       .encode())
        witness.hear("a folded header", client.recv(65536))


def run_commands(shop, witness):
    for arguments in (("actions",), ("dead-letters",), ("suppressions", "list"), ("pause",),
                      ("resume",), ("explain", "ada"), ("summary",), ("plan",),
                      ("check", str(shop.settings["rules"])), ("help", "run"), ("key", "--help")):
        options = [] if arguments[0] in ("check", "help", "key") else ["--config", shop.config]
        said = subprocess.run([binary(), *arguments, *options], capture_output=True, timeout=60,
                              check=False, stdin=subprocess.DEVNULL)
        witness.hear(arguments, said.stdout + said.stderr)


def test_nothing_shows_of_a_running_shop():
    with tempfile.TemporaryDirectory() as name, refusing_relay() as relay:
        directory, witness = Path(name), Witness()
        shop = shop_in(directory, relay)
        with shop:
            send_good_and_bad(shop, witness)
            shop.wait_for(lambda: "535" in shop.log_file.read_text() or shop.metric(
                "sojourn_mails_total") > 0, 60, "the relay's refusal")
            run_commands(shop, witness)
            witness.hear("/metrics", shop.get("/metrics"))
            instance = json.loads((shop.data / "instance.json").read_text())
            shop.stop()
        witness.hear("the log", shop.log_file.read_bytes())
        run_commands(shop, witness)  # from the directory itself
        # The data directory: dead letters, events, state. Only who owns it reads its own keys.
        for path in shop.data.rglob("*"):
            if path.is_file() and path.name not in ("secrets.json", "instance.json"):
                witness.hear(path, path.read_bytes())
        witness.check({**SECRETS, "instance-token": instance["token"]})


def test_nothing_shows_of_a_refused_configuration():
    with tempfile.TemporaryDirectory() as name:
        directory, witness = Path(name), Witness()
        secret = SECRETS["sasl-password"]
        (directory / "secret").write_text(secret)
        (directory / "long").write_text(secret * 5000)
        registry = SECRETS["registry-password"]
        kafka = {"bootstrap_servers": f"127.0.0.1:{free_port()}"}
        wrong = [
            {"write_keys": secret}, {"write_keys": [secret]}, {"write_keys": {"web": [secret]}},
            {"write_keys": {"web": "sha256:" + secret}}, {"admin_tokens": {"web": secret[:8]}},
            {"write_keys": {"web": {"file": "long"}}}, {"write_keys": {"web": {"fiel": secret}}},
            {"secrets": {"link_keys": secret}}, {"secrets": {"link_keys": [[secret]]}},
            {"secrets": {"coupon_key": [secret]}}, {"secrets": {"address_key": {"env": "NONE"}}},
            {"mail": {"send": "smtp", "smtp": {"host": "h", "password": secret}}},
            {"mail": {"send": "smtp", "smtp": {"host": "h", "password": [secret], "user": "u"}}},
            {"log": "kafka", "kafka": {**kafka, "properties": {"sasl.pasword": secret}}},
            {"log": "kafka", "kafka": {**kafka, "properties": {"sasl.password": [secret]}}},
            {"log": "kafka", "kafka": {**kafka, "properties": {
                "sasl.password": secret, "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanisms": "PLAIN"}}},
            {"log": "kafka", "kafka": {**kafka, "properties": {
                "ssl.key.password": secret, "ssl.key.location": "secret",
                "security.protocol": "SSL"}}},
            {"log": "kafka", "kafka": {**kafka, "properties": {
                "schema.registry.url": f"http://ada:{registry}@registry"}}},
            {"log": "kafka", "kafka": {**kafka, "properties": {
                "schema.registry.basic.auth.user.info": f"ada:{registry}"}}},
        ]
        for number, settings in enumerate(wrong):
            config = directory / f"wrong-{number}.yaml"
            config.write_text(json.dumps({
                "data": str(directory / f"data-{number}"), "listen": f"127.0.0.1:{free_port()}",
                "rules": str(directory / "rules"), **settings}))
            for arguments in (("run",), ("actions",)):
                said = subprocess.run([binary(), *arguments, "--config", config], timeout=60,
                                      capture_output=True, check=False)
                assert said.returncode == 2, (settings, said)
                witness.hear(settings, said.stdout + said.stderr + b" " * 1000)
        witness.check({"sasl": secret, "registry": registry})


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
