"""Image classification: look at a picture, answer with one of a few labels."""

import random
from typing import Any

from trainer.messages import gettext_noop
from trainer.tasks.base import Role
from trainer.tasks.image import PictureTask, sample_picture


class ImageClassification(PictureTask):
    slug = "image-classification"
    title = gettext_noop("Image classification")
    summary = gettext_noop("Looks at a picture and answers with one of your labels: products, defects, plants, scenes.")
    roles = (
        Role("image", gettext_noop("Picture"), "image", help="What it looks at."),
        Role("label", gettext_noop("Label (target)"), "label", help="What it should answer."),
    )
    sentence = gettext_noop("Predict %(label)s (%(classes)s classes) from the images.")
    metrics = ("accuracy", "macro_f1", "log_loss")
    headline = "accuracy"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        generator = random.Random(0)  # noqa: S311
        colours = {"red": (200, 40), "blue": (40, 200)}
        return [
            {"image": sample_picture(*colours[label], generator), "label": label}
            for _ in range(24)
            for label in colours
        ]
