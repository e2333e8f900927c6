"""A directory that loses power: back to what was synced of it, by the notes of power_loss.cc.

    disk = PowerLossDisk(directory / "data", library)
    ... a process with disk.environment(); kill it ...
    disk.lose_power(draw)

What was written and not synced may be there in part: it is kept from its beginning as far as `draw`
(a random.Random) says, mostly not at all. Standard library only.
"""

import os
import shutil
import struct
from pathlib import Path

from cases import PROJECT_ROOT

LIBRARY = "build/release/tests/chaos/libpower_loss.so"
ENTRY = struct.Struct("=QQ")
NOTHING_OF_IT = 0.6  # how often nothing of what was not synced is there


def library():
    """$SOJOURN_POWER_LOSS, else the release build's."""
    path = Path(os.environ.get("SOJOURN_POWER_LOSS", PROJECT_ROOT / LIBRARY))
    assert path.exists(), f"{path} is not built: cmake --build --preset release --target power_loss"
    return path


class PowerLossDisk:
    """Owns `tree` and two neighbours of it: TREE.shadow and TREE.ledger."""

    def __init__(self, tree):
        self.tree = Path(tree).resolve()
        self.shadow = Path(f"{self.tree}.shadow")
        self.ledger = Path(f"{self.tree}.ledger")
        self.tree.mkdir()
        self._note_all()

    def environment(self, die_at=None, die="before"):
        """For the process; `die_at`: the number of the sync at which it is to kill itself."""
        variables = {"LD_PRELOAD": str(library()), "POWER_LOSS_TREE": str(self.tree),
                     "POWER_LOSS_SHADOW": str(self.shadow), "POWER_LOSS_LEDGER": str(self.ledger)}
        if die_at is not None:
            variables.update(POWER_LOSS_DIE_AT=str(die_at), POWER_LOSS_DIE=die)
        return {**os.environ, **variables}

    def lose_power(self, draw):
        """The process has been killed. Gives how many bytes and names are taken back."""
        durable = self._read_ledger()
        before = {path.relative_to(self.tree) for path in self.tree.rglob("*")}
        fresh = Path(f"{self.tree}.fresh")
        lost_bytes = self._bring_back(self.tree.stat().st_ino, fresh, durable, draw)
        shutil.rmtree(self.tree)
        fresh.rename(self.tree)
        after = {path.relative_to(self.tree) for path in self.tree.rglob("*")}
        self._note_all()
        return lost_bytes, len(before ^ after)

    def _read_ledger(self):
        data = self.ledger.read_bytes()
        return dict(ENTRY.iter_unpack(data[:len(data) // ENTRY.size * ENTRY.size]))

    def _bring_back(self, inode, target, durable, draw):
        """Makes what is durable of a directory; gives how many bytes of its files are lost."""
        target.mkdir()
        own, lost_bytes = self.shadow / str(inode), 0
        for entry in sorted(own.iterdir()) if own.exists() else []:
            place = target / entry.name
            if entry.is_symlink():
                lost_bytes += self._bring_back(int(os.readlink(entry)), place, durable, draw)
                continue
            os.link(entry, place)
            size, kept = place.stat().st_size, durable.get(place.stat().st_ino, 0)
            if kept < size:
                if draw.random() > NOTHING_OF_IT:
                    kept = draw.randrange(kept, size)
                os.truncate(place, kept)
                lost_bytes += size - kept
        return lost_bytes

    def _note_all(self):
        """All that is there is durable."""
        shutil.rmtree(self.shadow, ignore_errors=True)
        self.shadow.mkdir()
        entries = []
        for directory in [self.tree, *(path for path in self.tree.rglob("*") if path.is_dir())]:
            own = self.shadow / str(directory.stat().st_ino)
            own.mkdir()
            for entry in directory.iterdir():
                if entry.is_dir():
                    (own / entry.name).symlink_to(str(entry.stat().st_ino))
                else:
                    os.link(entry, own / entry.name)
                    entries.append(ENTRY.pack(entry.stat().st_ino, entry.stat().st_size))
        self.ledger.write_bytes(b"".join(entries))
