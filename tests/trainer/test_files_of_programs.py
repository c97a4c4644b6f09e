"""Sequences (FASTA, FASTQ), records and settings in YAML, TOML and INI, chats of Signal and Messages, and answers as Typeform's API has
them: a row for each record, and what is no record is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.data_files import zipped
from tests.trainer.data_made import records
from trainer.data.intake import read_files
from trainer.data.tables.formats import open_table
from trainer.data.tables.sequences import looks_like_fasta, looks_like_fastq
from trainer.data.tables.settings_files import settings_kind
from trainer.data.tables.signal_chats import looks_like_signal
from trainer.errors import DataError


def read(folder: Path, name: str, text: str) -> tuple[list[dict[str, Any]], dict[str, int], str]:
    """(rows, {reason: count} of what is left out, what was read) of a file."""
    path = folder / name
    path.write_text(text, "utf-8")
    table = open_table(path)
    rows = records(table)
    return rows, {entry.reason: entry.count for entry in table.all_left_out()}, table.readings[0].chosen


# Sequences


FASTA = "lost\n>sp|P1|A_HUMAN Protein A\nMKVL\nAAGT*\n\n; remark\n>P2\nMKV\n>P3 empty\n>P4\nacgt\n"


def test_a_sequence_is_a_row(tmp_path: Path) -> None:
    rows, told, form = read(
        tmp_path, "a.fasta", FASTA.removeprefix("lost\n").replace(">P3 empty\n", "") + ">P5\nMK\n>P6\n"
    )
    assert rows[0] == {"id": "sp|P1|A_HUMAN", "description": "Protein A", "sequence": "MKVLAAGT*"}
    assert [row["id"] for row in rows] == ["sp|P1|A_HUMAN", "P2", "P4", "P5"]
    assert (told, form) == ({"unreadable": 1}, "fasta")


def test_a_read_is_a_row_and_a_broken_one_is_told(tmp_path: Path) -> None:
    read_of = "@r{n}/1 lane 2\nACGTN\n+\nII#II\n"
    text = "".join(read_of.format(n=n) for n in range(4)) + "@r4\nACGT\n+\nII\n" + "@r5\nAC\n"
    rows, told, form = read(tmp_path, "a.fastq", text)
    assert rows[1] == {"id": "r1/1", "description": "lane 2", "sequence": "ACGTN", "quality": "II#II"}
    assert (len(rows), told, form) == (4, {"unreadable": 2}, "fastq")


@pytest.mark.parametrize(
    "text", ["> hello you\nthanks\n> bye\nok\n", ">only\n", ">a b\nNo, not these.\n", "text,label\n>a,b\n"]
)
def test_quoted_mail_is_no_sequence(text: str) -> None:
    assert not looks_like_fasta(text)
    assert not looks_like_fastq(text)


# YAML, TOML, INI


def test_lists_of_records_in_yaml_are_rows_as_they_are_written(tmp_path: Path) -> None:
    text = "version: 1\nexamples:\n" + "".join(f"  - text: >\n      it is\n      fine {n}\n    label: no\n    code: 00{n}\n    day: 2024-01-0{n + 1}\n    tags: [a, b]\n    gone: ~\n" for n in range(4))  # fmt: skip
    rows, told, form = read(tmp_path, "a.yml", text)
    assert rows[1] == {"text": "it is fine 1\n", "label": "no", "code": "001", "day": "2024-01-02", "tags": '["a", "b"]', "gone": None}  # fmt: skip
    assert (len(rows), told, form) == (4, {}, "yaml")


def test_yaml_is_known_without_its_name_and_toml_by_it(tmp_path: Path) -> None:
    rows, _told, form = read(tmp_path, "a.txt", "".join(f"- text: it is fine {n}\n  label: good\n" for n in range(4)))
    assert (len(rows), rows[0], form) == (4, {"text": "it is fine 0", "label": "good"}, "yaml")
    rows, _told, form = read(tmp_path, "a.toml", "title = 'x'\n" + "".join(f"[[rows]]\ntext = 'fine {n}'\nday = 2024-01-02\n" for n in range(3)))  # fmt: skip
    assert (len(rows), rows[0], form) == (3, {"text": "fine 0", "day": "2024-01-02"}, "toml")


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.yaml", "name: test\nsteps:\n  lr: 0.1\nlist:\n  - a\n  - b\n", "YAML"),
        ("a.toml", "[tool]\nname = 'x'\nlist = [1, 2]\n", "TOML"),
        ("a.txt", "[main]\nname = x\nport = 80\n\n; remark\n[other]\nname=y\n", "INI"),
        ("a.properties", "a.b=1\n# x\na.c=2\n", "INI"),
    ],
)
def test_settings_are_refused_by_name(tmp_path: Path, name: str, text: str, kind: str) -> None:
    with pytest.raises(DataError, match=rf"holds settings \({kind}\)") as caught:
        read(tmp_path, name, text)
    assert caught.value.code == "not_a_table"


def test_broken_yaml_names_its_line_and_parts_that_refer_to_others_have_an_end(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not valid YAML: line 4"):
        read(tmp_path, "a.yaml", "- text: a\n  label: 'b\n- text: c\n")
    bomb = "a: &a [x, x]\n" + "".join(f"b{n}: [{', '.join(['*a'] * 9)}]\n" for n in range(20))
    with pytest.raises(DataError, match="refers to its own parts") as caught:
        read(tmp_path, "a.yaml", bomb)
    assert caught.value.code == "too_large"


@pytest.mark.parametrize(
    "text",
    [
        "text,label\n- a: b,c\n",
        "[x] Ann: hi\n[y] Bob: bye\n",
        "a;b\n1;2\n",
        "[1, 2]\n[3, 4]\n",
        "- one\n- two\n",
        "Name: Ann\nAge: 5\n\nName: Bob\nAge: 6\n",
        "- Ann: look: here\n- Bob: where?\n- Ann: there\n",
        "[Scene 1]\nAnn: hello\nBob: hi\n",
    ],
)
def test_other_texts_are_no_settings(text: str) -> None:
    assert settings_kind(text, "a.txt") == ""


# Chats


SIGNAL = (
    "[2019-05-29, 15:04] Me: How is everyone?  \n(- Ann: 👍, Bob: ❤️ -)  \n[2019-05-29, 15:10] Ann: We're [here](https://x.org)  \nand fine\n> How is everyone?\n\n"
    "[2019-05-29, 15:20] Bob: ![a](./media/a.jpg)  \n[2019-05-29, 15:21] Bob: look ![b](./media/b.jpg)\n"
)  # fmt: skip
SAID = [
    {"time": "2019-05-29, 15:04", "author": "Me", "text": "How is everyone?"},
    {"time": "2019-05-29, 15:10", "author": "Ann", "text": "We're [here](https://x.org)\nand fine"},
    {"time": "2019-05-29, 15:21", "author": "Bob", "text": "look"},
]
SIGNAL_TOLD = {"reaction": 1, "quoted": 1, "media": 1, "attachment": 1}


def test_a_chat_of_signal_is_a_row_for_each_message(tmp_path: Path) -> None:
    assert read(tmp_path, "chat.md", SIGNAL) == (SAID, SIGNAL_TOLD, "Signal")
    data = read_files([tmp_path / "chat.md"])
    assert (data.rows, data.sources[0]["format"], "author" in data.roles.values()) == (3, "signal", False)


def test_chats_of_signal_are_taken_out_of_their_folders(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"Ann/chat.md": SIGNAL.encode(), "Ann/media/b.jpg": b"x", "Bob/chat.md": SIGNAL.replace("fine", "well").encode()})  # fmt: skip
    data = read_files([path])
    assert (data.rows, {source["format"] for source in data.sources}) == (6, {"signal"})


def test_a_chat_of_whatsapp_and_a_log_are_none_of_signal() -> None:
    assert not looks_like_signal("[2024-05-12, 10:11:12] Ann: hello\n" * 9)
    assert not looks_like_signal("[2024-05-12 10:11:12] INFO: started\n\nmore\n")


IMESSAGE = (
    "May 17, 2022  5:29:42 PM\nMe\nHello you\n\nMay 17, 2022  5:30:00 PM (Read by you after 2 minutes)\n+15551234567\nfirst line\nsecond line\nTapbacks:\nLoved by Me\n\n"
    "May 17, 2022  5:31:00 PM\nMe\n/Users/me/Attachments/a.heic\n\nMay 17, 2022  5:32:00 PM You named the conversation “Us”\n\n"
    "May 17, 2022  5:33:00 PM\nMe\nattachments/12/b.jpg\nsee this\nThis message responded to an earlier message.\n"
)  # fmt: skip


def test_a_chat_of_messages_is_a_row_for_each_message(tmp_path: Path) -> None:
    rows, told, export = read(tmp_path, "Ann.txt", IMESSAGE)
    assert rows == [
        {"time": "2022-05-17 17:29:42", "author": "Me", "text": "Hello you"},
        {"time": "2022-05-17 17:30:00", "author": "+15551234567", "text": "first line\nsecond line"},
        {"time": "2022-05-17 17:33:00", "author": "Me", "text": "see this"},
    ]
    assert (told, export) == ({"reaction": 1, "media": 1, "notice": 2, "attachment": 1}, "iMessage")


# Typeform


def answers(n: int) -> list[dict[str, Any]]:
    def answer(ref: str, kind: str, value: object, **named: str) -> dict[str, Any]:
        return {"field": {"id": ref, "ref": ref, "type": kind, **named}, "type": kind, kind: value}

    return [
        answer("why", "text", f"The set-up was quick, number {n}"),
        answer("rate", "number", n),
        answer("plan", "choice", {"label": ("Free", "Pro")[n % 2]}, title="Which plan?"),
        answer("used", "choices", {"labels": ["A", "B"], "other": "C"}),
        answer("again", "boolean", value=bool(n % 2)),
        answer("mail", "email", f"a{n}@example.org"),
        answer("token", "choice", {"other": "mine"}),
    ]


def test_answers_of_typeform_have_a_column_for_each_question(tmp_path: Path) -> None:
    items: list[dict[str, Any]] = [{"landing_id": f"l{n}", "token": f"t{n}", "submitted_at": "2024-01-02", "metadata": {"browser": "x"}, "answers": answers(n)} for n in range(8)]  # fmt: skip
    items.append({"landing_id": "l8", "token": "t8", "submitted_at": "2024-01-02", "metadata": {"browser": "x"}, "answers": None})  # fmt: skip
    rows, told, export = read(tmp_path, "a.json", json.dumps({"total_items": 9, "page_count": 1, "items": items}))
    assert (len(rows), told, export) == (9, {}, "Typeform")
    assert rows[1] | {"landing_id": "", "submitted_at": ""} == {
        "landing_id": "", "token": "t1", "submitted_at": "", "metadata.browser": "x", "why": "The set-up was quick, number 1", "rate": "1", "Which plan?": "Pro",
        "used": '["A", "B", "C"]', "again": "true", "mail": "a1@example.org", "token (2)": "mine",
    }  # fmt: skip
    data = read_files([tmp_path / "a.json"])
    assert data.roles.get("target") not in ("token", "landing_id", "mail", "metadata.browser")
