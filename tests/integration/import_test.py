#!/usr/bin/env python3
"""Files into the engine and people into journeys by hand: what an operator does with real exports."""

import hashlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import binary, run_cases  # noqa: E402
from small_rules import COME_BACK_URL, PING_URL, write_small_rules  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

PARTITIONS = 4
AGAIN_URL = "https://shop.example/again"
ONCE_URL = "https://shop.example/once"
MORE_RULES = {
    # Two orders at least, asked for by an event.
    "journeys/again.yaml": 'journey: again\ntrigger: {event: Check}\n'
                           'only_if: count("Order Completed", ever) >= 2\n'
                           f'steps:\n  - webhook: {{url: "{AGAIN_URL}"}}\n',
    # Enrolments only: nobody sends the event.
    "journeys/once.yaml": "journey: once\ntrigger: {event: Never}\nreentry: never\n"
                          f'steps:\n  - webhook: {{url: "{ONCE_URL}"}}\n',
    "journeys/slow.yaml": "journey: slow\ntrigger: {event: Never}\n"
                          f'steps:\n  - webhook: {{url: "{ONCE_URL}"}}\n  - wait: 1 day\n',
}


@contextmanager
def place(**settings):
    """A Sojourn that does not run yet, over the small rules and some more."""
    with tempfile.TemporaryDirectory(prefix="sojourn-import-") as name:
        rules = write_small_rules(Path(name) / "rules")
        for path, text in MORE_RULES.items():
            (rules / path).write_text(text)
        sojourn = Sojourn(Path(name) / "process", rules=rules, **settings)
        try:
            yield sojourn
        finally:
            sojourn.__exit__()


def text_of(moment):
    """As the engine writes it: milliseconds only where there are any."""
    text = moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "").removesuffix(".000") + "Z"


def moment_of(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def now():
    return datetime.now(timezone.utc)


def order(person, moment):
    return {"type": "track", "userId": person, "event": "Order Completed",
            "timestamp": text_of(moment)}


def ping(person, number, moment):
    return {"type": "track", "userId": person, "event": "Ping", "timestamp": text_of(moment),
            "properties": {"number": f"n{number}"}}


def write_lines(path, calls):
    path.write_text("".join((call if isinstance(call, str) else json.dumps(call)) + "\n"
                            for call in calls))
    return path


def run_until_settled(sojourn):
    """Runs until everything at hand is handled; gives the actions."""
    sojourn.start()
    sojourn.wait_settled(PARTITIONS)
    sojourn.stop()
    return sojourn.actions()


def of(actions, url, person=None):
    return [action for action in actions
            if action.get("url") == url and person in (None, action["person"])]


def complaint(result, *words):
    """The one line with which a command refuses."""
    assert result.returncode == 2, f"{result.returncode}: {result.stdout}{result.stderr}"
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("sojourn: "), result.stderr
    for word in words:
        assert word in lines[0], f"{word!r} is not in: {lines[0]}"


def letters(sojourn):
    result = sojourn.command("dead-letters", "--format", "json")
    return [json.loads(line) for line in result.stdout.splitlines()]


# ---- NDJSON into an empty log ------------------------------------------------------------------

def test_replay_on_the_datas_own_time():
    begin = datetime(2025, 1, 1, 12, tzinfo=timezone.utc)
    with place() as sojourn:
        recent = now() - timedelta(hours=1)
        file = write_lines(sojourn.directory / "old.ndjson", [
            # Out of order, on purpose: they are taken by their time.
            ping("ann", 2, begin + timedelta(days=200)),
            order("ann", begin),
            ping("ann", 1, begin + timedelta(days=1)),
            order("bob", begin),
            order("bob", begin + timedelta(days=89)),
            ping("eve", 3, recent)])
        result = sojourn.command("import", str(file))
        assert "6 events from 2025-01-01T12:00:00" in result.stdout, result.stdout
        assert "late" in result.stdout and "sojourn run" in result.stdout, result.stdout
        actions = run_until_settled(sojourn)
        lapse = timedelta(days=90, milliseconds=1)
        ann = [(action["url"], action["time"]) for action in actions if action["person"] == "ann"]
        assert ann == [(PING_URL, text_of(begin + timedelta(days=1))),
                       (COME_BACK_URL, text_of(begin + lapse)),  # The timer, between two records.
                       (PING_URL, text_of(begin + timedelta(days=200)))], ann
        bob = [(action["url"], action["time"]) for action in actions if action["person"] == "bob"]
        assert bob == [(COME_BACK_URL, text_of(begin + timedelta(days=89) + lapse))], bob
        # Whoever delivers must not send what is long past.
        late = {action["person"]: action.get("late", False) for action in actions}
        assert late == {"ann": True, "bob": True, "eve": False}, late
        lines = sojourn.command("actions").stdout.splitlines()
        assert len(lines) == len(actions) == 5, lines
        for line in lines:
            assert ("late" in line) == (" eve " not in line), line


def test_same_file_twice():
    with place() as sojourn:
        file = write_lines(sojourn.directory / "a.ndjson",
                           [ping("ann", number, datetime(2025, 5, 1, tzinfo=timezone.utc))
                            for number in range(3)])
        sojourn.command("import", str(file))
        before = run_until_settled(sojourn)
        assert len(before) == 3
        for mode in ([], ["--as", "history"]):  # Whatever it is called: the file is known.
            result = sojourn.command("import", str(file), *mode)
            assert "imported before; nothing to do" in result.stdout, result.stdout
        sojourn.start()
        result = sojourn.command("import", str(file))
        assert "imported before; nothing to do" in result.stdout, result.stdout
        sojourn.wait_settled(PARTITIONS)
        assert sojourn.metric("sojourn_records_total") == 0
        assert sojourn.actions() == before
        # Renamed, it is the same file; changed, it is another.
        copy = sojourn.directory / "b.ndjson"
        copy.write_bytes(file.read_bytes())
        assert "nothing to do" in sojourn.command("import", str(copy)).stdout
        copy.write_text(copy.read_text() + "\n")
        assert "3 events" in sojourn.command("import", str(copy)).stdout
        sojourn.wait_settled(PARTITIONS)
        assert sojourn.actions() == before


def test_bad_lines():
    with place() as sojourn:
        day = datetime(2025, 5, 1, tzinfo=timezone.utc)
        file = sojourn.directory / "mixed.ndjson"
        bad = [b"{", b'{"type":"track","event":"Ping","timestamp":"2025-05-01T00:00:00Z"}',
               json.dumps({**ping("ann", 9, day), "timestamp": "yesterday"}).encode(),
               b'{"type":"track","userId":"ann","event":"Ping"}',  # No time.
               b"\xff\xfe not text", b"null", b"x" * (2 << 20)]
        good = [json.dumps(ping("ann", number, day)).encode() for number in range(len(bad))]
        # Lines 1, 3, 5, ... are good; the file has no line break at its end.
        file.write_bytes(b"\n".join(line for pair in zip(good, bad) for line in pair))
        result = sojourn.command("import", str(file), check=False)
        assert result.returncode == 1, result.stderr
        reports = [line for line in result.stderr.splitlines() if line.startswith(str(file))]
        places = [line.split(": ")[0] for line in reports]
        assert places == [f"{file}:{2 * n + 2}" for n in range(len(bad))], reports
        assert all(len(line.split(": ", 1)[1]) > 3 for line in reports), reports
        assert "userId" in reports[1] and "timestamp" in reports[3], reports
        assert f"{len(bad)} lines were no events" in result.stdout, result.stdout
        kept = letters(sojourn)
        assert [letter["message"] for letter in kept] == reports, kept
        assert [letter["offset"] for letter in kept] == [2 * n + 2 for n in range(len(bad))]
        assert all(letter["reason"] == "undecodable" and letter["topic"] == "import"
                   for letter in kept), kept
        values = [letter["value"] for letter in kept]
        assert values[0] == "{" and values[3] == bad[3].decode(), values[:4]
        assert len(values[6]) >= 1 << 20
        assert [action["person"] for action in run_until_settled(sojourn)] == ["ann"] * len(good)
        # Once more: nothing is kept twice.
        assert sojourn.command("import", str(file)).stdout.endswith("nothing to do\n")
        assert letters(sojourn) == kept
        assert sojourn.command("dead-letters").stdout.count("\n") == len(bad)


def test_bad_lines_while_it_runs():
    with place() as sojourn, sojourn:
        file = write_lines(sojourn.directory / "mixed.ndjson", ["{", ping("ann", 1, now()), "[]"])
        result = sojourn.command("import", str(file), check=False)
        assert result.returncode == 1 and f"{file}:3: " in result.stderr, result.stderr
        assert [letter["value"] for letter in letters(sojourn)] == ["{", "[]"]
        # A call to the running process that is no event is kept, too.
        assert sojourn.post("/v1/track", b'{"event":"Ping"}')[0] == 400
        assert sojourn.post("/v1/batch", {"batch": [{"event": "Ping"}]})[0] == 400
        assert [letter["topic"] for letter in letters(sojourn)] == ["import"] * 2 + ["http"] * 2
        assert letters(sojourn)[2]["value"] == '{"event":"Ping"}'


def many_lines(path, count):
    begin = datetime(2024, 1, 1, tzinfo=timezone.utc)
    with open(path, "w") as file:
        for number in range(count):
            moment = begin + timedelta(minutes=5 * number)
            call = (order if number % 10 else lambda *it: ping(it[0], number, it[1]))(
                f"p{number % 997}", moment)
            file.write(json.dumps(call) + "\n")
    return path


def size_of(directory):
    total = 0
    for file in directory.rglob("*"):
        try:
            total += file.stat().st_size
        except FileNotFoundError:
            pass  # The database tidies up meanwhile.
    return total


def kill_import_midway(sojourn, *arguments, growth=2 << 20):
    """Starts an import and kills it as soon as some of it stands in the data directory."""
    before = size_of(sojourn.data)
    process = subprocess.Popen([str(binary()), "import", *arguments, "--config",
                                str(sojourn.config)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    while size_of(sojourn.data) < before + growth:
        assert process.poll() is None, f"ended with {process.returncode} before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_killed_and_repeated():
    with place() as undisturbed, place() as sojourn:
        file = many_lines(undisturbed.directory / "many.ndjson", 100_000)
        undisturbed.command("import", str(file))
        wanted = run_until_settled(undisturbed)
        assert len(wanted) > 10_000
        other = write_lines(sojourn.directory / "other.ndjson", [ping("ann", 0, now())])
        for _ in range(3):
            kill_import_midway(sojourn, str(file))
            # Half an import is not a beginning for another one.
            complaint(sojourn.command("import", str(other), check=False), "finish it first")
        assert sojourn.command("import", str(file)).stdout.startswith("100000 events")
        assert run_until_settled(sojourn) == wanted


def test_killed_and_repeated_while_it_runs():
    with place() as sojourn, sojourn:
        sojourn.post("/v1/track", {"userId": "zoe", "event": "Hello"})
        sojourn.wait_settled(PARTITIONS)
        count = 60_000
        file = write_lines(sojourn.directory / "pings.ndjson",
                           [ping(f"p{number % 997}", number, now()) for number in range(count)])
        kill_import_midway(sojourn, str(file), "--as", "events", "--yes")
        sojourn.wait_settled(PARTITIONS)
        came = len(of(sojourn.actions(), PING_URL))
        assert 0 < came < count, came
        sojourn.command("import", str(file), "--as", "events", "--yes")
        sojourn.wait_settled(PARTITIONS)
        assert len(of(sojourn.actions(), PING_URL)) == count


def test_killed_while_bad_lines_are_kept():
    with place() as sojourn:
        bad = ["x" * (1 << 20)] * 40
        file = write_lines(sojourn.directory / "bad.ndjson", [ping("ann", 1, now()), *bad])
        for _ in range(2):
            kill_import_midway(sojourn, str(file), growth=12 << 20)  # more than one piece
        assert 0 < len(letters(sojourn)) < len(bad)
        assert sojourn.command("import", str(file), check=False).returncode == 1
        assert [letter["offset"] for letter in letters(sojourn)] == list(range(2, len(bad) + 2))


def test_abandoned():
    with place() as sojourn:
        file = many_lines(sojourn.directory / "gone.ndjson", 100_000)
        kill_import_midway(sojourn, str(file))
        content = file.read_bytes()
        file.unlink()
        sojourn.start()
        warnings = [line for line in sojourn.log_file.read_text().splitlines()
                    if "level=warn" in line]
        assert len(warnings) == 1 and "import=gone.ndjson" in warnings[0], warnings
        assert "sojourn import --abandon" in warnings[0], warnings
        status, answer = sojourn.post("/v1/track", ping("zoe", 1, now()))
        assert status == 503 and "gone.ndjson" in answer and "--abandon" in answer, answer
        other = write_lines(sojourn.directory / "other.ndjson", [ping("ann", 0, now())])
        complaint(sojourn.command("import", str(other), check=False), "gone.ndjson", "--abandon")
        complaint(sojourn.command("import", str(other), "--abandon", check=False), "--abandon")
        result = sojourn.command("import", "--abandon", check=False, input="n\n")
        assert result.returncode == 1 and "import of gone.ndjson" in result.stderr, result.stderr
        assert sojourn.post("/v1/track", ping("zoe", 1, now()))[0] == 503
        # What is refused whole, and sent again, leaves no dead letter of its bad calls.
        mixed = {"batch": [{"type": "track", **ping("zoe", 1, now())}, {"event": "Ping"}]}
        for _ in range(3):
            assert sojourn.post("/v1/batch", mixed)[0] == 503
        assert letters(sojourn) == []
        result = sojourn.command("import", "--abandon", "--yes")
        assert "gone.ndjson is ended" in result.stdout, result.stdout
        assert "stands at event" in result.stderr, result.stderr
        assert sojourn.post("/v1/track", ping("zoe", 1, now()))[0] == 200
        sojourn.wait_settled(PARTITIONS)
        actions = sojourn.actions()
        assert len(of(actions, PING_URL, "zoe")) == 1
        assert of(actions, COME_BACK_URL), "the timers stand still"
        assert "nothing to do" in sojourn.command("import", "--abandon", "--yes").stdout
        # The file is not taken for imported.
        file.write_bytes(content)
        complaint(sojourn.command("import", str(file), check=False), "abandoned", "--again")
        sojourn.command("import", str(other))
        result = sojourn.command("import", str(file), "--again")
        assert "100000 events" in result.stdout and "as history" in result.stdout, result.stdout


def test_abandoned_without_a_process():
    with place() as sojourn:
        file = many_lines(sojourn.directory / "gone.ndjson", 60_000)
        kill_import_midway(sojourn, str(file))
        sojourn.command("import", "--abandon", input="y\n")
        sojourn.start()
        assert "level=warn" not in sojourn.log_file.read_text()
        assert sojourn.post("/v1/track", ping("zoe", 1, now()))[0] == 200


def test_same_file_in_another_mode():
    with place() as sojourn:
        day = now() - timedelta(days=1)
        file = write_lines(sojourn.directory / "a.ndjson", [ping("ann", n, day) for n in range(3)])
        sojourn.command("import", str(file))
        today = now().strftime("%Y-%m-%d")
        events = ("import", str(file), "--as", "events", "--yes")
        for running in (False, True):
            if running:
                sojourn.start()
            complaint(sojourn.command(*events, check=False), "imported as replay on " + today,
                      "--again")
        sojourn.wait_settled(PARTITIONS)
        assert len(of(sojourn.actions(), PING_URL)) == 3
        result = sojourn.command(*events, "--again")
        assert "3 events" in result.stdout, result.stdout
        for arguments in (events, (*events, "--again"), ("import", str(file))):
            assert "nothing to do" in sojourn.command(*arguments).stdout
        # The other way round.
        file = write_lines(sojourn.directory / "b.ndjson", [ping("bob", 1, day)])
        sojourn.command("import", str(file), "--as", "events", "--yes")
        complaint(sojourn.command("import", str(file), check=False), "imported as events on " + today)
        assert "as history" in sojourn.command("import", str(file), "--again").stdout


# ---- CSV ---------------------------------------------------------------------------------------

MAPPING = """person: customer
event: Ping
time: {column: when, format: day}
id: id
properties: {number: id, note: note, total: {column: total, type: double}}
traits: {first_name: name}
"""
HEADER = "id,customer,when,name,note,total"
NOTE_URL = "https://shop.example/note"
NOTE_RULE = ("journey: note\ntrigger: {event: Ping}\none_run_per: event.number\n"
             f'steps:\n  - webhook: {{url: "{NOTE_URL}", data: {{note: event.note, '
             'total: event.total, name: person.first_name}}\n')


def import_csv(sojourn, content, mapping=MAPPING, check=True):
    (sojourn.directory / "map.yaml").write_text(mapping)
    file = sojourn.directory / "orders.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return sojourn.command("import", str(file), "--map", str(sojourn.directory / "map.yaml"),
                           check=check)


def notes_of(content, mapping=MAPPING):
    """What the notes' actions carry, by person."""
    with place() as sojourn:
        (Path(sojourn.settings["rules"]) / "journeys/note.yaml").write_text(NOTE_RULE)
        import_csv(sojourn, content, mapping)
        return {action["person"]: (action["time"], action["values"]["data"])
                for action in of(run_until_settled(sojourn), NOTE_URL)}


def test_same_csv_with_another_mapping():
    with place() as sojourn:
        content = "\n".join([HEADER, "1,c1,20250301,Ann,plain,12.5", ""])
        import_csv(sojourn, content)
        lines = MAPPING.splitlines()
        for same in (MAPPING + "# a comment\n", "\n".join(reversed(lines)) + "\n"):
            assert "nothing to do" in import_csv(sojourn, content, same).stdout, same
        other = MAPPING.replace("traits: {first_name: name}", "traits: {nickname: name}")
        assert "2 events" in import_csv(sojourn, content, other).stdout


def test_csv_dialects():
    wanted = {
        "c1": ("2025-03-01T00:00:00Z", {"note": "plain", "total": 12.5, "name": "Ann"}),
        "c2": ("2025-03-02T00:00:00Z",
               {"note": 'a, "b"\nand more', "total": 3.0, "name": "Zoë"})}
    rows = [HEADER, "1,c1,20250301,Ann,plain,12.5",
            '2,c2,2025-03-02,Zoë,"a, ""b""\nand more",3', ""]
    text = "\n".join(rows)
    assert notes_of(text) == wanted
    assert notes_of(b"\xef\xbb\xbf" + text.encode()) == wanted
    # CRLF between the rows; the break inside the quotes stays as it is.
    assert notes_of("\r\n".join(rows)) == wanted
    assert notes_of(text.rstrip("\n")) == wanted
    semicolons = "\n".join([HEADER.replace(",", ";"), "1;c1;20250301;Ann;plain;12.5",
                            '2;c2;2025-03-02;Zoë;"a, ""b""\nand more";3', ""])
    assert notes_of(semicolons, MAPPING + 'delimiter: ";"\n') == wanted


def test_csv_bad_rows():
    with place() as sojourn:
        result = import_csv(sojourn, "\n".join([
            HEADER, "1,c1,20250301,Ann,x,1", "2,c2,20250399,Bob,x,1", '3,c3,20250301,Eve,"x\ny",1',
            "4,c4,20250301,Kim,x,much", "5,,20250301,Kim,x,1", "6,c6,20250301",
            '7,c7,20250301,"Al"x,x,1', "8,c8,20250301,Jo,x,1"]), check=False)
        assert result.returncode == 1, result.stderr
        file = sojourn.directory / "orders.csv"
        reports = [line for line in result.stderr.splitlines() if line.startswith(str(file))]
        assert [int(line.split(":")[1]) for line in reports] == [3, 6, 7, 8, 9], reports
        for report, word in zip(reports, ("when", "total", "customer", "3 fields", "quote")):
            assert word in report, f"{word!r} is not in: {report}"
        assert [letter["value"] for letter in letters(sojourn)] == [
            "2,c2,20250399,Bob,x,1", "4,c4,20250301,Kim,x,much", "5,,20250301,Kim,x,1",
            "6,c6,20250301", '7,c7,20250301,"Al"x,x,1']
        people = {action["person"] for action in of(run_until_settled(sojourn), PING_URL)}
        assert people == {"c1", "c3", "c8"}, people


def test_csv_wrong_columns():
    with place() as sojourn:
        row = f"{HEADER}\n1,c1,20250301,Ann,x,1\n"

        def wrong(mapping, *words, content=row):
            complaint(import_csv(sojourn, content, mapping, check=False), *words)
            assert not sojourn.data.exists(), "a data directory was made for nothing"

        columns = HEADER.replace(",", ", ")
        wrong(MAPPING.replace("customer", "costumer"), '"costumer"', columns)
        wrong(MAPPING.replace("column: total", "column: amount"), '"amount"', columns)
        wrong(MAPPING.replace("first_name: name", "first_name: nam"), '"nam"', columns)
        wrong(MAPPING, '"customer"', 'delimiter: ";"', content=row.replace(",", ";"))
        wrong(MAPPING, '"customer"', content='"a\nb",c\n1,2\n')
        wrong(MAPPING.replace("person:", "persom:"), "map.yaml:1:1", 'did you mean "person"')
        wrong(MAPPING.replace("format: day", "format: days"), "map.yaml:3:", "days")
        wrong(MAPPING + 'delimiter: ";;"\n', "map.yaml", "one character")
        wrong("", "map.yaml", "empty")
        wrong(MAPPING, "orders.csv", "name the columns", content="")
        wrong(MAPPING, "orders.csv", "no event", content=f"{HEADER}\n")
        wrong(MAPPING, "orders.csv:2", "when", content=f"{HEADER}\n1,c1,never,Ann,x,1\n")
        complaint(sojourn.command("import", str(sojourn.directory / "orders.csv"), check=False),
                  "orders.csv", "--map")
        assert not sojourn.data.exists()


def test_files_that_are_none():
    with place() as sojourn:
        def wrong(name, *words):
            complaint(sojourn.command("import", str(sojourn.directory / name), check=False),
                      name, *words)
            assert not sojourn.data.exists(), "a data directory was made for nothing"

        wrong("missing.ndjson", "no such file")
        (sojourn.directory / "folder").mkdir()
        wrong("folder", "directory")
        (sojourn.directory / "empty.ndjson").write_text("")
        wrong("empty.ndjson", "no event")
        (sojourn.directory / "blank.ndjson").write_text("\n \r\n\n")
        wrong("blank.ndjson", "no event")
        (sojourn.directory / "image.ndjson").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
        wrong("image.ndjson", "no event", "image.ndjson:1: ")
        missing_map = sojourn.command("import", str(sojourn.directory / "blank.ndjson"), "--map",
                                      str(sojourn.directory / "none.yaml"), check=False)
        complaint(missing_map, "none.yaml")


# ---- into a running system ---------------------------------------------------------------------

def test_history_while_it_runs():
    with place() as sojourn, sojourn:
        sojourn.post("/v1/track", {"userId": "zoe", "event": "Hello"})
        sojourn.wait_settled(PARTITIONS)
        soon = now() - timedelta(days=90) + timedelta(seconds=12)
        file = write_lines(sojourn.directory / "history.ndjson", [
            order("two", now() - timedelta(days=200)), order("two", now() - timedelta(days=5)),
            order("one", now() - timedelta(days=5)),
            order("gone", now() - timedelta(days=200)), order("soon", soon),
            ping("two", 1, now() - timedelta(days=1))])
        result = sojourn.command("import", str(file))
        assert "as history" in result.stdout and "nothing is sent" in result.stdout, result.stdout
        sojourn.wait_settled(PARTITIONS)
        assert now() < soon + timedelta(days=90), "too slow to show anything"
        assert sojourn.actions() == []
        # The counters are true,
        for person in ("one", "two"):
            sojourn.post("/v1/track", {"userId": person, "event": "Check"})
        # and so are the segments: this one enters by time alone, `gone` is a member since long.
        sojourn.wait_for(lambda: len(sojourn.actions()) >= 2, timeout=30, what="two actions")
        actions = sojourn.actions()
        assert [action["person"] for action in of(actions, AGAIN_URL)] == ["two"], actions
        assert [action["person"] for action in of(actions, COME_BACK_URL)] == ["soon"], actions
        result = sojourn.command("enroll", "slow", "--segment", "lapsed", "--dry-run")
        assert result.stdout.startswith("2 people of segment lapsed"), result.stdout


def test_events_while_it_runs():
    with place() as sojourn, sojourn:
        sojourn.post("/v1/track", {"userId": "zoe", "event": "Hello"})
        sojourn.wait_settled(PARTITIONS)
        file = write_lines(sojourn.directory / "events.ndjson",
                           ["{", *(ping("ann", number, now() - timedelta(days=9))
                                   for number in range(7))])
        arguments = ("import", str(file), "--as", "events")
        for answer in ("n\n", "", "maybe\n"):
            result = sojourn.command(*arguments, check=False, input=answer)
            assert result.returncode == 1, result.stdout
            assert "7 events from " in result.stderr and "[y/N]" in result.stderr, result.stderr
            assert result.stdout == "", result.stdout
        sojourn.wait_settled(PARTITIONS)
        assert sojourn.actions() == [] and letters(sojourn) == []
        result = sojourn.command(*arguments, "--yes", check=False)
        assert result.returncode == 1 and "7 events from " in result.stderr, result.stderr
        assert "[y/N]" not in result.stderr, result.stderr
        sojourn.wait_settled(PARTITIONS)
        assert len(of(sojourn.actions(), PING_URL, "ann")) == 7
        assert len(letters(sojourn)) == 1
        again = write_lines(sojourn.directory / "more.ndjson", [ping("bob", 1, now())])
        sojourn.command("import", str(again), "--as", "events", input="y\n")
        sojourn.wait_settled(PARTITIONS)
        assert len(of(sojourn.actions(), PING_URL, "bob")) == 1


# ---- people into journeys by hand --------------------------------------------------------------

PEOPLE = 40


@contextmanager
def with_people():
    with place() as sojourn, sojourn:
        calls = [{"type": "identify", "userId": f"p{n}", "traits": {"email": f"p{n}@shop.example"}}
                 for n in range(PEOPLE)]
        assert sojourn.post("/v1/batch", {"batch": calls})[0] == 200
        sojourn.wait_settled(PARTITIONS)
        yield sojourn


def enrolled(sojourn):
    return of(sojourn.actions(), ONCE_URL)


def test_enroll_asks():
    with with_people() as sojourn:
        result = sojourn.command("enroll", "slow", "--dry-run")
        assert f"{PEOPLE} people would be entered into slow" in result.stdout, result.stdout
        assert "[y/N]" not in result.stdout, result.stdout
        for answer in ("n\n", ""):
            result = sojourn.command("enroll", "slow", check=False, input=answer)
            assert result.returncode == 1 and f"{PEOPLE} people" in result.stdout, result.stdout
            assert "[y/N]" in result.stdout, result.stdout
        sojourn.wait_settled(PARTITIONS)
        assert enrolled(sojourn) == []
        result = sojourn.command("enroll", "slow", input="y\n")
        assert result.stdout.endswith("done\n"), result.stdout
        sojourn.wait_settled(PARTITIONS)
        assert {action["person"] for action in enrolled(sojourn)} == {
            f"p{n}" for n in range(PEOPLE)}
        # Those who are under way do not enter again.
        sojourn.command("enroll", "slow", "--yes")
        sojourn.wait_settled(PARTITIONS)
        assert len(enrolled(sojourn)) == PEOPLE


def test_enroll_twice_without_a_process():
    with with_people() as sojourn:
        sojourn.stop()
        for _ in range(2):
            result = sojourn.command("enroll", "once", "--yes")
            assert f"{PEOPLE} people" in result.stdout, result.stdout
        assert enrolled(sojourn) == []
        sojourn.start()
        sojourn.wait_settled(PARTITIONS)
        assert len(enrolled(sojourn)) == PEOPLE  # reentry: never
        # ping may be entered again and again, but not while its entry is still to come.
        for _ in range(2):
            sojourn.command("enroll", "come-back", "--yes", "--spread", "4s")
        time.sleep(4)
        sojourn.wait_settled(PARTITIONS)
        assert len(of(sojourn.actions(), COME_BACK_URL)) == PEOPLE


def bucket(journey, person):
    digest = hashlib.sha256(b"\0".join(part.encode() for part in ("spread", journey, "", person)))
    return int.from_bytes(digest.digest()[:8], "big") % 10_000


def test_enroll_spread():
    with with_people() as sojourn:
        sojourn.command("enroll", "slow", "--yes", "--spread", "5s")
        time.sleep(5)
        sojourn.wait_settled(PARTITIONS)
        actions = enrolled(sojourn)
        assert len(actions) == PEOPLE
        begins = {moment_of(action["time"])
                  - timedelta(milliseconds=5000 * bucket("slow", action["person"]) // 10_000)
                  for action in actions}
        assert len(begins) == 1, sorted(begins)
        # None at all: at once.
        result = sojourn.command("enroll", "come-back", "--yes", "--spread", "0s")
        assert "spread" not in result.stdout, result.stdout
        sojourn.wait_settled(PARTITIONS)
        assert len(of(sojourn.actions(), COME_BACK_URL)) == PEOPLE
        # Over days: hardly anybody now, everybody is waited for.
        result = sojourn.command("enroll", "once", "--yes", "--spread", "3d")
        assert "spread over 3 days" in result.stdout, result.stdout
        sojourn.wait_settled(PARTITIONS)
        soon = [n for n in range(PEOPLE) if bucket("once", f"p{n}") < 10]
        assert len(enrolled(sojourn)) <= PEOPLE + len(soon) < PEOPLE + 5
        for none in ("0", "-1d", "soon", "1 day 2 days"):
            complaint(sojourn.command("enroll", "once", f"--spread={none}", check=False),
                      "--spread", none)


def test_enroll_names():
    with with_people() as sojourn:
        for running in (True, False):
            def wrong(*arguments):
                return sojourn.command("enroll", *arguments, "--yes", check=False)
            complaint(wrong("slwo"), "journey slwo", 'did you mean "slow"')
            complaint(wrong("quite-another"), "journey quite-another")
            complaint(wrong("a b&segment=lapsed"), "journey a b&segment=lapsed")
            complaint(wrong("slow", "--segment", "lapsd"), "segment lapsd", '"lapsed"')
            complaint(wrong("slow", "--segment", "a&b%20ü"), "segment a&b%20ü")
            result = sojourn.command("enroll", "slow", "--segment", "lapsed", "--yes")
            assert result.stdout.startswith("0 people of segment lapsed"), result.stdout
            if running:
                sojourn.stop()


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
