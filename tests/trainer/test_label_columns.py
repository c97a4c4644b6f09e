"""Labels as people keep them come to one column that a task can learn, and how they were read is told."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from trainer.data.class_names import parse_names
from trainer.data.inspect import inspect
from trainer.data.label_columns import guess_separator, parse_literal

WORDS = ("refund", "login", "invoice")
SETS = [("refund",), ("login", "invoice"), ("invoice",), ("refund", "login")]


def text_of(number: int) -> str:
    return f"Please help with order number {number} of the shop"


def read(
    lines: list[str], place: Path, others: dict[str, str] | None = None, **options: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    files = {"data.csv": "\n".join(lines), **(others or {})}
    for name, content in files.items():
        (place / name).write_text(content, "utf-8")
    result = inspect([place / name for name in files], place / "v1", **options)
    return result, pq.read_table(place / "v1" / "data.parquet").to_pylist()


def reading(result: dict[str, Any], what: str) -> dict[str, Any]:
    return next(entry for entry in result["reading"] if entry["what"].startswith(what))


FORMS: dict[str, Any] = {
    "python": lambda labels: '"' + str(list(labels)) + '"',
    "python tuples": lambda labels: '"' + str(tuple(labels)) + '"',
    "numpy": lambda labels: '"[' + " ".join(f"'{label}'" for label in labels) + ']"',
    "bare": lambda labels: '"[' + ", ".join(labels) + ']"',
    "json": lambda labels: '"' + json.dumps(list(labels)).replace('"', '""') + '"',
    "semicolons": "; ".join,
    "bars": "|".join,
    "commas": lambda labels: '"' + ", ".join(labels) + '"',
    "slashes": "/".join,
}


@pytest.mark.parametrize("form", FORMS)
def test_several_labels_in_a_cell(form: str, tmp_path: Path) -> None:
    lines = ["text,labels", *(f"{text_of(n)},{FORMS[form](SETS[n % 4])}" for n in range(60))]
    result, rows = read(lines, tmp_path)
    assert result["suggestion"]["task"] == "multilabel-classification"
    assert result["suggestion"]["columns"] == {"text": "text", "labels": "labels"}
    assert [json.loads(row["labels"]) for row in rows[:4]] == [list(labels) for labels in SETS]


def test_one_label_of_two_words_stays_one(tmp_path: Path) -> None:
    """A slash within a label is not a separator where its parts never stand alone; and a person may keep the cells."""
    assert guess_separator(["Sci-Fi/Fantasy", "Crime/Thriller", "Drama"] * 20) is None
    lines = ["text,tags", *(f"{text_of(n)},{'; '.join(SETS[n % 4])}" for n in range(60))]
    result, rows = read(lines, tmp_path, readings={"separator:tags": "keep"})
    assert rows[1]["tags"] == "login; invoice"
    assert reading(result, "separator")["others"] == [";"]


def test_columns_of_yes_and_no_are_labels(tmp_path: Path) -> None:
    lines = ["id,comment_text,toxic,obscene,insult"]
    lines += [f"{n:016x},{text_of(n)},{n % 2},{int(n % 3 == 0)},{int(n % 5 == 0)}" for n in range(60)]
    result, rows = read(lines, tmp_path)
    assert (result["suggestion"]["task"], rows[0]["labels"], rows[1]["labels"]) == (
        "multilabel-classification",
        '["obscene", "insult"]',
        '["toxic"]',
    )
    assert reading(result, "label_columns")["others"] == ["keep"]


def test_columns_of_which_each_row_has_one_are_one_label(tmp_path: Path) -> None:
    lines = ["text,refund,login,invoice"]
    lines += [f"{text_of(n)}," + ",".join("yes" if n % 3 == place else "no" for place in range(3)) for n in range(60)]
    result, rows = read(lines, tmp_path)
    assert (result["suggestion"]["task"], rows[1]["label"]) == ("text-classification", "login")


def test_columns_of_a_table_stay(tmp_path: Path) -> None:
    """Beside numbers, yes and no are what a model reads."""
    lines = ["age,smoker,married,insured,churned"]
    lines += [f"{20 + n},{n % 2},{n % 3 % 2},{n % 5 % 2},{n % 7 % 2}" for n in range(60)]
    result, rows = read(lines, tmp_path)
    assert set(rows[0]) == {"age", "smoker", "married", "insured", "churned"}
    assert result["suggestion"]["task"] == "tabular-classification"


@pytest.mark.parametrize("header", ["annotator_1,annotator_2,annotator_3", "label_Ann,label_Bob,label_Cy", "Ann's label,Bob's label,Cy's label"])  # fmt: skip
def test_votes_of_several_people_give_the_majority(header: str, tmp_path: Path) -> None:
    lines = [f"text,{header}"]
    lines += [f"{text_of(n)},{WORDS[n % 3]},{WORDS[n % 3]},{'login' if n % 2 else WORDS[n % 3]}" for n in range(60)]
    result, rows = read(lines, tmp_path)
    assert result["suggestion"]["columns"] == {"text": "text", "label": "label"}
    assert [(row["label"], row["label agreement"]) for row in rows[:4]] == [("refund", "1"), ("login", "1"), ("invoice", "1"), ("refund", "0.667")]  # fmt: skip
    assert "20 rows" in reading(result, "votes")["sentence"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("classes.txt", "refund\nlogin\ninvoice\n"),
        ("labels.txt", "0 refund\n1 login\n2 invoice\n"),
        ("label_map.json", '{"refund": 0, "login": 1, "invoice": 2}'),
        ("id2label.json", '{"0": "refund", "1": "login", "2": "invoice"}'),
        ("label_names.json", '["refund", "login", "invoice"]'),
    ],
)
def test_numbers_get_their_names_from_the_file_beside(name: str, content: str, tmp_path: Path) -> None:
    lines = ["text,label", *(f"{text_of(n)},{n % 3}" for n in range(60))]
    result, rows = read(lines, tmp_path, {name: content})
    assert [row["label"] for row in rows[:3]] == list(WORDS)
    assert reading(result, "label_names")["chosen"] == "file"


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("['a', 'b']", ["a", "b"]),
        ("[\"a\", 'b']", ["a", "b"]),
        ("{'b', 'a'}", ["a", "b"]),
        ("[]", []),
        ("['a' 'b c']", ["a", "b c"]),
        ("[{'role': 'user', 'content': None}]", [{"role": "user", "content": None}]),
        ("[a, b c]", ["a", "b c"]),
        ("__import__('os').system('x')", None),
        ("[1" * 5000, None),
        ("[open('x')]", None),
        ("(1.200,50)", None),
        ("(1, 2)", [1, 2]),
    ],
)
def test_a_literal_is_read_and_nothing_is_run(cell: str, value: object) -> None:
    assert parse_literal(cell) == value


def test_a_file_that_is_no_list_of_names_gives_none(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text('{"rows": [{"text": "a"}]}', "utf-8")
    (tmp_path / "names.txt").write_bytes(b"\xff\xfe\x00")
    assert [parse_names(tmp_path / name) for name in ("labels.json", "names.txt", "gone.txt")] == [{}, {}, {}]
