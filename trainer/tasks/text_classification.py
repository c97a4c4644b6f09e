"""Text classification: read a text, answer with one of a few labels."""

from typing import Any

from trainer.params import FineTuningParams
from trainer.tasks._base import BaseModelCard, Method, Role, Task

GIB = 1024**3
LONGEST_INPUT = 20_000
"""Characters that a prediction takes; a model reads a few hundred tokens of them."""


class TextClassification(Task):
    slug = "text-classification"
    title = "Text classification"
    summary = "Reads a text and answers with one of your labels: topics, intents, moods, spam."
    modality = "text"
    roles = (
        Role("text", "Text", "text", help="What it reads."),
        Role("label", "Label", "label", help="What it should answer."),
    )
    methods = (
        Method("probe", "Instant", "Keeps the model as it is and learns one layer on top. Good for a first look."),
        Method("full", "Standard", "Trains the whole model on your rows. What most people need."),
    )
    models = (
        BaseModelCard(
            "bundled:all-MiniLM-L6-v2",
            "all-MiniLM-L6-v2",
            "Small, quick, English; comes with Maquette.",
            22_713_216,
            "Apache 2.0",
            "English",
            int(1.2 * GIB),
        ),
        BaseModelCard(
            "hub:intfloat/multilingual-e5-small",
            "multilingual-e5-small",
            "When people write in several languages; needs the Hugging Face hub.",
            117_654_272,
            "MIT",
            "94 languages",
            int(2.6 * GIB),
        ),
        BaseModelCard(
            "hub:answerdotai/ModernBERT-base",
            "ModernBERT-base",
            "Stronger on long texts, up to 8,000 tokens; needs the Hugging Face hub, better with a GPU.",
            149_014_272,
            "Apache 2.0",
            "English",
            int(5.1 * GIB),
        ),
    )
    params = FineTuningParams
    metrics = ("accuracy", "macro_f1", "log_loss")
    headline = "accuracy"
    widget_in = "text"
    widget_out = "classes"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        openings = ("today", "this week", "as usual", "again", "in town", "at noon", "on Friday", "with friends")
        places = ("cafe", "shop", "office", "cinema", "park")
        good = [f"what a lovely {place} {opening}, we had a wonderful time" for place in places for opening in openings]
        bad = [
            f"a dreadful {place} {opening}, rude staff and nothing worked" for place in places for opening in openings
        ]
        return [{"text": text, "label": "good"} for text in good] + [{"text": text, "label": "bad"} for text in bad]

    @classmethod
    def check_input(cls, value: Any) -> str | None:
        if not isinstance(value, str):
            return "must be a text."
        if not value.strip():
            return "is empty."
        if len(value) > LONGEST_INPUT:
            return f"is longer than {LONGEST_INPUT} characters."
        return None

    @classmethod
    def train(cls, job: Any) -> dict[str, Any]:
        from trainer.tasks._encoder_training import train_classifier

        return train_classifier(job)
