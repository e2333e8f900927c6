"""A process with small rules for mails and a relay that nobody here wrote (aiosmtpd).

    with shop() as (sojourn, relay, key_file):
        sojourn.start()
        send(sojourn, "ada", "Offer", number=1)
"""

import contextlib
import subprocess
import tempfile
from pathlib import Path

from mail_relay import Relay
from sojourn_process import Sojourn, free_port

RULES = {
    "company.yaml": """company: Test Shop
timezone: UTC
currency: EUR
postal_address: Test Shop, Main Street 1, Berlin
topics:
  marketing: {default: opted_in}
  orders: {default: opted_in, kind: transactional}
senders:
  hello: {from: "Test Shop <hello@shop.example>"}
""",
    "templates/offer.liquid": """---
template: offer
subject: "An offer, {{ person.first_name }}"
---
<p>Hello {{ person.first_name }}, <a href="https://shop.example/offer">look</a></p>
""",
    "templates/bill.liquid": """---
template: bill
subject: "Your bill"
topic: orders
---
<p>Thank you</p>
""",
    "templates/broken.liquid": """---
template: broken
subject: "x"
---
{{ event.number | divided_by: event.zero }}
""",
    "journeys/offer.yaml": """journey: offer
trigger: {event: Offer}
one_run_per: event.number
steps:
  - send_email: offer
""",
    "journeys/bill.yaml": "journey: bill\ntrigger: {event: Bill}\nsteps:\n  - send_email: bill\n",
    "journeys/broken.yaml":
        "journey: broken\ntrigger: {event: Broken}\nsteps:\n  - send_email: broken\n",
}


@contextlib.contextmanager
def shop(**mail):
    with tempfile.TemporaryDirectory(prefix="sojourn-mail-") as name:
        directory = Path(name)
        for path, text in RULES.items():
            (directory / "rules" / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / "rules" / path).write_text(text)
        relay = Relay(directory)
        relay.controller.start()
        key_file = directory / "dkim.pem"
        subprocess.run(["openssl", "genrsa", "-out", key_file, "2048"], check=True,
                       capture_output=True)
        port = free_port()
        settings = {"send": "smtp", "smtp": relay.settings(),
                    "public_url": f"http://127.0.0.1:{port}",
                    "dkim": [{"domain": "shop.example", "selector": "test",
                              "key_file": str(key_file)}], **mail}
        sojourn = Sojourn(directory / "process", rules=directory / "rules", port=port,
                          mail=settings)
        try:
            yield sojourn, relay, key_file
        finally:
            if sojourn.process and sojourn.process.poll() is None:
                sojourn.kill()
            relay.controller.stop()


def send(sojourn, person, event, **properties):
    calls = [{"type": "identify", "userId": person,
              "traits": {"email": f"{person}@customer.example", "first_name": "Ada"}},
             {"type": "track", "userId": person, "event": event, "properties": properties}]
    status, text = sojourn.post("/v1/batch", {"batch": calls})
    assert status == 200, text
