"""Finds the CDNOW purchase history: every order of 23,570 customers of an online music shop.

The data are not part of this project. They are looked for, in this order, in a given file, in
$SOJOURN_TEST_DATA/cdnow, in ../shared/data/cdnow beside the project, and in the cache; else they are
taken out of the Python package `lifetimes`, which ships them. Whatever is found must have the
checksum below. Standard library only (and pip, for the download).
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
FILE_NAME = "CDNOW_master.txt"
SHA256 = "eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef"
PACKAGE = "lifetimes==0.11.3"


class DataError(Exception):
    """The data could not be had or are not what they should be; the text says why."""


def find(given=None):
    """The path of the verified file, downloading it at need."""
    if given:
        return _verified(Path(given))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    cached = cache / "sojourn/cdnow" / FILE_NAME
    places = [PROJECT_ROOT.parent / "shared/data/cdnow" / FILE_NAME, cached]
    if os.environ.get("SOJOURN_TEST_DATA"):
        places.insert(0, Path(os.environ["SOJOURN_TEST_DATA"]) / "cdnow" / FILE_NAME)
    for place in places:
        if place.exists():
            return _verified(place)
    _download(cached)
    return _verified(cached)


def read(path):
    """Yields (customer id, date as YYYYMMDD, quantity, total) for each order, in file order."""
    with open(path, encoding="ascii") as file:
        next(file)  # the names of the columns
        for line in file:
            if line.strip():
                customer, date, quantity, total = line.split()
                yield customer, date, int(quantity), float(total)


def _verified(path):
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    if digest != SHA256:
        raise DataError(f"{path} is not the CDNOW history: its SHA-256 is {digest}, not {SHA256}")
    return path


def _download(target):
    print(f"fetching the CDNOW history from the Python package {PACKAGE}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest",
                   directory, PACKAGE]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise DataError(f"no {FILE_NAME} here, and pip could not fetch it:\n{result.stderr}")
        content = _from_archive(next(Path(directory).iterdir()))
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(target)


def _from_archive(archive):
    """The file's content, out of a wheel or a source archive."""
    suffix = f"lifetimes/datasets/{FILE_NAME}"
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            names = [name for name in wheel.namelist() if name.endswith(suffix)]
            content = wheel.read(names[0]) if names else None
    else:
        with tarfile.open(archive) as source:
            names = [name for name in source.getnames() if name.endswith(suffix)]
            content = source.extractfile(names[0]).read() if names else None
    if content is None:
        raise DataError(f"{archive.name} does not hold {FILE_NAME}")
    return content
