#!/usr/bin/env python3
"""`sojourn backup` and `sojourn restore`: a living data directory, copied and brought back elsewhere."""

import contextlib
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))
from cases import PROJECT_ROOT, run_cases  # noqa: E402
from shop_events import ShopEvents, judge_log  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

PARTITIONS = 4
PEOPLE = [f"p{number}" for number in range(40)]
RULES = {
    "company.yaml": "company: Test Shop\ntimezone: UTC\ncurrency: EUR\n"
                    "postal_address: Main Street 1\n"
                    "topics:\n  orders: {default: opted_in, kind: transactional}\n"
                    "senders:\n  hello: {from: 'Test Shop <hello@shop.example>'}\n",
    "templates/bill.liquid": "---\ntemplate: bill\nsubject: Bill {{ event.number }}\n"
                             "topic: orders\n---\nThank you\n",
    "templates/soon.liquid": "---\ntemplate: soon\nsubject: Soon\ntopic: orders\n---\nSoon\n",
    "journeys/bill.yaml": "journey: bill\ntrigger: {event: Order}\none_run_per: event.number\n"
                          "steps:\n  - webhook: {url: 'https://shop.example/count', "
                          "data: {orders: 'count(\"Order\", ever)'}}\n  - send_email: bill\n",
    "journeys/soon.yaml": "journey: soon\ntrigger: {event: Visit}\none_run_per: event.number\n"
                          "steps:\n  - wait: 4 seconds\n  - send_email: soon\n",
}


@contextlib.contextmanager
def shop():
    with tempfile.TemporaryDirectory(prefix="sojourn-backup-") as name:
        directory = Path(name)
        for path, text in RULES.items():
            (directory / "rules" / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / "rules" / path).write_text(text)
        made = []

        def process(place):
            made.append(Sojourn(directory / place, rules=directory / "rules",
                                mail={"send": "files"}))
            return made[-1]

        try:
            yield directory, process
        finally:
            for sojourn in made:
                if sojourn.process and sojourn.process.poll() is None:
                    sojourn.kill()


def post(sojourn, calls):
    assert sojourn.post("/v1/batch", {"batch": calls})[0] == 200


def known(sojourn):
    post(sojourn, [{"type": "identify", "userId": person, "messageId": f"known-{person}",
                    "traits": {"email": f"{person}@customer.example"}} for person in PEOPLE])


def calls(event, number):
    return [{"type": "track", "userId": person, "event": event, "messageId": f"{event}-{number}-{n}",
             "properties": {"number": number}} for n, person in enumerate(PEOPLE)]


def mails(sojourn, template=""):
    return [path for path in sojourn.data.glob("mail/act_*.eml")
            if f"Subject: {template}" in path.read_text(errors="replace")]


def webhooks(sojourn):
    return [action["id"] for action in sojourn.actions() if action.get("url")]


def letters(sojourn):
    listed = sojourn.command("dead-letters", "list", "--format", "json").stdout.splitlines()
    return [json.loads(line) for line in listed]


def restored(backup, sojourn):
    """The process, started on the backup."""
    result = sojourn.command("restore", str(backup))
    assert "is as it was on" in result.stdout, result.stdout
    assert not (sojourn.data.parent / f"{sojourn.data.name}.unfinished").exists()
    return sojourn.start()


def test_a_living_directory_goes_on_elsewhere():
    with shop() as (directory, process):
        one = process("one").start()
        known(one)
        post(one, calls("Order", 1))
        one.wait_for(lambda: len(mails(one, "Bill")) == len(PEOPLE), what="the bills")
        one.command("backup", str(directory / "backup"))
        before = webhooks(one)
        post(one, calls("Order", 2))
        one.wait_for(lambda: len(mails(one, "Bill")) == 2 * len(PEOPLE), what="more bills")
        one.kill()
        shutil.rmtree(one.data)

        two = restored(directory / "backup", process("two"))
        two.wait_settled(PARTITIONS)
        assert sorted(webhooks(two)) == sorted(before)
        assert not mails(two)
        # Whoever sends events again after a loss sends too many: the ids are still known.
        post(two, calls("Order", 1) + calls("Order", 2))
        two.wait_for(lambda: len(mails(two, "Bill")) == len(PEOPLE), what="the lost bills")
        two.wait_settled(PARTITIONS)
        after = two.actions()
        second = [action for action in after if action.get("url") and action["id"] not in before]
        assert len(second) == len(PEOPLE) and len({action["id"] for action in after}) == len(after)
        assert all(action["values"]["data"]["orders"] == 2 for action in second), second[:3]


def test_mails_that_may_have_left_are_held_back():
    with shop() as (directory, process):
        one = process("one").start()
        known(one)
        post(one, calls("Visit", 1))
        one.command("backup", str(directory / "backup"))
        assert not mails(one), "the backup came too late"
        one.wait_for(lambda: len(mails(one, "Soon")) == len(PEOPLE), what="the mails")
        one.kill()

        two = restored(directory / "backup", process("two"))
        two.wait_for(lambda: len(letters(two)) == len(PEOPLE), what="the letters")
        assert {letter["reason"] for letter in letters(two)} == {"restored"}, letters(two)[0]
        assert not mails(two)
        post(two, calls("Order", 1))
        two.wait_for(lambda: len(mails(two, "Bill")) == len(PEOPLE), what="new mails")
        assert not mails(two, "Soon")
        two.command("dead-letters", "retry", "--all")
        two.wait_for(lambda: len(mails(two, "Soon")) == len(PEOPLE), what="the retried mails")


def traffic(events, sojourn, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        events.post(sojourn, events.some(4))
        time.sleep(0.1)


def left(sojourn):
    return {path.stem for path in sojourn.data.glob("mail/act_*.eml")}


def test_a_stale_backup_emits_what_its_own_log_demands():
    """By the model of tests/chaos: amid journeys a backup is made, life goes on, and is lost."""
    with tempfile.TemporaryDirectory(prefix="sojourn-backup-") as name:
        directory, rules = Path(name), PROJECT_ROOT / "tests/chaos/rules"
        one, two = (Sojourn(directory / name, rules=rules, mail={"send": "files"})
                    for name in ("one", "two"))
        with contextlib.ExitStack() as stack:
            stack.callback(one.__exit__)
            stack.callback(two.__exit__)
            one.start()
            events = ShopEvents(seed=3, person_count=30)
            events.post(one, events.introduce())
            traffic(events, one, 5)
            one.command("backup", str(directory / "backup"))
            kept = list(events.sent)
            traffic(events, one, 3)
            one.kill()
            lost_actions, left_before = one.actions(), left(one)
            restored(directory / "backup", two)
            # What happened since is not known there; whoever has it sends it again, or not.
            events.sent = kept
            events.post(two, events.repeated(40))
            traffic(events, two, 2)
            time.sleep(16)  # the longest chain of timers
            events.post(two, events.audit())
            two.wait_settled(PARTITIONS)
            actions = two.actions()
            verdict = judge_log(events.sent, [json.dumps(action) for action in actions], ["events"])
            print(verdict.text(), flush=True)
            assert verdict.result == "ok" and verdict.counts["expected actions"] > 250
            # No mail left in both lives; each one of this log left in one or is held.
            held = {letter["id"] for letter in letters(two)}
            wanted = {action["id"] for action in actions if action.get("template")}
            assert held and not held & left(two) and not left_before & left(two)
            assert wanted <= left_before | left(two) | held, wanted - left_before - left(two) - held
            # What both lives decided for the same reason has the same id, by which a receiver of
            # webhooks knows it.
            both = {action["id"] for action in actions} & {action["id"] for action in lost_actions}
            assert len(both) > 100, len(both)


def test_a_directory_at_rest():
    with shop() as (directory, process):
        one = process("one").start()
        known(one)
        one.wait_settled(PARTITIONS)
        one.stop()
        (directory / "backup.unfinished" / "left").mkdir(parents=True)
        one.command("backup", str(directory / "backup"))
        assert not (directory / "backup.unfinished").exists()
        assert (directory / "backup/secrets.json").stat().st_mode & 0o777 == 0o600
        two = restored(directory / "backup", process("two"))
        two.wait_settled(PARTITIONS)
        assert two.metric("sojourn_persons") == len(PEOPLE)


def test_nothing_is_overwritten():
    with shop() as (directory, process):
        one = process("one").start()
        known(one)
        one.command("backup", str(directory / "backup"))
        for arguments, said in [
                (("backup", str(directory / "backup")), "exists already"),
                (("restore", str(directory / "backup")), "is there already"),
                (("restore", str(directory / "rules")), "is no backup"),
                (("backup", "/proc/none/backup"), "cannot")]:
            result = one.command(*arguments, check=False)
            assert result.returncode == 2 and said in result.stderr, (arguments, result.stderr)
            assert len(result.stderr.splitlines()) == 1, result.stderr
        assert one.get("/-/ready")[0] == 200


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
