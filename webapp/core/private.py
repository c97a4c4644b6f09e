"""What is kept is for the user who runs the site: uploads, models, keys and mails of all workspaces."""

import os
from pathlib import Path

OTHERS = 0o077


def keep_private() -> None:
    """Files that this process and its children write from now on are readable by their owner alone."""
    os.umask(OTHERS)


def private_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, or close one of ours that stood open."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.stat()
    if found.st_uid == os.getuid() and found.st_mode & OTHERS:
        path.chmod(found.st_mode & ~OTHERS & 0o7777)
