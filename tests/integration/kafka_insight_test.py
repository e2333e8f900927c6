#!/usr/bin/python3
"""simulate, explain and preview over the topics of a real broker, while processes run and at rest.

Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import json
import signal
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from kafka_events import partition_of  # noqa: E402
from kafka_shop import PARTITIONS, TOPIC, kafka_shop, wait_owned  # noqa: E402

BEGIN = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
PEOPLE = 500
CART = """\
journey: cart
trigger: {event: Checkout Started, where: event.value >= 20}
exit_on: [{event: Order Completed}]
steps:
  - {id: pause, wait: 2 hours}
  - {id: remind, send_email: reminder}
"""
RULES = {
    "company.yaml": "company: Test Shop\ntimezone: UTC\n",
    "journeys/cart.yaml": CART,
    "templates/reminder.liquid": "---\ntemplate: reminder\nsubject: Your cart\n---\nHi\n",
}


class Calls:
    """Writes records, each to its person's partition, so many hours after BEGIN; None: now."""

    def __init__(self, made):
        self.producer = Producer({"bootstrap.servers": made.broker.bootstrap, "acks": "all",
                                  "linger.ms": 5, "log_level": 0})
        self.count = 0

    def write(self, person, hours, value, kind="track"):
        moment = datetime.now(timezone.utc) if hours is None else BEGIN + timedelta(hours=hours)
        if isinstance(value, dict):
            value = json.dumps({"type": kind, "userId": person, "messageId": f"m-{self.count}",
                                "timestamp": moment.isoformat(), **value}).encode()
        self.producer.produce(TOPIC, value, person.encode(),
                              partition_of(person.encode(), PARTITIONS),
                              timestamp=int(moment.timestamp() * 1000))
        self.producer.poll(0)
        self.count += 1

    def track(self, person, event, hours, **properties):
        self.write(person, hours, {"event": event, "properties": properties})

    def identify(self, person, hours):
        self.write(person, hours, {"traits": {"email": f"{person}@shop.example"}}, "identify")

    def flush(self):
        assert self.producer.flush(60) == 0


def write_checkouts(made):
    """Of PEOPLE: the value goes from 0 to 49, every fifth buys, and one record is no event."""
    calls = Calls(made)
    for number in range(PEOPLE):
        calls.identify(f"p{number}", 0)
    for number in range(PEOPLE):
        calls.track(f"p{number}", "Checkout Started", 1, value=float(number % 50))
    calls.write("p0", 1.5, b"this is no event")
    for number in range(0, PEOPLE, 5):
        calls.track(f"p{number}", "Order Completed", 2, total=1.0)
    # Everybody's clock goes on, so that the reminders become due.
    for number in range(PEOPLE):
        calls.track(f"p{number}", "Product Viewed", 24)
    calls.flush()


def reminded(at_least):
    """Independently of the engine: who has a checkout of that value and buys nothing."""
    return {f"p{number}" for number in range(PEOPLE) if number % 50 >= at_least and number % 5}


def simulate(sojourn, *arguments):
    result = sojourn.command("simulate", *arguments, "--format", "json")
    assert "1 of the records are no events" in result.stderr, result.stderr
    return json.loads(result.stdout)


def sends(report, journey):
    return {one["name"]: one["count"] for one in report["journeys"][journey]["actions"]}


def at(hours):
    return (BEGIN + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def test_simulate_what_the_topics_hold():
    with kafka_shop(RULES) as made:
        write_checkouts(made)
        asker = made.process("asker")
        rules = str(asker.rules)
        report = simulate(asker, "--rules", rules)
        assert report["people"] == PEOPLE, report
        assert report["events"] == 3 * PEOPLE + PEOPLE // 5, report["events"]
        assert sends(report, "cart") == {"reminder": len(reminded(20))}, report
        assert report["journeys"]["cart"]["entered"] == PEOPLE * 30 // 50, report
        # Up to a moment, and counted from one on.
        early = simulate(asker, "--rules", rules, "--to", at(1.25))
        assert early["journeys"]["cart"]["running"] == PEOPLE * 30 // 50, early
        late = simulate(asker, "--rules", rules, "--from", at(1.75))
        assert late["journeys"]["cart"].get("entered", 0) == 0, late
        assert sends(late, "cart") == {"reminder": len(reminded(20))}, late
        # A range of the topics against other rules.
        other = made.directory / "other"
        for name, text in RULES.items():
            (other / name).parent.mkdir(parents=True, exist_ok=True)
            (other / name).write_text(text.replace(">= 20", ">= 40"))
        report = simulate(asker, "--rules", rules, "--against", str(other), "--sample", "1000")
        change = {one["name"]: one for one in report["against"]["journeys"]["cart"]}["reminder"]
        assert set(change["newly_sample"]) == reminded(20) - reminded(40), change
        assert (change["before"], change["now"]) == (len(reminded(40)), len(reminded(20))), change
        assert change["no_longer"] == 0, change


def test_processes_at_work_are_not_disturbed():
    with kafka_shop(RULES) as made:
        write_checkouts(made)
        one = made.process("one").start()
        wait_owned([one])
        one.wait_for(lambda: len(made.actions()) >= len(reminded(20)), what="every reminder")
        asker = made.process("asker")
        report = simulate(asker, "--rules", str(asker.rules))
        assert sends(report, "cart") == {"reminder": len(reminded(20))}, report
        told = asker.command("explain", "p24").stdout
        assert "reminder to p24@shop.example" in told, told
        assert "event.value >= 20" in told and "event.value = 24" in told, told
        wait_owned([one])
        assert len(made.actions()) == len(reminded(20))


def test_explain_goes_by_the_rules_in_force_at_each_moment():
    with kafka_shop(RULES) as made:
        one = made.process("one").start()
        wait_owned([one])
        calls = Calls(made)
        for bundle, threshold in enumerate((20, 45), 1):
            (one.rules / "journeys/cart.yaml").write_text(CART.replace("20", str(threshold)))
            one.process.send_signal(signal.SIGHUP)
            one.wait_for(lambda: {value for _, value in one.samples("sojourn_rules_bundle")} == {bundle},
                         what=f"bundle {bundle}")
            calls.track("ann", "Checkout Started", None, value=30.0)
            calls.flush()
            one.wait_settled(PARTITIONS)
        told = made.process("asker").command("explain", "ann").stdout
        assert told.index("event.value >= 20") < told.index("event.value >= 45"), told
        assert "not known" not in told and "may have been otherwise" not in told, told


def test_preview_for_a_person_whose_state_is_in_the_changelog():
    hello = "---\ntemplate: reminder\nsubject: Your cart\n---\n<p>Dear {{ person.first_name }}</p>\n"
    with kafka_shop({**RULES, "templates/reminder.liquid": hello}) as made:
        calls = Calls(made)
        for name in ("Ana", "Ada"):
            calls.write("ann", None, {"traits": {"email": "ann@shop.example", "first_name": name}},
                        "identify")
        calls.flush()
        one = made.process("one").start()
        wait_owned([one])
        one.wait_settled(PARTITIONS)
        out = ("--out", str(made.directory / "preview"))
        for _ in ("while it runs", "at rest"):
            shown = one.command("preview", "reminder", "--person", "ann", *out).stdout
            assert "Dear Ada" in shown and "ann@shop.example" in shown, shown
            one.stop()
        result = one.command("preview", "reminder", "--person", "bob", *out, check=False)
        assert result.returncode and "there is no person bob" in result.stderr, result.stderr


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
