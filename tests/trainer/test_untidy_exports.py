"""Files as programs and people leave them: words in rows, names in merged cells, several encodings in one file, marks that nobody sees,
notices of chats, ids that are no answers."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.data_made import dataset, lines, records, table, texts, unmapped
from trainer.data.exports import brat, prodigy
from trainer.data.exports.base import Conversion
from trainer.data.exports.doccano import convert_labelled, prepare_labelled
from trainer.data.exports.label_studio import convert_task, prepare_tasks
from trainer.data.gathering import gather_rows
from trainer.data.label_columns import read_labels
from trainer.data.readings import Choices
from trainer.data.soft_labels import parse_json
from trainer.data.tables.chats import whatsapp_table
from trainer.data.tables.formats import open_table
from trainer.data.tables.headers import find_header
from trainer.data.tables.mixed_encodings import are_mixed
from trainer.data.tables.text import likely_encoding
from trainer.data.tables.word_rows import join_words
from trainer.events import silent
from trainer.roles import ID

CORPUS = {
    "Sentence #": ["Sentence: 1", "Sentence: 1", "Sentence: 1", "Sentence: 2", "Sentence: 2"] * 6,
    "Word": ["Ann", "saw", "Oslo", "Bob", None] * 6,
    "POS": ["NNP", "VBD", "NNP", "NNP", "."] * 6,
    "Tag": ["B-per", "O", "B-geo", "B-per", "O"] * 6,
}
CORPUS["Sentence #"] = [f"{cell} of {place // 5}" for place, cell in enumerate(CORPUS["Sentence #"])]


# Words in rows


def test_words_in_rows_become_sentences() -> None:
    read = join_words(table("ner.csv", 30, **CORPUS), Choices())
    rows = records(read)
    assert rows[0] == {
        "Sentence #": "Sentence: 1 of 0",
        "Word": '["Ann", "saw", "Oslo"]',
        "POS": '["NNP", "VBD", "NNP"]',
        "Tag": '["B-per", "O", "B-geo"]',
    }
    assert read.suggested == {"tokens": "Word", "tags": "Tag"}
    kept = sum(len(json.loads(row["Word"] or "")) for row in rows)
    assert (len(rows), kept, [(told.reason, told.count) for told in read.left_out]) == (12, 24, [("blank", 6)])


def test_words_in_rows_stay_where_somebody_wants_it() -> None:
    read = join_words(table("ner.csv", 30, **CORPUS), Choices({"word_rows": "words"}))
    assert len(records(read)) == 30
    assert [told.chosen for told in read.readings] == ["words"]


@pytest.mark.parametrize("change", [{"Tag": ["good", "bad", "fair"] * 10}, {"Word": ["a text of words"] * 30}, {"Sentence #": ["x"] * 30}])  # fmt: skip
def test_rows_that_are_no_words_stay_rows(change: dict[str, list[str | None]]) -> None:
    read = join_words(table("rows.csv", 30, **CORPUS | change), Choices())
    assert len(records(read)) == 30
    assert not read.readings


# Names


def test_names_in_merged_cells_are_parted_by_the_row_below() -> None:
    body = [[f"P{number}", "6.5", str(number), "2.5", "3.5", "AB"[number % 2]] for number in range(30)]
    rows = [
        ["Plot", "Soil", None, "Yield", None, "Grade"],
        ["Plot", "pH", "N (mg/kg)", "2022", "2023", "Grade"],
        *body,
    ]
    header = find_header(rows, is_padded=True)
    assert header.names == ["Plot", "Soil: pH", "Soil: N (mg/kg)", "Yield: 2022", "Yield: 2023", "Grade"]
    assert header.row == 1
    assert header.confidence >= 0.9


def test_a_first_record_below_names_with_gaps_is_no_name() -> None:
    body = [[f"P{number}", str(number), "2021", "x"] for number in range(30)]
    assert find_header([["Plot", "Weight", None, "Mark"], *body], is_padded=True).row == 0


def test_a_header_that_comes_again_is_left_out_by_its_lines(tmp_path: Path) -> None:
    page = [f"{number},message {number} of them,{'ab'[number % 2]}\n" for number in range(8)]
    (tmp_path / "pages.csv").write_text("".join(["id,text,label\n", *page] * 3), "utf-8")
    read, _parts = gather_rows([open_table(tmp_path / "pages.csv")], [None], silent)
    again = next(told for told in read.left_out if told["reason"] == "repeated_header")
    assert (again["count"], again["examples"]) == (2, ["line 10", "line 19"])
    assert "label" not in read.table.column("label").to_pylist()
    assert read.table.column("id").to_pylist() == [str(number) for number in range(8)] * 3


# Encodings and marks


def test_lines_of_two_encodings_are_each_read_in_its_own(tmp_path: Path) -> None:
    written = [f"Café Nº {number} – naïve,{'ab'[number % 2]}\n" for number in range(20)]
    content = b"".join(line.encode("cp1252" if place % 3 == 0 else "utf-8") for place, line in enumerate(written))
    (tmp_path / "mixed.csv").write_bytes(b"text,label\n" + content)
    read = open_table(tmp_path / "mixed.csv")
    assert [row["text"] for row in records(read)] == [line.rpartition(",")[0] for line in written]
    assert [told.chosen for told in read.readings if told.what == "encoding"] == ["utf-8-and-cp1252"]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gb18030", "这个商品的质量很好，我非常满意。\n物流太慢了，等了一个星期才到。\n客服态度不错，下次还会再买。\n"),
        ("shift_jis", "この商品はとても良いです。\n配送が遅かったです。\nまた買いたいと思います。\n"),
        ("cp1251", "Товар очень хороший, спасибо.\nДоставка была медленной.\nКуплю ещё раз.\n"),
        ("cp1252", "Das Gerät wäre schön größer.\nÜber den Preis läßt sich reden.\nTrès bien reçu, merci à vous.\n"),
    ],
)
def test_a_file_of_one_old_encoding_is_not_mixed(encoding: str, text: str) -> None:
    assert not are_mixed([line.encode(encoding) for line in text.splitlines()] * 20)
    assert likely_encoding((text * 20).encode(encoding)) == encoding


def test_marks_that_nobody_sees_make_no_labels(tmp_path: Path) -> None:
    marks = ["", "\u00ad", "\u200e", "\u200f", "\u202a", "\u2066", "\u200b", "\ufeff"]
    rows = [f"message {number}\u00ad of all,{mark}good{mark}" for number, mark in enumerate(marks * 3)]
    (tmp_path / "a.csv").write_text("text,label\n" + "\n".join(rows) + "\n", "utf-8")
    read = records(open_table(tmp_path / "a.csv"))
    assert {row["label"] for row in read} == {"good"}
    assert read[0]["text"] == "message 0 of all"


def test_joiners_that_change_letters_stay(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n" + "می\u200cخواهم 👩\u200d🌾,a\n" * 8, "utf-8")
    assert records(open_table(tmp_path / "a.csv"))[0]["text"] == "می\u200cخواهم 👩\u200d🌾"


def test_line_ends_behind_a_backslash_are_line_ends(tmp_path: Path) -> None:
    rows = [f"{number}\tfirst of {number}\\nsecond\\tpart \\\\ end\t\\N\ta" for number in range(20)]
    (tmp_path / "copy.tsv").write_text("id\ttext\tnote\tlabel\n" + "\n".join(rows) + "\n", "utf-8")
    read = records(open_table(tmp_path / "copy.tsv"))
    assert read[3] == {"id": "3", "text": "first of 3\nsecond\tpart \\ end", "note": "", "label": "a"}
    assert len(read) == 20


# Chats


def test_what_whatsapp_says_itself_is_no_message() -> None:
    begun = [f"3/{day}/24, 9:0{day}\u202fAM - Ann: hello {day}" for day in range(1, 5)]
    own = [
        '3/5/24, 9:00\u202fAM - Ann changed the subject to "Trip: Rome"',
        "3/5/24, 9:01\u202fAM - Ann: This message was deleted",
        "3/5/24, 9:02\u202fAM - Ann: Esta mensagem foi apagada",
        "[05.03.24, 09:03:00] Ann: \u200eVerpasster Sprachanruf",
    ]
    edited = "3/6/24, 9:00\u202fAM - Ann: see you at nine <This message was edited>"
    text = "\n".join([*begun, *own, edited, "3/6/24, 9:01\u202fAM - Ann: \u200eimage omitted"]) + "\n"
    read = whatsapp_table(lines(text), "chat.txt", len(text), {})
    assert [row["text"] for row in records(read)] == [*(f"hello {day}" for day in range(1, 5)), "see you at nine"]
    assert {told.reason: told.count for told in read.left_out} == {"notice": 4, "media": 1}


# What is to be predicted


def test_the_number_of_a_row_is_nothing_to_predict() -> None:
    draw = random.Random(3)
    ids = draw.sample(range(10_000), 40)
    made = dataset(text=texts(40), id=[str(number) for number in ids])
    assert (made.task, made.column_roles["id"]) == (None, ID)
    other = dataset(text=texts(40), price=[str(number) for number in ids])
    assert (other.task, other.roles["target"]) == ("text-regression", "price")


def test_objects_are_no_classes() -> None:
    boxes = [json.dumps({"x": number, "name": "a"}) for number in range(40)]
    assert dataset(text=texts(40), regions=boxes).task is None


def test_a_form_whose_text_is_one_text_predicts_its_label_from_the_table() -> None:
    made = unmapped(description=["Subscription"] * 40, status=["paid", "failed"] * 20, amount=[str(n * 7 % 31) for n in range(40)])  # fmt: skip
    made.suggested = {"text": "description", "label": "status"}
    remap(made)
    assert (made.task, made.roles) == ("tabular-classification", {"target": "status"})


def test_a_form_whose_label_is_a_list_has_several_labels() -> None:
    made = unmapped(body=texts(40), tags=['["a"]', '["a", "b"]'] * 20)
    made.suggested = {"text": "body", "label": "tags"}
    remap(made)
    assert (made.task, made.roles) == ("multilabel-classification", {"text": "body", "labels": "tags"})


def remap(made: Any) -> None:
    from trainer.data.columns import map_columns

    map_columns(made, None, None)


# Labels


def test_labels_with_scores_as_pairs() -> None:
    assert parse_json('[["refund", 0.9], ["other", 0.1]]') == {"refund": 0.9, "other": 0.1}
    assert parse_json('[["refund", 9], ["other", 1]]') is None


def test_two_ids_between_commas_are_labels_and_no_decimals_where_a_file_names_them() -> None:
    names = {str(number): name for number, name in enumerate(["anger", "joy", "fear", "love"])}
    made = unmapped(text=texts(30), labels=["3,2", "1", "0"] * 10)
    read_labels(made, Choices(), names)
    assert made.table.column("labels").to_pylist()[:3] == ['["love", "fear"]', '["joy"]', '["anger"]']


# Label Studio and doccano


def task(number: int, data: dict[str, Any], *results: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "data": data,
        "annotations": [{"id": number, "result": list(results), "was_cancelled": False}],
    }


def region(name: str, kind: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "r1", "from_name": name, "to_name": "text", "type": kind, "value": value} | more


def converted(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    conversion = Conversion("Label Studio", "export.json")
    prepare_tasks(records, conversion)
    return [row for record in records for row in convert_task(record, conversion)]


def test_the_preferred_of_two_texts() -> None:
    data = {"prompt": "Who?", "answer1": "Ann did.", "answer2": "Bob did."}
    made = converted([task(1, data, region("which", "pairwise", {"selected": "right"}))])
    assert (made[0]["chosen"], made[0]["rejected"]) == ("Bob did.", "Ann did.")


def test_the_first_and_the_last_of_a_ranked_list() -> None:
    items = [{"id": name, "title": "x", "body": f"answer {name}"} for name in "abc"]
    made = converted([task(1, {"items": items}, region("rank", "ranker", {"ranker": {"rank": ["c", "a", "b"]}}))])
    assert (made[0]["chosen"], made[0]["rejected"]) == ("answer c", "answer b")


def test_parts_of_a_recording_with_their_labels_and_transcripts() -> None:
    part = {"start": 0.5, "end": 1.5, "channel": 0}
    results = [
        region("label", "labels", part | {"labels": ["Speech"]}),
        region("said", "textarea", part | {"text": ["good morning"]}),
        region("label", "labels", part | {"start": 2, "end": 3, "labels": ["Noise"]}, id="r2"),
    ]
    made = converted([task(7, {"audio": "/data/1.wav"}, *results)])
    assert made == [
        {"audio": "/data/1.wav", "start": 0.5, "end": 1.5, "label": "Speech", "text": "good morning", "id": 7},
        {"audio": "/data/1.wav", "start": 2, "end": 3, "label": "Noise", "id": 7},
    ]


def test_texts_as_answers_of_doccano_are_written() -> None:
    listed = [{"id": number, "text": f"un texte {number}", "label": [f"a long text, number {number}", "another"]} for number in range(30)]  # fmt: skip
    conversion = Conversion("doccano", "all.jsonl")
    prepare_labelled(listed, conversion)
    rows = [row for record in listed for row in convert_labelled(record, conversion)]
    assert rows[2]["target"] == "a long text, number 2"
    assert conversion.suggested == {"source": "text", "target": "target"}
    assert conversion.passed_over["other answers"] == 30


def test_a_passage_with_gaps_is_told() -> None:
    text = "pain in left and right knee"
    marks = f"T1\tSymptom 0 4;17 {len(text)}\tpain right knee\n"
    conversion = Conversion("brat", "doc")
    rows = list(brat.convert({"document": "a", "text": text, "brat": marks}, conversion))
    assert rows[0]["tags"] == ["B-Symptom", *["I-Symptom"] * 5]
    assert [told.chosen for told in conversion.readings() if told.what == "parted_spans"] == ["whole"]


def test_answers_of_prodigy_are_obeyed_without_its_hashes() -> None:
    spans = [{"start": 0, "end": 3, "label": "PER"}]
    kept = [{"text": f"Ann went {number}", "spans": spans, "answer": "accept"} for number in range(5)]
    rejected = {"text": "Bob went", "spans": spans, "answer": "reject"}
    assert prodigy.is_prodigy([*kept, rejected])
    conversion = Conversion("Prodigy", "out.jsonl")
    assert not list(prodigy.convert(rejected, conversion))
    assert conversion.left_out == {"rejected": 1}
