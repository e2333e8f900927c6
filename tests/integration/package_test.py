#!/usr/bin/env python3
"""The Debian package: what it needs, what it holds, and that its demo runs where it is unpacked."""

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import binary, run_cases  # noqa: E402

_directory = tempfile.TemporaryDirectory()


def output_of(*command, env=None):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                            check=False, timeout=300, env=env)
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout


@functools.cache
def package():
    config = binary().parent / "CPackConfig.cmake"
    assert config.exists(), f"{config} is missing: configure the release build"
    output_of("cpack", "-G", "DEB", "--config", config, "-B", _directory.name)
    return next(Path(_directory.name).glob("sojourn_*.deb"))


@functools.cache
def unpacked():
    root = Path(_directory.name, "root")
    output_of("dpkg-deb", "-x", package(), root)
    return root


def test_it_depends_on_what_it_needs():
    depends = output_of("dpkg-deb", "-f", package(), "Depends")
    for needed in ["libc6 ", "librdkafka1 ", "librocksdb", "libssl3 ", "python3,", "curl,"]:
        assert needed in depends, f"no {needed} in {depends}"


def test_the_configuration_survives_upgrades():
    assert "/etc/sojourn/sojourn.yaml" in output_of("dpkg-deb", "-I", package(), "conffiles")


def test_everything_is_in_its_place():
    root = unpacked()
    assert output_of(root / "usr/bin/sojourn", "--version") == output_of(binary(), "--version")
    rules = root / "usr/share/sojourn/rules"
    assert "0 failed" in output_of(root / "usr/bin/sojourn", "test", rules)
    for mapping in ("mailchimp", "shopify", "plain"):
        assert (root / f"usr/share/sojourn/mappings/{mapping}.yaml").exists(), mapping
    for name in ("OPERATIONS.md", "grafana/sojourn.json", "prometheus/alerts.yml"):
        assert (root / "usr/share/sojourn" / name).exists(), name
    unit = (root / "usr/lib/systemd/system/sojourn.service").read_text()
    for path in ["/usr/bin/sojourn", "/etc/sojourn/sojourn.yaml"]:
        assert path in unit and (root / path[1:]).exists(), path
    assert (root / "usr/lib/systemd/system/sojourn.socket").exists()


def test_its_demo_runs():
    root = unpacked()
    export = Path(_directory.name, "export.ndjson")
    export.write_text(json.dumps({
        "type": "track", "userId": "u1", "messageId": "m1", "event": "Order Completed",
        "timestamp": "2020-05-01T10:00:00Z",
        "properties": {"order_id": "o1", "total": 12.5, "currency": "USD", "quantity": 1}}) + "\n")
    env = {key: value for key, value in os.environ.items() if key != "SOJOURN_BINARY"}
    env |= {"PATH": f"{root}/usr/bin:{env['PATH']}", "XDG_DATA_HOME": f"{_directory.name}/home"}
    summary = output_of(root / "usr/bin/sojourn-demo", "--data", export, env=env)
    assert "post-purchase-thanks\n  entered 1\n" in summary, summary


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
