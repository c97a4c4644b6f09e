"""manifest.json of an artifact: what it is, and the SHA-256 of its files. Light."""

import json
from pathlib import Path
from typing import Any

from trainer.errors import ModelError


def read_manifest(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "manifest.json").read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(
            f"{folder} is no artifact.", code="no_artifact", hint="Give the artifact folder that a run wrote."
        ) from error
    except ValueError as error:
        raise ModelError(
            f"The manifest of {folder} is damaged.", code="damaged_artifact", hint="Copy the artifact again."
        ) from error
