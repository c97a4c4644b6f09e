"""Stylesheets, scripts, fonts and pictures as they are served: under names that hold their hash, so that a browser keeps them
for good, and packed once.

The web process collects them when it starts, into a folder of its own data: the operator need not think of it,
whether by `make run` or in a container. While DEBUG is set they are served as they are in the checkout.
"""

import fcntl
import hashlib
import json
import logging
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage, staticfiles_storage
from django.core.management import call_command

log = logging.getLogger(__name__)
STAMP = "collected.json"


def collect() -> None:
    """Bring STATIC_ROOT up to date, once, however many web processes start together. Files of earlier versions stay: pages
    that were loaded before an upgrade still ask for them."""
    if settings.DEBUG or not isinstance(staticfiles_storage, ManifestStaticFilesStorage):
        return
    folder = Path(settings.STATIC_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        current = fingerprint()
        if collected(folder) != current:
            call_command("collectstatic", interactive=False, verbosity=0)
            (folder / STAMP).write_text(json.dumps(current), "utf-8")
    files, mark = staticfiles_storage.load_manifest()
    staticfiles_storage.hashed_files, staticfiles_storage.manifest_hash = files, mark  # type: ignore[assignment]


def fingerprint() -> str:
    """Changes when any of the files does."""
    files = sorted(
        (path, Path(storage.path(path)).stat().st_size, Path(storage.path(path)).stat().st_mtime_ns)
        for finder in finders.get_finders()
        for path, storage in finder.list([])
    )
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()


def collected(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / STAMP).read_text("utf-8")))
    except (FileNotFoundError, ValueError):
        return None
