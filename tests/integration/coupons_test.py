#!/usr/bin/python3
"""Coupons: no listed code is ever given twice, whatever happens, and orders tell what became of them.

Debian's own Python runs this: it has python3-confluent-kafka, an independent Kafka client.
"""

import contextlib
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import binary, run_cases  # noqa: E402
from kafka_broker import KafkaBroker  # noqa: E402
from kafka_events import encode_json, partition_of  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

PARTITIONS = 4
MILLION = 1_000_000
STEPS = 40  # codes that one event asks for
SECRETS = {"coupon_key": "c", "event_id_key": "e", "address_key": "a",
           "link_keys": ["a link key of tests"]}

COMPANY = "company: Test Shop\ntimezone: UTC\n"
MANY = ("journey: many\ntrigger: {event: Ask}\none_run_per: event.number\nsteps:\n"
        + "  - coupon: {pool: spring}\n" * STEPS)


def write(directory, files):
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # As a whole: a process that watches may look at any moment.
        fresh = path.with_name("." + path.name)
        fresh.write_text(text)
        fresh.rename(path)
    return directory


def codes(first, count):
    return [f"SPRING-{number:07}" for number in range(first, first + count)]


def as_csv(listed):
    return "code\n" + "".join(code + "\n" for code in listed)


def reload(sojourn):
    loads = sojourn.metric("sojourn_rules_loads_total")
    sojourn.process.send_signal(signal.SIGHUP)
    sojourn.wait_for(lambda: sojourn.metric("sojourn_rules_loads_total") > loads, what="a reload")
    assert sojourn.metric("sojourn_rules_last_load_successful") == 1, sojourn.log_tail()


def ask(sojourn, first, count):
    """One event each of so many people; gives those that were acknowledged."""
    acknowledged = []
    for at in range(first, first + count, 50):
        people = [f"person-{number}" for number in range(at, min(at + 50, first + count))]
        batch = [{"type": "track", "event": "Ask", "userId": person, "messageId": f"ask-{person}",
                  "properties": {"number": person}} for person in people]
        if sojourn.post("/v1/batch", {"batch": batch})[0] == 200:
            acknowledged += people
    return acknowledged


def coupon_actions(sojourn):
    return [action for action in sojourn.actions() if action["kind"] == "coupon"]


def report(sojourn, pool="spring"):
    pools = json.loads(sojourn.command("coupons", "--json").stdout)["pools"]
    return next(entry for entry in pools if entry["pool"] == pool)


def check_given(actions, listed):
    given = Counter(action["coupon"]["code"] for action in actions)
    twice = [code for code, count in given.items() if count > 1]
    assert not twice, f"{len(twice)} of {len(given)} codes were given twice: {twice[:3]}"
    strange = set(given) - set(listed)
    assert not strange, f"not in the list: {sorted(strange)[:3]}"
    return set(given)


def check_report(sojourn, listed, given):
    told = report(sojourn)
    assert told["kind"] == "list" and told["codes"] == len(listed), told
    assert told["allotted"] == len(given) and told["remaining"] == len(listed) - len(given), told
    parts = told["partitions"]
    assert len(parts) == PARTITIONS
    for key in ("codes", "allotted", "remaining"):
        assert sum(part[key] for part in parts) == told[key], told
    for part in parts:
        assert part["codes"] == part["allotted"] + part["remaining"], part
    return told


@contextlib.contextmanager
def shop(files, **settings):
    with tempfile.TemporaryDirectory(prefix="sojourn-coupons-") as name:
        directory = Path(name)
        rules = write(directory / "rules", {"company.yaml": COMPANY, **files})
        sojourn = Sojourn(directory / "shop", rules=rules, partitions=PARTITIONS, secrets=SECRETS,
                          app="coupons", **settings)
        sojourn.rules = rules
        try:
            yield sojourn
        finally:
            sojourn.__exit__()


def test_a_million_codes_survive_kills_and_a_refill():
    """Killed three times while it gives, refilled while it runs: no code twice, and none lost."""
    listed = codes(0, MILLION)
    pool = "coupon_pool: spring\nfile: spring.csv\n"
    with shop({"coupons/spring.yaml": pool, "coupons/spring.csv": as_csv(listed),
               "journeys/many.yaml": MANY}) as sojourn:
        sojourn.start()
        acknowledged = []
        for turn in range(3):
            acknowledged += ask(sojourn, 300 * turn, 300)
            time.sleep(0.05 + 0.15 * turn)
            sojourn.kill()
            sojourn.start()
        # What came last stands in the list before the rest, and a second file comes along.
        listed = codes(2 * MILLION, 1000) + listed + codes(3 * MILLION, 1000)
        size_before = sum(path.stat().st_size for path in sojourn.data.rglob("*.log"))
        write(sojourn.rules, {
            "coupons/spring.csv": as_csv(listed[:-1000]), "coupons/more.csv": as_csv(listed[-1000:]),
            "coupons/spring.yaml": "coupon_pool: spring\nfiles: [spring.csv, more.csv]\n"})
        acknowledged += ask(sojourn, 900, 150)
        reload(sojourn)
        acknowledged += ask(sojourn, 1050, 150)
        sojourn.kill()
        sojourn.start()
        sojourn.wait_settled(PARTITIONS)
        actions = coupon_actions(sojourn)
        given = check_given(actions, listed)
        assert set(codes(2 * MILLION, 1000)) & given, "the refill was not found"
        by_person = Counter(action["person"] for action in actions)
        assert by_person == Counter({person: STEPS for person in acknowledged}), "lost or twice"
        check_report(sojourn, listed, given)
        remaining = sojourn.metric("sojourn_coupons_remaining")
        assert remaining == len(listed) - len(given), remaining
        print(f"  {len(given)} codes given; {sojourn.resident_bytes() >> 20} MiB resident, log "
              f"files before the refill {size_before >> 20} MiB")


def test_a_list_is_given_to_its_last_code():
    listed = codes(0, 16_000)
    pool = "coupon_pool: spring\nfile: spring.csv\nlow_at: 2000\n"
    with shop({"coupons/spring.yaml": pool, "coupons/spring.csv": as_csv(listed),
               "journeys/many.yaml": MANY}) as sojourn:
        sojourn.start()
        low = "sojourn_coupon_pool_low"
        sojourn.wait_for(lambda: sojourn.metric("sojourn_coupons_remaining") == 16_000)
        assert sojourn.metric(low) == 0
        ask(sojourn, 0, 250)
        sojourn.kill()
        sojourn.start()
        ask(sojourn, 250, 250)
        sojourn.wait_settled(PARTITIONS)
        assert check_given(coupon_actions(sojourn), listed) == set(listed)
        assert sojourn.metric("sojourn_coupons_remaining") == 0 and sojourn.metric(low) == 1
        assert sojourn.metric_by("sojourn_coupon_pool_empty_total", "pool")["spring"] > 0
        assert "a coupon pool has few codes left" in sojourn.log_file.read_text()
        refilled = listed + codes(50_000, 500)
        write(sojourn.rules, {"coupons/spring.csv": as_csv(refilled)})
        reload(sojourn)
        ask(sojourn, 500, 100)
        sojourn.wait_settled(PARTITIONS)
        assert check_given(coupon_actions(sojourn), refilled) == set(refilled)
        sojourn.stop()
        check_report(sojourn, refilled, set(refilled))  # of the directory itself


OFFER = """\
journey: offer
trigger: {event: Ask}
one_run_per: event.number
steps:
  - ab_test: gift
    paths:
      - name: list
        percent: 50
        steps: [{id: listed, coupon: {pool: spring, expires_after: 30 days}}]
      - name: made
        percent: 50
        steps: [{id: made, coupon: {pool: made, expires_after: 30 days}}]
  - wait: 30 days
"""
SHORT = """\
journey: short
trigger: {event: Hurry}
steps:
  - id: now
    coupon: {pool: hurry, expires_after: 1 second}
"""
THANKS = """\
journey: thanks
trigger: {event: Coupon Redeemed, where: '!event.again'}
one_run_per: event.order_id
steps:
  - webhook:
      url: https://shop.example/thanks
      data: {pool: event.pool, code: event.code, journey: event.journey, step: event.step,
             path: 'event.?path.orValue("")', order: event.order_id, total: event.total,
             expired: event.expired}
"""


def order(person, number, code, total=20.0):
    return {"type": "track", "event": "Order Completed", "userId": person, "messageId": number,
            "properties": {"order_id": number, "total": total, "coupon": code}}


def test_redemptions_are_attributed():
    people = 60
    with shop({"coupons/spring.yaml": "coupon_pool: spring\nfile: spring.csv\n",
               "coupons/spring.csv": as_csv(codes(0, 1000)),
               "coupons/made.yaml": "coupon_pool: made\ngenerate: {prefix: \"M-\"}\n",
               "coupons/hurry.yaml": "coupon_pool: hurry\nstatic: HURRY\n",
               "journeys/offer.yaml": OFFER, "journeys/short.yaml": SHORT,
               "journeys/thanks.yaml": THANKS}) as sojourn:
        sojourn.start()
        ask(sojourn, 0, people)
        assert sojourn.post("/v1/batch", {"batch": [
            {"type": "track", "event": "Hurry", "userId": "late", "messageId": "h"}]})[0] == 200
        sojourn.wait_settled(PARTITIONS)
        held = {action["person"]: action for action in coupon_actions(sojourn)}
        assert len(held) == people + 1
        batch, redeemed = [], {}
        for number in range(0, people, 2):
            person = f"person-{number}"
            code = held[person]["coupon"]["code"]
            batch.append(order(person, f"order-{number}", f" {code.lower()} ", 10.0 + number))
            redeemed[person] = 10.0 + number
        batch.append(order("person-0", "again", held["person-0"]["coupon"]["code"]))
        batch.append(order("person-1", "forwarded", held["person-3"]["coupon"]["code"]))
        batch.append(order("late", "late", "HURRY", 77.0))
        assert sojourn.post("/v1/batch", {"batch": batch})[0] == 200
        sojourn.kill()  # nothing is counted twice or not at all
        sojourn.start()
        sojourn.wait_settled(PARTITIONS)

        thanks = {action["person"]: action["values"]["data"] for action in sojourn.actions()
                  if action.get("url", "").endswith("/thanks")}
        assert set(thanks) == set(redeemed) | {"late"}, sorted(thanks)
        wanted = {"spring": Counter(), "made": Counter()}
        for person, total in redeemed.items():
            action, data = held[person], thanks[person]
            path = action["paths"]["gift"]
            assert data == {"pool": action["coupon"]["pool"], "code": action["coupon"]["code"],
                            "journey": "offer", "step": action["step"], "path": f"gift.{path}",
                            "order": data["order"], "total": total, "expired": False}, data
            wanted[data["pool"]]["redeemed"] += 1
            wanted[data["pool"]]["redeemed_total"] += total
        assert thanks["late"]["expired"] is True and thanks["late"]["path"] == ""
        for action in held.values():
            if action["person"] != "late":
                wanted[action["coupon"]["pool"]]["allotted"] += 1
        for pool, path in (("spring", "gift.list"), ("made", "gift.made")):
            told = report(sojourn, pool)
            assert wanted[pool]["redeemed"] > 5
            assert [{key: source[key] for key in ("journey", "path", *wanted[pool])}
                    for source in told["sources"]] == [
                        {"journey": "offer", "path": path, **wanted[pool]}], told
        hurry = report(sojourn, "hurry")
        assert (hurry["kind"], hurry["redeemed"], hurry["redeemed_expired"]) == ("static", 0, 1)
        check_exports(sojourn, held, redeemed)
        check_redemption_metrics(sojourn, held)
        text = sojourn.command("coupons").stdout
        assert "offer (gift.list)" in text and "too late" in text, text
        explained = sojourn.command("explain", "person-0").stdout
        assert "redeemed" in explained and "used again" in explained, explained
        running = sojourn.command("coupons", "--json").stdout
        exported = sojourn.command("coupons", "export", "spring").stdout
        sojourn.stop()
        assert sojourn.command("coupons", "--json").stdout == running
        assert sojourn.command("coupons", "export", "spring").stdout == exported
        nobody = sojourn.command("coupons", "export", "sprong", check=False)
        assert nobody.returncode == 2 and "no coupon pool" in nobody.stderr, nobody


def check_exports(sojourn, held, redeemed):
    rows = list(csv.DictReader(io.StringIO(sojourn.command("coupons", "export", "spring").stdout)))
    assert [row["code"] for row in rows] == codes(0, 1000)
    by_person = {row["person"]: row for row in rows if row["person"]}
    listed = {person: action for person, action in held.items()
              if action["coupon"]["pool"] == "spring"}
    assert set(by_person) == set(listed)
    for person, row in by_person.items():
        assert row["code"] == listed[person]["coupon"]["code"]
        assert (row["journey"], row["step"], row["path"]) == ("offer", "listed", "gift.list"), row
        assert row["state"] == ("redeemed" if person in redeemed else "allotted"), row
        assert bool(row["redeemed_at"]) == (person in redeemed) and row["expires_at"]
    assert sum(row["state"] == "available" for row in rows) == 1000 - len(listed)
    made = sojourn.command("coupons", "export", "made", "--codes").stdout.splitlines()
    assert sorted(made) == sorted(action["coupon"]["code"] for action in held.values()
                                  if action["coupon"]["pool"] == "made")
    assert sojourn.command("coupons", "export", "hurry", "--codes").stdout == "HURRY\n"


def check_redemption_metrics(sojourn, held):
    name = "sojourn_coupon_redemptions_total"
    # Since the last start; the first orders may have been handled before.
    outcomes = sojourn.metric_by(name, "outcome")
    assert set(outcomes) <= {"redeemed", "again", "expired", "unknown"}, outcomes
    for labels, _ in sojourn.samples(name):
        if labels["outcome"] in ("redeemed", "again"):
            assert labels["journey"] == "offer" and labels["path"] in ("gift.list", "gift.made")
    # Somebody else's code is nobody's here.
    code = held["person-3"]["coupon"]["code"]
    before = outcomes.get("unknown", 0)
    assert sojourn.post("/v1/batch", {"batch": [order("person-5", "stray", code)]})[0] == 200
    sojourn.wait_for(
        lambda: sojourn.metric_by(name, "outcome").get("unknown", 0) == before + 1,
        what="a forwarded code")


def check(rules):
    result = subprocess.run([str(binary()), "check", str(rules)], capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


def test_after_a_restore_lists_give_no_code_until_they_may():
    """What was given since the backup would be found again by the same search."""
    listed = codes(0, 200)
    files = {"coupons/spring.yaml": "coupon_pool: spring\nfile: spring.csv\n",
             "coupons/spring.csv": as_csv(listed),
             "journeys/one.yaml": "journey: one\ntrigger: {event: Ask}\none_run_per: event.number\n"
                                  "steps: [{coupon: {pool: spring}}]\n"}
    with shop(files) as sojourn:
        sojourn.start()
        ask(sojourn, 0, 20)
        sojourn.wait_settled(PARTITIONS)
        before = check_given(coupon_actions(sojourn), listed)
        backup = sojourn.directory / "backup"
        sojourn.command("backup", str(backup))
        ask(sojourn, 20, 20)
        sojourn.wait_settled(PARTITIONS)
        lost = check_given(coupon_actions(sojourn), listed) - before
        assert len(lost) == 20, lost
        sojourn.kill()
        shutil.rmtree(sojourn.data)

        told = sojourn.command("restore", str(backup)).stdout
        assert "the list spring had 180 of 200 codes left" in told, told
        sojourn.start()
        assert "coupons resume" in sojourn.log_tail(), sojourn.log_tail()
        ask(sojourn, 40, 20)
        sojourn.wait_settled(PARTITIONS)
        assert check_given(coupon_actions(sojourn), listed) == before
        assert sojourn.metric("sojourn_coupon_pool_empty_total") == 20
        assert json.loads(sojourn.command("coupons", "--json").stdout)["lists_held"]
        assert "coupons resume" in sojourn.command("coupons").stdout
        running = sojourn.command("coupons", "resume", check=False)
        assert running.returncode == 2 and "stop it first" in running.stderr, running

        sojourn.stop()
        left = [code for code in listed if code not in lost]
        write(sojourn.rules, {"coupons/spring.csv": as_csv(left)})
        assert "give codes again" in sojourn.command("coupons", "resume").stdout
        assert "no list is held back" in sojourn.command("coupons", "resume").stdout
        sojourn.start()
        ask(sojourn, 60, 20)
        sojourn.wait_settled(PARTITIONS)
        after = check_given(coupon_actions(sojourn), left)
        assert len(after) == 40 and not after & lost, after & lost


def test_what_is_wrong_with_a_list_is_told_by_line():
    with tempfile.TemporaryDirectory(prefix="sojourn-coupons-") as name:
        rules = write(Path(name) / "rules", {
            "company.yaml": COMPANY,
            "coupons/a.yaml": "coupon_pool: a\nfile: a.csv\nlow_att: 5\n",
            "coupons/a.csv": "Code,Amount\nONE,10\nTWO WORDS,10\nTHREE,10\nONE,20\n",
            "coupons/b.yaml": "coupon_pool: b\nfiles: [b.csv, gone.csv]\n",
            "coupons/b.csv": "code\n\n"})
        code, text = check(rules)
        assert code == 1, text
        for line in ("coupons/a.csv:3:1", "coupons/a.csv:5:1", "also in coupons/a.csv:2",
                     "coupons/a.yaml:3:1", "low_at", 'the file "b.csv" holds no code',
                     'there is no file "gone.csv"'):
            assert line in text, (line, text)
        write(rules, {"coupons/a.yaml": "coupon_pool: a\nfile: a.csv\n",
                      "coupons/a.csv": "ONE\nTWO\n",
                      "coupons/b.yaml": "coupon_pool: b\ncodes: [TWO, THREE]\n"})
        code, text = check(rules)
        assert code == 0 and "J112" in text and "coupons/b.yaml:1:" in text, text


def test_codes_are_remembered_over_kafka_and_by_a_move_there():
    """The local state is thrown away, and a directory moves to another number of partitions."""
    listed = codes(0, 30_000)
    files = {"coupons/spring.yaml": "coupon_pool: spring\nfile: spring.csv\n",
             "coupons/spring.csv": as_csv(listed), "journeys/many.yaml": MANY}
    with KafkaBroker() as broker, shop(files) as old:
        old.start()
        ask(old, 0, 150)
        old.wait_settled(PARTITIONS)
        old.stop()
        before = check_given(coupon_actions(old), listed)
        partitions = 3
        topic = "coupons-web"
        broker.create_topic(topic, partitions)
        kafka = {"bootstrap_servers": broker.bootstrap, "instance": "new", "partitions": partitions,
                 "inputs": [{"topic": topic, "format": "json"}]}
        new = Sojourn(old.directory.parent / "new", rules=old.rules, app="coupons", log="kafka",
                      kafka=kafka, secrets=SECRETS)
        producer = Producer({"bootstrap.servers": broker.bootstrap})

        def ask_there(first, count):
            for number in range(first, first + count):
                person = f"person-{number}"
                event = {"type": "track", "event": "Ask", "userId": person,
                         "messageId": f"ask-{person}", "properties": {"number": person}}
                producer.produce(topic, encode_json(event), person.encode(),
                                 partition_of(person.encode(), partitions))
            assert producer.flush(30) == 0

        with contextlib.ExitStack() as stack:
            stack.callback(new.__exit__)
            new.command("kafka", "create-topics")
            new.command("migrate-to-kafka", "--from", str(old.data))
            assert report(new)["allotted"] == len(before)
            new.start()
            ask_there(150, 150)
            time.sleep(0.3)
            new.kill()
            shutil.rmtree(new.data / "state", ignore_errors=True)
            new.start()
            new.wait_settled(partitions)
            after = check_given(coupon_actions(new), listed)
            assert len(after) == 150 * STEPS and not after & before, len(after & before)
            new.stop()
            for path in new.data.iterdir():  # everything that is local but the keys
                if path.is_dir():
                    shutil.rmtree(path)
            new.start()
            ask_there(300, 100)
            new.wait_settled(partitions)
            after = check_given(coupon_actions(new), listed)
            assert len(after) == 250 * STEPS and not after & before
            told = report(new)
            assert told["allotted"] == len(after) + len(before), told
            assert told["remaining"] == len(listed) - len(after) - len(before), told


if __name__ == "__main__":
    os.environ.setdefault("TZ", "UTC")
    sys.exit(run_cases(globals()))
