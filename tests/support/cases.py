"""The little test runner of the integration tests.

A test file ends with `sys.exit(run_cases(globals()))`. Every function test_NAME of it is one case:
returning passes, AssertionError or any other exception fails, Skipped skips. Each case prints one
line that tests/run.sh counts: `ok NAME`, `not ok NAME: reason` or `skipped NAME: reason`, where
NAME is FILE.CASE. With arguments, only the named cases run. Standard library only.
"""

import os
import sys
import time
import traceback
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]


class Skipped(Exception):
    """Raised by a case that cannot run here; the text says what is missing."""


def binary():
    """The sojourn binary under test: $SOJOURN_BINARY, else the release build's."""
    path = Path(os.environ.get("SOJOURN_BINARY", PROJECT_ROOT / "build/release/sojourn"))
    assert path.exists(), f"{path} is not built"
    return path


def long_run():
    """Whether there is time for what takes longer: `tests/run.sh --long`."""
    return "SOJOURN_LONG_TESTS" in os.environ


def shared_data(name):
    """The path of a shared data set; Skipped where it is absent (see CONTRIBUTING.md)."""
    base = Path(os.environ.get("SOJOURN_TEST_DATA", PROJECT_ROOT.parent / "shared/data"))
    if not (base / name).exists():
        raise Skipped(f"no {name} in {base}")
    return base / name


def _run_case(name, case):
    start = time.monotonic()
    try:
        case()
    except Skipped as reason:
        print(f"skipped {name}: {reason}", flush=True)
        return True
    except Exception as error:  # One failing case must not hide the next.
        traceback.print_exc()
        sys.stderr.flush()
        first_line = (str(error).splitlines() or [""])[0]
        print(f"not ok {name}: {type(error).__name__}: {first_line}", flush=True)
        return False
    print(f"ok {name} ({time.monotonic() - start:.1f} s)", flush=True)
    return True


def run_cases(members):
    """Runs the cases of a module's globals(); returns its exit code."""
    suite = Path(members["__file__"]).stem
    cases = {name: member for name, member in members.items()
             if name.startswith("test_") and callable(member)}
    chosen = sys.argv[1:] or list(cases)
    unknown = [name for name in chosen if name not in cases]
    if unknown:
        print(f"no such case: {', '.join(unknown)}", file=sys.stderr)
        return 2
    results = [_run_case(f"{suite}.{name[len('test_'):]}", cases[name]) for name in chosen]
    return 0 if all(results) else 1
