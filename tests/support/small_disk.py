"""A disk of its own that is small and can be filled, in tests; Skipped where none can be mounted.

Standard library only.
"""

import os
import random
import string
import subprocess
from contextlib import contextmanager

from cases import Skipped

MEBIBYTE = 1 << 20


@contextmanager
def small_disk(directory, size):
    """Mounted at `directory`, which it makes; `size` as mount knows it, such as 240m."""
    directory.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs",
                              str(directory)], capture_output=True, text=True)
    if mounted.returncode != 0:
        raise Skipped(f"cannot mount a small disk: {mounted.stderr.strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)


def free_bytes(disk):
    free = os.statvfs(disk)
    return free.f_bavail * free.f_frsize


def fill(disk, leave_bytes):
    """Takes the disk's room away; gives the file to remove."""
    ballast = disk / "ballast"
    with open(ballast, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free_bytes(disk) - leave_bytes))
    return ballast


def noise(size, seed):
    """Text that does not compress."""
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=size))
