"""Image regression: look at a picture, answer with a number."""

import random
from typing import Any

from trainer.messages import gettext_noop
from trainer.tasks.base import Role
from trainer.tasks.image import PictureTask, sample_picture


class ImageRegression(PictureTask):
    slug = "image-regression"
    title = gettext_noop("Image regression")
    summary = gettext_noop("Looks at a picture and answers with a number: an age, a price, a count, a degree of wear.")
    roles = (
        Role("image", gettext_noop("Picture"), "image", help="What it looks at."),
        Role("target", gettext_noop("Target"), "number", help="What it should answer."),
    )
    sentence = gettext_noop("Predict the number in %(target)s from the images.")
    metrics = ("r2", "rmse", "mae")
    headline = "r2"
    answer = "number"
    answer_role = "target"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        generator = random.Random(0)  # noqa: S311
        rows = []
        for number in range(48):
            red = 20 + 4 * number
            rows.append({"image": sample_picture(red, 120, generator), "target": red / 10})
        return rows
