"""What is kept is for the user who runs the site: uploads, models, keys and mails of all workspaces."""

import fcntl
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

OTHERS = 0o007 if os.environ.get("MAQUETTE_TRAINER_UID", "").strip() else 0o077
"""Who is kept out: all but the owner, and the group where trainers have a user of their own, which is in the site's group."""


def keep_private() -> None:
    """Files that this process and its children write from now on are readable by their owner alone, and by trainers."""
    os.umask(OTHERS)


def private_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, or close one of ours that stood open."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.stat()
    if status.st_uid == os.getuid() and status.st_mode & OTHERS:
        path.chmod(status.st_mode & ~OTHERS & 0o7777)


def kept_secret(path: Path, made: str) -> str:
    """What the file holds; `made` where there is none yet, or an empty one of a full disk, readable by its owner alone. Of several
    processes that make it at the same time the first makes it, while the others wait, and all have the same one."""
    if not is_filled(path):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            if not is_filled(path):
                write_whole(path, made)
        finally:
            os.close(folder)
    return path.read_text(encoding="ascii").strip()


def is_filled(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def write_whole(path: Path, text: str) -> None:
    """Beside its place and renamed: a full disk leaves none rather than an empty one."""
    draft = tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False)  # noqa: SIM115  it outlives its being closed
    try:
        with draft:
            draft.write(text)
        os.replace(draft.name, path)
    finally:
        Path(draft.name).unlink(missing_ok=True)


def open_to_group(path: Path, top: Path) -> None:
    """Let the group read and write `path` and all below it, and pass through the folders that lead to it from `top`. Costs one
    look where that was done before: what is written since is open to the group by `keep_private`."""
    for folder in path.parents:
        if folder.is_relative_to(top):
            give(folder, stat.S_IXGRP)
    if path.exists() and give(path, stat.S_IRGRP | stat.S_IWGRP | (stat.S_IXGRP if path.is_dir() else 0)):
        for inner, _names, files in os.walk(path):
            give(Path(inner), stat.S_IRWXG)
            for name in files:
                give(Path(inner, name), stat.S_IRGRP | stat.S_IWGRP)


def give(path: Path, bits: int) -> bool:
    """Whether any of the bits was missing. What belongs to another user is the trainers' own, and open already."""
    with suppress(FileNotFoundError, PermissionError):
        mode = path.lstat().st_mode
        if mode & bits != bits and not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) | bits)
            return True
    return False
