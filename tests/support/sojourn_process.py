"""A running `sojourn run` in tests, on a free loopback port, with helpers to ask it.

    with Sojourn(directory, log="embedded") as sojourn:
        sojourn.post("/v1/track", {...})
        sojourn.actions()

`directory` gets the configuration, the data directory and the process's log. Standard library only.
"""

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from cases import PROJECT_ROOT, binary

START_TIMEOUT_SECONDS = 60


# Below those that the kernel gives to outgoing connections, so that none of them takes a port
# between its choice and its use.
PORTS = range(10_000, 32_768)


def free_port():
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Sojourn:
    def __init__(self, directory, rules=None, **settings):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data = self.directory / "data"
        self.log_file = self.directory / "sojourn.log"
        self.port = settings.pop("port", None) or free_port()
        self.process = None
        self.environment = {}  # of `run`, besides the test's own
        self.settings = {
            "rules": str(rules or PROJECT_ROOT / "rules"),
            "data": str(self.data),
            "listen": f"127.0.0.1:{self.port}",
            "secrets": {"coupon_key": "test coupon key", "event_id_key": "test event id key"},
            # What is tested without mails is not to be disturbed by what becomes of them.
            "mail": {"send": "none"},
            # Nor by the world outside.
            "webhooks": {"send": False},
            **settings,
        }
        self.config = self.directory / "sojourn.yaml"
        self.write_config()

    def write_config(self):
        # JSON is YAML.
        self.config.write_text(json.dumps(self.settings, indent=1) + "\n")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.kill()

    def command(self, *arguments, check=True, timeout=300, input=None):
        """Runs `sojourn ARGUMENTS --config CONFIG` to its end; gives the completed process."""
        result = subprocess.run([str(binary()), *arguments, "--config", str(self.config)],
                                capture_output=True, text=True, timeout=timeout, input=input)
        if check:
            assert result.returncode == 0, f"{arguments}: {result.returncode}: {result.stderr}"
        return result

    def spawn(self, *flags):
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [str(binary()), "run", "--config", str(self.config), *flags],
                stdout=log, stderr=log, env={**os.environ, **self.environment})
        return self

    def start(self, *flags):
        self.spawn(*flags)
        self.wait_ready()
        return self

    def wait_ready(self, timeout=START_TIMEOUT_SECONDS):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            code = self.process.poll()
            assert code is None, f"sojourn ended with {code}: {self.log_tail()}"
            try:
                if self.get("/-/ready")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready after {timeout} s: {self.log_tail()}")

    def log_tail(self, lines=15):
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])

    def kill(self):
        """kill -9: what a power cut leaves of a process."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout=60):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        assert code == 0, f"stopped with {code}: {self.log_tail()}"

    def request(self, method, path, body=None, headers=None, timeout=30):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data,
                                         method=method, headers=headers or {})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout) as answer:
                return answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def request_bytes(self, method, path, headers=None, timeout=30):
        """The body of an answer that is 200."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         headers=headers or {})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=timeout) as answer:
            return answer.read()

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body, **options):
        headers = {"Content-Type": "application/json", **options.pop("headers", {})}
        return self.request("POST", path, body, headers=headers, **options)

    def actions(self):
        """All emitted actions as dictionaries, by the command an operator would use."""
        result = self.command("actions", "--format", "json")
        return [json.loads(line) for line in result.stdout.splitlines() if line]

    def samples(self, name):
        """A metric's samples, as (labels, value)."""
        found = []
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(name) and line[len(name):len(name) + 1] in ("{", " "):
                labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
                found.append((labels, float(line.rsplit(" ", 1)[1])))
        return found

    def metric(self, name):
        """Sum of a metric's samples, 0 where there is none."""
        return sum(value for _, value in self.samples(name))

    def metric_by(self, name, label, **wanted):
        """Sums of those samples that have the wanted labels, by the value of another label."""
        sums = {}
        for labels, value in self.samples(name):
            if wanted.items() <= labels.items():
                sums[labels[label]] = sums.get(labels[label], 0.0) + value
        return sums

    def mail_outcomes(self):
        """How many mails came to which end, attempts that wait included, since the last start."""
        counts = self.metric_by("sojourn_mails_total", "outcome")
        return {outcome: count for outcome, count in counts.items() if count}

    def wait_settled(self, partitions, timeout=60):
        """Until every partition has handled all that is at hand, its timers included.

        Gauges are a second old at most: what they say must hold for longer than that.
        """
        gauges = ("sojourn_lag_records", "sojourn_timers_oldest_overdue_seconds",
                  "sojourn_partition_importing", "sojourn_partition_upgrading",
                  "sojourn_partition_restoring")
        since = None

        def settled_for_a_while():
            nonlocal since
            samples = [self.samples(name) for name in gauges]
            settled = all(len(of_gauge) == partitions and all(value == 0 for _, value in of_gauge)
                          for of_gauge in samples)
            since = (since or time.monotonic()) if settled else None
            return settled and time.monotonic() - since > 2.5

        self.wait_for(settled_for_a_while, timeout, "handling everything")

    def wait_for(self, condition, timeout=60, what="the condition"):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            code = self.process.poll()
            assert code is None, f"sojourn ended with {code}: {self.log_tail()}"
            time.sleep(0.05)
        raise AssertionError(f"{what} did not come about within {timeout} s: {self.log_tail()}")

    def resident_bytes(self):
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf(
            "SC_PAGE_SIZE")
