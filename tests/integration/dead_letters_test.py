#!/usr/bin/python3
"""What was no event and which mails failed: listed, shown, and sent again."""

import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from kafka_broker import KafkaBroker  # noqa: E402
from kafka_reader import read_topic  # noqa: E402
from mail_process import RULES, send, shop  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

REPAIRED = """---
template: broken
subject: "Repaired"
---
<p>Number {{ event.number }} again</p>
"""


@contextlib.contextmanager
def process(rules=None, **settings):
    """A shop whose mails become files."""
    with tempfile.TemporaryDirectory(prefix="sojourn-letters-") as name:
        directory = Path(name)
        for path, text in {**RULES, **(rules or {})}.items():
            (directory / "rules" / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / "rules" / path).write_text(text)
        settings = {"mail": {"send": "files"}, **settings}
        sojourn = Sojourn(directory / "process", rules=directory / "rules", **settings)
        sojourn.rules = directory / "rules"
        try:
            yield sojourn
        finally:
            if sojourn.process and sojourn.process.poll() is None:
                sojourn.kill()


def letters(sojourn, *arguments):
    """The listed letters; the oldest first."""
    result = sojourn.command("dead-letters", "list", *arguments, "--format", "json")
    return [json.loads(line) for line in result.stdout.splitlines()]


def mails(sojourn):
    return sorted(sojourn.data.glob("mail/act_*.eml"))


def break_for(sojourn, *people):
    for person in people:
        send(sojourn, person, "Broken", number=1, zero=0)
    sojourn.wait_for(lambda: sojourn.mail_outcomes().get("failed") == len(people),
                     what="failed mails")


def repair(sojourn):
    (sojourn.rules / "templates/broken.liquid").write_text(REPAIRED)
    sojourn.wait_for(lambda: sojourn.metric_by("sojourn_rules_loads_total", "result")
                     .get("loaded", 0) >= 2, what="the repaired template")


def test_letters_are_listed_and_shown():
    with process() as sojourn:
        sojourn.start()
        status, text = sojourn.post("/v1/batch", {"batch": [
            {"type": "nonsense\u001b[2J", "userId": "x"},
            {"type": "track", "userId": "x", "event": "Ping"}]})
        assert status == 200, text
        break_for(sojourn, "ada", "bob")
        event, first, second = letters(sojourn)
        assert event["kind"] == "event" and event["reason"] == "undecodable", event
        for mail in (first, second):
            assert mail["kind"] == "mail" and mail["template"] == "broken", mail
            assert mail["reason"] == "render_error" and "broken.liquid:5:" in mail["message"], mail
        assert first["time"] <= second["time"]
        assert letters(sojourn, "--kind", "events") == [event]
        assert letters(sojourn, "--kind", "mails") == [first, second]
        assert letters(sojourn, "--reason", "render_error") == [first, second]
        assert letters(sojourn, "--reason", "bad_person_id") == []
        plain = sojourn.command("dead-letters").stdout
        assert len(plain.splitlines()) == 3 and "\x1b" not in plain, plain
        assert event["id"] in plain and first["id"] in plain, plain

        shown = sojourn.command("dead-letters", "show", event["id"]).stdout
        assert "nonsense" in shown and "\x1b" not in shown, shown
        assert f"curl http://127.0.0.1:{sojourn.port}/v1/batch " in shown, shown
        assert '{"batch": [CALL]}' in shown, shown
        shown = sojourn.command("dead-letters", "show", first["id"]).stdout
        for part in ("render_error", "broken.liquid:5:", '"person": "ada"', '"journey": "broken"',
                     '"template": "broken"', '"template_revision"', '"zero": 0',
                     f"retry {first['id']}"):
            assert part in shown, (part, shown)
        as_json = json.loads(sojourn.command("dead-letters", "show", first["id"], "--format",
                                             "json").stdout)
        assert as_json["action"]["id"] == first["id"], as_json
        result = sojourn.command("dead-letters", "show", "act_none", check=False)
        assert result.returncode == 2 and "nothing is known" in result.stderr, result
        # The same without the process, but for sending again.
        sojourn.stop()
        assert letters(sojourn) == [event, first, second]
        result = sojourn.command("dead-letters", "retry", "--all", check=False)
        assert result.returncode == 2 and "start sojourn run" in result.stderr, result


def test_a_call_is_sent_again_to_the_path_it_came_to():
    with process() as sojourn:
        sojourn.start()
        said = []
        assert sojourn.post("/v1/identify", {"traits": {}})[0] == 400
        headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "shop", "ce-type": "Paid",
                   "Content-Type": "application/json"}
        assert sojourn.request("POST", "/v1/events", b'{"total": 3}', headers)[0] == 400
        for letter in letters(sojourn):
            said.append(sojourn.command("dead-letters", "show", letter["id"]).stdout)
        curl = f"curl http://127.0.0.1:{sojourn.port}"
        assert f"{curl}/v1/identify " in said[0] and "-d 'CALL'" in said[0], said
        assert f"{curl}/v1/events " in said[1], said
        assert "application/cloudevents+json" in said[1], said
        # What is kept is what can be sent so.
        call = json.loads(letters(sojourn)[1]["value"])
        assert call["type"] == "Paid" and call["data"] == {"total": 3}, call
        status, text = sojourn.request("POST", "/v1/events", json.dumps(
            {**call, "subject": "ada"}).encode(), {"Content-Type": "application/cloudevents+json"})
        assert status == 200, text


def test_retried_mails_go_once_with_the_template_of_now():
    with process() as sojourn:
        sojourn.start()
        sojourn.post("/v1/batch", {"batch": [{"type": "nonsense", "userId": "x"}]})
        break_for(sojourn, "ada", "bob", "eve")
        event, first, *rest = letters(sojourn)
        result = sojourn.command("dead-letters", "retry", event["id"], check=False)
        assert result.returncode == 2 and "correct it" in result.stderr, result
        result = sojourn.command("dead-letters", "retry", "act_none", check=False)
        assert result.returncode == 1 and "unknown" in result.stdout, result
        result = sojourn.command("dead-letters", "retry", first["id"], check=False)
        assert result.returncode == 1 and "failed again" in result.stdout, result
        repair(sojourn)
        result = sojourn.command("dead-letters", "retry", first["id"])
        assert f"{first['id']}  reopened and delivered" in result.stdout, result.stdout
        mail, = mails(sojourn)
        assert b"Number 1 again" in mail.read_bytes(), mail.read_bytes()
        result = sojourn.command("dead-letters", "retry", first["id"], check=False)
        assert result.returncode == 1 and "it is delivered" in result.stdout, result
        # What was reopened stays so over a kill.
        sojourn.command("pause")
        result = sojourn.command("dead-letters", "retry", "--all", "--template", "broken",
                                 "--wait", "0")
        assert result.stdout.count("it waits to be sent") == 2, result.stdout
        assert letters(sojourn, "--kind", "mails") == []
        sojourn.kill()
        sojourn.start()
        result = sojourn.command("dead-letters", "retry", rest[0]["id"], check=False)
        assert "under way" in result.stdout, result
        sojourn.command("resume")
        sojourn.wait_for(lambda: len(mails(sojourn)) == 3, what="the other two")
        sojourn.wait_for(lambda: sojourn.mail_outcomes() == {"delivered": 2}, what="their records")
        assert "no such mail" in sojourn.command("dead-letters", "retry", "--all").stdout


def test_what_is_retried_too_late_expires():
    limit = {"company.yaml": RULES["company.yaml"] + "late_send_limit: 10 seconds\n"}
    with process(limit) as sojourn:
        sojourn.start()
        break_for(sojourn, "ada")
        repair(sojourn)
        time.sleep(10)
        letter, = letters(sojourn)
        result = sojourn.command("dead-letters", "retry", letter["id"], check=False)
        assert result.returncode == 1 and "expired: its latest useful time" in result.stdout, result
        assert not letters(sojourn) and not mails(sojourn)
        assert '"expired"' in sojourn.command("dead-letters", "show", letter["id"], "--format",
                                              "json").stdout


def test_killed_on_the_way_it_is_not_sent_twice():
    with shop() as (sojourn, relay, _):
        sojourn.start()
        break_for(sojourn, "ada")
        letter, = letters(sojourn)
        (sojourn.directory.parent / "rules/templates/broken.liquid").write_text(REPAIRED)
        sojourn.wait_for(lambda: sojourn.metric_by("sojourn_rules_loads_total", "result")
                         .get("loaded", 0) >= 2, what="the repaired template")
        relay.delay_seconds = 3  # after it has taken the mail
        sojourn.command("dead-letters", "retry", letter["id"], "--wait", "0")
        sojourn.wait_for(lambda: relay.mails, what="the mail at the relay")
        sojourn.kill()
        relay.delay_seconds = 0
        sojourn.start()
        sojourn.wait_for(lambda: sojourn.mail_outcomes() == {"unknown": 1}, what="its end")
        result = sojourn.command("dead-letters", "retry", letter["id"], check=False)
        assert result.returncode == 1 and "it is unknown" in result.stdout, result
        assert len(relay.mails) == 1, relay.mails


def test_over_kafka_failed_mails_are_listed():
    app, topic, partitions = "shop", "web", 2
    with KafkaBroker() as broker, process(
            app=app, log="kafka", mail={"send": "none"},
            kafka={"bootstrap_servers": broker.bootstrap, "partitions": partitions,
                   "instance": "one", "inputs": [{"topic": topic, "format": "json"}]}) as sojourn:
        sojourn.command("kafka", "create-topics")
        sojourn.start()
        for person in ("ada", "bob"):
            send(sojourn, person, "Broken", number=1, zero=0)
        sojourn.wait_for(lambda: len(read_topic(broker, f"{app}.actions", partitions)) == 2,
                         what="two actions")
        # As a deliverer writes it: one has failed, the other has failed and was then delivered.
        producer = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
        actions = {json.loads(record.value())["person"]: record
                   for record in read_topic(broker, f"{app}.actions", partitions)}
        for person, states in (("ada", ["failed"]), ("bob", ["failed", "delivered"])):
            record = actions[person]
            action = json.loads(record.value())
            for state in states:
                value = {"action": action["id"], "state": state, "attempts": 0, "at_ms": 1,
                         "detail": "templates/broken.liquid:5:27: divided by 0",
                         "failure": "render_error", "template": "broken"}
                producer.produce(f"{app}.deliveries", json.dumps(value),
                                 str(record.offset()), record.partition())
        assert producer.flush(30) == 0
        result = sojourn.command("dead-letters", "list", "--format", "json")
        assert f"{app}.dead-letters" in result.stderr, result.stderr  # where events are
        letter, = [json.loads(line) for line in result.stdout.splitlines()]
        failed = json.loads(actions["ada"].value())
        assert letter["id"] == failed["id"] and letter["kind"] == "mail", letter
        shown = json.loads(sojourn.command("dead-letters", "show", letter["id"], "--format",
                                           "json").stdout)
        assert shown["action"] == failed, shown
        result = sojourn.command("dead-letters", "list", "--kind", "events", check=False)
        assert result.returncode == 2, result
        result = sojourn.command("dead-letters", "retry", letter["id"], check=False)
        assert result.returncode == 2 and "sends no mails" in result.stderr, result


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
