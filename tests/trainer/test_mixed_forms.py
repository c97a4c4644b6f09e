"""Rows whose answers are in another form than those of the others: each is read, or told by its number, and the rest is learned from."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.trainer.data_made import dataset, unmapped
from trainer.data.flag_columns import nearly_binary
from trainer.data.inspect import inspect
from trainer.data.mixed_lists import read_mixed_lists
from trainer.data.tables.conll import looks_like_conll
from trainer.data.tag_rows import tag_problems
from trainer.errors import DataError
from trainer.json_types import JsonObject

ROWS = 30
MARKED = [{"start": 0, "end": 4, "label": "person"}, {"start": 14, "end": 19, "label": "place"}]


def text_of(number: int) -> str:
    return f"Please help with order number {number} of the shop"


def read(place: Path, rows: list[dict[str, Any]], name: str = "data.jsonl") -> tuple[JsonObject, list[JsonObject]]:
    """(result, rows) of what was sent."""
    (place / name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return inspect([place / name], place / "v1"), pq.read_table(place / "v1/data.parquet").to_pylist()


def told(result: JsonObject, code: str) -> list[list[int]]:
    return [each["rows"] for each in result["problems"] if each["code"] == code]


def test_labels_that_are_no_lists_are_read_where_they_can_be(tmp_path: Path) -> None:
    rows = [{"text": text_of(n), "labels": ["late", "bug"][: n % 3]} for n in range(ROWS)]
    odd = ["late", "late; bug", "['late']", "late; never seen", {"late": 1}, [["late"], "bug"], 3]
    rows += [{"text": text_of(ROWS + n), "labels": cell} for n, cell in enumerate(odd)]
    result, kept = read(tmp_path, rows)
    assert result["suggestion"]["task"] == "multilabel-classification"
    lists = [row["labels"] and json.loads(row["labels"]) for row in kept[ROWS:]]
    assert lists == [["late"], ["late", "bug"], ["late"], ["late; never seen"], None, None, ["3"]]
    assert (told(result, "mixed_lists"), told(result, "unread_lists")) == ([[31, 32, 34, 37]], [[35, 36]])


def test_words_and_tags_that_are_no_lists_are_parted_at_blanks(tmp_path: Path) -> None:
    tags = ["B-person", "O", "O", "B-place"]
    rows: list[dict[str, Any]] = [{"tokens": ["Anna", "lives", "in", f"Rome{n}"], "tags": tags} for n in range(ROWS)]
    rows += [{"tokens": "Bo is  here", "tags": "B-person O O"}, {"tokens": "Bo left", "tags": ["O"]}]
    result, kept = read(tmp_path, rows)
    assert result["suggestion"]["task"] == "token-classification"
    assert [json.loads(kept[ROWS][name]) for name in ("tokens", "tags")] == [
        ["Bo", "is", "here"],
        ["B-person", "O", "O"],
    ]
    assert told(result, "mixed_lists") == [[31, 32], [31]]
    assert told(result, "unequal_tags") == [[32]]


@pytest.mark.parametrize("names", ["tokens,tags", "sentence,labels"])
def test_a_table_of_texts_with_a_tag_for_each_word(names: str, tmp_path: Path) -> None:
    lines = [names, *(f"Anna lives in Rome {n},B-person O O B-place O" for n in range(ROWS)), "Bo is here,O O"]
    (tmp_path / "data.csv").write_text("\n".join(lines))
    result = inspect([tmp_path / "data.csv"], tmp_path / "v1")
    tokens, tags = names.split(",")
    assert result["suggestion"]["columns"] == {"tokens": tokens, "tags": tags}
    assert result["suggestion"]["task"] == "token-classification"
    assert told(result, "unequal_tags") == [[31]]
    assert any(entry["what"].partition(":")[0] == "tagged_texts" for entry in result["reading"])


def test_files_of_tagged_words_are_still_known() -> None:
    lines = "EU\tNNP\tB-NP\tB-ORG\nrejects\tVBZ\tB-VP\tO\n, , O O\n\nPeter B-PER\nwent O\n"
    assert looks_like_conll(lines)
    assert not looks_like_conll('tokens,tags\n"a b","O O"\n"c d","B-X O"\n' * 9)


@pytest.mark.parametrize(
    "cells", [["[1] a note", "[2] another note"], ["plain", "words", '["a"]'], ["", None], ["[]", "[]", "['a', 'b']"]]
)
def test_other_columns_stay_as_they_are(cells: list[str | None]) -> None:
    made = unmapped(text=cells, other=["x"] * len(cells))
    read_mixed_lists(made)
    assert (made.column("text").to_pylist(), made.problems, made.readings) == (cells, [], [])


def test_a_few_other_cells_among_0_and_1_leave_out_their_rows_alone(tmp_path: Path) -> None:
    lines = ["text,joy,anger,calm", *(f"{text_of(n)},{n % 2},{n // 2 % 2},1" for n in range(40))]
    lines += [f"{text_of(40)},2,0,1", f"{text_of(41)},yes,0,1"]
    (tmp_path / "data.csv").write_text("\n".join(lines))
    result = inspect([tmp_path / "data.csv"], tmp_path / "v1")
    kept = pq.read_table(tmp_path / "v1/data.parquet").to_pylist()
    assert result["suggestion"]["task"] == "multilabel-classification"
    assert (kept[40]["labels"], json.loads(kept[41]["labels"])) == (None, ["joy", "calm"])
    assert told(result, "unread_flags") == [[41]]


def test_columns_with_many_other_cells_are_no_columns_of_0_and_1() -> None:
    flags, counts = ["0", "1"] * 20, ["0", "1", "2", "1"] * 10
    made = unmapped(text=[text_of(n) for n in range(40)], a=flags, b=flags, c=counts)
    assert nearly_binary(made, ["a", "b"]) == {}
    assert nearly_binary(made, ["a"]) == {}


def test_scores_far_outside_are_slips_and_no_wider_scale(tmp_path: Path) -> None:
    rows = [{"sentence1": text_of(n), "sentence2": f"Order {n} is late", "score": n % 6} for n in range(40)]
    rows += [{"sentence1": text_of(40 + n), "sentence2": "No", "score": score} for n, score in enumerate((100, -30))]
    result, _kept = read(tmp_path, rows)
    assert told(result, "score_out_of_range") == [[41, 42]]
    message = next(each["message"] for each in result["problems"] if each["code"] == "score_out_of_range")
    assert "0 – 5" in message


def test_texts_whose_passages_lie_outside_are_not_learned_from_as_empty(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": f"Anna lives in Paris {n}", "entities": MARKED} for n in range(ROWS)]
    rows += [{"text": "Bo is here", "entities": [{"start": 90, "end": 92, "label": "person"}]}]
    rows += [{"text": "Anna is here", "entities": [MARKED[0], {"start": -3, "end": 2, "label": "person"}]}]
    result, kept = read(tmp_path, rows)
    assert [json.loads(row["tokens"])[0] for row in kept[ROWS:]] == ["Anna"]
    left = {each["reason"]: each for each in result["left_out"]}
    assert left["outside_text"]["examples"] == ["31: Bo is here", "32: Anna is here"]
    assert left["misplaced"]["count"] == 1
    (tmp_path / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[ROWS : ROWS + 1] * 20))
    with pytest.raises(DataError, match="20 records have all their marked passages outside their texts") as raised:
        inspect([tmp_path / "all.jsonl"], tmp_path / "v2")
    assert raised.value.hint


def test_more_types_of_passages_than_a_path_can_be_found_among() -> None:
    tokens = [json.dumps(["Anna", "left"])] * 1_200
    made = dataset(
        "token-classification", tokens=tokens, tags=[json.dumps([f"B-{n % 600}", "O"]) for n in range(1_200)]
    )
    (problem,) = [each for each in tag_problems(made) if each["severity"] == "error"]
    assert (problem["code"], problem["count"]) == ("too_many_labels", 600)
    assert "at most 500" in problem["message"]
