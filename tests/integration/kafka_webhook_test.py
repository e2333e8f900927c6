#!/usr/bin/python3
"""Webhooks over a real broker: several processes share them, one is killed, one endpoint is dead.

Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import base64
import collections
import contextlib
import hashlib
import hmac
import json
import os
import socket
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from kafka_events import partition_of  # noqa: E402
from kafka_shop import APP, PARTITIONS, kafka_shop, wait_owned  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402
from webhook_receiver import Receiver  # noqa: E402

COMPANY = """company: Test Shop
timezone: UTC
currency: EUR
postal_address: Test Shop, Main Street 1, Berlin
topics:
  marketing: {default: opted_in}
senders:
  hello: {from: "Test Shop <hello@shop.example>"}
"""
SECRETS = {"coupon_key": "c", "event_id_key": "e", "address_key": "a",
           "link_keys": ["a link key of tests"]}
KEY = os.urandom(32)
SECRET = "whsec_" + base64.b64encode(KEY).decode()
WEBHOOKS = {"secrets": [SECRET], "allow_private": ["localhost"], "timeout_seconds": 2}
# Some of every partition.
PEOPLE = [f"person-{number}" for number in range(24)]


def rules(**urls):
    """Every event NAME with a new number calls its URL; every Offer sends a mail."""
    files = {"company.yaml": COMPANY,
             "templates/offer.liquid": "---\ntemplate: offer\nsubject: An offer\n---\n<p>Hi</p>\n"}
    steps = {name: f'webhook: {{url: "{url}", data: {{number: event.number}}}}'
             for name, url in urls.items()}
    for name, step in {**steps, "Offer": "send_email: offer"}.items():
        files[f"journeys/{name.lower()}.yaml"] = (
            f"journey: {name.lower()}\ntrigger: {{event: {name}}}\n"
            f"one_run_per: event.number\nsteps:\n  - {step}\n")
    return files


def shop(webhooks=WEBHOOKS, mail="none", **urls):
    return kafka_shop(rules(**urls), secrets=SECRETS, mail={"send": mail}, webhooks=webhooks)


def track(sojourn, event, *numbers, people=PEOPLE):
    calls = [{"type": "track", "userId": person, "event": event,
              "messageId": f"{event}-{person}-{number}", "properties": {"number": number}}
             for person in people for number in numbers]
    status, text = sojourn.post("/v1/batch", {"batch": calls})
    assert status == 200, text
    return len(calls)


def outcomes(*processes):
    sums = collections.Counter()
    for sojourn in processes:
        sums.update(sojourn.metric_by("sojourn_webhooks_total", "outcome"))
    return {outcome: count for outcome, count in sums.items() if count}


def by_id(calls):
    """The calls by webhook-id; those of one id say the same, and each is signed."""
    found = collections.defaultdict(list)
    for call in calls:
        found[call.headers["webhook-id"]].append(call)
        signed = f'{call.headers["webhook-id"]}.{call.headers["webhook-timestamp"]}.{call.body}'
        mac = hmac.new(KEY, signed.encode(), hashlib.sha256).digest()
        assert call.headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
    for repeated in found.values():
        assert len({call.body for call in repeated}) == 1, repeated
    return found


def ids_of(made, kind="webhook"):
    """By event number and person, so that no id stands for two."""
    actions = [action for action in made.actions() if action["kind"] == kind]
    assert len({action["id"] for action in actions}) == len(actions)
    return {action["id"] for action in actions}


def ends(made):
    """The newest record of each action, by its id."""
    newest = {}
    for record in made.records(f"{APP}.deliveries"):
        if record.key().isdigit():
            newest[record.partition(), record.key()] = json.loads(record.value())
    return {record["action"]: record for record in newest.values()}


def letters(sojourn, *flags):
    listed = sojourn.command("dead-letters", "list", "--kind", "webhooks", "--format", "json",
                             *flags).stdout
    return [json.loads(line) for line in listed.splitlines()]


def test_each_is_called_once_and_signed():
    assert {partition_of(person.encode(), PARTITIONS) for person in PEOPLE} == {0, 1, 2, 3}
    with Receiver() as receiver, shop(mail="files", Ping=receiver.url("/ping")) as made:
        one, two = made.process("one").start(), made.process("two").start()
        wait_owned([one, two], [2, 2])
        people = [{"type": "identify", "userId": person,
                   "traits": {"email": f"{person}@customer.example"}} for person in PEOPLE]
        assert one.post("/v1/batch", {"batch": people})[0] == 200
        count = track(one, "Ping", 1, 2, 3)
        track(one, "Offer", 1)
        one.wait_for(lambda: outcomes(one, two) == {"delivered": count}, what="every webhook")
        one.wait_for(lambda: one.mail_outcomes().get("delivered", 0)
                     + two.mail_outcomes().get("delivered", 0) == len(PEOPLE), what="every mail")
        calls = by_id(receiver.calls)
        assert calls.keys() == ids_of(made) and len(receiver.calls) == count, len(receiver.calls)
        assert min(outcomes(one)["delivered"], outcomes(two)["delivered"]) > 0
        # Mails and webhooks have their ends in one topic, and each knows whose it is.
        records = ends(made)
        assert {record["state"] for record in records.values()} == {"delivered"}
        webhooks = {action for action, record in records.items()
                    if record.get("channel") == "webhooks"}
        assert webhooks == ids_of(made) and records.keys() - webhooks == ids_of(made, "send_email")
        # A restart calls nobody again.
        two.stop()
        two.start()
        wait_owned([one, two], [2, 2])
        track(one, "Ping", 4)
        one.wait_for(lambda: len(receiver.calls) >= count + len(PEOPLE), what="the next ones")
        assert len(by_id(receiver.calls)) == len(receiver.calls) == count + len(PEOPLE)


def test_a_kill_loses_none_and_repeats_only_the_same():
    with Receiver() as receiver, Receiver() as slow, \
            shop(Load=receiver.url("/load"),
                 **{f"Later{p}": slow.url(f"/{p}") for p in range(PARTITIONS)}) as made:
        one, two = made.process("one").start(), made.process("two").start()
        wait_owned([one, two], [2, 2])
        # Tried once by whoever has them now; again in five seconds by whoever has them then.
        for number in range(PARTITIONS):
            slow.answers[f"/{number}"] = [(503, {}), (204, {})]
            person = next(person for person in PEOPLE
                          if partition_of(person.encode(), PARTITIONS) == number)
            track(one, f"Later{number}", 1, people=[person])
        one.wait_for(lambda: {call.path for call in slow.calls} == slow.answers.keys()
                     and outcomes(one, two).get("waiting", 0) >= PARTITIONS, what="first attempts")
        receiver.answers["/load"] = [lambda: (time.sleep(0.02), (204, {}))[1]]
        count = sum(track(one, "Load", *range(first, first + 10)) for first in (0, 10))
        one.wait_for(lambda: len(receiver.calls) > count / 4, what="a part of the load")
        two.kill()
        wait_owned([one])
        one.wait_for(lambda: len(ids_of(made)) == count + PARTITIONS, what="every action")
        one.wait_for(lambda: set(by_id(receiver.calls + slow.calls)) == ids_of(made),
                     what="every webhook")
        one.wait_for(lambda: {record["state"] for record in ends(made).values()} == {"delivered"}
                     and ends(made).keys() == ids_of(made), what="every end")
        load, later = by_id(receiver.calls), by_id(slow.calls)
        repeated = [action for action, calls in load.items() if len(calls) > 1]
        # What was under way, and what had come back since the last commit of the killed process.
        assert len(load) == count and len(repeated) < count / 4, len(repeated)
        for first, second, *_ in later.values():
            assert second.at - first.at > 4.4, "the schedule says 5 seconds, a tenth less at most"
        attempts = [record["attempts"] for action, record in ends(made).items() if action in later]
        assert attempts == [2] * PARTITIONS, attempts


def test_a_dead_endpoint_delays_nobody():
    hole = socket.socket()
    hole.bind(("127.0.0.1", 0))
    hole.listen(64)  # taken by the kernel, answered by nobody
    dead = f"http://localhost:{hole.getsockname()[1]}"
    with contextlib.closing(hole), Receiver() as receiver, \
            shop({**WEBHOOKS, "connections": 8}, Dead=dead + "/", Good=receiver.url()) as made:
        one = made.process("one").start()
        wait_owned([one])
        track(one, "Dead", *range(4))
        one.wait_for(lambda: one.metric("sojourn_webhook_queue") > 0, what="those that wait")
        began = time.monotonic()
        count = track(one, "Good", *range(4))
        one.wait_for(lambda: len(receiver.calls) == count, what="the good ones")
        took = time.monotonic() - began
        assert took < 20, f"{took} s; all to the hole take 48"
        one.wait_for(lambda: one.metric("sojourn_webhook_circuits_open") == 1, what="a circuit")
        assert one.metric_by("sojourn_webhook_circuits_opened_total", "endpoint") == {dead: 1}


def test_gone_stays_gone_when_the_partitions_move():
    with Receiver() as receiver, shop(Old=receiver.url("/old"),
                                      New=receiver.url("/new")) as made:
        receiver.answers["/old"] = [(410, {})]
        one, two = made.process("one").start(), made.process("two").start()
        wait_owned([one, two], [2, 2])
        of_two = next(person for person in PEOPLE
                      if partition_of(person.encode(), PARTITIONS) == PARTITIONS - 1)
        track(one, "Old", 1, people=[of_two])
        for sojourn in (one, two):
            sojourn.wait_for(lambda s=sojourn: receiver.url("/old") in s.command("webhooks").stdout,
                             what="a disabled URL")
        assert outcomes(two) == {"failed": 1} and outcomes(one) == {}
        two.kill()
        count = track(one, "Old", 2) + track(one, "New", 1)
        wait_owned([one])
        one.wait_for(lambda: outcomes(one) == {"failed": count / 2, "delivered": count / 2},
                     what="the ends")
        assert len(receiver.calls_to("/old")) == 1
        failed = letters(one)
        assert {letter["reason"] for letter in failed} == {"endpoint_disabled"}
        assert len(failed) == count / 2 + 1 and letters(one, "--reason", "exhausted") == []
        # A process that was not there when it happened knows it, too.
        two.start()
        wait_owned([one, two], [2, 2])
        assert receiver.url("/old") in two.command("webhooks").stdout
        receiver.answers["/old"] = [(204, {})]
        two.command("webhooks", "enable", receiver.url("/old"))
        one.wait_for(lambda: "no webhook URL is disabled" in one.command("webhooks").stdout,
                     what="an enabled URL")
        for sojourn in (one, two):
            sojourn.command("dead-letters", "retry", "--all", check=False)
        assert letters(one) == [] and len(by_id(receiver.calls_to("/old"))) == len(failed)


def test_turned_on_later_they_begin_with_what_comes():
    with Receiver() as receiver, shop({"send": False}, Ping=receiver.url()) as made:
        one = made.process("one").start()
        wait_owned([one])
        track(one, "Ping", 1)
        one.wait_settled(PARTITIONS)
        others = ids_of(made)
        assert len(others) == len(PEOPLE)
        one.settings["webhooks"] = WEBHOOKS
        one.write_config()
        for _ in range(2):  # where they begin is known also when none was decided yet
            one.stop()
            one.start()
        wait_owned([one])
        track(one, "Ping", 2)
        one.wait_for(lambda: outcomes(one) == {"delivered": len(PEOPLE)}, what="the new ones")
        assert by_id(receiver.calls).keys() == ids_of(made) - others


def test_waiting_webhooks_move_to_kafka():
    with Receiver() as receiver, Receiver() as slow, \
            tempfile.TemporaryDirectory(prefix="sojourn-move-") as name, \
            shop(Wait=slow.url(), Gone=receiver.url("/gone"), Done=receiver.url("/done")) as made:
        slow.answers["/hook"] = [(503, {"Retry-After": "15"})]
        receiver.answers["/gone"] = [(410, {})]
        new = made.process("new")
        old = Sojourn(Path(name), rules=new.rules, app=APP, secrets=SECRETS, partitions=2,
                      webhooks={"allow_private": ["localhost"]}).start()
        for event in ("Wait", "Gone", "Done"):
            track(old, event, 1, people=PEOPLE[:6])
        old.wait_for(lambda: outcomes(old).get("failed") == outcomes(old).get("delivered") == 6
                     and outcomes(old).get("waiting"), what="the outcomes")
        old.wait_for(lambda: "disabled since" in old.command("webhooks").stdout)
        time.sleep(1.5)  # it is written down within a second
        old.kill()
        # The endpoint asked for time: some were tried, and some are waiting for their first try.
        tried = {call.headers["webhook-id"] for call in slow.calls}
        failed = {letter["id"] for letter in letters(old)}
        assert 0 < len(tried) < 6 and len(failed) == 6, (tried, failed)
        moved = new.command("migrate-to-kafka", "--from", str(old.data)).stdout
        assert "6 open webhooks, 6 failed webhooks" in moved, moved
        assert "not signed any more with the secret" in moved, moved
        for made_calls in (receiver, slow):
            made_calls.calls.clear()
            made_calls.answers.clear()
        new.start()
        new.wait_for(lambda: outcomes(new) == {"delivered": 6}, what="those that waited")
        called = by_id(slow.calls)
        assert called.keys() == ids_of(made) - failed and called.keys() > tried, called.keys()
        attempts = {action: record["attempts"] for action, record in ends(made).items()}
        assert {attempts[action] for action in tried} == {2}, attempts
        assert {attempts[action] for action in called.keys() - tried} == {1}, attempts
        # What failed and what is disabled came along.
        assert not receiver.calls and {letter["id"] for letter in letters(new)} == failed
        new.command("webhooks", "enable", receiver.url("/gone"))
        new.command("dead-letters", "retry", "--all")
        assert letters(new) == [] and by_id(receiver.calls_to("/gone")).keys() == failed
        assert not receiver.calls_to("/done")


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
