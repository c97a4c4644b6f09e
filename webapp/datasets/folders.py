"""Files that come with their place in a folder: written into one tar, which the reader understands with all its care."""

import re
import tarfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from django.utils.translation import gettext as _

from trainer.paths import safe_path
from webapp.core.files import safe_name
from webapp.core.problems import Problem

MAX_FOLDER_FILES = 100
"""Files with a place in a folder that one dataset takes one by one; each is open until all have come."""
MAX_PART_BYTES = 255


def checked_path(path: str) -> str:
    """A path with `/`, below the folder that it is of; "" for none. `Problem` for one that is absolute, goes upwards, is too long or
    holds control characters."""
    if not path.strip():
        return ""
    clean = safe_path(path)
    if clean is None or any(len(part.encode()) > MAX_PART_BYTES for part in clean.split("/")):
        shown = re.sub(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]+", " ", path)[:80]
        raise Problem(
            _("“%(name)s” is not a path in a folder.") % {"name": shown},
            code="bad_path",
            hint=_("Send it as folder/file.png: no .. in it, no / or drive in front, names of at most 255 bytes."),
            field="relative_path",
        )
    return clean


def check_count(count: int) -> None:
    if count > MAX_FOLDER_FILES:
        raise Problem(
            _("At most %(limit)d files of a folder are taken one by one.") % {"limit": MAX_FOLDER_FILES},
            code="too_many_files",
            hint=_("Send the folder as one tar or zip; the page packs it by itself."),
            status=413,
        )


def check_paths(paths: Sequence[str] | None, files: int) -> list[str]:
    """A clean path for each file, "" for none; `Problem` where they are not as many as the files."""
    if not paths:
        return [""] * files
    if len(paths) != files:
        raise Problem(
            _("%(paths)d relative_path came with %(files)d files.") % {"paths": len(paths), "files": files},
            code="bad_path",
            hint=_("Send one relative_path for each file, in the same order; empty for a file in no folder."),
            field="relative_path",
        )
    return [checked_path(path) for path in paths]


def folder_of(paths: Sequence[str]) -> str:
    """The folder that all lie in, "files" where there is none."""
    tops = {path.partition("/")[0] for path in paths}
    return tops.pop() if len(tops) == 1 and "/" in paths[0] else "files"


def write_tar(
    folder: Path, number: int, files: Iterable[tuple[str, int, Callable[[], AbstractContextManager[IO[bytes]]]]]
) -> str:
    """`files`: (path, bytes, what opens it). The name of the tar, `<number>-<folder>.tar`, in `folder`."""
    files = list(files)
    name = f"{number}-{safe_name(folder_of([path for path, _size, _open in files]))}.tar"
    with tarfile.open(folder / name, "w", format=tarfile.GNU_FORMAT) as archive:
        for path, size, open_file in files:
            info = tarfile.TarInfo(path)
            info.size = size
            with open_file() as file:
                archive.addfile(info, file)
    return name
