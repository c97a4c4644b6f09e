"""Pictures changed at random: the same seed changes them alike, and what is off stays off."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.trainer import command
from trainer import tasks
from trainer.families.image.augmentation import (
    GEOMETRY,
    TONES,
    Augmentation,
    Settings,
    defaults,
    move,
    settings_of,
    tone,
    turns,
)
from trainer.tasks.image import VisionParams

STRONG = Settings(flip=True, crop=0.4, colour=0.3, rand_augment=2, mixup=0.2, cutmix=1.0)
ROWS = np.arange(10, 26)


def pixels(channels: int = 3, side: int = 24) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(len(ROWS), channels, 4, 4, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic", align_corners=False)
    return (fine.clamp(0, 1) * 255).byte().permute(0, 2, 3, 1)


def drawn(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 3])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_seed_fixes_what_is_changed(channels: int) -> None:
    augmentation = Augmentation(STRONG)
    first, again, other = (augmentation(pixels(channels), drawn(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == pixels(channels).shape
    assert first.min() >= 0
    assert first.max() <= 255


def test_nothing_asked_changes_nothing() -> None:
    augmentation = Augmentation(Settings())
    assert torch.equal(augmentation(pixels(), drawn(0)), pixels().float())
    values, mix = augmentation.mix(pixels().float(), ROWS, drawn(0))
    assert mix is None
    assert torch.equal(values, pixels().float())


def test_mirroring_alone_is_exact() -> None:
    found = Augmentation(Settings(flip=True))(pixels(), drawn(0))
    kinds = set()
    for before, after in zip(pixels().float(), found, strict=True):
        same, mirrored = torch.allclose(before, after, atol=0.01), torch.allclose(before.flip(1), after, atol=0.01)
        assert same != mirrored
        kinds.add(mirrored)
    assert kinds == {True, False}


def test_a_crop_is_a_part_of_the_picture() -> None:
    ramp = torch.linspace(0, 255, 64).view(1, 1, 64, 1).expand(16, 64, 64, 3)
    found = Augmentation(Settings(crop=0.25))(ramp.byte(), drawn(0))
    widths = (found.amax((1, 2, 3)) - found.amin((1, 2, 3))) / 255
    assert (widths > 0.2).all()
    assert widths.min() < 0.7
    assert (found[:, :, 1:] >= found[:, :, :-1] - 1e-3).all()


@pytest.mark.parametrize("name", GEOMETRY)
def test_each_change_of_place(name: str) -> None:
    places = turns(np.full((len(ROWS), 1), GEOMETRY.index(name)), drawn(0))
    assert not np.allclose(places, np.eye(3))
    assert not torch.allclose(move(pixels().float(), places[:, :2]), pixels().float(), atol=1)


@pytest.mark.parametrize("name", TONES)
def test_each_change_of_tone(name: str) -> None:
    values = pixels().float() * 0.8 + 10
    found = tone(name, values, torch.full((len(ROWS), 1, 1, 1), 0.5))
    assert found.shape == values.shape
    assert 0.5 < (found - values).abs().mean() < 128
    assert found.min() >= 0
    assert found.max() <= 255.5


def test_mixed_answers_go_with_mixed_pixels() -> None:
    values = torch.zeros(2, 20, 20, 3)
    values[1] = 200
    seen = set()
    for seed in range(12):
        found, mix = Augmentation(Settings(cutmix=1.0, mixup=0.4)).mix(values, np.array([7, 9]), drawn(seed))
        if mix is None or mix.others.tolist() == [7, 9]:
            continue
        assert mix.others.tolist() == [9, 7]
        assert found[0].mean().item() / 200 == pytest.approx(1 - mix.share, abs=1e-4)
        seen.add(len(found.unique()) > 2)
    assert seen


def test_digits_are_never_mirrored_by_default() -> None:
    assert not defaults("auto", small=True, grey=True, number=False).flip
    assert not defaults("strong", small=True, grey=True, number=False).flip
    assert defaults("auto", small=False, grey=False, number=False).flip
    by_hand = settings_of(VisionParams(flip=True, crop=0.5), 28, True, number=False, pretrained=False)
    assert (by_hand.flip, by_hand.crop) == (True, 0.5)
    assert settings_of(VisionParams(augment="none"), 224, False, number=False, pretrained=True) == Settings()
    assert defaults("auto", small=False, grey=False, number=True).colour == 0


def test_the_preview_is_drawn_before_training(models: Path, tmp_path: Path) -> None:
    sample = tasks.get("image-classification").sample()
    fields = {"task": "image-classification", "model": "scratch:cnn-64-128-1024", "params": {"augment": "strong"}}
    spec = command.write_spec(tmp_path, sample, method="scratch", **fields)
    code, events = command.call(models, "augment", spec, "--out", tmp_path / "grid")
    assert code == 0, events[-1]
    assert "mirrored" in events[-1]["changes"]
    with Image.open(events[-1]["path"]) as image:
        assert image.width > image.height > 100
    code, events = command.call(models, "augment", spec, "--out", tmp_path / "again")
    assert (tmp_path / "grid/augmentation.png").read_bytes() == (tmp_path / "again/augmentation.png").read_bytes()
