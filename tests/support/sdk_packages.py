"""Libraries that send events, from their registries, in build/sdks. Standard library only.

What versions is written in tests/support/sdks: package.json, requirements.txt, pom.xml. Installed
once and again when that changes; safe for several tests at once.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

from cases import PROJECT_ROOT, Skipped

SETTINGS = Path(__file__).resolve().parent / "sdks"
DIRECTORY = PROJECT_ROOT / "build/sdks"
INSTALL_TIMEOUT_SECONDS = 300


def npm_directory():
    """The directory that has node_modules."""
    def install(directory):
        shutil.copy(SETTINGS / "package.json", directory)
        _run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--omit=optional",
              "--ignore-scripts"], directory)
    return _installed("npm", "npm", install, "package.json")


def python_path():
    """For PYTHONPATH of /usr/bin/python3, or of whatever runs this."""
    def install(directory):
        _run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
              "--disable-pip-version-check", "--root-user-action", "ignore", "--target",
              str(directory), "-r", str(SETTINGS / "requirements.txt")], directory)
    return _installed(sys.executable, "python", install, "requirements.txt")


def java_classpath():
    """Of the library and of Session.java."""
    def install(directory):
        _run(["mvn", "-B", "-q", "-f", str(SETTINGS / "pom.xml"), "dependency:copy-dependencies",
              f"-DoutputDirectory={directory}"], directory)
        _run(["javac", "-cp", f"{directory}/*", "-d", str(directory),
              str(SETTINGS / "java/Session.java")], directory)
    if shutil.which("javac") is None:
        raise Skipped("javac is not installed; deploy/install-packages.sh test")
    directory = _installed("mvn", "java", install, "pom.xml", "java/Session.java")
    return f"{directory}:{directory}/*"


def _installed(command, name, install, *settings):
    if shutil.which(command) is None:
        raise Skipped(f"{command} is not installed; deploy/install-packages.sh test")
    texts = [(SETTINGS / file).read_bytes() for file in settings]
    wanted = hashlib.sha256(b"".join(texts)).hexdigest()
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    directory, stamp = DIRECTORY / name, DIRECTORY / f"{name}.sha256"
    with open(DIRECTORY / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (stamp.exists() and stamp.read_text() == wanted):
            stamp.unlink(missing_ok=True)
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
            install(directory)
            stamp.write_text(wanted)
    return directory


def _run(command, directory):
    for attempt in (1, 2, 3):  # A registry may hiccup.
        result = subprocess.run(command, cwd=directory, capture_output=True, text=True,
                                timeout=INSTALL_TIMEOUT_SECONDS, check=False)
        if result.returncode == 0:
            return
        time.sleep(2 * attempt)
    raise AssertionError(f"{command}: {result.stdout}{result.stderr}")
