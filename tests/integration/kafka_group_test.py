#!/usr/bin/python3
"""Several processes of one app over a real broker, seen from outside.

Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path

from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import binary, run_cases  # noqa: E402
from kafka_broker import KafkaBroker  # noqa: E402
from kafka_events import partition_of  # noqa: E402
from kafka_reader import ends  # noqa: E402
from kafka_shop import (APP, HAND_OVER_SECONDS, PARTITIONS, TOPIC, kafka_shop,  # noqa: E402
                        wait_owned)
from sojourn_process import Sojourn  # noqa: E402

PEOPLE = 97
URLS = {name: f"https://shop.example/{name}" for name in ("first", "again", "later")}
# What an order leads to depends on the orders before it and on a timer: on state that moves.
RULES = {
    "company.yaml": "company: Test Shop\ntimezone: UTC\ncurrency: USD\n",
    "journeys/order.yaml": f"""\
journey: order
trigger: {{event: Order Completed}}
one_run_per: event.order_id
steps:
  - if: count("Order Completed") == 1
    then:
      - webhook: {{url: "{URLS['first']}", data: {{order: trigger.order_id}}}}
    else:
      - webhook: {{url: "{URLS['again']}", data: {{order: trigger.order_id}}}}
  - wait: 5 seconds
  - webhook: {{url: "{URLS['later']}", data: {{order: trigger.order_id}}}}
""",
}


def shop():
    return kafka_shop(RULES)


def wait_bundle(sojourn, number):
    def reached():
        bundles = [value for _, value in sojourn.samples("sojourn_rules_bundle")]
        return bundles and set(bundles) == {number}
    sojourn.wait_for(reached, HAND_OVER_SECONDS, f"rules bundle {number}")


class Orders:
    """Orders of PEOPLE in turn, written without a pause as long as the block lasts."""

    def __init__(self, bootstrap):
        self.producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 5,
                                  "log_level": 0})
        self.count = 0
        self.failures = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._write)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        assert self.producer.flush(60) == 0 and not self.failures, self.failures[:1]

    def _write(self):
        while not self.stopping.wait(0.005):
            person = f"person-{self.count % PEOPLE}"
            event = {"type": "track", "userId": person, "event": "Order Completed",
                     "messageId": f"m-{self.count}",
                     "properties": {"order_id": f"o-{self.count}"}}
            self.producer.produce(TOPIC, json.dumps(event).encode(), person.encode(),
                                  partition_of(person.encode(), PARTITIONS),
                                  on_delivery=self._note)
            self.producer.poll(0)
            self.count += 1

    def _note(self, error, _):
        if error:
            self.failures.append(str(error))

    def expected(self):
        actions = Counter()
        for number in range(self.count):
            person, order = f"person-{number % PEOPLE}", f"o-{number}"
            now = URLS["first" if number < PEOPLE else "again"]
            actions[person, order, now] += 1
            actions[person, order, URLS["later"]] += 1
        return actions


def test_processes_join_leave_and_die():
    with shop() as made:
        one, two, three = (made.process(name) for name in ("one", "two", "three"))
        with Orders(made.broker.bootstrap) as orders:
            one.start()
            wait_owned([one])
            two.start()
            wait_owned([one, two], [2, 2])
            three.start()
            # Six threads for four partitions: a process may own none, and is ready all the same.
            everybody = [one, two, three]
            wait_owned(everybody)
            for sojourn in everybody:
                assert sojourn.get("/-/ready")[0] == 200
            one.stop()
            wait_owned([two, three], [2, 2])
            three.kill()
            wait_owned([two])
            one.start()
            wait_owned([one, two], [2, 2])
            two.kill()
            wait_owned([one])
        wanted = orders.expected()
        one.wait_settled(PARTITIONS)
        one.wait_for(lambda: len(made.actions()) >= wanted.total(), what="every action")
        actions = made.actions()
        found = Counter((action["person"], action["values"]["data"]["order"], action["url"])
                        for action in actions)
        assert found == wanted, (f"missing {list((wanted - found).items())[:3]}, "
                                 f"surplus {list((found - wanted).items())[:3]}")
        assert len({action["id"] for action in actions}) == len(actions)
        assert not made.records(f"{APP}.dead-letters")
        one.stop()
        print(f"  {orders.count} orders, {wanted.total()} actions", flush=True)


def test_rules_go_with_the_partitions():
    """Who takes a partition over goes on with its rules, whatever stands on the own disk."""
    with shop() as made:
        one, two = made.process("one").start(), made.process("two").start()
        wait_owned([one, two], [2, 2])
        changed = RULES["journeys/order.yaml"].replace(URLS["first"], URLS["again"])
        (one.rules / "journeys/order.yaml").write_text(changed)
        one.process.send_signal(signal.SIGHUP)
        wait_bundle(one, 2)
        one.wait_settled(partitions=2)  # Longer than a commit takes: the state names the rules now.
        one.kill()
        wait_owned([two])
        wait_bundle(two, 2)
        with Orders(made.broker.bootstrap):
            two.wait_for(lambda: two.metric("sojourn_actions_total") >= PARTITIONS, what="actions")
        urls = {action["url"] for action in made.actions()}
        assert URLS["again"] in urls and URLS["first"] not in urls, urls


def test_topics_are_made_on_several_brokers():
    """Also where the broker that is asked afterwards does not know them yet."""
    with KafkaBroker(nodes=3) as broker, tempfile.TemporaryDirectory() as name:
        for number in range(8):
            app = f"app-{number}"
            kafka = {"bootstrap_servers": broker.bootstrap, "partitions": 12}
            made = Sojourn(Path(name) / app, app=app, log="kafka", kafka=kafka)
            assert f"created   {app}.actions" in made.command("kafka", "create-topics").stdout


def test_dead_letters_say_why():
    with shop() as made:
        producer = Producer({"bootstrap.servers": made.broker.bootstrap, "log_level": 0})
        producer.produce(TOPIC, b"no event", b"ann", partition_of(b"ann", PARTITIONS))
        assert producer.flush(30) == 0
        one = made.process("one").start()
        calls = [{"type": "nonsense", "userId": "ann"},
                 {"type": "track", "userId": "ann", "event": "Ping"}]
        status, answer = one.post("/v1/batch", {"batch": calls})
        assert status == 200 and len(json.loads(answer)["rejected"]) == 1, answer
        one.wait_for(lambda: len(made.records(f"{APP}.dead-letters")) == 2, what="both")
        letters = {}
        for record in made.records(f"{APP}.dead-letters"):
            headers = {name: value.decode() for name, value in record.headers()}
            assert headers["reason"] == "undecodable" and headers["message"], headers
            assert abs(int(headers["log_time"]) / 1000 - time.time()) < 300, headers
            letters[headers["topic"]] = (record.value(), headers)
        assert letters.keys() == {TOPIC, "http"}, letters
        assert letters[TOPIC][0] == b"no event" and b"nonsense" in letters["http"][0], letters
        assert letters[TOPIC][1]["offset"] == "0", letters
        assert letters[TOPIC][1]["partition"] == str(partition_of(b"ann", PARTITIONS)), letters
        assert letters["http"][1].keys() == letters[TOPIC][1].keys(), letters


def actions_in_pieces(sojourn, limit):
    """The sizes of the pieces that /-/actions gives, and all lines."""
    token = json.loads((sojourn.data / "instance.json").read_text())["token"]
    sizes, lines, cursors = [], [], ""
    while True:
        request = urllib.request.Request(
            f"http://127.0.0.1:{sojourn.port}/-/actions?limit={limit}&from={cursors}",
            headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            piece = answer.read().decode().splitlines()
            cursors = answer.headers["X-Sojourn-Next"]
        if not piece:
            return sizes, lines
        sizes.append(len(piece))
        lines += piece


def test_actions_come_in_pieces():
    with shop() as made:
        one = made.process("one").start()
        count = 25
        for number in range(count):
            assert one.post("/v1/track", {"userId": "ann", "event": "Order Completed",
                                          "properties": {"order_id": f"o{number}"}})[0] == 200
        one.wait_for(lambda: len(one.actions()) == 2 * count, what="all actions")
        sizes, lines = actions_in_pieces(one, 7)
        assert max(sizes) == 7 and sum(sizes) == 2 * count, sizes
        ids = [json.loads(line)["id"] for line in lines]
        assert len(set(ids)) == 2 * count, ids
        # A broker that goes away keeps nobody waiting for ever.
        made.broker.kill()
        begin = time.monotonic()
        result = one.command("actions", check=False, timeout=150)
        assert result.returncode == 2, result
        assert time.monotonic() - begin < 120, result
        made.broker.restart()


def write_orders(path, count, person):
    path.write_text("".join(json.dumps(
        {"type": "track", "userId": f"{person}{number % PEOPLE}", "event": "Order Completed",
         "timestamp": "2025-05-01T00:00:00Z", "properties": {"order_id": f"o{number}"}}) + "\n"
        for number in range(count)))
    return str(path)


def test_imports():
    with shop() as made:
        one = made.process("one")
        file = write_orders(made.directory / "gone.ndjson", 100_000, "p")
        command = subprocess.Popen([str(binary()), "import", file, "--config", str(one.config)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Each partition is written by itself: begun everywhere, and not done.
        while min(ends(made.broker, f"{APP}.events", PARTITIONS)) < 2:
            assert command.poll() is None, f"ended with {command.returncode} before it was killed"
        command.kill()
        command.wait()
        one.start()
        one.wait_for(lambda: one.metric("sojourn_partition_importing") == PARTITIONS,
                     what="the import")
        result = one.command("import", "--abandon", "--yes")
        assert "is ended" in result.stdout and "stands at event" in result.stderr, result
        one.wait_settled(PARTITIONS)
        assert "nothing to do" in one.command("import", "--abandon").stdout
        result = one.command("import", file, check=False)
        assert result.returncode == 2 and "abandoned as replay" in result.stderr, result.stderr
        # A file that comes once comes in one mode.
        small = write_orders(made.directory / "small.ndjson", 5, "q")
        assert "5 events" in one.command("import", small).stdout
        assert "nothing to do" in one.command("import", small).stdout
        events = ("import", small, "--as", "events", "--yes")
        result = one.command(*events, check=False)
        assert result.returncode == 2 and "imported as history; --again" in result.stderr, result
        assert "5 events" in one.command(*events, "--again").stdout


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
