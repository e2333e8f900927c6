#!/usr/bin/env python3
"""simulate, explain and plan on the real binary: files, data directories and running processes."""

import json
import sys
import tempfile
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

BEGIN = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)

FILES = {
    "company.yaml": "company: Test Shop\ntimezone: UTC\n"
                    "frequency_caps: [{max: 1, per: 7 days}]\n",
    "journeys/cart.yaml": "journey: cart\ntrigger: {event: Checkout Started, where: event.value >= 20}\n"
                          "exit_on: [{event: Order Completed}]\n"
                          "steps:\n  - {id: pause, wait: 2 hours}\n"
                          "  - {id: remind, send_email: reminder}\n  - {id: rest, wait: 9 days}\n",
    "journeys/welcome.yaml": "journey: welcome\ntrigger: {event: Signed Up}\n"
                             "steps:\n  - {id: hello, send_email: hello}\n",
    "coupons/few.yaml": "coupon_pool: few\ncodes: [ONE, TWO]\n",
    "segments/buyers.yaml": 'segment: buyers\nwhere: count("Order Completed", ever) >= 1\n',
    "templates/reminder.liquid": "---\ntemplate: reminder\nsubject: Your cart\n---\nHi\n",
    "templates/hello.liquid": "---\ntemplate: hello\nsubject: Hello\n---\nHi\n",
}


# Whoever came to its last step in 2026 is still there.
LASTING = {"journeys/cart.yaml": FILES["journeys/cart.yaml"].replace("9 days", "500 weeks")}


def write_rules(directory, **changes):
    for name, text in {**FILES, **changes}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            path.write_text(text)
    return directory


def at(hours):
    return (BEGIN + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def call(person, event, hours, **properties):
    return {"type": "track", "userId": person, "event": event, "timestamp": at(hours),
            "messageId": f"{person}-{event}-{hours}", "properties": properties}


def identify(person, hours):
    return {"type": "identify", "userId": person, "timestamp": at(hours),
            "messageId": f"{person}-identify", "traits": {"email": f"{person}@shop.example"}}


CALLS = [
    identify("ann", 0), identify("bob", 0), identify("eve", 0),
    call("ann", "Checkout Started", 1, value=50.0),
    call("bob", "Checkout Started", 1, value=10.0),
    call("eve", "Checkout Started", 1, value=30.0),
    call("eve", "Order Completed", 2, total=30.0),
    call("ann", "Signed Up", 5),
]


@contextmanager
def place():
    with tempfile.TemporaryDirectory(prefix="sojourn-insight-") as name:
        root = Path(name)
        rules = write_rules(root / "rules")
        events = root / "events.ndjson"
        events.write_text("".join(json.dumps(one) + "\n" for one in CALLS))
        # What is replayed is late by now; nothing is to be sent.
        sojourn = Sojourn(root / "process", rules=rules, partitions=2)
        try:
            yield root, sojourn, events
        finally:
            sojourn.__exit__()


def simulate(sojourn, *arguments):
    result = sojourn.command("simulate", *arguments, "--format", "json")
    return json.loads(result.stdout)


def sends(report, journey):
    return {one["name"]: one["count"] for one in report["journeys"][journey]["actions"]}


def test_simulate_a_file():
    with place() as (_, sojourn, events):
        report = simulate(sojourn, "--events", str(events))
        assert report["events"] == len(CALLS) and report["people"] == 3, report
        cart = report["journeys"]["cart"]
        assert cart["entered"] == 2 and cart["exited"] == {"event": 1}, cart
        assert sends(report, "cart") == {"reminder": 1}, cart
        # The reminder came before, and the cap holds the hello back.
        assert report["journeys"]["welcome"]["skipped"] == {"frequency_cap": 1}, report
        text = sojourn.command("simulate", "--events", str(events)).stdout
        assert "Nothing was sent." in text and "1  reminder to 1 person" in text, text
        assert not sojourn.data.exists(), "a file needs no data directory"


def test_simulate_says_nothing_of_the_time_after_the_last_event_unless_asked():
    with place() as (_, sojourn, events):
        assert simulate(sojourn, "--events", str(events), "--to", at(2))["journeys"]["cart"][
            "running"] == 1
        later = simulate(sojourn, "--events", str(events), "--until", at(24 * 30))
        assert later["journeys"]["cart"]["running"] == 0, later
        assert later["journeys"]["cart"]["exited"]["completed"] == 1, later


def test_simulate_against_other_rules():
    with place() as (root, sojourn, events):
        old = write_rules(root / "old", **{
            "journeys/cart.yaml": FILES["journeys/cart.yaml"].replace(">= 20", ">= 5"),
            "journeys/welcome.yaml": None})
        report = simulate(sojourn, "--events", str(events), "--against", str(old))
        change = {one["name"]: one for one in report["against"]["journeys"]["cart"]}["reminder"]
        assert (change["before"], change["now"]) == (2, 1), change
        assert change["no_longer_sample"] == ["bob"] and change["newly"] == 0, change
        assert report["against"]["mailed"]["no_longer_sample"] == ["bob"], report
        again = sojourn.command("simulate", "--events", str(events), "--against", str(old)).stdout
        assert again == sojourn.command("simulate", "--events", str(events), "--against",
                                        str(old)).stdout
        assert "no longer 1 person: bob" in again, again


def test_simulate_a_log_at_rest_and_at_work():
    with place() as (_, sojourn, events):
        sojourn.command("import", str(events))
        at_rest = simulate(sojourn)
        assert at_rest["events"] == len(CALLS), at_rest
        assert sends(at_rest, "cart") == {"reminder": 1}, at_rest
        sojourn.start()
        sojourn.wait_settled(2)
        at_work = simulate(sojourn)
        assert at_work == at_rest
        sojourn.stop()


def test_simulate_refuses():
    with place() as (root, sojourn, events):
        def refusal(*arguments):
            result = sojourn.command("simulate", *arguments, check=False)
            assert result.returncode == 2, (arguments, result.returncode, result.stdout)
            return result.stderr
        assert "write a moment" in refusal("--events", str(events), "--from", "yesterday")
        assert "no time between" in refusal("--events", str(events), "--from", "2026-04-01", "--to",
                                            "2026-03-01")
        assert "has no event of that time" in refusal("--events", str(events), "--to", "2020-01-01")
        broken = write_rules(root / "broken", **{"journeys/cart.yaml": "journey: cart\nsteps: 1\n"})
        assert "have mistakes" in refusal("--events", str(events), "--against", str(broken))
        bad = root / "bad.ndjson"
        bad.write_text("no event\n" + json.dumps(CALLS[0]) + "\n")
        result = sojourn.command("simulate", "--events", str(bad), check=False)
        assert result.returncode == 1 and "bad.ndjson:1:" in result.stderr, result.stderr


def test_explain_at_rest_and_at_work():
    with place() as (_, sojourn, events):
        sojourn.command("import", str(events))
        sojourn.start()
        sojourn.wait_settled(2)
        at_work = sojourn.command("explain", "ann").stdout
        for part in ("cart/trigger: event.value >= 20: true", "cart/pause: waits (wait) until",
                     "cart/remind: sends reminder to ann@shop.example  [journeys/cart.yaml:6]",
                     "welcome/hello: skipped: frequency_cap: 1 of at most 1 in 1 week",
                     "company.yaml:3]", "ann-Signed Up-5"):
            assert part in at_work, f"{part!r} is not in\n{at_work}"
        assert "stored" not in at_work, at_work
        missed = sojourn.command("explain", "bob", "--template", "reminder").stdout
        assert "its step was never reached" in missed, missed
        assert "event.value >= 20: false (event.value = 10" in missed, missed
        sojourn.stop()
        at_rest = sojourn.command("explain", "ann").stdout
        assert at_rest == at_work, at_rest
        as_json = json.loads(sojourn.command("explain", "ann", "--format", "json").stdout)
        assert as_json["past_known"] and as_json["state"]["traits"], as_json
        nobody = sojourn.command("explain", "zoe").stdout
        assert "Nobody of the id zoe is known." in nobody, nobody


def test_explain_goes_by_the_rules_in_force_at_each_moment():
    with place() as (root, sojourn, _):
        sojourn.start()
        for one in (identify("ann", 0), call("ann", "Signed Up", 1)):
            one.pop("timestamp")
            assert sojourn.post("/v1/" + one.pop("type"), one)[0] == 200
        sojourn.wait_for(lambda: len(sojourn.actions()) == 1, what="the hello")
        write_rules(root / "rules", **{
            "journeys/welcome.yaml": FILES["journeys/welcome.yaml"].replace(
                "steps", "only_if: person.vip == true\nsteps")})
        sojourn.wait_for(lambda: "new rules" in sojourn.command("explain", "ann").stdout,
                         what="the new rules")
        body = call("ann", "Signed Up", 9)
        body.pop("timestamp")
        body.pop("type")
        assert sojourn.post("/v1/track", body)[0] == 200
        sojourn.wait_for(lambda: "entry refused: only_if" in sojourn.command("explain", "ann").stdout,
                         what="the refusal")
        text = sojourn.command("explain", "ann").stdout
        assert text.index("sends hello") < text.index("new rules in force") < text.index(
            "entry refused: only_if"), text
        sojourn.stop()


def test_explain_when_the_log_has_lost_the_past():
    with place() as (root, sojourn, events):
        write_rules(root / "rules", **LASTING)
        sojourn.command("import", str(events))
        sojourn.start()
        sojourn.wait_settled(2)
        sojourn.stop()
        sojourn.settings["retention_hours"] = 0
        sojourn.write_config()
        sojourn.start()
        sojourn.wait_for(lambda: "does not hold all" in sojourn.command("explain", "ann").stdout,
                         timeout=30, what="retention")
        text = sojourn.command("explain", "ann").stdout
        assert "cart waits at rest, until" in text and "email: " in text, text
        assert "trigger" not in text, text
        sojourn.stop()


def test_explain_a_file():
    with place() as (_, sojourn, events):
        text = sojourn.command("explain", "eve", "--events", str(events)).stdout
        assert "cart: exits: event" in text and "eve-Order Completed-2" in text, text
        result = sojourn.command("explain", "eve", "--journey", "card", check=False)
        assert result.returncode == 2, result.stderr
        result = sojourn.command("explain", "eve", "--journey", "card", "--events", str(events),
                                 check=False)
        assert 'did you mean "cart"?' in result.stderr, result.stderr


def test_plan():
    with place() as (root, sojourn, events):
        write_rules(root / "rules", **LASTING)
        sojourn.command("import", str(events))
        sojourn.start()
        sojourn.wait_settled(2)
        new = write_rules(root / "new", **{
            "journeys/cart.yaml": LASTING["journeys/cart.yaml"].replace("500 weeks", "8 days"),
            "journeys/vip.yaml": "journey: vip\ntrigger: {enters_segment: buyers}\n"
                                 "steps: [{send_email: hello}]\n",
            "segments/often.yaml": 'segment: often\nwhere: count("Signed Up", days(9)) >= 3\n'})
        arguments = ("plan", str(root / "rules"), str(new), "--data", str(sojourn.data))
        at_work = sojourn.command(*arguments).stdout
        for part in ("step rest changed", "cart at rest", "1 run: finish on their revision",
                     "of segment buyers, 1 member is left out", "segments/often.yaml:2"):
            assert part in at_work, f"{part!r} is not in\n{at_work}"
        sojourn.stop()
        assert sojourn.command(*arguments).stdout == at_work
        assert sojourn.command(*arguments, "--strict", check=False).returncode == 3
        moved = write_rules(root / "moved", **{
            "journeys/cart.yaml": FILES["journeys/cart.yaml"].replace(
                "id: rest", "id: nap").replace("steps:", "on_change: move\nsteps:")})
        result = sojourn.command("plan", str(root / "rules"), str(moved), check=False)
        assert result.returncode == 1, result.stdout
        assert "journeys/cart.yaml:4:1: error: " in result.stdout, result.stdout


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
