"""Exports of helpdesks, shops and chats: which column is what is said, and is guessed rightly."""

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from trainer.data.exports.known import KNOWN, fold_name
from trainer.data.inspect import inspect

EXPORTS = {
    "zendesk": ("Ticket ID,Subject,Description,Status,Requester,Ticket type,Created at", "Description", "Ticket type"),
    "freshdesk": ("Ticket ID,Subject,Status,Priority,Source,Type,Agent,Group,Created time", "Subject", "Type"),
    "hubspot": ("Ticket ID,Ticket name,Ticket description,Category,Ticket status,Create Date", "Ticket description", "Category"),
    "salesforce": ("Case Number,Subject,Description,Type,Status,Date/Time Opened", "Description", "Type"),
    "google_play": ("Package Name,Reviewer Language,Star Rating,Review Title,Review Text,Review Link", "Review Text", "Star Rating"),
    "app_store": ("date,review,rating,isEdited,userName,title", "review", "rating"),
    "trustpilot": ("Review Id,Review Created (UTC),Review Title,Review Content,Review Stars", "Review Content", "Review Stars"),
}  # fmt: skip


def cell_of(name: str, number: int) -> str:
    folded = fold_name(name)
    if "created" in folded or "date" in folded:
        return f"2024-05-{1 + number % 28:02} 07:08:10"
    if folded.endswith("_id") or "number" in folded or "link" in folded:
        return str(7000 + number)
    if any(word in folded for word in ("star", "rating")):
        return str(1 + number % 5)
    if any(word in folded for word in ("description", "text", "content", "review", "subject", "title", "name")):
        return f"My {('bill', 'parcel', 'password')[number % 3]} is wrong in {name}, case {number}"
    return ("incident", "problem", "question")[number % 3]


@pytest.mark.parametrize("tool", EXPORTS)
def test_text_and_label_of_known_exports(tool: str, tmp_path: Path) -> None:
    header, text, label = EXPORTS[tool]
    names = header.split(",")
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerows([names, *([cell_of(name, number) for name in names] for number in range(60))])
    (tmp_path / "export.csv").write_text(buffer.getvalue(), "utf-8")
    result = inspect([tmp_path / "export.csv"], tmp_path / "v1")
    assert result["suggestion"]["columns"] == {"text": text, "label": label}
    assert result["source"][0]["export"] == tool
    reading = next(entry for entry in result["reading"] if entry["what"] == "export")
    assert f"“{text}”" in reading["sentence"]


def test_every_export_names_columns_as_they_are_compared() -> None:
    for known in KNOWN:
        words = " ".join([known.columns, known.text, known.label, known.time, known.id]).split()
        assert [fold_name(word) for word in words] == words


def read(content: str, name: str, place: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    (place / name).write_text(content, "utf-8")
    result = inspect([place / name], place / "v1")
    return result, pq.read_table(place / "v1" / "data.parquet").to_pylist()


@pytest.mark.parametrize(
    "form", ["[12.05.24, 10:11:{:02}] Ann: {}", "12/05/2024, 10:{:02} - Ann: {}", "5/12/24, 1:{:02}\u202fPM - Ann: {}"]
)
def test_a_chat_of_whatsapp_is_a_row_a_message(form: str, tmp_path: Path) -> None:
    notice = form.format(0, "").replace(" Ann: ", " Messages and calls are end-to-end encrypted.")
    lines = [notice, *(form.format(n, f"hello, number {n}") for n in range(20)), "and a second line: of it"]
    result, rows = read("\n".join(lines), "_chat.txt", tmp_path)
    assert (result["rows"], result["source"][0]["format"]) == (20, "whatsapp")
    assert (rows[0]["author"], rows[0]["text"]) == ("Ann", "hello, number 0")
    assert rows[19]["text"] == "hello, number 19\nand a second line: of it"
    assert result["left_out"][0]["count"] == 1


def test_a_mailbox_is_a_row_a_message(tmp_path: Path) -> None:
    mails = [
        f"From 17{n}@xxx Mon May 06 07:08:10 +0000 2024\nX-Gmail-Labels: {('Inbox', 'Spam')[n % 2]}\nFrom: Ann <ann@shop.example>\n"
        f"To: us@shop.example\nSubject: =?utf-8?q?Caf=C3=A9_{n}?=\nDate: Mon, 6 May 2024 07:08:10 +0000\n"
        "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>no</p>\n"
        f"--b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nOne caf=C3=A9, number {n}\n"
        ">From here on\n--b--\n\n"
        for n in range(20)
    ]
    result, rows = read("".join(mails), "All mail.mbox", tmp_path)
    assert (result["rows"], result["source"][0]["format"]) == (20, "mbox")
    assert rows[1] == {
        "date": "Mon, 06 May 2024 07:08:10 +0000",
        "from": "Ann <ann@shop.example>",
        "to": "us@shop.example",
        "subject": "Café 1",
        "labels": "Spam",
        "text": "One café, number 1\nFrom here on",
    }
    assert result["suggestion"]["columns"] == {"text": "text", "label": "labels"}
