"""Every mail of the demo shop, sent for real: the rules as they are, with waits of a second.

    with demo_shop(relay.settings()) as shop:
        act_out(shop)
        mails = wait_for_all(shop, relay)   # the mails by template

Changed in a copy of the rules: each wait is a second, and quiet hours are gone, for they last the
night. Everything else is as it stands in rules/, late_send_limit and the frequency cap included.
"""

import re
from datetime import datetime, timedelta, timezone

from cases import PROJECT_ROOT
from mail_shop import MailShop, parse

DOMAIN = "bluebird.example"
FIRST_NAME = "Zoë 张伟"
TITLE = "Für Elise – \"Čiurlionis\" & 蝴蝶"
# Enough for both paths of the win-back test, whose lot is the person's id.
LAPSED = [f"lapsed-{number}" for number in range(12)]


def _hasten(path, text):
    if path.name == "company.yaml":
        changed = re.sub(r"quiet_hours:.*\n", "", text)
        assert changed != text, "no quiet hours"
        return changed
    if path.parent.name == "journeys":
        return re.sub(r"(wait|up_to): \d+ \w+", r"\1: 1 second", text)
    return text


def demo_rules():
    """The texts of the hastened rules, by path."""
    root = PROJECT_ROOT / "rules"
    paths = [path for path in root.rglob("*")
             if path.suffix in (".yaml", ".liquid") and path.parent.name != "tests"]
    return {str(path.relative_to(root)): _hasten(path, path.read_text()) for path in paths}


def template_names():
    return sorted(path.stem for path in (PROJECT_ROOT / "rules/templates").glob("*.liquid"))


def demo_shop(smtp, **mail):
    return MailShop(demo_rules(), smtp, domain=DOMAIN, **mail)


def address(person):
    return f"{person}@listener.example"


def _order(shop, person, order, total, timestamp=None):
    shop.track(person, "Order Completed", timestamp, order_id=order, total=total, currency="USD",
               quantity=1)


def act_out(shop):
    """What the shop's customers do, so that every template is needed."""
    people = ["newcomer", "looker", "browser", "cart", "rich-cart", "buyer", "best", *LAPSED]
    for person in people:
        shop.identify(person, email=address(person), first_name=FIRST_NAME)
    look = {"product_id": "p1", "title": TITLE, "artist": "Ö", "price": 20.0}
    shop.track("newcomer", "Signed Up", source="footer")
    shop.track("looker", "Product Viewed", **look)
    shop.track("looker", "Signed Up", source="footer")
    for _ in range(2):
        shop.track("browser", "Product Viewed", **look)
    shop.track("cart", "Checkout Started", order_id="c1", value=20.0, item_count=1, top_item=TITLE)
    shop.track("rich-cart", "Checkout Started", order_id="c2", value=80.0, item_count=4)
    _order(shop, "buyer", "o1", 20.0)
    _order(shop, "buyer", "o2", 20.0)
    _order(shop, "best", "o3", 500.0)
    # Ninety days will have passed since in three seconds, by the clock alone.
    ago = datetime.now(timezone.utc) - timedelta(days=90, seconds=-3)
    for number, person in enumerate(LAPSED):
        _order(shop, person, f"l{number}", 20.0, ago.isoformat(timespec="milliseconds"))


def mails_by_template(mails):
    """The relay's mails as {template: [(recipient, content)]}, as Feedback-ID says."""
    found = {}
    for recipient, content in mails:
        template = str(parse(content)["Feedback-ID"]).split(":")[1]
        found.setdefault(template, []).append((recipient, content))
    return found


def _is_over(shop):
    """Whether all have gone through their journeys, those included that time alone began."""
    entered = shop.sojourn.metric_by("sojourn_runs_entered_total", "journey")
    ended = shop.sojourn.metric_by("sojourn_runs_exited_total", "journey")
    return entered.get("win-back") == len(LAPSED) and entered == ended


def wait_for_all(shop, relay, timeout=120):
    """Until all that is to be sent has arrived; gives it as {template: [(recipient, content)]}."""
    shop.sojourn.wait_for(lambda: _is_over(shop), timeout, "the end of all journeys")
    sends = [action for action in shop.sojourn.actions() if action["kind"] == "send_email"]
    shop.sojourn.wait_for(lambda: len(relay.mails) >= len(sends), timeout, "all mails")
    return mails_by_template(relay.mails)
