"""Files written whole or not at all, and their digests. Light."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from trainer.errors import ModelError
from trainer.json_types import JsonObject
from trainer.messages import _

T = TypeVar("T")


def write_json(path: Path, value: object) -> None:
    """Whole or not at all: a reader never sees half a file."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, ensure_ascii=False, indent=1), "utf-8")
    os.replace(part, path)


def cached_json(path: Path, compute: Callable[[], T]) -> T:
    """A value that JSON holds, computed once a folder: a resumed run reads it again."""
    if not path.exists():
        write_json(path, compute())
    value: T = json.loads(path.read_text("utf-8"))
    return value


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def read_json(path: Path) -> JsonObject:
    """A file of a model's folder; empty where there is none, `ModelError` where it is damaged."""
    try:
        config: JsonObject = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelError(
            _("%(name)s of the base model is damaged.", name=path.name), hint=_("Fetch the model again.")
        ) from error
    return config
