"""What is kept is for the user who runs the site: uploads, models, keys and mails of all workspaces."""

import os
import tempfile
from pathlib import Path

OTHERS = 0o077


def keep_private() -> None:
    """Files that this process and its children write from now on are readable by their owner alone."""
    os.umask(OTHERS)


def private_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, or close one of ours that stood open."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.stat()
    if status.st_uid == os.getuid() and status.st_mode & OTHERS:
        path.chmod(status.st_mode & ~OTHERS & 0o7777)


def kept_secret(path: Path, made: str) -> str:
    """What the file holds; `made` where there is none yet, readable by its owner alone. Two processes that make it at the same
    time end with the same one, and a full disk leaves none rather than an empty one."""
    if not path.exists() or not path.stat().st_size:
        draft = tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False)  # noqa: SIM115  it outlives its being closed
        try:
            with draft:
                draft.write(made)
            if path.exists():  # empty, by a full disk of before
                os.replace(draft.name, path)
            else:
                os.link(draft.name, path)
        except FileExistsError:
            pass
        finally:
            Path(draft.name).unlink(missing_ok=True)
    return path.read_text(encoding="ascii").strip()
