#!/usr/bin/env python3
"""The running process calls webhooks of receivers that verify, fail, redirect, hang and are gone."""

import base64
import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, run_cases  # noqa: E402
from npm_packages import install  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402
from webhook_receiver import Receiver  # noqa: E402

STANDARD_WEBHOOKS = "1.0.0"
COMPANY = """company: Test Shop
timezone: UTC
currency: EUR
topics:
  marketing: {default: opted_in}
"""


def secret():
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


def journey(name, step):
    """Every event NAME with a new number makes the step."""
    return f"journey: {name.lower()}\ntrigger: {{event: {name}}}\none_run_per: event.number\n" \
           f"steps:\n  - {step}\n"


def hook(url, data="{number: event.number}"):
    return f'webhook: {{url: "{url}", data: {data}}}'


@contextlib.contextmanager
def process(steps, templates=None, **webhooks):
    """A process whose event NAME makes steps[NAME]."""
    with tempfile.TemporaryDirectory(prefix="sojourn-webhook-") as name:
        directory = Path(name)
        files = {"company.yaml": COMPANY,
                 **{f"journeys/{event.lower()}.yaml": journey(event, step)
                    for event, step in steps.items()},
                 **{f"templates/{template}.liquid": text
                    for template, text in (templates or {}).items()}}
        for path, text in files.items():
            (directory / "rules" / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / "rules" / path).write_text(text)
        settings = {"allow_private": ["localhost"], **webhooks}
        sojourn = Sojourn(directory / "process", rules=directory / "rules", webhooks=settings)
        try:
            yield sojourn
        finally:
            if sojourn.process and sojourn.process.poll() is None:
                sojourn.kill()


def track(sojourn, event, *numbers, person="ada"):
    calls = [{"type": "track", "userId": person, "event": event, "messageId": f"{event}-{number}",
              "properties": {"number": number}} for number in numbers]
    status, text = sojourn.post("/v1/batch", {"batch": calls})
    assert status == 200, text


def outcomes(sojourn):
    counts = sojourn.metric_by("sojourn_webhooks_total", "outcome")
    return {outcome: count for outcome, count in counts.items() if count}


def dead_letters(sojourn):
    lines = sojourn.command("dead-letters", "list", "--format", "json").stdout.splitlines()
    return [json.loads(line) for line in lines if line]


def accepted(call, secrets):
    """For each secret, whether npm's standardwebhooks accepts the call with it."""
    modules = install(standardwebhooks=STANDARD_WEBHOOKS)
    result = subprocess.run(
        ["node", str(PROJECT_ROOT / "tests/support/verify_webhook.mjs"), str(modules)],
        input=json.dumps({"secrets": secrets, "headers": call.headers, "body": call.body}),
        capture_output=True, text=True, timeout=60, check=True)
    return json.loads(result.stdout)


def test_a_webhook_is_verified_by_others_while_secrets_rotate():
    old, new = secret(), secret()
    with Receiver() as receiver, \
            process({"Ping": hook(receiver.url("/hook?key=1"), "{order: '\"ä1\"'}")},
                    secrets=[new, old]) as sojourn:
        sojourn.start()
        track(sojourn, "Ping", 1)
        sojourn.wait_for(lambda: receiver.calls, what="a webhook")
        call = receiver.calls[0]
        assert accepted(call, [new, old, secret()]) == [True, True, False]
        forged = call._replace(body=call.body.replace("ä1", "ä2"))
        assert forged.body != call.body and accepted(forged, [new, old]) == [False, False]
        body = json.loads(call.body)
        action = sojourn.actions()[0]
        assert call.path == "/hook?key=1" and call.headers["webhook-id"] == action["id"]
        assert call.headers["content-type"] == "application/json", call.headers
        assert body["type"] == "webhook" and body["timestamp"] == action["time"], body
        expected = {"person": "ada", "journey": "ping", "step": action["step"], "entry": 1,
                    "run_key": "1", "order": "ä1"}
        assert body["data"] == expected, body["data"]
        sojourn.wait_for(lambda: outcomes(sojourn) == {"delivered": 1}, what="the outcome")
        log = sojourn.log_file.read_text()
        assert new not in log and "key=1" not in log, log
        sojourn.stop()


def test_without_secrets_the_directory_makes_one_and_shows_it():
    with Receiver() as receiver, process({"Ping": hook(receiver.url())}) as sojourn:
        sojourn.start()
        track(sojourn, "Ping", 1)
        sojourn.wait_for(lambda: receiver.calls, what="a webhook")
        shown = sojourn.command("webhooks", "secret").stdout.strip()
        assert shown.startswith("whsec_"), shown
        assert accepted(receiver.calls[0], [shown]) == [True]
        sojourn.stop()
        sojourn.start()
        assert sojourn.command("webhooks", "secret").stdout.strip() == shown


def test_nothing_private_is_connected_to():
    with Receiver() as target, Receiver() as receiver:
        receiver.answers["/redirect"] = [(307, {"Location": target.url("/inside", "127.0.0.1")})]
        refused = {"Short": f"https://127.1:{target.port}/",
                   "Hexadecimal": f"https://0x7f.1:{target.port}/",
                   "Decimal": f"https://2130706433:{target.port}/",
                   "Plain": target.url(host="127.0.0.1"),
                   "Mapped": f"https://[::ffff:127.0.0.1]:{target.port}/",
                   "Ten": "https://[::ffff:10.0.0.1]/",
                   # A name that nobody has allowed, and whose address is this machine.
                   "Rebinding": f"https://rebinding.localhost:{target.port}/"}
        steps = {event: hook(url) for event, url in refused.items()}
        with process({**steps, "Redirect": hook(receiver.url("/redirect"))}) as sojourn:
            sojourn.start()
            for event in steps:
                track(sojourn, event, 1)
            track(sojourn, "Redirect", 1)
            sojourn.wait_for(lambda: outcomes(sojourn)
                             == {"failed": len(refused), "waiting": 1}, what="the outcomes")
            letters = dead_letters(sojourn)
            assert [letter["kind"] for letter in letters] == ["webhook"] * len(refused), letters
            reasons = [letter["reason"] for letter in letters]
            assert reasons == ["address_refused"] * len(refused), letters
            assert all("not on the public Internet" in letter["message"] for letter in letters)
            assert target.connections == 0 and len(receiver.calls) == 1


def test_gone_disables_a_url_until_it_is_enabled():
    with Receiver() as receiver, \
            process({"Old": hook(receiver.url("/old")),
                     "New": hook(receiver.url("/new"))}) as sojourn:
        receiver.answers["/old"] = [(410, {})]
        sojourn.start()
        track(sojourn, "Old", 1)
        sojourn.wait_for(lambda: outcomes(sojourn) == {"failed": 1}, what="a dead letter")
        track(sojourn, "Old", 2)
        track(sojourn, "New", 1)
        sojourn.wait_for(lambda: outcomes(sojourn) == {"failed": 2, "delivered": 1}, what="three")
        sojourn.wait_for(lambda: sojourn.metric("sojourn_webhook_urls_disabled") == 1)
        time.sleep(1.5)  # it is written down within a second
        sojourn.kill()
        sojourn.start()
        track(sojourn, "Old", 3)
        sojourn.wait_for(lambda: outcomes(sojourn) == {"failed": 1}, what="a third dead letter")
        assert len(receiver.calls_to("/old")) == 1
        listed = sojourn.command("webhooks").stdout
        assert receiver.url("/old") in listed and "disabled since" in listed, listed
        receiver.answers["/old"] = [(204, {})]
        wrong = sojourn.command("webhooks", "enable", receiver.url("/other"), check=False)
        assert wrong.returncode != 0 and "is not disabled" in wrong.stderr, wrong
        sojourn.command("webhooks", "enable", receiver.url("/old"))
        retried = sojourn.command("dead-letters", "retry", "--all").stdout
        assert retried.count("reopened and delivered") == 3, retried
        assert len(receiver.calls_to("/old")) == 4
        assert "no webhook URL is disabled" in sojourn.command("webhooks").stdout


def test_retry_after_is_waited_for_and_the_retry_says_the_same():
    with Receiver() as receiver, process({"Ping": hook(receiver.url())}) as sojourn:
        receiver.answers["/hook"] = [(503, {"Retry-After": "8"}), (204, {})]
        sojourn.start()
        track(sojourn, "Ping", 1)
        sojourn.wait_for(lambda: outcomes(sojourn) == {"waiting": 1, "delivered": 1},
                         what="a retry")
        first, second = receiver.calls
        assert second.at - first.at >= 7.9, second.at - first.at  # the schedule says 5
        assert first.body == second.body
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert int(second.headers["webhook-timestamp"]) >= int(first.headers["webhook-timestamp"]) + 7
        assert sojourn.metric("sojourn_webhook_retries_total") == 1


def test_a_process_that_is_killed_calls_again_with_the_same_id():
    with Receiver() as receiver, process({"Ping": hook(receiver.url())}) as sojourn:
        held = threading.Event()
        receiver.answers["/hook"] = [lambda: (held.wait(30), (204, {}))[1]]
        sojourn.start()
        track(sojourn, "Ping", 1)
        sojourn.wait_for(lambda: receiver.calls, what="a webhook")
        sojourn.kill()
        held.set()
        receiver.answers["/hook"] = [(204, {})]
        sojourn.start()
        sojourn.wait_for(lambda: outcomes(sojourn) == {"delivered": 1}, what="the webhook again")
        first, second = receiver.calls
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.body == second.body
        sojourn.stop()
        sojourn.start()
        track(sojourn, "Ping", 2)
        sojourn.wait_for(lambda: outcomes(sojourn) == {"delivered": 1}, what="another one")
        assert len(receiver.calls) == 3, "what was delivered is not called again"


def test_a_dead_endpoint_delays_no_other():
    hole = socket.socket()
    hole.bind(("127.0.0.1", 0))
    hole.listen(64)  # taken by the kernel, answered by nobody
    with contextlib.closing(hole), Receiver() as receiver, \
            process({"Dead": hook(f"http://localhost:{hole.getsockname()[1]}/"),
                     "Good": hook(receiver.url())}, timeout_seconds=2, connections=8) as sojourn:
        sojourn.start()
        track(sojourn, "Dead", *range(100))
        sojourn.wait_for(lambda: sojourn.metric("sojourn_webhook_queue") > 0, what="the hole's")
        began = time.monotonic()
        track(sojourn, "Good", *range(100), person="bob")
        sojourn.wait_for(lambda: len(receiver.calls) == 100, what="a hundred good ones")
        took = time.monotonic() - began
        assert took < 10, f"{took} s; all to the hole take 25"
        sojourn.wait_for(lambda: sojourn.metric("sojourn_webhook_circuits_open") == 1,
                         what="an open circuit")
        endpoint = f"http://localhost:{hole.getsockname()[1]}"
        opened = sojourn.metric_by("sojourn_webhook_circuits_opened_total", "endpoint")
        assert opened == {endpoint: 1}, opened
        sojourn.stop()


def test_sms_leaves_through_its_gateway():
    note = "---\ntemplate: note\nchannel: sms\n---\nHi {{ person.first_name }} & all"
    key = secret()
    with Receiver() as receiver, \
            process({"Ping": "send_sms: note"}, {"note": note},
                    gateways={"sms": {"url": receiver.url("/sms"), "secrets": [key]}}) as sojourn:
        sojourn.start()
        calls = [{"type": "identify", "userId": "ada",
                  "traits": {"phone": "+491701234567", "first_name": "Ada"}}]
        assert sojourn.post("/v1/batch", {"batch": calls})[0] == 200
        track(sojourn, "Ping", 1)
        sojourn.wait_for(lambda: receiver.calls, what="an SMS")
        call = receiver.calls[0]
        body = json.loads(call.body)
        assert call.path == "/sms" and body["type"] == "sms", call
        assert body["data"]["to"] == "+491701234567" and body["data"]["text"] == "Hi Ada & all"
        assert accepted(call, [key]) == [True]
        # Consent that is withdrawn while a message waits holds it.
        sojourn.command("pause", "ping")
        time.sleep(1.5)  # told within a second
        track(sojourn, "Ping", 2)
        sojourn.wait_for(lambda: sojourn.metric_by("sojourn_webhook_queue", "state")["held"] == 1,
                         what="a held message")
        withdrawn = {"userId": "ada", "event": "Unsubscribed", "properties": {"topic": "marketing"}}
        assert sojourn.post("/v1/track", withdrawn)[0] == 200
        sojourn.wait_settled(4)
        sojourn.command("resume", "ping")
        sojourn.wait_for(lambda: outcomes(sojourn) == {"delivered": 1, "skipped": 1}, what="a skip")
        assert len(receiver.calls) == 1


def test_certificates_are_verified():
    with tempfile.TemporaryDirectory(prefix="sojourn-tls-") as name:
        certificate, key = Path(name, "certificate.pem"), Path(name, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        with Receiver(tls=context) as receiver, \
                process({"Ping": hook(receiver.url(scheme="https"))}) as sojourn:
            sojourn.start()
            track(sojourn, "Ping", 1)
            sojourn.wait_for(lambda: outcomes(sojourn) == {"waiting": 1}, what="a failure")
            sojourn.stop()
            assert not receiver.calls
            sojourn.settings["webhooks"]["ca_file"] = str(certificate)
            sojourn.write_config()
            sojourn.start()
            sojourn.wait_for(lambda: outcomes(sojourn) == {"delivered": 1}, what="the retry")


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
