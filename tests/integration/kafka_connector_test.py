#!/usr/bin/env python3
"""The Kafka connector against a real broker: runs the cases of sojourn_kafka_broker_test."""

import itertools
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, run_cases  # noqa: E402
from kafka_broker import KafkaBroker  # noqa: E402

TIMEOUT_SECONDS = 900


def case_binary():
    default = PROJECT_ROOT / "build/debug/bin/sojourn_kafka_broker_test"
    path = Path(os.environ.get("SOJOURN_KAFKA_BROKER_TEST", default))
    assert path.exists(), f"{path} is not built"
    return path


def first_failure(lines):
    """The name of the first case that failed, and what it said."""
    for end, line in enumerate(lines):
        if line.startswith("[  FAILED  ]"):
            begin = max(i for i in range(end) if lines[i].startswith("[ RUN "))
            return " ".join([line, *lines[begin + 1:end]])[:1000]
    return ""


def run_filtered(broker, gtest_filter, on_line=None, environment=None):
    """Runs the cases of the filter; on_line is called with each line of their output."""
    process = subprocess.Popen(
        [case_binary(), f"--gtest_filter={gtest_filter}"], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "KAFKA_BOOTSTRAP": broker.bootstrap, **(environment or {})})
    watchdog = threading.Timer(TIMEOUT_SECONDS, process.kill)
    watchdog.start()
    lines = []
    try:
        for line in process.stdout:
            sys.stderr.write(line)
            lines.append(line.rstrip("\n"))
            if on_line:
                on_line(line)
    finally:
        watchdog.cancel()
        process.stdout.close()
        if process.poll() is None and sys.exc_info()[0]:
            process.kill()
        process.wait()
    assert process.returncode == 0, first_failure(lines) or f"exit code {process.returncode}"
    assert any(line.startswith("[  PASSED  ]") and not line.endswith(" 0 tests.")
               for line in lines), "no case ran"


def test_cases_against_a_broker():
    with KafkaBroker() as broker:
        run_filtered(broker, "*-Broker*RestartTest.*")


def test_the_broker_goes_away_and_comes_back():
    with KafkaBroker() as broker, tempfile.TemporaryDirectory() as directory:
        restarted = Path(directory) / "restarted"
        restarts = itertools.count(1)

        def restart(line):
            if line.startswith("please restart the broker"):
                broker.kill()
                broker.restart()
                restarted.with_name(f"restarted-{next(restarts)}").touch()

        run_filtered(broker, "Broker*RestartTest.*", restart, {"KAFKA_RESTARTED": str(restarted)})


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
