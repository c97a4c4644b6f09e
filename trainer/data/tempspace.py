"""Where things are unpacked for a moment: below the version that is being written, so that what a killed reader leaves
behind goes with its unfinished version; in the system's temporary folder when nothing is written."""

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO

from trainer import disk
from trainer.errors import DataError
from trainer.messages import _

FOLDER: ContextVar[Path | None] = ContextVar("scratch", default=None)
PREFIX = "maquette-read-"


@contextmanager
def use_folder(folder: Path) -> Iterator[None]:
    """Everything unpacked inside goes below `folder`, which is made and removed."""
    folder.mkdir(parents=True)
    token = FOLDER.set(folder)
    try:
        yield
    finally:
        FOLDER.reset(token)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that goes when its user is done."""
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=FOLDER.get()) as place:
        yield Path(place)


def temporary_file() -> IO[bytes]:
    """A file without a name, whose room is free again once it is closed, or its process killed."""
    return tempfile.TemporaryFile(prefix=PREFIX, dir=FOLDER.get())


def free_bytes() -> int:
    """What may be unpacked."""
    return max(0, disk.free_bytes(FOLDER.get() or tempfile.gettempdir()))


def check_room(needed: int, name: str) -> None:
    """Raises `DataError` when the disk has no room for `needed` bytes more."""
    if needed > free_bytes():
        raise no_space(name, needed)


def no_space(name: str, needed: int = 0) -> DataError:
    """The error for a disk that has no room for `needed` bytes more."""
    takes = f": it takes {needed >> 20:,} MB more" if needed >> 20 else ""
    return DataError(
        _(
            "There is no room on this machine's disk to unpack %(name)s%(takes)s, and %(value)s MB are left.",
            name=name,
            takes=takes,
            value=f"{free_bytes() >> 20:,}",
        ),
        code="no_space",
        hint=_("Free some room, or send a part of it."),
    )


def is_full(error: OSError) -> bool:
    """Whether a write failed because the disk, a quota or the largest file is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
