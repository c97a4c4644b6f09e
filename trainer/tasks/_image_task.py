"""What the tasks have in common that look at one picture."""

import json
import random
import struct
import zlib
from pathlib import Path
from typing import Any

from trainer.params import LearningParams, advanced
from trainer.tasks._base import BaseModelCard, Method, Task

MIB = 1024**2
LARGEST_INPUT = 30 * MIB
SAMPLE_SIDE = 24
SNIPPET = """
import json, numpy, onnxruntime
from PIL import Image
manifest = json.load(open("manifest.json"))
size = manifest["pixels"]  # see model/preprocessor_config.json where the middle is cut out
image = Image.open("your picture.jpg").convert("L" if size["channels"] == 1 else "RGB")
pixels = numpy.asarray(image.resize((size["width"], size["height"]))).reshape(1, size["height"], size["width"], -1)
session = onnxruntime.InferenceSession("onnx/model.fp32.onnx")
logits = session.run(None, {"pixels": pixels})[0][0]
"""


class VisionParams(LearningParams):
    """Settings of picture tasks; `probe` uses `resolution` alone."""

    epochs: int | None = advanced(
        None, "Epochs", "Passes over the pictures; chosen from their number when empty.", ge=1, le=300
    )
    learning_rate: float | None = advanced(
        None, "Learning rate", "Of the pretrained layers; chosen by the kind of model when empty.", gt=0, le=0.1
    )
    resolution: int | None = advanced(
        None, "Resolution", "Pixels a side that the model sees; its own when empty. Less is quicker.", ge=8, le=1024
    )


METHODS = (
    Method("probe", "Instant", "Keeps the model as it is and learns one layer on top. Good for a first look."),
    Method("lora", "Light", "Keeps the model as it is and learns small additions to its layers. For transformers."),
    Method("full", "Standard", "Trains the whole model on your pictures. What most people need."),
)
MODELS = (
    BaseModelCard(
        "hub:facebook/dinov2-small",
        "DINOv2 small",
        "Knows pictures of every kind well; needs the Hugging Face hub.",
        22_056_576,
        "Apache 2.0",
        "",
        1200 * MIB,
    ),
)


class ImageTask(Task):
    modality = "image"
    widget_in = "image"
    methods = METHODS
    models = MODELS
    params = VisionParams

    @classmethod
    def check_input(cls, value: Any) -> str | None:
        if isinstance(value, Path):
            return None
        if isinstance(value, bytes):
            size = len(value)
        elif isinstance(value, str) and value.startswith("data:") and ";base64," in value[:100]:
            size = len(value) * 3 // 4
        else:
            return "must be a picture: a file, or a data: URL in base64."
        return None if size <= LARGEST_INPUT else f"is larger than {LARGEST_INPUT // MIB} MB."

    @classmethod
    def prepare(cls, job: Any) -> Any:
        from trainer.tasks import _vision

        return _vision.prepare(job, numbers=cls.answer == "number")

    @classmethod
    def baselines(cls, job: Any, rows: Any) -> dict[str, dict[str, Any]]:
        from trainer.tasks import _vision

        return _vision.baselines(job, rows)

    @classmethod
    def build(cls, job: Any, rows: Any) -> Any:
        from trainer.tasks import _vision

        return _vision.build(job, rows)

    @classmethod
    def estimate(cls, job: Any, emit: Any) -> dict[str, Any]:
        from trainer.tasks import _vision

        return _vision.estimate(job, emit)

    @classmethod
    def save(cls, model: Any, rows: Any, folder: Any) -> None:
        model.save(folder)

    @classmethod
    def write_onnx(cls, folder: Any, target: Any) -> None:
        from trainer.tasks import _vision

        _vision.write_onnx(folder, target)

    @classmethod
    def quantises(cls, folder: Any) -> bool:
        """Transformers only: convolutions of small integers lose more and are no quicker in ONNX Runtime."""
        from trainer.tasks import _vision

        return _vision.quantises(folder)

    @classmethod
    def engine(cls) -> Any:
        from trainer.engines.image import ImageEngine

        return ImageEngine

    @classmethod
    def read_line(cls, line: str) -> Any:
        """A path, a `data:` URL, or either as JSON, alone or in an object."""
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            value = line.strip()
        if isinstance(value, dict):
            value = value.get(cls.roles[0].name, "")
        return value if not isinstance(value, str) or value.startswith("data:") else Path(value)

    @classmethod
    def inputs_of(cls, rows: Any) -> list[Any]:
        return [rows.media / name for name in rows.values["image"]]

    @classmethod
    def saved_inputs(cls, artifact: Any, table: Any) -> list[Any]:
        """Only the examples' pictures are kept, made smaller."""
        examples = json.loads((artifact / "examples.json").read_text("utf-8"))
        kept = {one["image"]: artifact / one["input"] for one in examples}
        return [kept.get(name) for name in table.column("image").to_pylist()]

    @classmethod
    def snippet(cls) -> str:
        last = "print(logits[0])" if cls.answer == "number" else 'print(manifest["labels"][logits.argmax()])'
        return SNIPPET + last


def sample_picture(red: int, blue: int, generator: random.Random) -> bytes:
    """A PNG of one colour with some noise."""

    def pixel() -> bytes:
        return bytes(min(255, max(0, value + generator.randint(-20, 20))) for value in (red, 90, blue))

    lines = b"".join(b"\0" + b"".join(pixel() for _ in range(SAMPLE_SIDE)) for _ in range(SAMPLE_SIDE))
    header = struct.pack(">IIBBBBB", SAMPLE_SIDE, SAMPLE_SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
