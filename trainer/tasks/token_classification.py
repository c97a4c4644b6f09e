"""Named-entity recognition and extraction: read a text, mark the passages that name something."""

import json
from typing import Any

from trainer.messages import _, gettext_noop
from trainer.params import FineTuningParams
from trainer.spec import Spec
from trainer.tagging.units import text_of
from trainer.tasks.base import BaseModelCard, Role
from trainer.tasks.methods import BEST, FULL, LORA, PROBE, SCRATCH
from trainer.tasks.text import ENCODER_MODELS, TextTask

GIB = 1024**3
TITLE, USUAL_WEIGHTS = gettext_noop("Small net on words and characters"), 1_842_050
"""Of `trainer.tagging.net`, which needs numpy."""
SNIPPET = """
from pathlib import Path
from trainer.engines import open_engine  # of Maquette; needs numpy, onnxruntime, tokenizers, no torch
engine = open_engine(Path("."))
print(engine.predict([engine.read("your text")])[0]["entities"])"""


class TokenClassification(TextTask):
    slug = "token-classification"
    title = gettext_noop("Named-entity recognition")
    summary = gettext_noop("Reads a text and marks the words that name something.")
    roles = (
        Role("tokens", gettext_noop("Tokens"), "tokens", help="What it reads, word by word."),
        Role("tags", gettext_noop("Tags"), "tags", help="What each word belongs to."),
    )
    answer = "spans"
    answer_role = "tags"
    sentence = gettext_noop("Mark the %(tags)s in %(tokens)s.")
    family = "trainer.families.text.tagging.TaggingFamily"
    engine = "trainer.engines.tagging.TaggingEngine"
    methods = (FULL, PROBE, LORA, SCRATCH, BEST)
    models = (
        *ENCODER_MODELS,
        BaseModelCard(
            "scratch:cnn-crf",
            TITLE,
            gettext_noop("Trained from scratch, for every language; needs some hundred texts. No download."),
            USUAL_WEIGHTS,
            "Apache 2.0",
            "",
            int(0.9 * GIB),
        ),
    )
    params = FineTuningParams
    metrics = ("entity_f1", "entity_precision", "entity_recall")
    headline = "entity_f1"

    @classmethod
    def refusal(cls, method: str, model: str) -> str:
        if method == "scratch" and not model.startswith("scratch:"):
            return _("From scratch is for the small nets.")
        return super().refusal(method, model)

    @classmethod
    def describe(cls, spec: Spec) -> dict[str, Any]:
        from trainer.tagging import net

        return net.describe(spec.model)

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        names, towns = ("anna", "omar", "lena weber", "mei lin", "jo"), ("paris", "rome", "new york", "oslo")
        rows = []
        for name in names:
            for town in towns:
                parts = [(name, "person"), ("lives in", ""), (town, "place"), ("today", "")]
                tagged = [
                    (word, f"{'I' if place else 'B'}-{label}" if label else "O")
                    for words, label in parts
                    for place, word in enumerate(words.split())
                ]
                rows.append({"tokens": [word for word, _tag in tagged], "tags": [tag for _word, tag in tagged]})
        return [
            *rows,
            *({"tokens": ["nothing", "happened", day], "tags": ["O"] * 3} for day in ("today", "on", "here")),
        ]

    @classmethod
    def read_line(cls, line: str) -> object:
        """A text, plain or as JSON; or an object with a `text`, or with `tokens`, which become one."""
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return line
        if isinstance(value, dict) and isinstance(value.get("text"), str):
            return value["text"]
        tokens = value.get("tokens") if isinstance(value, dict) else value
        if isinstance(tokens, list) and tokens and all(isinstance(token, str) for token in tokens):
            return text_of(tokens)[0]
        return value if isinstance(value, str) else line

    @classmethod
    def snippet(cls) -> str:
        return SNIPPET
