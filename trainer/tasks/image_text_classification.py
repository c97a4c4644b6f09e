"""Image and text classification: look at a picture and read a text beside it, answer with one of a few labels."""

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.messages import _, gettext_noop
from trainer.params import TextParams, advanced
from trainer.tasks.base import ReadRows, Role
from trainer.tasks.image import PictureParams, PictureTask, sample_picture
from trainer.tasks.methods import BEST, FULL, LORA, PROBE, SCRATCH
from trainer.tasks.text import LONGEST_INPUT

if TYPE_CHECKING:
    import pyarrow as pa

BUNDLED_TEXT_MODEL = "bundled:all-MiniLM-L6-v2"
SNIPPET = """
import json, numpy, onnxruntime, tokenizers
from PIL import Image
manifest = json.load(open("manifest.json"))
size = manifest["pixels"]  # see model/picture/preprocessor_config.json where the middle is cut out
image = Image.open("your picture.jpg").convert("L" if size["channels"] == 1 else "RGB")
pixels = numpy.asarray(image.resize((size["width"], size["height"]))).reshape(1, size["height"], size["width"], -1)
one = tokenizers.Tokenizer.from_file("model/text/tokenizer.json").encode("your text")
feed = {"pixels": pixels, "input_ids": numpy.array([one.ids]), "attention_mask": numpy.array([one.attention_mask])}
session = onnxruntime.InferenceSession("onnx/model.fp32.onnx")
print(manifest["labels"][session.run(None, feed)[0][0].argmax()])
"""


class FusionParams(PictureParams, TextParams):
    """Settings of the picture's side and of the text's; `probe` uses `text_model`, `resolution` and `max_length`."""

    text_model: str | None = advanced(
        None,
        gettext_noop("Text model"),
        gettext_noop("What reads the texts: bundled:NAME, local:NAME or hub:ORG/NAME. Empty: the bundled model."),
    )


class ImageTextClassification(PictureTask):
    slug = "image-text-classification"
    title = gettext_noop("Image and text classification")
    summary = gettext_noop("Assigns one of your labels to an image and its text: listings, posts, memes.")
    roles = (
        Role("image", gettext_noop("Picture"), "image", help="What it looks at."),
        Role("text", gettext_noop("Input text"), "text", help="What it reads; may be empty."),
        Role("label", gettext_noop("Label (target)"), "label", help="What it should answer."),
    )
    sentence = gettext_noop("Predict %(label)s (%(classes)s classes) from the images and %(text)s.")
    methods = (PROBE, LORA, FULL, SCRATCH, BEST)
    params = FusionParams
    metrics = ("accuracy", "macro_f1", "log_loss")
    headline = "accuracy"
    widget_in = "image_text"
    family = "trainer.families.image_text.fusion.FusionFamily"
    engine = "trainer.engines.image_text.ImageTextEngine"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        """Four labels, of which a picture alone tells half and a text alone the other half."""
        generator = random.Random(0)  # noqa: S311
        colours = {"red": (200, 40), "blue": (40, 200)}
        words = {"lovely": ("a lovely one", "what a lovely thing", "lovely"), "rude": ("a rude one", "so rude", "rude")}
        return [
            {
                "image": sample_picture(*shade, generator),
                "text": generator.choice(texts),
                "label": f"{word} {colour}",
            }
            for _ in range(15)
            for colour, shade in colours.items()
            for word, texts in words.items()
        ]

    @classmethod
    def check_input(cls, value: object) -> str | None:
        """An object of `image` and `text`; a picture by itself has no text."""
        if not isinstance(value, dict):
            return super().check_input(value)
        unknown = next((name for name in value if name not in ("image", "text")), None)
        if unknown is not None:
            return _("has a field “%(unknown)s”; there are image and text.", unknown=str(unknown)[:80])
        text = value.get("text")
        if text is not None and not isinstance(text, str):
            return _("must have a text under `text`, which may be empty.")
        if text and len(text) > LONGEST_INPUT:
            return _("has a text longer than %(longest_input)s characters.", longest_input=LONGEST_INPUT)
        return super().check_input(value.get("image"))

    @classmethod
    def read_line(cls, line: str) -> object:
        """{"image": a path or a `data:` URL, "text": "…"} as JSON, or a picture by itself."""
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            return super().read_line(line)
        image = value.get("image")
        return value | {"image": super().read_line(image) if isinstance(image, str) else image}

    @classmethod
    def inputs_of(cls, rows: ReadRows) -> list[Any]:
        return [
            {"image": image, "text": text} for image, text in zip(super().inputs_of(rows), texts_of(rows), strict=True)
        ]

    @classmethod
    def saved_inputs(cls, artifact: Path, table: "pa.Table") -> list[Any]:
        """Only the examples' pictures are kept."""
        examples = json.loads((artifact / "examples.json").read_text("utf-8"))
        inputs = {
            (example["image"], example["text"]): {
                "image": artifact / example["input"]["image"],
                "text": example["text"],
            }
            for example in examples
        }
        pairs = zip(table.column("image").to_pylist(), table.column("text").to_pylist(), strict=True)
        return [inputs.get(pair) for pair in pairs]

    @classmethod
    def snippet(cls) -> str:
        return SNIPPET


def texts_of(rows: ReadRows) -> list[str]:
    return rows.values["text"]


def parts_of(value: dict[str, Any] | str | bytes | Path) -> tuple[str | bytes | Path, str]:
    """(picture, text) of an input that `check_input` let pass."""
    return (value["image"], value.get("text") or "") if isinstance(value, dict) else (value, "")
