#!/usr/bin/python3
"""What a running process tells Prometheus about mails."""

import email
import email.policy
import http.client
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from mail_process import send, shop  # noqa: E402

PARTITIONS = 4  # of a new data directory
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


def promtool(*arguments, text=None):
    return subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True,
                          check=False)


def track(sojourn, person, event, **properties):
    status, text = sojourn.post("/v1/track", {"userId": person, "event": event,
                                              "properties": properties})
    assert status == 200, text


def status_of(sojourn, path):
    """What a browser gets there; a redirection leads out of the test and is not followed."""
    connection = http.client.HTTPConnection("127.0.0.1", sojourn.port, timeout=30)
    connection.request("GET", path, headers=BROWSER)
    status = connection.getresponse().status
    connection.close()
    return status


def react(sojourn, relay):
    """Everything that can become of a mail after it was sent: by its links, and as events."""
    mail = email.message_from_bytes(relay.mails[0][1], policy=email.policy.default)
    html = mail.get_body(("html",)).get_content()
    public_url = sojourn.settings["mail"]["public_url"]
    pixel = re.search(re.escape(public_url) + r"(/o/[\w.-]+\.gif)", html).group(1)
    link = re.search(re.escape(public_url) + r"(/c/[\w.-]+)", html).group(1)
    leave = re.search(re.escape(public_url) + r"(/u/[\w.-]+)", html).group(1)
    # Nobody opens a mail within seconds: that is a machine.
    assert status_of(sojourn, pixel) == 200
    assert status_of(sojourn, link) == 302
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert sojourn.post(leave, b"", headers=form)[0] == 200
    time.sleep(1.1)  # within a second it is the same choice
    assert sojourn.post(leave, b"List-Unsubscribe=One-Click", headers=form)[0] == 200
    track(sojourn, "ada", "Email Opened", machine=False)
    track(sojourn, "ada", "Email Link Clicked", machine=False)
    track(sojourn, "ada", "Email Marked as Spam")
    track(sojourn, "ada", "Email Bounced", type="soft")
    track(sojourn, "ada", "Subscribed", topic="marketing")
    track(sojourn, "ada", "Unsubscribed")
    track(sojourn, "ada", "Unsubscribed", topic="no topic of this shop")


def test_every_outcome_is_counted_once():
    with shop() as (sojourn, relay, _):
        relay.refusals = {"gone@customer.example": "550 5.1.1 no such user",
                          "busy@customer.example": "450 4.2.1 try later"}
        sojourn.start()
        begin = sojourn.metric_by("sojourn_mails_total", "outcome")
        assert begin == dict.fromkeys(("delivered", "waiting", "refused", "expired", "unknown",
                                       "skipped", "failed"), 0), begin
        for person in ("ada", "gone", "busy"):
            send(sojourn, person, "Offer", number=1)
        send(sojourn, "bob", "Broken", number=1, zero=0)
        sojourn.wait_for(lambda: sum(sojourn.mail_outcomes().values()) == 4, what="four outcomes")
        react(sojourn, relay)
        sojourn.wait_for(lambda: sojourn.metric_by("sojourn_unsubscriptions_total", "topic")
                         .get("unknown"), what="the last event")
        wanted = {
            ("sojourn_mails_total", "outcome"): {"delivered": 1, "waiting": 1, "refused": 1,
                                                 "failed": 1},
            ("sojourn_mail_failures_total", "template"): {"broken": 1},
            ("sojourn_mail_failures_total", "reason"): {"render_error": 1},
            ("sojourn_mail_bounces_total", "type"): {"hard": 1, "soft": 1},
            ("sojourn_mail_opens_total", "machine"): {"true": 1, "false": 1},
            ("sojourn_mail_clicks_total", "machine"): {"true": 1, "false": 1},
            ("sojourn_unsubscriptions_total", "way"): {"link": 1, "one_click": 1, "event": 2},
            ("sojourn_unsubscriptions_total", "topic"): {"marketing": 2, "all": 1, "unknown": 1},
            ("sojourn_subscriptions_total", "topic"): {"marketing": 1},
        }
        for (metric, label), values in wanted.items():
            found = {key: value for key, value in sojourn.metric_by(metric, label).items() if value}
            assert found == values, (metric, found)
        assert sojourn.metric("sojourn_mail_complaints_total") == 1
        assert sojourn.metric("sojourn_ready") == 1
        assert sojourn.metric("sojourn_disk_free_bytes") > 0
        check_exposition(sojourn.get("/metrics")[1])
        # A replay of the same log after a kill counts none of it again.
        sojourn.kill()
        sojourn.start()
        sojourn.wait_settled(PARTITIONS)
        assert sojourn.metric("sojourn_mail_complaints_total") == 0
        assert sojourn.metric("sojourn_unsubscriptions_total") == 0


def check_exposition(exposition):
    result = promtool("check", "metrics", text=exposition)
    assert result.returncode == 0 and not result.stdout + result.stderr, result


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
