"""Files as people have them, each of which lost or shifted its records once: forty records in, forty kept, in the columns that were
meant."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from trainer.columns import guess_kind
from trainer.data.inspect import inspect
from trainer.errors import DataError

TEXTS = [f"the delivery number {row} was {'late and cold' if row % 2 else 'quick and warm'}" for row in range(40)]
LABELS = ["bad" if row % 2 else "good" for row in range(40)]
PAIRS = list(zip(TEXTS, LABELS, strict=True))
RECORDS = [{"text": text, "label": label, "ok": True, "note": None} for text, label in PAIRS]


def lines(form: str, head: str = "", tail: str = "") -> str:
    return head + "".join(form.format(n=row, t=text, l=label) for row, (text, label) in enumerate(PAIRS)) + tail


KEPT = {
    "curly quotation marks": ("a.csv", lines("“{t}, really”,{l}\n", "text,label\n"), ("text", "label")),
    "delimiters at the ends of lines": ("a.csv", lines("{t};{l};;;\n", "text;label;;;\n"), ("text", "label")),
    "lines that are one cell": ("a.csv", lines('"{t},{l}"\n', '"text,label"\n'), ("text", "label")),
    "lines that are one cell, with cells in them": (
        "a.csv",
        lines('"{n},""{t}, really"",{l}"\n', '"n,text,label"\n'),
        ("text", "label"),
    ),
    "Hive's, short": (
        "a.txt",
        lines("{l}\x01{t}\x01\x01\x01\x01\x01\n", "label\x01text\x01a\x01b\x01c\x01d\n"),
        ("text", "label"),
    ),
    "a table of R": ("a.txt", lines('"{n}" "{t}" "{l}"\n', '"text" "label"\n'), ("text", "label")),
    "JSON lines with commas": ("a.jsonl", "".join(json.dumps(one) + ",\n" for one in RECORDS), ("text", "label")),
    "objects as Python prints them": ("a.jsonl", "".join(f"{one!r}\n" for one in RECORDS), ("text", "label")),
    "fastText": ("train.txt", lines("__label__{l} {t}\n"), ("text", "label")),
    "Weka's ARFF": (
        "a.arff",
        lines(
            "'{t}',{l}\n", "% by hand\n@relation r\n@attribute text string\n@ATTRIBUTE 'label' {{good,bad}}\n\n@data\n"
        ),
        ("text", "label"),
    ),
    "blocks of names and values": ("a.txt", lines("Name: person {n}\nText: {t}\nLabel: {l}\n\n"), ("Text", "Label")),
    "blocks with values over several lines": (
        "a.txt",
        lines("product/productId: B{n}\nreview/score: {l}\nreview/text: {t}\nand more of it\n\n"),
        ("review/text", "review/score"),
    ),
}


def read(folder: Path, name: str, content: str | bytes) -> dict[str, Any]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return inspect([path], folder / "v1")


@pytest.mark.parametrize("name", KEPT)
def test_every_record_is_kept_in_its_columns(tmp_path: Path, name: str) -> None:
    file, content, (text, label) = KEPT[name]
    told = read(tmp_path, file, content)
    assert told["rows"] == len(PAIRS)
    assert not told["left_out"]
    assert {text, label} <= {column["name"] for column in told["columns"]}
    assert {entry["label"] for entry in told["labels"]} == {"good", "bad"}
    assert told["suggestion"]["columns"] == {"text": text, "label": label}


def test_numbers_of_pages_in_the_middle_are_no_records(tmp_path: Path) -> None:
    """As a report has them wherever its pages end; the header comes again below each."""
    pages = [lines("{n},{t},{l}\n").splitlines(), ["Page 1 of 2,,", "n,text,label"]]
    content = "\n".join(["n,text,label", *pages[0][:20], *pages[1], *pages[0][20:], "Page 2 of 2,,"]) + "\n"
    told = read(tmp_path, "a.csv", content)
    assert told["rows"] == len(PAIRS)
    assert {one["reason"]: one["count"] for one in told["left_out"]} == {"footer": 1, "repeated_header": 1, "pages": 1}


def test_codes_questions_and_types_are_one_header(tmp_path: Path) -> None:
    content = "Q1,Q2,Q2\nHow was it?,Why?,Which?\nscale,text,choice\n" + lines("{n},{t},{l}\n")
    told = read(tmp_path, "a.csv", content)
    assert [column["name"] for column in told["columns"]] == ["Q1: How was it?", "Q2: Why?", "Q2: Which?"]
    assert (told["rows"], [(one["reason"], one["count"]) for one in told["left_out"]]) == (40, [("header_rows", 1)])


def test_several_labels_of_fasttext_are_a_list(tmp_path: Path) -> None:
    told = read(tmp_path, "a.txt", lines("__label__{l} __label__new {t}\n"))
    assert told["suggestion"]["task"] == "multilabel-classification"
    assert told["rows"] == len(PAIRS)


def test_sparse_rows_become_a_column_a_feature(tmp_path: Path) -> None:
    content = (
        "".join(f"{row % 2 * 2 - 1:+d} 1:{row / 2} 3:{row * 2.25} # of a machine\n" for row in range(40)) + "1 2:\n"
    )
    told = read(tmp_path, "a.libsvm", content)
    assert [column["name"] for column in told["columns"]] == ["label", "feature_1", "feature_3"]
    assert (told["rows"], told["suggestion"]["columns"]) == (40, {"target": "label"})
    assert [(one["reason"], one["count"]) for one in told["left_out"]] == [("unreadable", 1)]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.vcf", "BEGIN:VCARD\nVERSION:3.0\nFN:Ada\nEND:VCARD\n" * 20, "contacts"),
        ("a.ics", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR\n", "calendar"),
        ("a.sql", "CREATE TABLE `r` (`text` text);\n" + lines("INSERT INTO `r` VALUES ('{t}');\n"), "SQL"),
        ("a.dta", b"<stata_dta><header><release>118</release>" + bytes(200), "Stata"),
        ("a.sav", b"$FL2@(#) SPSS DATA FILE" + bytes(300), "SPSS"),
    ],
)
def test_what_is_no_table_is_refused_by_its_name(tmp_path: Path, name: str, content: str | bytes, kind: str) -> None:
    with pytest.raises(DataError, match=kind):
        read(tmp_path, name, content)


def test_a_line_of_a_log_is_no_date() -> None:
    assert (
        guess_kind([f"2026-01-0{day} 10:00:00 INFO [worker] started with job {day}" for day in range(1, 9)], 8, 8)
        == "text"
    )


@pytest.mark.parametrize(
    "content",
    [
        lines("{t}, {l}\n"),
        "".join(f'"Lovelace, Ada {row}"\n' for row in range(40)),
        "".join(f"Agent: {text}\nCustomer: fine\nAgent: bye\n\n" for text in TEXTS),
    ],
)
def test_texts_that_only_resemble_these_forms_are_none_of_them(tmp_path: Path, content: str) -> None:
    told = read(tmp_path, "a.txt", content)
    assert told["source"][0]["format"] in ("csv", "text")
    assert not any("wrapped" in one["what"] or "form" in one["what"] for one in told["reading"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tweets.js", f"window.YTD.tweets.part0 = {json.dumps([{'tweet': one} for one in RECORDS])};\n"),
        ("a.json", f"callback({json.dumps(RECORDS)});"),
        ("a.json", json.dumps(RECORDS, indent=1).replace("null\n }", "null,\n }")[:-1] + ",]"),
    ],
)
def test_what_is_nearly_a_json_document_is_read(tmp_path: Path, name: str, content: str) -> None:
    told = read(tmp_path, name, content)
    assert told["rows"] == len(PAIRS)
    assert told["suggestion"]["columns"] == {"text": "text", "label": "label"}


def test_what_lies_beside_the_tables_of_an_archive_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("comments/comments_1.json", json.dumps(RECORDS))
        archive.writestr("index.html", "<html></html>")
        archive.writestr("README.md", "# About\n")
    told = inspect([path], tmp_path / "v1")
    assert told["rows"] == len(PAIRS)
    (left,) = told["left_out"]
    assert (left["reason"], left["count"], left["examples"]) == ("other_kind", 2, ["index.html", "README.md"])
