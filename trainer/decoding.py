"""Memory for decoding pictures and sounds: one budget a process, asked before anything is decoded by what a file declares.

A file of a few hundred kilobytes may decode to hundreds of megabytes, and threads decode several at once. Whoever decodes says
first how many bytes that takes at its peak (`picture_bytes`, `trainer.sounds.sound_bytes`) and waits until they are free.
"""

import contextlib
import ctypes
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

MIB = 1024**2
TRIM_BYTES = 32 * MIB
"""After a file that took as much, freed memory goes back to the system: glibc would keep it."""
ARENA_MAX, HEAPS = -8, 2
"""glibc's name for how many heaps there may be (M_ARENA_MAX)."""
DEFAULT_BYTES = 1024 * MIB
PIXEL_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
"""In Pillow's memory; every other mode takes four."""
WEBP_BYTES = 12
"""A pixel, beside the picture itself: two canvases and a copy of the answer."""
COEFFICIENT_BYTES = 2
"""A sample of a JPEG in several passes, all of which are held until the last one, at full size."""
TILE_WIDTH, TILE_LENGTH, STRIP_LENGTH, SAMPLE_BITS = 322, 323, 278, 258
"""Tags of a TIFF."""
FIXED_BYTES, BAND_BYTES = 2 * MIB, 24
"""Buffers of a decoder, and a pixel of the band that is being converted."""


class NoRoomError(MemoryError):
    """There was no room for what a file takes while it is decoded: now, or at all."""


class Budget:
    """`limit` bytes for all threads; they wait for each other, at most `wait_seconds` (None: as long as it takes)."""

    def __init__(self, limit: int, wait_seconds: float | None = None) -> None:
        self.limit, self.wait_seconds = limit, wait_seconds
        self.used = self.peak = 0
        self.changed = threading.Condition()

    @contextlib.contextmanager
    def room(self, size: int) -> Iterator[None]:
        """`size` bytes for as long as the block lasts; what is larger than the limit gets all of it. `NoRoomError`."""
        size = min(size, self.limit)
        with self.changed:
            if not self.changed.wait_for(lambda: self.used + size <= self.limit, self.wait_seconds):
                raise NoRoomError("no memory was free in time")
            self.used += size
            self.peak = max(self.peak, self.used)
        try:
            yield
        finally:
            with self.changed:
                self.used -= size
                self.changed.notify_all()
            if size >= TRIM_BYTES:
                trim_heap()


budget = Budget(DEFAULT_BYTES)
"""Of this process. The model server makes it smaller (`serving.memory`)."""


def picture_bytes(image: "Image", data: bytes, full_size: tuple[int, int], band: int) -> int:
    """At most how many bytes Pillow takes to decode an opened picture of (width, height) `full_size` from its `data`, and to
    convert it by bands of so many pixels. `image` may have been told to decode at a fraction (`draft`)."""
    pixels = image.width * image.height
    total = FIXED_BYTES + len(data) + pixels * PIXEL_BYTES.get(image.mode, 4) + BAND_BYTES * min(pixels, band)
    if image.format == "WEBP":
        total += pixels * WEBP_BYTES + len(data)
    elif image.format == "JPEG":
        total += COEFFICIENT_BYTES * jpeg_samples(data) * full_size[0] * full_size[1]
    elif image.format == "TIFF":
        total += tile_bytes(image)
    return total


def jpeg_samples(data: bytes) -> int:
    """How many samples a pixel a JPEG holds until its last pass: 0 where one pass gives every colour."""
    position, colours = 2, 0
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == 0xFF:  # padding
            position += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and position + 10 <= len(data):
            colours = data[position + 9]
            if marker in (0xC2, 0xC6, 0xCA, 0xCE):  # progressive
                return colours
        elif marker == 0xDA and position + 5 <= len(data):
            return colours if data[position + 4] < colours else 0
        position += 2 + length
    return colours


def tile_bytes(image: "Image") -> int:
    """Of one tile or strip of a TIFF, which is unpacked beside the picture and may be declared larger than that."""
    tags = getattr(image, "tag_v2", {})
    width, length = whole(tags.get(TILE_WIDTH)), whole(tags.get(TILE_LENGTH))
    if not width * length:
        width, length = image.width, min(whole(tags.get(STRIP_LENGTH)) or image.height, image.height)
    bits = tags.get(SAMPLE_BITS, (8,))
    each = sum(map(whole, bits)) if isinstance(bits, tuple) else 8
    return width * length * max(each, 8) // 8


def whole(value: object) -> int:
    """A tag's number; 0 where it is none."""
    return int(value) if isinstance(value, int | float) else 0


def share_heaps() -> None:
    """Let all threads of this process share two of glibc's heaps: it makes eight a core, and each keeps what its threads freed.
    To be called before there are threads."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(ARENA_MAX, HEAPS)  # glibc's


def trim_heap() -> None:
    """Return freed memory to the system."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc's
