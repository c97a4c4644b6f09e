"""What a picture's or a sound's first bytes tell: its type, and how large a picture is. Nothing is decoded here."""

import struct

SIGNS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
)
PLAIN = "application/octet-stream"
TURNED = range(5, 9)
"""EXIF orientations in which width and height change places."""
WEBP_HEADER_BYTES = 30
"""Which hold the size in each of the three forms of WebP."""
FRAMES = frozenset([*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)])
"""JPEG markers that a frame's size follows."""


def type_of(content: bytes) -> str:
    """The type that may be told to a browser; `PLAIN` for everything else, whatever its name says."""
    for sign, kind in SIGNS:
        if content.startswith(sign):
            return kind
    if content[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(content[8:12], PLAIN)
    return "audio/mpeg" if content[:1] == b"\xff" and content[1:2] and content[1] & 0xE0 == 0xE0 else PLAIN


def size_of(content: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels as a viewer turns the picture, None where the first bytes do not tell."""
    try:
        return SIZES[type_of(content)](content)
    except (KeyError, struct.error, IndexError):
        return None


def png_size(content: bytes) -> tuple[int, int]:
    return struct.unpack(">II", content[16:24])


def gif_size(content: bytes) -> tuple[int, int]:
    return struct.unpack("<HH", content[6:10])


def bmp_size(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack("<ii", content[18:26])
    return width, abs(height)


def webp_size(content: bytes) -> tuple[int, int] | None:
    kind = content[12:16]
    if len(content) < WEBP_HEADER_BYTES:
        return None
    if kind == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack("<HH", content[26:30])
    return width & 0x3FFF, height & 0x3FFF


def jpeg_size(content: bytes) -> tuple[int, int] | None:
    offset, turned = 2, False
    while offset + 9 <= len(content):
        marker, length = content[offset + 1], int.from_bytes(content[offset + 2 : offset + 4], "big")
        if marker == 0xFF:
            offset += 1
            continue
        if marker in FRAMES:
            height, width = struct.unpack(">HH", content[offset + 5 : offset + 9])
            return (height, width) if turned else (width, height)
        if marker == 0xE1 and content[offset + 4 : offset + 10] == b"Exif\0\0":
            turned = orientation(content[offset + 10 : offset + 2 + length]) in TURNED
        offset += 2 + length
    return None


def orientation(tiff: bytes) -> int:
    """The EXIF tag 0x0112 of the first directory; 1, upright, where there is none."""
    order = "<" if tiff[:2] == b"II" else ">"
    (start,) = struct.unpack(order + "I", tiff[4:8])
    (count,) = struct.unpack(order + "H", tiff[start : start + 2])
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, _kind, _count, value = struct.unpack(order + "HHIH", tiff[entry : entry + 10])
        if tag == 0x0112:
            return int(value)
    return 1


SIZES = {
    "image/png": png_size,
    "image/gif": gif_size,
    "image/bmp": bmp_size,
    "image/webp": webp_size,
    "image/jpeg": jpeg_size,
}
