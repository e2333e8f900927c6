#!/usr/bin/env python3
"""The include arrows hold, and the check that says so catches what it should."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, run_cases  # noqa: E402
from check_includes import violations  # noqa: E402


def verdict(file_name, included):
    """The violations of a tree with one file with one include."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, file_name)
        path.parent.mkdir(parents=True)
        path.write_text(f'// A comment.\n#include <vector>\n#include "{included}"\n')
        return violations(Path(directory))


def test_no_forbidden_include_in_the_tree():
    found = violations(PROJECT_ROOT)
    assert not found, "\n".join(found)


def test_every_folder_of_the_engine_has_a_rule():
    from check_includes import ALLOWED
    folders = {f"engine/{path.name}" for path in (PROJECT_ROOT / "engine").iterdir()
               if path.is_dir()}
    assert folders <= ALLOWED.keys() | {"engine/cli"}, folders - ALLOWED.keys()


def test_forbidden_includes_are_caught():
    for file_name, included in [
            ("engine/base/time.cc", "engine/model/event.h"),
            ("engine/expr/lexer.cc", "engine/language/bundle.h"),
            ("engine/step/step_test.cc", "engine/runtime/task.h"),
            ("engine/step/step.h", "engine/store/store.h"),
            ("engine/store/store.cc", "engine/expr/expr.h"),
            ("engine/telemetry/metrics.cc", "engine/store/store.h"),
            ("engine/telemetry/metrics.cc", "engine/runtime/task.h"),
            ("engine/runtime/task.cc", "engine/simulate/clock.h"),
            ("engine/runtime/task.cc", "engine/telemetry/metrics.h"),
            ("engine/runtime/task.cc", "connectors/kafka/source.h"),
            ("engine/step/step.cc", "proto/event.pb.h"),
            ("engine/base/time.cc", "time.h"),
            ("connectors/kafka/source.cc", "connectors/embedded/log.h"),
            ("connectors/kafka/deep/source.cc", "connectors/embedded/log.h"),
            ("connectors/kafka/source.cc", "engine/step/step.h"),
            ("connectors/kafka/source.cc", "engine/runtime/task.h"),
            ("connectors/kafka/source.cc", "engine/cli/config.h"),
            ("engine/deliver/mail.h", "connectors/http/mail_pages.h"),
            ("engine/deliver/mail.h", "engine/step/step.h"),
    ]:
        found = verdict(file_name, included)
        assert len(found) == 1 and found[0].startswith(f"{file_name}:3: "), (file_name, found)


def test_allowed_includes_pass():
    for file_name, included in [
            ("engine/expr/lexer.cc", "engine/base/status.h"),
            ("engine/runtime/task.cc", "engine/store/store.h"),
            ("engine/cli/main.cc", "connectors/kafka/source.h"),
            ("engine/model/codec.cc", "proto/event.pb.h"),
            ("connectors/kafka/source.cc", "engine/runtime/ports.h"),
            ("engine/telemetry/metrics.cc", "engine/runtime/observer.h"),
            ("connectors/kafka/source.cc", "engine/telemetry/facts.h"),
            ("connectors/smtp/relay.cc", "engine/deliver/transport.h"),
            ("connectors/kafka/source.cc", "connectors/kafka/client.h"),
            ("connectors/http/mail_pages.cc", "engine/deliver/links.h"),
            ("engine/deliver/page_texts.cc", "engine/language/yaml.h"),
    ]:
        assert not verdict(file_name, included), (file_name, included)


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
