"""Texts of single documents, and media in cells: what is read of each, and in which words the others are refused."""

import base64
import email.message
import email.policy
import io
import zipfile
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_files import picture, sound
from trainer.data.document_texts import MAX_CHARACTERS, read_document
from trainer.data.media import UnreadableError
from trainer.data.media_cells import decode_base64, is_base64, sniff

WORDS = some.text("ab é中🙂<>&;", min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
often = settings(max_examples=60, deadline=None, derandomize=True)


@often
@given(some.lists(WORDS, min_size=1, max_size=5))
def test_the_words_of_a_page_are_those_that_were_written(paragraphs: list[str]) -> None:
    page = "<html><head><style>p {color: red}</style></head><body>" + "".join(
        f"<p>{escape(text)}</p>" for text in paragraphs
    )
    cells = read_document(page.encode(), ".html")
    assert cells["text"] == "\n".join(" ".join(text.split()) for text in paragraphs)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>a<script>var x = '<p>b</p>'</script>c</p>", "ac"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a\nb"),
        ("a<!-- hidden -->b", "ab"),
        ("<svg><text>no</text></svg>yes", "yes"),
        ("</script>after", "after"),
        ("&lt;b&gt; &#20013; &nbsp; x", "<b> 中 x"),
        ("<p>never closed", "never closed"),
        ("<noscript>no</noscript><template>no</template>shown", "shown"),
    ],
)
def test_of_a_page_what_a_browser_shows_is_read(page: str, text: str) -> None:
    assert read_document(page.encode(), ".htm") == {"text": text}


def mail(plain: str = "", html: str = "", **heads: str) -> bytes:
    made = email.message.EmailMessage(email.policy.SMTP)
    for name, value in heads.items():
        made[name] = value
    made.set_content(plain) if plain else None
    if html:
        made.add_alternative(html, subtype="html") if plain else made.set_content(html, subtype="html")
    return bytes(made)


def test_a_mail_is_its_heads_and_its_plain_words() -> None:
    data = mail(
        "Grüße aus Köln 🙂\n",
        "<p>other</p>",
        Subject="Re: 你好",
        From="Ann <ann@example.com>",
        Date="Mon, 06 May 2024 10:00:00 +0200",
    )
    assert read_document(data, ".eml") == {
        "subject": "Re: 你好",
        "sender": "Ann <ann@example.com>",
        "date": "Mon, 06 May 2024 10:00:00 +0200",
        "text": "Grüße aus Köln 🙂",
    }


def test_of_a_mail_without_plain_words_the_page_is_read_and_else_its_subject() -> None:
    assert read_document(mail(html="<p>one</p><p>two</p>", Subject="x"), ".eml")["text"] == "one\ntwo"
    assert read_document(mail(" \n", Subject="only this"), ".eml")["text"] == "only this"
    with pytest.raises(UnreadableError, match="holds no text"):
        read_document(mail(" \n", From="a@example.com"), ".eml")


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Type: text/plain; charset=none\n\nx",
        b"Subject: =?utf-8?q?=ZZ?=\n\nx",
        b"\n\n\nx",
        b"Content-Type: multipart/mixed\n\nx",
    ],
)
def test_a_broken_mail_is_read_or_refused(data: bytes) -> None:
    try:
        cells = read_document(data, ".eml")
    except UnreadableError:
        return
    assert cells["text"]


SUBTITLES = (
    "1\n00:00:01,000 --> 00:00:02,000\n<i>Hello</i> there\n- you\n\n2\n00:00:03,000 --> 00:00:04,000\n{\\an8}你好\n"
)


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        (SUBTITLES, ".srt"),
        (SUBTITLES.replace("\n", "\r\n"), ".srt"),
        ("WEBVTT\n\nNOTE none\n\n" + SUBTITLES.replace(",", "."), ".vtt"),
    ],
)
def test_subtitles_are_their_words(text: str, suffix: str) -> None:
    assert read_document(text.encode(), suffix) == {"text": "Hello there - you 你好"}


def office(name: str, xml: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, xml)
    return buffer.getvalue()


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
T = 'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'


def test_paragraphs_of_word_and_opendocument_without_what_was_deleted() -> None:
    runs = "<w:p><w:r><w:t>one</w:t><w:tab/><w:t>two</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p><w:p><w:r><w:t>三</w:t></w:r></w:p>"
    assert read_document(
        office("word/document.xml", f"<w:document {W}><w:body>{runs}</w:body></w:document>"), ".docx"
    ) == {"text": "one\ttwo\n三"}
    lines = "<text:h>Head</text:h><text:p>a <text:span>b</text:span></text:p>"
    assert read_document(office("content.xml", f"<office {T}>{lines}</office>"), ".odt") == {"text": "Head\na b"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b" \n", "is empty"),
        (b"\xd0\xcf\x11\xe0old", "is an old Word document or RTF: save it as .docx or PDF"),
        (b"{\\rtf1 x}", "is an old Word document or RTF: save it as .docx or PDF"),
        (b"PK\x03\x04broken", "is damaged or protected"),
        (office("other.xml", "<a/>"), "is not a document with text"),
        (office("word/document.xml", "<a"), "holds XML that cannot be read safely"),
        (
            office("word/document.xml", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'),
            "holds XML that cannot be read safely",
        ),
        (b"%PDF-1.4 nothing more", "is a damaged"),
        (bytes(range(1, 32)) * 20, "is not a text"),
        (b"<html><script>x</script></html>", "holds no text"),
    ],
)
def test_what_holds_no_text_is_refused_in_words(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        read_document(data, ".docx" if data.startswith(b"PK") else ".html" if b"<html" in data else "")


def test_a_very_long_text_is_cut() -> None:
    assert len(read_document(b"word " * MAX_CHARACTERS, ".txt")["text"] or "") == MAX_CHARACTERS


# Media in cells


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (picture(), ("image", ".png")),
        (picture(form="JPEG"), ("image", ".jpg")),
        (picture(form="GIF"), ("image", ".gif")),
        (picture(form="BMP"), ("image", ".bmp")),
        (picture(form="WEBP"), ("image", ".webp")),
        (picture(form="TIFF"), ("image", ".tif")),
        (sound(3), ("audio", ".wav")),
        (b"FORM\0\0\0\0AIFFxxxx", ("audio", ".aiff")),
        (b"fLaCxxxx", ("audio", ".flac")),
        (b"OggSxxxx", ("audio", ".ogg")),
        (b"\0\0\0\x18ftypheicxxxx", ("image", ".heic")),
        (b"\0\0\0\x18ftypM4A xxxx", ("audio", ".m4a")),
        (b"RIFF\0\0\0\0AVI xxxx", None),
        (b"%PDF-1.4", None),
        (b"", None),
    ],
)
def test_pictures_and_sounds_are_known_by_their_first_bytes(data: bytes, kind: tuple[str, str] | None) -> None:
    assert sniff(data[:64]) == kind


@often
@given(some.binary(max_size=300), some.booleans(), some.booleans(), some.sampled_from([None, 76]))
def test_base64_in_any_writing_is_decoded(data: bytes, is_web: bool, is_padded: bool, width: int | None) -> None:
    text = (base64.urlsafe_b64encode if is_web else base64.b64encode)(data).decode()
    text = text if is_padded else text.rstrip("=")
    lines = "\n".join(text[start : start + width] for start in range(0, len(text), width)) if width else text
    assert decode_base64(lines) == data
    assert decode_base64(f"data:image/png;base64,{lines}") == data


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_cell_is_known_for_a_picture_by_its_beginning(form: str) -> None:
    text = base64.b64encode(picture(form=form)).decode()
    assert is_base64(text)
    assert is_base64(f" data:image/x;charset=utf-8;base64,{text}")


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "A" * 500,
        "a sentence of plain words that goes on for more than sixty-four letters in all",
        "data:text/plain;base64,aGVsbG8=",
        "5" * 100,
        base64.b64encode(b"%PDF-1.4" * 20).decode(),
    ],
)
def test_other_cells_are_no_pictures(cell: str) -> None:
    assert not is_base64(cell)


@pytest.mark.parametrize("cell", ["né", "a", "===", "data:image/png;base64,?"])
def test_what_is_no_base64_gives_no_bytes(cell: str) -> None:
    assert decode_base64(cell) in (None, b"")
