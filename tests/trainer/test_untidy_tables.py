"""Tables whose cells say together what one alone leaves open: decimal marks, commas in texts, fields in rows, pairs of texts, empty lists."""

import json
from pathlib import Path

import pytest

from tests.trainer.box_files import kitti
from tests.trainer.data_files import zipped
from tests.trainer.data_made import dataset, records, texts, unmapped
from trainer.data.column_readings import read_columns
from trainer.data.columns import map_columns
from trainer.data.dataset import Dataset
from trainer.data.inspect import inspect
from trainer.data.mixed_lists import read_mixed_lists
from trainer.data.readings import Choices
from trainer.data.tables.formats import open_table
from trainer.data.tables.open_texts import open_column
from trainer.data.tables.turned import turn_of
from trainer.errors import DataError

GERMAN = {
    "Stadt": [f"Stadt {n}" for n in range(20)],
    "Einwohner": [f"{n + 100}.{n + 200}" for n in range(20)],
    "Fläche": [f"{n},5" for n in range(20)],
}


# Decimal marks


def mark_of(made: Dataset, name: str) -> str:
    return next(column for column in made.profile if column["name"] == name).get("decimal", ".")


@pytest.mark.parametrize(("other", "mark"), [("{},5", ","), ("{}.5", ".")])
def test_a_mark_that_a_column_leaves_open_is_that_of_the_others(other: str, mark: str) -> None:
    made = unmapped(**GERMAN | {"Fläche": [other.format(n) for n in range(20)]})
    map_columns(made, None, None)
    read_columns(made, Choices())
    told = next(reading for reading in made.readings if reading["what"] == "decimal:Einwohner")
    assert (mark_of(made, "Einwohner"), told["doubt"], told["asked"]) == (mark, False, False)


def test_a_mark_stays_a_doubt_where_no_other_column_tells_it() -> None:
    made = unmapped(**GERMAN | {"Fläche": [str(n) for n in range(20)]})
    map_columns(made, None, None)
    read_columns(made, Choices())
    assert [reading["what"] for reading in made.readings if reading["doubt"]] == ["decimal:Einwohner"]


def test_a_mark_that_somebody_chose_stays() -> None:
    made = unmapped(**GERMAN)
    map_columns(made, None, None)
    read_columns(made, Choices({"decimal:Einwohner": "point"}))
    assert mark_of(made, "Einwohner") == "."


# Commas in texts


def test_commas_in_a_text_that_nothing_encloses_are_part_of_it(tmp_path: Path) -> None:
    said = [f"hello {n}" + ", and then" * (n % 3) for n in range(30)]
    (tmp_path / "chat.csv").write_text("id,text,label\n" + "".join(f"{n},{text},{'ab'[n % 2]}\n" for n, text in enumerate(said)))  # fmt: skip
    read = open_table(tmp_path / "chat.csv")
    assert [row["text"] for row in records(read)] == said
    assert [(told.chosen, told.confidence < 0.9) for told in read.readings if told.what == "open_text"] == [("text", True)]  # fmt: skip
    assert read.bad_count == 0


def test_commas_are_kept_apart_where_somebody_wants_it(tmp_path: Path) -> None:
    said = [f"hello {n}" + ", and then" * (n % 2) for n in range(30)]
    (tmp_path / "chat.csv").write_text("id,text,label\n" + "".join(f"{n},{text},a\n" for n, text in enumerate(said)))
    read = open_table(tmp_path / "chat.csv", choices=Choices({"open_text": "apart"}))
    assert (len(records(read)), read.bad_count) == (15, 15)


@pytest.mark.parametrize(
    ("names", "row"),
    [
        (["id", "text", "title"], ["1", "a", " b", "c"]),  # two columns of texts
        (["id", "name", "label"], ["1", "a", " b", "c"]),  # none
        (["id", "text", "label"], ["1", "a", " b", " c d"]),  # the text goes on where the label should be
        (["id", "text", "label"], ["1", 'a "quoted"', " b", "c"]),
        (["id", "text", "label"], ["1", "a text", "b", "0"]),  # a column without a name
    ],
)
def test_fields_too_many_are_not_put_together_without_need(names: list[str], row: list[str]) -> None:
    from trainer.data.tables.dialects import Dialect

    assert open_column(names, [row] * 10, Dialect(",")) == -1


# Fields in rows


def test_rows_of_numbers_of_marks_and_of_words_are_fields() -> None:
    rows = [["Sample", "Age", "Marker", "Relapse"], *([f"S{n}", str(20 + n), f"{n}.5", "yes" if n % 2 else "no"] for n in range(12))]  # fmt: skip
    assert turn_of([*zip(*rows, strict=True)]) > 0.5
    assert turn_of(rows) == 0


# Forms of cells


def test_empty_lists_beside_answers_empty_none_of_them() -> None:
    answers = [json.dumps([{"text": "Oslo", "answer_start": n}]) if n % 2 else "[]" for n in range(20)]
    made = unmapped(question=texts(20), context=texts(20), answers=answers)
    read_mixed_lists(made)
    assert made.table.column("answers").to_pylist() == answers
    assert made.problems == []


def test_a_document_that_was_encoded_twice_is_read(tmp_path: Path) -> None:
    listed = [{"text": f"message {n}", "label": "ab"[n % 2]} for n in range(10)]
    (tmp_path / "twice.json").write_text(json.dumps(json.dumps(listed)))
    assert records(open_table(tmp_path / "twice.json")) == listed


def test_a_table_whose_first_cell_is_json_is_a_table(tmp_path: Path) -> None:
    rows = "".join(f'"{{""a"": {n}}}",x{n % 2}\n' for n in range(10))
    (tmp_path / "cells.csv").write_text('"[""raw""]",label\n' + rows)
    assert len(records(open_table(tmp_path / "cells.csv"))) == 10


# What is to be predicted


@pytest.mark.parametrize("labels", [["entailment", "neutral", "contradiction"], ["0", "1", "2"]])
def test_a_pair_of_sentences_with_a_class_is_read_together(labels: list[str]) -> None:
    made = dataset(premise=texts(30), hypothesis=[f"other {text}" for text in texts(30)], label=labels * 10)
    assert (made.task, made.roles) == ("tabular-classification", {"target": "label"})


def test_numbers_of_phones_are_no_text() -> None:
    made = dataset(phone=[f"+49 151 234500{n:02}" for n in range(40)], status=["late", "paid"] * 20)
    assert (made.task, made.roles) == ("tabular-classification", {"target": "status"})


# Archives


def test_what_kitti_says_of_its_cameras_is_no_box(tmp_path: Path) -> None:
    files = dict(kitti())
    calibration = {
        name.replace("label_2", "calib"): b"P0: 7.2e+02 0 6.0e+02 0\n" for name in files if "label_2" in name
    }
    result = inspect([zipped(tmp_path / "kitti.zip", files | calibration)], tmp_path / "v1")
    assert calibration
    assert "bad_boxes" not in {problem["code"] for problem in result["problems"]}


def test_tfrecord_beside_notes_is_named(tmp_path: Path) -> None:
    files = {"train/parts.tfrecord": b"\x10" + bytes(60), "README.roboflow.txt": b"parts - v1\n", "README.dataset.txt": b"# parts\n"}  # fmt: skip
    with pytest.raises(DataError) as refused:
        inspect([zipped(tmp_path / "parts.zip", files)], tmp_path / "v1")
    assert refused.value.code == "not_a_table"
    assert ".tfrecord" in str(refused.value.hint)


# Several tables and files


def test_the_larger_of_two_tables_below_each_other_is_read(tmp_path: Path) -> None:
    customers = "".join(f"{n},N{n},Oslo\n" for n in range(8))
    tickets = "".join(f"{n},{n % 8},message {n} of them,{'ab'[n % 2]}\n" for n in range(30))
    (tmp_path / "both.csv").write_text(
        f"Customers\nid,name,city\n{customers}\nTickets\nid,customer,text,label\n{tickets}"
    )
    read = open_table(tmp_path / "both.csv")
    told = next(reading for reading in read.readings if reading.what == "header")
    assert (len(records(read)), read.columns, read.bad_count) == (30, ["id", "customer", "text", "label"], 0)
    assert [entry.count for entry in read.left_out] == [11]
    assert (told.confidence < 0.9, [choice.value for choice in told.others]) == (True, ["2", "0"])
    smaller = open_table(tmp_path / "both.csv", header=2)
    assert smaller.columns == ["id", "name", "city"]


def test_a_description_of_the_columns_is_no_table_beside_them(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("Id,Street,Price\n" + "".join(f"{n},Pave,{n * 7 % 31}\n" for n in range(40)))
    (tmp_path / "data_description.txt").write_text("Street: Type of road\n\n  Grvl\tGravel\n  Pave\tPaved\n")
    result = inspect([tmp_path / "train.csv", tmp_path / "data_description.txt"], tmp_path / "v1")
    assert (result["rows"], [reading for reading in result["reading"] if reading["doubt"]]) == (40, [])
    assert [(told["reason"], told["file"]) for told in result["left_out"]] == [("other_kind", "data_description.txt")]


def test_a_description_alone_is_read(tmp_path: Path) -> None:
    (tmp_path / "codebook.txt").write_text("One paragraph of words here.\n\nAnother paragraph of words there.\n" * 4)
    assert inspect([tmp_path / "codebook.txt"], tmp_path / "v1")["rows"] > 0


@pytest.mark.parametrize(
    "name", ["license_plates.txt", "field_notes_2024.txt", "data_info_part1.txt", "field_notes.txt"]
)
def test_rows_in_a_file_that_is_only_named_like_notes_are_read(name: str, tmp_path: Path) -> None:
    for number, file in enumerate((name, "other_signs.txt")):
        rows = [f"{number}{row} AB {row % 7},{'ab'[row % 2]}" for row in range(20)]
        (tmp_path / file).write_text("\n".join(["plate,label", *rows]), "utf-8")
    assert inspect([tmp_path / name, tmp_path / "other_signs.txt"], tmp_path / "v1")["rows"] == 40


@pytest.mark.parametrize(
    "name", ["README.txt", "license.md", "data_description.txt", "codebook.txt", "README.dataset.txt"]
)
def test_notes_beside_a_table_are_told(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("age: of the person\nlabel: what is asked for\n", "utf-8")
    (tmp_path / "rows.csv").write_text(
        "\n".join(["age,label", *(f"{row},{'ab'[row % 2]}" for row in range(20))]), "utf-8"
    )
    result = inspect([tmp_path / "rows.csv", tmp_path / name], tmp_path / "v1")
    assert (result["rows"], [entry["file"] for entry in result["left_out"]]) == (20, [name])
