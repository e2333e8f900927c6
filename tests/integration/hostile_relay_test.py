#!/usr/bin/python3
"""The running process and relays that misbehave: each has its outcome, and harms no other mail."""

import collections
import contextlib
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from delivery_records import delivery_records  # noqa: E402
from hostile_relay import HostileRelay, make_certificate  # noqa: E402
from mail_shop import (OFFER_AND_BILL, MailShop, company, simple_journey,  # noqa: E402
                       simple_template)

# What the fault of a mail's first attempt makes of it. Those that wait arrive with the second one.
OUTCOMES = {
    "mail-421": "waiting",
    "mail-450": "waiting",
    "mail-550": "refused",
    "mail-lost": "waiting",
    "rcpt-421": "waiting",
    "rcpt-450": "waiting",
    "rcpt-550": "refused",
    "rcpt-550 5.7.1 no relaying for you": "refused",
    "rcpt-530 log in first": "waiting",
    "rcpt-lost": "waiting",
    "rcpt-noise": "waiting",
    "rcpt-huge": "waiting",
    "rcpt-drip": "delivered",  # a byte a second is slow, and an answer all the same
    "data-421": "waiting",
    "data-554": "refused",
    "data-lost": "waiting",
    "end-452": "waiting",
    "end-554": "refused",
    "end-lost": "unknown",
    "end-noise": "unknown",
    "end-huge": "unknown",
}
CONNECTION_FAULTS = ["close", "greeting-421", "greeting-554", "greeting-huge", "greeting-noise",
                     "ehlo-huge", "no-starttls", "starttls-refused", "starttls-injection",
                     "starttls-noise"]
# A retry follows after half a minute, and a fifth more or less.
RETRY_SECONDS = 90


def person_of(fault):
    return "".join(c if c.isalnum() else "-" for c in fault)


def rules_with_senders():
    """Each fault of MAIL has a sender of its own: at MAIL a relay knows no more."""
    senders = 'hello: {from: "Test Shop <hello@shop.example>"}'
    rules = dict(OFFER_AND_BILL)
    for fault in OUTCOMES:
        if fault.startswith("mail-"):
            senders += f'\n  {fault}: {{from: "{fault}@shop.example"}}'
            rules[f"templates/{fault}.liquid"] = simple_template(
                fault, "From another", "<p>Hello</p>", **{"from": fault})
            rules[f"journeys/{fault}.yaml"] = simple_journey(fault, fault,
                                                             f"  - send_email: {fault}\n")
    rules["company.yaml"] = company(senders)
    return rules


@contextlib.contextmanager
def hostile_shop(rules=None, settings=None, **mail):
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        with HostileRelay(*make_certificate(Path(name), "good")) as relay:
            with MailShop(rules or OFFER_AND_BILL, relay.settings(**settings or {}), **mail) as shop:
                yield shop, relay


def offer(shop, person, number=1, event="Offer"):
    shop.identify(person, email=f"{person}@customer.example", first_name="Ada")
    shop.track(person, event, number=number)


def wait_outcomes(shop, timeout=RETRY_SECONDS, **wanted):
    wanted = {name: count for name, count in wanted.items() if count}
    found = {}

    def has_come():
        found["outcomes"] = shop.outcomes()
        return found["outcomes"] == wanted

    try:
        shop.sojourn.wait_for(has_come, timeout)
    except AssertionError as error:
        raise AssertionError(f"{found} instead of {wanted}: {error}") from None


def records_by_person(shop):
    """The final records by person; ends the process."""
    people = {action["id"]: action["person"] for action in shop.sojourn.actions()}
    shop.sojourn.stop()
    return {people[record["action"]]: record
            for record in delivery_records(shop.sojourn.data).values()}


def check_record(fault, first, record):
    expected = ("delivered", 2) if first == "waiting" else (first, 1)
    assert (record["state"], record["attempts"]) == expected, (fault, record)
    if first == "refused":
        assert str(record["code"]) in fault and str(record["code"]) in record["detail"], record


def check_bounces(shop):
    """Only a refused recipient's address is bad, and journeys hear of it."""
    refused = list(OUTCOMES.values()).count("refused")
    bounces = shop.wait_told("Email Bounced", count=refused)
    hard = [bounce for bounce in bounces if bounce["type"] == "hard"]
    assert len(bounces) == refused and len(hard) == 1, bounces
    assert hard[0]["reason"] == "550 as I was told", hard
    assert all(bounce["action_id"].startswith("act_") for bounce in bounces), bounces


def test_each_fault_of_a_mail_has_its_outcome_and_harms_no_other():
    bystanders = [f"well-{number}" for number in range(20)]
    with hostile_shop(rules_with_senders(), connections=4) as (shop, relay):
        # On a connection that was kept from another mail, what looks like its end is tried again at
        # once, on a new one; here each fault is to be the only one of its attempt.
        relay.keeps_connections = False
        for fault in OUTCOMES:
            sender = fault.startswith("mail-")
            address = f"{fault}@shop.example" if sender else f"{person_of(fault)}@customer.example"
            relay.addresses[address] = [fault]
        for fault in OUTCOMES:
            offer(shop, person_of(fault), event=fault if fault.startswith("mail-") else "Offer")
        for person in bystanders:
            offer(shop, person)
        first = collections.Counter(OUTCOMES.values())
        wait_outcomes(shop, waiting=first["waiting"], refused=first["refused"],
                      unknown=first["unknown"], delivered=1 + len(bystanders) + first["waiting"])
        check_bounces(shop)
        records = records_by_person(shop)
        for fault, outcome in OUTCOMES.items():
            check_record(fault, outcome, records[person_of(fault)])
        for person in bystanders:
            assert records[person]["state"] == "delivered", records[person]
        taken = collections.Counter(relay.taken)
        assert set(taken.values()) == {1}, taken
        assert len(taken) == 1 + len(bystanders) + first["waiting"], taken
        assert len(relay.unanswered) == first["unknown"], relay.unanswered


def test_each_fault_of_a_connection_lets_the_mail_wait():
    with hostile_shop(connections=1) as (shop, relay):
        relay.connections = list(CONNECTION_FAULTS)
        people = [f"p{number}" for number in range(len(CONNECTION_FAULTS))]
        for person in people:
            offer(shop, person)
        wait_outcomes(shop, timeout=180, waiting=len(CONNECTION_FAULTS), delivered=len(people))
        assert sorted(relay.taken) == sorted(f"{person}@customer.example" for person in people)
        assert relay.in_the_clear == 0, f"{relay.in_the_clear} mails were offered in the clear"
        assert not relay.connections, relay.connections
        records = records_by_person(shop)
        assert {record["state"] for record in records.values()} == {"delivered"}, records


def test_no_certificate_but_a_good_one_is_taken():
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        directory = Path(name)
        good = make_certificate(directory, "good")
        bad = {
            "another host": (make_certificate(directory, "other", host="other.example"), None),
            "nobody we know": (make_certificate(directory, "stranger"), good[1]),
            "expired": (make_certificate(directory, "old", end="20210101000000Z"), None),
        }
        with HostileRelay(*good) as relay, MailShop(OFFER_AND_BILL, relay.settings()) as shop:
            shop.sojourn.stop()
            for number, (what, (pair, authority)) in enumerate(bad.items()):
                with HostileRelay(*pair) as bad_relay:
                    settings = bad_relay.settings()
                    if authority:
                        settings["ca_file"] = str(authority)
                    shop.configure(smtp=settings)
                    shop.sojourn.start()
                    offer(shop, f"p{number}")
                    shop.sojourn.wait_for(lambda: shop.outcomes().get("waiting", 0) >= 1,
                                          what=f"a mail that waits: {what}")
                    assert set(shop.outcomes()) == {"waiting"}, (what, shop.outcomes())
                    assert "certificate is not good" in shop.sojourn.log_tail(), what
                    assert not bad_relay.taken and bad_relay.in_the_clear == 0, what
                    shop.sojourn.stop()
            shop.configure(smtp=relay.settings())
            shop.sojourn.start()
            shop.sojourn.wait_for(lambda: len(relay.taken) == len(bad), what="all that waited")


def test_an_answer_has_its_time_and_no_more():
    with hostile_shop(settings={"answer_timeout_seconds": 3}, connections=3) as (shop, relay):
        relay.connections = ["greeting-drip"]
        relay.addresses = {"slow@customer.example": ["end-drip"],
                           "stuck@customer.example": ["rcpt-hang"]}
        for person in ("well", "slow", "stuck"):
            offer(shop, person)
        wait_outcomes(shop, unknown=1, waiting=2, delivered=2)
        assert sorted(relay.taken) == ["stuck@customer.example", "well@customer.example"]
        assert relay.unanswered == ["slow@customer.example"]


def test_an_answer_that_comes_late_is_not_taken_for_another_mails():
    with hostile_shop(settings={"answer_timeout_seconds": 2}, connections=1) as (shop, relay):
        relay.addresses = {"slow@customer.example": ["end-late"]}
        offer(shop, "slow")
        shop.sojourn.wait_for(lambda: relay.unanswered, what="the mail")
        offer(shop, "next")
        wait_outcomes(shop, unknown=1, delivered=1)
        assert relay.taken == ["next@customer.example"], relay.taken


def test_what_is_not_known_to_have_arrived_is_sent_again_where_that_is_wished():
    with hostile_shop(resend_unknown=True) as (shop, relay):
        relay.addresses = {"lost@customer.example": ["end-lost"]}
        offer(shop, "lost")
        offer(shop, "well")
        wait_outcomes(shop, waiting=1, delivered=2)
        assert sorted(relay.taken) == ["lost@customer.example", "well@customer.example"]
        assert relay.unanswered == ["lost@customer.example"]
        ids = {record["state"] for record in records_by_person(shop).values()}
        assert ids == {"delivered"}, ids


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
