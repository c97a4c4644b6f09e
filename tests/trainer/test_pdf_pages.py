"""Pages of PDFs as pictures: asked for, or by a task of pictures; bounded, and what gives no page is told."""

import io
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.trainer.data_files import zipped
from tests.trainer.test_data_texts import pdf
from tests.trainer.test_data_uploads import rows_of
from trainer.data import media_pdf
from trainer.data.inspect import inspect
from trainer.data.media import UnreadableError
from trainer.data.media_pdf import page_pictures
from trainer.errors import DataError


def archive(path: Path, more: dict[str, bytes] | None = None) -> Path:
    files = {f"{name}/{n}.pdf": pdf(f"about {name} {n}", pages=2) for name in ("bills", "letters") for n in range(6)}
    return zipped(path, files | (more or {}))


def kept_and_told(found: dict[str, Any]) -> int:
    return int(found["rows"]) + sum(entry["count"] for entry in found["left_out"])


def test_texts_are_read_and_pages_are_the_other_choice(tmp_path: Path) -> None:
    found = inspect([archive(tmp_path / "a.zip")], tmp_path / "v")
    reading = next(reading for reading in found["reading"] if reading["what"] == "documents")
    assert (reading["chosen"], reading["others"], found["suggestion"]["task"]) == (
        "texts",
        ["pages"],
        "text-classification",
    )


@pytest.mark.parametrize("options", [{"readings": {"documents": "pages"}}, {"task": "image-classification"}])
def test_pages_as_pictures(options: dict[str, Any], tmp_path: Path) -> None:
    bad = {"bills/bad.pdf": pdf("x")[:150], "bills/none.pdf": b"%PDF-1.7 nothing"}
    found = inspect([archive(tmp_path / "a.zip", bad)], tmp_path / "v", **options)
    assert (found["rows"], kept_and_told(found), found["suggestion"]["task"]) == (24, 26, "image-classification")
    rows = rows_of(tmp_path / "v")
    assert (rows[1]["page"], rows[1]["file"], rows[1]["label"]) == ("2", "bills/0.pdf", "bills")
    with Image.open(tmp_path / "v" / "media" / rows[0]["image"]) as image:
        assert max(image.size) <= media_pdf.MAX_SIDE
    assert found["split"]["wanted"]["group"] == "file"
    reading = next(reading for reading in found["reading"] if reading["what"] == "documents")
    assert (reading["chosen"], reading["others"]) == ("pages", ["texts"])


def scan(number: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 80), (number % 256, number // 256 % 256, 90)).save(out, "PDF")
    return out.getvalue()


def test_scans_in_class_folders_are_read_as_pictures(tmp_path: Path) -> None:
    files = {f"{name}/{n}.pdf": scan(20 * k + n) for k, name in enumerate(("bills", "letters")) for n in range(6)}
    found = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v")
    assert (found["rows"], found["suggestion"]["task"]) == (12, "image-classification")
    reading = next(reading for reading in found["reading"] if reading["what"] == "documents")
    assert (reading["chosen"], reading["others"]) == ("pages", ["texts"])
    with pytest.raises(DataError, match="such as a scan"):
        inspect([tmp_path / "a.zip"], tmp_path / "w", readings={"documents": "texts"})


def test_scans_of_no_class_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {f"{n}.pdf": scan(n) for n in range(12)})
    with pytest.raises(DataError, match=r"such as a scan: run text recognition \(OCR\)") as refused:
        inspect([path], tmp_path / "v")
    assert "choose an image task" in str(refused.value.hint)


def test_a_hundred_thousand_pages_give_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_pdf, "MAX_PAGES", 3)
    began = time.monotonic()
    pages = list(page_pictures(many_pages(100_000)))
    assert [type(page) for _number, page in pages] == [bytes, bytes, bytes, UnreadableError]
    assert str(pages[-1][1]) == "has 100,000 pages, of which the first 3 are used"
    assert time.monotonic() - began < 60


def many_pages(count: int) -> bytes:
    """One page, named again and again."""
    kids = b"3 0 R " * count
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (count, kids),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]>>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 4\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % start


def test_a_page_of_two_hundred_inches_is_drawn_small() -> None:
    huge = many_pages(1).replace(b"[0 0 100 100]", b"[0 0 14400 9]")
    (_number, page), *_rest = page_pictures(huge)
    assert isinstance(page, bytes)


@pytest.mark.parametrize(
    "data", [b"%PDF-1.7", b"", pdf("x")[:100], many_pages(1).replace(b"[0 0 100 100]", b"[0 0 0 0]")]
)
def test_what_is_no_pdf_is_told(data: bytes) -> None:
    try:
        pages = list(page_pictures(data))
    except UnreadableError:
        return
    assert all(isinstance(page, bytes) for _number, page in pages)
