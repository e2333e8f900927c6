#!/usr/bin/python3
"""`sojourn migrate-to-kafka` over a real broker: people in flight, open mails, an unread tail.

Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))
from cases import binary, run_cases  # noqa: E402
from kafka_broker import KafkaBroker  # noqa: E402
from kafka_reader import read_topic  # noqa: E402
from protocol import Api  # noqa: E402
from proxy import Fault, Proxy, Side, drop  # noqa: E402
from shop import RULES  # noqa: E402
from shop_events import ShopEvents, judge_log  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

APP = "chaos"
OLD_PARTITIONS, PARTITIONS = 4, 6
SECRETS = {"coupon_key": "c", "event_id_key": "e", "address_key": "a",
           "link_keys": ["a link key of tests"]}
SETTLE_SECONDS = 120


class Place:
    """A broker, an embedded directory, and processes of either kind with the same rules."""

    def __init__(self, broker, directory):
        self.broker, self.directory = broker, directory
        self.bootstrap = broker.bootstrap
        shutil.copytree(RULES, directory / "rules")
        self.made = []

    def embedded(self, name="old", **settings):
        return self._process(name, {"partitions": OLD_PARTITIONS, "mail": {"send": "files"},
                                    **settings})

    def kafka(self, name="new", app=APP, partitions=PARTITIONS, **settings):
        kafka = {"bootstrap_servers": self.bootstrap, "partitions": partitions,
                 "instance": name, "inputs": [{"topic": f"{app}-web", "format": "json"}]}
        return self._process(name, {"app": app, "log": "kafka", "threads": 2, "kafka": kafka,
                                    "mail": {"send": "files"}, **settings})

    def _process(self, name, settings):
        sojourn = Sojourn(self.directory / name, rules=self.directory / "rules",
                          **{"app": APP, "secrets": SECRETS, **settings})
        self.made.append(sojourn)
        return sojourn

    def await_topic(self, name):
        """Until the broker tells clients of a topic that was just made."""
        admin = AdminClient({"bootstrap.servers": self.broker.bootstrap})
        deadline = time.monotonic() + SETTLE_SECONDS
        while name not in admin.list_topics(timeout=10).topics:
            assert time.monotonic() < deadline, name
            time.sleep(0.05)

    def records(self, kind, app=APP, partitions=PARTITIONS):
        return read_topic(self.broker, f"{app}.{kind}", partitions)


@contextlib.contextmanager
def place(proxy=None):
    """The processes reach the broker through the proxy, where there is one."""
    ports = proxy.ports if proxy else None
    with KafkaBroker(proxy_ports=ports) as broker, tempfile.TemporaryDirectory(prefix="sojourn-move-") as name:
        made = Place(broker, Path(name))
        if proxy:
            proxy.connect_to(broker.proxied_addresses)
            made.bootstrap = f"127.0.0.1:{ports[0]}"
        try:
            yield made
        finally:
            for sojourn in made.made:
                if sojourn.process and sojourn.process.poll() is None:
                    sojourn.kill()


def move(new, old, *flags, check=True):
    return new.command("migrate-to-kafka", "--from", str(old.data), *flags, check=check)


def refused(new, old, text, *flags):
    result = move(new, old, *flags, check=False)
    assert result.returncode == 2 and text in result.stderr, (text, result.stderr)
    assert len(result.stderr.splitlines()) == 1, result.stderr


def mails(sojourn):
    return sorted(path.stem for path in sojourn.data.glob("mail/act_*.eml"))


def mail_actions(actions):
    return {action["id"] for action in actions if action.get("template")}


def test_people_in_flight_go_on():
    with place() as made:
        old, new = made.embedded(), made.kafka()
        old.start()
        events = ShopEvents(seed=5, person_count=40)
        events.post(old, events.introduce())
        old.command("suppressions", "add", "nobody@shop.example", "--reason", "manual")
        old.command("pause", "loyal")
        end = time.monotonic() + 6
        while time.monotonic() < end:
            events.post(old, events.some(4))
            time.sleep(0.1)
        old.wait_for(lambda: mails(old), what="mails that left before")
        old.kill()
        append_to_the_log(made, old, events, 60)
        before = old.actions()
        new.command("kafka", "create-topics")
        told = move(new, old).stdout
        assert "40 people" in told and "1 suppressed addresses" in told, told
        assert "60 events not taken in yet" in told, told
        assert len(made.records("events")) == 60
        moved = {json.loads(record.value())["id"] for record in made.records("actions")}
        left = set(mails(old))
        assert moved and moved == mail_actions(before) - left, (moved, left)
        refuse_the_old(old)
        assert "was moved before; nothing was done" in move(new, old).stdout

        new.start()
        assert new.command("suppressions", "check", "nobody@shop.example",
                           check=False).returncode == 1
        events.post(new, events.repeated(60))
        for _ in range(15):
            events.post(new, events.some(4))
            time.sleep(0.1)
        time.sleep(15.5)  # the longest chain of timers
        assert not moved & set(mails(new)), "what was paused has left"
        new.command("resume")
        events.post(new, events.audit())
        new.wait_settled(PARTITIONS, SETTLE_SECONDS)
        judge_the_move(made, events, before, old, new)


def append_to_the_log(made, old, events, count):
    """Events that stand in the log of a process that does not run, and wait there."""
    tail = events.stamp(events.some(count))
    file = made.directory / "tail.ndjson"
    file.write_text("".join(json.dumps(event) + "\n" for event in tail))
    old.command("import", str(file), "--as", "events", "--yes")
    events.remember(tail)


def refuse_the_old(old):
    old.spawn()
    assert old.process.wait(30) == 2
    assert "was moved to Kafka" in old.log_tail(), old.log_tail()


def judge_the_move(made, events, before, old, new):
    after = [json.loads(record.value()) for record in
             sorted(made.records("actions"), key=lambda r: (r.partition(), r.offset()))]
    known = {action["id"]: action for action in before}
    moved = [action for action in after if action["id"] in known]
    assert all(action == known[action["id"]] for action in moved), "a mail changed on its way"
    documents = before + [action for action in after if action["id"] not in known]
    verdict = judge_log(events.sent, [json.dumps(action) for action in documents],
                        ["events", f"{APP}.events"])
    print(verdict.text(), flush=True)
    assert verdict.result == "ok", verdict.result
    assert verdict.counts["expected actions"] > 400, verdict.counts
    wanted = sorted(mail_actions(documents))
    new.wait_for(lambda: len(mails(old) + mails(new)) >= len(wanted), what="every mail")
    assert sorted(mails(old) + mails(new)) == wanted, "a mail left twice or never"
    # Where the log times of the tail stand, they are those of before.
    for record in made.records("events"):
        headers = dict(record.headers() or [])
        if b"sojourn-topic" in headers or "sojourn-topic" in headers:
            assert int(headers["sojourn-log-time"]) < record.timestamp()[1], headers


def test_an_interrupted_move_is_made_again_or_given_up():
    people = 20_000
    with Proxy() as proxy, place(proxy) as made:
        old, new = made.embedded(), made.kafka(partitions=OLD_PARTITIONS)
        old.start()
        for first in range(0, people, 250):
            batch = [{"type": "identify", "userId": f"p-{n}", "messageId": f"m-{n}",
                      "traits": {"email": f"p-{n}@shop.example", "first_name": "Ana"}}
                     for n in range(first, first + 250)]
            assert old.post("/v1/batch", {"batch": batch})[0] == 200
        old.wait_settled(OLD_PARTITIONS)
        old.stop()
        new.command("kafka", "create-topics")
        refused(new, old, "never about to be moved", "--abandon")
        interrupt(proxy, new, old)
        assert not made.records("changelog", partitions=OLD_PARTITIONS)
        refuse_the_old(old)
        assert "the embedded log's again" in move(new, old, "--abandon").stdout
        old.start()
        assert old.post("/v1/batch", {"batch": [{
            "type": "identify", "userId": "last", "messageId": "last", "traits": {
                "email": "last@shop.example", "first_name": "Bo"}}]})[0] == 200
        old.wait_settled(OLD_PARTITIONS)
        old.stop()
        interrupt(proxy, new, old)
        said = move(new, old).stdout
        assert f"{people + 1} people" in said, said
        keys = people_in_the_changelog(made, people + 1)
        assert len(keys) == len(set(keys)) == people + 1, len(keys)
        refused(new, old, "was moved as a whole", "--abandon")
        new.start()
        new.wait_settled(OLD_PARTITIONS, SETTLE_SECONDS)
        assert new.metric("sojourn_persons") == people + 1
        assert not made.records("actions", partitions=OLD_PARTITIONS)


def people_in_the_changelog(made, count):
    """The keys of their records. A commit can be seen a moment after it was answered."""
    deadline = time.monotonic() + 10
    while True:
        keys = [record.key() for record in made.records("changelog", partitions=OLD_PARTITIONS)
                if not record.key().startswith(b"\xff")]
        if len(keys) >= count or time.monotonic() > deadline:
            return keys


def interrupt(proxy, new, old):
    """Kills a move when it has written everything and asks for the commit, which is not heard."""
    fault = proxy.add(Fault(Api.END_TXN, Side.REQUEST, drop))
    process = subprocess.Popen(
        [str(binary()), "migrate-to-kafka", "--from", str(old.data), "--config", str(new.config)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert proxy.wait_for(lambda: fault.hits > 0, SETTLE_SECONDS)
    assert process.poll() is None, process.returncode
    process.kill()
    process.wait()
    proxy.clear()


def test_what_does_not_fit_is_refused():
    with place() as made:
        old, new = made.embedded(), made.kafka()
        old.start()
        refused(new, old, "in use")
        assert old.post("/v1/batch", {"batch": [{"type": "identify", "userId": "p",
                                                "messageId": "m", "traits": {}}]})[0] == 200
        old.wait_settled(OLD_PARTITIONS)
        old.stop()
        refused(new, old, "missing topics")
        refused(old, old, "log: kafka")
        for name, partitions, policy in [
                ("-web", 3, "delete"), (".events", 3, "delete"), (".actions", 2, "delete"),
                (".changelog", 3, "compact"), (".dead-letters", 3, "delete"),
                (".deliveries", 3, "compact,delete"), (".rules", 1, "compact"),
                (".suppressions", 1, "compact"), (".notes", 1, "compact")]:
            made.broker.create_topic(APP + name, partitions, {"cleanup.policy": policy})
            made.await_topic(APP + name)
        refused(new, old, f"{APP}.actions has 2 partitions and needs 3")
        other = made.kafka("other", app="another")
        other.command("kafka", "create-topics")
        refused(other, old, "belongs to the app")
    with place() as made:
        old, new = made.embedded(secrets={}), made.kafka()
        old.start().stop()
        new.command("kafka", "create-topics")
        refused(new, old, "that the configuration has not")
        kept = json.loads((old.data / "secrets.json").read_text())
        new.settings["secrets"] = {**{name: key for name, key in kept.items() if name != "link_key"},
                                   "link_keys": ["a newer link key of tests", kept["link_key"]]}
        new.write_config()
        identity = old.data / "sojourn.json"
        right = identity.read_text()
        identity.write_text(right.replace('"format": 1', '"format": 2').replace(
            '"format":1', '"format":2'))
        refused(new, old, "newer")
        identity.write_text(right)
        producer = Producer({"bootstrap.servers": made.broker.bootstrap})
        producer.produce(f"{APP}.notes", b"[]", b"mail_paused")
        assert producer.flush(30) == 0
        refused(new, old, f"there are {APP}.notes")
        # None of these has taken the directory away from its log.
        old.start().stop()


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
