"""More forms of labels as people keep them: marks that divide few combinations, columns label_1 and label_2, labels that no row has yet,
legends, votes that are kept apart, shares in per cent, numbers with a sign."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.trainer.data_files import picture, zipped
from tests.trainer.data_made import unmapped
from trainer.data.class_names import names_of_most, parse_legend
from trainer.data.flag_columns import binary_columns, holds_only, is_never_set
from trainer.data.inspect import inspect
from trainer.data.label_columns import guess_separator, possible_separator
from trainer.data.row_keys import spelling_of
from trainer.json_types import JsonObject

ROWS = 40


def text_of(number: int) -> str:
    return f"Please help with order number {number} of the shop"


def read(
    place: Path, header: str, cells: list[str], files: dict[str, str] | None = None, **options: Any
) -> tuple[JsonObject, list[JsonObject]]:
    """(result, rows) of a table of texts with `cells[n % len(cells)]` behind each."""
    place.mkdir(exist_ok=True)
    lines = [header, *(f"{text_of(n)},{cells[n % len(cells)]}" for n in range(ROWS))]
    for name, content in {"data.csv": "\n".join(lines), **(files or {})}.items():
        (place / name).write_text(content)
    paths = [place / "data.csv", *(place / name for name in files or {})]
    return inspect(paths, place / "v1", **options), pq.read_table(place / "v1/data.parquet").to_pylist()


def reading(result: JsonObject, what: str) -> JsonObject:
    return next(entry for entry in result["reading"] if entry["what"].partition(":")[0] == what)


MARKS = {";": "; ", "|": "|", "newline": "\n", ",": ", ", "/": "/", "#": " #"}


@pytest.mark.parametrize("mark", MARKS)
def test_marks_divide_few_combinations_too(mark: str, tmp_path: Path) -> None:
    """One label of three comes in one combination alone."""
    start = "#" if mark == "#" else ""
    cells = [
        f'"{start}{MARKS[mark].join(labels)}"'
        for labels in (["late", "refund"], ["praise"], ["bug", "late"], ["refund"])
    ]
    result, rows = read(tmp_path / "a", "text,labels", cells)
    assert (reading(result, "separator")["chosen"], result["suggestion"]["task"]) == (mark, "multilabel-classification")
    assert json.loads(rows[2]["labels"]) == ["bug", "late"]
    _result, rows = read(tmp_path / "b", "text,labels", cells, readings={"separator:labels": "keep"})
    assert rows[2]["labels"] == cells[2].strip('"')


def test_words_between_blanks_are_labels_where_they_combine(tmp_path: Path) -> None:
    cells = ["clear primary", "clear water primary", "haze primary", "haze water", "clear water", "haze primary water"]
    assert guess_separator(cells * 5) == " "
    assert guess_separator(["New York", "New Jersey", "York"] * 9) is None
    assert (
        guess_separator(["good (0.8)", "good (0.9)", "bad (0.8)", "bad (0.9)", "bad (0.7)", "good (0.7)"] * 9) is None
    )
    result, rows = read(tmp_path, "text,tags", cells)
    assert (reading(result, "separator")["chosen"], reading(result, "separator")["doubt"]) == ("space", True)
    assert json.loads(rows[1]["tags"]) == ["clear", "water", "primary"]


def test_a_mark_that_may_divide_is_a_doubt(tmp_path: Path) -> None:
    cells = ["late / parcel", "late / letter", "app / crash", "web / crash", "praise", "thanks"]
    assert possible_separator(["Sci-Fi/Fantasy", "Drama"]) is None
    result, rows = read(tmp_path / "a", "text,category", cells)
    asked = reading(result, "separator")
    assert (asked["chosen"], asked["others"], asked["doubt"], rows[0]["category"]) == (
        "keep",
        ["/"],
        True,
        "late / parcel",
    )
    _result, rows = read(tmp_path / "b", "text,category", cells, readings={"separator:category": "/"})
    assert json.loads(rows[0]["category"]) == ["late", "parcel"]


@pytest.mark.parametrize(
    "header", ["text,label1,label2,label3", "text,tag_1,tag_2,tag_3", "text,Category 1,Category 2,Category 3"]
)
def test_columns_of_labels_by_number_are_a_list(header: str, tmp_path: Path) -> None:
    cells = ["late,refund,", "bug,,", "praise,rude,late"]
    result, rows = read(tmp_path / "a", header, cells)
    assert [json.loads(row["labels"]) for row in rows[:3]] == [["late", "refund"], ["bug"], ["praise", "rude", "late"]]
    others = ["votes", "keep"] if "label1" in header else ["keep"]
    assert (reading(result, "label_columns")["others"], reading(result, "label_columns")["doubt"]) == (others, True)
    assert result["suggestion"]["task"] == "multilabel-classification"
    result, rows = read(tmp_path / "b", header, cells, readings={"label_columns": "keep"})
    assert "labels" not in rows[0]
    assert reading(result, "label_columns")["others"] == ["labels", *others[:-1]]


def test_columns_of_labels_by_number_are_a_doubt_that_can_be_votes(tmp_path: Path) -> None:
    """The second annotator was asked only where the first was unsure."""
    cells = ["neg,pos", "neg,", "pos,neg", "pos,"]
    result, rows = read(tmp_path / "a", "text,label_1,label_2", cells)
    asked = reading(result, "label_columns")
    assert (asked["chosen"], asked["others"], asked["confidence"]) == ("labels", ["votes", "keep"], 0.55)
    assert json.loads(rows[0]["labels"]) == ["neg", "pos"]
    result, rows = read(tmp_path / "b", "text,label_1,label_2", cells, readings={"label_columns": "votes"})
    assert [row["label"] for row in rows[:4]] == ["neg", "neg", "pos", "pos"]
    assert reading(result, "label_columns")["others"] == ["labels", "keep"]


def test_levels_of_categories_are_kept_and_may_be_labels(tmp_path: Path) -> None:
    cells = ["cars,engine", "cars,", "food,bread", "food,other", "other,"]
    result, rows = read(tmp_path / "a", "text,category_1,category_2", cells)
    asked = reading(result, "label_columns")
    assert (asked["chosen"], asked["others"], asked["doubt"], "labels" in rows[0]) == ("keep", ["labels"], True, False)
    _result, rows = read(tmp_path / "b", "text,category_1,category_2", cells, readings={"label_columns": "labels"})
    assert json.loads(rows[0]["labels"]) == ["cars", "engine"]


@pytest.mark.parametrize("cells", [[",late", "bug,", "late,bug"], ["late,bug", "bug,late"], ["late,late", "bug,"]])
def test_columns_with_gaps_in_front_or_no_gaps_are_no_list(cells: list[str], tmp_path: Path) -> None:
    result, rows = read(tmp_path, "text,topic_1,topic_2", cells)
    assert "labels" not in rows[0]
    assert "label_columns" not in [entry["what"] for entry in result["reading"]]


@pytest.mark.parametrize("header", ["text,topic_1,topic_2,topic_3", "text,Tags 1,Tags 2,Tags 3"])
@pytest.mark.parametrize("cells", [["0,1,1", "1,0,0", "0,1,0"], ["yes,,", ",yes,", ",,yes"]])
def test_columns_of_yes_and_no_by_number_are_labels_by_their_names(
    header: str, cells: list[str], tmp_path: Path
) -> None:
    names = header.split(",")[1:]
    set_in = [[name for name, cell in zip(names, row.split(","), strict=True) if cell in ("1", "yes")] for row in cells]
    _result, rows = read(tmp_path, header, cells, readings={"label_columns": "labels"})
    told = [json.loads(row["labels"]) if "labels" in row else [row["label"]] for row in rows[:3]]
    assert told == set_in


def test_columns_that_say_the_same_are_votes_and_can_be_kept(tmp_path: Path) -> None:
    cells = ["late,late,bug", "bug,bug,bug", "praise,praise,"]
    result, rows = read(tmp_path / "a", "text,label_1,label_2,label_3", cells)
    assert (reading(result, "votes")["chosen"], reading(result, "votes")["others"], rows[0]["label"]) == (
        "majority",
        ["keep"],
        "late",
    )
    result, rows = read(tmp_path / "b", "text,label_1,label_2,label_3", cells, readings={"votes": "keep"})
    assert (reading(result, "votes")["others"], "label" in rows[0]) == (["majority"], False)


def test_a_label_that_no_row_has_is_one_of_the_columns(tmp_path: Path) -> None:
    result, rows = read(tmp_path, "text,toxic,obscene,insult,threat", ["1,0,1,0", "0,0,0,0", "1,1,0,0"])
    assert "threat" in reading(result, "label_columns")["sentence"]
    assert json.loads(rows[2]["labels"]) == ["toxic", "obscene"]


def test_two_columns_of_yes_and_no_are_a_doubt(tmp_path: Path) -> None:
    result, rows = read(tmp_path / "a", "text,late,broken", ["1,0", "0,1", "1,1"])
    asked = reading(result, "label_columns")
    assert (asked["chosen"], asked["others"], asked["doubt"], "late" in rows[0]) == ("keep", ["labels"], True, True)
    _result, rows = read(
        tmp_path / "b", "text,late,broken", ["1,0", "0,1", "1,1"], readings={"label_columns": "labels"}
    )
    assert [json.loads(row["labels"]) for row in rows[:3]] == [["late"], ["broken"], ["late", "broken"]]


LEGENDS = {
    "legend.csv": "id,name\n0,late\n1,praise\n2,bug\n",
    "classes.tsv": "class\tdescription\n0\tlate\n1\tpraise\n2\tbug\n",
    "names.csv": "label_name;label_id\nlate;0\npraise;1\nbug;2\n",
}


@pytest.mark.parametrize("name", LEGENDS)
def test_a_table_of_ids_and_names_beside(name: str, tmp_path: Path) -> None:
    result, _rows = read(tmp_path, "text,label", ["0", "1", "2"], {name: LEGENDS[name]})
    assert {label["label"] for label in result["labels"]} == {"late", "praise", "bug"}
    assert not result["left_out"]


@pytest.mark.parametrize(
    "content",
    [
        "text,label\nhello,1\nyou,2\n",
        "id,name\n0,late\n1,late\n",
        "id,name,price\n0,late,3\n",
        "id,price\n0,3\n1,4\n",
        "a\nb\n",
    ],
)
def test_other_small_tables_are_no_legends(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(content)
    assert parse_legend(tmp_path / "a.csv", "a.csv") == {}
    assert parse_legend(tmp_path / "a.csv", "a.json") == {}


def test_names_that_no_column_has_ids_of_are_told(tmp_path: Path) -> None:
    result, _rows = read(tmp_path, "text,label", ["late", "praise"], {"classes.txt": "one\ntwo\n"})
    assert [(entry["reason"], entry["count"], entry["file"]) for entry in result["left_out"]] == [
        ("unused_names", 2, "classes.txt")
    ]


def test_ids_counted_from_1_in_a_table_without_a_header(tmp_path: Path) -> None:
    lines = [f'"{n % 4 + 1}","Title of story {n}","{text_of(n)}"' for n in range(ROWS)]
    (tmp_path / "train.csv").write_text("\n".join(lines))
    (tmp_path / "classes.txt").write_text("World\nSports\nBusiness\nSci/Tech\n")
    result = inspect([tmp_path / "train.csv", tmp_path / "classes.txt"], tmp_path / "v1")
    assert {label["label"]: label["count"] for label in result["labels"]} == dict.fromkeys(
        ["World", "Sports", "Business", "Sci/Tech"], 10
    )


def test_shares_in_per_cent_are_probabilities(tmp_path: Path) -> None:
    result, rows = read(tmp_path, "text,late,praise,bug", ["70%,20%,10%", "10 %,80 %,10 %", "5%,5%,90%"])
    assert [row["label"] for row in rows[:3]] == ["late", "praise", "bug"]
    assert reading(result, "probabilities")["chosen"] == "argmax"


def test_numbers_of_two_signs_are_two_labels(tmp_path: Path) -> None:
    result, _rows = read(tmp_path, "text,label", ["1", "-1", "0"])
    assert "label_variants" not in [problem["code"] for problem in result["problems"]]
    assert spelling_of("-1") != spelling_of("1")
    assert spelling_of("-good") == spelling_of("Good")


@pytest.mark.parametrize("late", ["0", "?", "7"])
def test_a_late_id_without_a_name_moves_no_names_of_the_others(late: str, tmp_path: Path) -> None:
    cells = [*("1", "2", "3") * 700, late]
    lines = ["text,label", *(f"{text_of(n)},{cell}" for n, cell in enumerate(cells))]
    (tmp_path / "data.csv").write_text("\n".join(lines))
    (tmp_path / "classes.txt").write_text("cat\ndog\nbird\n")
    result = inspect([tmp_path / "data.csv", tmp_path / "classes.txt"], tmp_path / "v1")
    assert {label["label"]: label["count"] for label in result["labels"]} == {"cat": 700, "dog": 700, "bird": 700} | {late: 1}  # fmt: skip
    assert f"which has none for “{late}”" in reading(result, "label_names")["sentence"]


COUNTS = {
    "all have names": ({"0": 9, "1": 9}, {"0": "a", "1": "b"}),
    "from 1": ({"1": 9, "2": 9, "3": 9}, {"1": "a", "2": "b", "3": "c"}),
    "from 1 and one rare": ({"1": 900, "2": 900, "3": 900, "0": 1}, {"1": "a", "2": "b", "3": "c"}),
    "from 0 and a rare one": ({"0": 900, "1": 900, "2": 2, "9": 1}, {"0": "a", "1": "b", "2": "c"}),
    "zeros in front": ({"00": 900, "01": 900, "x": 1}, {"00": "a", "01": "b"}),
    "neither fits": ({"0": 9, "1": 9, "2": 9, "3": 9}, {}),
    "none": ({}, {}),
}


@pytest.mark.parametrize("case", COUNTS)
def test_where_counting_begins_is_said_by_all_ids(case: str) -> None:
    counts, named = COUNTS[case]
    assert names_of_most({"0": "a", "1": "b", "2": "c"}, counts) == named


def test_columns_are_looked_at_only_until_they_cannot_be_of_yes_and_no() -> None:
    texts = ["no"] * 3_000 + [f"text {n}" for n in range(60_000)]
    columns = {"text": texts, "a": ["0", "1"] * 31_500, "b": ["1", "0"] * 31_500, "c": ["0"] * 63_000}
    made = unmapped(**columns)
    assert binary_columns(made) == ["a", "b", "c"]
    assert not holds_only(made, "text", {"no"})
    assert is_never_set(made, "c")
    assert not is_never_set(made, "text")


# Ids between commas, which are decimal marks elsewhere


IDS = ["3", "3,10", "27", "5", "3,10,27", "10", "5,27", "3", "10,27,5", "5"]
EMOTIONS = {f"emotion{number}": number for number in range(28)}


def table_of_ids(place: Path, cells: list[str], names: str | None = None) -> tuple[JsonObject, list[JsonObject]]:
    """(result, rows) of a file without a header, as GoEmotions is published; `names`: the name of a file of names beside it."""
    lines = [f"{text_of(n)}\t{cells[n % len(cells)]}\teew{n:04x}" for n in range(60)]
    (place / "train.tsv").write_text("\n".join(lines))
    paths = [place / "train.tsv"]
    if names:
        (place / names).write_text("\n".join(EMOTIONS))
        paths.append(place / names)
    return inspect(paths, place / "v1"), pq.read_table(place / "v1/data.parquet").to_pylist()


def test_ids_between_commas_are_several_labels(tmp_path: Path) -> None:
    result, rows = table_of_ids(tmp_path, IDS)
    assert result["suggestion"]["task"] == "multilabel-classification"
    assert [json.loads(row["column_2"]) for row in rows[:5]] == [["3"], ["3", "10"], ["27"], ["5"], ["3", "10", "27"]]
    assert reading(result, "separator")["chosen"] == ","


@pytest.mark.parametrize("names", ["emotions.txt", "labels.txt", "classes.txt"])
def test_a_file_beside_names_ids_in_lists(tmp_path: Path, names: str) -> None:
    result, rows = table_of_ids(tmp_path, IDS, names)
    assert [json.loads(row["column_2"]) for row in rows[:2]] == [["emotion3"], ["emotion3", "emotion10"]]
    assert reading(result, "label_names")["chosen"] == "file"
    assert not [left for left in result["left_out"] if left["code"] == "unused_names"]


@pytest.mark.parametrize(
    "cells",
    [
        ["3", "3,10", "27,5", "5"],
        ["1,200", "1,200,300", "2,500,000", "7,000"],
        ["1,5", "2,25,1.5", "3,5", "4"],
        ["3,3,3", "3,3,10", "5,5,5", "3"],
        ["12,7,88", "45,6,13", "78,9,31", "14,15,92"],
    ],
    ids=["decimals", "thousands", "not whole", "one twice", "coordinates"],
)
def test_other_numbers_with_commas_are_no_lists(tmp_path: Path, cells: list[str]) -> None:
    result, _rows = table_of_ids(tmp_path, cells)
    assert result["suggestion"]["task"] != "multilabel-classification"


@pytest.mark.parametrize(
    ("cells", "chosen"),
    [
        (["1,0,0", "0,1,0", "1,0,1", "0,0,1", "0,1,1"], "labels"),
        (["1,1,1", "0,0,0", "1,1,0", "0,0,0", "1,1,1"], "votes"),
    ],
)
def test_numbered_columns_of_0_and_1_are_labels_or_people(cells: list[str], chosen: str, tmp_path: Path) -> None:
    result, rows = read(tmp_path, "text,label_1,label_2,label_3", cells)
    told = reading(result, "label_columns")
    assert (told["chosen"], told["doubt"]) == (chosen, True)
    assert {told["chosen"], *told["others"]} == {"labels", "votes", "keep"}
    first = {key: rows[2].get(key) for key in ("labels", "label")}
    expected = (
        {"labels": '["label_1", "label_3"]', "label": None} if chosen == "labels" else {"labels": None, "label": "1"}
    )
    assert first == expected


def test_several_labels_of_images_are_said_not_to_be_learned(tmp_path: Path) -> None:
    files = {f"{n}.png": picture(n * 5) for n in range(12)}
    names = ["file,labels", *(f"{n}.png,{'cat;dog' if n % 2 else 'cat' if n % 3 else 'owl;dog'}" for n in range(12))]
    path = zipped(tmp_path / "a.zip", files | {"labels.csv": "\n".join(names).encode()})
    result = inspect([path], tmp_path / "v1")
    assert (result["suggestion"]["task"], result["suggestion"]["trainable"]) == (None, False)
    assert "several_labels" in {problem["code"] for problem in result["problems"]}
