"""Base models in the folders of MAQUETTE_MODELS_DIR (the hub's layout), as the lists of models show them."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from trainer.tasks._base import BaseModelCard

BYTES_PER_WEIGHT, MEMORY_FACTOR, LEAST_MEMORY = 4, 5, 600 * 2**20
"""Weights are float32; training takes about five times as much, and something to stand on."""


def local_models(modality: str) -> list[dict[str, Any]]:
    """Cards of those that read this kind of input."""
    roots = [Path(part) for part in os.environ.get("MAQUETTE_MODELS_DIR", "").split(os.pathsep) if part]
    folders = [config.parent for root in roots for config in sorted(root.glob("*/config.json"))]
    return [asdict(card(folder)) for folder in folders if modality == modality_of(folder)]


def modality_of(folder: Path) -> str:
    """text, image or audio, from what prepares its inputs."""
    if (folder / "tokenizer.json").is_file() or (folder / "vocab.txt").is_file():
        return "audio" if (folder / "preprocessor_config.json").is_file() else "text"
    preparing = read(folder / "preprocessor_config.json")
    return "audio" if "feature_extractor_type" in preparing and "image_processor_type" not in preparing else "image"


def read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def card(folder: Path) -> BaseModelCard:
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    kind = read(folder / "config.json").get("model_type", "")
    memory = max(LEAST_MEMORY, size * MEMORY_FACTOR)
    return BaseModelCard(
        f"local:{folder.name}",
        folder.name,
        _("A model of yours on this machine. %(kind)s") % {"kind": kind},
        size // BYTES_PER_WEIGHT,
        _("see its folder"),
        "",
        memory,
    )
