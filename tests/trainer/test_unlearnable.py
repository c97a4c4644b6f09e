"""No run is ever started that fails for its data: every task with every kind of answer that cannot be learned is refused when it is
read, and again, in the same words, before a run loads anything to learn with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.command import write_lines, write_zip
from tests.trainer.test_data_media_bytes import wav
from trainer import answers, tasks
from trainer.data.answer_checks import MAX_CLASSES, MIN_ROWS
from trainer.data.inspect import inspect
from trainer.data.loading import load
from trainer.errors import DataError
from trainer.learning.job import Job
from trainer.learning.run import run
from trainer.spec import DatasetSpec, Spec
from trainer.tasks.base import Task

Rows = list[dict[str, Any]]
Answers = Callable[[int], list[Any]]

EVERY: dict[str, Answers] = {"nothing": lambda count: [None] * count, "blanks": lambda count: [" "] * count}
BAD: dict[str, dict[str, Answers]] = {
    "label": {
        "texts": lambda count: [f"this is the free text of row {row}, as people write" for row in range(count)],
        "texts and a copy": lambda count: [f"a text that somebody wrote, number {max(row, 1)}" for row in range(count)],
        "identifiers": lambda count: [f"C-{10_000 + row}" for row in range(count)],
        "numbers": lambda count: [f"{row * 1.37:.2f}" for row in range(count)],
        "dates": lambda count: [f"2026-{row // 28 % 12 + 1:02d}-{row % 28 + 1:02d}" for row in range(count)],
        "one class": lambda count: ["same"] * count,
        "one class in two spellings": lambda count: ["1.0" if row % 2 else "1" for row in range(count)],
        "a row or two a class": lambda count: [f"k{row * 2 // 3}" for row in range(count)],
        "one row has a class": lambda count: ["a", *[None] * (count - 1)],
    },
    "labels": {
        "the same": lambda count: [json.dumps(["a", "b"])] * count,
        "another each": lambda count: [json.dumps([f"tag {row}"]) for row in range(count)],
        "none": lambda count: ["[]"] * count,
    },
    "number": {
        "texts": lambda count: [f"the words of row {row} are no number" for row in range(count)],
        "mostly words": lambda count: [str(row) if row % 3 == 0 else "many of them" for row in range(count)],
        "one value": lambda count: ["7"] * count,
        "one value in two spellings": lambda count: ["7" if row % 2 else "7.0" for row in range(count)],
        "too large": lambda count: [f"{row + 1}e300" for row in range(count)],
        "dashes": lambda count: ["-"] * count,
        "few numbers": lambda count: [str(row) if row < MIN_ROWS - 1 else None for row in range(count)],
    },
    "tags": {
        "all O": lambda count: [["O"] * 5] * count,
        "as many as rows": lambda count: [[f"B-t{row}", *["O"] * 4] for row in range(count)],
        "of other length": lambda count: [["B-person"]] * count,
        "texts": lambda count: ["a text and no list"] * count,
    },
    "boxes": {"no box": lambda count: ["[]"] * count, "no list": lambda count: ["a cat"] * count},
    "words": {
        "no word": lambda count: ["…"] * count,
        "punctuation": lambda count: ["?!" if row % 2 else "-" for row in range(count)],
    },
}
CASES = [
    pytest.param(task, made, id=f"{task.slug}: {name}")
    for task in tasks.all()
    for name, made in (EVERY | BAD.get(answers.get(task.answer).cells, {})).items()
]


def write(folder: Path, task: type[Task], rows: Rows) -> Path:
    if any(isinstance(cell, bytes) for cell in rows[0].values()):
        return write_zip(folder / "rows.zip", rows)
    return write_lines(folder / "rows.jsonl", rows)


def roles_of(task: type[Task], rows: Rows) -> dict[str, str]:
    return {role: role for role in task.shape().roles if role in rows[0]}


def refusals(task: type[Task], rows: Rows, folder: Path) -> tuple[set[str], str, str]:
    """(codes of the errors of a version, the code with which a run of it is refused, that of a run of the file itself)."""
    path, columns = write(folder, task, rows), roles_of(task, rows)
    told = inspect([path], folder / "v1", task=task.slug, columns=columns)
    errors = {problem["code"] for problem in told["problems"] if problem["severity"] == "error"}
    assert told["suggestion"]["trainable"] is not bool(errors)
    codes = []
    for place in (folder / "v1", path):
        with pytest.raises(DataError) as refused:
            load(DatasetSpec(path=str(place), columns=columns), task, media=folder / f"media {place.name}")
        assert refused.value.hint
        codes.append(refused.value.code)
    return errors, codes[0], codes[1]


@pytest.mark.parametrize("task", tasks.all(), ids=lambda task: task.slug)
def test_a_sample_can_be_learned(tmp_path: Path, task: type[Task]) -> None:
    rows = task.sample()
    told = inspect([write(tmp_path, task, rows)], tmp_path / "v1", task=task.slug, columns=roles_of(task, rows))
    assert told["suggestion"]["trainable"]
    load(DatasetSpec(path=str(tmp_path / "v1")), task)


@pytest.mark.parametrize(("task", "made"), CASES)
def test_answers_that_cannot_be_learned_are_refused_when_they_are_read(
    tmp_path: Path, task: type[Task], made: Answers
) -> None:
    rows = task.sample()
    rows = [row | {task.answer_role: cell} for row, cell in zip(rows, made(len(rows)), strict=True)]
    errors, of_version, of_file = refusals(task, rows, tmp_path)
    assert errors, "the page would offer to train this"
    assert {of_version, of_file} <= errors


@pytest.mark.parametrize("task", tasks.all(), ids=lambda task: task.slug)
def test_too_few_rows_are_refused_when_they_are_read(tmp_path: Path, task: type[Task]) -> None:
    errors, of_version, of_file = refusals(task, task.sample()[: MIN_ROWS - 1], tmp_path)
    assert {of_version, of_file} <= errors


def test_thousands_of_classes_are_refused(tmp_path: Path) -> None:
    rows = [{"text": f"what is said in row {row}", "label": f"code {row // 2}"} for row in range(2 * MAX_CLASSES + 2)]
    errors, of_version, of_file = refusals(tasks.get("text-classification"), rows, tmp_path)
    assert errors == {of_version} == {of_file} == {"too_many_labels"}


def test_a_column_that_names_the_rows_is_no_number_to_predict(tmp_path: Path) -> None:
    rows = [{"age": row % 50, "customer_id": 7_000 + 13 * row} for row in range(80)]
    path = write_lines(tmp_path / "rows.jsonl", rows)
    told = inspect([path], tmp_path / "v1", task="tabular-regression", columns={"target": "customer_id"})
    assert not told["suggestion"]["trainable"]
    assert "identifier_answer" in {problem["code"] for problem in told["problems"]}


def test_recordings_that_are_all_too_long_are_refused(tmp_path: Path) -> None:
    rows = [{"audio": wav(31 * 8_000 + row), "text": f"what is said in number {row}"} for row in range(12)]
    errors, of_version, of_file = refusals(tasks.get("speech-recognition"), rows, tmp_path)
    assert errors == {of_version} == {of_file} == {"too_long"}


def test_rare_labels_that_hide_the_common_ones_can_be_removed(tmp_path: Path) -> None:
    labels = ["good", "bad"] * 10 + [f"remark {row}" for row in range(30)]
    rows = [{"text": f"what is said in row {row}", "label": label} for row, label in enumerate(labels)]
    told = inspect([write_lines(tmp_path / "rows.jsonl", rows)], tmp_path / "v1")
    problem = next(problem for problem in told["problems"] if problem["code"] == "few_rows_a_label")
    assert not told["suggestion"]["trainable"]
    assert problem["fix"]["action"] == "drop_rare_classes"
    mended = inspect([tmp_path / "v1"], tmp_path / "v2", fixes=["drop_rare_classes"])
    assert mended["suggestion"]["trainable"]
    assert mended["rows"] == 20


def test_a_run_is_refused_before_anything_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"text": f"what is said in row {row}", "label": f"answer {row}"} for row in range(60)]
    path = write_lines(tmp_path / "rows.jsonl", rows)
    monkeypatch.setattr(Job, "model_folder", lambda *_: pytest.fail("the model was asked for"))
    spec = Spec.model_validate(
        {"task": "text-classification", "dataset": {"path": str(path)}, "model": "hub:no/such@model"}
    )
    events: list[str] = []
    with pytest.raises(DataError, match="only once"):
        run(spec, tmp_path / "out", lambda kind, /, **_fields: events.append(kind))
    assert not {"metric", "checkpoint"} & set(events)


@pytest.mark.parametrize("role", ["question", "context"])
def test_questions_of_which_too_few_can_be_used_are_refused(role: str, tmp_path: Path) -> None:
    task = tasks.get("question-answering")
    rows = [row | ({role: None} if place >= MIN_ROWS - 1 else {}) for place, row in enumerate(task.sample())]
    errors, of_version, of_file = refusals(task, rows, tmp_path)
    assert {of_version, of_file} <= errors == {"too_few_rows"}
