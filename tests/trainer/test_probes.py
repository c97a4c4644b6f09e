"""How good a model of several labels, or of a number, is already while rows are labelled; against plain references."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import Ridge

from tests.trainer.suggesting import suggested
from trainer.data.inspect import inspect
from trainer.label_lists import write_labels
from trainer.labelling.alike import ALIKE
from trainer.labelling.probes import STRENGTHS, least_squares

pytestmark = pytest.mark.usefixtures("no_models")

WORDS = {"late": "it came weeks too late", "lost": "the parcel was lost", "broken": "the cup is broken"}
ROWS = 330


def labels_of(row: int) -> list[str]:
    """Each third, fifth and second."""
    return [label for label, every in zip(WORDS, (3, 5, 2), strict=True) if row % every == 0]


def price_of(row: int) -> float:
    return 3 * (row % 17) - 2 * (row * 7 % 11) + 0.01 * (row % 3)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    lines = [f"{' and '.join(map(WORDS.__getitem__, labels_of(row))) or 'thank you'} {row}," for row in range(ROWS)]
    (folder / "a.csv").write_text("\n".join(["text,labels", *lines]), "utf-8")
    columns = {"text": "text", "labels": "labels"}
    inspect([folder / "a.csv"], folder / "v1", task="multilabel-classification", columns=columns)
    return folder / "v1"


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prices")
    lines = [f"{row % 17},{row * 7 % 11},{price_of(row) if row < 12 else ''}" for row in range(ROWS)]
    (folder / "a.csv").write_text("\n".join(["age,size,price", *lines]), "utf-8")
    made = inspect([folder / "a.csv"], folder / "v1", task="tabular-regression", columns={"target": "price"})
    assert made["split"]["pool"]
    return folder / "v1"


def labelled(rows: range) -> list[dict[str, Any]]:
    return [{"row": row + 1, "value": write_labels(labels_of(row))} for row in rows]


def priced(rows: range) -> list[dict[str, Any]]:
    return [{"row": row + 1, "value": f"{price_of(row):.2f}"} for row in rows]


def test_what_is_held_out_is_what_a_model_without_the_row_says() -> None:
    generator = np.random.default_rng(3)
    vectors = generator.normal(size=(30, 6))
    targets = np.stack(
        [vectors @ generator.normal(size=6) + generator.normal(size=30), generator.normal(size=30)], axis=1
    )
    found = least_squares(vectors, targets)
    errors = {}
    for strength in STRENGTHS:
        held = [
            Ridge(alpha=strength)
            .fit(np.delete(vectors, row, 0), np.delete(targets, row, 0))
            .predict(vectors[row : row + 1])[0]
            for row in range(30)
        ]
        errors[strength] = ((np.array(held) - targets) ** 2).sum(), np.array(held)
    best = min(errors, key=lambda strength: errors[strength][0])
    assert found.held_out == pytest.approx(errors[best][1])
    assert found.outputs(vectors) == pytest.approx(Ridge(alpha=best).fit(vectors, targets).predict(vectors), abs=1e-6)


def test_the_score_of_several_labels(texts: Path, tmp_path: Path) -> None:
    result, rows = suggested(texts, tmp_path / "out", labelled(range(200)))
    score = result["score"]
    assert (score["name"], result["reader"], result["vectors"], result["suggests"]) == (
        "micro_f1",
        "words",
        "words",
        False,
    )
    assert score["value"] > 0.9
    assert score["low"] <= score["value"] <= score["high"] <= 1
    assert 8 < score["rows"] < 45
    assert (result["labels"], result["rows"], result["thin"]) == (200, ROWS - 200, [])
    assert {row["label"] for row in rows} == {None}, "it measures and does not suggest"
    reasons = [row["reason"] for row in rows[:40]]
    assert (reasons.count("test"), reasons.count("random")) == (4, 8)
    assert pq.read_table(tmp_path / "out" / ALIKE).num_rows


def test_the_sentence_to_stop_comes_for_several_labels(texts: Path, tmp_path: Path) -> None:
    change = suggested(texts, tmp_path / "out", labelled(range(310)))[0]["change"]
    assert (change["labels"], change["settled"]) == (40, change["low"] <= 0 and change["agreement"] >= 0.98)
    assert change["low"] <= change["value"] <= change["high"]
    early, _rows = suggested(texts, tmp_path / "early", labelled(range(45)))
    assert early["change"] is None
    none, _rows = suggested(texts, tmp_path / "none", labelled(range(5)))
    assert (none["score"], none["thin"][-1]["more"] < 20) == (None, True)
    assert {entry["label"] for entry in none["thin"]} <= set(WORDS)


def test_the_score_of_a_number_and_that_no_more_are_needed(prices: Path, tmp_path: Path) -> None:
    result, rows = suggested(prices, tmp_path / "out", priced(range(12, 320)))
    score = result["score"]
    assert (score["name"], result["vectors"]) == ("r2", "columns")
    assert score["value"] > 0.99, "prices are sums of the columns"
    assert score["low"] <= score["value"] <= score["high"] <= 1
    assert 0 <= score["mae"] < 1
    assert result["change"]["settled"]
    assert result["change"]["agreement"] > 0.99
    assert {row["label"] for row in rows} == {None}
    few, rows = suggested(prices, tmp_path / "few", priced(range(12, 20)))
    assert (few["score"], few["change"], few["thin"]) == (None, None, [])
    assert [row["reason"] for row in rows[:30]].count("test") == 3


def test_a_cell_that_is_no_number_is_neither_learned_from_nor_tested_on(prices: Path, tmp_path: Path) -> None:
    unclear = [entry | ({"value": "12 or 13"} if entry["row"] % 5 == 0 else {}) for entry in priced(range(12, 320))]
    result, _rows = suggested(prices, tmp_path / "out", unclear)
    json.dumps(result, allow_nan=False)
    clear, _rows = suggested(prices, tmp_path / "clear", [entry for entry in unclear if entry["value"] != "12 or 13"])
    assert result["labels"] == clear["labels"] == 320 - 62
    assert result["score"] == clear["score"]
    assert result["score"]["value"] > 0.99
