"""Pictures changed at random, by hand and beside Pillow: tones, places, boxes of other pictures, and which kind gets which."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from trainer.families.image import augmentation, preview
from trainer.families.image.augmentation import (
    GEOMETRY,
    LUMA,
    MAGNITUDE,
    RATIO,
    Augmentation,
    Settings,
    blurred,
    crops,
    defaults,
    grey_of,
    move,
    paste,
    recolour,
    retone,
    sentence,
    settings_of,
    tone,
    turns,
)

SIDE = 12


def noise(rows: int = 3, channels: int = 3, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (rows, SIDE, SIDE, channels), generator=generator).float()


def pillow(values: Tensor) -> Image.Image:
    return Image.fromarray(values[0].byte().numpy())


def amounts(value: float, rows: int = 3) -> Tensor:
    return torch.full((rows, 1, 1, 1), value)


# Tones


@pytest.mark.parametrize("amount", [-1.0, -0.4, 0.0, 0.6, 1.0])
@pytest.mark.parametrize(
    ("name", "enhancer"),
    [
        ("brightness", ImageEnhance.Brightness),
        ("contrast", ImageEnhance.Contrast),
        ("saturation", ImageEnhance.Color),
    ],
)
def test_tones_are_those_of_pillow(name: str, enhancer: Any, amount: float) -> None:
    """1 + 0.9 of the amount is the factor, as in RandAugment; Pillow rounds its grey and its pixels."""
    values = noise()
    wanted = np.asarray(enhancer(pillow(values)).enhance(1 + 0.9 * amount), dtype=float)
    assert tone(name, values, amounts(amount))[0].numpy() == pytest.approx(wanted, abs=2.0)


@pytest.mark.parametrize("bits", [1, 3, 5])
def test_fewer_bits_are_pillow_s_posterise(bits: int) -> None:
    """A step of 2 to the power of 1 + 4 · amount leaves 8 − (1 + 4 · amount) bits."""
    values = noise()
    wanted = np.asarray(ImageOps.posterize(pillow(values), 8 - bits), dtype=float)
    assert tone("posterise", values, amounts((bits - 1) / 4))[0].numpy() == pytest.approx(wanted)


@pytest.mark.parametrize("amount", [0.0, 0.25, -0.5, 1.0])
def test_what_is_brighter_than_a_mark_is_turned_round_as_by_pillow(amount: float) -> None:
    values = noise()
    mark = 255 * (1 - abs(amount))
    wanted = np.asarray(ImageOps.solarize(pillow(values), int(np.floor(mark)) + 1), dtype=float)
    assert tone("solarise", values, amounts(amount))[0].numpy() == pytest.approx(wanted)


def test_contrast_is_stretched_to_the_whole_range_of_all_channels() -> None:
    values = noise() * 0.3 + 50
    stretched = tone("autocontrast", values, amounts(0.3))
    assert stretched.amin((1, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-3)
    assert stretched.amax((1, 2, 3)).tolist() == pytest.approx([255, 255, 255], abs=1e-2)
    flat = torch.full((1, SIDE, SIDE, 3), 7.0)
    assert torch.equal(tone("autocontrast", flat, amounts(0.3, 1)), flat * 0), "one colour has no contrast"


def test_a_blur_is_the_mean_of_what_is_around() -> None:
    values = noise(1, 1)
    padded = np.pad(values[0, :, :, 0].numpy(), 1, constant_values=np.nan)
    wanted = [[np.nanmean(padded[row : row + 3, column : column + 3]) for column in range(SIDE)] for row in range(SIDE)]
    assert blurred(values)[0, :, :, 0].numpy() == pytest.approx(np.array(wanted), rel=1e-5)


def test_grey_is_how_bright_a_colour_looks() -> None:
    values = noise()
    wanted = np.asarray(pillow(values).convert("L"), dtype=float)
    assert grey_of(values)[0, :, :, 0].numpy() == pytest.approx(wanted, abs=1)
    assert sum(LUMA) == pytest.approx(1)
    grey = noise(channels=1)
    assert grey_of(grey) is grey


@pytest.mark.parametrize("channels", [1, 3])
def test_no_strength_changes_no_colour(channels: int) -> None:
    values = noise(channels=channels)
    changed = recolour(values, 0.0, np.random.default_rng(0))
    assert torch.allclose(changed, values, atol=1e-3)
    strong = recolour(values, 0.9, np.random.default_rng(0))
    assert not torch.allclose(strong, values, atol=5)
    assert strong.shape == values.shape


def test_only_the_rows_that_drew_a_tone_are_changed() -> None:
    values = noise(4)
    solarise = len(GEOMETRY) + augmentation.TONES.index("solarise")
    drawn = np.array([[solarise], [0], [solarise], [1]])
    changed = retone(values, drawn, np.random.default_rng(3))
    same = [torch.equal(before, after) for before, after in zip(values, changed, strict=True)]
    assert same == [False, True, False, True]


# Places


def test_every_crop_lies_in_its_picture() -> None:
    transforms = crops(2_000, 0.3, np.random.default_rng(0))
    wide, tall = transforms[:, 0, 0], transforms[:, 1, 1]
    assert (np.abs(transforms[:, 0, 2]) + wide <= 1 + 1e-9).all()
    assert (np.abs(transforms[:, 1, 2]) + tall <= 1 + 1e-9).all()
    assert (wide * tall).min() > 0.3 / RATIO
    assert (wide * tall).max() <= 1
    inside = (wide < 1) & (tall < 1)
    assert (wide / tall)[inside].max() <= RATIO + 1e-9
    assert (wide / tall)[inside].min() >= 1 / RATIO - 1e-9
    assert np.allclose(transforms[:, 2], [0, 0, 1])


@pytest.mark.parametrize(
    ("name", "entry", "most"),
    [
        ("rotate", (1, 0), np.sin(MAGNITUDE * np.pi / 6)),
        ("shear_x", (0, 1), 0.6 * MAGNITUDE),
        ("shear_y", (1, 0), 0.6 * MAGNITUDE),
        ("move_x", (0, 2), 0.9 * MAGNITUDE),
        ("move_y", (1, 2), 0.9 * MAGNITUDE),
    ],
)
def test_a_change_of_place_goes_either_way_up_to_its_bound(name: str, entry: tuple[int, int], most: float) -> None:
    drawn = np.full((4_000, 1), GEOMETRY.index(name))
    transforms = turns(drawn, np.random.default_rng(0))
    values = transforms[:, entry[0], entry[1]]
    assert values.max() == pytest.approx(most, rel=0.01)
    assert values.min() == pytest.approx(-most, rel=0.01)
    if name == "rotate":
        assert np.linalg.det(transforms) == pytest.approx(np.ones(4_000))
        assert transforms[:, 0, 1] == pytest.approx(-values)


def test_tones_change_no_place() -> None:
    drawn = np.full((5, 2), len(GEOMETRY))
    assert np.array_equal(turns(drawn, np.random.default_rng(0)), np.tile(np.eye(3), (5, 1, 1)))


@pytest.mark.parametrize(
    ("places", "wanted"),
    [
        ([[1, 0, 0], [0, 1, 0]], lambda values: values),
        ([[-1, 0, 0], [0, 1, 0]], lambda values: values.flip(2)),
        ([[1, 0, 0], [0, -1, 0]], lambda values: values.flip(1)),
        ([[0, 1, 0], [1, 0, 0]], lambda values: values.transpose(1, 2)),
    ],
)
def test_pixels_are_looked_up_where_they_are(places: list[list[float]], wanted: Any) -> None:
    values = noise(2)
    moved = move(values, np.tile(np.array(places, dtype=float), (2, 1, 1)))
    assert torch.allclose(moved, wanted(values), atol=1e-2)


def test_beyond_the_edge_the_picture_is_mirrored() -> None:
    values = torch.arange(SIDE).float().view(1, 1, SIDE, 1).expand(1, SIDE, SIDE, 1)
    shift = 2 * 3 / SIDE  # three pixels to the right
    moved = move(values, np.array([[[1, 0, shift], [0, 1, 0]]]))
    assert moved[0, 0, :, 0].tolist() == pytest.approx([*range(3, 12), 11, 10, 9], abs=1e-3)


# Mixed pictures


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_piece_of_another_picture_is_as_large_as_the_answer_says(share: float) -> None:
    own, others = torch.zeros(2, 20, 30, 3), torch.ones(2, 20, 30, 3)
    pasted, mix = paste(own, others, np.array([5, 6]), share, np.random.default_rng(0))
    assert pasted.mean().item() == pytest.approx(1 - mix.share, abs=1e-6)
    assert mix.share == pytest.approx(share, abs=0.05)
    assert own.sum() == 0, "what was given stays"


def test_about_half_of_the_batches_are_mixed_and_single_rows_never() -> None:
    change = Augmentation(Settings(mixup=0.4, cutmix=1.0))
    values, rows = noise(4), np.arange(4)
    mixed = sum(change.mix(values, rows, np.random.default_rng(seed))[1] is not None for seed in range(400))
    assert 160 < mixed < 240
    assert all(change.mix(values[:1], rows[:1], np.random.default_rng(seed))[1] is None for seed in range(20))


def test_blended_pictures_are_a_sum_by_their_share() -> None:
    change = Augmentation(Settings(mixup=0.4))
    values, rows = noise(4), np.array([10, 11, 12, 13])
    for seed in range(20):
        blended, mix = change.mix(values, rows, np.random.default_rng(seed))
        if mix is not None:
            others = values[mix.others - 10]
            assert torch.allclose(blended, mix.share * values + (1 - mix.share) * others)


# Which pictures are changed how


@pytest.mark.parametrize(
    ("augment", "small", "grey", "number", "settings"),
    [
        ("none", True, True, False, Settings()),
        ("none", False, False, True, Settings()),
        ("auto", True, True, False, Settings(crop=0.7)),
        ("light", True, True, True, Settings(crop=0.7)),
        ("strong", True, True, False, Settings(crop=0.6, rand_augment=1)),
        ("auto", True, False, False, Settings(flip=True, crop=0.6, colour=0.2, cutmix=1.0)),
        ("light", True, False, False, Settings(flip=True, crop=0.6, colour=0.2)),
        ("auto", False, False, False, Settings(flip=True, crop=0.4, colour=0.2)),
        ("auto", False, True, False, Settings(flip=True, crop=0.4)),
        ("auto", False, False, True, Settings(flip=True, crop=0.8)),
        ("strong", False, False, False, Settings(True, 0.4, 0.2, 2, 0.2, 1.0)),
    ],
)
def test_the_usual_changes_of_each_kind_of_picture(
    augment: str, small: bool, grey: bool, number: bool, settings: Settings
) -> None:
    assert defaults(augment, small, grey, number) == settings


@pytest.mark.parametrize(
    ("params", "pretrained", "settings"),
    [
        ({"augment": "auto"}, False, Settings(True, 0.6, 0.2, cutmix=1.0)),
        ({"augment": "auto"}, True, Settings(True, 0.6, 0.2)),
        ({"augment": "strong"}, True, Settings(True, 0.6, 0.2, 2, 0.2, 1.0)),
        ({"augment": "auto", "flip": False, "crop": 1.0}, True, Settings(False, 1.0, 0.2)),
        ({"augment": "none", "colour": 0.1}, False, Settings(colour=0.1)),
        ({"augment": "auto", "flip": None}, True, Settings(True, 0.6, 0.2)),
    ],
)
def test_what_is_set_by_hand_takes_the_place_of_the_usual(
    params: dict[str, Any], pretrained: bool, settings: Settings
) -> None:
    unset = dict.fromkeys(Settings.__dataclass_fields__)
    given = SimpleNamespace(**(unset | params))
    assert settings_of(given, 32, False, number=False, pretrained=pretrained) == settings  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(), "Pictures are learned from as they are."),
        (Settings(flip=True), "Changed at random while learning: mirrored half of the time."),
        (Settings(crop=0.4, colour=0.2), "a random part of at least 40% of the picture, brightness, contrast and saturation by up to 20%"),
        (Settings(rand_augment=2, mixup=0.1, cutmix=0.1), "2 of twelve further changes, blended in pairs (mixup), a piece of"),
    ],
)  # fmt: skip
def test_what_is_done_is_said(settings: Settings, words: str) -> None:
    assert words in sentence(settings)


# The preview


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("side", "scale"), [(28, 4), (112, 1), (300, 1)])
def test_small_pictures_are_shown_enlarged_with_gaps_between(channels: int, side: int, scale: int) -> None:
    cells = np.zeros((2, 3, side, side, channels), dtype=np.uint8)
    cells[1, 2] = 200
    sheet = np.asarray(preview.grid(cells))
    cell = side * scale
    assert sheet.shape[:2] == (2 * cell + preview.GAP, 3 * cell + 2 * preview.GAP)
    assert (sheet[-cell:, -cell:] == 200).all()
    assert (sheet[:cell, :cell] == 0).all()
    assert (sheet[cell : cell + preview.GAP] == preview.WHITE).all()


@pytest.mark.parametrize(
    ("truth", "is_class", "chosen"),
    [
        ([0, 0, 0, 1, 2, 0, 1, 2], True, [0, 3, 4, 1, 2, 5]),
        ([0, 1], True, [0, 1]),
        (list(range(9)), True, [0, 1, 2, 3, 4, 5]),
        ([1.5, 2.5, 3.5], False, [0, 1, 2]),
        (list(range(11)), False, [0, 2, 4, 6, 8, 10]),
    ],
)
def test_as_many_labels_as_can_be_are_shown_first(truth: list[float], is_class: bool, chosen: list[int]) -> None:
    rows = SimpleNamespace(known=lambda _part: np.arange(len(truth)), is_class=is_class, truth=np.array(truth))
    assert preview.choose(rows).tolist() == chosen  # type: ignore[arg-type]
