"""The app under chaos: a broker behind the proxy and some instances of `sojourn run`.

For Debian's own Python: it has python3-confluent-kafka, an independent Kafka client.
"""

import contextlib
import os
import resource
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from judge import TOPIC_ORDER  # noqa: E402
from kafka_broker import KafkaBroker  # noqa: E402
from proxy import Proxy  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

RULES = Path(__file__).resolve().parent / "rules"
APP, TOPICS = "chaos", TOPIC_ORDER
ACTIONS = f"{APP}.actions"
PARTITIONS, THREADS = 8, 2
STOP_SECONDS, BROKER_START_SECONDS = 120, 600
BROKER_PROPERTIES = {
    # A transaction that nobody ends is aborted soon after its ten seconds.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
    # The changelog is compacted many times in a run.
    "log.segment.bytes": 1024 * 1024,
    "log.cleaner.min.cleanable.ratio": 0.01,
    "log.cleaner.backoff.ms": 2000,
}
# A journey that nobody enters: another number in it makes another bundle of rules.
IDLE_JOURNEY = """\
journey: idle
trigger: {{event: Audited, where: event.audit_id == "never-{number}"}}
steps:
  - webhook: {{url: "https://shop.example/idle"}}
"""


# So often at most: who always ends again keeps the run from its rest.
MAX_ENDS = 10


class NoRest(Exception):
    """Instances end again and again; `Shop.ended` has what they said."""


class Shop:
    """Broker, proxy and instances; the fault schedule's hands.

    `properties` are librdkafka's, for every instance; `broker_properties` overrides the broker's;
    `change_rules(directory)` changes the rules that every instance begins with; with `own_clocks`
    each has a wall clock of its own (set_clock).
    """

    def __init__(self, directory, instance_count, broker_count, seed, *, rules=RULES,
                 properties=None, broker_properties=None, change_rules=None, own_clocks=False):
        self.directory, self._rules, self._own_clocks = directory, rules, own_clocks
        self._properties, self._change_rules = properties or {}, change_rules
        self.broker_count = broker_count
        self.proxy = Proxy(seed, broker_count)
        self.broker = KafkaBroker(nodes=broker_count, proxy_ports=self.proxy.ports,
                                  properties={**BROKER_PROPERTIES, **(broker_properties or {})},
                                  start_timeout=BROKER_START_SECONDS)
        self.instances = {}
        self._spawned_at = {}  # instance -> where in its log its present life begins
        self.bundles = 1
        self.ended = []  # who ended of their own accord, and what they said last
        self.failing = set()  # instances that can write no file any more, and will end of that
        self._names = [f"instance-{number + 1}" for number in range(instance_count)]

    def start(self):
        self.broker.start()
        self.proxy.connect_to(self.broker.proxied_addresses)
        for topic in TOPICS:
            # The broker's own time: what a record's place in time is does not wait for its writer.
            self.broker.create_topic(topic, PARTITIONS,
                                     {"message.timestamp.type": "LogAppendTime"},
                                     replicas=self.broker_count)
        for name in self._names:
            self.instances[name] = self._instance(name)
        next(iter(self.instances.values())).command("kafka", "create-topics")
        for name in self.instances:
            self.spawn(name)
        for sojourn in self.instances.values():
            sojourn.wait_ready(STOP_SECONDS)
        return self

    def _instance(self, name):
        rules = self.directory / name / "rules"
        shutil.copytree(self._rules, rules)
        if self._change_rules:
            self._change_rules(rules)
        bootstrap = ",".join(f"127.0.0.1:{port}" for port in self.proxy.ports)
        kafka = {"bootstrap_servers": bootstrap, "partitions": PARTITIONS,
                 "instance": name, "properties": {"client.id": name, **self._properties},
                 "inputs": [{"topic": topic, "format": "json"} for topic in TOPICS]}
        sojourn = Sojourn(self.directory / name, rules=rules, app=APP, log="kafka",
                          threads=THREADS, kafka=kafka)
        sojourn.rules = rules
        if self._own_clocks:
            sojourn.environment = self._clock_environment(name)
        return sojourn

    def _clock_environment(self, name):
        """Of libfaketime; what measures how long something takes stays as it is."""
        libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        assert libraries, "no libfaketime: run deploy/install-packages.sh test"
        self.set_clock(name, 0)
        return {"LD_PRELOAD": str(libraries[0]), "FAKETIME_TIMESTAMP_FILE": str(self._clock(name)),
                "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def _clock(self, name):
        return self.directory / name / "clock"

    def set_clock(self, name, seconds_ahead):
        """Within a second, by a jump. Requires `own_clocks`."""
        partial = self._clock(name).with_suffix(".partial")
        partial.write_text(f"{seconds_ahead:+}\n")
        partial.rename(self._clock(name))

    def kill_all(self):
        for sojourn in self.instances.values():
            if sojourn.process and sojourn.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(sojourn.process.pid, signal.SIGCONT)
                sojourn.kill()

    def stop(self):
        self.kill_all()
        self.broker.stop()
        self.proxy.__exit__()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    def signal(self, name, number):
        """From any thread. False where the process was gone already."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.instances[name].process.pid, number)
            return True
        return False

    def fail_disk(self, name):
        """From now on none of its files can grow, until its next life."""
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(self.instances[name].process.pid, resource.RLIMIT_FSIZE, (0, 0))
            self.failing.add(name)

    def reload(self):
        """Other rules, which change nothing for anybody, on every disk."""
        self.bundles += 1
        for name in self.instances:
            rules = self.instances[name].rules
            partial = rules.parent / "idle.partial"
            partial.write_text(IDLE_JOURNEY.format(number=self.bundles))
            partial.rename(rules / "journeys/idle.yaml")
        self.read_rules()

    def read_rules(self):
        """Every instance reads its rules again."""
        for name in self.instances:
            if self.is_ready(name):  # Who begins just now reads the new rules anyway.
                self.signal(name, signal.SIGHUP)

    def spawn(self, name):
        sojourn = self.instances[name]
        log = sojourn.log_file
        self._spawned_at[name] = log.stat().st_size if log.exists() else 0
        self.failing.discard(name)
        sojourn.spawn()

    def revive(self, down=()):
        """Starts who has ended again, as whatever supervises the process would; gives how many
        starts were given up because no broker answered. None else ends of its own accord."""
        given_up = 0
        for name, sojourn in self.instances.items():
            code = sojourn.process.poll()
            if name in down or code is None:
                continue
            if self.gave_start_up(name):
                given_up += 1
            elif name not in self.failing:
                self.ended.append(f"{name} ended with {code}: {sojourn.log_tail(1)}")
            if len(self.ended) > MAX_ENDS:
                raise NoRest
            self.spawn(name)
        return given_up

    def gave_start_up(self, name):
        """Whether an instance that has ended never came to run, and said that Kafka is why."""
        sojourn = self.instances[name]
        with open(sojourn.log_file, "rb") as log:
            log.seek(self._spawned_at[name])
            said = log.read().decode(errors="replace")
        return (sojourn.process.returncode == 2 and 'message="running"' not in said
                and "sojourn: Kafka:" in said)

    def is_ready(self, name):
        sojourn = self.instances[name]
        with contextlib.suppress(OSError):
            return sojourn.process.poll() is None and sojourn.get("/-/ready")[0] == 200
        return False

    def wait_settled(self, timeout):
        """Until every partition is owned by one instance, has handled all records and has no timer
        that is due. Gauges are a second old at most: what they say must hold for longer."""
        gauges = ("sojourn_lag_records", "sojourn_timers_oldest_overdue_seconds",
                  "sojourn_partition_upgrading", "sojourn_partition_restoring")
        deadline, since = time.monotonic() + timeout, None
        while time.monotonic() < deadline:
            self.revive()
            samples = {gauge: self._samples(gauge) for gauge in gauges}
            settled = all(len(values) == PARTITIONS and not any(values)
                          for values in samples.values())
            since = (since or time.monotonic()) if settled else None
            if since and time.monotonic() - since > 3:
                return
            time.sleep(0.3)
        tails = "\n".join(f"{name}: {sojourn.log_tail(5)}"
                          for name, sojourn in self.instances.items())
        raise AssertionError(f"not at rest after {timeout} s: {samples}\n{tails}")

    def _samples(self, gauge):
        values = []
        for sojourn in self.instances.values():
            with contextlib.suppress(OSError):
                values += [value for _, value in sojourn.samples(gauge)]
        return values

    def logged(self, text):
        """How many lines of all logs have this."""
        return sum(line.count(text) > 0 for sojourn in self.instances.values()
                   for line in sojourn.log_file.read_text(errors="replace").splitlines())


class AlongReader:
    """Reads committed actions from the beginning of the run on, straight from the broker."""

    def __init__(self, bootstrap):
        self.records = []  # of the reader's thread until the block is left
        self.errors = []
        self._consumer = Consumer({
            "bootstrap.servers": bootstrap, "group.id": "along", "enable.auto.commit": False,
            "isolation.level": "read_committed", "reconnect.backoff.max.ms": 500, "log_level": 0})
        self._consumer.assign([TopicPartition(ACTIONS, number, 0) for number in range(PARTITIONS)])
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
        self._consumer.close()

    def _read(self):
        while not self._stopping.is_set():
            for record in self._consumer.consume(1000, timeout=0.3):
                if not record.error():
                    self.records.append(record)
                elif record.error().fatal():
                    self.errors.append(str(record.error()))
