"""How much of a disk may still be filled: what is below the reserve is for the database and for what is being saved. Light."""

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

RESERVE_BYTES = 512 << 20
HUB_BYTES = 50 << 30


def reserve_bytes() -> int:
    """Bytes of disk that nobody's files may take: MAQUETTE_DISK_RESERVE_BYTES."""
    return int(os.environ.get("MAQUETTE_DISK_RESERVE_BYTES") or RESERVE_BYTES)


def free_bytes(path: Path | str) -> int:
    """What may still be written to the disk of a folder; below 0 where the reserve has been touched."""
    return shutil.disk_usage(path).free - reserve_bytes()


def hub_limit_bytes() -> int:
    """What all base models of the hub may take together: MAQUETTE_HUB_BYTES."""
    return int(os.environ.get("MAQUETTE_HUB_BYTES") or HUB_BYTES)


def hub_bytes(cache: Path) -> int:
    """What those in the hub's cache take: snapshots are links to files that count once."""
    size = 0
    for path in (path for folder in cache.glob("models--*") for path in folder.rglob("*")):
        with suppress(FileNotFoundError):  # a half of a download, gone meanwhile
            facts = path.lstat()
            size += facts.st_size if stat.S_ISREG(facts.st_mode) else 0
    return size
