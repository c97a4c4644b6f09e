"""Where things are unpacked for a moment: below the version that is being written, so that what a killed reader leaves
behind goes with its unfinished version; in the system's temporary folder when nothing is written."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from trainer.errors import DataError

FOLDER: ContextVar[Path | None] = ContextVar("scratch", default=None)
SPARE_BYTES = 256 * 1024**2
"""Left free on the disk: the site's database and logs may be on it."""


@contextmanager
def below(folder: Path) -> Iterator[None]:
    """Everything unpacked inside goes below `folder`, which is made and removed."""
    folder.mkdir(parents=True)
    token = FOLDER.set(folder)
    try:
        yield
    finally:
        FOLDER.reset(token)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that goes when its user is done."""
    with tempfile.TemporaryDirectory(prefix="maquette-read-", dir=FOLDER.get()) as place:
        yield Path(place)


def check_room(folder: Path, wanted: int, name: str) -> None:
    """Raises `DataError` when the disk has no room for `wanted` bytes."""
    place = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    free = shutil.disk_usage(place).free
    if wanted + SPARE_BYTES > free:
        raise no_space(name, wanted, free)


def no_space(name: str, wanted: int, free: int) -> DataError:
    return DataError(
        f"There is no room to unpack {name}: it takes {megabytes(wanted)}, and the disk of this machine has {megabytes(free)} left.",
        code="no_space",
        hint="Free some room, or send a part of it.",
    )


def megabytes(size: int) -> str:
    return f"{max(size, 1 << 20) >> 20:,} MB"


def is_full(error: OSError) -> bool:
    """Whether a write failed because disk, quota or file size ran out."""
    import errno

    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def free_bytes(folder: Path) -> int:
    return os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
