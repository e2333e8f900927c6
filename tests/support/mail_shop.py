"""A shop in a directory that sends mail through a relay, and what tests ask of it.

    with MailShop(rules, relay.settings()) as shop:
        shop.identify("ada", email="ada@customer.example")
        shop.track("ada", "Offer", number=1)
        shop.told("Email Opened")

`rules`: texts by path; TALES beside them tells every event about mails as a webhook action, so that
what stands in the event log can be read with `sojourn actions`. Standard library and dkimpy.
"""

import base64
import email
import email.policy
import re
import subprocess
import tempfile
from pathlib import Path

import dkim

from sojourn_process import Sojourn, free_port

# What is told of each event.
EVENTS = {
    "Email Delivered": ["action_id", "template", "topic"],
    "Email Bounced": ["action_id", "template", "topic", "type", "reason"],
    "Email Marked as Spam": ["action_id", "template", "topic"],
    "Email Opened": ["action_id", "template", "topic", "machine"],
    "Email Link Clicked": ["action_id", "template", "topic", "machine", "url"],
    "Unsubscribed": ["action_id", "template", "topic", "machine"],
    "Subscribed": ["action_id", "template", "topic", "machine"],
}


def _name_of(event):
    return "told-" + event.lower().replace(" ", "-")


def _tale(event):
    data = ", ".join(f'{key}: "has(event.{key}) ? string(event.{key}) : \'\'"'
                     for key in EVENTS[event])
    return (f"journey: {_name_of(event)}\ntrigger: {{event: {event}}}\nsteps:\n"
            f'  - webhook: {{url: "https://shop.example/", data: {{{data}}}}}\n')


TALES = {f"journeys/{_name_of(event)}.yaml": _tale(event) for event in EVENTS}


def simple_template(name, subject, body, **front):
    """The text of a template."""
    matter = "".join(f"{key}: {value}\n" for key, value in front.items())
    return f"---\ntemplate: {name}\nsubject: {subject}\n{matter}---\n{body}\n"


def simple_journey(name, event, steps):
    """A journey that starts with every such event that has another number."""
    return f"journey: {name}\ntrigger: {{event: {event}}}\none_run_per: event.number\nsteps:\n{steps}"


def company(senders=None, more=""):
    """company.yaml of a shop with the consent topics marketing, newsletter and orders."""
    senders = senders or 'hello: {from: "Test Shop <hello@shop.example>"}'
    return ("company: Test Shop\ntimezone: UTC\ncurrency: EUR\n"
            "postal_address: Test Shop, Main Street 1, Berlin\n"
            "topics:\n  marketing: {default: opted_in}\n  newsletter: {default: opted_out}\n"
            "  orders: {default: opted_in, kind: transactional}\n"
            f"senders:\n  {senders}\n{more}")


# An offer (marketing) with a link and a bill (transactional).
OFFER_AND_BILL = {
    "company.yaml": company(),
    "templates/offer.liquid": simple_template(
        "offer", '"An offer, {{ person.first_name }}"',
        '<p>Hello {{ person.first_name }}, <a href="https://shop.example/offer">look</a></p>'),
    "templates/bill.liquid": simple_template("bill", "Your bill", "<p>Thank you</p>",
                                             topic="orders"),
    "journeys/offer.yaml": simple_journey("offer", "Offer", "  - send_email: offer\n"),
    "journeys/bill.yaml": simple_journey("bill", "Bill", "  - send_email: bill\n"),
}


class DkimKey:
    def __init__(self, path):
        self.path = path
        subprocess.run(["openssl", "genrsa", "-out", path, "2048"], check=True,
                       capture_output=True)
        der = subprocess.run(["openssl", "rsa", "-in", path, "-pubout", "-outform", "DER"],
                             check=True, capture_output=True).stdout
        self.record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)

    def verifies(self, content):
        return dkim.verify(content, dnsfunc=lambda name, timeout=5: self.record)


def parse(content):
    """A mail as Python's email reads it; it must find nothing to complain about."""
    mail = email.message_from_bytes(content, policy=email.policy.default)
    for part in mail.walk():
        assert not part.defects, part.defects
    for name, value in mail.items():
        assert not value.defects, (name, value.defects)
    return mail


def html_of(content):
    return parse(content).get_body(("html",)).get_content()


def text_of(content):
    return parse(content).get_body(("plain",)).get_content()


class MailShop:
    def __init__(self, rules, smtp, domain="shop.example", tell=True, **mail):
        self._temporary = tempfile.TemporaryDirectory(prefix="sojourn-mail-")
        self.directory = Path(self._temporary.name)
        self.rules = self.directory / "rules"
        for path, text in {**rules, **(TALES if tell else {})}.items():
            (self.rules / path).parent.mkdir(parents=True, exist_ok=True)
            (self.rules / path).write_text(text)
        self.dkim = DkimKey(self.directory / "dkim.pem")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        keys = [{"domain": domain, "selector": "test", "key_file": str(self.dkim.path)}]
        self.sojourn = Sojourn(
            self.directory / "process", rules=self.rules, port=port,
            mail={"send": "smtp", "smtp": smtp, "public_url": self.url, "dkim": keys, **mail})

    def __enter__(self):
        self.sojourn.start()
        return self

    def __exit__(self, *_):
        if self.sojourn.process and self.sojourn.process.poll() is None:
            self.sojourn.kill()
        self._temporary.cleanup()

    def configure(self, **mail):
        """Other settings of mail, for the next start."""
        self.sojourn.settings["mail"].update(mail)
        self.sojourn.write_config()

    def identify(self, person, **traits):
        status, text = self.sojourn.post("/v1/identify", {"userId": person, "traits": traits})
        assert status == 200, text

    def track(self, person, event, timestamp=None, **properties):
        call = {"userId": person, "event": event, "properties": properties}
        if timestamp:
            call["timestamp"] = timestamp
        status, text = self.sojourn.post("/v1/track", call)
        assert status == 200, text

    def outcomes(self):
        return self.sojourn.mail_outcomes()

    def skipped(self):
        return self.sojourn.metric_by("sojourn_steps_skipped_total", "reason")

    def told(self, event, **wanted):
        """The data of all such events in the log that have the wanted values."""
        events = [action["values"]["data"] for action in self.sojourn.actions()
                  if action["journey"] == _name_of(event)]
        return [data for data in events if wanted.items() <= data.items()]

    def wait_told(self, event, count=1, **wanted):
        """Until there are so many of these events; gives them."""
        self.sojourn.wait_for(lambda: len(self.told(event, **wanted)) >= count,
                              what=f"{count} of {event} {wanted}")
        return self.told(event, **wanted)


def links_of(html):
    """The targets of a mail's links and images, in their order."""
    return [link.replace("&amp;", "&") for link in re.findall(r'(?:href|src)="([^"]*)"', html)]
