#!/usr/bin/env python3
"""What an operator sets between two starts: how long the log is kept, and other keys."""

import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import run_cases  # noqa: E402
from small_rules import write_small_rules  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402


@contextmanager
def pinged(count, **settings):
    """A process of one partition with the actions of some events."""
    with tempfile.TemporaryDirectory(prefix="sojourn-upkeep-") as name:
        rules = write_small_rules(Path(name) / "rules")
        with Sojourn(Path(name) / "process", rules=rules, partitions=1, **settings) as sojourn:
            for number in range(count):
                ping(sojourn, number)
            sojourn.wait_for(lambda: len(sojourn.actions()) == count, what="all actions")
            yield sojourn


def ping(sojourn, number):
    body = {"userId": "ann", "event": "Ping", "messageId": f"ping-{number}",
            "properties": {"number": f"n{number}"}}
    status, text = sojourn.post("/v1/track", body)
    assert status == 200, text


def restart(sojourn, **settings):
    sojourn.stop()
    sojourn.settings.update(settings)
    sojourn.write_config()
    sojourn.start()


def numbers(sojourn):
    return [action["run_key"] for action in sojourn.actions()]


def test_retention():
    with pinged(10) as sojourn:
        assert len(sojourn.actions()) == 10  # A month is the default.
        # The last one stays: it says where the offsets go on.
        restart(sojourn, retention_hours=0)
        sojourn.wait_for(lambda: numbers(sojourn) == ["n9"], timeout=20, what="retention")
        ping(sojourn, 10)
        sojourn.wait_for(lambda: numbers(sojourn)[-1:] == ["n10"], timeout=20, what="an action")
        restart(sojourn, retention_hours=24)
        ping(sojourn, 9)  # The person's state knows it, although its record is gone.
        ping(sojourn, 11)
        sojourn.wait_for(lambda: numbers(sojourn)[-1:] == ["n11"], timeout=20, what="an action")
        assert numbers(sojourn) == ["n9", "n10", "n11"]
        sojourn.stop()


def test_retention_that_is_no_number():
    with pinged(1) as sojourn:
        for wrong in (-1, "a week", 10**9):
            sojourn.settings["retention_hours"] = wrong
            sojourn.write_config()
            result = sojourn.command("run", check=False)
            assert result.returncode == 2, result.returncode
            assert "whole number from 0" in result.stderr, result.stderr
            assert str(sojourn.config) in result.stderr, result.stderr


def test_changed_keys_are_accepted_once():
    with pinged(1) as sojourn:
        sojourn.stop()
        sojourn.settings["secrets"]["coupon_key"] = "another key"
        sojourn.write_config()
        result = sojourn.command("run", check=False)
        assert result.returncode == 2, result.returncode
        last_line = result.stderr.splitlines()[-1]
        assert "coupon_key" in last_line and "--accept-changed-keys" in last_line, last_line
        sojourn.start("--accept-changed-keys")
        sojourn.stop()
        sojourn.start()
        ping(sojourn, 2)
        sojourn.wait_for(lambda: len(sojourn.actions()) == 2, what="an action")
        sojourn.stop()


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
