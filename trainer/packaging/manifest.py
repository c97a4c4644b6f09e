"""manifest.json of an artifact: what it is, and the SHA-256 of its files. Light."""

import json
from pathlib import Path

from trainer.errors import ModelError
from trainer.json_types import JsonObject
from trainer.messages import _


def read_manifest(folder: Path) -> JsonObject:
    try:
        manifest: JsonObject = json.loads((folder / "manifest.json").read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(
            _("%(folder)s is not an artifact.", folder=folder),
            code="no_artifact",
            hint=_("Give the artifact folder that a run wrote."),
        ) from error
    except ValueError as error:
        raise ModelError(
            _("The manifest of %(folder)s is damaged.", folder=folder),
            code="damaged_artifact",
            hint=_("Copy the artifact again."),
        ) from error
    return manifest
