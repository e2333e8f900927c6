#!/usr/bin/env python3
"""Contacts and addresses that get no mail: what a shop brings along from elsewhere."""

import csv
import io
import json
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import binary, run_cases  # noqa: E402
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


# ---- contacts ----------------------------------------------------------------------------------

# Who may get mail shows in who gets it; what is known of people shows in what the mail reads.
NOTE_URL = "https://shop.example/note"
MAILING = {
    "company.yaml": "company: Test Shop\ntimezone: UTC\ncurrency: USD\n"
                    "topics: {news: {default: opted_out}, offers: {default: opted_out}}\n"
                    "senders: {shop: {from: \"Shop <shop@shop.example>\"}}\n"
                    "postal_address: Test Shop, 1 Road, Town\n",
    "catalog.yaml": "catalog: shop\nevents:\n  Check: {}\n  Ping: {number: int}\n"
                    "  Order Completed: {}\n"
                    "traits: {email: string?, first_name: string?, tags: list?}\n",
    "templates/hello.liquid": "---\ntemplate: hello\nsubject: Hello\nfrom: shop\ntopic: news\n---\n"
                              "<p>Hello {{ person.first_name }}</p>\n",
    "journeys/hello.yaml": "journey: hello\ntrigger: {event: Check}\n"
                           "steps:\n  - send_email: hello\n",
    "journeys/note.yaml": "journey: note\ntrigger: {event: Check}\nsteps:\n"
                          f'  - webhook: {{url: "{NOTE_URL}", data: {{tags: person.tags}}}}\n',
    "journeys/welcome.yaml": "journey: welcome\ntrigger: {event: Identify}\nsteps:\n"
                             '  - webhook: {url: "https://shop.example/welcome"}\n',
}
MAILCHIMP = ("Email Address,First Name,Last Name,Birthday,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,"
             "CONFIRM_TIME,TIMEZONE,CC,LAST_CHANGED,LEID,EUID,NOTES,TAGS")
SHOPIFY = ("Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,"
           "Default Address Address1,Default Address Address2,Default Address City,"
           "Default Address Province Code,Default Address Country Code,Default Address Zip,"
           "Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,"
           "Tax Exempt,Tags")
OLD_SHOPIFY = ("First Name,Last Name,Email,Company,Address1,Address2,City,Province,Province Code,"
               "Country,Country Code,Zip,Phone,Accepts Marketing,Total Spent,Total Orders,Tags,"
               "Note,Tax Exempt")


def rows_of(header, *rows):
    """CSV under the header of dictionaries."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header.split(","), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def mailchimp(address, **more):
    return {"Email Address": address, "CONFIRM_TIME": "2015-03-16 14:40:47",
            "LAST_CHANGED": "2016-03-16 14:40:47",
            **{name.replace("_", " ") if name.istitle() else name: value
               for name, value in more.items()}}


def import_people(sojourn, file, *arguments, check=True):
    return sojourn.command("import", "--people", file, *arguments, check=check)


def mailed_after_check(sojourn, *people):
    """Asks for a mail to each; gives who gets one, and the data of everybody's note."""
    for person in people:
        assert sojourn.post("/v1/track", {"userId": person, "event": "Check"})[0] == 200
    sojourn.wait_settled(PARTITIONS)
    actions = sojourn.actions()
    assert not [action for action in actions if action["journey"] == "welcome"], actions
    mailed = {action["person"]: action["address"] for action in actions
              if action["journey"] == "hello"}
    notes = {action["person"]: action["values"]["data"] for action in actions
             if action["journey"] == "note"}
    return mailed, notes


def test_mailchimp_files():
    with place(MAILING) as sojourn, sojourn:
        subscribed = write(sojourn, "subscribed_members.csv", rows_of(
            MAILCHIMP,
            mailchimp("Ann@shop.example", First_Name="Ann", TAGS='"VIP","a, b"'),
            mailchimp("eve@shop.example"), mailchimp("never@shop.example", CONFIRM_TIME="")))
        unsubscribed = write(sojourn, "unsubscribed_members.csv", rows_of(
            MAILCHIMP + ",UNSUB_TIME,UNSUB_REASON",
            mailchimp("bob@shop.example", UNSUB_TIME="2019-01-01 00:00:00")))
        cleaned = write(sojourn, "cleaned_members.csv", rows_of(
            MAILCHIMP + ",CLEAN_TIME",
            mailchimp("zed@shop.example", CLEAN_TIME="2019-01-01 00:00:00")))
        outputs = [import_people(sojourn, file, "--mapping", "mailchimp").stdout
                   for file in (subscribed, unsubscribed, cleaned)]
        assert "3 rows, 3 people imported" in outputs[0], outputs
        assert "subscribed 2, unsubscribed 1" in outputs[0], outputs
        assert "unsubscribed 1, bounced and suppressed 0" in outputs[1], outputs
        assert "unsubscribed 0, bounced and suppressed 1" in outputs[2], outputs
        for output in outputs:
            assert 'column "Birthday" is not in the mapping' in output, output
            assert "LEID" not in output, output
        assert 'trait member_rating (column "MEMBER_RATING") is not in the catalogue' in outputs[0]
        assert "trait first_name" not in outputs[0], outputs[0]
        people = [f"{name}@shop.example" for name in ("ann", "eve", "never", "bob", "zed")]
        mailed, notes = mailed_after_check(sojourn, *people)
        assert mailed == {"ann@shop.example": "Ann@shop.example",
                          "eve@shop.example": "eve@shop.example"}, mailed
        assert notes["ann@shop.example"] == {"tags": ["VIP", "a, b"]}, notes
        assert is_suppressed(sojourn, "zed@shop.example")
        assert not is_suppressed(sojourn, "bob@shop.example")


def test_shopify_files():
    with place(MAILING) as sojourn, sojourn:
        new = write(sojourn, "customers_export.csv", rows_of(
            SHOPIFY,
            {"Customer ID": "'71", "Email": "ann@shop.example", "Accepts Email Marketing": "yes",
             "Total Spent": "248.50", "Total Orders": "2", "Tags": "vip, b"},
            {"Customer ID": "'72", "Email": "bob@shop.example", "Accepts Email Marketing": "no"},
            {"Customer ID": "'73", "Phone": "'+4912345", "Accepts Email Marketing": "no"},
            {"Customer ID": "'74", "Email": "Ann@shop.example", "Accepts Email Marketing": "yes"}))
        result = import_people(sojourn, new, "--mapping", "shopify")
        assert "4 rows, 4 people" in result.stdout, result.stdout
        assert "subscribed 2, unsubscribed 2" in result.stdout, result.stdout
        assert "1 person shares an address (line 5)" in result.stdout, result.stdout
        assert f"{new}:5: another person" in result.stderr, result.stderr
        assert "1 person has no address (line 4)" in result.stdout, result.stdout
        old = write(sojourn, "old.csv", rows_of(
            OLD_SHOPIFY, {"Email": "eve@shop.example", "Accepts Marketing": "yes"}))
        import_people(sojourn, old, "--mapping", "shopify")
        mailed, notes = mailed_after_check(sojourn, "71", "72", "73", "eve@shop.example")
        assert mailed == {"71": "ann@shop.example", "eve@shop.example": "eve@shop.example"}, mailed
        assert notes["71"] == {"tags": ["vip", "b"]}, notes


def test_bad_rows_repetitions_and_role_accounts():
    with place(MAILING) as sojourn:
        file = write(sojourn, "people.csv", "\n".join([
            "email,first_name,consent", "ann@shop.example,Old,no", "no address,X,yes",
            "info@shop.example,,yes", "ANN@shop.example,New,yes", ",,", "a@b@c.example,,",
            "bob@shop.example,Bob", '"two\nlines@x.example",,yes', "eve@shop.example,Eve,perhaps",
            "noreply@shop.example,,", ""]))
        result = import_people(sojourn, file, "--dry-run", check=False)
        assert result.returncode == 1 and not sojourn.data.exists(), result.stderr
        assert "10 rows, 4 people would be imported" in result.stdout, result.stdout
        for arguments in (["--dry-run"], []):
            result = import_people(sojourn, file, *arguments, check=False)
            assert result.returncode == 1, result.stderr
            assert "5 rows were no contacts (lines 3, 6, 7, 8, 9)" in result.stdout, result.stdout
            assert "1 row repeats a person (line 2)" in result.stdout, result.stdout
            assert "2 role accounts (lines 4, 12)" in result.stdout, result.stdout
            assert "unsubscribed 1" in result.stdout and "not said 2" in result.stdout
            named = [line.removeprefix(file + ":").split(":")[0]
                     for line in result.stderr.splitlines()]
            assert named == ["2", "3", "4", "6", "7", "8", "9", "12"], result.stderr
        kept = [json.loads(line) for line in
                sojourn.command("dead-letters", "--format", "json").stdout.splitlines()]
        assert [letter["offset"] for letter in kept] == [3, 6, 7, 8, 9], kept
        assert kept[0]["value"] == "no address,X,yes", kept[0]
        assert kept[0]["message"].startswith(f"{file}:3: "), kept[0]
        # Once more: it is known, and nothing is kept twice.
        result = import_people(sojourn, file)
        assert result.stdout.endswith("nothing to do\n") and not result.stderr, result
        with sojourn:
            sojourn.wait_settled(PARTITIONS)
            people = ("ann@shop.example", "info@shop.example", "eve@shop.example")
            mailed, _ = mailed_after_check(sojourn, *people)
            assert list(mailed) == ["info@shop.example"], mailed  # An unsubscription in any row.
            assert "nothing to do" in import_people(sojourn, file).stdout


def test_a_mapping_of_ones_own():
    with place(MAILING) as sojourn, sojourn:
        file = write(sojourn, "crm.csv", "Nr;Mail;Vorname;Newsletter\n"
                     "1;ann@shop.example;Ann;ja\n2;bob@shop.example;Bob;nein\n3;eve@shop.example;;\n")
        mapping = write(sojourn, "crm.yaml", "address: Mail\nperson: Nr\ndelimiter: \";\"\n"
                        "traits: {first_name: Vorname}\nconsent:\n  topic: news\n"
                        "  subscribed: {column: Newsletter, is: JA}\n  otherwise: unsubscribed\n")
        result = import_people(sojourn, file, "--mapping", mapping)
        assert "subscribed 1, unsubscribed 2" in result.stdout, result.stdout
        mailed, _ = mailed_after_check(sojourn, "1", "2", "3")
        assert mailed == {"1": "ann@shop.example"}, mailed

        def wrong(text, *words):
            bad = write(sojourn, "bad.yaml", text)
            complaint(import_people(sojourn, file, "--mapping", bad, check=False), *words)
        wrong("adress: Mail\n", "bad.yaml:1:1", "address")
        wrong("address: Email\ndelimiter: \";\"\n", '"Email"', "Nr, Mail")
        wrong("address: Mail\n", '"Mail"', 'delimiter: ";"')
        wrong("address: Mail\ndelimiter: \";\"\nconsent: {unsubscribed: {column: Weg}}\n", '"Weg"')
        complaint(import_people(sojourn, file, "--mapping", "mailchip", check=False), '"mailchimp"')
        complaint(import_people(sojourn, write(sojourn, "e.csv", "email\nx\n"), check=False),
                  "no contact", "e.csv:2")
        complaint(import_people(sojourn, file, "--as", "events", check=False), "history")


def test_an_old_list_takes_no_refusal_back():
    with place(MAILING) as sojourn, sojourn:
        for person in ("ann", "bob"):
            sojourn.post("/v1/identify", {"userId": f"{person}@shop.example",
                                          "traits": {"email": f"{person}@shop.example"}})
        sojourn.post("/v1/track", {"userId": "ann@shop.example", "event": "Unsubscribed"})
        sojourn.wait_settled(PARTITIONS)
        file = write(sojourn, "people.csv",
                     "email,consent\nann@shop.example,yes\nbob@shop.example,yes\n")
        import_people(sojourn, file)
        for person in ("ann", "bob"):
            sojourn.post("/v1/track", {"userId": f"{person}@shop.example", "event": "Check"})
        sojourn.wait_settled(PARTITIONS)
        mailed = [action["person"] for action in sojourn.actions() if action["journey"] == "hello"]
        assert mailed == ["bob@shop.example"], mailed


def test_consent_said_for_the_whole_file():
    with place(MAILING) as sojourn:
        file = write(sojourn, "people.csv", "email,consent\nann@shop.example,yes\n")
        result = import_people(sojourn, file, "--consent", "bounced")
        assert "bounced and suppressed 1" in result.stdout, result.stdout
        assert is_suppressed(sojourn, "ann@shop.example")


def test_killed_and_repeated():
    with place(MAILING) as sojourn, sojourn:
        count = 30_000
        file = write(sojourn, "many.csv", "email,first_name,consent\n" + "".join(
            f"p{number}@shop.example,P{number},yes\n" for number in range(count)) + "bad,,\n")
        for wanted in (2, 20):
            process = subprocess.Popen([str(binary()), "import", "--people", file, "--config",
                                        str(sojourn.config)], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            before = sojourn.metric("sojourn_records_total")
            while sojourn.metric("sojourn_records_total") < before + 1000 * wanted:
                assert process.poll() is None, "ended before it could be killed"
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert import_people(sojourn, file, check=False).returncode == 1
        sojourn.wait_settled(PARTITIONS, timeout=120)
        assert sojourn.metric("sojourn_records_total") == 2 * count
        assert len(sojourn.command("dead-letters").stdout.splitlines()) == 1


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
