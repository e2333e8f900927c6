#!/usr/bin/python3
"""What strangers write into traits, properties and addresses, as mails that go to a real relay.

Each arrives well-formed, with the recipient's own text in its place and nowhere else, or is refused
by name. Read by Python's email; the relay is aiosmtpd.
"""

import contextlib
import json
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from mail_relay import Relay  # noqa: E402
from mail_shop import (MailShop, company, html_of, parse, simple_journey,  # noqa: E402
                       simple_template, text_of)

SENDERS = {
    "plain": ("Test Shop", "hello@shop.example"),
    "comma": ("Shop, the best", "hello@shop.example"),
    "quotes": ('The "Best" \\ Shop', "hello@shop.example"),
    "angle": ("Shop <eve@evil.example>", "hello@shop.example"),
    "umlauts": ("Grüße & Söhne, 商店 👋", "hello@shop.example"),
    "long": ("x" * 300, "hello@shop.example"),
}
IDN_SENDER = "hallo@müller.example"

# The text of a trait and of a property, and what of it is to be read in the mail.
TEXTS = {
    "crlf": ("a\r\nBcc: eve@evil.example\r\n\r\n<p>body", ["Bcc: eve@evil.example"]),
    "lf": ("a\nSubject: other\n\nbody", ["Subject: other"]),
    "cr": ("a\rX-Evil: 1\r\rbody", ["X-Evil: 1"]),
    "nul": ("before\0after", ["before", "after"]),
    "controls": ("".join(map(chr, range(1, 32))) + "\x7f\x85\u2028.", []),
    "script": ("<script>alert('x')</script>", ["<script>alert('x')</script>"]),
    "attribute": ('"><img src=x onerror=alert(1)>', ["onerror=alert(1)"]),
    "liquid": ("{{ person.email }}{% raw %}", ["{{ person.email }}{% raw %}"]),
    "encoded-word": ("=?utf-8?Q?x?= =?utf-8?B?eA==?=", ["=?utf-8?Q?x?="]),
    "boundary": ("x\r\n--=_boundary--\r\n.\r\nQUIT\r\n", ["--=_boundary--"]),
    "dots": (".\r\n..\r\n.", []),
    "bidi": ("\u202eevil\u202c שלום", ["שלום"]),
    "emoji": ("👩‍👩‍👧" * 200, ["👩‍👩‍👧"]),
    "spaces": (" \t \u00a0 ", []),
    "long-word": ("w" * 10_000, ["w" * 100]),
    "number": (12345678, ["12345678"]),
    "list": (["<b>", {"a": None}], []),
    "nothing": (None, []),
}
ADDRESSES_THAT_ARRIVE = {
    "plain": ("ada@customer.example", "ada@customer.example"),
    "plus": ("ada+tag@customer.example", "ada+tag@customer.example"),
    "idn": ("kunde@bücher.example", "kunde@xn--bcher-kva.example"),
    "idn-chinese": ("kunde@例子.example", "kunde@xn--fsqu00a.example"),
}
ADDRESSES_THAT_DO_NOT = {
    "quoted": '"odd name"@customer.example',
    "space": "ada b@customer.example",
    "crlf": "ada@customer.example>\r\nRCPT TO:<eve@evil.example",
    "lf": "ada@customer.example\nBcc: eve@evil.example",
    "two": "ada@customer.example,eve@evil.example",
    "angle": "Ada <ada@customer.example>",
    "local-part": "björn@customer.example",
    "no-domain": "ada@",
    "no-at": "ada",
    "nul": "ada\0@customer.example",
    "long": "a" * 300 + "@customer.example",
}


def rules():
    lines = [f"{name}: {{from: {json.dumps(f'{display} <{address}>')}}}"
             for name, (display, address) in SENDERS.items()]
    lines.append(f"idn: {{from: {json.dumps(f'Müller <{IDN_SENDER}>')}}}")
    rules = {
        "company.yaml": company("\n  ".join(lines)),
        "templates/note.liquid": simple_template(
            "note", '"Note: {{ event.text }}"',
            '<p title="{{ event.text }}">Hello {{ person.first_name }}: {{ event.text }}</p>'),
        "journeys/note.yaml": simple_journey("note", "Note", "  - send_email: note\n"),
    }
    for name in [*SENDERS, "idn"]:
        rules[f"templates/from-{name}.liquid"] = simple_template(
            f"from-{name}", "Hello", "<p>Hello</p>", **{"from": name})
        rules[f"journeys/from-{name}.yaml"] = simple_journey(
            f"from-{name}", f"From {name}", f"  - send_email: from-{name}\n")
    return rules


@contextlib.contextmanager
def shop_and_relay():
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        relay = Relay(Path(name))
        relay.controller.start()
        try:
            with MailShop(rules(), relay.settings(), connections=2) as shop:
                yield shop, relay
        finally:
            relay.controller.stop()


def wait_concluded(shop, count):
    shop.sojourn.wait_for(lambda: sum(shop.outcomes().values()) == count, what=f"{count} ends")


def check_alone(relay, content, recipient):
    """One recipient, in the envelope and in the mail, and not one header more than there should."""
    mail = parse(content)
    assert [a.addr_spec for a in mail["To"].addresses] == [recipient], mail["To"]
    assert "Bcc" not in mail and "X-Evil" not in mail and "Cc" not in mail, mail.keys()
    assert len(mail.get_all("Subject")) == 1 and len(mail.get_all("To")) == 1
    assert mail.get_content_type() == "multipart/alternative", mail.get_content_type()
    assert len(list(mail.iter_parts())) == 2
    assert not [r for r, _ in relay.mails if r.endswith("evil.example")]
    assert max(map(len, content.split(b"\r\n"))) <= 998
    return mail


def test_texts_of_strangers_stay_where_they_belong():
    with shop_and_relay() as (shop, relay):
        for name, (text, _) in TEXTS.items():
            shop.identify(name, email=f"{name}@customer.example", first_name=text)
            shop.track(name, "Note", number=1, text=text)
        wait_concluded(shop, len(TEXTS))
        assert shop.outcomes() == {"delivered": len(TEXTS)}, shop.outcomes()
        arrived = {recipient.split("@")[0]: content for recipient, content in relay.mails}
        assert len(relay.mails) == len(TEXTS) and set(arrived) == set(TEXTS)
        for name, (_, shown) in TEXTS.items():
            content = arrived[name]
            mail = check_alone(relay, content, f"{name}@customer.example")
            assert str(mail["Subject"]).startswith("Note:"), (name, mail["Subject"])
            html = html_of(content)
            assert "<script" not in html and "<img src=x" not in html, (name, html)
            assert "\0" not in html and "\0" not in text_of(content), name
            for text in shown:
                # The text part is wrapped.
                assert "".join(text.split()) in "".join(text_of(content).split()), (name, text)
            assert shop.dkim.verifies(content), name


def track_raw(shop, person, number, text):
    """The answer to an event whose property is JSON as it stands."""
    return shop.sojourn.post("/v1/track", b'{"userId": "%s", "event": "Note", "properties": '
                             b'{"number": %d, "text": %s}}' % (person.encode(), number, text))


def wait_mail_to(shop, relay, person, count=1):
    shop.sojourn.wait_for(lambda: [r for r, _ in relay.mails].count(
        f"{person}@customer.example") == count, what=f"{count} mails to {person}")
    return [content for r, content in relay.mails if r == f"{person}@customer.example"]


def test_what_is_too_long_or_no_text_is_refused_by_name_and_harms_nobody():
    with shop_and_relay() as (shop, relay):
        # As large as the engine takes them; senders are usually held to less.
        shop.sojourn.stop()
        shop.sojourn.settings["intake"] = {"max_event_bytes": 262_144}
        shop.sojourn.write_config()
        shop.sojourn.start()
        for person in ("ada", "bob"):
            shop.identify(person, email=f"{person}@customer.example", first_name="Ada")
        # Half of a surrogate pair, which is no character.
        for half in (rb'"a\ud83d b"', rb'"\udc4b"', rb'"\ud83d\ud83d"'):
            status, text = track_raw(shop, "ada", 1, half)
            assert status == 400 and "broken string" in json.loads(text)["error"], (status, text)
        status, text = track_raw(shop, "ada", 2, json.dumps("x" * (1 << 20)).encode())
        assert status == 413 and "is over" in json.loads(text)["error"], (status, text)
        # The longest that an event may be, in the worst characters for HTML, quotes and headers.
        status, text = track_raw(shop, "ada", 3, json.dumps("<é" * 60_000,
                                                            ensure_ascii=False).encode())
        assert status == 200, text
        shop.track("bob", "Note", number=1, text="well")
        wait_mail_to(shop, relay, "bob")
        content, = wait_mail_to(shop, relay, "ada")
        check_alone(relay, content, "ada@customer.example")
        assert html_of(content).count("é") >= 120_000 and shop.dkim.verifies(content)


def test_a_mebibyte_in_a_file_is_refused_by_name_or_arrives():
    with shop_and_relay() as (shop, relay):
        lines = []
        for number, size in enumerate((1 << 20, 900_000, 1)):
            lines += [{"type": "identify", "userId": f"p{number}",
                       "traits": {"email": f"p{number}@customer.example", "first_name": "Ada"}},
                      {"type": "track", "userId": f"p{number}", "event": "Note",
                       "properties": {"number": 1, "text": "<" * size}}]
        now = datetime.now(timezone.utc).isoformat()
        export = shop.directory / "export.ndjson"
        export.write_text("".join(json.dumps({**line, "messageId": f"m{number}", "timestamp": now})
                                  + "\n" for number, line in enumerate(lines)))
        result = shop.sojourn.command("import", str(export), "--as", "events", "--yes",
                                      check=False)
        assert result.returncode in (0, 1), result.stderr
        wait_mail_to(shop, relay, "p2")
        said = result.stdout + result.stderr
        for number in (0, 1):
            line = 2 * number + 2
            if f":{line}:" in said:
                print(next(text for text in said.splitlines() if f":{line}:" in text)[:200])
                continue
            content, = wait_mail_to(shop, relay, f"p{number}")
            check_alone(relay, content, f"p{number}@customer.example")
            print(f"line {line}: a mail of {len(content)} bytes")


def test_display_names_and_domains_of_senders_come_back_whole():
    with shop_and_relay() as (shop, relay):
        names = list(SENDERS)
        shop.identify("ada", email="ada@customer.example", first_name="Ada")
        for name in [*names, "idn"]:
            shop.track("ada", f"From {name}", number=1)
        wait_concluded(shop, len(names) + 1)
        assert shop.outcomes() == {"delivered": len(names) + 1}, shop.outcomes()
        found = {}
        for _, content in relay.mails:
            mail = check_alone(relay, content, "ada@customer.example")
            assert len(mail["From"].addresses) == 1, mail["From"]
            found[str(mail["Feedback-ID"]).split(":")[1]] = mail["From"].addresses[0]
        for name in names:
            display, address = SENDERS[name]
            assert found[f"from-{name}"].addr_spec == address, found[f"from-{name}"]
            assert found[f"from-{name}"].display_name.replace(" ", "") == display.replace(
                " ", ""), found[f"from-{name}"]
        assert found["from-idn"].addr_spec == "hallo@xn--mller-kva.example", found["from-idn"]


def test_addresses_are_mailed_or_refused_by_name():
    with shop_and_relay() as (shop, relay):
        for name, (address, _) in ADDRESSES_THAT_ARRIVE.items():
            shop.identify(name, email=address, first_name="Ada")
        for name, address in ADDRESSES_THAT_DO_NOT.items():
            shop.identify(f"bad-{name}", email=address, first_name="Ada")
        for name in ADDRESSES_THAT_ARRIVE:
            shop.track(name, "Note", number=1, text="x")
        for name in ADDRESSES_THAT_DO_NOT:
            shop.track(f"bad-{name}", "Note", number=1, text="x")
        wait_concluded(shop, len(ADDRESSES_THAT_ARRIVE) + len(ADDRESSES_THAT_DO_NOT))
        assert shop.outcomes() == {"delivered": len(ADDRESSES_THAT_ARRIVE),
                                   "refused": len(ADDRESSES_THAT_DO_NOT)}, shop.outcomes()
        arrived = sorted(recipient for recipient, _ in relay.mails)
        assert arrived == sorted(sent for _, sent in ADDRESSES_THAT_ARRIVE.values()), arrived
        bounces = shop.wait_told("Email Bounced", count=len(ADDRESSES_THAT_DO_NOT))
        for bounce in bounces:
            assert bounce["type"] == "hard" and bounce["reason"], bounce
        for reason in sorted({bounce["reason"] for bounce in bounces}):
            print(reason)


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
