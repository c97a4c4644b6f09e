"""Pictures, sounds and the files of MNIST by their own bytes: what they hold, what is shown of them, and why one is refused."""

import io
import struct
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from tests.trainer.data_files import picture
from trainer.data import media
from trainer.data.archives import Entry
from trainer.data.gathering import Meter
from trainer.data.idx import IdxFile, collect_idx, find_labels, parts_of_pictures, read_idx
from trainer.data.media import (
    MAX_PIXELS,
    THUMB_PIXELS,
    UnreadableError,
    as_rgb,
    block_size,
    read_audio,
    read_image,
    riff_size,
    store_media,
)
from trainer.errors import DataError
from trainer.events import silent

QUICK = settings(max_examples=80, deadline=None, derandomize=True)


# Pictures


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("form", "suffix"), [("PNG", "png"), ("JPEG", "jpg"), ("GIF", "gif"), ("BMP", "bmp"), ("WEBP", "webp"), ("TIFF", "tif"), ("PPM", "ppm")]
)  # fmt: skip
def test_a_picture_is_what_its_bytes_are_whatever_it_is_called(form: str, suffix: str, tmp_path: Path) -> None:
    kept = store_media(encoded(Image.new("RGB", (30, 20), "teal"), form), "image", tmp_path)
    assert kept.name.endswith(f".{suffix}")
    assert (kept.facts["width"], kept.facts["height"]) == ("30", "20")
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_turned_picture_has_the_size_that_is_seen(turned: int) -> None:
    image = Image.new("RGB", (300, 100), "navy")
    exif = Image.Exif()
    exif[media.EXIF_ORIENTATION] = turned
    _suffix, facts, small = read_image(encoded(image, "JPEG", exif=exif))
    assert (facts["width"], facts["height"]) == (("100", "300") if turned > 4 else ("300", "100"))
    assert small is not None
    with Image.open(io.BytesIO(small)) as thumb:
        assert (thumb.width < thumb.height) == (turned > 4)
        assert max(thumb.size) == THUMB_PIXELS


@pytest.mark.parametrize(
    ("size", "form", "is_small"),
    [((160, 160), "PNG", False), ((161, 10), "PNG", True), ((10, 161), "JPEG", True), ((20, 20), "BMP", True)],
)
def test_lists_show_small_pictures_themselves_and_others_in_small(
    size: tuple[int, int], form: str, is_small: bool
) -> None:
    _suffix, _facts, small = read_image(encoded(Image.new("RGB", size), form))
    assert (small is not None) == is_small


def test_a_picture_small_in_pixels_and_large_in_bytes_is_shown_in_small() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise))
    assert len(data) > media.SHOWN_BYTES
    assert read_image(data)[2] is not None


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (Image.new("L", (2, 2), 100), (100, 100, 100)),
        (Image.new("1", (2, 2), 1), (255, 255, 255)),
        (Image.new("CMYK", (2, 2), (0, 0, 0, 255)), (0, 0, 0)),
        (Image.new("RGBA", (2, 2), (200, 0, 0, 0)), (255, 255, 255)),
        (Image.new("RGBA", (2, 2), (200, 0, 0, 255)), (200, 0, 0)),
        (Image.new("LA", (2, 2), (10, 0)), (255, 255, 255)),
        (Image.fromarray(np.full((2, 2), 200, np.int32)), (200, 200, 200)),
        (Image.fromarray(np.array([[0, 65535], [0, 65535]], np.uint16)), (0, 0, 0)),
        (Image.fromarray(np.array([[-1.0, 1.0]], np.float32)), (0, 0, 0)),
        (Image.fromarray(np.array([[5.0, 5.0]], np.float32)), (0, 0, 0)),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else "",
)
def test_any_mode_is_shown_in_colours(image: Image.Image, colour: tuple[int, int, int]) -> None:
    shown = as_rgb(image)
    assert shown.mode == "RGB"
    assert shown.getpixel((0, 0)) == colour


def test_sixteen_bits_are_stretched_to_the_whole_range() -> None:
    shown = as_rgb(Image.fromarray(np.array([[1_000, 2_000, 3_000]], np.uint16)))
    assert [shown.getpixel((x, 0))[0] for x in range(3)] == [0, pytest.approx(127, abs=1), pytest.approx(255, abs=1)]


def headed_png(width: int, height: int) -> bytes:
    """A PNG whose head says so many pixels; its pixels are not there."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = struct.pack(">I", 1_000) + b"IDAT" + b"x"
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + pixels


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"text", "is not a picture"),
        (headed_png(10_001, 10_000), "pixels large"),
        (headed_png(100, 100), "damaged or cut short"),
        (picture(1)[:-40], "damaged or cut short"),
        (b"<svg onload=alert(1)>", "could carry a script"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html>", "could carry a script"),
        (b"<?xml version='1.0'?><svg/>", "could carry a script"),
    ],
    ids=["empty", "text", "too large", "no pixels", "half", "svg", "html", "xml"],
)
def test_what_is_no_whole_picture_says_why_and_leaves_nothing(data: bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=reason):
        store_media(data, "image", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_picture_of_just_the_most_pixels_is_not_refused_for_its_size() -> None:
    with pytest.raises(UnreadableError, match="cut short"):
        read_image(headed_png(10_000, MAX_PIXELS // 10_000))


def test_the_same_picture_is_kept_once(tmp_path: Path) -> None:
    first, again = (store_media(picture(1), "image", tmp_path) for _time in range(2))
    assert first == again
    assert store_media(picture(2), "image", tmp_path).name != first.name
    assert len(list(tmp_path.iterdir())) == 2


# Sounds


def wav(samples: int, rate: int = 8_000, channels: int = 1) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", "NONE"))
        file.writeframes(b"\1\0" * samples * channels)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("samples", "rate", "channels", "seconds"),
    [(8_000, 8_000, 1, "1.000"), (4_410, 44_100, 2, "0.100"), (1, 16_000, 1, "0.000"), (123_456, 8_000, 1, "15.432")],
)
def test_a_sound_is_as_long_as_its_samples(samples: int, rate: int, channels: int, seconds: str) -> None:
    suffix, facts = read_audio(wav(samples, rate, channels))
    assert suffix == "wav"
    assert facts == {"seconds": seconds, "rate": str(rate), "channels": str(channels)}


@pytest.mark.parametrize(("share", "is_whole"), [(1.0, True), (0.95, True), (0.85, False), (0.1, False)])
def test_a_sound_that_lacks_more_than_a_tenth_is_cut_short(share: float, is_whole: bool) -> None:
    data = wav(8_000)
    data = data[: round(len(data) * share)]
    if is_whole:
        assert float(read_audio(data)[1]["seconds"]) == pytest.approx(share, abs=0.01)
    else:
        with pytest.raises(UnreadableError, match="cut short"):
            read_audio(data)


@pytest.mark.parametrize(
    ("data", "reason"), [(b"RIFF", "not a sound"), (b"x" * 100, "not a sound"), (wav(0), "no sound")]
)
def test_what_is_no_sound_says_so(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        read_audio(data)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"", 0),
        (b"RIFF", 0),
        (b"RIFX\1\0\0\0", 0),
        (b"RIFF" + struct.pack("<I", 1_000), 1_000),
        *((b"RIFF" + struct.pack("<I", streamed), 0) for streamed in (0, 0x7FFFFFFF, 0xFFFFFFFF)),
    ],
)
def test_a_wav_says_its_size_unless_it_was_streamed(data: bytes, size: int) -> None:
    assert riff_size(data) == size


@pytest.mark.parametrize(
    ("rate", "channels", "samples"),
    [(8_000, 1, 80_000), (48_000, 2, 480_000), (10**9, 1, 1 << 22), (48_000, 1_024, 4_096), (1, 0, 10), (10**9, 10**9, 1)],
)  # fmt: skip
def test_a_block_is_ten_seconds_or_sixteen_megabytes(rate: int, channels: int, samples: int) -> None:
    assert block_size(rate, channels) == samples


# MNIST's own files


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.mark.parametrize("shape", [(3,), (2, 4, 5), (1, 1, 1)])
def test_an_idx_file_is_its_array(shape: tuple[int, ...], tmp_path: Path) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    (tmp_path / "a").write_bytes(idx(array))
    read = read_idx(tmp_path / "a", "a")
    assert read is not None
    assert np.array_equal(read, array)


@pytest.mark.parametrize(
    "data", [b"", b"\0\0", b"text,label\n", b"\0\0\x0d\x01" + b"\0" * 8, b"\x1f\x8b", b"\x1f\x8bxx"]
)
def test_another_file_is_no_idx_file(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(data)
    assert read_idx(tmp_path / "a", "a") is None


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\x08\x01",
        b"\0\0\x08\x03\0\0",
        idx(np.zeros(3, np.uint8))[:-1],
        idx(np.zeros(3, np.uint8)) + b"\0",
        idx(np.zeros(0, np.uint8)),
        b"\0\0\x08\x03" + b"\xff" * 12,
    ],
)
def test_an_idx_file_of_another_length_than_it_says_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(DataError, match="damaged or incomplete"):
        read_idx(tmp_path / "a", "a")


def test_labels_go_with_pictures_of_their_part_and_number(tmp_path: Path) -> None:
    pictures = [np.zeros((count, 2, 2), np.uint8) for count in (4, 4, 2)]
    labels = [np.full(count, count + place, np.uint8) for place, count in enumerate((4, 4, 2))]
    names = ["train-images", "t10k-images", "val-images"]
    files = [IdxFile(name, array, None) for name, array in zip(names, pictures, strict=True)]
    listed = [IdxFile(name.replace("images", "labels"), array, None) for name, array in zip(names, labels, strict=True)]
    assert [find_labels(file, listed[::-1])[0] for file in files] == [4, 5, 4]
    collection = collect_idx([*listed, *files], tmp_path, Meter(silent, 1))
    assert collection.parts == ["train"] * 4 + ["test"] * 4 + ["validation"] * 2
    assert [row["label"] for row in collection.rows] == ["4"] * 4 + ["5"] * 4 + ["4"] * 2


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"), ["train", "test"]),
        (("user-test-1-images", "orders-images"), ["", ""]),
        (("images-1", "images-2"), ["", ""]),
    ],
)
def test_names_of_idx_files_are_parts_only_where_they_make_a_split(names: tuple[str, str], parts: list[str]) -> None:
    assert parts_of_pictures([IdxFile(name, np.zeros((2, 2, 2), np.uint8), None) for name in names]) == parts


@pytest.mark.parametrize(
    ("arrays", "code"),
    [([np.zeros(3, np.uint8)], "no_rows"), ([np.zeros((3, 2, 2), np.uint8), np.zeros(2, np.uint8)], "no_labels")],
)
def test_half_of_a_pair_is_refused(arrays: list[np.ndarray], code: str, tmp_path: Path) -> None:
    files = [IdxFile(f"file-{number}", array, None) for number, array in enumerate(arrays)]
    with pytest.raises(DataError) as refused:
        collect_idx(files, tmp_path, Meter(silent, 1))
    assert refused.value.code == code


def test_an_entry_knows_its_ending_and_its_folders() -> None:
    entry = Entry("A/b.c/D.JPG", 3, None)  # type: ignore[arg-type]
    assert (entry.parts, entry.suffix) == (["A", "b.c", "D.JPG"], ".jpg")
    assert Entry("A/b.c/D", 3, None).suffix == ""  # type: ignore[arg-type]
