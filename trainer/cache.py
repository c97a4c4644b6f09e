"""What runs compute once and keep for later ones (vectors, decoded pictures and sounds, previews), in one folder of at most
`MAQUETTE_CACHE_BYTES`: what was used longest ago leaves first.

The site gives every dataset a folder of its own, `workspaces/<workspace>/<dataset>` below its cache (`folder_of`): it goes
with the dataset, and whoever reads one sees nobody else's. `keep_all_within` brings all of them together below the limit.

Several processes share the folder. Files are written under `.parts` and renamed into place under a lock, so that a reader
sees a whole file or none; whoever holds one open (`open_entry`) keeps it from being removed.
"""

import fcntl
import os
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from trainer.disk import reserve_bytes

DEFAULT_BYTES = 5 << 30
RESERVES = 4
"""A cache leaves so many times the disk's reserve free: it is the first to make room."""
PATTERNS = ("embeddings/*.npy", "*/*.decoded", "*/*.facts.json", "previews/*/*", "labelling/*")
"""What lies under the folder and may be removed, files or folders; nothing else there is touched. The facts are of
files that earlier versions decoded."""
PARTS, LOCK = ".parts", ".lock"
WORKSPACES = "workspaces"
UNKEYED = ("embeddings", "pictures", "sounds", "previews")
"""Folders of earlier versions, which kept what is of all datasets together."""
LEFT_BEHIND_SECONDS = 24 * 3600.0
"""After which a half-written file is nobody's."""


@dataclass(frozen=True)
class Entry:
    """`used`: when it was used last, in seconds since the epoch."""

    path: Path
    bytes: int
    used: float


def limit_bytes() -> int:
    return int(os.environ.get("MAQUETTE_CACHE_BYTES") or DEFAULT_BYTES)


def spare_bytes() -> int:
    """Bytes of disk that are left free."""
    return RESERVES * reserve_bytes()


def entries(root: Path) -> list[Entry]:
    """Everything that may be removed, the longest unused first."""
    listed = []
    for path in dict.fromkeys(path for pattern in PATTERNS for path in root.glob(pattern)):
        with suppress(FileNotFoundError):  # removed meanwhile by another process
            listed.append(Entry(path, size_of(path), path.stat().st_mtime))
    return sorted(listed, key=lambda entry: entry.used)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_dir():
        return sum(size_of(inner) for inner in path.iterdir())
    return path.stat().st_size


def total_bytes(root: Path) -> int:
    return sum(entry.bytes for entry in entries(root))


def workspace_folder(root: Path, workspace: str) -> Path:
    return root / WORKSPACES / workspace


def folder_of(root: Path, workspace: str, dataset: str) -> Path:
    """Where what is computed from one dataset is kept."""
    return workspace_folder(root, workspace) / dataset


def folders(root: Path) -> list[Path]:
    """Those of all datasets."""
    return [path for path in (root / WORKSPACES).glob("*/*") if path.is_dir()]


def entries_of_all(root: Path) -> list[tuple[Path, Entry]]:
    """(the dataset's folder, entry) of all datasets, the longest unused first."""
    listed = [(folder, entry) for folder in folders(root) for entry in entries(folder)]
    return sorted(listed, key=lambda pair: pair[1].used)


def total_bytes_of_all(root: Path) -> int:
    return sum(entry.bytes for _folder, entry in entries_of_all(root))


def make_room(roots: list[Path], needed: int) -> None:
    """Remove from these folders together what was used longest ago, until so many bytes are free; what is in use stays."""
    oldest_first = sorted(((root, entry) for root in roots for entry in entries(root)), key=lambda pair: pair[1].used)
    for root, entry in oldest_first:
        if needed <= 0:
            return
        if remove(root, entry.path):
            needed -= entry.bytes


def keep_all_within(root: Path) -> dict[Path, int]:
    """Bring the folders of all datasets together down to the limit, and leave `spare_bytes` of the disk free. What earlier
    versions kept without saying of which dataset it is goes. What is left: {dataset's folder: bytes}."""
    for name in UNKEYED:
        shutil.rmtree(root / name, ignore_errors=True)
    if not root.is_dir():
        return {}
    oldest_first = entries_of_all(root)
    sizes: Counter[Path] = Counter()
    for folder, entry in oldest_first:
        sizes[folder] += entry.bytes
    for folder, entry in oldest_first:
        if sizes.total() <= limit_bytes() and shutil.disk_usage(root).free >= spare_bytes():
            break
        if remove(folder, entry.path):
            sizes[folder] -= entry.bytes
    return sizes


def touch(path: Path) -> None:
    """Say that it is used now."""
    with suppress(FileNotFoundError):
        os.utime(path)


def open_entry(path: Path) -> int:
    """A file descriptor of an entry that is used now: until it is closed the entry is not removed. `FileNotFoundError`."""
    handle = os.open(path, os.O_RDONLY)
    hold_open(handle)
    os.utime(handle)
    return handle


def hold_open(handle: int) -> None:
    """Keep an open file from being removed; a file system without locks lets it go, and the descriptor stays good."""
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)


@contextmanager
def writing(root: Path, path: Path) -> Iterator[Path]:
    """Where to write what shall become `path`: put in place whole when the block ends well, unless the folder has no room."""
    (root / PARTS).mkdir(parents=True, exist_ok=True)
    part = root / PARTS / uuid.uuid4().hex
    try:
        yield part
        with locked(root):
            if trim(root, coming=part.stat().st_size):
                path.parent.mkdir(parents=True, exist_ok=True)
                part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def keep_within(root: Path) -> None:
    """Bring the folder down to its limit, after something was written there in another way."""
    root.mkdir(parents=True, exist_ok=True)
    with locked(root):
        trim(root)


def make_disk_room(root: Path, needed: int) -> bool:
    """Whether the disk has room for so many bytes; what was used longest ago is removed for them."""
    root.mkdir(parents=True, exist_ok=True)
    with locked(root):
        oldest = iter(entries(root))
        while shutil.disk_usage(root).free < needed + spare_bytes():
            entry = next(oldest, None)
            if entry is None:
                return False
            remove(root, entry.path)
    return True


def trim(root: Path, coming: int = 0) -> bool:
    """Whether so many bytes more fit within the limit now; what was used longest ago has left for them. Needs the lock."""
    remove_leftovers(root)
    allowed = limit_bytes() - coming
    if allowed < 0:
        return False
    oldest_first = entries(root)
    total = sum(entry.bytes for entry in oldest_first)
    for entry in oldest_first:
        if total <= allowed:
            break
        if remove(root, entry.path):
            total -= entry.bytes
    return total <= allowed


def remove(root: Path, path: Path) -> bool:
    """Whether it is gone: what somebody holds open stays."""
    try:
        if path.is_dir():
            aside = root / PARTS / uuid.uuid4().hex
            aside.parent.mkdir(exist_ok=True)
            path.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
        else:
            with path.open("rb") as file:
                if is_held(file.fileno()):
                    return False
                path.unlink()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def is_held(handle: int) -> bool:
    """Whether somebody else keeps an open file; nobody can where the file system knows no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def remove_leftovers(root: Path) -> None:
    """Remove what killed processes left half-written."""
    for part in (root / PARTS).glob("*"):
        with suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > LEFT_BEHIND_SECONDS:
                shutil.rmtree(part, ignore_errors=True) if part.is_dir() else part.unlink()


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """One process at a time counts, removes and puts in place."""
    with (root / LOCK).open("ab") as file:
        with suppress(OSError):  # a file system without locks: the limit may be passed for a moment, no more
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
