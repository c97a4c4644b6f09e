"""An empty database with its tables, made once and copied: 100 migrations take longer than most files of tests.

It is kept under var/, named by what it is made from, so that a changed migration or library makes another.
"""

import fcntl
import hashlib
import shutil
import sqlite3
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "var" / "test-databases"


def template() -> Path:
    digest = hashlib.sha256("".join(map(version, ("django", "django-allauth"))).encode())
    for path in sorted((ROOT / "webapp").glob("*/migrations/*.py")):
        digest.update(path.read_bytes())
    return KEPT / f"{digest.hexdigest()[:24]}.sqlite3"


def take_copy(database: Path) -> bool:
    """Whether there was one: it lies where `database` says then."""
    try:
        shutil.copy(template(), database)
    except FileNotFoundError:
        return False
    return True


def keep_copy(database: Path) -> None:
    """Of a database that nothing was written to yet; those of earlier migrations go."""
    kept = template()
    part = kept.with_suffix(".part")
    with sqlite3.connect(database) as source, sqlite3.connect(part) as target:
        source.backup(target)
    target.close()
    source.close()
    part.replace(kept)
    for other in KEPT.glob("*.sqlite3"):
        if other != kept:
            other.unlink(missing_ok=True)


class Prepared:
    """Of one process of pytest: the copy that it begins with, or the making of one, for which others that start together wait."""

    def __init__(self, database: Path | None) -> None:
        """None: a database that is not a file."""
        self.database, self.lock = database, None
        if database is None:
            return
        KEPT.mkdir(parents=True, exist_ok=True)
        self.lock = (KEPT / "lock").open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        if take_copy(database):
            self.lock.close()
            self.lock = None

    def finish(self) -> None:
        """Once the tables are there."""
        if self.lock is not None and self.database is not None:
            keep_copy(self.database)
            self.lock.close()
