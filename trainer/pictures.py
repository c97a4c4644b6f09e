"""A picture's bytes as the pixels that a model takes: one code for training and for serving, of Pillow and numpy alone.

What a model wants stands in its preprocessor_config.json; the answers equal those of transformers' own image processors.
"""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from trainer import decoding
from trainer.data import media
from trainer.data.media import BAND_PIXELS, UnreadableError, as_rgb
from trainer.errors import ModelError
from trainer.files import read_json
from trainer.json_types import Json, JsonObject
from trainer.messages import _

CONFIG = "preprocessor_config.json"
OWN = "maquette_pixels"
"""The key under which an artifact's preprocessor_config.json says it all at once."""
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
BILINEAR, BICUBIC = 2, 3
SHARPNESS = 2
"""A JPEG is decoded at the smallest scale that is still so many times the size wanted."""
CONVNEXT_WARPS = 384
"""Pixels from which ConvNeXT's processor squeezes the picture instead of cutting its middle out."""
SIDE = (8, 2048)
STRETCHED = 8
"""A target so many times the pixels that are cut out of it is not made in whole."""
MAX_PREDICTED_PIXELS = 25_000_000
"""Of a picture that somebody sends to a model; one of a dataset may be larger (`media.MAX_PIXELS`)."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How a picture of each EXIF orientation stands upright."""

DEFAULTS: dict[str, dict[str, Any]] = {
    "ViT": {"size": {"height": 224, "width": 224}, "resample": BILINEAR, "norm": HALF},
    "DeiT": {
        "size": {"height": 256, "width": 256},
        "crop_size": {"height": 224, "width": 224},
        "do_center_crop": True,
        "resample": BICUBIC,
        "norm": HALF,
    },
    "ConvNext": {"size": {"shortest_edge": 384}, "crop_pct": 224 / 256, "resample": BICUBIC, "norm": HALF},
    "MobileNetV1": {
        "size": {"shortest_edge": 256},
        "crop_size": {"height": 224, "width": 224},
        "do_center_crop": True,
        "resample": BILINEAR,
        "norm": HALF,
    },
    "EfficientNet": {
        "size": {"height": 346, "width": 346},
        "crop_size": {"height": 289, "width": 289},
        "resample": BICUBIC,
        "norm": HALF,
        "include_top": True,
    },
    "Bit": {
        "size": {"shortest_edge": 224},
        "crop_size": {"height": 224, "width": 224},
        "do_center_crop": True,
        "resample": BICUBIC,
        "norm": CLIP,
    },
}
DEFAULTS["MobileNetV2"] = DEFAULTS["MobileNetV1"]
"""What the processors of transformers 5 do where a config is silent; every other kind is like ViT's."""


Target = Callable[[int, int], tuple[int, int]]
"""From a picture's (width, height) to those that it may become."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""


@dataclass(frozen=True)
class Preprocess:
    """From a picture to `height` × `width` pixels of one byte a channel: stretched to that size or, where `shortest` is
    set, brought to that shorter edge with the middle cut out. The model itself computes `pixels · factor + shift`."""

    height: int
    width: int
    shortest: int | None = None
    stretched: tuple[int, int] | None = None
    """(height, width) before the middle is cut out, where that is not the size itself."""
    resample: int = BILINEAR
    channels: int = 3
    factor: tuple[float, ...] = (1 / 127.5,)
    shift: tuple[float, ...] = (-1.0,)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.height, self.width, self.channels

    @property
    def view(self) -> JsonObject:
        """What the model sees of a picture: the middle, `width` × `height`, of one that is brought to the size `scaled` (width,
        height), or, unless it is `stretched`, in its own proportions so that it covers that size."""
        wide, tall = self.target(1, 1)
        is_stretched = self.shortest is None
        return {"width": self.width, "height": self.height, "scaled": [wide, tall], "stretched": is_stretched}

    @cached_property
    def mean_pixel(self) -> np.ndarray:
        """The pixel that the model sees as zero: (channels,)."""
        zero = -np.array(self.shift) / np.array(self.factor)
        return np.broadcast_to(zero.clip(0, 255), (self.channels,)).astype(np.uint8)

    def target(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) to which a picture of this size is brought before its middle is cut out."""
        if self.shortest is None:
            tall, wide = self.stretched or (self.height, self.width)
            return wide, tall
        if width <= height:
            return self.shortest, int(self.shortest * height / width)
        return int(self.shortest * width / height), self.shortest

    def pixels(self, image: Image.Image, orientation: int = 1) -> np.ndarray:
        """A picture as (height, width, channels) bytes, turned upright by its EXIF `orientation`."""
        lies = orientation in media.ROTATED
        target, box = self.visible(*(image.size[::-1] if lies else image.size))
        if lies:
            target, box = target[::-1], (box[1], box[0], box[3], box[2])
        mode = "L" if self.channels == 1 else "RGB"
        small = resize(image, target, mode, Image.Resampling(self.resample), box)
        if orientation in TURNS:
            small = small.transpose(TURNS[orientation])
        return center_crop(np.atleast_3d(np.asarray(small)), self.height, self.width)

    def visible(self, width: int, height: int) -> tuple[tuple[int, int], Box]:
        """(target, box): the size to which the part of an upright picture is brought that is not cut off. That is the whole
        picture, unless it is so long that it would become far larger than what is cut out of its middle."""
        target = self.target(width, height)
        if target[0] * target[1] <= STRETCHED * self.width * self.height:
            return target, (0, 0, width, height)
        sides = [
            visible_side(size, own, length)
            for size, own, length in zip((self.width, self.height), (width, height), target, strict=True)
        ]
        (wide, left, right), (tall, top, bottom) = sides
        return (wide, tall), (left, top, right, bottom)

    def normalised(self, pixels: np.ndarray) -> np.ndarray:
        """(…, height, width, channels) bytes as the model's own code sees them: (…, channels, height, width) float32."""
        values = pixels * np.array(self.factor, dtype=np.float32) + np.array(self.shift, dtype=np.float32)
        return np.moveaxis(values, -1, -3)

    def read(self, data: bytes, max_pixels: int | None = None) -> np.ndarray:
        """A file's bytes as (height, width, channels) bytes; `UnreadableError` says why that cannot be. Raises
        `decoding.NoRoomError`."""
        with decoded(data, self.target, max_pixels) as image:
            if image.width * image.height <= BAND_PIXELS:
                return self.pixels(as_rgb(ImageOps.exif_transpose(image)))
            return self.pixels(image, media.orientation(image))

    def save(self, folder: Path) -> None:
        (folder / CONFIG).write_text(json.dumps({OWN: asdict(self)}, indent=2), "utf-8")

    @classmethod
    def load(cls, folder: Path, resolution: int | None = None) -> "Preprocess":
        """What a model folder says; `resolution` in place of its own number of pixels a side."""
        config = read_json(folder / CONFIG)
        if OWN in config:
            fields: JsonObject = {name: tuple(v) if isinstance(v, list) else v for name, v in config[OWN].items()}
            preprocess = cls(**fields)
            return preprocess if resolution is None else preprocess.scaled(resolution)
        preprocess = from_config(config, read_json(folder / "config.json"))
        return preprocess if resolution is None else preprocess.scaled(resolution)

    def scaled(self, side: int) -> "Preprocess":
        """The same at `side` × `side` pixels."""
        fields = asdict(self) | {"height": side, "width": side}
        if self.shortest is not None:
            fields["shortest"] = max(side, round(self.shortest * side / min(self.height, self.width)))
        if self.stretched is not None:
            tall, wide = self.stretched
            fields["stretched"] = (
                max(side, round(tall * side / self.height)),
                max(side, round(wide * side / self.width)),
            )
        return Preprocess(**fields)


def open_picture(data: bytes, target: Target | None = None) -> Image.Image:
    """Decoded, upright, in RGB. `target(width, height)` says how small it may become: a JPEG is then decoded at a fraction.

    Raises `UnreadableError`.
    """
    with decoded(data, target) as image:
        return as_rgb(ImageOps.exif_transpose(image))


@contextmanager
def decoded(data: bytes, target: Target | None = None, max_pixels: int | None = None) -> Iterator[Image.Image]:
    """The same in its own mode, as it lies in the file, for as long as the process's budget has room for it.

    What is wrong with the file is found before it is decoded, while it is, and while it is converted, within the block: all
    become `UnreadableError`. Raises `decoding.NoRoomError`.
    """
    media.refuse_markup(data)
    Image.MAX_IMAGE_PIXELS = None  # the limit below speaks in a sentence
    try:
        with Image.open(io.BytesIO(data), formats=media.IMAGE_FORMATS) as image:
            width, height = size = image.size
            most = media.MAX_PIXELS if max_pixels is None else min(max_pixels, media.MAX_PIXELS)
            media.check_size(width, height, most)
            if target is not None and image.format == "JPEG":
                side = SHARPNESS * max(target(width, height))
                image.draft(None, (side, side))
            needed = decoding.picture_bytes(image, data, size, BAND_PIXELS)
            if max_pixels is not None and needed > decoding.budget.limit:
                raise media.too_many_pixels(width, height, most * decoding.budget.limit // needed, str(image.format))
            with decoding.budget.room(needed):
                image.load()
                yield image
    except UnidentifiedImageError as error:
        raise UnreadableError("is not a picture") from error
    except MemoryError as error:
        raise decoding.NoRoomError("no memory for a picture") from error
    except media.DAMAGED as error:
        raise UnreadableError("is damaged or cut short") from error


def resize(
    image: Image.Image, size: tuple[int, int], mode: str, resample: Image.Resampling, box: Box | None = None
) -> Image.Image:
    """The part of a picture in the `box` as (width, height) `size` in `mode`, RGB or L: but for rounding what converting it in
    whole and resizing that would give, without a second picture of that size in memory.

    Pillow resizes along one side and then along the other. The first is done here band by band, of the two the one after
    which less is left.
    """
    left, top, right, bottom = box or (0, 0, *image.size)
    width, height = size
    if image.width * image.height <= BAND_PIXELS:
        return resized(as_rgb(image).convert(mode), size, resample, (left, top, right, bottom))
    if width * image.height <= image.width * height:
        narrow = Image.new(mode, (width, image.height))
        for place, band in media.bands(image):
            part = (width, band.height)
            narrow.paste(resized(band.convert(mode), part, resample, (left, 0, right, band.height)), place)
        return resized(narrow, size, resample, (0, top, width, bottom))
    flat = Image.new(mode, (image.width, height))
    for place, band in media.bands(image, upright=True):
        part = (band.width, height)
        flat.paste(resized(band.convert(mode), part, resample, (0, top, band.width, bottom)), place)
    return resized(flat, size, resample, (left, 0, right, height))


def resized(image: Image.Image, size: tuple[int, int], resample: Image.Resampling, box: Box) -> Image.Image:
    if image.size == size and box == (0, 0, *size):
        return image
    return image.resize(size, resample=resample, box=box)


def visible_side(size: int, own: int, target: int) -> tuple[int, float, float]:
    """Of a side of `own` pixels that would become `target` long, of which the middle `size` are seen: (how long to make it,
    from where, to where)."""
    if target <= size:
        return target, 0, own
    start = (target - size) // 2
    return size, start * own / target, (start + size) * own / target


def center_crop(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of (rows, columns, channels), with black around where it is smaller."""
    rows, columns = pixels.shape[:2]
    top, left = (rows - height) // 2, (columns - width) // 2
    if top >= 0 and left >= 0:
        return pixels[top : top + height, left : left + width]
    tall, wide = max(rows, height), max(columns, width)
    above, before = -((rows - tall) // 2), -((columns - wide) // 2)
    framed = np.zeros((tall, wide, pixels.shape[2]), dtype=pixels.dtype)
    framed[above : above + rows, before : before + columns] = pixels
    top, left = top + above, left + before
    return framed[top : top + height, left : left + width]


def from_config(config: dict[str, Any], model: dict[str, Any]) -> Preprocess:
    """transformers' preprocessor_config.json in our terms; `model` is the model's config.json."""
    kind = (config.get("image_processor_type") or config.get("feature_extractor_type") or "").removesuffix("Fast")
    kind = kind.removesuffix("ImageProcessor").removesuffix("FeatureExtractor")
    defaults = DEFAULTS.get(kind, DEFAULTS["ViT"])
    given = {name: value for name, value in config.items() if value is not None}
    if not config and isinstance(model.get("image_size"), int):
        given["size"] = model["image_size"]
    settings = defaults | given
    size, crop = parse_size(settings["size"], defaults["size"]), parse_size(settings.get("crop_size"), {})
    factor, shift = parse_normalisation(settings)
    common = {"resample": settings["resample"], "factor": factor, "shift": shift}
    if kind == "ConvNext" and "shortest_edge" in size:
        return convnext_preprocess(size["shortest_edge"], settings["crop_pct"], common)
    cuts = settings.get("do_center_crop", False) and bool(crop)
    if "shortest_edge" in size:
        edge = size["shortest_edge"]
        height, width = (crop["height"], crop["width"]) if cuts else (edge, edge)
        return Preprocess(height, width, shortest=edge, **common)
    if "height" not in size:
        raise ModelError(
            _("The base model's preprocessor_config.json asks for a size in a way that is not known here."),
            hint=_("Choose another model."),
        )
    if cuts:
        return Preprocess(crop["height"], crop["width"], stretched=(size["height"], size["width"]), **common)
    return Preprocess(size["height"], size["width"], **common)


def convnext_preprocess(edge: int, crop_pct: float, common: dict[str, Any]) -> Preprocess:
    if edge >= CONVNEXT_WARPS:
        return Preprocess(edge, edge, **common)
    return Preprocess(edge, edge, shortest=int(edge / crop_pct), **common)


def parse_size(value: Json, like: dict[str, int]) -> dict[str, int]:
    """{height, width} or {shortest_edge}; old configs have one number or two."""
    if isinstance(value, int):
        return {"shortest_edge": value} if "shortest_edge" in like else {"height": value, "width": value}
    if isinstance(value, list | tuple):
        return {"height": value[0], "width": value[-1]}
    return dict(value) if isinstance(value, dict) else {}


def parse_normalisation(settings: dict[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(factor, shift) a channel of all that a processor does to a byte: scaled, moved, mean and deviation taken out."""
    mean, std = (np.array(settings.get(name, default)) for name, default in zip(NAMES, settings["norm"], strict=True))
    scale = settings.get("rescale_factor", 1 / 255) if settings.get("do_rescale", True) else 1.0
    factor, shift = np.full(3, scale), np.full(3, -1.0 if settings.get("rescale_offset") else 0.0)
    if settings.get("do_normalize", True):
        factor, shift = factor / std, (shift - mean) / std
    if settings.get("include_top"):
        factor, shift = factor / std, shift / std
    return tuple(factor.tolist()), tuple(shift.tolist())


NAMES = ("image_mean", "image_std")
