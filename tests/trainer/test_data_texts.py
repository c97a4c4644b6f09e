"""Documents and plain texts as rows: a document a row, lines of two languages, a file for each class."""

import io
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pypdf
import pytest

from tests.trainer.data_files import zipped
from tests.trainer.test_data_uploads import rows_of
from trainer.data import document_texts
from trainer.data.document_texts import read_document
from trainer.data.inspect import inspect
from trainer.data.media import UnreadableError
from trainer.errors import DataError

PLACES = ("noisy", "generous", "greasy", "quick", "calm", "dear")


def review(n: int) -> str:
    return f"The room was {PLACES[n % len(PLACES)]}, we stayed {n} nights.\n\nWe came by train."


def word(lines: list[str]) -> bytes:
    """The least that Word's format asks for."""
    main = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = "".join(
        f"<w:p><w:r><w:t>{line}</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>"
        for line in lines
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{main}"><w:body>{body}</w:body></w:document>')
    return buffer.getvalue()


def pdf(text: str, pages: int = 1) -> bytes:
    """A PDF of pages with one line each; without a text, blank ones."""
    stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode() if text else b""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(pages))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {pages}>>".encode()]
    objects.append(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for n in range(pages):
        page = f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents {5 + 2 * n} 0 R/Resources<</Font<</F1 3 0 R>>>>>>"
        objects += [page.encode(), b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream)]
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table
    return out + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)


def mail(subject: str, text: str, page: bool = False) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"] = subject, "ann@example.com"
    message.set_content(
        f"<html><script>no</script><p>{text}</p></html>" if page else text, subtype="html" if page else "plain"
    )
    return message.as_bytes()


# A document a row


def test_class_folders_of_texts(tmp_path: Path) -> None:
    files = {f"reviews/{label}/{n}.txt": review(n).encode() for n in range(20) for label in [("pos", "neg")[n % 2]]}
    result = inspect([zipped(tmp_path / "a.zip", files | {"reviews/README.txt": b"Reviews."})], tmp_path / "v1")
    assert (result["suggestion"]["task"], result["rows"]) == ("text-classification", 20)
    assert {entry["label"]: entry["count"] for entry in result["labels"]} == {"pos": 10, "neg": 10}
    assert rows_of(tmp_path / "v1")[0]["text"] == review(0)
    assert [(entry["count"], entry["examples"]) for entry in result["left_out"]] == [(1, ["reviews/README.txt"])]


def test_parts_classes_and_files_without_an_ending(tmp_path: Path) -> None:
    files = {
        f"news/{part}/{label}/{n}": f"{label} {review(n)}".encode()
        for part in ("train", "test")
        for label in ("alt.atheism", "sci.space")
        for n in range(8)
    }
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert {entry["label"] for entry in result["labels"]} == {"alt.atheism", "sci.space"}
    assert (result["split"]["given"], result["split"]["test"]) == (True, 16)


def test_documents_of_every_kind(tmp_path: Path) -> None:
    files = {
        "a/1.docx": word(["First line", "second line"]),
        "a/2.pdf": pdf("Words in a PDF", pages=2),
        "a/3.html": b"<!doctype html><title>T</title><style>x{}</style><p>One &amp; two</p><p>three</p>",
        "a/4.eml": mail("Hello", "Plain words"),
        "b/5.eml": mail("Page", "shown words", page=True),
        "b/6.srt": b"1\n00:00:01,000 --> 00:00:02,500\n<i>Hello there</i>\n\n2\n00:00:03,000 --> 00:00:04,000\nagain\n",
        "b/7.md": "# Title\n\nGrüße".encode("utf-16"),
        "b/8.pdf": pdf(""),
        "b/9.doc": b"\xd0\xcf\x11\xe0old",
        "b/10.pdf": b"%PDF-1.4 nonsense",
    }
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    texts = {row["file"]: row["text"] for row in rows_of(tmp_path / "v1")}
    assert texts == {
        "a/1.docx": "First line\nsecond line",
        "a/2.pdf": "Words in a PDF\n\nWords in a PDF",
        "a/3.html": "T\nOne & two\nthree",
        "a/4.eml": "Plain words",
        "b/5.eml": "shown words",
        "b/6.srt": "Hello there again",
        "b/7.md": "# Title\n\nGrüße",
    }
    (unread,) = [entry for entry in result["problems"] if entry["code"] == "unread_documents"]
    assert (unread["count"], unread["severity"]) == (3, "warning")
    assert "OCR" in unread["message"]


@pytest.mark.parametrize("names", ["file", "number"])
def test_a_table_sent_beside_an_archive_of_documents(names: str, tmp_path: Path) -> None:
    """It tells of each, or is told: it was dropped without a word."""
    archive = zipped(tmp_path / "a.zip", {f"{n}.docx": word([review(n)]) for n in range(12)})
    table = tmp_path / "labels.csv"
    cells = [f"{n}.docx,{('good', 'bad')[n % 2]}" if names == "file" else f"{n + 700},{n + 50}" for n in range(12)]
    table.write_text("\n".join(["file,label" if names == "file" else "order,amount", *cells]))
    result = inspect([archive, table], tmp_path / "v1")
    if names == "file":
        assert {label["label"]: label["count"] for label in result["labels"]} == {"good": 6, "bad": 6}
    else:
        assert [entry["count"] for entry in result["left_out"] if entry["reason"] == "other_kind"] == [1]


def test_documents_sent_as_they_are(tmp_path: Path) -> None:
    sent = [tmp_path / f"{n}-{n}.docx" for n in range(3)]
    for n, path in enumerate(sent):
        path.write_bytes(word([review(n)]))
    assert inspect(sent, tmp_path / "v1")["rows"] == 3


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.docx", word(["x" * 100_000] * 900), "unpacks to more"),
        ("a.docx", b"PK\x03\x04 broken", "damaged"),
        ("a.docx", word(["&undefined;"]), "safely"),
        ("a.pdf", b"%PDF-1.7\n" + b"1 0 obj<</Type/Catalog>>endobj\n" * 50, "PDF"),
        ("a.txt", bytes(range(1, 32)) * 40, "not a text"),
        ("a.txt", b" \n ", "empty"),
    ],
)
def test_documents_that_cannot_be_used(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        read_document(data, name[-5:] if name.endswith("docx") else name[-4:])


def test_entities_of_a_word_document_are_refused() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]><w>&b;</w>'
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", bomb)
    with pytest.raises(UnreadableError, match="safely"):
        read_document(buffer.getvalue(), ".docx")


def test_a_page_that_unpacks_to_gigabytes_is_refused() -> None:
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(100, 100)
    stream = pypdf.generic.StreamObject()
    stream.set_data(b"BT (x) Tj ET\n" * 8_000_000)
    page[pypdf.generic.NameObject("/Contents")] = writer._add_object(stream.flate_encode())
    buffer = io.BytesIO()
    writer.write(buffer)
    with pytest.raises(UnreadableError):
        read_document(buffer.getvalue(), ".pdf")


def test_many_pages_take_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_texts, "MAX_PDF_SECONDS", 0.0)
    with pytest.raises(UnreadableError, match="too long"):
        read_document(pdf("x", pages=50), ".pdf")


# Lines


def write(folder: Path, **texts: str) -> list[Path]:
    paths = [folder / name.replace("__", ".").replace("0", "-") for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text, "utf-8")
    return paths


def lines(word: str, count: int = 40) -> str:
    return "".join(f"{word}, number {n} is {PLACES[n % 6]}.\n" for n in range(count))


def test_parallel_files_are_pairs_by_line(tmp_path: Path) -> None:
    result = inspect(write(tmp_path, corpus__en=lines("Garden"), corpus__de=lines("Garten")), tmp_path / "v1")
    assert result["suggestion"]["columns"] == {"source": "en", "target": "de"}
    assert (result["suggestion"]["task"], result["rows"]) == ("translation", 40)
    assert "line" in result["reading"][0]["sentence"].lower()


def test_parallel_files_of_parts(tmp_path: Path) -> None:
    texts = {
        f"{part}__{side}": lines(part + side, count)
        for part, count in (("train", 40), ("test", 10))
        for side in ("src", "tgt")
    }
    result = inspect(write(tmp_path, **texts), tmp_path / "v1")
    assert result["suggestion"]["columns"] == {"source": "source", "target": "target"}
    assert (result["split"]["given"], result["split"]["test"]) == (True, 10)


def test_parallel_files_of_different_length_are_refused_with_both_counts(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        inspect(write(tmp_path, corpus__en=lines("Garden"), corpus__de=lines("Garten", 39)), tmp_path / "v1")
    assert "40" in str(caught.value)
    assert "39" in str(caught.value)


def test_a_file_for_each_class(tmp_path: Path) -> None:
    texts = {"rt0polarity__pos": lines("fine"), "rt0polarity__neg": lines("poor", 30)}
    result = inspect(write(tmp_path, **texts), tmp_path / "v1")
    assert {entry["label"]: entry["count"] for entry in result["labels"]} == {"pos": 40, "neg": 30}
    packed = zipped(
        tmp_path / "a.zip",
        {
            "data/happy.txt": lines("so fine").replace(",", "").encode(),
            "data/sad.txt": lines("poor").replace(",", "").encode(),
        },
    )
    result = inspect([packed], tmp_path / "v2")
    assert {entry["label"] for entry in result["labels"]} == {"happy", "sad"}


def test_two_tables_stay_tables(tmp_path: Path) -> None:
    table = "text\tlabel\n" + "".join(f"words {n}\t{'ab'[n % 2]}\n" for n in range(20))
    result = inspect(write(tmp_path, one__txt=table, two__txt=table.replace("words", "others")), tmp_path / "v1")
    assert (result["rows"], {column["name"] for column in result["columns"]}) == (40, {"text", "label"})
