"""What the tasks have in common that look at one picture."""

import random
import struct
import zlib
from pathlib import Path
from typing import Any, ClassVar, Literal

from trainer import answers, nets
from trainer.architectures import VISION
from trainer.messages import gettext_noop
from trainer.params import advanced, check_params
from trainer.spec import Spec
from trainer.tasks.base import BaseModelCard, Method
from trainer.tasks.media import MIB, MediaParams, MediaTask, labels_in, profile_of, scratch_card
from trainer.tasks.methods import BEST, FULL, LORA, PROBE, SCRATCH

SAMPLE_SIDE = 24
GREY = frozenset(["L", "1", "I;16", "I;16B", "I"])
"""Pillow's modes of one channel."""
SNIPPET = """
import json, numpy, onnxruntime
from PIL import Image
manifest = json.load(open("manifest.json"))
size = manifest["pixels"]  # see model/preprocessor_config.json where the middle is cut out
image = Image.open("your picture.jpg").convert("L" if size["channels"] == 1 else "RGB")
pixels = numpy.asarray(image.resize((size["width"], size["height"]))).reshape(1, size["height"], size["width"], -1)
session = onnxruntime.InferenceSession("onnx/model.fp32.onnx")
logits = session.run(None, {"pixels": pixels})[0][0]
"""


class PictureParams(MediaParams):
    """Settings of every task that looks at pictures."""

    resolution: int | None = advanced(
        None,
        gettext_noop("Resolution"),
        gettext_noop(
            "Pixels per side that the model sees. Empty: its default, or less for small images. Less is faster."
        ),
        ge=8,
        le=1024,
    )
    augment: Literal["auto", "none", "light", "strong"] = advanced(
        "auto",
        gettext_noop("Augmentation"),
        gettext_noop(
            "How strongly images are varied at random during training, which helps when there are few. The settings below take precedence. For small gray images such as digits, auto never mirrors and hardly rotates."
        ),
    )
    flip: bool | None = advanced(
        None,
        gettext_noop("Mirror"),
        gettext_noop(
            "Mirrors half of the images left to right. Off by default for small gray images: a mirrored digit is not a digit."
        ),
    )
    crop: float | None = advanced(
        None,
        gettext_noop("Crop"),
        gettext_noop("Smallest share of the image that a random crop keeps. 1 turns it off."),
        ge=0.05,
        le=1,
    )
    colour: float | None = advanced(
        None,
        gettext_noop("Color"),
        gettext_noop("How much brightness, contrast and saturation vary at random. 0 turns it off."),
        ge=0,
        le=1,
    )
    rand_augment: int | None = advanced(
        None,
        gettext_noop("RandAugment"),
        gettext_noop("This many random changes per image, out of twelve such as rotating, shearing and sharpening."),
        ge=0,
        le=4,
    )


class VisionParams(PictureParams):
    """Settings of tasks that look at nothing else; `probe` uses `resolution` alone."""

    mixup: float | None = advanced(
        None,
        gettext_noop("Mixup"),
        gettext_noop("Blends pairs of images and their labels; the alpha of the mixing ratio. 0 turns it off."),
        ge=0,
        le=8,
    )
    cutmix: float | None = advanced(
        None,
        gettext_noop("CutMix"),
        gettext_noop("Pastes a piece of one image into another; the alpha of its share. 0 turns it off."),
        ge=0,
        le=8,
    )


METHODS = (PROBE, LORA, FULL, SCRATCH, BEST)


MODELS = (
    *(scratch_card(net, nets.NETS) for net in nets.NETS.values()),
    BaseModelCard(
        "hub:facebook/dinov2-small",
        "DINOv2 small",
        gettext_noop("Knows pictures of every kind well; needs the Hugging Face hub."),
        22_056_576,
        "Apache 2.0",
        "",
        1200 * MIB,
    ),
    BaseModelCard(
        "hub:google/vit-base-patch16-224-in21k",
        "ViT base",
        gettext_noop("A classic that does well on most photos; needs the Hugging Face hub, better with a GPU."),
        86_389_248,
        "Apache 2.0",
        "",
        3200 * MIB,
    ),
    BaseModelCard(
        "hub:microsoft/resnet-50",
        "ResNet-50",
        gettext_noop("The convolutional standard; needs the Hugging Face hub."),
        23_508_032,
        "Apache 2.0",
        "",
        2400 * MIB,
    ),
    BaseModelCard(
        "hub:google/mobilenet_v2_1.0_224",
        "MobileNetV2",
        gettext_noop("Small and quick, for phones and processors; needs the Hugging Face hub."),
        2_223_872,
        "see its page on the hub",
        "",
        1400 * MIB,
    ),
)


class ImageTask(MediaTask):
    modality = "image"
    thing = "picture"
    widget_in = "image"
    augments = True

    @classmethod
    def snippet(cls) -> str:
        read = answers.get(cls.answer).expression.format(labels='manifest["labels"]')
        return f"{SNIPPET}print({read})"


class PictureTask(ImageTask):
    """A task that answers about a picture as a whole."""

    architectures = VISION
    family = "trainer.families.image.pictures.PictureFamily"
    engine = "trainer.engines.image.ImageEngine"
    methods: ClassVar[tuple[Method, ...]] = METHODS
    models = MODELS
    params: ClassVar[type[PictureParams]] = VisionParams

    @classmethod
    def describe(cls, spec: Spec) -> dict[str, Any]:
        """A `scratch:` model's layers as JSON, for a diagram; see `trainer.nets.describe`."""
        params = check_params(cls.params, spec.params)
        outputs, grey = facts_of(Path(spec.dataset.path), cls.answer)
        channels, height, width = nets.find(spec.model).shape
        side = params.resolution
        shape = (1 if grey else 3 if grey is False else channels, side or height, side or width)
        return nets.describe(spec.model, params, shape, outputs)


def facts_of(version: Path, answer: str) -> tuple[int, bool | None]:
    """(outputs, whether the pictures are grey) as a version's profile tells; ten labels and None where there is none."""
    profile = profile_of(version)
    columns = profile.get("columns") or []
    modes = {mode for column in columns if column["name"] == "mode" for mode in column["examples"]}
    return answers.get(answer).outputs(labels_in(profile)), (modes <= GREY if modes else None)


def sample_picture(red: int, blue: int, generator: random.Random) -> bytes:
    """A PNG of one colour with some noise."""

    def pixel() -> bytes:
        return bytes(min(255, max(0, value + generator.randint(-20, 20))) for value in (red, 90, blue))

    lines = b"".join(b"\0" + b"".join(pixel() for _ in range(SAMPLE_SIDE)) for _ in range(SAMPLE_SIDE))
    header = struct.pack(">IIBBBBB", SAMPLE_SIDE, SAMPLE_SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
