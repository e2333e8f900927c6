#!/usr/bin/python3
"""The running process and a mail relay that nobody here wrote (aiosmtpd)."""

import collections
import email
import email.policy
import json
import re
import subprocess
import sys
from pathlib import Path

import dkim

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import long_run, run_cases  # noqa: E402
from delivery_records import delivery_records  # noqa: E402
from mail_process import send, shop  # noqa: E402


def check_signature(content, key_file):
    public = subprocess.run(["openssl", "rsa", "-in", key_file, "-pubout"], check=True,
                            capture_output=True, text=True).stdout
    record = "v=DKIM1; k=rsa; p=" + "".join(public.splitlines()[1:-1])
    assert dkim.verify(content, dnsfunc=lambda name, timeout=5: record.encode())
    assert not dkim.verify(content.replace(b"look", b"loot"),
                           dnsfunc=lambda name, timeout=5: record.encode())


def test_a_mail_arrives_signed_and_can_be_unsubscribed_from():
    with shop() as (sojourn, relay, key_file):
        sojourn.start()
        send(sojourn, "ada", "Offer", number=1)
        sojourn.wait_for(lambda: relay.mails, what="a mail")
        recipient, content = relay.mails[0]
        assert recipient == "ada@customer.example", recipient
        check_signature(content, key_file)
        mail = email.message_from_bytes(content, policy=email.policy.default)
        assert mail["Subject"] == "An offer, Ada", mail["Subject"]
        action = sojourn.actions()[0]
        assert mail["Message-ID"] == f"<{action['id']}@shop.example>", mail["Message-ID"]
        text = mail.get_body(("plain",)).get_content()
        assert "Hello Ada" in text and "Main Street 1" in text, text
        link = re.search(r"<(.*)>", mail["List-Unsubscribe"]).group(1)
        path = link[len(sojourn.settings["mail"]["public_url"]):]
        assert sojourn.get(path)[0] == 200
        send(sojourn, "ada", "Offer", number=2)
        sojourn.wait_for(lambda: len(relay.mails) == 2, what="looking at the page changes nothing")
        assert sojourn.post(path, b"List-Unsubscribe=One-Click", headers={
            "Content-Type": "application/x-www-form-urlencoded"})[0] == 200
        sojourn.wait_for(lambda: sojourn.metric_by("sojourn_events_total", "type"), what="events")
        send(sojourn, "ada", "Offer", number=3)
        send(sojourn, "ada", "Bill")
        sojourn.wait_for(lambda: len(relay.mails) == 3, what="the bill")
        assert b"Your bill" in relay.mails[2][1]
        skipped = sojourn.metric_by("sojourn_steps_skipped_total", "reason")
        assert skipped == {"no_consent": 1}, skipped
        sojourn.wait_for(lambda: sojourn.mail_outcomes() == {"delivered": 3}, what="the outcomes")
        sojourn.stop()


def test_what_the_relay_refuses_is_named_and_harms_no_other():
    with shop() as (sojourn, relay, _):
        relay.refusals = {"gone@customer.example": "550 5.1.1 no such user",
                          "busy@customer.example": "450 4.2.1 try later"}
        sojourn.start()
        for person in ("gone", "busy", "ada"):
            send(sojourn, person, "Offer", number=1)
        send(sojourn, "bob", "Broken", number=1, zero=0)
        sojourn.wait_for(lambda: sum(sojourn.mail_outcomes().values()) == 4, what="four outcomes")
        assert sojourn.mail_outcomes() == {"refused": 1, "waiting": 1, "delivered": 1, "failed": 1}
        # The bounce reaches the rules: the address gets no more.
        send(sojourn, "gone", "Offer", number=2)
        sojourn.wait_for(lambda: sojourn.metric_by("sojourn_steps_skipped_total", "reason")
                         == {"suppressed": 1}, what="a skip")
        assert [recipient for recipient, _ in relay.mails] == ["ada@customer.example"]


def test_a_bounced_address_outlives_its_person():
    with shop() as (sojourn, relay, _):
        relay.refusals = {"gone@customer.example": "550 5.1.1 no such user"}
        sojourn.start()
        send(sojourn, "gone", "Offer", number=1)
        sojourn.wait_for(lambda: sojourn.command("suppressions", "check", "gone@customer.example",
                                                 check=False).returncode == 1, what="the bounce")
        send(sojourn, "gone", "Person Erased")
        sojourn.kill()
        sojourn.start()
        # The same person is a new one, and another one has the address: neither gets mail.
        send(sojourn, "gone", "Offer", number=2)
        calls = [{"type": "identify", "userId": "heir", "traits": {"email": "Gone@customer.example"}},
                 {"type": "track", "userId": "heir", "event": "Offer", "properties": {"number": 1}}]
        assert sojourn.post("/v1/batch", {"batch": calls})[0] == 200
        sojourn.wait_for(lambda: sojourn.mail_outcomes() == {"skipped": 2}, what="two skips")
        assert not sojourn.metric_by("sojourn_steps_skipped_total", "reason")
        assert relay.mails == []


def test_paused_mails_wait_over_a_restart():
    with shop() as (sojourn, relay, _):
        sojourn.start()
        assert "held: offer" in sojourn.command("pause", "offer").stdout
        send(sojourn, "ada", "Offer", number=1)
        send(sojourn, "ada", "Bill")
        sojourn.wait_for(lambda: len(relay.mails) == 1, what="the bill")
        sojourn.kill()
        sojourn.start()
        sojourn.wait_for(lambda: sojourn.metric_by("sojourn_mail_queue", "state")
                         == {"waiting": 0, "held": 1}, what="a held mail")
        assert len(relay.mails) == 1
        sojourn.command("resume", "offer")
        sojourn.wait_for(lambda: len(relay.mails) == 2, what="the offer")
        assert sojourn.command("resume", "offer", check=False).returncode == 2


FINAL = {"delivered", "refused", "expired", "unknown", "skipped", "failed"}
KILLED_CONNECTIONS = 8


def queue_up(sojourn, mails):
    for first in range(0, mails, 100):
        numbers = range(first, first + 100)
        people = [{"type": "identify", "userId": f"p{n}", "messageId": f"i{n}",
                   "traits": {"email": f"p{n}@customer.example", "first_name": "Ada"}}
                  for n in numbers]
        offers = [{"type": "track", "userId": f"p{n}", "event": "Offer", "messageId": f"m{n}",
                   "properties": {"number": n}, "context": {"traits": {}}} for n in numbers]
        assert sojourn.post("/v1/batch", {"batch": people + offers})[0] == 200


class Lives:
    """What the lives of a process leave behind, read from its directory between them."""

    def __init__(self, sojourn):
        self.sojourn = sojourn
        self.ended = {}  # final records by place: once there, for good
        self.cut_off = []  # for each kill: how many attempts stood between DATA and its answer
        self._begun = set()  # such attempts of earlier lives; not yet sent again they stand there yet

    def look(self):
        """The attempts that the last life left between DATA and its answer."""
        records = delivery_records(self.sojourn.data)
        for place, record in records.items():
            if record["state"] in FINAL:
                assert self.ended.setdefault(place, record) == record, (self.ended[place], record)
        assert not set(self.ended) - set(records)
        begun = {(place, record["attempts"]) for place, record in records.items()
                 if record["state"] == "started"}
        fresh = begun - self._begun
        self._begun |= begun
        return fresh

    def kill(self):
        self.sojourn.kill()
        self.cut_off.append(len(self.look()))
        self.sojourn.start()


def kill_on_the_way(sojourn, relay, mails, kills):
    """Kills the process that often while mails leave, and lets the last life finish."""
    lives = Lives(sojourn)
    relay.delay_seconds = 0.002
    for kill in range(1, kills + 1):
        sojourn.wait_for(lambda k=kill: len(relay.mails) >= k * mails // (kills + 2),
                         timeout=300, what="mails on their way")
        lives.kill()
    relay.delay_seconds = 0
    for _ in range(20):
        sojourn.wait_for(lambda: sojourn.metric_by("sojourn_mail_queue", "state")
                         .get("waiting") == 0 and len(sojourn.actions()) == mails,
                         timeout=300, what="the end of the queue")
        sojourn.stop()
        assert not lives.look()
        # The queue of a process is empty also before it has read what it is to send.
        if len(lives.ended) == mails:
            break
        sojourn.start()
    assert len(lives.ended) == mails, f"{len(lives.ended)} of {mails} mails have come to an end"
    return lives


def report_kills(relay, lives):
    """Prints and gives what the test is about: how many came twice, and how many never."""
    arrived = collections.Counter(recipient for recipient, _ in relay.mails)
    ended, cut_off = lives.ended, lives.cut_off
    counts = {
        "mails": len(ended), "states": collections.Counter(r["state"] for r in ended.values()),
        "kills": len(cut_off), "kills between DATA and its answer": sum(map(bool, cut_off)),
        "mails cut off there": sum(cut_off),
        "arrived": len(arrived), "duplicates": sum(arrived.values()) - len(arrived),
        "never arrived": len(ended) - len(arrived)}
    print(json.dumps(counts))
    assert max(cut_off) <= KILLED_CONNECTIONS, cut_off
    return counts


def test_killed_on_the_way_no_mail_goes_twice():
    with shop(connections=KILLED_CONNECTIONS) as (sojourn, relay, _):
        sojourn.start()
        queue_up(sojourn, 10_000)
        counts = report_kills(relay, kill_on_the_way(sojourn, relay, 10_000, 20))
        assert set(counts["states"]) <= {"delivered", "unknown"}, counts
        assert counts["duplicates"] == 0, counts
        # What may have been taken over when the process ended is unknown, and nothing else is.
        assert counts["states"]["unknown"] == counts["mails cut off there"], counts
        assert counts["never arrived"] <= counts["states"]["unknown"], counts


def test_killed_on_the_way_no_mail_is_lost_where_it_is_sent_again():
    mails, kills = (10_000, 20) if long_run() else (1000, 5)
    with shop(connections=KILLED_CONNECTIONS, resend_unknown=True) as (sojourn, relay, _):
        sojourn.start()
        queue_up(sojourn, mails)
        counts = report_kills(relay, kill_on_the_way(sojourn, relay, mails, kills))
        assert set(counts["states"]) == {"delivered"}, counts
        assert counts["never arrived"] == 0, counts
        assert counts["duplicates"] <= counts["mails cut off there"], counts


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
