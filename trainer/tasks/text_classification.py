"""Text classification: read a text, answer with one of a few labels."""

from typing import Any

from trainer.messages import gettext_noop
from trainer.params import FineTuningParams, LabelParams, SlipParams
from trainer.tasks.base import Role
from trainer.tasks.methods import BEST, FEWSHOT, FULL, LORA, PROBE, WORDS, ZERO_SHOT
from trainer.tasks.text import TEXT_MODELS, TextTask


class TextClassificationParams(FineTuningParams, LabelParams, SlipParams):
    pass


class TextClassification(TextTask):
    slug = "text-classification"
    title = gettext_noop("Text classification")
    summary = gettext_noop("Reads a text and answers with one of your labels: topics, intents, moods, spam.")
    roles = (
        Role("text", gettext_noop("Input text"), "text", help="What it reads."),
        Role("label", gettext_noop("Label (target)"), "label", help="What it should answer."),
    )
    sentence = gettext_noop("Predict %(label)s (%(classes)s classes) from %(text)s.")
    methods = (PROBE, FEWSHOT, LORA, FULL, WORDS, ZERO_SHOT, BEST)
    models = TEXT_MODELS
    params = TextClassificationParams
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
