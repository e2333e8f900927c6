#!/usr/bin/python3
"""`sojourn preview` and `sojourn send-test`: mails before they are sent, running or not."""

import contextlib
import email
import email.policy
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import binary, run_cases  # noqa: E402
from mail_relay import Relay  # noqa: E402
from sojourn_process import Sojourn, free_port  # noqa: E402

RULES = {
    "company.yaml": """company: Test Shop
timezone: Europe/Berlin
currency: EUR
postal_address: Test Shop, Main Street 1, Berlin
topics:
  marketing: {default: opted_in}
  orders: {default: opted_in, kind: transactional}
senders:
  hello: {from: "Test Shop <hello@shop.example>", reply_to: care@shop.example}
""",
    "catalog.yaml": """catalog: shop
events:
  Offer: {number: int, title: string, price: double?}
  Bill: {order_id: string}
traits: {email: string, first_name: string?, language: string?, phone: string?}
""",
    "templates/offer.liquid": """---
template: offer
subject: "No. {{ trigger.number }} for {{ person.first_name | default: 'you' }}"
---
<p>Hello {{ person.first_name }}, {{ trigger.title }}
<a href="https://shop.example/offer?n={{ trigger.number }}">look</a></p>
{% if person.language == "de" %}<p>Deutsch</p>{% endif %}
""",
    "templates/bill.liquid": """---
template: bill
subject: "Your bill"
topic: orders
---
<p>Order {{ trigger.order_id }} {{ data.note }}</p>
""",
    "templates/broken.liquid": """---
template: broken
subject: "x"
---
<p>fine</p>
  {{ 1 | divided_by: data.zero }}
""",
    "templates/text.liquid": """---
template: text
channel: sms
---
Hi {{ person.first_name }} <3
""",
    "journeys/offer.yaml": """journey: offer
trigger: {event: Offer}
one_run_per: event.number
steps:
  - send_email: offer
""",
    "journeys/bill.yaml": """journey: bill
trigger: {event: Bill}
one_run_per: event.order_id
steps:
  - send_email: {template: bill, data: {note: "'paid'"}}
""",
    "journeys/others.yaml": """journey: others
trigger: {event: Bill, where: event.order_id == "never"}
steps:
  - send_email: {template: broken, data: {zero: "0"}}
  - send_sms: text
""",
}


@contextlib.contextmanager
def shop(changes=None, **mail):
    """A rules directory, and a process that is not started yet."""
    with tempfile.TemporaryDirectory(prefix="sojourn-preview-") as name:
        directory = Path(name)
        for path, text in {**RULES, **(changes or {})}.items():
            (directory / "rules" / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / "rules" / path).write_text(text)
        port = free_port()
        sojourn = Sojourn(directory / "process", rules=directory / "rules", port=port,
                          mail={"send": "files", "public_url": f"http://127.0.0.1:{port}", **mail})
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: sojourn.process and sojourn.process.poll() is None
                           and sojourn.kill())
            yield sojourn, directory


def preview(sojourn, directory, template, *arguments, command="preview", code=0, env=None):
    """Runs the command where `directory` is; gives the completed process."""
    result = subprocess.run([str(binary()), command, template, "--config", str(sojourn.config),
                             *[str(argument) for argument in arguments]], cwd=directory,
                            capture_output=True, text=True, timeout=120, check=False, env=env)
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    return result


def eml(directory, template):
    bytes_ = (directory / "preview" / f"{template}.eml").read_bytes()
    assert all(line.endswith(b"\r\n") for line in bytes_.splitlines(keepends=True))
    return email.message_from_bytes(bytes_, policy=email.policy.default)


def write(path, values):
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return path


def send(sojourn, person, event, traits=None, **properties):
    calls = [{"type": "identify", "userId": person,
              "traits": {"email": f"{person}@customer.example", "first_name": "Ada",
                         **(traits or {})}},
             {"type": "track", "userId": person, "event": event, "properties": properties}]
    status, text = sojourn.post("/v1/batch", {"batch": calls})
    assert status == 200, text


def test_made_up_values_show_what_a_mail_is_made_of():
    with shop() as (sojourn, directory):
        result = preview(sojourn, directory, "offer")
        assert "Subject:          No. 3 for [first_name]" in result.stdout, result.stdout
        assert "From:             Test Shop <hello@shop.example>" in result.stdout, result.stdout
        assert "Hello [first_name], [title]" in result.stdout, result.stdout
        assert "made-up values" in result.stderr, result.stderr
        assert 'trigger.title "[title]"' in result.stderr, result.stderr
        mail = eml(directory, "offer")
        assert mail["Subject"] == "No. 3 for [first_name]" and mail["Reply-To"], mail.items()
        assert [part.get_content_type() for part in mail.iter_parts()] == [
            "text/plain", "text/html"], mail
        html = mail.get_body(("html",)).get_content()
        text = mail.get_body(("plain",)).get_content()
        assert "Main Street 1" in html and "/c/" in html and "/o/" in html, html
        assert "https://shop.example/offer?n=3" in text and "Main Street 1" in text, text
        for ending in ("html", "txt", "eml"):
            path = directory / "preview" / f"offer.{ending}"
            assert f"{path.resolve()}\n" in result.stdout and path.stat().st_size > 0, result.stdout
        assert "default-src 'none'" in (directory / "preview/offer.html").read_text()
        assert not sojourn.data.exists(), "a preview made a data directory"


def test_a_persons_values_and_newest_action_with_and_without_a_process():
    with shop() as (sojourn, directory):
        sojourn.start()
        send(sojourn, "ada", "Offer", number=1, title="old")
        sojourn.wait_for(lambda: len(sojourn.actions()) == 1, what="an action")
        send(sojourn, "ada", "Offer", number=2, title="new <b>", traits={"first_name": "Ada L."})
        sojourn.wait_for(lambda: len(sojourn.actions()) == 2, what="two actions")
        arguments = ["offer", "--person", "ada"]
        running = preview(sojourn, directory, *arguments)
        assert running.stderr == "note: read but not given: person.language\n", running.stderr
        assert "Subject:          No. 2 for Ada L." in running.stdout, running.stdout
        mail = eml(directory, "offer")
        assert mail["To"] == "ada@customer.example", mail["To"]
        assert "new &lt;b&gt;" in mail.get_body(("html",)).get_content(), mail
        links = re.findall(r"http://127[^\"\s)>]+", (directory / "preview/offer.html").read_text())
        assert {re.sub(r".*:\d+/(\w)/.*", r"\1", link) for link in links} == set("copu"), links
        before = sojourn.metric("sojourn_events_total")
        for link in links:
            path = link[link.index("/", 8):]
            assert sojourn.get(path)[0] in (400, 404), sojourn.get(path)
            assert sojourn.post(path, b"List-Unsubscribe=One-Click", headers={
                "Content-Type": "application/x-www-form-urlencoded"})[0] in (400, 404, 405)
        assert sojourn.metric("sojourn_events_total") == before, "a preview's link did something"
        missing = preview(sojourn, directory, "bill", "--person", "ada")
        assert "read but not given: data.note, trigger.order_id" in missing.stderr, missing.stderr
        preview(sojourn, directory, "offer", "--person", "ad", code=2)
        sojourn.stop()
        stopped = preview(sojourn, directory, *arguments)
        unlike = re.compile(r"http://127\S+")
        assert unlike.sub("", stopped.stdout) == unlike.sub("", running.stdout), stopped.stdout
        unknown = preview(sojourn, directory, "offer", "--person", "nobody", code=2)
        assert "there is no person nobody" in unknown.stderr, unknown.stderr


def test_a_mail_that_would_not_go_says_so_and_is_shown():
    with shop() as (sojourn, directory):
        sojourn.start()
        send(sojourn, "ada", "Offer", number=1, title="x")
        status, _ = sojourn.post("/v1/track", {"userId": "ada", "event": "Unsubscribed",
                                               "properties": {"topic": "marketing"}})
        assert status == 200
        sojourn.post("/v1/identify", {"userId": "bob", "traits": {"first_name": "Bob"}})
        sojourn.command("suppressions", "add", "eve@customer.example")
        send(sojourn, "eve", "Bill", order_id="1")
        sojourn.wait_for(lambda: len(sojourn.actions()) >= 2, what="actions")

        def notes(template, person):
            return preview(sojourn, directory, template, "--person", person).stderr

        sojourn.wait_for(lambda: "no_consent" in notes("offer", "ada"), what="no consent")
        assert "ada has not agreed to the topic marketing" in notes("offer", "ada")
        assert eml(directory, "offer")["To"] == "ada@customer.example"
        assert "no_consent" not in notes("bill", "ada"), "a topic of its own"
        assert "no_address" in notes("bill", "bob"), notes("bill", "bob")
        assert "(suppressed)" in notes("bill", "eve"), notes("bill", "eve")
    company = ("company: Test Shop\n"
               "topics: {marketing: {default: opted_in}, orders: {default: opted_in}}\n")
    with shop({"company.yaml": company}) as (sojourn, directory):
        result = preview(sojourn, directory, "offer")
        assert "names no sender" in result.stderr, result.stderr
        assert eml(directory, "offer")["From"] == "nobody@sender.invalid"
        sender = 'senders:\n  hello: {from: "hello@shop.example"}\n'
        write(directory / "rules/company.yaml", company + sender)
        assert "postal_address" in preview(sojourn, directory, "offer").stderr


def test_a_file_of_values_whatever_stands_in_it():
    with shop() as (sojourn, directory):
        person = {"email": "mia@customer.example", "first_name": "Mia\r\nBcc: all@x.example\0"}
        hostile = {"person": person,
                   "trigger": {"number": 7,
                               "title": "<script>alert(1)</script>\u202e" + "x" * 2**20}}
        result = preview(sojourn, directory, "offer", "--data",
                         write(directory / "hostile.json", hostile))
        assert "note: read but not given: person.language" in result.stderr, result.stderr
        assert "\x00" not in result.stdout and "\u202e" not in result.stdout
        mail = eml(directory, "offer")
        assert mail["Subject"] == "No. 7 for Mia Bcc: all@x.example", mail["Subject"]
        assert mail["Bcc"] is None and mail["To"] == "mia@customer.example", mail.keys()
        assert "&lt;script&gt;alert(1)" in (directory / "preview/offer.html").read_text()
        assert "<script" not in mail.get_body(("html",)).get_content()
        german = write(directory / "de.yaml", "person: {language: de, first_name: Ümit}\n")
        preview(sojourn, directory, "offer", "--data", german)
        assert "Abmelden" in (directory / "preview/offer.txt").read_text()
        assert "Ümit" in eml(directory, "offer")["Subject"]
        preview(sojourn, directory, "offer", "--data", german, "--language", "en")
        assert "Unsubscribe" in (directory / "preview/offer.txt").read_text()
        preview(sojourn, directory, "offer", "--language", "de", "--out", directory / "de")
        assert "Deutsch" in (directory / "de/offer.html").read_text()
        to = write(directory / "to.yaml", 'person: {email: "a@b.example\\r\\nBcc: c@d.example"}\n')
        assert "receiver's address is wrong" in preview(sojourn, directory, "offer", "--data",
                                                        to).stderr
        assert eml(directory, "offer")["To"] == "nobody@recipient.invalid"


def test_mistakes_name_the_thing_and_the_way_out():
    with shop() as (sojourn, directory):
        def complaint(template, *arguments, code=2):
            result = preview(sojourn, directory, template, *arguments, code=code)
            assert result.stdout == "", result.stdout
            return result.stderr

        assert 'no template ofer; did you mean "offer"?' in complaint("ofer")
        assert 'did you mean "bill"?' in complaint("bill", "--journey", "bil")
        assert "does not send" in complaint("bill", "--journey", "offer")
        yaml = write(directory / "a.yaml", "person: {}\nevnt: {a: 1}\n")
        assert f"{yaml}:2:1: " in complaint("offer", "--data", yaml)
        assert "event" in complaint("offer", "--data", yaml)
        wrong = write(directory / "b.json", '{"evnt": {}}')
        assert 'did you mean "event"?' in complaint("offer", "--data", wrong)
        for name, text in {"list.json": "[1]", "half.json": '{"person": {"a"', "flat.json":
                           '{"person": 1}', "lone.json": '{"person": {"a": "\\ud800"}}',
                           "deep.json": '{"person": {"a": ' + "[" * 500 + "]" * 500 + "}}",
                           "none.yaml": "", "list.yaml": "[1]"}.items():
            assert name in complaint("offer", "--data", write(directory / name, text)), name
        assert "/nowhere" in complaint("offer", "--data", "/nowhere")
        assert "a file" in complaint("offer", "--person", "ada", "--data", yaml)
        assert "none" in complaint("offer", "--person", "ada", "--data", directory / "none")
        zero = write(directory / "zero.yaml", "data: {zero: 0}\n")
        assert "templates/broken.liquid:6:" in complaint("broken", "--data", zero, code=1)
        write(directory / "file", "")
        assert "file" in complaint("offer", "--out", directory / "file")
        write(directory / "rules/journeys/wrong.yaml", "journey: wrong\ntriger: {event: X}\n")
        assert "journeys/wrong.yaml:2:1: error" in complaint("offer")


def test_a_text_message_is_its_text():
    with shop() as (sojourn, directory):
        data = write(directory / "data.yaml", "person: {first_name: Ada}\n")
        assert "Hi Ada <3" in preview(sojourn, directory, "text", "--data", data).stdout
        assert (directory / "preview/text.txt").read_text() == "Hi Ada <3\n"
    with shop(send="dry_run") as (sojourn, directory):
        refused = preview(sojourn, directory, "text", "--to", "a@b.example", command="send-test",
                          code=2)
        assert "is no mail" in refused.stderr, refused.stderr


def test_open_shows_it_in_a_browser():
    with shop() as (sojourn, directory):
        tools = directory / "tools"
        tools.mkdir()
        environment = {**os.environ, "PATH": str(tools)}
        nothing = preview(sojourn, directory, "offer", "--open", code=2, env=environment)
        assert "xdg-open" in nothing.stderr and "file:///" in nothing.stderr, nothing.stderr
        opener = write(tools / "xdg-open", f'#!/bin/sh\necho "$1" >{directory}/opened\n')
        opener.chmod(0o755)
        preview(sojourn, directory, "offer", "--open", env=environment)
        opened = Path((directory / "opened").read_text().strip())
        assert opened == (directory / "preview/offer.html").resolve(), opened


def test_a_test_mail_goes_to_ones_own_address():
    with tempfile.TemporaryDirectory() as name:
        relay = Relay(Path(name))
        relay.controller.start()
        try:
            with shop(send="smtp", smtp=relay.settings()) as (sojourn, directory):
                def send_test(*arguments, to="me@shop.example", code=0):
                    return preview(sojourn, directory, "offer", "--to", to, *arguments,
                                   command="send-test", code=code)

                assert "delivered to me@shop.example: " in send_test().stdout
                send_test()
                recipients = {recipient for recipient, _ in relay.mails}
                assert recipients == {"me@shop.example"}, recipients
                mails = [email.message_from_bytes(content, policy=email.policy.default)
                         for _, content in relay.mails]
                assert mails[0]["Subject"] == "[Test] No. 3 for [first_name]", mails[0]["Subject"]
                assert mails[0]["To"] == "me@shop.example"
                assert len({mail["Message-ID"] for mail in mails}) == len(mails), mails
                assert not sojourn.data.exists(), "a test mail made a data directory"
                relay.refusals = {"gone@shop.example": "550 5.1.1 no such user",
                                  "busy@shop.example": "450 4.2.1 try later"}
                assert "no such user" in send_test(to="gone@shop.example", code=1).stderr
                assert "try later" in send_test(to="busy@shop.example", code=1).stderr
                for wrong in ("me", "a@b.example\nBcc: c@d.example", "me@shop.example,x@y.example"):
                    assert "--to" in send_test(to=wrong, code=2).stderr
        finally:
            relay.controller.stop()


def test_a_test_mail_among_files_of_a_running_process():
    with shop() as (sojourn, directory):
        arguments = ["offer", "--to", "me@shop.example"]
        alone = preview(sojourn, directory, *arguments, command="send-test", code=2)
        assert "no data directory" in alone.stderr and not sojourn.data.exists(), alone.stderr
        sojourn.start()
        index = sojourn.data / "mail/index.html"

        def test_mails():
            for _ in range(5):
                sent = preview(sojourn, directory, *arguments, "--person", "ada",
                               command="send-test")
                assert f"file://{index}" in sent.stdout, sent.stdout

        send(sojourn, "ada", "Offer", number=0, title="x")
        sojourn.wait_for(sojourn.mail_outcomes, what="a mail")
        tester = threading.Thread(target=test_mails)
        tester.start()
        for number in range(1, 60):
            send(sojourn, "ada", "Offer", number=number, title="x")
        tester.join()
        sojourn.wait_for(lambda: sojourn.mail_outcomes() == {"delivered": 60}, what="all mails")
        listed = index.read_text()
        assert listed.count('<tr id="test_') == 5, listed.count('<tr id="test_')
        assert listed.count('<tr id="act_') == 60, listed.count('<tr id="act_')
        assert len(list((sojourn.data / "mail").glob("*.eml"))) == 65
        sojourn.stop()
    with shop(send="none") as (sojourn, directory):
        nothing = preview(sojourn, directory, "offer", "--to", "me@shop.example",
                          command="send-test", code=2)
        assert "send: none" in nothing.stderr and "preview" in nothing.stderr, nothing.stderr
    with shop(send="dry_run") as (sojourn, directory):
        dry = preview(sojourn, directory, "offer", "--to", "me@shop.example", command="send-test")
        assert "dry run" in dry.stdout, dry.stdout


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
