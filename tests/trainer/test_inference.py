"""Questions to a finished artifact, on models made by hand: predict, evaluate on another file, explain, measure the speed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer import hand_made
from trainer import inference
from trainer.errors import DataError
from trainer.words import Terms, Vocabulary, WordModel

TEXTS = ["kettle boils", "plate", "kettle", "a plate of it"]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Calls what has a kettle “hot”, and all else “cold”."""
    folder = tmp_path_factory.mktemp("artifact")
    vocabulary = Vocabulary.learn(TEXTS, Terms((1, 1), (0, 0)), most=10)
    weight = np.zeros((len(vocabulary.names), 2), dtype=np.float32)
    weight[vocabulary.index["kettle"], 1] = 6.0
    WordModel(vocabulary, weight, np.array([1.0, 0.0], dtype=np.float32)).save(folder / "model")
    facts: dict[str, Any] = {"columns": {"text": "text", "label": "label"}}
    return hand_made.seal(folder, "text-classification", ["cold", "hot"], "words", **facts)


def rows(path: Path, *pairs: tuple[object, object], names: tuple[str, str] = ("text", "label")) -> Path:
    path.write_text("\n".join(json.dumps(dict(zip(names, pair, strict=True))) for pair in pairs), "utf-8")
    return path


def test_more_inputs_than_fit_a_batch_are_answered_in_order(artifact: Path) -> None:
    texts = [TEXTS[number % 4] for number in range(2 * inference.BATCH + 3)]
    labels = [answer["label"] for answer in inference.predict(artifact, texts)]
    assert labels == ["hot" if "kettle" in text else "cold" for text in texts]
    assert inference.predict(artifact, []) == []


@pytest.mark.parametrize("place", [0, 5, inference.BATCH + 1])
def test_the_first_input_that_cannot_be_read_is_named_by_its_number(artifact: Path, place: int) -> None:
    inputs: list[Any] = ["kettle"] * (inference.BATCH + 9)
    inputs[place] = " "
    inputs[place + 2] = 7
    with pytest.raises(DataError, match=f"^Input {place + 1} is empty") as raised:
        inference.predict(artifact, inputs)
    assert raised.value.code == "bad_input"
    assert raised.value.hint


def test_another_file_is_scored_by_all_its_rows(artifact: Path, tmp_path: Path) -> None:
    data = rows(
        tmp_path / "rows.jsonl",
        ("a kettle", "hot"),
        ("a plate", "cold"),
        ("kettle", "cold"),
        ("it", "cold"),
        ("", "hot"),
    )
    found = inference.evaluate(artifact, data)
    assert found["rows"] == 4, "one has no text"
    assert found["metrics"]["accuracy"] == 0.75
    assert found["headline"]["name"] == "accuracy"
    assert [(mistake["row"], mistake["truth"]) for mistake in found["report"]["mistakes"]] == [(3, "cold")]


def test_a_file_with_other_names_of_columns_is_read_by_what_they_hold(artifact: Path, tmp_path: Path) -> None:
    pairs = [(f"a kettle number {number} boils over", "hot") for number in range(20)]
    pairs += [(f"a cold plate number {number} of it", "cold") for number in range(20)]
    data = rows(tmp_path / "rows.jsonl", *pairs, names=("message", "category"))
    assert inference.evaluate(artifact, data)["metrics"]["accuracy"] == 1.0


def test_labels_that_the_model_does_not_have_are_mistakes(artifact: Path, tmp_path: Path) -> None:
    data = rows(tmp_path / "rows.jsonl", ("a kettle", "hot"), ("a kettle", "boiling"), ("it", "boiling"))
    assert inference.evaluate(artifact, data)["metrics"]["accuracy"] == pytest.approx(1 / 3)


def test_a_file_without_a_usable_row_is_told(artifact: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        inference.evaluate(artifact, rows(tmp_path / "rows.jsonl", ("", "hot"), ("a kettle", None)))
    assert raised.value.code == "no_rows"


def test_several_inputs_are_explained_each_by_its_own_words(artifact: Path) -> None:
    every = inference.explain(artifact, ["a kettle", "plate"])
    assert [each["label"] for each in every] == ["hot", "cold"]
    first, second = (each["explanation"] for each in every)
    assert {word["text"]: word["weight"] > 0 for word in first["parts"]} == {"a": False, "kettle": True}
    assert [word["text"] for word in second["parts"]] == ["plate"]
    with pytest.raises(DataError, match=r"^Input 2 must be a text"):
        inference.explain(artifact, ["a", None])


def test_speed_is_measured_even_of_an_artifact_that_kept_no_rows(
    artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "BENCH_SECONDS", 0.02)
    speed = inference.benchmark(artifact)
    assert speed["engine"] == "words"
    assert speed["rows_per_second"] > 0
    assert speed["ms_per_row"] > 0
