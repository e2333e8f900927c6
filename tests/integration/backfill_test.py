#!/usr/bin/env python3
"""`sojourn backfill`: counters of new rules, filled from the log of an instance with a past.

Whatever happened meanwhile, everybody ends as under an instance that had the rules from the beginning.
"""

import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import binary, run_cases  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

PARTITIONS = 4
URL = "https://shop.example/often"
CHECK_URL = "https://shop.example/check"

COMPANY = {"company.yaml": "company: Test Shop\ntimezone: UTC\ncurrency: USD\n"}
# What is asked shows the counter: each Check gives one webhook with what has been counted.
CHECK = {"journeys/check.yaml": f"""
journey: check
trigger: {{event: Check}}
steps:
  - webhook:
      url: "{CHECK_URL}"
      data:
        bought: count("Bought", days(90))
        large: count("Bought", ever, event.total > 40)
        total: sum("Bought", ever, event.total)
"""}
OFTEN = {
    "segments/often.yaml": 'segment: often\nwhere: count("Bought", days(90)) >= 2\n',
    "journeys/often.yaml": f'journey: often\ntrigger: {{enters_segment: often}}\n'
                           f'steps:\n  - webhook: {{url: "{URL}"}}\n',
}
NEW = {**CHECK, **OFTEN}


def write_rules(directory, files):
    for name in ("segments", "journeys"):
        for old in (directory / name).glob("*.yaml"):
            old.unlink()
    for name, text in {**COMPANY, **files}.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)


@contextmanager
def shop(files=None, **settings):
    with tempfile.TemporaryDirectory(prefix="sojourn-backfill-") as name:
        rules = Path(name) / "rules"
        write_rules(rules, files or {})
        sojourn = Sojourn(Path(name) / "process", rules=rules, **settings)
        sojourn.rules = rules
        try:
            yield sojourn
        finally:
            sojourn.__exit__()


def load(sojourn, files):
    """Puts other rules into force, as marketers do, and waits for them."""
    def bundles():
        return sorted(sojourn.metric_by("sojourn_rules_bundle", "partition").values())

    sojourn.wait_for(lambda: len(bundles()) == PARTITIONS, what="the old rules")
    before = bundles()[-1]
    write_rules(sojourn.rules, files)
    sojourn.wait_for(lambda: bundles()[0] > before, what="the new rules")


def bought(person, total, name=None, days_ago=None):
    call = {"type": "track", "userId": person, "event": "Bought", "properties": {"total": total}}
    if name:
        call["messageId"] = name
    if days_ago:
        call["timestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                          time.gmtime(time.time() - days_ago * 86400))
    return call


def send(sojourn, calls):
    for begin in range(0, len(calls), 100):
        assert sojourn.post("/v1/batch", {"batch": calls[begin:begin + 100]})[0] == 200


def counted(sojourn, people):
    """What the counters of these people are, by person."""
    already = len(of(sojourn, CHECK_URL))
    send(sojourn, [{"type": "track", "userId": person, "event": "Check"} for person in people])
    sojourn.wait_for(lambda: len(of(sojourn, CHECK_URL)) >= already + len(people),
                     what="the counters")
    latest = {action["person"]: action["values"]["data"] for action in of(sojourn, CHECK_URL)}
    return {person: latest[person] for person in people}


def of(sojourn, url):
    return [action for action in sojourn.actions() if action.get("url") == url]


def past(seed, people=20, events=300):
    """Events with repetitions, late ones and ones that are older than the window."""
    chance = random.Random(seed)
    calls = [{"type": "track", "userId": f"p{n}", "event": "Hello"} for n in range(people)]
    for number in range(events):
        person = f"p{chance.randrange(people)}"
        name = f"id{number}" if chance.random() < 0.7 else None
        days = chance.choice((None, None, chance.randrange(1, 200)))
        call = bought(person, chance.randrange(100), name, days)
        calls.append(call)
        if name and chance.random() < 0.2:
            calls.append(call)
    return calls


def expected(calls, people):
    """The same people where the rules were there from the beginning."""
    with shop(NEW) as fresh, fresh:
        send(fresh, calls)
        fresh.wait_settled(PARTITIONS)
        return counted(fresh, people)


def same(found, wanted):
    different = {person: (found[person], wanted[person]) for person in wanted
                 if found[person] != wanted[person]}
    assert not different, f"found and wanted: {different}"


def people_of(calls):
    return sorted({call["userId"] for call in calls})


# ---- as it is meant to be used -----------------------------------------------------------------

def test_on_a_running_instance():
    calls = past(1)
    people = people_of(calls)
    with shop(OFTEN_LATER) as sojourn, sojourn:
        send(sojourn, calls)
        sojourn.wait_settled(PARTITIONS)
        load(sojourn, NEW)
        later = [bought("p1", 7), bought("p2", 50), bought("new", 3)]
        send(sojourn, later)
        sojourn.wait_settled(PARTITIONS)
        before = counted(sojourn, people)
        result = sojourn.command("backfill", "--dry-run")
        assert result.stdout.startswith("3 counters would be filled from the log:\n"), result.stdout
        assert 'segments/often.yaml:2: segment often: count("Bought", days(90)) >= 2' in \
            result.stdout, result.stdout
        assert 'journey check' in result.stdout and "the log is whole" in result.stdout
        assert '"Bought" for which event.total > 40' in result.stdout, result.stdout
        assert counted(sojourn, people) == before, "a dry run changes nothing"
        for answer in ("n\n", ""):
            result = sojourn.command("backfill", check=False, input=answer)
            assert result.returncode == 1 and "[y/N]" in result.stdout, result.stdout
        result = sojourn.command("backfill", input="y\n")
        assert "done: 3 counters of 21 people" in result.stdout, result.stdout
        sojourn.wait_settled(PARTITIONS)
        same(counted(sojourn, [*people, "new"]), expected(calls + later, [*people, "new"]))
        # Those who are often there by it have not entered; who becomes it from now on does.
        assert {action["person"] for action in of(sojourn, URL)} <= {"p1", "p2"}
        entered = len(of(sojourn, URL))
        send(sojourn, [bought("new", 3)])
        sojourn.wait_for(lambda: len(of(sojourn, URL)) == entered + 1, what="the entry")
        # Twice is once.
        result = sojourn.command("backfill", "--yes")
        assert result.stdout.startswith("no counter is to be filled"), result.stdout
        assert sojourn.command("explain", "p1").returncode == 0


# Loaded before: counts nothing that is asked later.
OFTEN_LATER = {"journeys/other.yaml": 'journey: other\ntrigger: {event: Other}\nsteps:\n'
                                      f'  - webhook: {{url: "{URL}"}}\n'}


def test_at_rest():
    calls = past(2)
    people = people_of(calls)
    with shop(OFTEN_LATER) as sojourn:
        with sojourn:
            send(sojourn, calls)
            sojourn.wait_settled(PARTITIONS)
            load(sojourn, NEW)
            sojourn.stop()
        result = sojourn.command("backfill", "--yes")
        assert "sojourn run takes them in when it starts" in result.stdout, result.stdout
        result = sojourn.command("backfill", "--dry-run")
        assert result.stdout.startswith("no counter is to be filled"), result.stdout
        with sojourn:
            sojourn.wait_settled(PARTITIONS)
            same(counted(sojourn, people), expected(calls, people))
            assert of(sojourn, URL) == []


def test_while_events_arrive():
    calls = past(3, people=10)
    people = people_of(calls)
    with shop(OFTEN_LATER) as sojourn, sojourn:
        send(sojourn, calls)
        load(sojourn, NEW)
        stop = threading.Event()
        live = []

        def keep_sending():
            chance = random.Random(4)
            while not stop.is_set():
                batch = [bought(f"p{chance.randrange(10)}", chance.randrange(100), f"live{len(live)}")
                         for _ in range(20)]
                send(sojourn, batch)
                live.extend(batch)

        sender = threading.Thread(target=keep_sending)
        sender.start()
        try:
            time.sleep(0.5)
            result = sojourn.command("backfill", "--yes")
            assert "done: 3 counters of 10 people" in result.stdout, result.stdout
            time.sleep(0.5)
        finally:
            stop.set()
            sender.join()
        assert len(live) > 40, len(live)
        sojourn.wait_settled(PARTITIONS)
        same(counted(sojourn, people), expected(calls + live, people))


# ---- what may go wrong -------------------------------------------------------------------------

def test_killed_in_the_middle():
    calls = past(5, people=2000, events=20000)
    people = people_of(calls)[:40]
    with shop(OFTEN_LATER) as sojourn:
        sojourn.start()
        send(sojourn, calls)
        sojourn.wait_settled(PARTITIONS)
        load(sojourn, NEW)
        sojourn.wait_settled(PARTITIONS)
        broke_off = 0
        for delay in (0.2, 0.5, 0.8, 1.1, 1.4):
            command = subprocess.Popen(
                [str(binary()), "backfill", "--yes", "--config", str(sojourn.config)],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            time.sleep(delay)
            sojourn.kill()
            broke_off += "done" not in command.communicate(timeout=60)[0]
            # At rest it can break off, too.
            command = subprocess.Popen(
                [str(binary()), "backfill", "--yes", "--config", str(sojourn.config)],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            time.sleep(delay)
            command.send_signal(signal.SIGKILL)
            broke_off += "done" not in command.communicate(timeout=60)[0]
            sojourn.start()
        assert broke_off > 2, "nothing was killed in the middle"
        sojourn.command("backfill", "--yes")
        sojourn.wait_settled(PARTITIONS)
        same(counted(sojourn, people), expected(calls, people))


def test_what_is_refused():
    rules = {**NEW, "segments/above.yaml":
             'segment: above\nwhere: count("Bought", days(9), event.total > person.limit) > 1\n',
             "segments/emitted.yaml": 'segment: emitted\nwhere: count("Noted", days(9)) > 1\n',
             "journeys/note.yaml": "journey: note\ntrigger: {event: Note}\n"
                                   "steps:\n  - emit_event: {name: Noted}\n"}
    with shop(OFTEN_LATER) as sojourn, sojourn:
        send(sojourn, [bought("ann", 9)])
        sojourn.wait_settled(PARTITIONS)
        load(sojourn, rules)
        result = sojourn.command("backfill", "--yes")
        assert '"Bought" for which event.total > person.limit: its condition reads `person`' in \
            result.stdout, result.stdout
        assert '"Noted": journey note emits the event' in result.stdout, result.stdout
        assert "done: 3 counters of 1 person" in result.stdout, result.stdout
        # Nothing else is left: that is told, and is no success.
        result = sojourn.command("backfill", "--yes", check=False)
        assert result.returncode == 1 and "cannot be filled" in result.stdout, result.stdout


def test_wider_windows():
    narrow = {"segments/often.yaml": 'segment: often\nwhere: count("Bought", days(5)) >= 2\n'}
    with shop(narrow) as sojourn, sojourn:
        calls = [bought("ann", 1, None, days) for days in (1, 3, 20, 30)] + [bought("ann", 1)]
        send(sojourn, calls)
        sojourn.wait_settled(PARTITIONS)
        load(sojourn, NEW)
        send(sojourn, [bought("ann", 2)])
        sojourn.wait_settled(PARTITIONS)
        assert counted(sojourn, ["ann"])["ann"]["bought"] < 6
        sojourn.command("backfill", "--yes")
        sojourn.wait_settled(PARTITIONS)
        assert counted(sojourn, ["ann"])["ann"] == {"bought": 6, "large": 0, "total": 7}


def test_rules_that_change_while_it_asks():
    with shop(OFTEN_LATER) as sojourn, sojourn:
        send(sojourn, [bought("ann", 9)])
        sojourn.wait_settled(PARTITIONS)
        load(sojourn, NEW)
        command = subprocess.Popen(
            [str(binary()), "backfill", "--config", str(sojourn.config)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not command.stdout.readline().startswith("segments change silently"):
            assert command.poll() is None
        load(sojourn, CHECK)
        _, error = command.communicate("y\n", timeout=60)
        assert command.returncode == 2 and "other rules were loaded meanwhile" in error, error
        assert counted(sojourn, ["ann"])["ann"]["total"] == 0
        # Rules that are gone for a while do not lose what they count again.
        sojourn.command("backfill", "--yes")
        load(sojourn, OFTEN_LATER)
        send(sojourn, [bought("ann", 5)])
        sojourn.wait_settled(PARTITIONS)
        load(sojourn, NEW)
        sojourn.command("backfill", "--yes")
        sojourn.wait_settled(PARTITIONS)
        assert counted(sojourn, ["ann"])["ann"] == {"bought": 2, "large": 0, "total": 14}


def test_erased_people_stay_forgotten():
    with shop(OFTEN_LATER) as sojourn, sojourn:
        send(sojourn, [bought("ann", 9), bought("bob", 9)])
        send(sojourn, [{"type": "track", "userId": "ann", "event": "Person Erased"},
                       bought("ann", 3)])
        sojourn.wait_settled(PARTITIONS)
        load(sojourn, NEW)
        sojourn.command("backfill", "--yes")
        sojourn.wait_settled(PARTITIONS)
        result = counted(sojourn, ["ann", "bob"])
        assert result["ann"]["total"] == 3 and result["bob"]["total"] == 9, result


def test_a_log_that_has_lost_its_past():
    with shop(OFTEN_LATER, retention_hours=1) as sojourn:
        file = sojourn.directory / "past.ndjson"
        file.write_text("".join(json.dumps(bought(f"p{n % 10}", 9, None, 60 - n / 100)) + "\n"
                                for n in range(100)))
        sojourn.command("import", str(file))
        with sojourn:
            sojourn.wait_settled(PARTITIONS)
            sojourn.stop()
        with sojourn:  # forgets what is old when it starts
            send(sojourn, [bought(f"p{n}", 9) for n in range(10)])
            sojourn.wait_settled(PARTITIONS)
            load(sojourn, NEW)
            send(sojourn, [bought(f"p{n}", 9) for n in range(10)])
            result = sojourn.command("backfill", "--yes")
            assert "the log begins only on " in result.stdout, result.stdout
            assert "what happened before is not counted" in result.stdout, result.stdout
            sojourn.wait_settled(PARTITIONS)
            values = counted(sojourn, [f"p{n}" for n in range(10)]).values()
            assert [value["bought"] for value in values] == [2] * 10, values
            # What counts already is not made poorer.
            load(sojourn, {**NEW, "segments/often.yaml":
                           'segment: often\nwhere: count("Bought", days(91)) >= 2\n'})
            result = sojourn.command("backfill", "--yes", check=False)
            assert result.returncode == 1 and "it has counted before" in result.stdout, \
                result.stdout


def test_before_there_are_rules():
    with shop() as sojourn:
        result = sojourn.command("backfill", check=False)
        assert result.returncode == 2 and len(result.stderr.splitlines()) == 1, result.stderr
        with sojourn:
            result = sojourn.command("backfill", "--yes")
            assert result.stdout.startswith("no counter is to be filled"), result.stdout


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
