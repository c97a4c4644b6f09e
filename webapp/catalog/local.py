"""Base models in the folders of MAQUETTE_MODELS_DIR (the hub's layout), as the lists of models show them."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from trainer import tasks
from trainer.architectures import DECODERS, suits
from trainer.licences import licence_in
from trainer.tasks.base import BaseModelCard

BYTES_PER_WEIGHT, MEMORY_FACTOR, LEAST_MEMORY = 4, 5, 600 * 2**20
"""Weights are float32; training takes about five times as much, and something to stand on."""


def folders() -> list[Path]:
    roots = [Path(part) for part in os.environ.get("MAQUETTE_MODELS_DIR", "").split(os.pathsep) if part]
    return [config.parent for root in roots for config in sorted(root.glob("*/config.json"))]


def local_models(slug: str, modality: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Cards of those whose architecture can do the task, and of those of unknown architecture that read its kind of input."""
    suited: list[dict[str, Any]] = []
    unknown: list[dict[str, Any]] = []
    for folder in folders():
        fits = suits(read(folder / "config.json"), tasks.get(slug).architectures)
        if fits:
            suited.append(asdict(card(folder)))
        elif fits is None and modality_of(folder) == modality:
            unknown.append(asdict(card(folder)))
    return suited, unknown


def all_local_models() -> list[dict[str, Any]]:
    """Cards of every local model, with `tasks` (slugs) that its architecture can do, and `is_known`."""
    cards = []
    for folder in folders():
        config = read(folder / "config.json")
        slugs = [task.slug for task in tasks.all() if suits(config, task.architectures)]
        cards.append(asdict(card(folder)) | {"tasks": slugs, "is_known": suits(config, DECODERS) is not None})
    return cards


def modality_of(folder: Path) -> str:
    """text, image or audio, from what prepares its inputs."""
    if (folder / "tokenizer.json").is_file() or (folder / "vocab.txt").is_file():
        return "audio" if (folder / "preprocessor_config.json").is_file() else "text"
    preparing = read(folder / "preprocessor_config.json")
    return "audio" if "feature_extractor_type" in preparing and "image_processor_type" not in preparing else "image"


def read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def card(folder: Path) -> BaseModelCard:
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    kind = read(folder / "config.json").get("model_type", "")
    memory = max(LEAST_MEMORY, size * MEMORY_FACTOR)
    return BaseModelCard(
        f"local:{folder.name}",
        folder.name,
        _("Your model on this machine (%(kind)s).") % {"kind": kind or _("unknown architecture")},
        size // BYTES_PER_WEIGHT,
        licence_in(folder) or _("unknown licence"),
        "",
        memory,
    )
