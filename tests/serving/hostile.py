"""Small files that decode to much."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

SIDE = 4_990
"""Just below 25 megapixels."""
GREY, RGB, PALETTE, RGBA = 0, 2, 3, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, RGBA: 4}


def png(width: int, height: int, colours: int = RGBA, depth: int = 8) -> bytes:
    """A PNG of zeros, made of its chunks: no picture of that size is ever in memory here."""
    palette = chunk(b"PLTE", bytes(768)) + chunk(b"tRNS", bytes(256)) if colours == PALETTE else b""
    head = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    body = (
        chunk(b"IHDR", head)
        + palette
        + chunk(b"IDAT", zeros(height * (1 + width * CHANNELS[colours] * depth // 8)))
        + chunk(b"IEND", b"")
    )
    return b"\x89PNG\r\n\x1a\n" + body


def zeros(size: int) -> bytes:
    """So many zero bytes, packed: one packed block again and again, and the checksum that zeros have."""
    step = 2**20
    block, rest = (zlib.compressobj(9, wbits=-15) for _ in range(2))
    whole = block.compress(bytes(step)) + block.flush(zlib.Z_FULL_FLUSH)
    end = rest.compress(bytes(size % step)) + rest.flush()
    return b"\x78\xda" + whole * (size // step) + end + struct.pack(">HH", size % 65_521, 1)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def encode(mode: str, form: str, size: tuple[int, int] = (3_600, 3_600), **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, form, **options)
    return file.getvalue()


def declared_jpeg(width: int, height: int) -> bytes:
    """A JPEG of 8 × 8 pixels whose header says otherwise."""
    data = encode("RGB", "JPEG", (8, 8))
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


def turned(orientation: int = 6) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def too_large() -> dict[str, bytes]:
    """Above the 25 megapixels, or with a side that takes as much to be resized."""
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    webp = encode("RGB", "WEBP", (16, 16), save_all=True, append_images=frames, lossless=True)  # its canvas is its own
    place = webp.index(b"VP8X") + 12
    return {
        "rgba": png(10_000, 10_000),
        "palette": png(10_000, 10_000, PALETTE),
        "grey16": png(10_000, 10_000, GREY, 16),
        "long": png(24_000_000, 1, GREY),
        "jpeg": declared_jpeg(65_500, 65_500),
        "webp": webp[:place] + struct.pack("<I", 16_000)[:3] * 2 + webp[place + 6 :],
    }


def allowed() -> dict[str, bytes]:
    """What is just small enough, or is thought to be."""
    animated = [Image.new("RGBA", (3_600, 3_600), (at, at, at, 9)) for at in (1, 2)]
    webp, gif = io.BytesIO(), io.BytesIO()
    animated[0].save(webp, "WEBP", save_all=True, append_images=animated[1:], lossless=True, method=0)
    animated[0].convert("P").save(gif, "GIF", save_all=True, append_images=[animated[1].convert("P")])
    return {
        "rgba": png(SIDE, SIDE),
        "rgba16": png(SIDE, SIDE, RGBA, 16),
        "grey16": png(SIDE, SIDE, GREY, 16),
        "palette": png(SIDE, SIDE, PALETTE),
        "wide": png(65_000, 380),
        "tall": png(380, 65_000),
        "progressive": encode("CMYK", "JPEG", progressive=True),
        "turned": encode("RGB", "TIFF", compression="tiff_lzw", exif=turned()),
        "tiff": encode("F", "TIFF", compression="tiff_lzw"),
        "webp": webp.getvalue(),
        "gif": gif.getvalue(),
    }
