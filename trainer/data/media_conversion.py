"""Pictures in formats that models and browsers do not read, as JPEG: HEIC of phones, AVIF, the preview inside a camera's raw file.

Sizes are looked at before anything is decoded, and memory is asked of the budget (`trainer.decoding`).
"""

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trainer import decoding
from trainer.data.media import DAMAGED, MAX_PIXELS, Media, UnreadableError, as_rgb, check_size, store_media

if TYPE_CHECKING:
    from PIL.Image import Image

JPEG_QUALITY = 95
HEIF_BRANDS = frozenset([b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"heif", b"MiHE"])
AVIF_BRANDS = frozenset([b"avif", b"avis"])
HEIF_PIXEL_BYTES = 20
"""While a picture is decoded: planes of the decoder, the picture of the library, Pillow's copy, the copy that is turned."""
RAW_MARKS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")
"""Beginnings of raw files that are no TIFF and no box file: Fujifilm, Olympus, Panasonic."""
TIFF_MARKS = (b"II*\0", b"MM\0*")
MAX_PREVIEWS = 64


def store_picture(data: bytes, folder: Path, suffix: str = "") -> Media:
    """As `store_media`, and as JPEG what models and browsers do not read. `suffix`: of the file's name, which tells a camera's
    raw file."""
    form = form_of(data, suffix)
    return (
        replace(store_media(as_jpeg(data, form), "image", folder), converted=form)
        if form
        else store_media(data, "image", folder)
    )


def form_of(data: bytes, suffix: str) -> str:
    """heif, avif or raw for what must be converted; "" for everything else. A TIFF is raw only where its name says so."""
    if data[4:8] == b"ftyp":
        brands = {
            data[8:12],
            *(data[place : place + 4] for place in range(16, min(int.from_bytes(data[:4], "big"), 64), 4)),
        }
        if data[8:12] == b"crx ":
            return "raw"
        return "avif" if brands & AVIF_BRANDS else "heif" if brands & HEIF_BRANDS else ""
    if data.startswith(RAW_MARKS):
        return "raw"
    return "raw" if suffix in RAW_SUFFIXES and data.startswith(TIFF_MARKS) else ""


RAW_SUFFIXES = frozenset(
    [".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw", ".3fr"]
)


def as_jpeg(data: bytes, form: str) -> bytes:
    """The picture as seen, turned upright. Raises `UnreadableError`."""
    return preview(data) if form == "raw" else recode(data, form)


def recode(data: bytes, form: str) -> bytes:
    from PIL import Image, ImageOps

    if form == "heif":
        import pi_heif

        pi_heif.register_heif_opener(thumbnails=False)
    try:
        with Image.open(io.BytesIO(data), formats=["HEIF" if form == "heif" else "AVIF"]) as image:
            check_size(*image.size, MAX_PIXELS)
            with decoding.budget.room(len(data) + HEIF_PIXEL_BYTES * image.width * image.height):
                image.load()
                return to_jpeg(ImageOps.exif_transpose(image))
    except MemoryError as error:
        raise UnreadableError("takes more memory to decode than a reader may have") from error
    except (*DAMAGED, RuntimeError) as error:
        raise UnreadableError("is damaged or cut short") from error


def to_jpeg(image: "Image") -> bytes:
    buffer = io.BytesIO()
    as_rgb(image).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def preview(data: bytes) -> bytes:
    """The largest JPEG inside a raw file: the picture as the camera showed it."""
    from PIL import Image

    best, most = b"", 0
    for match in list(re.finditer(rb"\xff\xd8\xff[\xdb\xc0-\xfe]", data))[:MAX_PREVIEWS]:
        part = data[match.start() :]
        try:
            with Image.open(io.BytesIO(part), formats=["JPEG"]) as image:
                pixels = image.width * image.height
        except DAMAGED:
            continue
        if most < pixels <= MAX_PIXELS:
            best, most = part, pixels
    if not best:
        raise UnreadableError("is a camera's raw file without a preview: export it as JPEG")
    return best
