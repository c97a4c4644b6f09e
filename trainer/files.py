"""Files written whole or not at all, and their digests. Light."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_json(path: Path, value: Any) -> None:
    """Whole or not at all: a reader never sees half a file."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, ensure_ascii=False, indent=1), "utf-8")
    os.replace(part, path)


def cached_json(path: Path, compute: Callable[[], Any]) -> Any:
    """Computed once a folder: a resumed run reads it again."""
    if not path.exists():
        write_json(path, compute())
    return json.loads(path.read_text("utf-8"))


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
