"""Pictures and sounds lose every mark that cameras and programs write beside them, and stay the same to see and hear."""

import io
import struct
import wave
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image, ImageOps, PngImagePlugin

from webapp.core.bare_media import MAX_BYTES, NotBareError, bare

MARK = b"Zwetschgenmus 47.3769N"
PIXELS = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)
SAMPLES = (np.sin(np.arange(4000) / 9) * 0.5).astype(np.float32)


def picture(form: str, turned: int = 1, **options: Any) -> bytes:
    target, exif = io.BytesIO(), Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x9286] = turned, MARK.decode(), MARK.decode()
    Image.fromarray(PIXELS).save(target, form, exif=exif, **options)
    return target.getvalue()


def png() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", MARK.decode())
    texts.add_itxt("Title", MARK.decode())
    return picture("PNG", pnginfo=texts) + MARK


def jpeg(turned: int = 1, **options: Any) -> bytes:
    return picture("JPEG", turned, comment=MARK, icc_profile=MARK * 3, xmp=MARK, quality=95, **options) + MARK


def gif() -> bytes:
    target = io.BytesIO()
    frames = [Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)]
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:], loop=3, comment=MARK, duration=50)
    return target.getvalue() + MARK


def sound(form: str) -> bytes:
    target = io.BytesIO()
    with soundfile.SoundFile(target, "w", 16000, 1, format=form) as file:
        file.title = file.artist = file.comment = MARK.decode()
        file.write(SAMPLES)
    return target.getvalue()


def mp3() -> bytes:
    tag = b"ID3\x04\0\0" + bytes([0, 0, 0, len(MARK)]) + MARK
    ape = MARK + b"APETAGEX" + struct.pack("<IIII", 2000, 32 + len(MARK), 1, 0) + b"\0" * 8
    return tag + sound("MP3") + ape + b"TAG" + MARK.ljust(125, b"\0")


FILES: dict[str, Callable[[], bytes]] = {
    "PNG": png,
    "JPEG": jpeg,
    "progressive JPEG": lambda: jpeg(progressive=True),
    "turned JPEG": lambda: jpeg(6),
    "GIF": gif,
    "WebP": lambda: picture("WEBP", icc_profile=MARK * 3, xmp=MARK),
    "lossless WebP": lambda: picture("WEBP", lossless=True),
    "BMP": lambda: picture("BMP") + MARK,
    "WAV": lambda: sound("WAV"),
    "FLAC": lambda: sound("FLAC"),
    "MP3": mp3,
}
SOUNDS = ("WAV", "FLAC", "MP3")


@pytest.mark.parametrize("name", FILES)
def test_marks_go_and_the_rest_stays(name: str) -> None:
    before = FILES[name]()
    after = bare(before)
    assert MARK in before
    for piece in (MARK, MARK[:8], MARK.decode().encode("utf-16-le")):
        assert piece not in after
    assert bare(after) == after
    if name in SOUNDS:
        first, second = (soundfile.read(io.BytesIO(data))[0] for data in (before, after))
        assert np.allclose(first[: len(second)], second[: len(first)], atol=1e-6)
        assert abs(len(first) - len(second)) <= 1200  # of an MP3, the decoder takes the tags' end for a frame at most
    else:
        with Image.open(io.BytesIO(before)) as first, Image.open(io.BytesIO(after)) as second:
            assert getattr(first, "n_frames", 1) == getattr(second, "n_frames", 1)
            shown = [np.asarray(ImageOps.exif_transpose(image).convert("RGB")) for image in (first, second)]
        assert np.array_equal(*shown)


def test_a_wav_of_a_recorder_keeps_its_samples_alone() -> None:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\1\2" * 100)
    note = b"bext" + struct.pack("<I", len(MARK)) + MARK
    assert MARK not in bare(target.getvalue() + note)


@pytest.mark.parametrize(
    "content", [b"", b"II*\0" + MARK, b"OggS" + MARK, b"<svg/>", b"\xff\xd8\xff", b"GIF89a", b"fLaC"]
)
def test_what_cannot_be_taken_apart_is_not_passed_on(content: bytes) -> None:
    with pytest.raises(NotBareError):
        bare(content)


@pytest.mark.parametrize("name", FILES)
def test_cut_off_and_garbled_files_are_refused_or_bare(name: str) -> None:
    """Never a traceback, an endless loop, or the mark."""
    content, random = FILES[name](), np.random.default_rng(1)
    for _attempt in range(60):
        garbled = bytearray(content[: int(random.integers(4, len(content)))])
        for place in random.integers(4, max(len(garbled), 5), 3):
            if place < len(garbled):
                garbled[place] = int(random.integers(256))
        try:
            kept = bare(bytes(garbled))
        except NotBareError:
            continue
        assert MARK not in kept


def test_a_file_that_is_too_large_is_not_held_in_memory() -> None:
    with pytest.raises(NotBareError):
        bare(b"\x89PNG\r\n\x1a\n" + bytes(MAX_BYTES))
