"""Memory while pictures and sounds are decoded: what it takes is said before, has an end, and changes no pixel."""

import io
import threading
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.serving import hostile, tiny_pictures
from tests.trainer.test_pictures import PROCESSORS, data, picture
from trainer import decoding
from trainer.data import media
from trainer.data.media import UnreadableError, as_rgb, store_media
from trainer.decoding import Budget, NoRoomError, jpeg_samples, picture_bytes, tile_bytes
from trainer.engines import open_engine
from trainer.errors import DataError
from trainer.pictures import BILINEAR, Preprocess
from trainer.sounds import read_sound, sound_bytes

MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16", "I", "F"]
SMALL_BAND = 700
"""Pixels, so that small pictures have several bands."""


def picture_in(mode: str, width: int, height: int) -> Image.Image:
    if mode in ("I;16", "I", "F"):
        values = np.random.default_rng(0).integers(200, 60_000, (height, width), dtype=np.uint16)
        image = Image.fromarray(values)
        return image if mode == "I;16" else image.convert("I") if mode == "I" else image.convert("I").convert("F")
    image = picture(width, height)
    if mode in ("RGBA", "LA", "PA"):
        image.putalpha(picture(height, width, "L").resize((width, height)))
    if mode == "PA":
        return image.quantize(16)
    return image.convert(mode)


@pytest.fixture
def small_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.data.media.BAND_PIXELS", SMALL_BAND)
    monkeypatch.setattr("trainer.pictures.BAND_PIXELS", SMALL_BAND)


@pytest.mark.parametrize("mode", MODES)
def test_bands_change_no_pixel(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture_in(mode, 90, 61)
    whole = np.asarray(as_rgb(image))
    monkeypatch.setattr("trainer.data.media.BAND_PIXELS", SMALL_BAND)
    assert (np.asarray(as_rgb(image)) == whole).all()


@pytest.mark.parametrize("name", PROCESSORS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
@pytest.mark.parametrize("size", [(90, 61), (61, 97), (130, 40)], ids=str)
def test_what_is_made_small_by_bands_is_the_same(
    name: str, mode: str, size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    PROCESSORS[name].save_pretrained(tmp_path)
    preprocess = Preprocess.load(tmp_path)
    content = data(picture_in(mode, *size))
    whole = preprocess.read(content)
    monkeypatch.setattr("trainer.data.media.BAND_PIXELS", SMALL_BAND)
    monkeypatch.setattr("trainer.pictures.BAND_PIXELS", SMALL_BAND)
    by_bands = preprocess.read(content)
    differences = np.abs(
        by_bands.astype(int) - whole
    )  # Pillow may take the sides in the other order, and rounds in between
    assert differences.mean() < 0.5
    assert differences.max() <= (2 if preprocess.resample == BILINEAR else 8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("channels", [1, 3])
def test_a_large_picture_is_turned_after_it_was_made_small(
    orientation: int, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = data(picture_in("RGB", 90, 61), "TIFF", exif=hostile.turned(orientation))
    preprocess = Preprocess(24, 20, shortest=30, channels=channels)
    whole = preprocess.read(content).astype(int)
    monkeypatch.setattr("trainer.data.media.BAND_PIXELS", SMALL_BAND)
    monkeypatch.setattr("trainer.pictures.BAND_PIXELS", SMALL_BAND)
    assert np.abs(preprocess.read(content) - whole).max() <= 2


@pytest.mark.usefixtures("small_bands")
@pytest.mark.parametrize("size", [(2, 3_000), (3_000, 2), (1, 60_000), (60_000, 1)], ids=str)
@pytest.mark.parametrize("cut", [Preprocess(48, 48, shortest=56), Preprocess(48, 48)], ids=["cut", "stretched"])
def test_a_long_picture_does_not_swell(size: tuple[int, int], cut: Preprocess) -> None:
    image = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), size[0] * size[1] // 256 + 1)[: size[0] * size[1]].reshape(size[::-1]))  # fmt: skip
    assert cut.read(data(image)).shape == (48, 48, 3)


def test_the_part_that_is_seen_of_a_long_picture_is_its_middle() -> None:
    image = picture(40, 2_000)
    preprocess = Preprocess(48, 48, shortest=48)
    whole = image.resize((48, 2_400), Image.Resampling.BILINEAR).crop((0, 1_176, 48, 1_224))
    assert np.abs(preprocess.pixels(image).astype(int) - np.asarray(whole)).max() <= 1


# What may be decoded


def test_a_picture_that_was_sent_has_a_lower_bound_than_one_of_the_rows(tmp_path: Path) -> None:
    engine = open_engine(tiny_pictures.build(tmp_path))
    large = hostile.png(6_000, 4_200, hostile.GREY)
    with pytest.raises(DataError, match=r"6,000 × 4,200 pixels large; at most 25 million are decoded"):
        engine.read(large)
    path = tmp_path / "large.png"
    path.write_bytes(large)
    assert engine.read(path).shape == (224, 224, 3)


def test_a_picture_that_takes_more_than_the_whole_budget_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "budget", Budget(4 * decoding.MIB))
    content = data(picture(1_000, 900), "WEBP")
    with pytest.raises(UnreadableError, match="million of a WEBP file"):
        Preprocess(16, 16).read(content, 25_000_000)
    assert Preprocess(16, 16).read(content).shape == (16, 16, 3)  # a run's own picture, alone


def test_no_side_may_be_endless(tmp_path: Path) -> None:
    content = hostile.png(70_000, 1, hostile.GREY)
    with pytest.raises(UnreadableError, match="no side may be longer"):
        Preprocess(16, 16).read(content)
    with pytest.raises(UnreadableError, match="no side may be longer"):
        store_media(content, "image", tmp_path)


@pytest.mark.parametrize(
    ("options", "samples"),
    [({}, 0), ({"progressive": True}, 3), ({"comment": b"x" * 900}, 0)],
    ids=["one pass", "progressive", "comment"],
)
def test_passes_of_a_jpeg_are_seen_in_its_header(options: dict[str, Any], samples: int) -> None:
    assert jpeg_samples(data(picture(40, 30), "JPEG", **options)) == samples


def test_a_jpeg_whose_colours_come_one_after_the_other_is_held_in_whole() -> None:
    content = bytearray(data(picture(40, 30), "JPEG"))
    content[content.index(b"\xff\xda") + 4] = 1
    assert jpeg_samples(bytes(content)) == 3


def test_a_tile_larger_than_its_picture_counts() -> None:
    with Image.open(io.BytesIO(data(picture(40, 30), "TIFF"))) as image:
        small = tile_bytes(image)
        image.tag_v2[decoding.TILE_WIDTH], image.tag_v2[decoding.TILE_LENGTH] = 50_000, 50_000
        assert (small, tile_bytes(image)) == (40 * 30 * 3, 50_000**2 * 3)
        assert picture_bytes(image, b"", image.size, 1) > 50_000**2


def test_whoever_decodes_waits_until_there_is_room() -> None:
    budget, order = Budget(100, wait_seconds=5), []
    inside, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with budget.room(60):
            inside.set()
            go_on.wait(5)
            order.append("first ends")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(5)
    with budget.room(40):  # fits beside it
        assert budget.used == 100
    threading.Timer(0.1, go_on.set).start()
    with budget.room(1_000):  # gets all of it
        order.append("second begins")
    thread.join()
    assert order == ["first ends", "second begins"]
    assert (budget.used, budget.peak) == (0, 100)


def test_nobody_waits_for_ever() -> None:
    budget = Budget(100, wait_seconds=0.05)
    with budget.room(60), pytest.raises(NoRoomError), budget.room(60):
        pass
    assert budget.used == 0


# Sounds


def sound_at(rate: int, samples: int = 1_000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 1, rate, 0, "NONE", ""))
        sound.writeframes(bytes(128 for _ in range(samples)))
    return file.getvalue()


def test_a_rate_that_no_recorder_has_is_refused(tmp_path: Path) -> None:
    content = sound_at(2**31 - 1)
    with pytest.raises(UnreadableError, match="at most 768,000"):
        read_sound(content, 16_000, 10)
    with pytest.raises(UnreadableError, match="at most 768,000"):
        store_media(content, "audio", tmp_path)


def test_a_sound_is_counted_by_what_is_heard_of_it() -> None:
    second = sound_bytes(sound_at(48_000), 1)
    assert sound_bytes(sound_at(48_000), 30) > 20 * (second - decoding.FIXED_BYTES)
    assert sound_bytes(sound_at(2**31 - 1), 10) < 256 * decoding.MIB
    assert sound_bytes(b"no sound", 10) == decoding.FIXED_BYTES
    assert media.MAX_SOUND_RATE >= 384_000
