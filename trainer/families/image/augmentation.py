"""Pictures changed at random while learning, a batch at a time: moved, mirrored, coloured, mixed.

What is drawn comes from the generator of the step alone, so that a resumed run sees the same pictures.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from trainer.learning.rows import Mix
from trainer.tasks.image import PictureParams

SMALL = 64
"""Pixels a side up to which a picture counts as small."""
MIX_SHARE = 0.5
"""Of the batches, where both pictures and answers are mixed."""
RATIO = 4 / 3
"""Most that a crop is wider than tall, or the other way round."""
GEOMETRY = ("rotate", "shear_x", "shear_y", "move_x", "move_y")
TONES = ("brightness", "contrast", "saturation", "sharpness", "posterise", "solarise", "autocontrast")
MAGNITUDE = 0.5
"""Of RandAugment's changes, 0 to 1 (9 of 30 and 15 of 30 are usual)."""
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Settings:
    """Named as `VisionParams` names them; a task whose params lack one does without it."""

    flip: bool = False
    crop: float = 1.0
    colour: float = 0.0
    rand_augment: int = 0
    mixup: float = 0.0
    cutmix: float = 0.0


def settings_of(params: PictureParams, side: int, grey: bool, *, number: bool, pretrained: bool) -> Settings:
    """The default for pictures of this kind, with what was set by hand in its place."""
    settings = defaults(params.augment, side <= SMALL, grey, number)
    if pretrained and params.augment == "auto":
        settings = replace(settings, cutmix=0.0, mixup=0.0)  # few epochs: the answers had better be clear
    by_hand: dict[str, Any] = {name: getattr(params, name, 0.0) for name in Settings.__dataclass_fields__}
    return replace(settings, **{name: value for name, value in by_hand.items() if value is not None})


def defaults(augment: str, small: bool, grey: bool, number: bool) -> Settings:
    if augment == "none":
        return Settings()
    if small and grey:
        return Settings(crop=0.7) if augment != "strong" else Settings(crop=0.6, rand_augment=1)
    colour = 0.0 if grey or number else 0.2
    light = Settings(flip=True, crop=0.8 if number else 0.6 if small else 0.4, colour=colour)
    if augment == "strong":
        return replace(light, rand_augment=2, mixup=0.2, cutmix=1.0)
    return replace(light, cutmix=1.0) if augment == "auto" and small and not number else light


class Augmentation:
    """Changes (batch, height, width, channels) bytes; what comes out are floats of the same range."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __call__(self, pixels: Tensor, generator: np.random.Generator) -> Tensor:
        settings, rows = self.settings, len(pixels)
        values = pixels.float()
        drawn = self.draw(rows, generator)
        values = move(values, self.places(rows, drawn, generator))
        if settings.colour:
            values = recolour(values, settings.colour, generator)
        return retone(values, drawn, generator).clamp(0, 255)

    def draw(self, rows: int, generator: np.random.Generator) -> np.ndarray:
        """Which of RandAugment's changes each row gets: (rows, rand_augment) indices into GEOMETRY + TONES."""
        return generator.integers(0, len(GEOMETRY) + len(TONES), (rows, self.settings.rand_augment))

    def places(self, rows: int, drawn: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """(rows, 2, 3) from a place in the changed picture to one in the original, both −1 to 1."""
        transforms = np.tile(np.eye(3), (rows, 1, 1))
        if self.settings.crop < 1:
            transforms = transforms @ crops(rows, self.settings.crop, generator)
        transforms = transforms @ turns(drawn, generator)
        if self.settings.flip:
            transforms[:, :, 0] *= np.where(generator.random(rows) < 0.5, -1.0, 1.0)[:, None]
        return transforms[:, :2]

    def mix(self, values: Tensor, rows: np.ndarray, generator: np.random.Generator) -> tuple[Tensor, Mix | None]:
        """Blend or set pieces of other rows of the batch into each, in half of the batches."""
        settings = self.settings
        kinds = [name for name in ("mixup", "cutmix") if getattr(settings, name)]
        if not kinds or len(rows) < 2 or generator.random() >= MIX_SHARE:
            return values, None
        kind = kinds[generator.integers(len(kinds))]
        alpha = getattr(settings, kind)
        share = float(generator.beta(alpha, alpha))
        order = generator.permutation(len(rows))
        others = values[torch.from_numpy(order).to(values.device)]
        if kind == "mixup":
            return share * values + (1 - share) * others, Mix(rows[order], share)
        return paste(values, others, rows[order], share, generator)


def paste(
    values: Tensor, others: Tensor, rows: np.ndarray, share: float, generator: np.random.Generator
) -> tuple[Tensor, Mix]:
    """One box of `others` for the whole batch, its area about 1 − share (Yun et al. 2019)."""
    height, width = values.shape[1:3]
    side = math.sqrt(1 - share)
    tall, wide = round(height * side), round(width * side)
    top, left = generator.integers(0, height - tall + 1), generator.integers(0, width - wide + 1)
    values = values.clone()
    values[:, top : top + tall, left : left + wide] = others[:, top : top + tall, left : left + wide]
    return values, Mix(rows, 1 - tall * wide / (height * width))


def crops(rows: int, least: float, generator: np.random.Generator) -> np.ndarray:
    """Boxes of a random share of the area, a random ratio and place: (rows, 3, 3)."""
    area = generator.uniform(least, 1, rows)
    ratio = np.exp(generator.uniform(-math.log(RATIO), math.log(RATIO), rows))
    wide, tall = np.minimum(np.sqrt(area * ratio), 1), np.minimum(np.sqrt(area / ratio), 1)
    transforms = np.tile(np.eye(3), (rows, 1, 1))
    transforms[:, 0, 0], transforms[:, 1, 1] = wide, tall
    transforms[:, 0, 2] = generator.uniform(-1, 1, rows) * (1 - wide)
    transforms[:, 1, 2] = generator.uniform(-1, 1, rows) * (1 - tall)
    return transforms


def turns(drawn: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """RandAugment's changes of place, one after another: (rows, 3, 3)."""
    rows = len(drawn)
    transforms = np.tile(np.eye(3), (rows, 1, 1))
    for column in drawn.T:
        amount = MAGNITUDE * generator.uniform(-1, 1, rows)
        turn = np.tile(np.eye(3), (rows, 1, 1))
        angle = np.where(column == 0, amount * math.pi / 6, 0)
        turn[:, 0, 0], turn[:, 1, 1] = np.cos(angle), np.cos(angle)
        turn[:, 0, 1] = -np.sin(angle) + np.where(column == 1, amount * 0.6, 0)
        turn[:, 1, 0] = np.sin(angle) + np.where(column == 2, amount * 0.6, 0)
        turn[:, 0, 2], turn[:, 1, 2] = np.where(column == 3, amount * 0.9, 0), np.where(column == 4, amount * 0.9, 0)
        transforms = transforms @ turn
    return transforms


def move(values: Tensor, places: np.ndarray) -> Tensor:
    """Look each pixel up where `places` says; beyond the edge the picture is mirrored."""
    if np.array_equal(places, np.broadcast_to(np.eye(3)[:2], places.shape)):
        return values
    size = [len(values), values.shape[3], *values.shape[1:3]]
    grid = functional.affine_grid(torch.from_numpy(places).float().to(values.device), size, align_corners=False)
    moved = functional.grid_sample(
        values.permute(0, 3, 1, 2), grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    return moved.permute(0, 2, 3, 1)


def grey_of(values: Tensor) -> Tensor:
    """(batch, height, width, 1)."""
    if values.shape[3] == 1:
        return values
    return (values * torch.tensor(LUMA, device=values.device)).sum(3, keepdim=True)


def recolour(values: Tensor, strength: float, generator: np.random.Generator) -> Tensor:
    """Brightness, contrast and saturation of each row by its own factors, 1 ± strength."""
    factors = 1 + strength * generator.uniform(-1, 1, (3, len(values), 1, 1, 1))
    bright, contrast, saturation = torch.from_numpy(factors).float().to(values.device)
    values = (values * bright).clamp(0, 255)
    grey = grey_of(values)
    values = (grey.mean((1, 2), keepdim=True) * (1 - contrast) + values * contrast).clamp(0, 255)
    return (grey_of(values) * (1 - saturation) + values * saturation) if values.shape[3] == 3 else values


def retone(values: Tensor, drawn: np.ndarray, generator: np.random.Generator) -> Tensor:
    """RandAugment's changes of tone, each on the rows that drew it."""
    for column in drawn.T:
        amounts = torch.from_numpy(MAGNITUDE * generator.uniform(-1, 1, len(values))).float()
        for number, name in enumerate(TONES, len(GEOMETRY)):
            rows = torch.from_numpy(np.flatnonzero(column == number)).to(values.device)
            if len(rows):
                values = values.index_copy(
                    0, rows, tone(name, values[rows], amounts[rows.cpu()].view(-1, 1, 1, 1).to(values.device))
                )
    return values


def tone(name: str, values: Tensor, amount: Tensor) -> Tensor:
    """`amount` −1 to 1."""
    if name == "posterise":
        step = 2.0 ** (1 + 4 * amount.abs()).round()
        return (values / step).floor() * step
    if name == "solarise":
        return torch.where(values > 255 * (1 - amount.abs()), 255 - values, values)
    if name == "autocontrast":
        low, high = values.amin((1, 2, 3), keepdim=True), values.amax((1, 2, 3), keepdim=True)
        return (values - low) * 255 / (high - low).clamp(min=1)
    blank = {
        "brightness": torch.zeros_like,
        "contrast": lambda values: grey_of(values).mean((1, 2), keepdim=True).expand_as(values),
        "saturation": lambda values: grey_of(values).expand_as(values),
        "sharpness": blurred,
    }[name](values)
    return (blank + (values - blank) * (1 + 0.9 * amount)).clamp(0, 255)


def blurred(values: Tensor) -> Tensor:
    planes = values.permute(0, 3, 1, 2)
    return functional.avg_pool2d(planes, 3, 1, 1, count_include_pad=False).permute(0, 2, 3, 1)


def sentence(settings: Settings) -> str:
    """What is done, for people."""
    parts = [
        (settings.crop < 1, f"a random part of at least {settings.crop:.0%} of the picture"),
        (settings.flip, "mirrored half of the time"),
        (settings.colour > 0, f"brightness, contrast and saturation by up to {settings.colour:.0%}"),
        (settings.rand_augment > 0, f"{settings.rand_augment} of twelve further changes"),
        (settings.mixup > 0, "blended in pairs (mixup)"),
        (settings.cutmix > 0, "a piece of another picture set in (CutMix)"),
    ]
    changes = [words for is_used, words in parts if is_used]
    return (
        f"Changed at random while learning: {', '.join(changes)}."
        if changes
        else "Pictures are learned from as they are."
    )
