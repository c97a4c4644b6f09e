"""Object detection: look at a picture, say what is in it and where."""

import json
from pathlib import Path
from typing import Any, ClassVar

from trainer import point_net
from trainer.architectures import DETECTORS, VISION
from trainer.messages import gettext_noop
from trainer.params import advanced, check_params
from trainer.spec import Spec
from trainer.tasks.base import BaseModelCard, Role
from trainer.tasks.image import ImageTask, facts_of
from trainer.tasks.media import ChosenParams
from trainer.tasks.methods import FULL, SCRATCH

GIB = 1024**3


class DetectionParams(ChosenParams):
    """None: chosen by the model."""

    resolution: int | None = advanced(
        None,
        gettext_noop("Resolution"),
        gettext_noop("Images are resized to this many pixels per side. Empty: the model’s default."),
        ge=32,
        le=2048,
    )
    flip: bool = advanced(
        True,
        gettext_noop("Mirror images"),
        gettext_noop("Mirrors images left to right at random. Turn it off where sides matter, as with text."),
    )
    zoom: float | None = advanced(
        None,
        gettext_noop("Zoom"),
        gettext_noop("How far images are shifted and scaled at random. Empty: the model’s default."),
        ge=0,
        le=0.9,
    )
    brightness: float = advanced(
        0.2, gettext_noop("Brightness"), gettext_noop("How much brightness and contrast vary at random."), ge=0, le=0.9
    )


class ObjectDetection(ImageTask):
    slug = "object-detection"
    title = gettext_noop("Object detection")
    summary = gettext_noop("Looks at a picture and draws a box around each thing that you have taught it to find.")
    roles = (
        Role("image", gettext_noop("Picture"), "image", help="What it looks at."),
        Role("objects", gettext_noop("Objects"), "objects", help="What is in the picture, and where."),
    )
    sentence = gettext_noop("Find the %(objects)s in the images.")
    methods = (FULL, SCRATCH)
    models = (
        BaseModelCard(
            "scratch:points",
            point_net.TITLE,
            gettext_noop(
                "Trained from scratch in minutes; for things that look much alike, such as cells or parts. No download."
            ),
            1_023_335,
            "Apache 2.0",
            "",
            2 * GIB,
        ),
        BaseModelCard(
            "hub:ustc-community/dfine-nano-coco",
            "D-FINE nano",
            gettext_noop("The smallest good one; needs the Hugging Face hub."),
            3_770_000,
            "Apache 2.0",
            "",
            2 * GIB,
        ),
        BaseModelCard(
            "hub:PekingU/rtdetr_v2_r18vd",
            "RT-DETR v2, ResNet-18",
            gettext_noop("Stronger; needs the Hugging Face hub, better with a GPU."),
            20_200_000,
            "Apache 2.0",
            "",
            4 * GIB,
        ),
        BaseModelCard(
            "hub:hustvl/yolos-tiny",
            "YOLOS tiny",
            gettext_noop("A plain vision transformer; needs the Hugging Face hub."),
            6_490_000,
            "Apache 2.0",
            "",
            3 * GIB,
        ),
        BaseModelCard(
            "hub:facebook/detr-resnet-50@no_timm",
            "DETR, ResNet-50",
            gettext_noop("The first of its kind; large and slow. Needs the Hugging Face hub and a GPU."),
            41_600_000,
            "Apache 2.0",
            "",
            8 * GIB,
        ),
    )
    params: ClassVar[type[DetectionParams]] = DetectionParams
    metrics = ("map_50", "map")
    headline = "map_50"
    architectures = DETECTORS | VISION
    family = "trainer.families.image.detection.DetectionFamily"
    engine = "trainer.engines.detection.DetectionEngine"
    answer = "objects"
    answer_role = "objects"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        """Small pictures with one light or dark square each."""
        import io

        import numpy as np
        from PIL import Image

        rows = []
        generator = np.random.default_rng(0)
        for number in range(24):
            pixels = np.full((48, 48, 3), 128, dtype=np.uint8)
            left, top = (int(value) for value in generator.integers(2, 26, 2))
            pixels[top : top + 20, left : left + 20] = 230 if number % 2 else 20
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "PNG")
            objects = [{"label": "light" if number % 2 else "dark", "box": [left, top, 20, 20]}]
            rows.append({"image": file.getvalue(), "objects": json.dumps(objects)})
        return rows

    @classmethod
    def describe(cls, spec: Spec) -> dict[str, Any]:
        params = check_params(cls.params, spec.params)
        labels, _grey = facts_of(Path(spec.dataset.path), "class")
        return point_net.describe(spec.model, params.resolution or point_net.SIDE, labels)
