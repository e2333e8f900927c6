#!/usr/bin/python3
"""The fuzz targets of tests/fuzz.

Usually each gets the inputs kept in tests/fuzz/corpus once more, in the debug build; in long runs
(tests/run.sh --long) the preset `fuzz` is built and each target looks for new ones for some minutes.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cases import PROJECT_ROOT, long_run, run_cases  # noqa: E402

CORPUS = PROJECT_ROOT / "tests/fuzz/corpus"
TARGETS = ["expression", "feedback", "http_body", "mime", "report_mail", "rules", "smtp_reply",
           "template", "test_file", "token"]
SECONDS = int(os.environ.get("SOJOURN_FUZZ_SECONDS", "240"))
MOST_CORPUS_BYTES = 500_000
# The address sanitizer holds freed memory back; what counts against the limit is what is in use.
SANITIZER = {"ASAN_OPTIONS": "quarantine_size_mb=16", "UBSAN_OPTIONS": "print_stacktrace=1"}


def run(command, timeout):
    return subprocess.run(command, capture_output=True, check=False, timeout=timeout,
                          env={**os.environ, **SANITIZER})


def replay(target):
    program = PROJECT_ROOT / f"build/debug/bin/fuzz_{target}"
    assert program.exists(), f"{program} is not built"
    inputs = sorted((CORPUS / target).iterdir())
    assert inputs, f"no inputs are kept for {target}"
    process = run([program, *inputs], 600)
    errors = process.stderr.decode(errors="replace")
    assert process.returncode == 0, f"exit code {process.returncode}: {errors[-4000:]}"
    assert process.stdout.decode() == f"{len(inputs)} inputs\n", process.stdout


def test_kept_expressions():
    replay("expression")


def test_kept_feedback():
    replay("feedback")


def test_kept_http_bodies():
    replay("http_body")


def test_kept_mails():
    replay("mime")


def test_kept_smtp_replies():
    replay("smtp_reply")


def test_kept_tokens():
    replay("token")


def test_kept_report_mails():
    replay("report_mail")


def test_kept_rules():
    replay("rules")


def test_kept_templates():
    replay("template")


def test_kept_test_files():
    replay("test_file")


def test_the_kept_inputs_are_few():
    files = [path for path in CORPUS.glob("*/*")]
    assert {path.parent.name for path in files} == set(TARGETS)
    size = sum(path.stat().st_size for path in files)
    assert size <= MOST_CORPUS_BYTES, f"{size} bytes; keep what shows something new"


def build():
    for command in (["cmake", "--preset", "fuzz"],
                    ["cmake", "--build", "--preset", "fuzz", "-j", str(os.cpu_count())]):
        process = run(command, 1700)
        assert process.returncode == 0, process.stdout.decode(errors="replace")[-4000:]


def look_for_new(target):
    """What the fuzzer said; what it finds stays in build/fuzz."""
    found = PROJECT_ROOT / f"build/fuzz/found/{target}"
    found.mkdir(parents=True, exist_ok=True)
    return run([PROJECT_ROOT / f"build/fuzz/bin/fuzz_{target}", f"-max_total_time={SECONDS}",
                "-timeout=2", "-max_len=4096", "-rss_limit_mb=256",
                f"-artifact_prefix={found}/bad-", found, CORPUS / target], SECONDS + 300)


def fuzz_every_target():
    build()
    with ThreadPoolExecutor(max_workers=2) as pool:
        for target, process in zip(TARGETS, pool.map(look_for_new, TARGETS)):
            said = process.stderr.decode(errors="replace")
            assert process.returncode == 0, f"{target}: {said[-6000:]}"
            assert "DONE" in said, f"{target} did not run: {said[-1000:]}"


if long_run():
    test_fuzz_every_target = fuzz_every_target


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
