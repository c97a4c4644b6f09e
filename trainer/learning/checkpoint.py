"""Checkpoints: tensors as safetensors, the rest as JSON, a folder each, complete or absent. Never a pickle."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

KEEP = 2


def save(folder: Path, step: int, tensors: dict[str, Any], state: dict[str, Any]) -> int:
    """Write `step-<n>` beside the others and drop the oldest; the bytes written."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "writing"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    save_file(tensors, part / "tensors.safetensors")
    (part / "state.json").write_text(json.dumps(state), "utf-8")
    target = folder / f"step-{step:09d}"
    shutil.rmtree(target, ignore_errors=True)
    os.replace(part, target)
    for old in complete(folder)[:-KEEP]:
        shutil.rmtree(old, ignore_errors=True)
    return sum(file.stat().st_size for file in target.iterdir())


def complete(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*")) if folder.is_dir() else []


def latest(folder: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """(tensors, state) of the newest readable checkpoint, or None."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    for path in reversed(complete(folder)):
        try:
            state = json.loads((path / "state.json").read_text("utf-8"))
            return load_file(path / "tensors.safetensors"), state
        except (OSError, ValueError, SafetensorError):
            continue
    return None
