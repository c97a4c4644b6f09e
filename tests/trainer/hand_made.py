"""Artifacts made by hand, whose answers can be worked out on paper: weights and ONNX graphs of a few numbers."""

import io
import json
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from trainer.files import sha256

TEXT_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def seal(artifact: Path, task: str, labels: Sequence[str], engine: str, **facts: Any) -> Path:
    """An artifact whose folder `model` (and `onnx`) is filled: export.json and the manifest are written."""
    (artifact / "onnx").mkdir(parents=True, exist_ok=True)
    (artifact / "onnx" / "export.json").write_text(json.dumps({"engine": engine}), "utf-8")
    files = {path.relative_to(artifact).as_posix(): sha256(path) for path in artifact.rglob("*") if path.is_file()}
    manifest = {"version": 1, "task": task, "labels": list(labels), "max_length": 32, "files": files, **facts}
    (artifact / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return artifact


def graph(
    artifact: Path,
    nodes: Sequence[Any],
    inputs: dict[str, tuple[int, list[Any]]],
    constants: dict[str, np.ndarray],
    output: list[Any],
    name: str = "model.fp32.onnx",
) -> Path:
    """`onnx/NAME` of nodes whose last output is `answers`; `inputs`: {name: (onnx type, shape)}."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    made = helper.make_graph(
        list(nodes),
        "by-hand",
        [helper.make_tensor_value_info(each, kind, shape) for each, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info("answers", TensorProto.FLOAT, output)],
        [numpy_helper.from_array(value, each) for each, value in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = artifact / "onnx" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path


def letters(folder: Path) -> Path:
    """`tokenizer.json` that makes each letter a token: a is 2, and texts stand between no marks."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {"[PAD]": 0, "[UNK]": 1, **{letter: place for place, letter in enumerate(TEXT_LETTERS, 2)}}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    by_letter = pre_tokenizers.Split(Regex(r"\S"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), by_letter])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


def picture(*shade: int, size: tuple[int, int] = (8, 8), kind: str = "PNG") -> bytes:
    """A file of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, (shade * 3)[:3]).save(file, kind)
    return file.getvalue()


def sound(samples: np.ndarray, rate: int = 16_000) -> bytes:
    """A WAV of one channel from samples between -1 and 1."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(rate)
        written.writeframes((np.asarray(samples) * 32_000).astype("<i2").tobytes())
    return file.getvalue()
