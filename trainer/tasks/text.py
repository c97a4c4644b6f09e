"""What the tasks have in common that read one text."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer import answers
from trainer.architectures import ENCODERS
from trainer.messages import _, gettext_noop
from trainer.tasks.base import BaseModelCard, Task

if TYPE_CHECKING:
    import pyarrow as pa

GIB = 1024**3
ENCODER_MODELS = (
    BaseModelCard(
        "bundled:all-MiniLM-L6-v2",
        "all-MiniLM-L6-v2",
        gettext_noop("Small, quick, English; comes with Maquette."),
        22_713_216,
        "Apache 2.0",
        "English",
        int(1.2 * GIB),
        ("en",),
    ),
    BaseModelCard(
        "hub:intfloat/multilingual-e5-small",
        "multilingual-e5-small",
        gettext_noop("When people write in several languages; needs the Hugging Face hub."),
        117_654_272,
        "MIT",
        "94 languages",
        int(2.6 * GIB),
    ),
    BaseModelCard(
        "hub:answerdotai/ModernBERT-base",
        "ModernBERT-base",
        gettext_noop("Stronger on long texts, up to 8,000 tokens; needs the Hugging Face hub, better with a GPU."),
        149_014_272,
        "Apache 2.0",
        "English",
        int(5.1 * GIB),
        ("en",),
    ),
)
"""Pretrained models that read texts, the recommended one first."""
TEXT_MODELS = (
    *ENCODER_MODELS,
    BaseModelCard(
        "scratch:words",
        "Word counts",
        gettext_noop("No pretrained model: counts of words or characters, for any language."),
        0,
        "",
        gettext_noop("any language"),
        400 * 1024**2,
    ),
)
"""What every task that answers one text with a label or a number can start from."""
WORDS_MODEL = "scratch:words"
WORDS_METHOD = "words"
LONGEST_INPUT = 20_000
"""Characters that a prediction takes; a model reads a few hundred tokens of them."""
SNIPPET = """
import json, numpy, onnxruntime, tokenizers
labels = json.load(open("manifest.json"))["labels"]
tokenizer = tokenizers.Tokenizer.from_file("model/tokenizer.json")
session = onnxruntime.InferenceSession("onnx/model.fp32.onnx")
one = tokenizer.encode("your text")
feed = {"input_ids": numpy.array([one.ids]), "attention_mask": numpy.array([one.attention_mask])}
logits = session.run(None, feed)[0][0]
"""


class TextTask(Task):
    modality = "text"
    widget_in = "text"
    architectures = ENCODERS
    family = "trainer.families.text.texts.TextFamily"
    engine = "trainer.engines.text.TextEngine"
    has_nets = False
    native_engines = {"words": "trainer.engines.words.WordsEngine"}

    @classmethod
    def refusal(cls, method: str, model: str) -> str:
        """Counting words needs no pretrained model, and everything else does."""
        if WORDS_METHOD not in {offered.slug for offered in cls.methods}:
            return super().refusal(method, model)
        if method == WORDS_METHOD and model != WORDS_MODEL:
            return _("Word counts use no pretrained model: choose “Word counts” as the model too.")
        if model == WORDS_MODEL and method != WORDS_METHOD:
            return _("This method needs a pretrained model.")
        return super().refusal(method, model)

    @classmethod
    def default_method(cls, model: str) -> str:
        return WORDS_METHOD if model == WORDS_MODEL else super().default_method(model)

    @classmethod
    def check_input(cls, value: object) -> str | None:
        if not isinstance(value, str):
            return _("must be a text.")
        if not value.strip():
            return _("is empty.")
        if len(value) > LONGEST_INPUT:
            return _("is longer than %(longest_input)s characters.", longest_input=LONGEST_INPUT)
        return None

    @classmethod
    def saved_inputs(cls, artifact: Path, table: "pa.Table") -> list[Any]:
        texts: list[str] = table.column("text").to_pylist()
        return texts

    @classmethod
    def snippet(cls) -> str:
        return f"{SNIPPET}print({answers.get(cls.answer).expression.format(labels='labels')})"
