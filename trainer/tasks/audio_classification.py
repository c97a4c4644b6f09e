"""Audio classification: listen to a sound, answer with one of a few labels."""

import random
from typing import Any

from trainer.messages import gettext_noop
from trainer.tasks.audio import SoundTask, sample_tone
from trainer.tasks.base import Role


class AudioClassification(SoundTask):
    slug = "audio-classification"
    title = gettext_noop("Audio classification")
    summary = gettext_noop("Listens to a sound and answers with one of your labels: words, machines, birds, moods.")
    roles = (
        Role("audio", gettext_noop("Sound"), "audio", help="What it listens to."),
        Role("label", gettext_noop("Label (target)"), "label", help="What it should answer."),
    )
    sentence = gettext_noop("Predict %(label)s (%(classes)s classes) from the recordings.")
    metrics = ("accuracy", "macro_f1", "log_loss")
    headline = "accuracy"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        generator = random.Random(0)  # noqa: S311
        tones = {"low": 300.0, "high": 1500.0}
        return [{"audio": sample_tone(tones[label], generator), "label": label} for _ in range(24) for label in tones]
