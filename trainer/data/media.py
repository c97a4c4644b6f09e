"""Pictures and sounds: recognised by content, decoded once to see that they can be, kept under a name made of their hash."""

import hashlib
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from trainer import decoding

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

MAX_PIXELS, MAX_SIDE = 100_000_000, 65_535
BAND_PIXELS = 1 << 20
"""A larger picture is converted so many pixels at a time."""
MAX_SOUND_SECONDS = 2 * 3600
MAX_SOUND_RATE = 768_000
"""Hz. Recorders go up to this; a header may say two thousand million, so that a second is gigabytes."""
IMAGE_SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".mpo", ".heic",
     ".heif", ".hif", ".avif", ".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw", ".3fr"]
)  # fmt: skip
AUDIO_SUFFIXES = frozenset(
    [".wav", ".wave", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".aifc", ".au", ".caf", ".m4a", ".m4b", ".aac",
     ".amr", ".awb", ".wma", ".weba", ".ac3", ".ape", ".mka", ".w64"]
)  # fmt: skip
VIDEO_SUFFIXES = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".webm",
        ".avi",
        ".wmv",
        ".flv",
        ".mpg",
        ".mpeg",
        ".3gp",
        ".3g2",
        ".mts",
        ".m2ts",
        ".ogv",
    ]
)
"""Pictures, or sounds where transcripts lie beside them."""
IMAGE_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
SUFFIX_OF = {"JPEG": "jpg", "MPO": "jpg", "TIFF": "tif"}
HASH_CHARACTERS = 24
THUMB_PIXELS = 160
SHOWN, SHOWN_BYTES = frozenset({"JPEG", "PNG", "GIF", "WEBP"}), 64 * 1024
"""Pictures that every browser shows, and small enough in pixels and bytes to stand in lists themselves."""
DAMAGED = (
    OSError, ValueError, SyntaxError, EOFError, struct.error, IndexError, KeyError, TypeError, OverflowError, AttributeError,
    MemoryError, zlib.error,
)  # fmt: skip
"""What decoders raise for broken pictures."""
EXIF_ORIENTATION = 0x0112
ROTATED = range(5, 9)
"""EXIF orientations that swap width and height."""


class UnreadableError(Exception):
    """Why one file cannot be used, as the end of a sentence about it."""


@dataclass(frozen=True)
class Media:
    """One picture or sound as kept: `name` in the media folder; `facts` are the cells that describe it; `converted`: the format
    that it was read from, where it is kept in another."""

    name: str
    facts: dict[str, str]
    converted: str = ""


def kind_of_suffix(suffix: str) -> str | None:
    if suffix in IMAGE_SUFFIXES or suffix in VIDEO_SUFFIXES:
        return "image"
    return "audio" if suffix in AUDIO_SUFFIXES else None


def may_be(suffix: str, kind: str) -> bool:
    """Whether a file of this ending can be read as a picture, or as a sound: a video is both."""
    return kind_of_suffix(suffix) == kind or suffix in VIDEO_SUFFIXES


def store_media(data: bytes, kind: str, folder: Path) -> Media:
    """Decode, then write to `folder` under the content's hash. Raises `UnreadableError`."""
    if not data:
        raise UnreadableError("is empty")
    refuse_markup(data)
    stem = hashlib.sha256(data).hexdigest()[:HASH_CHARACTERS]
    suffix, facts, small = read_image(data) if kind == "image" else (*read_audio(data), None)
    thumbs = folder.parent / "thumbs"
    if small and thumbs.is_dir():
        write_once(thumbs / f"{stem}.jpg", small)
    write_once(folder / f"{stem}.{suffix}", data)
    return Media(f"{stem}.{suffix}", facts)


def store_pixels(pixels: "np.ndarray", folder: Path) -> Media:
    """An array (height, width) of grey values as a PNG, which needs no look: it was made here."""
    from PIL import Image

    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    image.save(buffer, "PNG", compress_level=1)
    data = buffer.getvalue()
    name = f"{hashlib.sha256(data).hexdigest()[:HASH_CHARACTERS]}.png"
    write_once(folder / name, data)
    return Media(name, image_facts(image.width, image.height, image.mode))


def write_once(path: Path, data: bytes) -> None:
    """The same bytes have the same name: what is there already stays. The folder counts only once it is whole."""
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        return


def refuse_markup(data: bytes) -> None:
    start = data[:400].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<script", b"<svg", b"<?xml", b"<head", b"<body", b"<!--")):
        raise UnreadableError("is a web page or a drawing in code (HTML or SVG), which could carry a script")


def read_image(data: bytes) -> tuple[str, dict[str, str], bytes | None]:
    """(ending, {width, height, mode}, a small JPEG for lists or None where the picture itself will do): pixels as seen,
    EXIF turning counted in. Raises `UnreadableError`.

    Decoded once, to the end. A JPEG is decoded at the least eighth of its size that a small one can be made of.
    """
    from PIL import Image, UnidentifiedImageError

    Image.init()  # every format's plugin, before threads ask for them
    Image.MAX_IMAGE_PIXELS = None  # the limit below speaks in a sentence
    try:
        with Image.open(io.BytesIO(data), formats=IMAGE_FORMATS) as image:
            width, height = image.size
            check_size(width, height, MAX_PIXELS)
            mode, form = image.mode, str(image.format)
            image.draft(None, (THUMB_PIXELS, THUMB_PIXELS))
            needed = decoding.picture_bytes(image, data, (width, height), BAND_PIXELS)
            with decoding.budget.room(2 * needed):  # resizing copies a picture with transparency
                image.load()
                turned = orientation(image) in ROTATED
                is_shown = form in SHOWN and max(width, height) <= THUMB_PIXELS and len(data) <= SHOWN_BYTES
                small = None if is_shown else thumbnail(image)
    except UnidentifiedImageError as error:
        raise UnreadableError("is not a picture") from error
    except MemoryError as error:
        raise UnreadableError("takes more memory to decode than a reader may have") from error
    except DAMAGED as error:
        raise UnreadableError("is damaged or cut short") from error
    if turned:
        width, height = height, width
    return SUFFIX_OF.get(form, form.lower()), image_facts(width, height, mode), small


def check_size(width: int, height: int, most: int) -> None:
    """`UnreadableError` where a picture has more than `most` pixels, or a side that takes as much memory to be resized."""
    if width * height > most:
        raise too_many_pixels(width, height, most)
    if max(width, height) > MAX_SIDE:
        raise UnreadableError(f"is {width:,} × {height:,} pixels large; no side may be longer than {MAX_SIDE:,}")


def too_many_pixels(width: int, height: int, most: int, form: str = "") -> UnreadableError:
    """`form`: the format of which only so many are decoded."""
    of_format = f" of a {form} file" if form else ""
    return UnreadableError(
        f"is {width:,} × {height:,} pixels large; at most {most // 10**6} million{of_format} are decoded"
    )


def image_facts(width: int, height: int, mode: str) -> dict[str, str]:
    return {"width": str(width), "height": str(height), "mode": mode}


def thumbnail(image: "Image") -> bytes:
    from PIL import ImageOps

    image.thumbnail((THUMB_PIXELS, THUMB_PIXELS), reducing_gap=2.0)
    buffer = io.BytesIO()
    as_rgb(ImageOps.exif_transpose(image)).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def as_rgb(image: "Image") -> "Image":
    """Any mode as RGB: 16 bits scaled to 8, transparency over white."""
    from PIL import Image

    if image.width * image.height <= BAND_PIXELS:
        return next(band for _place, band in bands(image))
    whole = Image.new("RGB", image.size)
    for place, band in bands(image):
        whole.paste(band, place)
    return whole


def bands(image: "Image", *, upright: bool = False) -> Iterator[tuple[tuple[int, int], "Image"]]:
    """((left, top), the same in RGB) of parts of about BAND_PIXELS, as wide as the picture or, `upright`, as high: at no time
    is more than one in memory beside the picture itself."""
    image.load()
    convert = converter(image)
    across, along = (image.height, image.width) if upright else image.size
    step = max(1, BAND_PIXELS // max(across, 1))
    for start in range(0, along, step):
        end = min(start + step, along)
        box = (start, 0, end, across) if upright else (0, start, across, end)
        yield box[:2], convert(image if end - start == along else image.crop(box))


def converter(image: "Image") -> Callable[["Image"], "Image"]:
    """What turns parts of a picture into RGB."""
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        low, high = cast("tuple[float, float]", image.getextrema())  # one channel
        if image.mode == "F" or high > 255:
            return lambda part: scaled(part, low, 255 / max(high - low, 1e-6))
        return lambda part: scaled(part, 0, 1.0)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        return on_white
    return lambda part: part.convert("RGB")


def scaled(image: "Image", low: float, scale: float) -> "Image":
    return image.convert("F").point(lambda value: (value - low) * scale).convert("L").convert("RGB")


def on_white(image: "Image") -> "Image":
    from PIL import Image

    layered = image.convert("RGBA")
    under = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(under, layered).convert("RGB")


def orientation(image: "Image") -> int:
    try:
        return int(image.getexif().get(EXIF_ORIENTATION, 1))
    except (ValueError, TypeError, SyntaxError, OSError, struct.error):
        return 1


def read_orientation(path: Path) -> int:
    """EXIF's orientation of a stored picture, from the head of the file: 1 where it has none."""
    from PIL import Image

    try:
        with Image.open(path, formats=IMAGE_FORMATS) as image:
            return orientation(image)
    except DAMAGED:
        return 1


def read_audio(data: bytes) -> tuple[str, dict[str, str]]:
    """(ending, {seconds, rate, channels}): the rate in Hz. Raises `UnreadableError`."""
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            rate, channels, form = sound.samplerate, sound.channels, sound.format
            check_rate(rate)
            if not rate or sound.frames / rate > MAX_SOUND_SECONDS:
                raise UnreadableError(f"is longer than {MAX_SOUND_SECONDS // 3600} hours")
            frames = 0
            for block in sound.blocks(blocksize=block_size(rate, channels), dtype="float32"):
                frames += len(block)
            declared = sound.frames
    except (RuntimeError, OSError, ValueError, TypeError) as error:
        raise UnreadableError(NO_SOUND) from error
    if not frames:
        raise UnreadableError("holds no sound")
    if frames < 0.9 * min(declared, MAX_SOUND_SECONDS * rate) or len(data) < 0.9 * riff_size(data):
        raise UnreadableError("is cut short")
    suffix = {"WAV": "wav", "WAVEX": "wav", "FLAC": "flac", "MPEG": "mp3", "MP3": "mp3", "OGG": "ogg", "AIFF": "aiff"}
    facts = {"seconds": f"{frames / rate:.3f}", "rate": str(rate), "channels": str(channels)}
    return suffix.get(form, form.lower()), facts


NO_SOUND = "is not a sound, or damaged"


def check_rate(rate: int) -> None:
    """`UnreadableError` for a rate, in Hz, that no recorder has."""
    if rate > MAX_SOUND_RATE:
        raise UnreadableError(f"has a sampling rate of {rate:,} Hz; at most {MAX_SOUND_RATE:,} are read")


def block_size(rate: int, channels: int) -> int:
    """Samples of each channel to decode at once: ten seconds, but no more than 16 MB, whatever a header says."""
    return max(1, min(10 * rate, (1 << 22) // max(channels, 1)))


STREAMED = (0, 0x7FFFFFFF, 0xFFFFFFFF)
"""Sizes in the header of a WAV file whose writer did not know its length."""


def riff_size(data: bytes) -> int:
    """Bytes that a WAV file says it has; 0 where it does not say. Its decoder takes what there is without a word."""
    if data[:4] != b"RIFF" or len(data) < 8:
        return 0
    size = struct.unpack("<I", data[4:8])[0]
    return 0 if size in STREAMED or size > 0x7FFFFF00 else size
