"""Two artifacts side by side: the rows that changed sides for every kind of answer, and the command `compare`."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.trainer import command
from trainer import answers
from trainer.tasks.tabular_classification import TabularClassification
from trainer.tasks.text_classification import TextClassification
from trainer.tested_rows import MOST_CHANGED, changed_rows, have_same_rows

BOX = {"label": "cat", "score": 0.9, "box": [0.1, 0.1, 0.5, 0.5]}
ANN = {"text": "Ann", "label": "person", "start": 0, "end": 3, "score": 0.9}
BOB = {"text": "Bob", "label": "person", "start": 8, "end": 11, "score": 0.9}
CASES: dict[str, tuple[Any, Any, Any]] = {
    "class": ("late", "late", "lost"),
    "labels": ('["a", "b"]', '["a", "b"]', '["a"]'),
    "completion": ("In the hall.", "In the hall.", "In the hall. In the hall."),
    "number": (10.0, 10.5, 12.0),
    "objects": (json.dumps([BOX]), json.dumps([BOX]), "[]"),
    "passage": (
        json.dumps([{"text": "in May", "start": 3}]),
        json.dumps({"answer": "in May", "start": 3}),
        json.dumps({"answer": None, "start": None}),
    ),
    "rewriting": ("The lamp is broken.", "The lamp is broken.", "The lamp."),
    "similarity": (json.dumps({"4": 1.0}), json.dumps([4, 7]), json.dumps([7, 4])),
    "spans": (json.dumps([ANN, BOB]), json.dumps([ANN, BOB]), json.dumps([ANN])),
    "text": ("three little words", "three little words", "three little birds"),
}
"""Of each kind the truth, a good answer and a worse one, as predictions.parquet keeps them."""


def keep(folder: Path, truth: list[Any], predicted: list[Any], rows: list[int] | None = None) -> Path:
    folder.mkdir(parents=True)
    rows = rows or list(range(len(truth)))
    table = {"row": rows, "text": [f"row {row}" for row in rows], "truth": truth, "predicted": predicted}
    pq.write_table(pa.table(table), folder / "predictions.parquet")
    return folder


@pytest.mark.parametrize("kind", CASES)
def test_the_rows_that_changed_sides(kind: str, tmp_path: Path) -> None:
    truth, good, worse = CASES[kind]
    first = keep(tmp_path / "a", [truth] * 4, [good, worse, good, worse])
    second = keep(tmp_path / "b", [truth] * 4, [worse, good, good, worse])
    changes = changed_rows(kind, first, second)
    assert changes is not None
    assert (changes.first, changes.second, changes.looked_at) == (1, 1, 4)
    assert [(change.row, change.better) for change in changes.rows] == [(0, "first"), (1, "second")]
    assert changes.rows[0].asked == {"text": "row 0"}


def test_rows_whose_right_answer_was_corrected_in_between_are_the_same_rows(tmp_path: Path) -> None:
    """And they count for neither run: what was right when each of them was tested differs."""
    first = keep(tmp_path / "a", ["x"] * 20, ["x"] * 20)
    second = keep(tmp_path / "b", ["y", *["x"] * 19], ["x"] * 19 + ["y"])
    assert have_same_rows(first, second, same_version=False)
    changes = changed_rows("class", first, second)
    assert changes is not None
    assert (changes.looked_at, changes.first, changes.second) == (19, 1, 0)
    assert not have_same_rows(first, keep(tmp_path / "c", ["y"] * 20, ["x"] * 20), same_version=False)


def test_pairs_of_texts_are_compared_by_how_near_their_scores_are(tmp_path: Path) -> None:
    first = keep(tmp_path / "a", [4.0, 1.0], [3.5, 3.0])
    changes = changed_rows("similarity", first, keep(tmp_path / "b", [4.0, 1.0], [3.0, 1.5]))
    assert changes is not None
    assert [(change.row, change.better, change.gap) for change in changes.rows] == [
        (1, "second", 1.5),
        (0, "first", 0.5),
    ]


def test_every_trained_kind_is_tried() -> None:
    from trainer import tasks

    trained = {task.answer for task in tasks.all()} & answers.kinds().keys()
    assert trained <= CASES.keys()


def test_only_shared_rows_with_the_same_truth_count(tmp_path: Path) -> None:
    first = keep(tmp_path / "a", ["x", "x", "x"], ["x", "x", "x"])
    second = keep(tmp_path / "b", ["x", "y", "x"], ["y", "x", "y"], rows=[0, 1, 5])
    changes = changed_rows("class", first, second)
    assert changes is not None
    assert (changes.looked_at, [change.row for change in changes.rows]) == (1, [0])


def test_of_many_changes_the_widest_are_kept_and_all_are_counted(tmp_path: Path) -> None:
    rows = 3 * MOST_CHANGED
    first = keep(tmp_path / "a", [0.0] * rows, [0.0] * rows)
    second = keep(tmp_path / "b", [0.0] * rows, [float(row + 1) for row in range(rows)])
    changes = changed_rows("number", first, second)
    assert changes is not None
    assert (changes.first, changes.second, len(changes.rows)) == (rows, 0, MOST_CHANGED)
    assert changes.rows[0].gap == rows


def test_answers_that_were_not_kept(tmp_path: Path) -> None:
    assert changed_rows("class", tmp_path, keep(tmp_path / "b", ["x"], ["x"])) is None


def train(folder: Path, models: Path, task: Any, **fields: Any) -> Path:
    spec = command.write_spec(folder, task.sample(), **fields)
    code, events = command.call(models, "run", spec, "--out", folder / "out")
    assert code == 0, events[-1]
    return folder / "out" / "artifact"


def test_the_command_compares_two_real_runs(tmp_path: Path, models: Path) -> None:
    first = train(tmp_path / "a", models, TextClassification, method="words")
    second = train(tmp_path / "b", models, TextClassification, method="probe")
    code, events = command.call(models, "compare", first, second)
    assert code == 0
    told = events[-1]
    assert told["verdict"] in ("better", "worse", "not shown")
    assert told["difference"]["low"] <= told["first"] - told["second"] <= told["difference"]["high"]
    assert sum(told["better"].values()) == len(told["changed"])
    code, events = command.call(models, "compare", first, first)
    assert (events[-1]["verdict"], events[-1]["changed"], events[-1]["p"]) == ("not shown", [], 1.0)

    other = train(tmp_path / "c", models, TabularClassification, method="auto", model="scratch:auto")
    code, events = command.call(models, "compare", first, other)
    assert (code, events[-1]["code"]) == (2, "not_comparable")
    again = command.write_spec(tmp_path / "d", TextClassification.sample(), method="words")
    spec = json.loads(again.read_text("utf-8")) | {
        "dataset": json.loads(again.read_text("utf-8"))["dataset"] | {"split": {"test": 0.2, "seed": 9}}
    }
    again.write_text(json.dumps(spec), "utf-8")
    assert command.call(models, "run", again, "--out", tmp_path / "d" / "out")[0] == 0
    code, events = command.call(models, "compare", first, tmp_path / "d" / "out" / "artifact")
    assert (code, events[-1]["code"]) == (2, "not_comparable")
    assert "different rows" in events[-1]["message"]
    code, events = command.call(models, "compare", first, tmp_path / "nowhere")
    assert code == 2
