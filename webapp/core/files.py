"""Files that people send: stored under our own names, never under theirs."""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from trainer import disk
from webapp.core.ids import new_id
from webapp.core.problems import Problem, is_no_space


def safe_name(name: str) -> str:
    """The readable part of a file name: no folders, no control characters, no leading dots, at most 80 characters and
    200 bytes, since file systems count bytes."""
    base = re.split(r"[\\/]", name)[-1]
    cleaned = "".join(char if char.isalnum() or char in "._- " else "_" for char in base).strip(" .")
    stem, dot, suffix = cleaned.rpartition(".")
    short = f"{cut(stem, 70, 160)}{dot}{cut(suffix, 9, 36)}" if dot else cut(cleaned, 80, 196)
    return short or "file"


def cut(text: str, characters: int, size: int) -> str:
    """The beginning of a text, within so many characters and bytes of UTF-8."""
    return text[:characters].encode(errors="ignore")[:size].decode(errors="ignore")


def check_room(size: int) -> None:
    if size > settings.MAX_UPLOAD_BYTES:
        raise Problem(
            _("The file is %(size)d MB; at most %(limit)d MB are allowed.")
            % {"size": size // 2**20, "limit": settings.MAX_UPLOAD_BYTES // 2**20},
            code="too_large",
            hint=_("Send a part of it, or compress it with gzip."),
            status=413,
        )
    check_disk(size)


def check_disk(size: int = 0) -> None:
    """The one check of all that fills the disk: `Problem` where `size` bytes more would touch what the database needs and what
    is being saved (`trainer.disk`). What fills the disk stops everybody."""
    if disk.free_bytes(settings.MAQUETTE_DATA) < size:
        raise disk_full()


class DiskFull(Problem):
    status, code = 507, "disk_full"


def disk_full() -> DiskFull:
    return DiskFull(
        _("The disk of this machine is nearly full, so nothing more can be saved."),
        hint=_("Remove models or datasets that are no longer needed (Settings, Storage), then try again."),
    )


def store(uploads: Iterable[Any], folder: Path) -> list[str]:
    """Write uploaded files into `folder` as `<n>-<safe name>`; their names, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number, upload in enumerate(uploads):
        name = f"{number}-{safe_name(upload.name or '')}"
        with (folder / name).open("wb") as target:
            for chunk in upload.chunks():
                target.write(chunk)
        names.append(name)
    return names


def write_whole(path: Path, text: str) -> None:
    """Whole or not at all: neither a full disk nor whoever is killed leaves half of a file, which readers would trip over."""
    part = path.with_name(f"{path.name}.{new_id()}.part")
    try:
        part.write_text(text, "utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def files_below(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every file below a folder, and what is known of it; what is deleted meanwhile is left out."""
    for parent, _folders, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue
            if stat.S_ISREG(facts.st_mode):
                yield path, facts


def disk_error(error: OSError) -> dict[str, str]:
    """{code, message, hint} of a file of ours that could not be written or read."""
    full = is_no_space(error)
    return {
        "code": "no_space" if full else "disk",
        "message": _("The disk of this machine is full.")
        if full
        else _("A file could not be used: %(reason)s.") % {"reason": error.strerror or error},
        "hint": _("The operator of this site can fix that. Then try again."),
    }
