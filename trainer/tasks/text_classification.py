"""Text classification: read a text, answer with one of a few labels."""

from typing import Any

from trainer.messages import gettext_noop
from trainer.params import FineTuningParams
from trainer.tasks.base import BaseModelCard, Role
from trainer.tasks.methods import FEWSHOT, FULL, LORA, PROBE
from trainer.tasks.text import TextTask

GIB = 1024**3


class TextClassification(TextTask):
    slug = "text-classification"
    title = gettext_noop("Text classification")
    summary = gettext_noop("Reads a text and answers with one of your labels: topics, intents, moods, spam.")
    roles = (
        Role("text", gettext_noop("Input text"), "text", help="What it reads."),
        Role("label", gettext_noop("Label (target)"), "label", help="What it should answer."),
    )
    sentence = gettext_noop("Predict %(label)s (%(classes)s classes) from %(text)s.")
    methods = (PROBE, FEWSHOT, LORA, FULL)
    models = (
        BaseModelCard(
            "bundled:all-MiniLM-L6-v2",
            "all-MiniLM-L6-v2",
            gettext_noop("Small, quick, English; comes with Maquette."),
            22_713_216,
            "Apache 2.0",
            "English",
            int(1.2 * GIB),
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
        ),
    )
    params = FineTuningParams
    metrics = ("accuracy", "macro_f1", "log_loss")
    headline = "accuracy"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        openings = ("today", "this week", "as usual", "again", "in town", "at noon", "on Friday", "with friends")
        places = ("cafe", "shop", "office", "cinema", "park")
        good = [f"what a lovely {place} {opening}, we had a wonderful time" for place in places for opening in openings]
        bad = [
            f"a dreadful {place} {opening}, rude staff and nothing worked" for place in places for opening in openings
        ]
        return [{"text": text, "label": "good"} for text in good] + [{"text": text, "label": "bad"} for text in bad]
