"""Boxes of objects in a picture. Light."""

from trainer.answers.base import Answer, Metric
from trainer.answers.classes import BEWARE
from trainer.messages import gettext_noop

PICTURE_DRAWS = 400
"""Average precision takes long to count."""

ANSWER = Answer(
    "objects",
    widget="objects",
    output={"objects": "[{label, score, box [x, y, width, height] in pixels}], the surest first"},
    pick="objects",
    objective="trainer.answers.objects_scoring.Detection",
    scoring="trainer.answers.objects_scoring.ObjectScoring",
    metrics=(
        Metric("map_50", gettext_noop("mAP@50"), "mAP@50", column="detections", bounded=True, most_draws=PICTURE_DRAWS),
        Metric("map", gettext_noop("mAP@50–95"), "mAP", column="detections", bounded=True, most_draws=PICTURE_DRAWS),
    ),
    beware=BEWARE,
    cells="boxes",
    columns=frozenset(("objects",)),
    predictions=("predicted", "detections"),
    mistake=("missed", "extra"),
    constants={"mean_box": gettext_noop("each class’s mean box")},
)
