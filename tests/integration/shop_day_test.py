#!/usr/bin/python3
"""A shop's day on the embedded default: its SDK, mails, clicks, coupons, orders, and what they earned.

Forty people go to the till. Six pay at once. The others are reminded by mail, with a coupon or
without, but for a control group. Some click, some buy, one address bounces, one person leaves. Every
number is worked out from the events that were sent and from the documented rule for A/B paths, and
compared with what the relay took, what the CRM was told, and what the action log says.
"""

import base64
import collections
import hashlib
import hmac
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import sdk_packages  # noqa: E402
from cases import PROJECT_ROOT, run_cases  # noqa: E402
from feedback_providers import Providers, mark_in, postmark_record  # noqa: E402
from mail_relay import Relay  # noqa: E402
from mail_shop import html_of, links_of, parse  # noqa: E402
from sojourn_process import Sojourn, free_port  # noqa: E402
from webhook_receiver import Receiver  # noqa: E402

RULES = PROJECT_ROOT / "tests/support/shop_day"
PARTITIONS = 4
WRITE_KEY = "day-shop-key"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0"
# Nobody reads a mail sooner than that (machine_request.h).
TOO_SOON_SECONDS = 10

SHOPPERS = [f"s{number:02}" for number in range(40)]
EAGER = SHOPPERS[:6]  # pay before the reminder is due
SLOW = SHOPPERS[6:]


def address(person):
    return f"{person}@customer.example"


def order(person):
    return f"order-{person}"


def total(person):
    return 20.0 + int(person[1:])


def path_of(person):
    """As rules/REFERENCE.md says that chance falls (ab_test)."""
    key = "\0".join(["ab", "abandoned-cart", "offer", person]).encode()
    bucket = int.from_bytes(hashlib.sha256(key).digest()[:8], "big") % 10_000
    return "control" if bucket < 2000 else "reminder" if bucket < 5000 else "coupon"


def slow_of(path):
    return [person for person in SLOW if path_of(person) == path]


def is_signed(call):
    """After Standard Webhooks, with the shop's secret."""
    signed = f"{call.headers['webhook-id']}.{call.headers['webhook-timestamp']}.{call.body}"
    digest = hmac.new(base64.b64decode(SECRET[len("whsec_"):]), signed.encode(), hashlib.sha256)
    return "v1," + base64.b64encode(digest.digest()).decode() in call.headers["webhook-signature"]


class Day:
    def __init__(self, directory):
        self.directory = directory
        self.npm = sdk_packages.npm_directory()
        self.relay = Relay(directory)
        self.crm = Receiver()
        self.codes = [f"CART-{number:05}" for number in range(2000)]
        write_rules(directory / "rules", self.crm.port, self.codes)
        port = free_port()
        self.sojourn = Sojourn(
            directory / "process", rules=directory / "rules", port=port, partitions=PARTITIONS,
            write_keys={"website": WRITE_KEY},
            webhooks={"allow_private": ["127.0.0.1"], "secrets": [SECRET]},
            feedback={"postmark": {"user": "postmark", "password": "a secret"}},
            mail={"send": "smtp", "smtp": self.relay.settings(),
                  "public_url": f"http://127.0.0.1:{port}"})

    def __enter__(self):
        self.relay.controller.start()
        self.crm.__enter__()
        self.sojourn.start()
        return self

    def __exit__(self, *_):
        self.sojourn.__exit__()
        self.relay.controller.stop()
        self.crm.__exit__()

    def send(self, calls):
        """By the real SDK; every call has its messageId, so that it can be sent again."""
        file = self.directory / "calls.json"
        file.write_text(json.dumps(calls))
        result = subprocess.run(
            ["node", RULES / "send.mjs", f"http://127.0.0.1:{self.sojourn.port}", WRITE_KEY, file],
            env={**os.environ, "NODE_PATH": str(self.npm / "node_modules")}, capture_output=True, text=True,
            timeout=120)
        assert result.returncode == 0, result.stderr

    def settle(self):
        self.sojourn.wait_settled(PARTITIONS)

    def mails(self):
        """Who got which mail: (person, subject's kind) -> content."""
        found = {}
        for recipient, content in list(self.relay.mails):
            person = recipient.split("@")[0]
            key = (person, kind_of(parse(content)["Subject"]))
            assert key not in found, f"{key} came twice"
            found[key] = content
        return found

    def receivers(self, kind):
        return sorted(person for person, mail in self.mails() if mail == kind)

    def wait_receivers(self, kind, people):
        self.sojourn.wait_for(lambda: len(self.receivers(kind)) >= len(people), what=kind)
        assert self.receivers(kind) == sorted(people), (kind, self.receivers(kind))

    def report(self, kind, person):
        """What Postmark tells of the person's newest mail."""
        mail = next(parse(content) for recipient, content in reversed(self.relay.mails)
                    if recipient == address(person))
        path, headers, body = Providers.postmark_record(
            postmark_record(kind, address(person), mark_in("postmark", mail), f"{kind}-{person}"))
        status, text = self.sojourn.post(path, body, headers=headers)
        assert status == 200, text

    def told(self, path):
        """What the CRM was told there, checked to be signed."""
        calls = [call for call in list(self.crm.calls) if call.path == path]
        assert all(is_signed(call) for call in calls), calls
        return [json.loads(call.body)["data"] for call in calls]


def kind_of(subject):
    for words, kind in (("a coupon for", "coupon"), ("your cart", "reminder"), ("Thanks", "thanks"),
                        ("News", "news")):
        if words in subject:
            return kind
    raise AssertionError(subject)


def write_rules(directory, crm_port, codes):
    for source in RULES.rglob("*"):
        if source.suffix in (".yaml", ".liquid"):
            target = directory / source.relative_to(RULES)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text().replace("@PORT@", str(crm_port)))
    (directory / "coupons/cart.csv").write_text("".join(f"{code}\n" for code in codes))


def call(kind, person, identifier, **fields):
    return {"type": kind, "userId": person, "messageId": f"day-{identifier}-{person}", **fields}


def track(person, identifier, event, **properties):
    return call("track", person, identifier, event=event, properties=properties)


def checkouts():
    calls = []
    for person in SHOPPERS:
        calls.append(call("identify", person, "identify",
                          traits={"email": address(person), "first_name": person.upper()}))
        calls.append(track(person, "checkout", "Checkout Started", order_id=order(person),
                           value=total(person)))
    return calls


def purchase(person, **more):
    return track(person, "purchase", "Order Completed", order_id=order(person),
                 total=total(person), **more)


def ask(method, url, body=None, **headers):
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    path = place.path + (f"?{place.query}" if place.query else "")
    connection.request(method, path, body=body, headers={"User-Agent": BROWSER, **headers})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers


def wait_until_readable(content):
    sent = parsedate_to_datetime(str(parse(content)["Date"])).timestamp()
    time.sleep(max(0, sent + TOO_SOON_SECONDS + 2 - datetime.now(timezone.utc).timestamp()))


def click_cart(day, person):
    html = html_of(day.mails()[person, "coupon"])
    link = next(link for link in links_of(html) if f":{day.sojourn.port}/" in link)
    status, headers = ask("GET", link)
    assert status in (302, 303), status
    assert headers["Location"] == f"http://127.0.0.1:{day.crm.port}/cart", headers["Location"]


def code_in(content):
    return re.search(r"<b>(.*?)</b>", html_of(content)).group(1)


def morning(day):
    """Everybody goes to the till, six pay at once; the others are reminded as chance has it."""
    calls = checkouts() + [purchase(person) for person in EAGER]
    day.send(calls)
    day.wait_receivers("reminder", slow_of("reminder"))
    day.wait_receivers("coupon", slow_of("coupon"))
    day.wait_receivers("thanks", EAGER)
    codes = {person: code_in(day.mails()[person, "coupon"]) for person in slow_of("coupon")}
    assert len(set(codes.values())) == len(codes), "a code was given twice"
    assert set(codes.values()) <= set(day.codes), codes
    allotted = {action["person"]: action["coupon"]["code"] for action in day.sojourn.actions()
                if action["kind"] == "coupon"}
    assert allotted == codes, (allotted, codes)
    return calls, codes


def noon(day, codes):
    """Every second one with a coupon clicks: the CRM is told of each at once, signed."""
    clickers = slow_of("coupon")[::2]
    wait_until_readable(day.mails()[clickers[-1], "coupon"])
    for person in clickers:
        click_cart(day, person)
    day.sojourn.wait_for(lambda: len(day.told("/clicked")) >= len(clickers), what="clicks told")
    told = sorted((call["order"], call["code"]) for call in day.told("/clicked"))
    assert told == sorted((order(person), codes[person]) for person in clickers), told
    return clickers


def afternoon(day, codes, clickers):
    """Who clicked buys with the code, one of the others without, one with a code of nobody."""
    reminded, control = slow_of("reminder"), slow_of("control")
    calls = [purchase(person, coupon=codes[person]) for person in clickers]
    calls += [purchase(reminded[0]), purchase(control[0], coupon="NOBODYS")]
    day.send(calls)
    buyers = [*EAGER, *clickers, reminded[0], control[0]]
    day.wait_receivers("thanks", buyers)
    day.sojourn.wait_for(lambda: len(day.told("/redeemed")) >= len(clickers), what="redemptions")
    return calls, buyers


def evening(day):
    """One address bounces, one person complains, one leaves: the news goes to all others."""
    bounced, complained, left = [*slow_of("reminder")[1:3], slow_of("coupon")[1]]
    day.report("bounced", bounced)
    day.report("complained", complained)
    listed = re.search(r"<(.*)>", parse(day.mails()[left, "coupon"])["List-Unsubscribe"]).group(1)
    status, _ = ask("POST", listed, b"List-Unsubscribe=One-Click",
                    **{"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 200, status
    day.settle()
    calls = [track(person, "news", "News", number=1) for person in SHOPPERS]
    day.send(calls)
    gone = {bounced, complained, left}
    day.wait_receivers("news", [person for person in SHOPPERS if person not in gone])
    skipped = day.sojourn.metric_by("sojourn_steps_skipped_total", "reason", journey="news")
    assert skipped == {"suppressed": 2, "no_consent": 1}, skipped
    return calls


def check_earnings(day, codes, clickers, buyers):
    """What the coupons brought, by journey, path and person, in the log and in the totals."""
    names = ("person", "order", "code", "journey", "path", "total")
    redeemed = sorted(tuple(call[name] for name in names) for call in day.told("/redeemed"))
    assert redeemed == [(person, order(person), codes[person], "abandoned-cart", "offer.coupon",
                         total(person)) for person in sorted(clickers)], redeemed
    goals = day.sojourn.metric_by("sojourn_goals_reached_total", "journey")
    assert goals == {"abandoned-cart": len(buyers)}, goals


def counts(day):
    actions = collections.Counter((action["kind"], action["journey"], action.get("template"))
                                  for action in day.sojourn.actions())
    return actions, len(day.relay.mails), collections.Counter(call.path for call in day.crm.calls)


def test_every_number_of_a_shops_day_is_right():
    with tempfile.TemporaryDirectory(prefix="shop-day-") as name, Day(Path(name)) as day:
        carts, codes = morning(day)
        clickers = noon(day, codes)
        orders, buyers = afternoon(day, codes, clickers)
        news = evening(day)
        check_earnings(day, codes, clickers, buyers)
        day.settle()
        actions, mails, told = counts(day)
        assert actions == {
            ("send_email", "abandoned-cart", "reminder"): len(slow_of("reminder")),
            ("send_email", "abandoned-cart", "cart-coupon"): len(codes),
            ("coupon", "abandoned-cart", None): len(codes),
            ("webhook", "abandoned-cart", None): len(clickers),
            ("webhook", "redeemed", None): len(clickers),
            ("send_email", "thanks", "thanks"): len(buyers),
            ("send_email", "news", "news"): len(SHOPPERS) - 3,
        }, actions
        assert mails == sum(count for (kind, *_), count in actions.items() if kind == "send_email")
        assert told == {"/clicked": len(clickers), "/redeemed": len(clickers)}, told
        # The same calls once more, as an SDK repeats them that got no answer.
        day.send(carts + orders + news)
        day.settle()
        assert counts(day) == (actions, mails, told), counts(day)


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
