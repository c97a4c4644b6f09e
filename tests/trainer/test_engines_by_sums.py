"""Engines that answer without a graph: word counts, sums over a table's columns, and trees, from artifacts made by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer import hand_made
from trainer import gbm, tables
from trainer.engines import open_engine
from trainer.errors import DataError, ModelError
from trainer.words import Terms, Vocabulary, WordModel

LETTERS = ["kettle kettle boils", "boils", "plate", "kettle plate"]
COLUMNS: list[dict[str, Any]] = [
    {"name": "price", "kind": "number", "decimal": ",", "unit": "", "ranges": False, "typical": 10.125},
    {"name": "colour", "kind": "category", "levels": ["red", "blue"], "typical": "red"},
    {"name": "sent", "kind": "date", "form": "iso", "typical": "2026-01-01"},
]
ROW = {"price": "1.000,5", "colour": " Red ", "sent": "2026-03-01"}


# Words


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Label b for kettles, label a for plates, and nothing else counts."""
    artifact = tmp_path_factory.mktemp("words")
    vocabulary = Vocabulary.learn(LETTERS, Terms((1, 1), (0, 0)), most=10)
    weight = np.zeros((len(vocabulary.names), 2), dtype=np.float32)
    weight[vocabulary.index["kettle"], 1] = weight[vocabulary.index["plate"], 0] = 4.0
    WordModel(vocabulary, weight, np.array([0.0, -0.5], dtype=np.float32)).save(artifact / "model")
    return hand_made.seal(artifact, "text-classification", ["a", "b"], "words")


def test_the_likeliest_label_is_answered_with_the_softmax_of_all(words: Path) -> None:
    engine = open_engine(words, verify=True)
    answer, plain = engine.predict(["kettle kettle", "nothing known"])
    assert (answer["label"], plain["label"]) == ("b", "a")
    assert answer["score"] == pytest.approx(1 / (1 + np.exp(-(4.0 - 0.5))), abs=1e-6)
    assert plain["score"] == pytest.approx(1 / (1 + np.exp(-0.5)), abs=1e-6)
    assert [scored["label"] for scored in answer["scores"]] == ["b", "a"]


def test_an_explanation_of_sums_is_exact(words: Path) -> None:
    engine = open_engine(words)
    text = "a kettle, a plate"
    parts = engine.explain(text)["parts"]
    outputs = engine.outputs([text])[0]
    told = {word["text"]: word["weight"] for word in parts}
    sign = 1 if engine.predict([text])[0]["label"] == "b" else -1
    assert sum(word["weight"] for word in parts) == pytest.approx(sign * (outputs[1] - outputs[0] + 0.5), abs=1e-3)
    assert sign * told["kettle"] > 0 > sign * told["plate"]
    assert told["a"] == told[","] == 0
    assert all(text[word["start"] : word["end"]] == word["text"] for word in parts)


def test_texts_alone_and_together_are_answered_alike(words: Path) -> None:
    engine = open_engine(words)
    texts = [*LETTERS, "包裹 kettle", "🫖", "x" * 20_000]
    assert engine.answers(texts, 2) == [engine.predict([text])[0]["label"] for text in texts]
    assert engine.agreement([], []) == engine.score([], []) == 1.0


@pytest.mark.parametrize("name", ["words.json", "words.npz"])
def test_any_file_that_answers_depend_on_is_verified(words: Path, name: str) -> None:
    path = words / "model" / name
    whole = path.read_bytes()
    path.write_bytes(whole + b"\n")
    try:
        with pytest.raises(ModelError, match=name) as raised:
            open_engine(words, verify=True)
        assert raised.value.code == "damaged_artifact"
        assert raised.value.hint
    finally:
        path.write_bytes(whole)


def test_an_artifact_that_was_never_packaged_says_what_to_do(words: Path, tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "export.json").write_text("{}")
    (tmp_path / "manifest.json").write_text((words / "manifest.json").read_text())
    with pytest.raises(ModelError) as raised:
        open_engine(tmp_path)
    assert raised.value.code == "no_artifact"
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ModelError) as raised:
        open_engine(tmp_path)
    assert raised.value.code == "damaged_artifact"


# Tables


def facts_of(answer: str, labels: list[str], **more: Any) -> dict[str, Any]:
    features = [feature for column in COLUMNS for feature in tables.features_of(column)]
    rows = [
        {"price": "0", "colour": "red", "sent": "2026-01-01"},
        {"price": "2.000", "colour": "blue", "sent": "2026-05-01"},
    ]
    scales = tables.scales_of(features, tables.encode(COLUMNS, rows))
    calibration = {"scale": 2.0, "bias": 1.0}
    return {
        "columns": COLUMNS,
        "dropped": ["id"],
        "scales": scales,
        "calibration": calibration,
        "labels": labels,
        "answer": answer,
        **more,
    }


def table(artifact: Path, task: str, labels: list[str], facts: dict[str, Any]) -> Path:
    """A model of sums whose every feature counts 1."""
    (artifact / "model").mkdir(parents=True, exist_ok=True)
    (artifact / "model" / "columns.json").write_text(json.dumps(facts))
    width = tables.expanded(facts["scales"], tables.encode(COLUMNS, [ROW])).shape[1]
    sums = {"weights": np.linspace(-1, 1, width)[:, None].tolist(), "bias": [0.25]}
    (artifact / "model" / "linear.json").write_text(json.dumps(sums))
    return hand_made.seal(artifact, task, labels, "linear")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return table(tmp_path_factory.mktemp("numbers"), "tabular-regression", [], facts_of("number", []))


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    facts = facts_of("class", ["no", "yes"], decision={"positive_index": 1, "threshold": 0.2}, headline="accuracy")
    return table(tmp_path_factory.mktemp("classes"), "tabular-classification", ["no", "yes"], facts)


def test_a_number_is_the_sum_over_the_scaled_columns(numbers: Path) -> None:
    engine = open_engine(numbers, verify=True)
    facts = json.loads((numbers / "model" / "columns.json").read_text())
    row = tables.expanded(facts["scales"], tables.encode(COLUMNS, [ROW]))[0]
    wanted = float(row @ np.linspace(-1, 1, len(row)) + 0.25)
    assert engine.outputs([engine.read(ROW)])[0, 0] == pytest.approx(wanted)
    assert engine.predict([ROW])[0]["value"] == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(
    ("row", "same_as"),
    [
        ({**ROW, "price": "1.000,50 €"}, ROW),
        ({**ROW, "price": 1000.5}, ROW),
        ({**ROW, "price": 1.234}, {**ROW, "price": "1,234"}),
        ({**ROW, "price": 1234}, {**ROW, "price": "1.234"}),
        ({**ROW, "colour": "RED"}, ROW),
        ({**ROW, "id": 7}, ROW),
        ({**ROW, "price": "n/a"}, {**ROW, "price": None}),
        ({**ROW, "price": float("nan")}, {"colour": "red", "sent": "2026-03-01"}),
        ({**ROW, "colour": "mauve"}, {**ROW, "colour": "never seen"}),
        ({**ROW, "sent": "1 March 2026"}, ROW),
    ],
    ids=[
        "money",
        "a number",
        "decimals like thousands",
        "a whole number",
        "capitals",
        "a column left out",
        "n/a",
        "nan",
        "a new level",
        "another form of date",
    ],
)
def test_cells_are_read_as_the_file_s_were(numbers: Path, row: dict[str, Any], same_as: dict[str, Any]) -> None:
    engine = open_engine(numbers)
    outputs = engine.outputs([engine.read(row)])
    assert np.isfinite(outputs).all()
    assert outputs == pytest.approx(engine.outputs([engine.read(same_as)]))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a text", "must be an object"),
        ([1, 2], "must be an object"),
        ({"price": [1]}, "a list or object in the column “price”"),
        ({"prices": "1"}, "the column “prices”, which the model does not know"),
        ({"price": "dear"}, "“dear” in the column “price”, which holds a number"),
        ({"sent": "tomorrow"}, "“tomorrow” in the column “sent”, which holds a date"),
        ({"price": "x" * 500}, "“" + "x" * 40 + "”"),
    ],
    ids=["a text", "a list", "nested", "unknown", "no number", "no date", "a long cell"],
)
def test_what_cannot_be_read_is_told_with_its_column(numbers: Path, value: object, said: str) -> None:
    with pytest.raises(DataError, match=said) as raised:
        open_engine(numbers).read(value)
    assert raised.value.code == "bad_input"
    assert raised.value.hint


def test_a_row_with_nothing_in_it_has_an_answer(numbers: Path) -> None:
    engine = open_engine(numbers)
    assert np.isfinite(engine.outputs([engine.read({}), engine.read(ROW)])).all()
    engine.warm()


def test_two_labels_are_calibrated_and_decided_by_the_threshold(classes: Path) -> None:
    engine = open_engine(classes)
    answer = engine.predict([engine.read(ROW)])[0]
    raw = engine.raw(engine.matrix([ROW]))[0, 0]  # type: ignore[attr-defined]
    likely = 1 / (1 + np.exp(-(2 * raw + 1)))
    assert {scored["label"]: scored["score"] for scored in answer["scores"]}["yes"] == pytest.approx(likely, abs=1e-5)
    assert answer["label"] == ("yes" if likely >= 0.2 else "no")
    assert answer["score"] == pytest.approx(likely if answer["label"] == "yes" else 1 - likely, abs=1e-5)


def test_an_explanation_speaks_for_the_label_that_is_answered(classes: Path) -> None:
    """Between the threshold and a half the answer is not the likeliest label."""
    engine = open_engine(classes)
    rows = [{"price": f"{price},0", "colour": "blue", "sent": "2026-02-01"} for price in range(-4000, 4000, 40)]
    answers = engine.predict(rows)
    between = [each for each in answers if each["label"] == "yes" and each["score"] < 0.5]
    assert between, "some rows are answered by the threshold alone"
    for row, each in zip(rows, answers, strict=True):
        parts = engine.explain(engine.read(row), "occlusion")["parts"]
        price = next(part for part in parts if part["column"] == "price")
        typical = engine.predict([{**row, "price": "10,125"}])[0]
        score = {scored["label"]: scored["score"] for scored in typical["scores"]}[each["label"]]
        assert price["weight"] == pytest.approx(each["score"] - score, abs=2e-4)


def test_trees_are_answered_as_lightgbm_does_itself(tmp_path: Path) -> None:
    lightgbm = gbm.lightgbm()
    generator = np.random.default_rng(0)
    matrix = tables.encode(
        COLUMNS,
        [
            {"price": str(price), "colour": ["red", "blue"][price % 2], "sent": f"2026-01-{1 + price % 28:02d}"}
            for price in range(200)
        ],
    )
    target = generator.normal(size=200) + matrix[:, 0]
    settings = {"objective": "regression", "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
    booster = lightgbm.train(settings, lightgbm.Dataset(matrix, target), 5)
    (tmp_path / "model").mkdir()
    booster.save_model(str(tmp_path / "model" / "model.txt"))
    (tmp_path / "model" / "columns.json").write_text(json.dumps(facts_of("number", [])))
    engine = open_engine(hand_made.seal(tmp_path, "tabular-regression", [], "lightgbm"), threads=1)
    rows = [ROW, {}, {"price": "7"}] * 40
    together = engine.outputs(rows)
    assert together[:, 0] == pytest.approx(booster.predict(tables.encode(COLUMNS, rows)))
    assert together[:3] == pytest.approx(np.concatenate([engine.outputs([row]) for row in rows[:3]]))
