#!/usr/bin/env python3
"""rules/REFERENCE.md: every example of it, taken out of the page, checks and does what it says.

What stands behind the opening fence says what a block is; a block that says nothing fails.

    ```yaml journeys/cart.yaml     a file of the rules directory of its part (a heading of any level),
                                   beside those of "The shop of this page"; so ```liquid
    ```yaml step, ```yaml trigger  a list of steps, a trigger, in a journey around it
    ```yaml bad journeys/cart.yaml a file with a mistake, which the block ```text below it names
    ```yaml person                 whom the expressions of a part are about
    ```cel                         lines `EXPRESSION // what it comes to`
    ```json events.json            a file beside the rules
    ```console                     `$ sojourn ...`, run there, and what it prints
    ```sh                          commands that are not run; their options must be there
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, binary, run_cases  # noqa: E402

PAGE = PROJECT_ROOT / "rules/REFERENCE.md"
BASE = "The shop of this page"
RULES_FILE = re.compile(r"(yaml|liquid) ([\w/.-]+\.(?:yaml|liquid))")
# Of examples that are parts: what is not used or tested in them is elsewhere.
UNUSED = {"J102", "J103", "J109"}
# What the page had when this was written, less a little: fewer means that the extractor misses some.
LEAST = {"files": 70, "tests": 45, "expressions": 90, "snippets": 6, "mistakes": 4, "consoles": 5}


class Part:
    """What stands between one heading and the next."""

    def __init__(self, title):
        self.title = title
        self.blocks = []  # (what the fence says, content)

    def files(self):
        found = {}
        for mark, content in self.blocks:
            match = RULES_FILE.fullmatch(mark)
            if match:
                assert match[2] not in found, f"{self.title}: two of {match[2]}"
                found[match[2]] = content
        return found

    def marked(self, mark):
        return [content for name, content in self.blocks if name == mark]


def parts():
    """The page's parts by title; every block must say what it is."""
    found, part, mark, lines = [Part("(beginning)")], None, None, []
    for line in PAGE.read_text().splitlines():
        part = found[-1]
        if mark is None and line.startswith("```"):
            mark, lines = line[3:], []
        elif mark is not None and line == "```":
            part.blocks.append((mark, "".join(f"{text}\n" for text in lines)))
            mark = None
        elif mark is not None:
            lines.append(line)
        elif re.match(r"#+ ", line):
            found.append(Part(line.lstrip("# ")))
    assert mark is None, f"the last block is not closed: {mark}"
    return found


def base():
    (found,) = [part for part in parts() if part.title == BASE]
    return found.files()


class Directory:
    """A rules directory `rules` in a directory of its own."""

    def __init__(self, *files):
        self._temporary = tempfile.TemporaryDirectory()
        self.path = Path(self._temporary.name)
        for some in files:
            for name, content in some.items():
                self.write(f"rules/{name}", content)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._temporary.cleanup()

    def write(self, name, content):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def sojourn(self, *arguments):
        return subprocess.run([binary(), *arguments], cwd=self.path, capture_output=True, text=True,
                              timeout=120, check=False)

    def must_check(self, what):
        """No error anywhere, and no warning but those about what is not used here."""
        result = self.sojourn("check", "--format", "json")
        assert result.returncode in (0, 1), f"{what}: {result.stderr}"
        wrong = [one for one in json.loads(result.stdout)
                 if one["severity"] == "error" or one["code"] not in UNUSED]
        assert not wrong, f"{what}: {wrong}\n{self.sojourn('check').stdout}"

    def must_pass(self, what):
        """How many tests passed; there must be some, and none that fails."""
        result = self.sojourn("test")
        last = (result.stdout.splitlines() or [""])[-1]
        passed = re.fullmatch(r"(\d+) passed, 0 failed", last)
        assert result.returncode == 0 and passed and int(passed[1]) > 0, \
            f"{what}:\n{result.stdout}{result.stderr}"
        return int(passed[1])


class Problems:
    """Collects what fails, part by part, so that one run tells everything."""

    def __init__(self):
        self._found = []

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if kind is None or not issubclass(kind, AssertionError):
            return False
        self._found.append(str(error))
        return True

    def none(self):
        assert not self._found, "\n".join(self._found)


def at_least(what, count):
    assert count >= LEAST[what], f"only {count} {what} found, of at least {LEAST[what]}"


def is_known(mark):
    return (RULES_FILE.fullmatch(mark) or re.fullmatch(r"yaml bad [\w/.-]+", mark)
            or re.fullmatch(r"json [\w.-]+\.json", mark)
            or mark in ("yaml step", "yaml trigger", "yaml person", "cel", "console", "sh", "text"))


def test_every_block_says_what_it_is():
    for part in parts():
        before = ""
        for mark, _ in part.blocks:
            assert is_known(mark), f"{part.title}: a block marked \"{mark}\" would not be tested"
            assert mark != "text" or before.startswith("yaml bad "), \
                f"{part.title}: text that stands below no mistake"
            before = mark


def test_links_within_the_page_lead_somewhere():
    text = PAGE.read_text()
    anchors = {re.sub(r"[^\w -]", "", part.title).strip().lower().replace(" ", "-")
               for part in parts()}
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert len(links) > 30
    assert set(links) <= anchors, set(links) - anchors


def test_files_check_and_their_tests_pass():
    shop, files, tests, problems = base(), 0, 0, Problems()
    for part in parts():
        own = part.files()
        if not own:
            continue
        files += len(own)
        with problems, Directory(shop, own) as directory:
            directory.must_check(part.title)
            if any(name.endswith(".test.yaml") for name in own):
                tests += directory.must_pass(part.title)
    problems.none()
    at_least("files", files)
    at_least("tests", tests)


def test_every_journey_is_tested():
    for part in parts():
        journeys = re.findall(r"^journey: (.+)$", "\n".join(part.files().values()), re.MULTILINE)
        tested = "\n".join(content for name, content in part.files().items()
                           if name.endswith(".test.yaml"))
        for journey in journeys:
            assert re.search(rf"^journeys: \[(.*, )?{journey}(, .*)?\]$", tested, re.MULTILINE), \
                f"{part.title}: no test of {journey}"


def test_steps_and_triggers_check():
    shop, count, problems = base(), 0, Problems()
    extra = {"segments/buyers.yaml":
             "segment: buyers\nwhere: count(\"Order Completed\") > 0\n"}
    for part in parts():
        for step in part.marked("yaml step"):
            journey = f"journey: example\ntrigger: {{event: Order Completed}}\nsteps:\n{step}"
            with problems, Directory(shop, extra, {"journeys/example.yaml": journey}) as directory:
                directory.must_check(f"{part.title}: {step}")
            count += 1
        for trigger in part.marked("yaml trigger"):
            journey = f"journey: example\n{trigger}steps:\n  - send_email: hello\n"
            with problems, Directory(shop, extra, {"journeys/example.yaml": journey}) as directory:
                directory.must_check(f"{part.title}: {trigger}")
            count += 1
    problems.none()
    at_least("snippets", count)


def expressions(part):
    """(expression, what it comes to) of the part's lines."""
    found = []
    for content in part.marked("cel"):
        for line in content.splitlines():
            expression, separator, value = line.partition(" // ")
            assert separator and value, f"{part.title}: {line} does not say what it comes to"
            found.append((expression.strip(), value.strip()))
    return found


def test_expressions_come_to_what_stands_behind_them():
    shop, all_parts, count, problems = base(), parts(), 0, Problems()
    (person,) = [content for part in all_parts for content in part.marked("yaml person")]
    indented = "".join(f"    {line}\n" for line in person.splitlines())
    for part in all_parts:
        lines = expressions(part)
        if not lines:
            continue
        steps, expected = "", ""
        for number, (expression, value) in enumerate(lines):
            url = f"https://reference.example/{number}"
            steps += f"  - webhook: {{url: \"{url}\", data: {{value: {json.dumps(expression)}}}}}\n"
            expected += ("      - {at: 0m, skipped: error}\n" if value == "an error" else
                         f"      - {{at: 0m, webhook: \"{url}\", data: {{value: {value}}}}}\n")
        journey = f"journey: example\ntrigger: {{event: Order Completed}}\nsteps:\n{steps}"
        tests = (f"journeys: [example]\ntests:\n  - name: {part.title}\n{indented}    expect:\n"
                 f"{expected}")
        own = {"journeys/example.yaml": journey, "tests/example.test.yaml": tests}
        with problems, Directory(shop, own) as directory:
            directory.must_pass(part.title)
        count += len(lines)
    problems.none()
    at_least("expressions", count)


def test_mistakes_are_told_as_the_page_says():
    shop, count, problems = base(), 0, Problems()
    for part in parts():
        for (mark, content), (_, told) in zip(part.blocks, part.blocks[1:] + [("", "")]):
            if not mark.startswith("yaml bad "):
                continue
            assert told.strip(), f"{part.title}: it does not say what is told about {mark}"
            own = part.files() | {mark.removeprefix("yaml bad "): content}
            with problems, Directory(shop, own) as directory:
                result = directory.sojourn("check")
                assert result.returncode == 1 and told in result.stdout + result.stderr, \
                    f"{part.title}: {mark}:\n{result.stdout}{result.stderr}"
            count += 1
    problems.none()
    at_least("mistakes", count)


def sojourn_commands(text):
    return [line.removeprefix("$ ").split() for line in text.splitlines()
            if line.removeprefix("$ ").startswith("sojourn ")]


def test_consoles_show_what_is_printed():
    shop, count, problems = base(), 0, Problems()
    for part in parts():
        beside = {mark.split()[1]: content for mark, content in part.blocks
                  if mark.startswith("json ")}
        for console in part.marked("console"):
            command, output = console.split("\n", 1)
            assert command.startswith("$ sojourn "), command
            with problems, Directory(shop, part.files()) as directory:
                for name, content in beside.items():
                    directory.write(name, content)
                result = directory.sojourn(*command.split()[2:])
                assert result.returncode == 0, f"{command}:\n{result.stdout}{result.stderr}"
                assert result.stdout == output, f"{command} prints\n{result.stdout}"
            count += 1
    problems.none()
    at_least("consoles", count)


def test_commands_have_the_options_that_are_shown():
    commands = [words for part in parts() for mark in ("sh", "console")
                for content in part.marked(mark) for words in sojourn_commands(content)]
    assert len(commands) > 8
    with Directory() as directory:
        for _, command, *words in commands:
            help_text = directory.sojourn("help", command)
            assert help_text.returncode == 0, command
            for word in words:
                if word.startswith("--"):
                    assert re.search(rf"{word}\b", help_text.stdout), f"{command} {word}"


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
