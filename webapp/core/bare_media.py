"""Pictures and sounds without what cameras and programs write beside the pixels and samples: places, dates, devices, names, titles.

Nothing is decoded: the file is taken apart by its format's own table of parts, and only the parts that a browser needs to show
or play it are put together again. What cannot be taken apart is not passed on.
"""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from webapp.core.media import orientation, type_of

MAX_BYTES = 32 * 2**20
"""A larger file is not held in memory for a visitor."""
PNG_KEPT = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"acTL", b"fcTL", b"fdAT")
WAVE_KEPT = (b"fmt ", b"fact", b"data")
MPEG1_KILOBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
MPEG2_KILOBITS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
MPEG1_HERTZ = (44_100, 48_000, 32_000)
"""Of layer III (ISO 11172-3, 13818-3); MPEG 2 has half the rates, MPEG 2.5 a quarter."""
END_TAGS = (b"TAG", b"APETAGEX", b"ID3", b"LYRICSBEGIN")
MIN_FRAMES = 2
WEBP_KEPT = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF")
WEBP_FLAGS = 0b11010011
"""Of VP8X, without those of a colour profile (0x20), EXIF (0x08) and XMP (0x04)."""
FLAC_KEPT = (0, 3)
"""Blocks of a FLAC file: the format of the stream, and the table to seek in."""


class NotBareError(ValueError):
    """The file is of no format that is known, damaged, or too large."""


def can_be_bare(path: Path) -> bool:
    """Whether the format is one whose parts are known; the rest may still be damaged."""
    with path.open("rb") as file:
        return type_of(file.read(16)) in STRIPPERS and path.stat().st_size <= MAX_BYTES


def bare(content: bytes) -> bytes:
    """The same picture or sound and nothing else; `NotBareError`."""
    strip = STRIPPERS.get(type_of(content))
    if strip is None or len(content) > MAX_BYTES:
        raise NotBareError("no format whose parts are known, or too large")
    try:
        return strip(content)
    except (struct.error, IndexError) as error:
        raise NotBareError("damaged") from error


def bare_png(content: bytes) -> bytes:
    chunks, offset = [content[:8]], 8
    while offset < len(content):
        (length,) = struct.unpack(">I", content[offset : offset + 4])
        name, end = content[offset + 4 : offset + 8], offset + 12 + length
        if end > len(content):
            raise NotBareError("cut off")
        if name in PNG_KEPT:
            chunks.append(content[offset:end])
        offset = end
        if name == b"IEND":
            break
    return b"".join(chunks)


def bare_jpeg(content: bytes) -> bytes:
    """Of EXIF the orientation alone. Of what follows the end of the picture, as second pictures of phones do, nothing."""
    segments, offset, turned = [content[:2]], 2, 1
    while content[offset] == 0xFF:
        marker = content[offset + 1]
        if marker == 0xFF:
            offset += 1
            continue
        if marker in (0xD9, 0xDA):
            break
        (length,) = struct.unpack(">H", content[offset + 2 : offset + 4])
        segment = content[offset : offset + 2 + length]
        if marker == 0xE1 and segment[4:10] == b"Exif\0\0":
            turned = orientation_of(segment[10:])
        if not (marker == 0xFE or 0xE1 <= marker <= 0xEF) or marker == 0xEE:
            segments.append(segment)
        offset += 2 + length
    if content[offset : offset + 2] != b"\xff\xda":
        raise NotBareError("no picture in it")
    if turned in range(2, 9):
        segments.insert(1, exif_of(turned))
    segments.append(scans(content[offset:]))
    return b"".join(segments)


def orientation_of(tiff: bytes) -> int:
    try:
        return orientation(tiff)
    except (struct.error, IndexError):
        return 1


def exif_of(turned: int) -> bytes:
    """A segment that says how the picture is to be turned and nothing else."""
    tiff = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, turned, 0) + b"\0\0\0\0"
    return b"\xff\xe1" + struct.pack(">H", 8 + len(tiff)) + b"Exif\0\0" + tiff


def scans(content: bytes) -> bytes:
    """From the first scan to the end of the picture, without comments and application segments between scans."""
    segments: list[bytes] = []
    offset = 0
    while True:
        marker = content[offset + 1]
        if marker == 0xD9:
            return b"".join([*segments, b"\xff\xd9"])
        (length,) = struct.unpack(">H", content[offset + 2 : offset + 4])
        end = offset + 2 + length
        if marker == 0xDA:
            end = after_scan(content, end)
        if not (marker == 0xFE or 0xE0 <= marker <= 0xEF):
            segments.append(content[offset:end])
        if end >= len(content):  # cut off, and shown by browsers all the same
            return b"".join(segments)
        offset = end


def after_scan(content: bytes, offset: int) -> int:
    """Where the next marker is that is neither a stuffed byte nor a restart."""
    while True:
        offset = content.find(b"\xff", offset)
        if offset < 0 or offset + 1 >= len(content):
            return len(content)
        if content[offset + 1] != 0 and not 0xD0 <= content[offset + 1] <= 0xD7 and content[offset + 1] != 0xFF:
            return offset
        offset += 1


def riff_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    offset = 12
    while offset + 8 <= len(content):
        (length,) = struct.unpack("<I", content[offset + 4 : offset + 8])
        yield content[offset : offset + 4], content[offset + 8 : offset + 8 + length]
        offset += 8 + length + length % 2


def riff(kind: bytes, chunks: Iterator[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + kind + body


def bare_wave(content: bytes) -> bytes:
    return riff(b"WAVE", ((name, data) for name, data in riff_chunks(content) if name in WAVE_KEPT))


def bare_webp(content: bytes) -> bytes:
    def chunks_to_keep() -> Iterator[tuple[bytes, bytes]]:
        for name, data in riff_chunks(content):
            if name == b"VP8X":
                yield name, bytes([data[0] & WEBP_FLAGS]) + data[1:10]
            elif name in WEBP_KEPT:
                yield name, data

    return riff(b"WEBP", chunks_to_keep())


def bare_gif(content: bytes) -> bytes:
    """Without comments, plain texts and what programs add, but the number of repetitions."""
    offset = 13 + colours(content[10])
    blocks = [content[:offset]]
    while content[offset] != 0x3B:
        start = offset
        if content[offset] == 0x2C:
            offset = after_blocks(content, offset + 11 + colours(content[offset + 9]))
            blocks.append(content[start:offset])
        elif content[offset] == 0x21:
            label, offset = content[offset + 1], after_blocks(content, offset + 2)
            repeats = label == 0xFF and content[start + 3 : start + 14] == b"NETSCAPE2.0" and offset - start == 19
            if label == 0xF9 or repeats:
                blocks.append(content[start:offset])
        else:
            raise NotBareError("damaged")
    return b"".join([*blocks, b";"])


def colours(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def after_blocks(content: bytes, offset: int) -> int:
    while content[offset]:
        offset += content[offset] + 1
    return offset + 1


def bare_bmp(content: bytes) -> bytes:
    """Without what stands behind the pixels, such as a colour profile."""
    (size,) = struct.unpack("<I", content[2:6])
    return content[: min(size, len(content))]


def bare_flac(content: bytes) -> bytes:
    blocks, offset, last = [], 4, False
    while not last:
        last, kind = bool(content[offset] & 0x80), content[offset] & 0x7F
        end = offset + 4 + int.from_bytes(content[offset + 1 : offset + 4], "big")
        if kind in FLAC_KEPT:
            blocks.append((kind, content[offset + 1 : end]))
        offset = end
    heads = [bytes([kind | (0x80 if number == len(blocks) else 0)]) for number, (kind, _) in enumerate(blocks, 1)]
    return b"fLaC" + b"".join(head + body for head, (_, body) in zip(heads, blocks, strict=True)) + content[offset:]


def bare_mp3(content: bytes) -> bytes:
    """The frames of sound that follow each other, and nothing of what stands before, between or behind them: ID3, APE."""
    offset = after_id3(content)
    frames = []
    while offset < len(content):
        size = frame_size(content[offset : offset + 4])
        end = offset + size
        is_followed = end == len(content) or content.startswith((content[offset : offset + 2], *END_TAGS), end)
        if not size or not is_followed:
            break
        frames.append(content[offset:end])
        offset = end
    if len(frames) < MIN_FRAMES:
        raise NotBareError("no frames of sound that follow each other")
    return b"".join(frames)


def after_id3(content: bytes) -> int:
    """Where what follows the tags at the beginning, and their padding, begins."""
    offset = 0
    while content[offset : offset + 3] == b"ID3":
        size = 0
        for seven in content[offset + 6 : offset + 10]:
            size = size << 7 | (seven & 0x7F)
        offset += 10 + size + (10 if content[offset + 5] & 0x10 else 0)
        while content[offset : offset + 1] == b"\0":
            offset += 1
    return offset


def frame_size(head: bytes) -> int:
    """Bytes of the layer III frame that begins with these four; 0 where none does, or its bit rate is free."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, rate, speed = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or rate in (0, 15) or speed == 3:
        return 0
    is_mpeg1 = version == 3
    kilobits = (MPEG1_KILOBITS if is_mpeg1 else MPEG2_KILOBITS)[rate - 1]
    hertz = MPEG1_HERTZ[speed] // {3: 1, 2: 2, 0: 4}[version]
    return (144 if is_mpeg1 else 72) * kilobits * 1000 // hertz + (head[2] >> 1 & 1)


STRIPPERS: dict[str, Callable[[bytes], bytes]] = {
    "image/png": bare_png,
    "image/jpeg": bare_jpeg,
    "image/gif": bare_gif,
    "image/webp": bare_webp,
    "image/bmp": bare_bmp,
    "audio/wav": bare_wave,
    "audio/flac": bare_flac,
    "audio/mpeg": bare_mp3,
}
"""Ogg is missing: its comments are spread over pages with checksums."""
