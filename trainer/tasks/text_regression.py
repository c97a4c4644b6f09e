"""Text regression: read a text, answer with a number."""

import random
from typing import Any

from trainer.messages import gettext_noop
from trainer.params import FineTuningParams, SlipParams
from trainer.tasks.base import Role
from trainer.tasks.methods import BEST, FULL, LORA, PROBE, WORDS
from trainer.tasks.text import TEXT_MODELS, TextTask


class TextRegressionParams(FineTuningParams, SlipParams):
    pass


class TextRegression(TextTask):
    slug = "text-regression"
    title = gettext_noop("Text regression")
    summary = gettext_noop("Reads a text and answers with a number.")
    roles = (
        Role("text", gettext_noop("Input text"), "text", help="What it reads."),
        Role("target", gettext_noop("Target"), "number", help="What it should answer."),
    )
    sentence = gettext_noop("Predict the number in %(target)s from %(text)s.")
    methods = (PROBE, LORA, FULL, WORDS, BEST)
    models = TEXT_MODELS
    params = TextRegressionParams
    metrics = ("r2", "rmse", "mae", "pearson")
    headline = "r2"
    answer = "number"
    answer_role = "target"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        generator = random.Random(0)  # noqa: S311
        moods = ("lovely", "wonderful", "dreadful", "rude")
        points = {"lovely": 1.0, "wonderful": 2.0, "dreadful": -2.0, "rude": -1.0}
        rows = []
        for number in range(48):
            words = [generator.choice(moods) for _place in range(4)]
            rows.append(
                {"text": f"{' '.join(words)} staff {number}", "target": 5 + sum(points[word] for word in words)}
            )
        return rows
