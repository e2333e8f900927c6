#!/usr/bin/env python3
"""deploy/quickstart.sh, from the events on: the demo's summary, one's own export, clear errors.

What installs and builds is left out (SOJOURN_BINARY is given): tests/run.sh does both by itself.
"""

import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, binary, run_cases, shared_data  # noqa: E402

SCRIPT = PROJECT_ROOT / "deploy/quickstart.sh"
SUMMARY_LIMIT_SECONDS = 120
SERVE_TIMEOUT_SECONDS = 60


def environment(work):
    return {**os.environ, "SOJOURN_BINARY": str(binary()), "SOJOURN_QUICKSTART_DIR": str(work)}


def quickstart(work, *arguments, script=SCRIPT):
    return subprocess.run([script, *arguments], capture_output=True, text=True, check=False,
                          env=environment(work), timeout=600)


def leftovers(work):
    """Processes whose command line names the directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(work) in command and "sojourn" in command:
            found.append(command)
    return found


@functools.cache
def demo():
    """The demo once, with its rules and data: (output, seconds)."""
    shared_data("cdnow/CDNOW_master.txt")
    with tempfile.TemporaryDirectory() as work:
        start = time.monotonic()
        result = quickstart(work)
        seconds = time.monotonic() - start
        assert result.returncode == 0, result.stdout + result.stderr
        assert not leftovers(work), leftovers(work)
        return result.stdout, seconds


def journeys_of(summary):
    """journey -> its lines in the summary."""
    blocks = re.findall(r"^([a-z][a-z-]*)\n((?:  .*\n)+)", summary, re.MULTILINE)
    return dict(blocks)


def number(text):
    return int(text.replace(",", ""))


def test_every_journey_of_the_demo_enters_and_sends():
    output, _ = demo()
    journeys = journeys_of(output)
    expected = {path.stem for path in (PROJECT_ROOT / "rules/journeys").glob("*.yaml")}
    assert journeys.keys() == expected, journeys.keys() ^ expected
    templates = {path.stem for path in (PROJECT_ROOT / "rules/templates").glob("*.liquid")}
    sent = set()
    for journey, lines in journeys.items():
        assert number(re.search(r"entered ([\d,]+)", lines)[1]) > 0, f"{journey}: {lines}"
        assert "would have been sent" in lines, f"{journey}: {lines}"
        sends = {name: number(count)
                 for count, name in re.findall(r"^ +([\d,]+)  ([a-z-]+)", lines, re.MULTILINE)
                 if name in templates}
        assert sends and min(sends.values()) > 0, f"{journey}: {lines}"
        sent |= sends.keys()
    assert sent == templates, f"never sent: {templates - sent}"
    assert "no_address" not in output, "somebody had no address"


def test_the_summary_counts_the_history():
    output, _ = demo()
    totals = re.search(r"^([\d,]+) people, ([\d,]+) events, ", output, re.MULTILINE)
    assert totals, output
    assert (number(totals[1]), number(totals[2])) == (23610, 93394), totals[0]


def test_the_demo_explains_an_action_and_its_time():
    output, _ = demo()
    action = json.loads(re.search(r"^\{\n.*?^\}$", output, re.MULTILINE | re.DOTALL)[0])
    assert action["why"] and action["address"].endswith("@example.test"), action
    assert re.search(r"^Where the time went:.* import \d+ s; replay \d+ s; mail \d+ s$", output,
                     re.MULTILINE)
    assert "--serve stays up" in output.splitlines()[-1], output.splitlines()[-1]


def test_a_mail_goes_the_whole_way_and_is_shown():
    output, _ = demo()
    shown = output[output.index("== An order comes in now"):]
    assert "From: Bluebird Records <orders@bluebird.example>\n" in shown, shown
    assert "To: robin@visitor.example\nSubject: Thank you for your first order\n" in shown, shown
    assert "Your order demo-1 is being packed by hand." in shown, shown
    assert re.search(r"^All of them: file:///.*/mail/index\.html$", shown, re.MULTILINE), shown
    assert "preview welcome" in shown, shown


def test_the_summary_is_there_in_time():
    _, seconds = demo()
    assert seconds < SUMMARY_LIMIT_SECONDS, f"{seconds:.0f} s"


def serve(work, export):
    """Starts `--serve` and waits until it is up: (process, output so far)."""
    log = work / "output.txt"
    with open(log, "w") as output:
        process = subprocess.Popen([SCRIPT, "--serve", "--data", export], stdout=output,
                                   stderr=output, env=environment(work))
    deadline = time.monotonic() + SERVE_TIMEOUT_SECONDS
    while "Ctrl-C stops it" not in log.read_text():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    return process, log.read_text()


def small_export(directory):
    export = Path(directory, "export.ndjson")
    calls = [{"type": "identify", "userId": "u1", "messageId": "m1",
              "timestamp": "2020-05-01T10:00:00Z", "traits": {"email": "u1@listener.example"}},
             {"type": "track", "userId": "u1", "messageId": "m2", "event": "Order Completed",
              "timestamp": "2020-05-01T10:01:00Z",
              "properties": {"order_id": "o1", "total": 12.5, "currency": "USD", "quantity": 1}}]
    export.write_text("".join(json.dumps(call) + "\n" for call in calls))
    return export


def test_ones_own_export_served_until_stopped():
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        process, output = serve(work, small_export(work))
        try:
            assert "thanks-first-order" in output, output
            assert "Subject:          Thank you for your first order" in output, output
            assert "u1@listener.example" in output and "demo-visitor" not in output, output
            assert (work / "preview/thanks-first-order.html").exists()
            # The very command that it prints, as a user would paste it.
            command = re.search(r"(curl http.*)$", output, re.MULTILINE)[1]
            sent = subprocess.run(["bash", "-c", f"no_proxy='*' {command}"], capture_output=True,
                                  text=True, check=True)
            assert '"success"' in sent.stdout, sent.stdout
            actions = [str(binary()), "actions", "--data", str(work / "data"), "--person", "me"]
            deadline = time.monotonic() + 10
            while not subprocess.check_output(actions, text=True):
                assert time.monotonic() < deadline, "no action within ten seconds"
                time.sleep(0.1)
            again = quickstart(work, "--data", str(small_export(work)))
            assert again.returncode == 1 and "still up" in again.stderr, again
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
        assert code == 0 and not leftovers(work), (code, leftovers(work))


def test_csv_with_a_mapping_from_the_installed_layout():
    with tempfile.TemporaryDirectory() as directory:
        share = Path(directory, "share/sojourn")
        shutil.copytree(PROJECT_ROOT / "deploy/demo", share / "demo")
        shutil.copy(SCRIPT, share / "demo")
        shutil.copytree(PROJECT_ROOT / "rules", share / "rules")
        orders, mapping = Path(directory, "orders.csv"), Path(directory, "map.yaml")
        orders.write_text("customer,order,date,amount,email\n"
                          "c1,o1,2020-03-01,20.5,c1@listener.example\n")
        mapping.write_text("person: customer\nevent: Order Completed\n"
                           "time: {column: date, format: day}\n"
                           "properties: {order_id: order, total: {column: amount, type: double}}\n"
                           "traits: {email: email}\n")
        work = Path(directory, "work")
        result = quickstart(work, "--data", orders, "--map", mapping,
                            script=share / "demo/quickstart.sh")
        assert result.returncode == 0, result.stdout + result.stderr
        assert "thanks-first-order" in result.stdout, result.stdout
        assert (work / "rules/journeys/welcome.yaml").exists(), "no copy of the rules to edit"
        # Rules of one's own may send nothing.
        shutil.rmtree(work / "rules/journeys")
        shutil.rmtree(work / "rules/tests")
        result = quickstart(work, "--data", orders, "--map", mapping,
                            script=share / "demo/quickstart.sh")
        assert result.returncode == 0 and "Subject:" not in result.stdout, result


def test_mistakes_are_one_line():
    with tempfile.TemporaryDirectory() as work:
        export = Path(work, "orders.csv")
        export.write_text("a\n")
        for arguments, complaint in [(["--data", "/nowhere"], "/nowhere"),
                                     (["--data", str(export)], "--map"),
                                     (["--map", str(export)], "--data"),
                                     (["--sevre"], "usage:")]:
            result = quickstart(work, *arguments)
            assert result.returncode in (1, 2) and complaint in result.stderr, (arguments, result)
            assert len(result.stderr.splitlines()) == 1 and not result.stdout, result


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
