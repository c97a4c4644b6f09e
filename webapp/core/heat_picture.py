"""A heat map as a small picture that a browser enlarges smoothly: a PNG within the page, by the standard library alone."""

import base64
import struct
import zlib
from collections.abc import Sequence

COLD, WARM = (255, 214, 64), (214, 32, 24)
"""Amber and red, of the coldest and the warmest pixel."""
MOST_OPAQUE = 190
"""Of 255, of the warmest pixel: the picture below stays visible."""


def address_of(heat: Sequence[Sequence[float]]) -> str:
    """A `data:` URL; rows from the top, each cell from 0 (nothing is drawn) to 1."""
    return f"data:image/png;base64,{base64.b64encode(png(heat)).decode()}"


def png(heat: Sequence[Sequence[float]]) -> bytes:
    """Eight bits each of red, green, blue and opacity (ISO/IEC 15948)."""
    height, width = len(heat), len(heat[0])
    lines = b"".join(b"\0" + b"".join(bytes(colour(cell)) for cell in row) for row in heat)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, content) for kind, content in parts)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def colour(cell: float) -> tuple[int, int, int, int]:
    share = min(max(cell, 0.0), 1.0)
    mixed = (round(cold + share * (warm - cold)) for cold, warm in zip(COLD, WARM, strict=True))
    red, green, blue = mixed
    return red, green, blue, round(MOST_OPAQUE * share)
