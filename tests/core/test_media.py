"""What the first bytes of a file tell, against what Pillow reads of the same files; and bytes that lie."""

import io
import struct
from typing import Any

import pytest
from PIL import Image

from webapp.core.media import PLAIN, size_of, type_of

WIDTH, HEIGHT = 37, 11


def drawn(form: str, size: tuple[int, int] = (WIDTH, HEIGHT), mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 90).save(file, form, **options)
    return file.getvalue()


FORMS = {
    "png": drawn("PNG"),
    "gif": drawn("GIF", mode="P"),
    "bmp": drawn("BMP"),
    "jpeg": drawn("JPEG"),
    "progressive jpeg": drawn("JPEG", progressive=True),
    "jpeg with a comment": drawn("JPEG", comment=b"x" * 40_000),
    "webp, lossy": drawn("WEBP"),
    "webp, lossless": drawn("WEBP", lossless=True),
    "webp, extended": drawn("WEBP", mode="RGBA", exif=Image.Exif()),
}
TYPES = {"png": "image/png", "gif": "image/gif", "bmp": "image/bmp"}


@pytest.mark.parametrize("form", FORMS)
def test_type_and_size_of_a_picture(form: str) -> None:
    kind = TYPES.get(form, "image/webp" if "webp" in form else "image/jpeg")
    assert type_of(FORMS[form]) == kind
    assert size_of(FORMS[form]) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_that_was_cut_off_has_its_own_size_or_none(form: str) -> None:
    """Wherever it is cut: never another size, never a fault."""
    content = FORMS[form]
    for length in range(min(len(content), 120)):
        assert size_of(content[:length]) in (None, (WIDTH, HEIGHT)), f"after {length} bytes"


@pytest.mark.parametrize("size", [(1, 1), (16_383, 1), (1, 16_383)])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_the_largest_and_the_smallest(form: str, size: tuple[int, int]) -> None:
    assert size_of(drawn(form, size)) == size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_as_wide_as_a_viewer_shows_it(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = drawn("JPEG", exif=exif)
    with Image.open(io.BytesIO(content)) as image:
        from PIL import ImageOps

        assert size_of(content) == ImageOps.exif_transpose(image).size


@pytest.mark.parametrize(
    "tiff",
    [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"II*\0\x08\0\0\0\x01\0" + b"\0" * 12],
    ids=["none", "cut", "start beyond the end", "65,535 entries", "one of another tag"],
)
def test_notes_in_a_photo_that_lie_are_no_fault(tiff: bytes) -> None:
    plain = drawn("JPEG")
    notes = b"Exif\0\0" + tiff
    content = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(notes) + 2) + notes + plain[2:]
    assert size_of(content) in (None, (WIDTH, HEIGHT))


def test_a_picture_upside_down_in_its_file_is_not_of_negative_height() -> None:
    content = bytearray(drawn("BMP"))
    content[22:26] = struct.pack("<i", -HEIGHT)
    assert size_of(bytes(content)) == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"fLaC\0\0\0\x22", "audio/flac"),
        (b"OggS\0\x02", "audio/ogg"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
    ],
)
def test_sounds(content: bytes, kind: str) -> None:
    assert type_of(content) == kind
    assert size_of(content) is None


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff", b"\xff\x1f", b"RIFF", b"RIFF\0\0\0\0AVI ", b"<svg onload='alert(1)'>", b"<!doctype html>", b"\x89PNG\r\n",
        b"%PDF-1.7", b"PK\x03\x04", "图".encode(),
    ],
)  # fmt: skip
def test_everything_else_is_never_a_type_that_a_browser_runs(content: bytes) -> None:
    assert type_of(content) == PLAIN
    assert size_of(content) is None


def test_a_photo_without_a_frame_ends_the_search() -> None:
    """Fill bytes and segments that claim no length do not keep it looking for ever."""
    assert size_of(b"\xff\xd8" + b"\xff" * 10_000) is None
    assert size_of(b"\xff\xd8" + b"\xff\xe0\0\0" * 5_000) is None
