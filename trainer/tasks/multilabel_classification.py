"""Multi-label text classification: read a text, answer with all labels that fit, or with none."""

import json
from typing import Any

from trainer.messages import gettext_noop
from trainer.params import FineTuningParams, SlipParams
from trainer.tasks.base import Role
from trainer.tasks.methods import BEST, FULL, LORA, PROBE, WORDS
from trainer.tasks.text import TEXT_MODELS, TextTask


class MultilabelParams(FineTuningParams, SlipParams):
    pass


class MultilabelClassification(TextTask):
    slug = "multilabel-classification"
    title = gettext_noop("Multi-label text classification")
    summary = gettext_noop("Reads a text and answers with all of your labels that fit.")
    roles = (
        Role("text", gettext_noop("Input text"), "text", help="What it reads."),
        Role("labels", gettext_noop("Labels (target)"), "labels", help="All that it should answer."),
    )
    sentence = gettext_noop("Predict all of %(labels)s that apply from %(text)s.")
    methods = (PROBE, LORA, FULL, WORDS, BEST)
    models = TEXT_MODELS
    params = MultilabelParams
    metrics = ("micro_f1", "label_macro_f1", "mean_average_precision", "exact_match_ratio")
    headline = "micro_f1"
    answer = "labels"
    answer_role = "labels"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        topics = {"staff": "rude", "shop": "worked", "cafe": "lovely"}
        rows = []
        for number in range(48):
            chosen = [topic for place, topic in enumerate(topics) if (number % 8) & 1 << place]
            words = " ".join(f"{topic} {topics[topic]}" for topic in chosen) or "time"
            rows.append({"text": f"{words} {number}", "labels": json.dumps(chosen)})
        return rows
