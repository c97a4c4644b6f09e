"""The text of one document: PDF, Word, OpenDocument, a web page, a mail, subtitles, plain text.

Documents are untrusted: sizes are bounded before anything is unpacked, XML without entities, and nothing of them is run or
fetched. What takes too long or is not text is an `UnreadableError`.
"""

import email
import email.policy
import io
import logging
import re
import time
import zipfile
from collections.abc import Iterator
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from trainer.data.decoded_text import decode_text
from trainer.data.media import UnreadableError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_DOCUMENT_BYTES = 64 << 20
MAX_XML_BYTES = 64 << 20
MAX_CHARACTERS = 1_000_000
NO_TEXT_LAYER = "is a PDF without text, such as a scan: run text recognition (OCR) over it first"
MAX_PAGES, MAX_PDF_SECONDS = 2_000, 30.0
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
OPEN_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
CUE_TIME = re.compile(r"^\s*(\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}\s*-->")
BLOCKS = frozenset(
    ["p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "section", "article", "blockquote", "pre", "td",
     "th", "dt", "dd", "header", "footer", "ul", "ol", "title"]
)  # fmt: skip
HIDDEN = frozenset(["script", "style", "noscript", "template", "svg", "iframe", "object"])


def read_document(data: bytes, suffix: str) -> dict[str, str | None]:
    """The cells of a document's row: its `text`, and a mail's `subject`, `sender` and `date`. Raises `UnreadableError`."""
    if not data.strip():
        raise UnreadableError("is empty")
    if data[:1024].lstrip().startswith(b"%PDF"):
        return {"text": checked(pdf_text(data))}
    if data.startswith(b"PK\x03\x04"):
        return {"text": checked(office_text(data))}
    if data.startswith((b"\xd0\xcf\x11\xe0", b"{\\rtf")):
        raise UnreadableError("is an old Word document or RTF: save it as .docx or PDF")
    if suffix == ".eml":
        return mail_cells(data)
    text = decode_text(data)
    if (
        text.count("\x00")
        or sum(character < " " and character not in "\t\n\r\f\v\x1b" for character in text[:4096]) > 40
    ):
        raise UnreadableError("is not a text")
    if suffix in (".html", ".htm", ".xhtml") or re.match(r"\s*<(!doctype html|html)", text[:200], re.IGNORECASE):
        return {"text": checked(html_text(text))}
    if suffix in (".srt", ".vtt"):
        return {"text": checked(" ".join(cue_lines(text)))}
    return {"text": checked(text)}


class CutText(str):
    """The beginning of a document that is longer than is read."""


def checked(text: str) -> str:
    """Trimmed, at most MAX_CHARACTERS, without half characters; `UnreadableError` where nothing is left."""
    is_cut = isinstance(text, CutText)
    text = text.replace("\0", "").replace("\r\n", "\n").strip().encode("utf-8", "replace").decode()
    if not text:
        raise UnreadableError("holds no text")
    return CutText(text[:MAX_CHARACTERS]) if is_cut or len(text) > MAX_CHARACTERS else text


def pdf_text(data: bytes) -> str:
    """Page after page. pypdf bounds what a stream may unpack to; pages and time are bounded here."""
    import pypdf
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what is wrong with a document is told by its row
    began, texts, characters, pages = time.monotonic(), [], 0, 0
    try:
        reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableError("is protected by a password")
        pages = len(reader.pages)
        for number, page in enumerate(reader.pages):
            if number >= MAX_PAGES or characters > MAX_CHARACTERS:
                break
            if time.monotonic() - began > MAX_PDF_SECONDS:
                raise UnreadableError("takes too long to read")
            texts.append(page.extract_text() or "")
            characters += len(texts[-1])
    except UnreadableError:
        raise
    except (PyPdfError, ImportError) as error:  # ImportError: an encryption that needs another library
        raise UnreadableError("is a damaged or protected PDF") from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OSError, AssertionError,
            NotImplementedError, OverflowError, MemoryError, ZeroDivisionError) as error:  # fmt: skip
        raise UnreadableError("is a damaged PDF") from error
    text = "\n\n".join(texts)
    if not text.strip():
        raise UnreadableError(NO_TEXT_LAYER)
    return CutText(text) if len(texts) < pages else text


def office_text(data: bytes) -> str:
    """The paragraphs of a Word or OpenDocument text."""
    return "\n".join(paragraphs(office_root(data)))


def office_root(data: bytes) -> "Element":
    """The element that a Word or OpenDocument text is. Raises `UnreadableError`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.NameToInfo
            name = next((name for name in ("word/document.xml", "content.xml") if name in names), None)
            if name is None:
                raise UnreadableError("is not a document with text")
            with archive.open(name) as file:
                xml = file.read(MAX_XML_BYTES + 1)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError) as error:
        raise UnreadableError("is damaged or protected") from error
    if len(xml) > MAX_XML_BYTES:
        raise UnreadableError(f"unpacks to more than {MAX_XML_BYTES >> 20} MB")
    return parse_office(xml)


def parse_office(xml: bytes) -> "Element":
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: Element = fromstring(xml)
    except (ParseError, ValueError, LookupError, DefusedXmlException) as error:
        raise UnreadableError("holds XML that cannot be read safely") from error
    return root


def paragraphs(root: "Element") -> Iterator[str]:
    """Texts of an Office document's paragraphs, without what was deleted in its history."""
    for element in root.iter():
        if element.tag == f"{WORD}p":
            yield "".join(word_piece(piece) for piece in element.iter())
        elif element.tag in (f"{OPEN_TEXT}p", f"{OPEN_TEXT}h"):
            yield "".join(element.itertext())


def word_piece(piece: "object") -> str:
    tag, text = getattr(piece, "tag", ""), getattr(piece, "text", None)
    if tag == f"{WORD}t":
        return text or ""
    return {f"{WORD}tab": "\t", f"{WORD}br": "\n", f"{WORD}cr": "\n"}.get(tag, "")


class TextOfPage(HTMLParser):
    """Collects what a browser would show of a web page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in HIDDEN
        if tag in BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in HIDDEN and self.hidden > 0
        if tag in BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.pieces.append(data)


def html_text(text: str) -> str:
    parser = TextOfPage()
    try:
        parser.feed(text)
        parser.close()
    except (AssertionError, ValueError) as error:
        raise UnreadableError("is a damaged web page") from error
    lines = (" ".join(line.split()) for line in "".join(parser.pieces).splitlines())
    return "\n".join(line for line in lines if line)


def mail_cells(data: bytes) -> dict[str, str | None]:
    """A mail's subject, sender and date, and its words: the plain part, else the web page."""
    try:
        mail = email.message_from_bytes(data, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        body = mail.get_body(("plain", "html"))
        content = body.get_content() if body is not None else ""
        is_page = body is not None and body.get_content_type() == "text/html"
        heads = {name: str(mail.get(head) or "").strip() or None for name, head in MAIL_HEADS}
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, IndexError, RecursionError) as error:
        raise UnreadableError("is no mail that can be read") from error
    text = html_text(content) if is_page else str(content)
    if not text.strip() and not heads["subject"]:
        raise UnreadableError("holds no text")
    return {**heads, "text": checked(text.strip() or heads["subject"] or "")}


MAIL_HEADS = (("subject", "Subject"), ("sender", "From"), ("date", "Date"))


def cue_lines(text: str) -> Iterator[str]:
    """The words of subtitles, without their numbers and times."""
    blocks = re.split(r"\n\s*\n", text.replace("\r\n", "\n"))
    for block in blocks:
        lines = block.strip().splitlines()
        start = next((index for index, line in enumerate(lines) if CUE_TIME.match(line)), None)
        if start is not None:
            yield from (re.sub(r"<[^>]{1,100}>|\{[^}]{1,100}\}", "", line).strip() for line in lines[start + 1 :])
