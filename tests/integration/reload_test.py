#!/usr/bin/env python3
"""Rules change while events stream in: nothing is lost or done twice, what is bad changes nothing."""

import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

PEOPLE = 97
# Of the stream: so many that nobody has 64 runs at a time, where entries are refused.
CUSTOMERS = 1_000
PARTITIONS = 4
BATCH = 20
SITE = "https://shop.example"
LOADED = "sojourn_rules_last_load_successful"

COMPANY = "company: Test Shop\ntimezone: UTC\ncurrency: USD\n"


def order_journey(version, on_change="finish"):
    return f"""\
journey: order
trigger: {{event: Order Completed}}
one_run_per: event.order_id
on_change: {on_change}
steps:
  - id: now
    webhook: {{url: "{SITE}/now/{version}", data: {{order: trigger.order_id}}}}
  - id: pause
    wait: 4 seconds
  - id: later
    webhook: {{url: "{SITE}/later/{version}", data: {{order: trigger.order_id}}}}
"""


TEST_FILE = """\
journeys: [order]
tests:
  - name: an order
    start: 2026-03-02T09:00:00Z
    person: {id: u1}
    events:
      - {at: 0m, track: Order Completed, properties: {order_id: o1}}
    expect: []
    partial: true
"""


class Shop:
    def __init__(self, directory):
        self.rules = directory / "rules"
        (self.rules / "journeys").mkdir(parents=True)
        (self.rules / "tests").mkdir()
        (self.rules / "company.yaml").write_text(COMPANY)
        (self.rules / "tests/order.test.yaml").write_text(TEST_FILE)
        self.journey = self.rules / "journeys/order.yaml"
        self.journey.write_text(order_journey(0))
        self.sojourn = Sojourn(directory / "process", rules=self.rules, partitions=PARTITIONS)

    def loads(self):
        return self.sojourn.metric_by("sojourn_rules_loads_total", "result")

    def reload(self):
        token = json.loads((self.sojourn.data / "instance.json").read_text())["token"]
        status, text = self.sojourn.request("POST", "/-/reload",
                                            headers={"Authorization": f"Bearer {token}"})
        return status, json.loads(text)

    def hang_up(self):
        self.sojourn.process.send_signal(signal.SIGHUP)

    def replace(self, text):
        """As editors and deployments do it: the new file takes the old one's name in one step."""
        beside = self.journey.with_name("order.new")
        beside.write_text(text)
        os.replace(beside, self.journey)

    def wait_loaded(self, good):
        self.sojourn.wait_for(lambda: self.sojourn.metric(LOADED) == (1 if good else 0), 20,
                              "rules in force" if good else "the refusal")

    def bundles(self):
        return {value for _, value in self.sojourn.samples("sojourn_rules_bundle")}

    def wait_version(self, version):
        """Until an order of its own is answered by that version of the journey."""
        number = 0

        def answered():
            nonlocal number
            number += 1
            name = f"probe-{version}-{number}"
            self.sojourn.post("/v1/track", order(name, "probe"))
            time.sleep(0.3)
            return any(url(action) == ("now", str(version)) for action in self.sojourn.actions()
                       if action["person"] == "probe")
        self.sojourn.wait_for(answered, 30, f"version {version} in force")


@contextmanager
def shop():
    with tempfile.TemporaryDirectory(prefix="sojourn-reload-") as name:
        made = Shop(Path(name))
        with made.sojourn:
            yield made


def order(name, person):
    return {"userId": person, "event": "Order Completed", "messageId": f"m-{name}",
            "properties": {"order_id": name}}


def url(action):
    step, version = action["url"].removeprefix(SITE + "/").split("/")
    return step, version


class Orders:
    """Posts orders without a pause as long as the block lasts; knows which were taken.

    A batch whose answer did not come is posted again: it keeps its ids, so it counts once.
    """

    def __init__(self, sojourn):
        self.sojourn = sojourn
        self.count = 0
        self.stopping = threading.Event()
        self.failures = []
        self.thread = threading.Thread(target=self._post)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        assert not self.failures, self.failures[:3]

    def wait_for(self, more):
        goal = self.count + more
        deadline = time.monotonic() + 60
        while self.count < goal:
            assert time.monotonic() < deadline, f"{goal - self.count} of {more} orders not taken"
            time.sleep(0.01)

    def _post(self):
        while not self.stopping.wait(0.01):
            numbers = range(self.count, self.count + BATCH)
            batch = {"batch": [{"type": "track", **order(f"o-{n}", f"person-{n % CUSTOMERS}")}
                               for n in numbers]}
            if self._is_taken(batch):
                self.count += BATCH

    def _is_taken(self, batch):
        while True:
            try:
                status, text = self.sojourn.post("/v1/batch", batch)
            except OSError:  # killed, or not up yet
                time.sleep(0.05)
                continue
            if status == 200:
                return True
            if status != 503:
                self.failures.append((status, text))
                return False


def assert_each_order_is_served_once(made, count):
    """Gives the version that served each step of each order."""
    sojourn = made.sojourn
    sojourn.wait_settled(PARTITIONS)

    def served():
        return [action for action in sojourn.actions() if action["person"].startswith("person-")]
    sojourn.wait_for(lambda: len(served()) >= 2 * count, 60, f"{2 * count} actions")
    actions = served()
    found = Counter((action["person"], action["values"]["data"]["order"], url(action)[0])
                    for action in actions)
    wanted = Counter((f"person-{n % CUSTOMERS}", f"o-{n}", step)
                     for n in range(count) for step in ("now", "later"))
    assert found == wanted, (f"missing {list((wanted - found).items())[:3]}, "
                             f"surplus {list((found - wanted).items())[:3]}")
    assert len({action["id"] for action in actions}) == len(actions)
    versions = {}
    for action in actions:
        step, version = url(action)
        versions.setdefault(action["values"]["data"]["order"], {})[step] = version
    return versions


def refuse_bad_rules(made):
    """Every way in which rules go bad on disk: the old ones serve on, the metric and log say so."""
    good = made.journey.read_text()
    refused = made.loads().get("refused", 0)
    made.journey.write_text(good[:good.index("wait:")])  # a writer in the middle of its work
    made.hang_up()
    made.wait_loaded(False)
    made.journey.write_text(good)
    made.wait_loaded(True)
    made.replace(good.replace("webhook", "webhok"))
    # A good file beside a bad one does not come into force either.
    other = made.rules / "journeys/other.yaml"
    other.write_text(order_journey("other").replace("journey: order", "journey: other"))
    status, answer = made.reload()
    assert status == 400 and "journeys/order.yaml:7:5" in answer["error"], answer
    made.wait_loaded(False)
    assert "the rules have errors; the old ones stay in force" in made.sojourn.log_file.read_text()
    assert made.loads()["refused"] > refused, made.loads()
    other.unlink()
    made.replace(good)
    made.wait_loaded(True)


def test_rules_change_while_events_stream_in():
    with shop() as made:
        with Orders(made.sojourn) as orders:
            orders.wait_for(400)
            made.journey.write_text(order_journey(1))  # seen as a changed file
            made.wait_version(1)
            orders.wait_for(400)
            made.replace(order_journey(2))
            made.hang_up()
            made.wait_version(2)
            refuse_bad_rules(made)
            orders.wait_for(400)
            for version in range(3, 23):
                made.replace(order_journey(version))
                status, answer = made.reload()
                assert status == 200, answer
                orders.wait_for(20)
            made.wait_version(22)
            made.replace(order_journey(1))  # back to rules that were in force before
            assert made.reload()[0] == 200
            made.wait_version(1)
            orders.wait_for(400)
        versions = assert_each_order_is_served_once(made, orders.count)
        assert not any("other" in served.values() for served in versions.values())
        torn = [served for served in versions.values() if served["now"] != served["later"]]
        assert not torn, f"runs that did not finish on their revision: {torn[:3]}"
        seen = {served["now"] for served in versions.values()}
        assert {"0", "1", "2", "22"} <= seen, seen
        print(f"  {orders.count} orders, served by {len(seen)} versions", flush=True)
        made.sojourn.stop()


def test_unchanged_rules_make_no_new_bundle():
    with shop() as made:
        before = made.reload()[1]["bundle"]
        assert made.reload()[1]["bundle"] == before
        test_file = made.rules / "tests/order.test.yaml"
        test_file.write_text(TEST_FILE.replace("an order", "one order"))
        assert made.reload()[1]["bundle"] == before, "a changed test changes no rules"
        made.sojourn.stop()
        made.sojourn.start()
        assert made.reload()[1]["bundle"] == before, "a restart changes no rules"


def test_runs_in_flight_move():
    with shop() as made:
        made.replace(order_journey("old", "move"))
        assert made.reload()[0] == 200
        made.wait_version("old")
        for number in range(PEOPLE):
            made.sojourn.post("/v1/track", order(f"o-{number}", f"person-{number}"))
        made.replace(order_journey("new", "move"))
        assert made.reload()[0] == 200
        versions = assert_each_order_is_served_once(made, PEOPLE)
        laters = Counter(served["later"] for served in versions.values())
        assert laters == {"new": PEOPLE}, laters


def test_killed_amid_changes():
    with shop() as made:
        with Orders(made.sojourn) as orders:
            for version in range(1, 7):
                orders.wait_for(100)
                made.replace(order_journey(version))
                switching = threading.Thread(target=made.hang_up)
                switching.start()
                switching.join()
                time.sleep(0.03 * version)
                made.sojourn.kill()
                if version % 2 == 0:
                    made.replace("journey: order\nsteps: [")
                made.sojourn.start()
                made.sojourn.wait_for(lambda: len(made.bundles()) == 1, 20,
                                      "partitions that agree on the rules")
                assert made.sojourn.metric(LOADED) == (0 if version % 2 == 0 else 1)
            made.replace(order_journey("last"))
            assert made.reload()[0] == 200
            made.wait_version("last")
            orders.wait_for(100)
        versions = assert_each_order_is_served_once(made, orders.count)
        torn = [served for served in versions.values() if served["now"] != served["later"]]
        assert not torn, f"runs that did not finish on their revision: {torn[:3]}"


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
