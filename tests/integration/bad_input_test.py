#!/usr/bin/env python3
"""Wrong flags, files, directories, ports and brokers: one line that names the thing, exit code 2."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import binary, run_cases  # noqa: E402
from small_disk import small_disk  # noqa: E402
from small_rules import write_small_rules  # noqa: E402
from sojourn_process import Sojourn, free_port  # noqa: E402


@contextmanager
def workplace():
    """A temporary directory with the small rules in it."""
    with tempfile.TemporaryDirectory(prefix="sojourn-bad-input-") as name:
        directory = Path(name)
        write_small_rules(directory / "rules")
        yield directory


def run(*arguments, timeout=60, cwd=None):
    return subprocess.run([str(binary()), *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, cwd=cwd)


def complaint(*arguments, names=(), **options):
    """The one line with which a command refuses; it has the words `names`."""
    result = run(*arguments, **options)
    assert result.returncode == 2, f"{arguments}: {result.returncode}: {result.stderr}"
    lines = [line for line in result.stderr.splitlines() if not line.startswith("time=")]
    assert len(lines) == 1 and lines[0].startswith("sojourn: "), f"{arguments}: {result.stderr}"
    assert result.stdout == "", result.stdout
    for name in names:
        assert name in lines[0], f"{name!r} is not in: {lines[0]}"
    return lines[0]


def run_arguments(directory, **replaced):
    options = {"rules": directory / "rules", "data": directory / "data",
               "listen": f"127.0.0.1:{free_port()}", **replaced}
    return ["run", *(word for key, value in options.items() for word in (f"--{key}", value))]


def test_command_line():
    complaint(names=["command is missing", "--help"])
    complaint("jump", names=["command jump", "--help"])
    complaint("--jump", names=["flag --jump", "--help"])
    complaint("run", "--jump", names=["--jump", "sojourn help run"])
    complaint("run", "fast", names=["fast", "sojourn help run"])
    complaint("run", "--config", names=["--config"])
    complaint("import", names=["FILE"])
    complaint("help", "jump", names=["jump"])
    complaint("actions", "--limit", "0", names=["--limit", "0 not in range"])
    complaint("actions", "--limit", "many", names=["--limit", "many"])
    complaint("actions", "--format", "xml", names=["xml", "text", "json"])
    complaint("check", "--format", "xml", names=["xml", "sarif"])
    complaint("test", "--format", "xml", names=["xml", "junit"])
    complaint("import", "x.ndjson", "--as", "rumour", names=["rumour", "history", "events"])


def test_help():
    result = run("help", "run")
    assert result.returncode == 0 and "Usage: sojourn run" in result.stdout, result.stdout
    assert "--listen" in result.stdout and "--rules" in result.stdout
    assert run("run", "--help").stdout.strip() == result.stdout.strip()
    result = run("help", "kafka", "create-topics")
    assert "Usage: sojourn kafka create-topics" in result.stdout, result.stdout
    assert run("--version").stdout.startswith("sojourn ")


def test_config():
    with workplace() as directory:
        config = directory / "c.yaml"

        def wrong(text, *names):
            config.write_text(text)
            complaint("run", "--config", config, names=names)

        wrong("app: shop\nrulez: rules\n", f"{config}:2:1", "rulez", 'did you mean "rules"')
        wrong("threads: many\n", f"{config}:1:10", "many", "whole number")
        wrong("threads: 0\n", f"{config}:1:10")
        wrong("threads: [1]\n", f"{config}:1:10")
        wrong("log: kafak\n", f"{config}:1:6", 'did you mean "kafka"')
        wrong("kafka: {bootstrap_server: x}\n", f"{config}:1:9", "bootstrap_servers")
        wrong("a: [\n", f"{config}:1:", "YAML")
        wrong("app: \"\ud800\"\n".encode("utf-8", "surrogatepass").decode("latin-1"), str(config))
        wrong("", str(config), "empty")
        wrong("listen: 99\n", "99", "HOST:PORT")
        wrong("listen: 127.0.0.1:99999\n", "99999", "HOST:PORT")
        wrong("listen: 0.0.0.0:8080\n", "0.0.0.0:8080", "write_keys")
        wrong("write_keys: {web: \"\"}\n", "web")
        wrong("write_keys: {web: \"sha265:12\"}\n", "1:19", "sha256:")
        wrong("write_keys: {web: {key: k, publik: true}}\n", "1:28", "public")
        wrong("log: kafka\n", "secrets")
        complaint("run", "--config", directory / "none.yaml", names=["none.yaml", "No such file"])
        complaint("run", "--config", directory, names=[str(directory), "is a directory"])


def test_config_of_mail():
    with workplace() as directory:
        config = directory / "c.yaml"

        def wrong(mail, *names, **settings):
            config.write_text(json.dumps({
                "data": str(directory / "data"), "rules": str(directory / "rules"),
                "listen": f"127.0.0.1:{free_port()}", "mail": mail, **settings}))
            complaint("run", "--config", config, names=names)
            assert not (directory / "data").exists()
        relay = {"host": "relay.example"}
        url = "https://mail.shop.example"
        wrong({"smtp": relay, "public_url": url}, "send: smtp")
        wrong({"send": "smtp", "public_url": url}, "smtp: {host")
        wrong({"send": "smtp", "smtp": relay}, "public_url")
        wrong({"send": "smtp", "smtp": {**relay, "user": "ada"}, "public_url": url}, "password")
        for odd in ("https://x/y?z=1", "https://x y", "x.example"):
            wrong({"send": "smtp", "smtp": relay, "public_url": odd}, "public_url", odd)
        wrong({"send": "files"}, "link_keys", "16", secrets={"link_keys": ["short"]})
        wrong({"send": "files"}, "link_keys", "empty", secrets={"link_keys": ["", "a" * 20]})
        wrong({"send": "files"}, "coupon_key", "empty", secrets={"coupon_key": ""})


def test_config_bytes():
    with workplace() as directory:
        config = directory / "c.yaml"
        for wrong in (b"\xff\xfe", b"\0", b"rules: \xff\n", b"\x80" * 1000, b"[" * 100000):
            config.write_bytes(wrong)
            complaint("run", "--config", config, names=[str(config)])


def test_rules_at_start():
    with workplace() as directory:
        complaint(*run_arguments(directory, rules=directory / "none"), names=["none"])
        (directory / "empty").mkdir()
        complaint(*run_arguments(directory, rules=directory / "empty"), names=["empty", "no rules"])
        (directory / "rules/segments/x.yaml").write_text("segment: x\nwhere: nosuch > 1\n")
        result = run(*run_arguments(directory))
        assert result.returncode == 2, result.stderr
        assert "segments/x.yaml:2:8" in result.stderr and "nosuch" in result.stderr, result.stderr
        assert "do not check: 1 error" in result.stderr, result.stderr
        assert not (directory / "data").exists(), "a data directory was made for nothing"


def test_check_and_test_need_rules():
    with workplace() as directory:
        (directory / "empty").mkdir()
        (directory / "file").write_text("x")
        for command in ("check", "test"):
            complaint(command, directory / "none", names=["none", "No such file"])
            complaint(command, directory / "empty", names=["empty", "no rules"])
            complaint(command, directory / "file", names=["file", "not a directory"])
        assert run("check", directory / "rules").returncode == 0


def test_broker_that_does_not_answer():
    with workplace() as directory:
        config = directory / "c.yaml"
        port = free_port()
        config.write_text(json.dumps({
            "log": "kafka", "rules": str(directory / "rules"), "data": str(directory / "data"),
            "listen": f"127.0.0.1:{free_port()}",
            "secrets": {"coupon_key": "a", "event_id_key": "b"},
            "kafka": {"bootstrap_servers": f"127.0.0.1:{port}"}}))
        begin = time.monotonic()
        complaint("run", "--config", config, names=[f"127.0.0.1:{port}", "bootstrap_servers"])
        assert time.monotonic() - begin < 40


def test_data_directory_of_others():
    with workplace() as directory:
        data = directory / "data"
        data.mkdir()

        def wrong(identity, *names):
            (data / "sojourn.json").write_text(identity)
            complaint(*run_arguments(directory), names=[str(data), *names])
            complaint("actions", "--data", data, names=[str(data), *names])

        wrong('{"format": 99, "app": "sojourn", "partitions": 4}', "99", "newer version")
        wrong('{"format": 1, "app": "other", "partitions": 4}', "other", "another directory")
        wrong('{"format": 1, "app": "sojourn", "partitions": 4000000000}', "damaged", "restore")
        wrong("garbage", "damaged", "restore")
        wrong("", "damaged", "restore")


def test_what_is_no_regular_file():
    with workplace() as directory:
        pipe = directory / "pipe"
        os.mkfifo(pipe)
        config, data = directory / "c.yaml", directory / "data"
        config.write_text("app: a\n")
        for path in (pipe, "/dev/zero"):
            complaint("import", path, "--data", data, names=[str(path), "not a regular file"],
                      timeout=20)
            complaint("run", "--config", path, names=[str(path), "not a regular file"], timeout=20)
            complaint("import", config, "--map", path, "--data", data,
                      names=[str(path), "not a regular file"], timeout=20)
        os.mkfifo(directory / "rules/segments/pipe.yaml")
        result = run("check", directory / "rules", timeout=20)
        assert result.returncode == 1, result.stderr
        assert "segments/pipe.yaml" in result.stdout, result.stdout
        assert "not a regular file" in result.stdout, result.stdout


def test_keys_that_stand_twice():
    with workplace() as directory:
        config = directory / "c.yaml"
        config.write_text("listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n")
        complaint("run", "--config", config, names=[f"{config}:2:1", "listen", "twice"])


def test_columns_that_stand_twice():
    with workplace() as directory:
        events, mapping = directory / "e.csv", directory / "m.yaml"
        events.write_text("who,when,total,total\nu,2026-01-01T00:00:00Z,1,2\n")
        mapping.write_text("person: who\ntime: when\nevent: Bought\n"
                           "properties: {total: {column: total, type: double}}\n")
        complaint("import", events, "--map", mapping, "--data", directory / "data",
                  names=[str(events), '"total"', "twice"])


def test_output_that_cannot_be_written():
    with workplace() as directory:
        for output in ("> /dev/full", ">&-"):
            result = subprocess.run(["sh", "-c", f'"$0" check "$1" {output}', str(binary()),
                                     str(directory / "rules")], capture_output=True, text=True)
            assert result.returncode == 2, f"{output}: {result.returncode}"
            assert "cannot write the output" in result.stderr, result.stderr
            assert len(result.stderr.splitlines()) == 1, result.stderr


def test_a_test_file_that_does_not_check():
    with workplace() as directory:
        (directory / "rules/tests").mkdir()
        (directory / "rules/tests/broken.test.yaml").write_text("tests: 5\n")
        result = run("test", directory / "rules")
        assert result.returncode == 2, result.stderr
        last = result.stdout.splitlines()[-1]
        assert "1 not run" in last and "broken.test.yaml" in last, result.stdout


def test_directories_of_other_applications():
    with workplace() as directory:
        data = directory / "data"
        data.mkdir()
        (data / "PG_VERSION").write_text("15")
        events = directory / "events.ndjson"
        events.write_text('{"userId":"u","event":"E","timestamp":"2026-01-01T00:00:00Z"}\n')
        for command in (run_arguments(directory), ["import", events, "--data", data]):
            complaint(*command, names=[f"{data} is not empty", "choose another"])
            assert os.listdir(data) == ["PG_VERSION"], os.listdir(data)


def test_a_damaged_database_is_left_as_it_is():
    with workplace() as directory:
        with Sojourn(directory / "first", rules=directory / "rules") as sojourn:
            data = Path(sojourn.data)
        (data / "database" / "CURRENT").rename(directory / "CURRENT")
        for _ in range(2):
            complaint("actions", "--data", data, names=[str(data), "restore", "backup"])
            complaint(*run_arguments(directory, data=data), names=[str(data), "backup"])
        (directory / "CURRENT").rename(data / "database" / "CURRENT")
        assert run("actions", "--data", data).returncode == 0
        for log in (data / "database").glob("*.log"):
            log.unlink()
        complaint(*run_arguments(directory, data=data), names=[str(data), "backup"])


def test_data_directory_in_use():
    with workplace() as directory:
        with Sojourn(directory / "first", rules=directory / "rules") as sojourn:
            complaint(*run_arguments(directory, data=sojourn.data),
                      names=[str(sojourn.data), "in use", "another directory"])
            assert sojourn.get("/-/ready")[0] == 200
            assert sojourn.actions() == []  # The second one took nothing of the first's away.


def test_data_directory_that_cannot_be():
    with workplace() as directory:
        (directory / "file").write_text("x")
        complaint(*run_arguments(directory, data=directory / "file/data"), names=["file/data"])
        complaint(*run_arguments(directory, data=directory / "file"), names=[str(directory)])


def test_read_only_disk():
    with workplace() as directory, small_disk(directory / "disk", "16m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        complaint(*run_arguments(directory, data=disk / "data"),
                  names=[str(disk / "data"), "Read-only", "may write"])


def ping(number, person="ann"):
    return {"userId": person, "event": "Ping", "messageId": f"ping-{number}",
            "properties": {"number": f"n{number}"}}


def fill(path, leave_bytes):
    """Takes the disk's room away but for leave_bytes."""
    free = os.statvfs(path.parent)
    size = free.f_bavail * free.f_frsize - leave_bytes
    with open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, size))


def retry_after(sojourn, body):
    """Status and Retry-After of one event."""
    with socket.create_connection(("127.0.0.1", sojourn.port), timeout=30) as connection:
        text = json.dumps(body)
        connection.sendall(f"POST /v1/track HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                           f"Content-Length: {len(text)}\r\n\r\n{text}".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    status = int(answer.split()[1])
    header = answer.split(b"\r\n\r\n")[0].lower()
    return status, b"retry-after:" in header


def accepted_until_full(sojourn, first, count):
    """Sends events until one is refused; the numbers of those acknowledged."""
    acknowledged = []
    for number in range(first, first + count):
        status, says_when = retry_after(sojourn, ping(number))
        if status == 200:
            acknowledged.append(number)
            continue
        assert status in (429, 503) and says_when, f"{status}, Retry-After: {says_when}"
        return acknowledged, True
    return acknowledged, False


def full_disk(leave_bytes):
    with workplace() as directory, small_disk(directory / "disk", "200m") as disk:
        with Sojourn(directory / "process", rules=directory / "rules",
                     data=str(disk / "data")) as sojourn:
            acknowledged, full = accepted_until_full(sojourn, 0, 20)
            assert not full and len(acknowledged) == 20
            fill(disk / "ballast", leave_bytes)
            more, full = accepted_until_full(sojourn, 100, 200)
            assert full, "the disk was full and events were taken"
            acknowledged += more
            time.sleep(2)
            assert sojourn.process.poll() is None, f"ended: {sojourn.log_tail()}"
            assert sojourn.get("/-/healthy")[0] == 200
            (disk / "ballast").unlink()
            sojourn.wait_for(lambda: retry_after(sojourn, ping(1000))[0] == 200, timeout=30,
                             what="intake after the disk was freed")
            acknowledged.append(1000)
            wanted = {f"n{number}" for number in acknowledged}

            def seen():
                return len(sojourn.actions())
            sojourn.wait_for(lambda: seen() >= len(wanted), timeout=30, what="all actions")
            assert seen() == len(wanted), f"{seen()} actions of {len(wanted)} events"
            sojourn.stop()


def test_disk_with_little_room():
    full_disk(leave_bytes=32 << 20)


def test_disk_without_any_room():
    full_disk(leave_bytes=0)


@contextmanager
def taken_port():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_port_in_use():
    with workplace() as directory, taken_port() as port:
        arguments = run_arguments(directory, listen=f"127.0.0.1:{port}")
        complaint(*arguments, names=[str(port), "in use", "another port"])
        assert not (directory / "data").exists(), "a data directory was made for nothing"
        # What waits in a log is not begun either.
        file = directory / "one.ndjson"
        file.write_text(json.dumps({"type": "track", **ping(1), "timestamp": "2025-05-01T00:00:00Z"})
                        + "\n")
        assert run("import", file, "--data", directory / "data").returncode == 0
        for _ in range(3):
            complaint(*arguments, names=[str(port), "in use"])
        assert run("actions", "--data", directory / "data").stdout == ""
        # The data directory is free, and no keys were made for it.
        with Sojourn(directory / "process", rules=directory / "rules",
                     data=str(directory / "data")) as sojourn:
            sojourn.wait_for(sojourn.actions, what="the action")


def test_broken_rules_at_a_restart():
    with workplace() as directory, Sojourn(directory / "process",
                                           rules=directory / "rules") as sojourn:
        sojourn.stop()
        broken = directory / "rules/segments/x.yaml"
        broken.write_text("segment: x\nwhere: nosuch > 1\n")
        sojourn.log_file.write_text("")
        sojourn.start()
        errors = [line for line in sojourn.log_file.read_text().splitlines()
                  if "level=error" in line]
        assert len(errors) == 1 and "segments/x.yaml:2" in errors[0], sojourn.log_tail()
        assert "old ones stay" in errors[0], errors
        assert sojourn.metric("sojourn_rules_last_load_successful") == 0
        assert sojourn.post("/v1/track", ping(1))[0] == 200
        sojourn.wait_for(sojourn.actions, what="the action")
        broken.unlink()
        sojourn.wait_for(lambda: sojourn.metric("sojourn_rules_last_load_successful") == 1,
                         what="the corrected rules")
        sojourn.stop()
        # A directory without rules is a wrong path.
        complaint("run", "--config", sojourn.config, "--rules", directory / "none",
                  names=["none", "No such file"])


def test_listen_elsewhere():
    with workplace() as directory:
        config = directory / "c.yaml"
        config.write_text(json.dumps({"write_keys": {"web": "k"}, "listen": "192.0.2.1:8080",
                                      "rules": str(directory / "rules"),
                                      "data": str(directory / "data")}))
        complaint("run", "--config", config, names=["192.0.2.1", "8080"])


def test_commands_on_a_missing_directory():
    with workplace() as directory:
        none = directory / "none"
        for command in (["actions"], ["enroll", "come-back", "--yes"], ["summary"]):
            complaint(*command, "--data", none, names=[str(none)])
            assert not none.exists(), f"{command} made the directory"
        shutil.rmtree(none, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
