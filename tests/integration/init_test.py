#!/usr/bin/env python3
"""`sojourn init`: what it writes checks, passes its tests, and sends its first mail."""

import http.client
import re
import subprocess
import sys
import tempfile
from email import message_from_bytes, policy
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import binary, run_cases  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

HABITS = {"opted out": (), "opted in": ("--opted-in",)}


def sojourn(*arguments, cwd=None):
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, check=False, cwd=cwd)


def init(directory, *flags):
    result = sojourn("init", directory, *flags)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_it_checks_and_passes_with_every_step_reached():
    for habit, flags in HABITS.items():
        with tempfile.TemporaryDirectory() as temporary:
            rules = Path(temporary) / "new/rules"
            text = init(rules, *flags)
            assert f"sojourn check {rules} --strict" in text, text
            check = sojourn("check", rules, "--strict")
            assert check.returncode == 0, f"{habit}: {check.stdout}"
            tests = sojourn("test", rules, "--coverage")
            assert tests.returncode == 0, f"{habit}: {tests.stdout}"
            assert "no test reaches" not in tests.stdout, f"{habit}: {tests.stdout}"
            default = re.search(r"marketing: \{default: (\w+)\}", (rules / "company.yaml").read_text())
            assert default[1] == habit.replace(" ", "_"), default[1]
            assert (rules / "schema.json").read_text() == sojourn("schema").stdout
            for file in rules.rglob("*.yaml"):
                schema = re.match(r"# yaml-language-server: \$schema=(\S+)\n", file.read_text())
                assert (file.parent / schema[1]).resolve() == rules.resolve() / "schema.json", file


def test_nothing_is_overwritten():
    with tempfile.TemporaryDirectory() as temporary:
        rules = Path(temporary) / "rules"
        rules.mkdir()
        init(rules)  # an empty directory is as good as none
        (rules / "company.yaml").write_text("company: Mine\n")
        again = sojourn("init", rules)
        assert again.returncode == 2 and "not empty" in again.stderr, again.stderr
        assert "name a new directory" in again.stderr, again.stderr
        assert (rules / "company.yaml").read_text() == "company: Mine\n"
        file = sojourn("init", rules / "company.yaml")
        assert file.returncode == 2 and "is not a directory" in file.stderr, file.stderr
        assert sojourn("init", cwd=temporary).returncode == 2  # ./rules by default


def mails(process):
    """The mails written so far, oldest first, as messages."""
    files = sorted((process.data / "mail").glob("**/*.eml"), key=lambda file: file.stat().st_mtime_ns)
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def without_quiet_hours(rules):
    company = rules / "company.yaml"
    company.write_text(re.sub(r"^quiet_hours: .*\n", "", company.read_text(), flags=re.MULTILINE))


def subjects(process):
    return [mail["Subject"] for mail in mails(process)]


def curl(process, path, body):
    return subprocess.run(["curl", "-sS", "--fail", "--noproxy", "*",
                           f"http://127.0.0.1:{process.port}{path}",
                           "-H", "Content-Type: application/json", "-d", body],
                          capture_output=True, text=True, timeout=60, check=True)


def sign_up(process):
    curl(process, "/v1/identify", '{"userId": "u1", "traits": {"email": "u1@shop.example"}}')
    curl(process, "/v1/track", '{"userId": "u1", "event": "Signed Up"}')


def test_who_signs_up_confirms_and_is_welcomed():
    with tempfile.TemporaryDirectory() as temporary:
        rules = Path(temporary) / "rules"
        init(rules)
        without_quiet_hours(rules)
        with Sojourn(temporary, rules=rules, mail={"send": "files"}) as process:
            sign_up(process)
            process.wait_for(lambda: mails(process), what="the mail that asks")
            assert subjects(process) == ["Please confirm your subscription"]
            html = mails(process)[0].get_body(("html",)).get_content()
            link = re.search(r'href="([^"]+)"[^>]*>Yes, send me your news', html)[1]
            path = re.sub(r"^https?://[^/]+", "", link.replace("&amp;", "&"))
            # As a browser asks; where it is sent to is a shop that is not there.
            connection = http.client.HTTPConnection("127.0.0.1", process.port)
            connection.request("GET", path,
                               headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"})
            answer = connection.getresponse()
            assert answer.status in (302, 303), answer.status
            assert answer.headers["Location"] == "https://shop.example/confirmed", answer.headers
            process.wait_for(lambda: len(mails(process)) == 2, what="the welcome")
            assert subjects(process)[1] == "Welcome to Example Shop", subjects(process)


def test_opted_in_the_welcome_comes_at_once():
    with tempfile.TemporaryDirectory() as temporary:
        rules = Path(temporary) / "rules"
        init(rules, "--opted-in")
        without_quiet_hours(rules)
        with Sojourn(temporary, rules=rules, mail={"send": "files"}) as process:
            sign_up(process)
            process.wait_for(lambda: mails(process), what="the welcome")
            assert subjects(process) == ["Welcome to Example Shop"]


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
