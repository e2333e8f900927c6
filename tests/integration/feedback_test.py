#!/usr/bin/python3
"""What mail providers tell of mails: it suppresses the next send, and forged it changes nothing."""

import contextlib
import email
import json
import mailbox
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from feedback_providers import (PROVIDERS, SNS, TOPIC, Providers, bounce_mail,  # noqa: E402
                                complaint_mail, mark_in, post, sendgrid_event, ses_message)
from mail_relay import Relay  # noqa: E402
from mail_shop import OFFER_AND_BILL, MailShop, parse  # noqa: E402


@contextlib.contextmanager
def shop_with_providers(**feedback):
    with tempfile.TemporaryDirectory(prefix="sojourn-feedback-") as name:
        relay = Relay(Path(name))
        relay.controller.start()
        try:
            with Providers(Path(name) / "providers") as providers:
                shop = MailShop(OFFER_AND_BILL, relay.settings())
                shop.sojourn.settings["feedback"] = {**providers.settings(), **feedback}
                shop.sojourn.environment.update(providers.environment())
                shop.sojourn.write_config()
                with shop:
                    yield shop, relay, providers
        finally:
            relay.controller.stop()


def address_of(person):
    return f"{person}@customer.example"


def send_offers(shop, relay, people, number=1):
    """Sends each their first, second, ... offer; gives the newest mails by person."""
    for person in people:
        shop.identify(person, email=address_of(person), first_name=person)
        shop.track(person, "Offer", number=number)

    def mails_to(person):
        return [content for recipient, content in list(relay.mails)
                if recipient == address_of(person)]

    shop.sojourn.wait_for(lambda: all(len(mails_to(person)) == number for person in people),
                          what=f"mails to {people}")
    return {person: parse(mails_to(person)[-1]) for person in people}


def is_suppressed(shop, person):
    return shop.sojourn.command("suppressions", "check", address_of(person),
                                check=False).returncode == 1


def count(shop, **labels):
    return sum(value for has, value in shop.sojourn.samples("sojourn_feedback_total")
               if labels.items() <= has.items())


def refused(shop):
    return {(labels["provider"], labels["reason"]): value
            for labels, value in shop.sojourn.samples("sojourn_feedback_refused_total")}


def test_what_each_provider_tells_suppresses_the_next_send():
    people = [f"{provider}-{kind}" for provider in PROVIDERS for kind in ("bounced", "complained")]
    with shop_with_providers() as (shop, relay, providers):
        mails = send_offers(shop, relay, [*people, "ada"])
        for person in people:
            provider, kind = person.split("-")
            mark = mark_in(provider, mails[person])
            # Whatever address it names: the mark says which one the mail went to.
            told = "Other@example.org" if kind == "bounced" else address_of(person)
            assert providers.tell(shop.sojourn, provider, kind, told, mark, person) == 200
        bounces = shop.wait_told("Email Bounced", 4, type="hard")
        complaints = shop.wait_told("Email Marked as Spam", 4)
        actions = {action["id"] for action in shop.sojourn.actions()
                   if action["journey"] == "offer"}
        for event in bounces + complaints:
            assert event["action_id"] in actions and event["template"] == "offer", event
            assert event["topic"] == "marketing", event
        assert {event["reason"] for event in bounces} == {
            "smtp; 550 5.1.1 user unknown", "550 5.1.1 user unknown", "smtp;550 5.1.1 user unknown",
            "No such mailbox"}, bounces
        for person in people:
            assert is_suppressed(shop, person), person
        assert not is_suppressed(shop, "ada")
        before = len(relay.mails)
        for person in people:
            shop.track(person, "Offer", number=2)
            shop.track(person, "Bill", number=2)  # not even what they have to get
        shop.track("ada", "Offer", number=2)
        shop.sojourn.wait_for(lambda: shop.skipped() == {"suppressed": 2 * len(people)},
                              what=f"skips {shop.skipped()}")
        shop.sojourn.wait_for(lambda: len(relay.mails) == before + 1, what="the mail to ada")
        assert relay.mails[-1][0] == address_of("ada")
        assert count(shop, kind="bounced_hard") == 4 and count(shop, kind="complained") == 4
        assert shop.sojourn.metric("sojourn_feedback_unmarked_total") == 0


def test_what_is_told_again_adds_nothing():
    with shop_with_providers() as (shop, relay, providers):
        mails = send_offers(shop, relay, [f"{provider}-x" for provider in PROVIDERS])
        requests = []
        for provider in PROVIDERS:
            mark = mark_in(provider, mails[f"{provider}-x"])
            for kind in ("bounced", "delivered"):
                requests.append(providers.request(provider, kind, "x@customer.example", mark, kind))
        shop.wait_told("Email Delivered", 4)  # the relay took the mails over
        for _ in range(2):
            assert [post(shop.sojourn, request) for request in requests] == [200] * 8
            shop.sojourn.wait_settled(4)
            assert len(shop.told("Email Bounced")) == 4
            # That the mailbox has it, too, is no second delivery.
            assert len(shop.told("Email Delivered")) == 4
            shop.sojourn.kill()
            shop.sojourn.start()
        assert [post(shop.sojourn, request) for request in requests] == [200] * 8
        shop.sojourn.wait_settled(4)
        assert len(shop.told("Email Bounced")) == 4 and len(shop.told("Email Delivered")) == 4


def forgeries(providers, address, mark):
    """Requests of everybody but the providers, and how they are answered."""
    def changed(request, headers=None, old=b"", new=b""):
        path, of_request, body = request
        assert old in body, body
        return path, {**of_request, **(headers or {})}, body.replace(old, new)

    def of(provider):
        return providers.request(provider, "bounced", address, mark[provider], "forged")

    other = b"king@customer.example"
    for provider in ("ses", "sendgrid"):
        yield 403, changed(of(provider), old=address.encode(), new=other)
    yield 403, changed(of("ses"), old=b"mails", new=b"other")
    yield 403, changed(of("ses"), old=SNS.encode(), new=b"sns.eu-west-1.example.org")
    yield 403, changed(of("ses"), headers={"x-amz-sns-rawdelivery": "true"})
    yield 403, changed(of("sendgrid"), headers={"X-Twilio-Email-Event-Webhook-Timestamp": "1"})
    yield 403, (of("sendgrid")[0], {}, of("sendgrid")[2])
    yield 401, (of("postmark")[0], {}, of("postmark")[2])
    yield 401, changed(of("postmark"), headers={"X-Hook": "a guess"})
    yield 401, changed(of("postmark"), headers={"Authorization": "Basic cG9zdG1hcms6YQ=="})
    yield 403, changed(of("mailgun"), old=b'"token": "', new=b'"token": "0')
    yield 403, providers.mailgun_event({"event": "complained", "recipient": address, "id": "1"},
                                       key=b"a guess")
    yield 400, ("/feedback/mailgun", {}, b'{"signature":')
    yield 400, ("/feedback/ses", {}, b"[" * 5000)


def test_what_is_forged_changes_nothing():
    with shop_with_providers() as (shop, relay, providers):
        mails = send_offers(shop, relay, ["ada", "king"])
        mark = {provider: mark_in(provider, mails["ada"]) for provider in PROVIDERS}
        number = 0
        for status, request in forgeries(providers, address_of("ada"), mark):
            assert post(shop.sojourn, request) == status, request
            number += 1
        # One request of Mailgun was seen, and its signature is put over another event.
        seen = providers.request("mailgun", "delivered", address_of("ada"), mark["mailgun"], "e1")
        assert post(shop.sojourn, seen) == 200
        other = json.loads(seen[2])
        other["event-data"]["event"] = "complained"
        assert post(shop.sojourn, (seen[0], seen[1], json.dumps(other).encode())) == 403
        assert refused(shop)[("mailgun", "replayed")] == 1
        assert sum(refused(shop).values()) == number + 1, refused(shop)
        mails = send_offers(shop, relay, ["ada", "king"], number=2)
        shop.sojourn.wait_for(lambda: len(relay.mails) == 4, what="the second mails")
        assert not shop.told("Email Bounced") and not shop.told("Email Marked as Spam")
        assert not is_suppressed(shop, "ada") and not is_suppressed(shop, "king")
        log = shop.sojourn.log_file.read_text()
        assert "a secret" not in log and "signing key" not in log


def test_without_a_mark_the_address_is_suppressed():
    with shop_with_providers() as (shop, relay, providers):
        send_offers(shop, relay, PROVIDERS)
        for provider in PROVIDERS:
            assert providers.tell(shop.sojourn, provider, "bounced", address_of(provider), {},
                                  "e1") == 200
        # A mark that is not ours is none.
        forged = {"sojourn_mark": "AQQAAAAA"}
        assert providers.tell(shop.sojourn, "mailgun", "complained", "eve@customer.example", forged,
                              "e2") == 200
        assert providers.tell(shop.sojourn, "mailgun", "delivered", "bob@customer.example", {},
                              "e3") == 200
        for person in [*PROVIDERS, "eve"]:
            assert is_suppressed(shop, person), person
        assert not is_suppressed(shop, "bob")
        shop.sojourn.kill()
        shop.sojourn.start()
        for person in [*PROVIDERS, "eve"]:
            shop.identify(person, email=address_of(person))
            shop.track(person, "Offer", number=2)
        shop.sojourn.wait_for(lambda: shop.outcomes().get("skipped") == 5, what="five skips")
        assert not shop.told("Email Bounced") and len(relay.mails) == 4


def test_what_cannot_be_read_is_kept_and_harms_no_neighbour():
    with shop_with_providers() as (shop, relay, providers):
        mails = send_offers(shop, relay, ["ada"])
        mark = mark_in("sendgrid", mails["ada"])
        good = sendgrid_event("bounced", address_of("ada"), mark, "e1")
        bad = {"event": "bounce", "sg_event_id": "without an address"}
        assert post(shop.sojourn, providers.sendgrid_events([bad, good])) == 200
        assert post(shop.sojourn, providers.envelope('{"eventType":"Bounce"}')) == 200
        assert post(shop.sojourn, providers.postmark_record({"RecordType": "Bounce"})) == 200
        assert post(shop.sojourn, providers.mailgun_event(7)) == 200
        shop.wait_told("Email Bounced", 1, type="hard")
        letters = shop.sojourn.command("dead-letters", "list", "--kind", "events").stdout
        for reason in ("SendGrid without an address", "SES without recipients",
                       "Postmark without an address", "no event-data"):
            assert reason in letters, letters
        shown = [shop.sojourn.command("dead-letters", "show", line.split()[1]).stdout
                 for line in letters.splitlines()]
        for provider, text in zip(("sendgrid", "ses", "postmark", "mailgun"), shown):
            assert f"{provider} told it" in text and "curl" not in text, text
        assert sum(refused(shop).values()) == 4, refused(shop)
        path, headers, _ = providers.postmark_record({})
        assert post(shop.sojourn, (path, headers, b"x" * (2 * 1024 * 1024 + 1))) == 413
        del shop.sojourn.settings["feedback"]["ses"]
        shop.sojourn.write_config()
        shop.sojourn.stop()
        shop.sojourn.start()
        assert post(shop.sojourn, providers.envelope("{}")) == 404


def test_a_topic_is_subscribed_to_and_its_certificate_fetched_once():
    with shop_with_providers() as (shop, relay, providers):
        def confirmation(url, **fields):
            return providers.envelope("You have chosen to subscribe", "SubscriptionConfirmation",
                                      "1", SubscribeURL=url, Token="abc", **fields)

        url = f"https://{SNS}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=abc"
        assert post(shop.sojourn, confirmation(url, TopicArn=TOPIC + "-of-others")) == 403
        assert providers.sns.asked == []
        assert post(shop.sojourn, confirmation("https://example.org/?Token=abc")) == 200
        certificate = "GET /SimpleNotificationService-1.pem"
        assert providers.sns.asked == [certificate], providers.sns.asked
        assert post(shop.sojourn, confirmation(url)) == 200
        assert providers.sns.asked == [certificate, f"GET /{url.split('/', 3)[3]}"]
        mails = send_offers(shop, relay, ["ada"])
        message = json.dumps(ses_message("bounced", "x@example.org", mark_in("ses", mails["ada"]),
                                         "e1"))
        assert post(shop.sojourn, providers.envelope(message, version="1")) == 200
        shop.wait_told("Email Bounced", 1)
        assert len(providers.sns.asked) == 2
        # Another key under SNS's name.
        providers.sns.certificate = (providers.directory / "ca.pem").read_bytes()
        assert post(shop.sojourn, providers.envelope(message, SigningCertURL=f"https://{SNS}/2.pem")
                    ) == 403


def check_mailbox(path, deliver):
    """`deliver(mail)` puts one into the mailbox at `path`."""
    with shop_with_providers(mailbox=str(path)) as (shop, relay, providers):
        def told():
            return shop.sojourn.metric_by("sojourn_feedback_total", "kind", provider="mailbox")

        mails = send_offers(shop, relay, ["gone", "full", "eve", "king"])
        deliver(email.message_from_string("Subject: I am away\n\nUntil Monday.\n"))
        deliver(bounce_mail(address_of("gone"), mails["gone"]))
        deliver(bounce_mail(address_of("gone"), mails["gone"]))  # told again
        deliver(bounce_mail(address_of("full"), mails["full"], status="5.2.2"))
        deliver(complaint_mail(address_of("eve"), mails["eve"]))
        # Everybody can write such a mail: it says nothing about the king.
        deliver(bounce_mail(address_of("king"), None))
        del mails["king"]["X-Sojourn-Mark"]
        mails["king"]["X-Sojourn-Mark"] = "AQQAAAAA"
        deliver(complaint_mail(address_of("king"), mails["king"]))
        # The mark says whose mail it was, and not whoever quotes it.
        deliver(bounce_mail(address_of("king"), mails["gone"]))
        wanted = {"other": 1, "bounced_hard": 3, "bounced_soft": 1, "complained": 1}
        shop.sojourn.wait_for(lambda: told() == wanted, what=f"the mails of the mailbox {told()}")
        shop.wait_told("Email Bounced", 2)
        shop.wait_told("Email Marked as Spam", 1)
        shop.sojourn.wait_settled(4)
        assert refused(shop) == {("mailbox", "no_mark"): 2}, refused(shop)
        assert sorted(event["type"] for event in shop.told("Email Bounced")) == ["hard", "soft"]
        assert [is_suppressed(shop, person) for person in ("gone", "full", "eve", "king")] == [
            True, False, True, False]
        shop.sojourn.kill()
        shop.sojourn.start()
        mails = send_offers(shop, relay, ["king", "full"], number=2)
        deliver(bounce_mail(address_of("full"), mails["full"]))
        shop.sojourn.wait_for(lambda: told() == {"bounced_hard": 1}, what="the new mail alone")
        shop.sojourn.wait_for(lambda: is_suppressed(shop, "full"), what="a hard bounce")
        shop.sojourn.stop()


def test_bounces_come_as_mails_into_a_file():
    with tempfile.TemporaryDirectory(prefix="sojourn-mailbox-") as name:
        box = mailbox.mbox(Path(name) / "bounces")

        def deliver(mail):
            box.lock()
            box.add(mailbox.mboxMessage(mail))
            box.flush()
            box.unlock()

        check_mailbox(Path(name) / "bounces", deliver)


def test_bounces_come_as_mails_into_a_maildir():
    with tempfile.TemporaryDirectory(prefix="sojourn-mailbox-") as name:
        box = mailbox.Maildir(Path(name) / "bounces")
        check_mailbox(Path(name) / "bounces", lambda mail: box.add(mailbox.MaildirMessage(mail)))
        assert not list((Path(name) / "bounces/new").iterdir())
        assert len(list((Path(name) / "bounces/cur").iterdir())) == 9


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
