#!/usr/bin/python3
"""What mails need over a real broker: suppressions, pauses and consent, in several processes.

Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import email
import sys
import time
from pathlib import Path

from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from feedback_providers import Providers, mailgun_event, mark_in, post  # noqa: E402
from kafka_events import partition_of  # noqa: E402
from kafka_shop import APP, PARTITIONS, kafka_shop, owned, wait_owned  # noqa: E402

RULES = {
    "company.yaml": """company: Test Shop
timezone: UTC
currency: EUR
postal_address: Test Shop, Main Street 1, Berlin
topics:
  marketing: {default: opted_in}
senders:
  hello: {from: "Test Shop <hello@shop.example>"}
""",
    "templates/offer.liquid": "---\ntemplate: offer\nsubject: An offer\n---\n<p>Hello</p>\n",
    "templates/broken.liquid":
        "---\ntemplate: broken\nsubject: x\n---\n{{ event.number | divided_by: event.zero }}\n",
    "journeys/broken.yaml":
        "journey: broken\ntrigger: {event: Broken}\nsteps:\n  - send_email: broken\n",
    "journeys/offer.yaml": """journey: offer
trigger: {event: Offer}
one_run_per: event.number
steps:
  - send_email: offer
""",
}
SECRETS = {"coupon_key": "c", "event_id_key": "e", "address_key": "a",
           "link_keys": ["a link key of tests"]}
# Some of every partition.
PEOPLE = [f"person-{number}" for number in range(24)]


def shop():
    return kafka_shop(RULES, secrets=SECRETS, mail={"send": "files"})


def identify(person, address=None):
    return {"type": "identify", "userId": person,
            "traits": {"email": address or f"{person}@customer.example"}}


def track(person, event, **properties):
    return {"type": "track", "userId": person, "event": event, "properties": properties}


def send(sojourn, *calls):
    status, text = sojourn.post("/v1/batch", {"batch": list(calls)})
    assert status == 200, text


def mailed(*processes):
    """The receivers of all mails that left, in order."""
    mails = [mail.read_text() for sojourn in processes
             for mail in (sojourn.data / "mail").glob("*.eml")]
    return sorted(line.split()[1].strip("<>") for mail in mails for line in mail.splitlines()
                  if line.startswith("To:"))


def outcomes(*processes):
    sums = {}
    for sojourn in processes:
        for outcome, count in sojourn.mail_outcomes().items():
            sums[outcome] = sums.get(outcome, 0) + count
    return sums


def held(*processes):
    return sum(sojourn.metric_by("sojourn_mail_queue", "state").get("held", 0)
               for sojourn in processes)


def test_a_bounced_address_outlives_its_person():
    with shop() as made:
        one = made.process("one").start()
        shared = "Shared@Customer.example"
        send(one, identify("ann", shared), track("ann", "Email Bounced", type="hard"),
             identify("cid"), track("cid", "Email Marked as Spam"))
        send(one, track("ann", "Person Erased"), track("cid", "Person Erased"))
        one.wait_settled(PARTITIONS)
        # Another person, and one who comes back: the address is known, they are not.
        send(one, identify("bob", shared.lower()), track("bob", "Offer", number=1),
             identify("cid"), track("cid", "Offer", number=1),
             identify("dan"), track("dan", "Offer", number=1))
        one.wait_for(lambda: outcomes(one) == {"skipped": 2, "delivered": 1}, what="three ends")
        assert mailed(one) == ["dan@customer.example"], mailed(one)
        records = made.records(f"{APP}.suppressions", 1)
        assert {record.value().split(b",")[0] for record in records} == {
            b"key", b"bounced", b"complained"}, [record.value() for record in records]
        assert not any(b"@" in record.key() + record.value() for record in records)
        # A restart reads it all again; who is taken off the list gets mail.
        one.kill()
        one.start()
        assert one.command("suppressions", "check", shared, check=False).returncode == 1
        one.command("suppressions", "remove", shared)
        send(one, track("bob", "Offer", number=2), track("cid", "Offer", number=2))
        one.wait_for(lambda: outcomes(one) == {"skipped": 1, "delivered": 1}, what="two ends")
        assert mailed(one) == ["dan@customer.example", shared.lower()], mailed(one)


def test_the_suppression_list_by_hand():
    with shop() as made:
        one, two = made.process("one"), made.process("two")
        # Nobody runs.
        added = one.command("suppressions", "add", "Ann@customer.example", "--reason", "bounced")
        assert "gets no mail from now on" in added.stdout, added.stdout
        again = two.command("suppressions", "add", "ann@customer.example")
        assert "suppressed before" in again.stdout, again.stdout
        checked = two.command("suppressions", "check", "ann@customer.example", check=False)
        assert checked.returncode == 1 and "bounced" in checked.stdout, checked
        two.start()
        addresses = made.directory / "addresses.txt"
        addresses.write_text("bob@customer.example\ncid@customer.example\n")
        assert "2 new" in one.command("suppressions", "import", str(addresses)).stdout
        one.command("suppressions", "remove", "cid@customer.example")
        exported = two.command("suppressions", "export").stdout
        assert len(exported.splitlines()) == 4, exported
        for person in ("ann", "bob", "cid"):
            send(two, identify(person), track(person, "Offer", number=1))
        two.wait_for(lambda: outcomes(two) == {"skipped": 2, "delivered": 1}, what="three ends")
        assert mailed(two) == ["cid@customer.example"], mailed(two)
        # Another key would protect nobody.
        three = made.process("three", secrets={**SECRETS, "address_key": "another"})
        result = three.command("suppressions", "export", check=False)
        assert result.returncode == 2 and "another address_key" in result.stderr, result.stderr
        assert two.command("suppressions", "export").stdout == exported


def test_a_pause_holds_in_every_process():
    with shop() as made:
        one, two = made.process("one").start(), made.process("two").start()
        wait_owned([one, two], [2, 2])
        assert "held: offer" in one.command("pause", "offer").stdout
        time.sleep(2.5)  # a second for the other process to notice, and what a busy machine adds
        assert {partition_of(person.encode(), PARTITIONS) for person in PEOPLE} == {0, 1, 2, 3}
        for person in PEOPLE:
            send(one, identify(person), track(person, "Offer", number=1))
        one.wait_for(lambda: held(one, two) == len(PEOPLE), what="mails that wait")
        assert held(one) > 0 and held(two) > 0 and mailed(one, two) == []
        two.kill()
        two.start()
        wait_owned([one, two], [2, 2])
        one.wait_for(lambda: held(one, two) == len(PEOPLE), what="mails that wait again")
        assert mailed(one, two) == []
        assert "held: none" in two.command("resume", "offer").stdout
        one.wait_for(lambda: len(mailed(one, two)) == len(PEOPLE), what="every mail")
        assert mailed(one) and mailed(two)


def test_a_pause_keeps_what_another_process_has_paused():
    with shop() as made:
        one, two = made.process("one").start(), made.process("two").start()
        wait_owned([one, two], [2, 2])
        # Sooner after each other than the second in which a process takes over what others paused.
        for attempt in range(5):
            one.command("pause", "offer")
            assert "held: broken, offer" in two.command("pause", "broken").stdout, attempt
            assert "held: broken\n" in one.command("resume", "offer").stdout, attempt
            assert "held: none" in two.command("resume").stdout, attempt


def test_a_damaged_note_holds_all_mails_until_it_is_repaired():
    with shop() as made:
        one = made.process("one").start()
        wait_owned([one])
        producer = Producer({"bootstrap.servers": made.broker.bootstrap})
        producer.produce(f"{APP}.notes", key="mail_paused", value="[\"offer", partition=0)
        assert producer.flush(30) == 0
        refused = one.command("pause", "broken", check=False)
        assert refused.returncode != 0 and "sojourn resume without a journey" in refused.stderr
        one.kill()
        one.start()
        wait_owned([one])
        one.wait_for(lambda: "the note of what is paused is damaged" in one.log_tail(),
                     what="a line in the log")
        send(one, identify("ana"), track("ana", "Offer", number=1))
        one.wait_for(lambda: held(one) == 1, what="a mail that waits")
        assert one.command("resume", "offer", check=False).returncode != 0
        assert "held: none" in one.command("resume").stdout
        one.wait_for(lambda: mailed(one) == ["ana@customer.example"], what="the mail")
        assert "held: broken" in one.command("pause", "broken").stdout


def test_consent_is_asked_where_the_state_is():
    """What changes while a mail is held counts in whichever process delivers it."""
    with shop() as made:
        one, two = made.process("one").start(), made.process("two").start()
        wait_owned([one, two], [2, 2])
        one.command("pause")
        time.sleep(2.5)
        for person in PEOPLE:
            send(one, identify(person), track(person, "Offer", number=1))
        one.wait_for(lambda: held(one, two) == len(PEOPLE), what="mails that wait")
        leavers, forgotten = PEOPLE[::3], PEOPLE[1::3]
        for person in leavers:
            send(two, track(person, "Unsubscribed"))
        for person in forgotten:
            send(two, track(person, "Person Erased"))
        for sojourn in (one, two):
            assert owned(sojourn) == 2
            sojourn.wait_settled(2)
        two.command("resume")
        stayed = sorted(f"{person}@customer.example" for person in PEOPLE[2::3])
        wanted = {"skipped": len(leavers) + len(forgotten), "delivered": len(stayed)}
        one.wait_for(lambda: outcomes(one, two) == wanted, what="every end")
        assert mailed(one, two) == stayed, mailed(one, two)
        assert mailed(one) and mailed(two)


def test_failed_mails_are_retried_by_the_process_that_has_them():
    with shop() as made:
        one, two = made.process("one").start(), made.process("two").start()
        wait_owned([one, two], [2, 2])
        for person in PEOPLE:
            send(one, identify(person), track(person, "Broken", number=1, zero=0))
        one.wait_for(lambda: outcomes(one, two) == {"failed": len(PEOPLE)}, what="failed mails")
        listed = one.command("dead-letters", "list", "--kind", "mails").stdout.splitlines()
        assert len(listed) == len(PEOPLE), listed
        for sojourn in (one, two):
            (sojourn.rules / "templates/broken.liquid").write_text(
                "---\ntemplate: broken\nsubject: x\n---\n<p>{{ event.number }} again</p>\n")
            sojourn.wait_for(lambda s=sojourn: all(
                value == 2 for _, value in s.samples("sojourn_rules_bundle")), what="new rules")
        # Each process sends its own partitions' mails and says which are another's.
        first = one.command("dead-letters", "retry", "--all", check=False)
        reopened = first.stdout.count("reopened and delivered")
        assert 0 < reopened < len(PEOPLE), first.stdout
        assert first.returncode == 1 and len(mailed(one)) == reopened, first
        second = two.command("dead-letters", "retry", "--all", check=False)
        assert second.stdout.count("reopened and delivered") == len(PEOPLE) - reopened, second
        assert mailed(one, two) == sorted(f"{person}@customer.example" for person in PEOPLE)
        assert one.command("dead-letters", "list", "--kind", "mails").stdout == ""


def test_what_a_provider_tells_one_process_reaches_all():
    feedback = {"mailgun": {"signing_key": "mailgun's signing key"}}
    with kafka_shop(RULES, secrets=SECRETS, mail={"send": "files"}, feedback=feedback) as made:
        one, two = made.process("one").start(), made.process("two").start()
        wait_owned([one, two], [2, 2])
        people = PEOPLE[:8]
        for person in people:
            send(one, identify(person), track(person, "Offer", number=1))
        one.wait_for(lambda: len(mailed(one, two)) == len(people), what="the mails")
        mails = [email.message_from_bytes(file.read_bytes())
                 for sojourn in (one, two) for file in (sojourn.data / "mail").glob("*.eml")]
        requests = [Providers.mailgun_event(mailgun_event(
            "bounced", mail["To"].strip("<>"), mark_in("mailgun", mail), mail["To"]))
            for mail in mails[1:]]
        for sojourn in (one, two, two):  # told again, by another way
            assert [post(sojourn, request) for request in requests] == [200] * len(requests)

        def sum_of(metric):
            return one.metric(metric) + two.metric(metric)

        one.wait_for(lambda: sum_of("sojourn_events_dropped_total") == 2 * len(requests),
                     what="repetitions")
        assert sum_of("sojourn_mail_bounces_total") == len(requests)
        for person in people:
            send(two, track(person, "Offer", number=2))
        one.wait_for(lambda: len(mailed(one, two)) == len(people) + 1, what="one more mail")
        one.wait_for(lambda: sum_of("sojourn_steps_skipped_total") == len(requests), what="skips")
        assert mails[0]["To"].strip("<>") in mailed(one, two)


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
