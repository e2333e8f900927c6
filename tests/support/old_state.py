"""What tests/fixtures holds: the people of a shop, all of them amid a journey, as an older version
has left them. Shared by who makes the fixtures and by who opens them. Standard library only."""

import base64
import gzip
import json
import tarfile
from pathlib import Path

from cases import PROJECT_ROOT

FIXTURES = PROJECT_ROOT / "tests/fixtures"
APP, INPUT, PARTITIONS = "old", "old-web", 4
# What is dumped of Kafka, with numbers of partitions.
TOPICS = {INPUT: PARTITIONS, f"{APP}.changelog": PARTITIONS, f"{APP}.rules": 1}
SECRETS = {"coupon_key": "c", "event_id_key": "e", "address_key": "a",
           "link_keys": ["a link key of tests"]}
PEOPLE = [f"person-{number}" for number in range(12)]
WAIT_SECONDS = 40
GIFTS = [f"GIFT-{number}" for number in range(100)]
RULES = {
    "company.yaml": "company: Old Shop\ntimezone: UTC\ncurrency: EUR\n"
                    "postal_address: Main Street 1\n"
                    "senders:\n  hello: {from: 'Old Shop <hello@shop.example>'}\n",
    "catalog.yaml": "catalog: old\nevents:\n  Order: {number: string, total: double}\n"
                    "  Paid: {number: string}\n  Gift: {number: string}\ntraits: {first_name: string}\n",
    "segments/buyers.yaml": "segment: buyers\nwhere: count(\"Order\", days(3000)) >= 1\n",
    "journeys/follow.yaml": f"""\
journey: follow
trigger: {{event: Order}}
one_run_per: event.number
steps:
  - webhook:
      url: https://shop.example/begun
      data: {{orders: 'count("Order")'}}
  - wait: {WAIT_SECONDS} seconds
  - webhook:
      url: https://shop.example/waited
      data: {{name: person.first_name, spent: 'sum("Order", ever, event.total)'}}
  - wait_until: {{event: Paid, where: event.number == trigger.number, up_to: 3000 days}}
    then:
      - webhook:
          url: https://shop.example/paid
          data:
            number: trigger.number
            orders: count("Order")
            buyer: in_segment("buyers")
""",
    # Of fixtures from before there is nothing of these two in the state.
    "coupons/gifts.yaml": "coupon_pool: gifts\ncodes: [" + ", ".join(GIFTS) + "]\n",
    "journeys/gift.yaml": "journey: gift\ntrigger: {event: Gift}\none_run_per: event.number\n"
                          "steps: [{coupon: {pool: gifts}}]\n",
}


def write_rules(directory):
    for name, text in RULES.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return directory


def events_before():
    events = []
    for number, person in enumerate(PEOPLE):
        events.append({"type": "identify", "userId": person, "messageId": f"known-{person}",
                       "traits": {"first_name": f"Name {number}"}})
        events.append(order(person, number))
        events.append(gift(person, "before"))
    return events


def gift(person, number):
    return {"type": "track", "event": "Gift", "userId": person,
            "messageId": f"gift-{number}-{person}", "properties": {"number": number}}


def order(person, number):
    return {"type": "track", "event": "Order", "userId": person, "messageId": f"order-{person}",
            "properties": {"number": f"o-{number}", "total": 10.5 + number}}


def events_after():
    """Everybody orders the same once more, which is a repetition, pays, and gets a gift."""
    gifts = [gift(person, "after") for person in PEOPLE]
    return gifts + [event for number, person in enumerate(PEOPLE) for event in (
        order(person, number),
        {"type": "track", "event": "Paid", "userId": person, "messageId": f"paid-{person}",
         "properties": {"number": f"o-{number}"}})]


def wanted_after():
    """What these people's webhooks say from here on: {(person, url): data}."""
    wanted = {}
    for number, person in enumerate(PEOPLE):
        wanted[person, "waited"] = {"name": f"Name {number}", "spent": 10.5 + number}
        wanted[person, "paid"] = {"number": f"o-{number}", "orders": 1, "buyer": True}
    return wanted


def unpack_embedded(fixture, data):
    data.mkdir(parents=True)
    with tarfile.open(FIXTURES / fixture / "embedded.tar.gz") as archive:
        archive.extractall(data)


def kafka_records(fixture):
    """Records as dictionaries, in order, with bytes as keys and values."""
    def decode(text):
        return None if text is None else base64.b64decode(text)

    with gzip.open(FIXTURES / fixture / "kafka.jsonl.gz", "rt") as file:
        for line in file:
            record = json.loads(line)
            yield {**record, "key": decode(record["key"]), "value": decode(record["value"])}


def fixtures():
    return sorted(path.name for path in Path(FIXTURES).iterdir() if path.is_dir())
