#!/usr/bin/python3
"""What we write as mail, read by Python's email package and dkimpy, which know nothing of us."""

import base64
import email
import email.policy
import os
import subprocess
import sys
import tempfile
from email.header import decode_header, make_header
from email.utils import parseaddr, parsedate_to_datetime
from functools import lru_cache
from pathlib import Path

import dkim

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, run_cases  # noqa: E402

DIRECTORY = tempfile.TemporaryDirectory()
KEY_FILE = Path(DIRECTORY.name, "key.pem")

MAIL = {
    "action_id": "act_0123456789abcdef0123456789abcdef",
    "from_name": "The Shop", "from_address": "news@shop.example",
    "reply_to": "help@shop.example", "to": "ada@customer.example", "subject": "Hello",
    "html": "<p>Hello</p>\n", "text": "Hello\n",
    "unsubscribe_url": "https://shop.example/u/" + "token" * 40,
    "list_id": "marketing.shop.example", "feedback_id": "welcome:hello:marketing:shop",
    "date": "1772442000000",
}

HOSTILE = {
    "1 MiB": "x" * (1 << 20),
    "1 MiB of emoji": "\U0001f600" * (1 << 18),
    "a header": "x\r\nBcc: eve@evil.example\r\n\r\nbody",
    "a part": "x\n--=_cb6b00e2e31d0d91db20f952c8ee0ba8\nContent-Type: text/html\n\n<script>",
    "controls": "".join(map(chr, range(0x20))) + "\x7f\x85\u2028\u2029.",
    "a script": "<script>alert('x')</script>",
    "lone surrogates": b"a\xed\xa0\x80b\xff\xc3",
    "dots": ".\n..\n.\r\n.a\n",
    "encoded-words": "=?utf-8?Q?x?= =?utf-8?B?eA==?=",
    "quotes": "\"a\\\" <eve@evil.example>, b",
    "languages": "Grüße, 你好, שלום, 👩‍👩‍👧 = \u00a0end ",
    "spaces": "  a   b \t \n \n",
    "nothing": "",
}


def binary():
    default = PROJECT_ROOT / "build/release/bin/sojourn_write_mail"
    path = Path(os.environ.get("SOJOURN_WRITE_MAIL", default))
    assert path.exists(), f"{path} is not built"
    return path


@lru_cache
def public_key():
    """Makes the key pair; the public one as it stands in DNS."""
    subprocess.run(["openssl", "genrsa", "-out", KEY_FILE, "2048"], check=True,
                   capture_output=True)
    der = subprocess.run(["openssl", "rsa", "-in", KEY_FILE, "-pubout", "-outform", "DER"],
                         check=True, capture_output=True).stdout
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)


def write(**changes):
    """The bytes of MAIL with `changes`."""
    public_key()
    fields = b""
    for name, value in {**MAIL, **changes}.items():
        value = value if isinstance(value, bytes) else value.encode()
        fields += f"{name} {len(value)}\n".encode() + value
    process = subprocess.run([binary(), "shop.example", "s1", KEY_FILE], input=fields,
                             capture_output=True, check=False)
    assert process.returncode == 0, process.stderr.decode()
    return process.stdout


def parse(message):
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    for part in parsed.walk():
        assert not part.defects, part.defects
    return parsed


def content(part):
    return part.get_content().replace("\r\n", "\n")


def display_name(message):
    """Of From. Not by the default policy, which puts spaces between encoded-words in names."""
    name, address = parseaddr(email.message_from_bytes(message)["from"].replace("\r\n", ""))
    assert address == "news@shop.example"
    return str(make_header(decode_header(name)))


def is_signed(message):
    return dkim.verify(message, dnsfunc=lambda name, timeout=5: {
        b"s1._domainkey.shop.example.": public_key()}[name])


def shown(value, line_end="\n"):
    """What is left of a text when it is cleaned, as the body's rules say."""
    text = value if isinstance(value, str) else value.decode(errors="replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c if c in "\t\n" or not (c < " " or "\x7f" <= c < "\xa0") else "\ufffd"
                   for c in text)
    return text + ("" if text.endswith("\n") or not text else line_end)


def test_headers_say_what_the_mail_says():
    parsed = parse(write(subject="Grüße 👋", from_name="Café \"Zum Bären\", Köln"))
    assert parsed["subject"] == "Grüße 👋"
    assert parsed["from"].addresses[0].display_name == "Café \"Zum Bären\", Köln"
    assert parsed["from"].addresses[0].addr_spec == "news@shop.example"
    assert parsed["to"].addresses[0].addr_spec == "ada@customer.example"
    assert parsed["reply-to"].addresses[0].addr_spec == "help@shop.example"
    assert parsed["message-id"] == f"<{MAIL['action_id']}@shop.example>"
    assert parsedate_to_datetime(parsed["date"]).timestamp() == 1772442000
    assert parsed["list-unsubscribe"].strip() == f"<{MAIL['unsubscribe_url']}>"
    assert parsed["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert parsed["list-id"] == "<marketing.shop.example>"
    assert parsed["feedback-id"] == "welcome:hello:marketing:shop"
    assert parsed["mime-version"] == "1.0"
    assert "auto-submitted" not in parsed and "bcc" not in parsed


def test_text_comes_before_html():
    parsed = parse(write())
    assert parsed.get_content_type() == "multipart/alternative"
    parts = list(parsed.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert [part.get_content_charset() for part in parts] == ["utf-8", "utf-8"]
    assert [content(part) for part in parts] == ["Hello\n", "<p>Hello</p>\n"]
    assert parse(write(html="")).get_content_type() == "text/plain"


def test_hostile_texts_stay_where_they_belong():
    names = set(map(str.lower, parse(write()).keys()))
    for title, value in HOSTILE.items():
        message = write(subject=value, from_name=value, html=b"<p>" + bytes(
            value if isinstance(value, bytes) else value.encode()), text=value)
        assert all(len(line) <= 76 for line in message.split(b"\r\n")
                   if b"https://" not in line and b"DKIM" not in line), title
        assert b"\n" not in message.replace(b"\r\n", b""), title
        parsed = parse(message)
        found = set(map(str.lower, parsed.keys())) - {"content-transfer-encoding"}
        assert found == names, (title, found)
        assert parsed["from"].addresses[0].addr_spec == "news@shop.example", title
        assert len(parsed["from"].addresses) == 1, title
        assert parsed["to"].addresses[0].addr_spec == "ada@customer.example", title
        if shown(value):
            text, html = parsed.iter_parts()
            assert content(text) == shown(value), title
            assert content(html) == "<p>" + shown(value), title


def test_subjects_come_back_whole():
    for subject in [HOSTILE["languages"].strip(), HOSTILE["encoded-words"], HOSTILE["quotes"],
                    "word " * 200 + "end", "x" * 3000, "a" + "  b" * 100, "é" * 1000,
                    "\U0001f600" * 500]:
        assert parse(write(subject=subject))["subject"] == subject, subject[:40]
        name = display_name(write(from_name=subject))
        assert name == subject, (subject[:40], name[:40])


def test_signatures_verify():
    for title, value in {"plain": "Hello\n", **HOSTILE}.items():
        message = write(subject=value, from_name=value, html=value, text=value)
        assert is_signed(message), title
    assert is_signed(write(reply_to="", unsubscribe_url="", list_id="", feedback_id=""))


def test_what_is_signed_cannot_be_changed():
    message = write()
    headers, body = message.split(b"\r\n\r\n", 1)
    for name in ["From", "To", "Subject", "Date", "Message-ID", "Reply-To", "List-Unsubscribe",
                 "List-Unsubscribe-Post", "List-Id", "Feedback-ID", "MIME-Version",
                 "Content-Type"]:
        changed = headers.replace(f"\r\n{name}: ".encode(), f"\r\n{name}: x".encode())
        changed = changed.replace(f"\r\n{name}:\r\n ".encode(), f"\r\n{name}:\r\n x".encode())
        assert changed != headers, name
        assert not is_signed(changed + b"\r\n\r\n" + body), name
    assert not is_signed(b"From: eve@evil.example\r\n" + message)
    assert not is_signed(message + b"more\r\n")
    assert is_signed(message)


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
