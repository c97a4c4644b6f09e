"""The network of a model's folder that writes a text on, in numpy, and the name of what answers with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainer.files import read_json
from trainer.writing import decoders
from trainer.writing.reader import Reader
from trainer.writing.recurrent import GATES, Recurrent
from trainer.writing.weights import CONFIG

LLAMA, OTHERS = "llama", "numpy"


def open_reader(folder: Path) -> Reader[Any]:
    is_recurrent = read_json(folder / CONFIG).get("model_type") in GATES
    return Recurrent.load(folder) if is_recurrent else decoders.load(folder)


def engine_of(config: Mapping[str, Any]) -> str:
    """As a task's `native_engines` have it."""
    return LLAMA if config.get("model_type") == LLAMA else OTHERS
