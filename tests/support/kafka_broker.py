#!/usr/bin/env python3
"""A real Apache Kafka broker (KRaft) for tests, on free loopback ports.

As a library:

    with KafkaBroker() as broker:
        subprocess.run(["kcat", "-L", "-b", broker.bootstrap])

As a command, which prints the bootstrap address on one line once the broker answers and stays
until SIGTERM, SIGINT or the end of its parent process:

    kafka_broker.py run [--nodes N] [--property KEY=VALUE]...

`kafka_broker.py fetch` only fetches the jars. They come by Maven from the list in kafka/pom.xml
and are kept outside the tree, in ${XDG_CACHE_HOME:-~/.cache}/sojourn/kafka-VERSION.

Needs Java 17 and, the first time, Maven (see deploy/install-packages.sh). Standard library only.
"""

import argparse
import atexit
import ctypes
import fcntl
import hashlib
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

SETTINGS_DIRECTORY = Path(__file__).resolve().parent / "kafka"
POM = SETTINGS_DIRECTORY / "pom.xml"
LIBC = ctypes.CDLL(None)  # Loaded before any fork: the child may not load it safely.
START_TIMEOUT_SECONDS = 90
STOP_TIMEOUT_SECONDS = 30

# Fast to start and small: the tests move megabytes, not gigabytes.
JAVA_OPTIONS = [
    "-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
    "-Xshare:auto", f"-Dlog4j.configuration=file:{SETTINGS_DIRECTORY / 'log4j.properties'}",
]

# What every node has unless a test says otherwise.
COMMON_PROPERTIES = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    # A test must say which topics it wants; a misspelt one must not come into being.
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "log.cleaner.threads": "1",
    # Elections and fencing after a kill take seconds by default; a test should not wait for them.
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.fetch.timeout.ms": "1000",
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "initial.broker.registration.timeout.ms": "60000",
}


class KafkaError(Exception):
    """The broker could not be fetched, started or asked; the text says why."""


def kafka_version():
    return re.search(r"<kafka\.version>([^<]+)<", POM.read_text()).group(1)


def cache_directory():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "sojourn" / f"kafka-{kafka_version()}"


def fetch_jars():
    """Returns the directory of jars, fetching it first if needed; safe for several processes."""
    directory = cache_directory()
    directory.parent.mkdir(parents=True, exist_ok=True)
    wanted = hashlib.sha256(POM.read_bytes()).hexdigest()
    stamp = directory / "pom.sha256"
    with open(f"{directory}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return directory
        partial = Path(f"{directory}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        _run_maven(partial)
        (partial / stamp.name).write_text(wanted)
        shutil.rmtree(directory, ignore_errors=True)
        partial.rename(directory)
    return directory


def _run_maven(output_directory):
    if not shutil.which("mvn"):
        raise KafkaError("mvn not found: run deploy/install-packages.sh test")
    command = ["mvn", "-B", "-q", "-f", str(POM), "dependency:copy-dependencies",
               f"-DoutputDirectory={output_directory}"]
    for attempt in (1, 2, 3):  # A registry may hiccup; what was fetched is kept between attempts.
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode == 0:
            return
        time.sleep(2 * attempt)
    raise KafkaError(f"fetching the jars failed:\n{result.stdout}{result.stderr}")


def _free_ports(count):
    """Ports below the range of outgoing connections, so that they stay free across a restart."""
    sockets = []
    try:
        while len(sockets) < count:
            candidate = socket.socket()
            try:
                candidate.bind(("127.0.0.1", random.randrange(15000, 32000)))
                sockets.append(candidate)
            except OSError:
                candidate.close()
        return [held.getsockname()[1] for held in sockets]
    finally:
        for held in sockets:
            held.close()


def _die_with_parent():
    """Runs in the child before Java: no broker may outlive a test that was killed."""
    pr_set_pdeathsig = 1
    LIBC.prctl(pr_set_pdeathsig, signal.SIGKILL)


class _Node:
    """One broker-and-controller process with its directory and ports."""

    def __init__(self, node_id, directory, ports, proxy_port):
        self.node_id = node_id
        self.directory = directory
        self.broker_port, self.controller_port, self.proxied_port = ports
        self.proxy_port = proxy_port
        self.process = None
        self.launch_offset = 0  # Where the present launch begins in the log file.

    @property
    def address(self):
        return f"127.0.0.1:{self.broker_port}"

    @property
    def log_file(self):
        return self.directory / "server.log"

    @property
    def properties_file(self):
        return self.directory / "server.properties"

    def has_started(self):
        """Whether this launch has said so; before, the cluster may still show the previous one."""
        with open(self.log_file, "rb") as log:
            log.seek(self.launch_offset)
            return b"Kafka Server started" in log.read()

    def write_properties(self, voters, replication_factor, overrides):
        self.directory.mkdir()
        properties = dict(COMMON_PROPERTIES)
        properties.update({
            "node.id": self.node_id,
            "log.dirs": self.directory / "data",
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "offsets.topic.replication.factor": replication_factor,
            "transaction.state.log.replication.factor": replication_factor,
            "transaction.state.log.min.isr": 1,
            "default.replication.factor": replication_factor,
        })
        if self.proxy_port:
            self._add_proxied_listener(properties)
        properties.update(overrides)
        text = "".join(f"{key}={value}\n" for key, value in properties.items())
        self.properties_file.write_text(text)

    def _add_proxied_listener(self, properties):
        properties["listeners"] += f",PROXIED://127.0.0.1:{self.proxied_port}"
        properties["advertised.listeners"] += f",PROXIED://127.0.0.1:{self.proxy_port}"
        properties["listener.security.protocol.map"] += ",PROXIED:PLAINTEXT"


class KafkaBroker:
    """A broker, or a small cluster of them, with fresh data in a temporary directory.

    `nodes` processes, each broker and controller; `properties` overrides server.properties. Given
    `proxy_ports`, each node listens on one more port, for the proxy on the loopback port of that
    list, and tells who comes that way that it is to be found there. `start_timeout`, in seconds, is
    also that of a restart, which after a kill looks through all the data.

    Addresses stay the same from start() to stop(), also across kill() and restart(). Call start()
    and restart() from a thread that lives as long as the broker: it dies with that thread.
    """

    def __init__(self, nodes=1, properties=None, proxy_ports=None,
                 start_timeout=START_TIMEOUT_SECONDS):
        self._node_count = nodes
        self._start_timeout = start_timeout
        self._proxy_ports = proxy_ports or [None] * nodes
        self._overrides = dict(properties or {})
        self._directory = None
        self._nodes = []
        self._java_command = []

    @property
    def bootstrap(self):
        """The bootstrap address, HOST:PORT[,HOST:PORT...]."""
        return ",".join(node.address for node in self._nodes)

    @property
    def proxied_addresses(self):
        """(host, port) of each node for the proxy before it."""
        return [("127.0.0.1", node.proxied_port) for node in self._nodes]

    @property
    def directory(self):
        """Where server.properties, server.log and the data of each node lie."""
        return self._directory

    def start(self):
        """Formats and starts every node; returns when all of them answer for the cluster."""
        jars = fetch_jars()
        java_home = os.environ.get("JAVA_HOME")
        java = f"{java_home}/bin/java" if java_home else "java"
        if not shutil.which(java):
            raise KafkaError(f"{java} not found: run deploy/install-packages.sh test")
        self._java_command = [java, *JAVA_OPTIONS, "-cp", f"{jars}/*"]
        self._directory = Path(tempfile.mkdtemp(prefix="sojourn-kafka-"))
        atexit.register(self.stop)
        try:
            self._lay_out_nodes()
            for node in self._nodes:
                self._launch(node)
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        """Stops every node as an operator would and removes the data. Harmless when stopped."""
        for node in self._nodes:
            if node.process and node.process.poll() is None:
                node.process.terminate()
        for node in self._nodes:
            self._reap(node, STOP_TIMEOUT_SECONDS)
        self._nodes = []
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None
        atexit.unregister(self.stop)

    def kill(self, node_index=0):
        """kill -9 of one node; its data and address stay for restart()."""
        node = self._nodes[node_index]
        node.process.kill()
        node.process.wait()

    def restart(self, node_index=0):
        """Starts one node again on its data, after kill() or, cleanly stopping it, from running."""
        node = self._nodes[node_index]
        if node.process.poll() is None:
            node.process.terminate()
            self._reap(node, STOP_TIMEOUT_SECONDS)
        self._launch(node)
        self._wait_until_ready()

    def create_topic(self, name, partitions=1, config=None, replicas=1):
        """Creates a topic; KafkaError names the broker's error code."""
        entries = b"".join(_string(key) + _string(str(value))
                           for key, value in (config or {}).items())
        body = (struct.pack(">i", 1) + _string(name) +
                struct.pack(">ihii", partitions, replicas, 0, len(config or {})) + entries +
                struct.pack(">i?", 30000, False))
        create_topics_key, version = 19, 2
        last_error = None
        for node in self._nodes:  # With several nodes only the active controller obeys.
            answer = _request(node.broker_port, create_topics_key, version, body)
            name_bytes = struct.unpack(">h", answer[8:10])[0]
            last_error = struct.unpack(">h", answer[10 + name_bytes:12 + name_bytes])[0]
            if last_error == 0:
                return
        raise KafkaError(f"creating topic {name} failed with error code {last_error}")

    def forget_group(self, name, timeout_seconds=60):
        """Deletes a consumer group and its offsets, as their retention would; waits until the last
        member's session is over. Of a single node, which coordinates every group."""
        delete_groups_key, version, body = 42, 0, struct.pack(">i", 1) + _string(name)
        deadline = time.monotonic() + timeout_seconds
        while True:
            answer = _request(self._nodes[0].broker_port, delete_groups_key, version, body)
            error = struct.unpack(">h", answer[-2:])[0]
            if error == 0:
                return
            if time.monotonic() > deadline:
                raise KafkaError(f"deleting group {name} failed with error code {error}")
            time.sleep(0.2)

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()

    def _lay_out_nodes(self):
        ports = _free_ports(3 * self._node_count)
        self._nodes = [
            _Node(index + 1, self._directory / f"node-{index + 1}", ports[3 * index:3 * index + 3],
                  self._proxy_ports[index]) for index in range(self._node_count)
        ]
        voters = ",".join(f"{node.node_id}@127.0.0.1:{node.controller_port}"
                          for node in self._nodes)
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        for node in self._nodes:
            node.write_properties(voters, min(3, self._node_count), self._overrides)
            self._format(node, cluster_id)

    def _format(self, node, cluster_id):
        command = [*self._java_command, "kafka.tools.StorageTool", "format", "-t", cluster_id,
                   "-c", str(node.properties_file)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise KafkaError(f"formatting the storage failed:\n{result.stdout}{result.stderr}")

    def _launch(self, node):
        with open(node.log_file, "ab") as log:
            node.launch_offset = log.tell()
            node.process = subprocess.Popen(
                [*self._java_command, "kafka.Kafka", str(node.properties_file)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=node.directory,
                preexec_fn=_die_with_parent)

    def _reap(self, node, timeout_seconds):
        if not node.process:
            return
        try:
            node.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            node.process.kill()
            node.process.wait()

    def _wait_until_ready(self):
        """Ready means: every running node has started, knows all the others to be alive, and has
        a leader for every partition it holds."""
        deadline = time.monotonic() + self._start_timeout
        running = [node for node in self._nodes if node.process.poll() is None]
        for node in running:
            while not (node.has_started() and _is_ready(node, len(running))):
                if node.process.poll() is not None or time.monotonic() > deadline:
                    lines = node.log_file.read_text(errors="replace").splitlines()[-40:]
                    raise KafkaError("the broker did not start:\n" + "\n".join(lines))
                time.sleep(0.1)


def _string(text):
    data = text.encode()
    return struct.pack(">h", len(data)) + data


def _request(port, api_key, version, body):
    """One request in Kafka's protocol; returns the answer after its correlation id."""
    message = struct.pack(">hhi", api_key, version, 1) + _string("sojourn-tests") + body
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(struct.pack(">i", len(message)) + message)
        with connection.makefile("rb") as stream:
            size = struct.unpack(">i", _read_exactly(stream, 4))[0]
            return _read_exactly(stream, size)[4:]


def _read_exactly(stream, size):
    data = stream.read(size)
    if len(data) < size:
        raise KafkaError("the broker closed the connection")
    return data


class _Reader:
    """Takes values of Kafka's protocol off the front of an answer."""

    def __init__(self, data):
        self._data = data
        self._position = 0

    def take(self, layout):
        values = struct.unpack_from(">" + layout, self._data, self._position)
        self._position += struct.calcsize(">" + layout)
        return values[0] if len(values) == 1 else values

    def skip_string(self):
        length = self.take("h")
        self._position += max(0, length)

    def integers(self):
        return [self.take("i") for _ in range(self.take("i"))]


def _is_ready(node, node_count):
    """Whether the node sees node_count brokers alive and its own partitions led."""
    metadata_key, version, all_topics = 3, 1, struct.pack(">i", -1)
    try:
        answer = _Reader(_request(node.broker_port, metadata_key, version, all_topics))
    except (OSError, KafkaError):
        return False
    alive_count = answer.take("i")
    for _ in range(alive_count):
        answer.take("i")  # node id
        answer.skip_string()  # host
        answer.take("i")  # port
        answer.skip_string()  # rack
    answer.take("i")  # controller id
    led = True
    for _ in range(answer.take("i")):
        answer.take("h")  # error
        answer.skip_string()  # topic
        answer.take("?")  # internal
        for _ in range(answer.take("i")):
            _, _, leader = answer.take("hii")
            replicas, _ = answer.integers(), answer.integers()
            led = led and (leader >= 0 or node.node_id not in replicas)
    return alive_count == node_count and led


def _property(text):
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def _run(arguments):
    for end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(end, lambda *unused: sys.exit(0))  # Unwinds through the broker's stop().
    parent = os.getppid()
    with KafkaBroker(arguments.nodes, dict(arguments.property)) as broker:
        print(broker.bootstrap, flush=True)
        while os.getppid() == parent:
            time.sleep(0.5)


def main():
    parser = argparse.ArgumentParser(description="A real Apache Kafka broker for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fetch", help="fetch the jars and stop")
    run = commands.add_parser("run", help="print the bootstrap address, stay until SIGTERM")
    run.add_argument("--nodes", type=int, default=1)
    run.add_argument("--property", action="append", default=[], type=_property,
                     metavar="KEY=VALUE",
                     help="a line of server.properties; may be repeated")
    arguments = parser.parse_args()
    try:
        if arguments.command == "fetch":
            print(fetch_jars())
        else:
            _run(arguments)
    except KafkaError as error:
        print(f"kafka_broker: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
