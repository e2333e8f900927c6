#!/usr/bin/env python3
"""What operators are given: alerts, dashboard and runbook speak of what there is."""

import functools
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, binary, run_cases  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

DEPLOY = PROJECT_ROOT / "deploy"
OPERATIONS = DEPLOY / "OPERATIONS.md"
ALERTS = DEPLOY / "prometheus/alerts.yml"
ALERT_TESTS = DEPLOY / "prometheus/alerts_test.yml"
DASHBOARD = DEPLOY / "grafana/sojourn.json"
RULES = {
    "company.yaml": """company: Test Shop
timezone: UTC
topics:
  marketing: {default: opted_in}
senders:
  hello: {from: "Test Shop <hello@shop.example>"}
coupon_redemption: {event: Done, property: coupon}
""",
    "templates/hello.liquid": "---\ntemplate: hello\nsubject: Hello\n---\n{{ 1 | divided_by: event.n }}\n",
    "coupons/few.yaml": "coupon_pool: few\ncodes: [ONLY-ONE]\n",
    "catalog.yaml": "catalog: shop\nevents:\n  Ping: {n: int}\n  Done: {coupon: string}\n",
    # A webhook to this machine is refused before anything is sent.
    "journeys/done.yaml": """journey: done
trigger: {event: Done}
steps:
  - webhook: {url: "https://127.0.0.1/done"}
""",
    "journeys/ping.yaml": """journey: ping
trigger: {event: Ping}
goal: {event: Done, within: 1 day}
exit_on: [goal]
steps:
  - coupon: {pool: few}
  - send_email: hello
  - if: event.n / event.n == 1
    then:
      - wait: 1 hour
""",
}
# Metrics that cannot be seen here, and why.
ELSEWHERE = {
    "sojourn_restore_seconds_remaining": "while a restore over Kafka goes on",
    "sojourn_log_times_clamped_total":
        "the embedded log gives log times itself; over Kafka senders do",
    "sojourn_route_behind_seconds": "topics of others are routed over Kafka only",
    "sojourn_route_lag_records": "likewise",
    "sojourn_routed_records_total": "likewise",
    "sojourn_webhook_retries_total": "no endpoint of webhooks is called",
    "sojourn_webhook_circuits_opened_total": "likewise",
    "sojourn_tls_certificate_expires_timestamp_seconds": "its listeners have no TLS",
}


def promtool(*arguments):
    result = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True,
                            check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def alert_names():
    return re.findall(r"^ +- alert: (\w+)$", ALERTS.read_text(), re.MULTILINE)


# ---- alerts --------------------------------------------------------------------------------------

def test_alerts_fire_when_they_should():
    promtool("check", "rules", ALERTS)
    promtool("test", "rules", ALERT_TESTS)


def test_each_alert_is_seen_to_fire_and_not_to():
    names = alert_names()
    assert len(names) > 20 and len(names) == len(set(names)), names
    seen = set()
    for case in ALERT_TESTS.read_text().split("- interval: 1m")[1:]:
        # Every check names all that fires at its moment.
        checks = [set(re.findall(r'alertname="(\w+)"', check))
                  for check in case.split("eval_time:")[1:]]
        for name in set().union(*checks):
            if any(name not in check for check in checks):
                seen.add(name)
    assert seen == set(names), seen ^ set(names)


def test_each_alert_has_all_that_is_needed():
    blocks = ALERTS.read_text().split("- alert: ")[1:]
    assert len(blocks) == len(alert_names())
    for block in blocks:
        for wanted in (r"\n +for: \d+[mh]\n", r"\n +labels: \{severity: (page|ticket)\}\n",
                       r"\n +summary: \S", r"\n +description: \S"):
            assert re.search(wanted, block), (wanted, block)


# ---- metrics -------------------------------------------------------------------------------------

def make_traffic(sojourn):
    """So that every family has a series: those with free labels begin with what happens."""
    def track(person, event, **properties):
        return {"type": "track", "userId": person, "event": event, "properties": properties}

    calls = [{"type": "nonsense"}]
    for number in range(8):  # so many that some partition has no coupon
        person = f"p{number}"
        calls += [{"type": "identify", "userId": person,
                   "traits": {"email": f"{person}@customer.example"}},
                  track(person, "Ping", n=number % 2), track(person, "Ping", n=1),
                  track(person, "Done", coupon="ONLY-ONE")]
    calls += [track("p1", "Ping", n="no number"), {**track("p1", "Done"), "messageId": "twice"},
              {**track("p1", "Done"), "messageId": "twice"},
              track("p1", "Unsubscribed", topic="marketing"), track("p1", "Subscribed"),
              track("p1", "Subscribed", topic="no topic of this shop")]
    status, text = sojourn.post("/v1/batch", {"batch": calls})
    assert status == 200, text
    for authorization in ("Basic dTpw", "Basic wrong"):  # u:p
        sojourn.post("/feedback/postmark", {"RecordType": "Delivery", "MessageID": "1",
                                            "Recipient": "p1@customer.example"},
                     headers={"Authorization": authorization})
    history = sojourn.directory / "history.ndjson"
    # One of them p1 had before, by another way.
    history.write_text("".join(json.dumps({**track("p1", "Done"), "messageId": message_id,
                                           "timestamp": "2026-03-02T09:00:00Z"}) + "\n"
                               for message_id in ("old", "twice")))
    sojourn.command("import", str(history), "--as", "history", "--yes")


@functools.cache
def exposition():
    """What Prometheus reads from a process that has had every kind of work."""
    with tempfile.TemporaryDirectory(prefix="sojourn-operations-") as name:
        rules = Path(name, "rules")
        for path, text in RULES.items():
            (rules / path).parent.mkdir(parents=True, exist_ok=True)
            (rules / path).write_text(text)
        with Sojourn(Path(name, "process"), rules=rules, mail={"send": "files"},
                     webhooks={"send": True},
                     feedback={"postmark": {"user": "u", "password": "p"}}) as sojourn:
            make_traffic(sojourn)
            sojourn.wait_settled(4)
            sojourn.wait_for(lambda: sojourn.metric("sojourn_webhooks_total") > 0, what="webhooks")
            return sojourn.get("/metrics")[1]


def exposed():
    """The families of the exposition, and the names of their samples."""
    return set(re.findall(r"^(?:# TYPE )?(sojourn_\w+)[{ ]", exposition(), re.MULTILINE))


def dashboard_expressions():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def check_metrics(expressions):
    named = set(re.findall(r"\bsojourn_\w+", re.sub(r'"[^"]*"', "", expressions)))
    assert len(named) > 10, named
    missing = named - exposed() - ELSEWHERE.keys()
    assert not missing, missing


def alert_expressions():
    return "\n".join(line for line in ALERTS.read_text().splitlines()
                     if not re.match(r" +(summary|description|runbook_url):|#", line))


def test_metrics_of_alerts_exist():
    check_metrics(alert_expressions())


def test_metrics_of_the_dashboard_exist():
    check_metrics("\n".join(dashboard_expressions()))


def test_selected_labels_exist():
    samples = [(name, dict(re.findall(r'(\w+)="([^"]*)"', labels))) for name, labels in
               re.findall(r"^(sojourn_\w+)\{(.*)\} ", exposition(), re.MULTILINE)]
    expressions = "\n".join([alert_expressions(), *dashboard_expressions()])
    checked = set()
    for name, selector in re.findall(r"(sojourn_\w+)\{([^}]*)\}", expressions):
        for label, value in re.findall(r'(\w+)=~?"([^"]*)"', selector):
            # Prometheus adds the first two; the third is of a server in trouble.
            if label in ("job", "instance") or (label, value) == ("code", "5.."):
                continue
            for one in value.split("|"):
                assert any(name == sample and re.fullmatch(one, labels.get(label, ""))
                           for sample, labels in samples), (name, label, one)
                checked.add((name, label, one))
    assert len(checked) > 10, checked


def test_metrics_from_elsewhere_are_in_the_source():
    source = (PROJECT_ROOT / "engine/telemetry/telemetry.cc").read_text()
    for name, reason in ELSEWHERE.items():
        assert f'"{name}"' in source and reason and name not in exposed(), name


def test_the_dashboard_can_be_imported():
    dashboard = json.loads(DASHBOARD.read_text())
    variables = {one["name"]: one["type"] for one in dashboard["templating"]["list"]}
    assert variables["datasource"] == "datasource", variables
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    titles = [panel["title"] for panel in panels if panel["type"] == "row"]
    for wanted in ("Throughput", "Lag", "Timers", "Restore and imports", "Journeys", "Actions",
                   "Coupons", "Mails", "Feedback of mail providers", "Webhooks", "Dead letters",
                   "Rules", "Resources"):
        assert wanted in titles, titles
    cells = [(row, column) for panel in panels for place in [panel["gridPos"]]
             for row in range(place["y"], place["y"] + place["h"])
             for column in range(place["x"], place["x"] + place["w"])]
    assert len(cells) == len(set(cells)), "panels overlap"
    for panel in panels:
        for part in [panel, *panel.get("targets", [])] if panel["type"] != "row" else []:
            assert part["datasource"]["uid"] == "${datasource}", panel["title"]


def test_expressions_of_the_dashboard_parse():
    values = {"$__rate_interval": "5m", "$job": ".*", "$instance": ".*"}
    rules = []
    for number, expression in enumerate(dashboard_expressions()):
        for variable, value in values.items():
            expression = expression.replace(variable, value)
        assert "$" not in expression, expression
        rules.append({"record": f"panel:{number}", "expr": expression})
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        # JSON is YAML.
        json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        file.flush()
        promtool("check", "rules", file.name)


# ---- the runbook ---------------------------------------------------------------------------------

def anchors(path):
    """Of a Markdown file's headings, as renderers make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_alert_has_its_heading():
    text = ALERTS.read_text()
    links = dict(re.findall(r"- alert: (\w+)\n(?:(?! +- alert:).*\n)*? +runbook_url: (\S+)", text))
    assert links.keys() == set(alert_names()), set(alert_names()) - links.keys()
    for name, link in links.items():
        path, _, anchor = link.partition("#")
        assert (ALERTS.parent / path).resolve() == OPERATIONS, link
        assert anchor == name.lower() and anchor in anchors(OPERATIONS), link
    # And no heading is left of an alert that is gone.
    described = set(re.findall(r"^### (Sojourn\w+)$", OPERATIONS.read_text(), re.MULTILINE))
    assert described == links.keys(), described ^ links.keys()


def test_links_of_the_runbook_lead_somewhere():
    links = re.findall(r"\]\(([^)\s]+)\)", OPERATIONS.read_text())
    assert len(links) > 20, links
    for link in links:
        path, _, anchor = link.partition("#")
        target = (DEPLOY / path).resolve() if path else OPERATIONS
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_metrics_of_the_runbook_exist():
    check_metrics(OPERATIONS.read_text())


def test_log_lines_of_the_runbook_are_written():
    sources = "\n".join(path.read_text() for folder in ("engine", "connectors")
                        for path in (PROJECT_ROOT / folder).rglob("*.cc"))
    lines = re.findall(r'grep "([^"]+)"', OPERATIONS.read_text())
    assert len(lines) >= 3, lines
    for line in lines:
        assert line in sources, line


def runbook_commands():
    """Every `sojourn ...` of the runbook, in blocks and in running text, as words."""
    text = OPERATIONS.read_text()
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
             for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [line.split(" > ")[0].split()[1:] for line in lines if line.startswith("sojourn ")]


@functools.cache
def help_of(*command):
    result = subprocess.run([str(binary()), *command, "--help"], capture_output=True, text=True,
                            check=False)
    assert result.returncode == 0, (command, result.stderr)
    return result.stdout


def section(text, title):
    """The lines of one section of a help text."""
    found = re.search(rf"^{title}:\n((?: .*\n|\n(?= ))*)", text, re.MULTILINE)
    return found.group(1) if found else ""


def options_in(text):
    """Flag -> how its value is written in the help text; empty: it has none."""
    flags = {}
    for line in section(text, "Options").splitlines():
        found = re.match(r"  (-\S+)(?: ([A-Z]{3,}(?::\S+)?))?", line)
        for flag in found.group(1).split(",") if found else []:
            flags[flag] = found.group(2) or ""
    return flags


def check_command(words):
    command, rest = [], list(words)
    while rest and re.search(rf"^  {re.escape(rest[0])} ", section(help_of(*command),
                                                                   "Subcommands"), re.MULTILINE):
        command.append(rest.pop(0))
    text = help_of(*command)
    assert command or rest[0] in options_in(text), "no such command"
    flags, positionals = options_in(text), 0
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            positionals += 1
            continue
        assert word in flags, f"no option {word}"
        if flags[word]:
            value = rest.pop(0) if rest else ""
            assert value and not value.startswith("-"), f"{word} needs a value"
            choices = re.fullmatch(r"\w+:\{(.*)\}", flags[word])
            assert not choices or value in choices.group(1).split(","), f"{word} {value}"
    usage = re.search(r"^Usage: sojourn(.*)$", text, re.MULTILINE).group(1)
    known = re.findall(r"\[?[A-Z]+(?:\.\.\.)?\]?", usage.replace("[OPTIONS]", "")
                       .replace("SUBCOMMAND", ""))
    assert positionals <= len(known) or "..." in usage, f"{positionals} of {known}"
    return flags.keys()


def test_commands_of_the_runbook_are_known():
    commands = runbook_commands()
    assert len(commands) > 30, commands
    for words in commands:
        try:
            flags = check_command(words)
        except AssertionError as error:
            raise AssertionError(f"sojourn {' '.join(words)}: {error}") from error
        # An operator's data directory is not below where they stand.
        if "--config" in flags and len(words) > 2 and "FILE" not in words:
            assert "--config" in words, words


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
