#!/usr/bin/env python3
"""The broker harness itself: what other tests rely on, seen through an independent client."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from kafka_broker import KafkaBroker, KafkaError  # noqa: E402

HARNESS = Path(__file__).resolve().parents[1] / "support/kafka_broker.py"


def kcat(broker_address, *arguments, text=None):
    return subprocess.run(["kcat", "-q", "-b", broker_address, *arguments], input=text,
                          capture_output=True, text=True, check=True, timeout=60).stdout


def alive(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    # A zombie is dead too: whoever adopted it has only not buried it yet.
    return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until(condition, what, timeout_seconds=90):
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_seconds} s"
        time.sleep(0.1)


def wait_for_death(process_id):
    wait_until(lambda: not alive(process_id), f"the death of process {process_id}")


def child_of(process_id):
    return int(Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()[0])


def test_records_survive_kill_and_restart():
    with KafkaBroker() as broker:
        broker.create_topic("web", partitions=2)
        kcat(broker.bootstrap, "-P", "-t", "web", "-p", "1", text="one\ntwo\n")
        address = broker.bootstrap
        broker.kill()
        broker.restart()
        assert broker.bootstrap == address
        # A leader that has just come back shows records when it knows that they are committed.
        wait_until(lambda: kcat(address, "-C", "-e", "-t", "web", "-p", "1") == "one\ntwo\n",
                   "both records, once each")
        directory = broker.directory
    assert not directory.exists()


def test_topics_exist_only_when_created():
    with KafkaBroker() as broker:
        broker.create_topic("compacted", config={"cleanup.policy": "compact"})
        listing = kcat(broker.bootstrap, "-L")
        assert 'topic "compacted" with 1 partitions' in listing, listing
        try:
            broker.create_topic("compacted")
        except KafkaError as error:
            assert "36" in str(error), error  # TOPIC_ALREADY_EXISTS
        else:
            raise AssertionError("the same topic was created twice")
        subprocess.run(["kcat", "-P", "-b", broker.bootstrap, "-t", "missing", "-X",
                        "message.timeout.ms=3000"], input="x", text=True, capture_output=True,
                       check=False, timeout=60)
        assert "missing" not in kcat(broker.bootstrap, "-L")


def test_several_nodes_survive_the_loss_of_one():
    with KafkaBroker(nodes=3) as broker:
        assert "3 brokers" in kcat(broker.bootstrap, "-L")
        broker.kill(2)
        broker.create_topic("after")
        broker.restart(2)
        listing = kcat(broker.bootstrap, "-L")
        assert "3 brokers" in listing and '"after"' in listing, listing


def test_command_stays_until_sigterm():
    with subprocess.Popen([HARNESS, "run"], stdout=subprocess.PIPE, text=True) as command:
        address = command.stdout.readline().strip()
        assert "1 brokers" in kcat(address, "-L")
        java = child_of(command.pid)
        command.send_signal(signal.SIGTERM)
        assert command.wait(40) == 0
        wait_for_death(java)


def test_broker_dies_with_a_killed_test():
    with tempfile.TemporaryDirectory() as directory:  # Nobody is left to remove the data.
        environment = {**os.environ, "TMPDIR": directory}
        with subprocess.Popen([HARNESS, "run"], stdout=subprocess.PIPE, text=True,
                              env=environment) as command:
            assert command.stdout.readline()
            java = child_of(command.pid)
            command.kill()
            wait_for_death(java)


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
