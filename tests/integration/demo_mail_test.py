#!/usr/bin/python3
"""The demo shop's mails as a relay gets them that nobody here wrote; read by Python and dkimpy."""

import json
import re
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from demo_mails import (DOMAIN, FIRST_NAME, LAPSED, TITLE, act_out, address,  # noqa: E402
                        demo_shop, template_names, wait_for_all)
from mail_relay import Relay  # noqa: E402
from mail_shop import DkimKey, parse  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

# Not reached by anybody; RFC 8058's header stands only beside https.
PUBLIC_URL = "https://mail.bluebird.example"
TRANSACTIONAL = ["thanks-again", "thanks-first-order"]
# What only these customers can be told, by template and person: values of their events arrive.
SAID = {
    ("browse-reminder", "browser"): [TITLE, "By Ö."],
    ("cart-coupon", "rich-cart"): ["CART-"],
    ("cart-last-reminder", "cart"): [TITLE],
    ("cart-reminder", "cart"): [TITLE],
    ("cart-reminder", "rich-cart"): ["Your cart"],
    ("first-order-followup", "buyer"): [f"Hello {FIRST_NAME}"],
    ("thanks-again", "buyer"): ["o2"],
    ("thanks-first-order", "buyer"): ["o1"],
    ("vip-thanks", "best"): ["VIP-", "ordered 1 times"],
    ("welcome", "newcomer"): [f"Hello {FIRST_NAME}"],
    ("welcome-coupon", "newcomer"): ["WELCOME10"],
    ("welcome-you-looked-at", "looker"): [TITLE],
    **{("winback-coupon", person): ["BACK-"] for person in LAPSED},
    **{("winback-coupon-reminder", person): ["BACK-"] for person in LAPSED},
}


def check_lines(content):
    assert b"\n" not in content.replace(b"\r\n", b""), "a line end that is not CRLF"
    assert b"\r" not in content.replace(b"\r\n", b""), "a line end that is not CRLF"
    assert all(byte < 128 for byte in content), "not ASCII"
    longest = max(map(len, content.split(b"\r\n")))
    assert longest <= 998, f"a line of {longest}"
    body = content.split(b"\r\n\r\n", 1)[1]
    assert max(map(len, body.split(b"\r\n"))) <= 78


def check_headers(mail, action):
    assert mail["Message-ID"] == f"<{action['id']}@{DOMAIN}>", mail["Message-ID"]
    assert mail["From"].addresses[0].display_name == "Bluebird Records", mail["From"]
    assert mail["To"].addresses[0].addr_spec == action["address"], mail["To"]
    assert mail["Reply-To"].addresses[0].addr_spec == f"care@{DOMAIN}"
    age = datetime.now(timezone.utc) - parsedate_to_datetime(str(mail["Date"]))
    assert timedelta(seconds=-2) < age < timedelta(minutes=10), mail["Date"]
    topic = "orders" if action["template"] in TRANSACTIONAL else "marketing"
    assert mail["Feedback-ID"] == (
        f"{action['journey']}:{action['template']}:{topic}:Bluebird-Records"), mail["Feedback-ID"]
    for name in set(mail.keys()):
        assert len(mail.get_all(name)) == 1, f"{name} twice"


def check_unsubscription(mail, action):
    """Marketing can be left with one click (RFC 8058); what belongs to an order is no list."""
    if action["template"] in TRANSACTIONAL:
        assert not {"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id"} & set(mail.keys())
        return
    assert re.fullmatch(rf"<{re.escape(PUBLIC_URL)}/u/[\w-]+>", mail["List-Unsubscribe"].strip())
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Id"] == f"<marketing.{DOMAIN}>", mail["List-Id"]
    link = mail["List-Unsubscribe"].strip()[1:-1]
    for kind in ("plain", "html"):
        content = mail.get_body((kind,)).get_content().replace("\n", "")
        assert link in content, f"no link to unsubscribe in {kind}"
        assert "12 Harbor Street" in content, f"no postal address in {kind}"


def check_parts(mail, action):
    assert mail.get_content_type() == "multipart/alternative", mail.get_content_type()
    parts = list(mail.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert [part.get_content_charset() for part in parts] == ["utf-8", "utf-8"]
    text, html = (part.get_content() for part in parts)
    assert not re.search(r"</?\w+[^>]*>|&\w+;", text), text
    assert "{{" not in html and "{%" not in html, html
    assert f"{PUBLIC_URL}/o/" in html, "no open pixel"
    for said in SAID.get((action["template"], action["person"]), []):
        assert said in " ".join(text.split()), (said, text)


def check_mail(recipient, content, action, key):
    assert recipient == action["address"]
    check_lines(content)
    mail = parse(content)
    check_headers(mail, action)
    check_unsubscription(mail, action)
    check_parts(mail, action)
    assert key.verifies(content), "the signature"
    assert not key.verifies(content.replace(b"\r\nSubject: ", b"\r\nSubject: x")), "any signature"


def test_every_mail_of_the_demo_arrives_well_formed_and_signed():
    with tempfile.TemporaryDirectory() as name:
        relay = Relay(Path(name))
        relay.controller.start()
        try:
            with demo_shop(relay.settings(), public_url=PUBLIC_URL) as shop:
                act_out(shop)
                found = wait_for_all(shop, relay)
                missing = set(template_names()) - set(found)
                assert not missing, f"never arrived: {missing}"
                actions = {f"<{action['id']}@{DOMAIN}>": action
                           for action in shop.sojourn.actions() if action["kind"] == "send_email"}
                for mails in found.values():
                    for recipient, content in mails:
                        action = actions.pop(str(parse(content)["Message-ID"]))
                        check_mail(recipient, content, action, shop.dkim)
                assert not actions, f"never arrived: {list(actions.values())}"
                subjects = {str(parse(mails[0][1])["Subject"]) for mails in found.values()}
                assert f"Have you made up your mind about {TITLE}?" in subjects, subjects
                assert f"{TITLE} is still on the shelf" in subjects, subjects
                skipped = shop.skipped()
                assert skipped == {}, skipped
                print(json.dumps({name: len(mails) for name, mails in sorted(found.items())}))
        finally:
            relay.controller.stop()


def test_the_rules_as_they_are_thank_at_once_and_drop_what_is_late():
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        relay = Relay(directory)
        relay.controller.start()
        key = DkimKey(directory / "dkim.pem")
        sojourn = Sojourn(directory / "process", mail={
            "send": "smtp", "smtp": relay.settings(), "public_url": PUBLIC_URL,
            "dkim": [{"domain": DOMAIN, "selector": "s", "key_file": str(key.path)}]})
        long_ago = datetime.now(timezone.utc) - timedelta(days=3)
        lines = [{"type": "identify", "userId": "late", "traits": {"email": address("late")}},
                 {"type": "track", "userId": "late", "event": "Order Completed",
                  "properties": {"order_id": "o1", "total": 20.0, "currency": "USD",
                                 "quantity": 1}}]
        export = directory / "export.ndjson"
        export.write_text("".join(json.dumps({**line, "messageId": f"m{number}",
                                              "timestamp": long_ago.isoformat()}) + "\n"
                                  for number, line in enumerate(lines)))
        try:
            # Into an empty log it is replayed on its own time, and thanked for three days too late.
            sojourn.command("import", str(export), "--yes")
            sojourn.start()
            sojourn.post("/v1/identify", {"userId": "new", "traits": {"email": address("new")}})
            sojourn.post("/v1/track", {"userId": "new", "event": "Order Completed", "properties": {
                "order_id": "o2", "total": 20.0, "currency": "USD", "quantity": 1}})
            sojourn.wait_for(lambda: relay.mails, what="thanks for the new order")
            sojourn.wait_for(lambda: sojourn.mail_outcomes() == {"expired": 1, "delivered": 1},
                             what="one that is late")
            assert [recipient for recipient, _ in relay.mails] == [address("new")]
            assert key.verifies(relay.mails[0][1])
            sojourn.stop()
        finally:
            if sojourn.process and sojourn.process.poll() is None:
                sojourn.kill()
            relay.controller.stop()


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
