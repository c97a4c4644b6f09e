"""Pictures and sounds inside cells: what their first bytes are, and base64 with or without a data address around it."""

import base64
import binascii
import re

from trainer.data.media_conversion import AVIF_BRANDS, HEIF_BRANDS

MAX_CELL_BYTES = 64 << 20
MIN_BASE64 = 64
"""Characters: no picture or sound is smaller."""
DATA_ADDRESS = re.compile(r"\s*data:(image|audio|video)/[\w.+-]{1,60}(;[\w=.-]{1,60}){0,4};base64,", re.IGNORECASE)
BASE64 = re.compile(r"[A-Za-z0-9+/_\s-]+={0,2}\s*")
IMAGES = (
    (b"\xff\xd8\xff", ".jpg"), (b"\x89PNG\r\n\x1a\n", ".png"), (b"GIF8", ".gif"), (b"BM", ".bmp"), (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
)  # fmt: skip
SOUNDS = (
    (b"fLaC", ".flac"), (b"OggS", ".ogg"), (b"ID3", ".mp3"), (b"\xff\xfb", ".mp3"), (b"\xff\xf3", ".mp3"), (b"\xff\xf2", ".mp3"),
    (b"#!AMR", ".amr"), (b"caff", ".caf"), (b"\xff\xf1", ".aac"), (b"\xff\xf9", ".aac"),
    (b"\x1aE\xdf\xa3", ".weba"), (b"0&\xb2u\x8ef\xcf\x11", ".wma"),
)  # fmt: skip


def sniff(data: bytes) -> tuple[str, str] | None:
    """(image or audio, the ending that fits) by the first bytes; None for anything else."""
    if data[:4] in (b"RIFF", b"FORM") and data[8:12] in (b"WEBP", b"WAVE", b"AIFF", b"AIFC"):
        return {b"WEBP": ("image", ".webp"), b"WAVE": ("audio", ".wav")}.get(data[8:12], ("audio", ".aiff"))
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        if brand in HEIF_BRANDS | AVIF_BRANDS:
            return "image", ".avif" if brand in AVIF_BRANDS else ".heic"
        return "audio", ".m4a"
    for magics, kind in ((IMAGES, "image"), (SOUNDS, "audio")):
        suffix = next((suffix for magic, suffix in magics if data.startswith(magic)), None)
        if suffix:
            return kind, suffix
    return None


def is_base64(cell: str) -> bool:
    """Whether a cell is a picture or a sound, by its beginning alone."""
    start = cell[:400].strip()
    if match := DATA_ADDRESS.match(start):
        start = start[match.end() :]
    elif len(cell) < MIN_BASE64 or not BASE64.fullmatch(start):
        return False
    data = decode(start[: len(start) // 4 * 4])
    return data is not None and sniff(data) is not None


def decode_base64(cell: str) -> bytes | None:
    """The bytes of a cell; None for what is not base64, or longer than is read."""
    match = DATA_ADDRESS.match(cell[:400])
    text = cell[match.end() :] if match else cell
    return decode(text) if len(text) <= MAX_CELL_BYTES * 4 // 3 else None


def decode(text: str) -> bytes | None:
    plain = re.sub(r"\s+", "", text).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain.rstrip("=") + "=" * (-len(plain.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
