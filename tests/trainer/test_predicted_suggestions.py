"""Suggestions of a finished model for answers that are not one label out of a few."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.trainer import hand_made
from trainer.data.inspect import inspect
from trainer.data.version import read_version
from trainer.labelling.predicted import in_words, value_of
from trainer.labelling.suggest import suggest
from trainer.words import Terms, Vocabulary, WordModel

TEXTS = ["kettle kettle", "plate", "kettle plate", "nothing known"]
ANSWERS = {"kettle kettle": ["lost"], "plate": ["late"], "kettle plate": ["late", "lost"], "nothing known": []}
ROWS, WAITING = 12, 60


def model(folder: Path) -> Path:
    """Kettles are lost and plates are late."""
    vocabulary = Vocabulary.learn(["kettle", "plate"] * 3, Terms((1, 1), (0, 0)), most=10)
    weight = np.zeros((len(vocabulary.names), 2), dtype=np.float32)
    weight[vocabulary.index["kettle"], 1] = weight[vocabulary.index["plate"], 0] = 4.0
    WordModel(vocabulary, weight, np.array([-1.0, -1.0], dtype=np.float32)).save(folder / "model")
    return hand_made.seal(folder, "multilabel-classification", ["late", "lost"], "words")


def content() -> str:
    labelled = (f'order {row} has come,"[""late"", ""lost""]"' for row in range(ROWS))
    waiting = (f"{TEXTS[row % len(TEXTS)]} {row}," for row in range(WAITING))
    return "\n".join(["text,labels", *labelled, *waiting])


@pytest.fixture
def version(tmp_path: Path) -> Path:
    (tmp_path / "rows.csv").write_text(content())
    assert inspect([tmp_path / "rows.csv"], tmp_path / "v1")["split"]["pool"] == WAITING
    return tmp_path / "v1"


def ask(version: Path, tmp_path: Path, **fields: Any) -> list[dict[str, Any]]:
    request = {"version": str(version), "artifact": str(model(tmp_path / "artifact")), "model": "r1"} | fields
    (tmp_path / "request.json").write_text(json.dumps(request))
    result = suggest(tmp_path / "request.json", tmp_path / "out")
    assert result["model"] == request["model"]
    rows: list[dict[str, Any]] = pq.read_table(tmp_path / "out" / "suggestions.parquet").to_pylist()
    unread = sum(row["label"] is None and not row["reserved"] for row in rows)
    assert result["unread"] == unread + (0 if result["vectors"] else ROWS + WAITING - len(request.get("decisions", [])))
    return rows


def text_at(row: int) -> str:
    return TEXTS[(row - ROWS - 1) % len(TEXTS)]


def test_what_the_model_says_is_suggested_but_for_rows_of_the_test(version: Path, tmp_path: Path) -> None:
    rows = ask(version, tmp_path)
    assert sorted(row["row"] for row in rows) == list(range(ROWS + 1, ROWS + WAITING + 1))
    assert [row["place"] for row in rows] == list(range(WAITING))
    free = [row for row in rows if not row["reserved"]]
    assert all(json.loads(row["label"]) == ANSWERS[text_at(row["row"])] for row in free)
    reserved = [row for row in rows if row["reserved"]]
    assert reserved
    assert all((row["label"], row["reason"]) == (None, "test") for row in reserved)
    unsure = [row["confidence"] for row in rows if row["reason"] == "uncertain"]
    assert unsure == sorted(unsure)


def test_what_was_said_is_kept_and_what_is_decided_is_not_asked(version: Path, tmp_path: Path) -> None:
    first = ask(version, tmp_path, seconds=0)
    assert all(row["label"] is None for row in first)
    answered = [row["row"] for row in ask(version, tmp_path) if row["label"]]
    again = ask(version, tmp_path, seconds=0, decisions=[{"row": answered[0], "value": "[]"}])
    assert sorted(row["row"] for row in again if row["label"]) == sorted(answered[1:])
    assert not [row for row in ask(version, tmp_path, seconds=0, model="r2") if row["label"]]


@pytest.mark.parametrize(
    ("output", "value", "sure"),
    [
        ({"value": 3.14159}, 3.142, None),
        ({"text": "good morning"}, "good morning", None),
        ({"text": ""}, None, None),
        ({"labels": [{"label": "a", "score": 0.9}], "scores": [{"label": "a", "score": 0.9}, {"label": "b", "score": 0.4}]}, ["a"], 0.6),
        ({"objects": [{"label": "cat", "score": 0.7, "box": [1, 2, 3, 4]}]}, [{"label": "cat", "box": [1, 2, 3, 4]}], 0.7),
        ({"objects": []}, [], None),
    ],
)  # fmt: skip
def test_answers_as_people_give_them(output: dict[str, Any], value: object, sure: float | None) -> None:
    said, confidence = value_of(output)
    assert said == value
    assert confidence == (None if sure is None else pytest.approx(sure))


def test_passages_by_words(tmp_path: Path) -> None:
    rows = [{"tokens": ["Anna", "Berg", "went", "to", "Paris", "."], "tags": ["B-P", "I-P", "O", "O", "B-L", "O"]}] * 12
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    inspect([tmp_path / "rows.jsonl"], tmp_path / "v1")
    dataset = read_version(tmp_path / "v1", None, None)
    entities = [
        {"start": 2, "end": 9, "label": "person"},
        {"start": 8, "end": 12, "label": "x"},
        {"start": 18, "end": 23, "label": "place"},
    ]
    spans = [{"start": 0, "end": 2, "label": "person"}, {"start": 4, "end": 5, "label": "place"}]
    assert in_words(dataset, 0, (entities, 0.5)) == (spans, 0.5)
    assert in_words(dataset, 0, (None, None)) == (None, None)
