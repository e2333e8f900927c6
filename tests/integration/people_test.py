#!/usr/bin/env python3
"""Contacts and addresses that get no mail: what a shop brings along from elsewhere."""

import csv
import io
import json
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from small_rules import write_small_rules  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

PARTITIONS = 4


@contextmanager
def place(rules=None, **settings):
    """A Sojourn that does not run yet; `rules`: files beside the small ones."""
    with tempfile.TemporaryDirectory(prefix="sojourn-people-") as name:
        directory = write_small_rules(Path(name) / "rules")
        for path, text in (rules or {}).items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text)
        sojourn = Sojourn(Path(name) / "process", rules=directory, **settings)
        try:
            yield sojourn
        finally:
            sojourn.__exit__()


def write(sojourn, name, text):
    path = sojourn.directory / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def complaint(result, *words):
    """The one line with which a command refuses."""
    assert result.returncode == 2, f"{result.returncode}: {result.stdout}{result.stderr}"
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("sojourn: "), result.stderr
    for word in words:
        assert word in lines[0], f"{word!r} is not in: {lines[0]}"


# ---- suppressions ------------------------------------------------------------------------------

def suppressions(sojourn, *arguments, check=True):
    return sojourn.command("suppressions", *arguments, check=check)


def is_suppressed(sojourn, address):
    result = suppressions(sojourn, "check", address, check=False)
    assert result.returncode in (0, 1), result.stderr
    assert ("is suppressed" in result.stdout) == (result.returncode == 1), result.stdout
    return result.returncode == 1


def exported(sojourn):
    """The list without its key: (hash, reason, time)."""
    rows = list(csv.reader(io.StringIO(suppressions(sojourn, "export").stdout)))
    assert rows[0] == ["address_hash", "reason", "since"] and rows[1][1] == "key", rows[:2]
    return rows[2:]


def check_commands(sojourn):
    file = write(sojourn, "list.txt", "ann@shop.example\r\n\n Bob@Shop.example \nno address\n")
    result = suppressions(sojourn, "import", file, check=False)
    assert result.returncode == 1, result.stderr
    assert result.stdout == "2 addresses read, 2 new, 1 refused\n", result.stdout
    assert result.stderr.startswith(f"{file}:4: ") and "no address" in result.stderr, result.stderr
    assert is_suppressed(sojourn, "bob@shop.EXAMPLE") and is_suppressed(sojourn, "ann@shop.example")
    assert not is_suppressed(sojourn, "eve@shop.example")
    assert "from now on" in suppressions(sojourn, "add", "eve@shop.example", "--reason",
                                         "complained").stdout
    assert "nothing to do" in suppressions(sojourn, "add", "Eve@shop.example").stdout
    assert "complained" in suppressions(sojourn, "check", "eve@shop.example", check=False).stdout
    assert "no longer" in suppressions(sojourn, "remove", "BOB@shop.example").stdout
    assert "nothing to do" in suppressions(sojourn, "remove", "bob@shop.example").stdout
    assert not is_suppressed(sojourn, "bob@shop.example")
    rows = exported(sojourn)
    assert sorted(row[1] for row in rows) == ["complained", "imported"], rows
    assert "example" not in suppressions(sojourn, "export").stdout
    complaint(suppressions(sojourn, "add", "no address", check=False), "no address")
    complaint(suppressions(sojourn, "import", "none.txt", check=False), "none.txt")


def test_suppressions_without_a_process():
    with place() as sojourn:
        check_commands(sojourn)
        complaint(suppressions(sojourn, "check", "a@shop.example", "--data",
                               str(sojourn.directory / "none"), check=False), "none")


def test_suppressions_of_a_running_process():
    with place() as sojourn, sojourn:
        check_commands(sojourn)
        before = exported(sojourn)
        sojourn.kill()
        assert exported(sojourn) == before
        sojourn.start()
        assert exported(sojourn) == before
        for path in ("/-/suppressions?from=00", "/-/suppressions?hash=" + before[0][0]):
            assert sojourn.get(path)[0] == 401


def test_suppressions_many():
    with place() as sojourn:
        count = 25_000
        file = write(sojourn, "many.txt",
                     "".join(f"p{number}@shop.example\n" for number in range(count)))
        assert f"{count} new" in suppressions(sojourn, "import", file).stdout
        offline = exported(sojourn)
        assert len({row[0] for row in offline}) == count
        with sojourn:
            assert exported(sojourn) == offline  # In pages.
            assert f"{count} addresses read, 0 new" in suppressions(sojourn, "import", file).stdout


def test_suppressions_go_over_to_another():
    with place() as first, place() as second, place() as third:
        cleaned = write(first, "cleaned.csv", 'Email Address,First Name,CLEAN_TIME\n'
                        'Zed@shop.example,Zed,"2021-02-03 04:05:06"\n"bad",,\n')
        result = suppressions(first, "import", cleaned, check=False)
        assert "1 new, 1 refused" in result.stdout and f"{cleaned}:3: " in result.stderr, result
        gone = write(first, "unsubscribed.csv", 'Email,UNSUB_TIME\nyan@shop.example,\n')
        suppressions(first, "import", gone)
        said = write(first, "said.csv", 'email\nxia@shop.example\n')
        suppressions(first, "import", said, "--reason", "complained")
        rows = exported(first)
        assert sorted(row[1] for row in rows) == ["bounced", "complained", "unsubscribed"], rows
        assert ["bounced", "2021-02-03T04:05:06Z"] in [row[1:] for row in rows], rows
        export = write(second, "export.csv", suppressions(first, "export").stdout)
        # Under another key the hashes mean nothing.
        complaint(suppressions(second, "import", export, check=False), "export.csv:2", "address_key")
        keyless = write(second, "keyless.csv", "".join(
            line for line in Path(export).read_text().splitlines(True) if ",key," not in line))
        complaint(suppressions(third, "import", keyless, check=False), "keyless.csv:2", "key")
        key = json.loads((first.data / "secrets.json").read_text())["address_key"]
        third.settings["secrets"]["address_key"] = key
        third.write_config()
        assert "3 new" in suppressions(third, "import", export).stdout
        assert exported(third) == rows and is_suppressed(third, "zed@shop.example")
        # The key is lost: nothing is answered, instead of "not suppressed".
        del third.settings["secrets"]["address_key"]
        third.write_config()
        complaint(suppressions(third, "check", "zed@shop.example", check=False), "address_key")


def test_suppressions_outlive_the_person():
    with place() as sojourn, sojourn:
        sojourn.post("/v1/identify", {"userId": "ann", "traits": {"email": "ann@shop.example"}})
        suppressions(sojourn, "add", "ann@shop.example")
        sojourn.post("/v1/track", {"userId": "ann", "event": "Person Erased"})
        sojourn.wait_settled(PARTITIONS)
        assert is_suppressed(sojourn, "ann@shop.example")


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
