"""Rounds of tests for tiny sets: from the version to the report."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.trainer import command
from trainer.data.inspect import inspect
from trainer.data.keys import Keys
from trainer.data.splitting import fold_rows
from trainer.tasks.image_regression import ImageRegression
from trainer.tasks.text_classification import TextClassification

ROWS = [{"text": f"{row['text']} {at}", "label": row["label"]} for at, row in enumerate(TextClassification.sample())]


def test_folds_are_even_and_keep_copies_together() -> None:
    generator = np.random.default_rng(0)
    texts = generator.integers(1, 80, 120).astype(np.uint64)
    codes = (texts % 3).astype(np.int64)
    folds = fold_rows(Keys(texts, codes, ["a", "b", "c"]), 5, 0)
    for text in np.unique(texts):
        assert len(set(folds[texts == text].tolist())) == 1
    sizes = np.bincount(folds, minlength=5)
    assert sizes.max() - sizes.min() <= 6
    for code in range(3):
        of_class = np.bincount(folds[codes == code], minlength=5)
        assert of_class.max() - of_class.min() <= 4
    assert (folds == fold_rows(Keys(texts, codes, ["a", "b", "c"]), 5, 0)).all()


def test_a_small_test_offers_rounds_and_they_stay(tmp_path: Path) -> None:
    found = inspect([command.write_lines(tmp_path / "a.jsonl", ROWS)], tmp_path / "v1")
    problem = next(one for one in found["problems"] if one["code"] == "small_test")
    assert problem["fix"]["action"] == "folds"
    assert "fold" not in pq.read_table(tmp_path / "v1" / "split.parquet").column_names
    found = inspect([tmp_path / "v1"], tmp_path / "v2", fixes=["folds"])
    assert found["split"]["folds"] == 5
    assert not {"small_test", "no_test_rows"} & {one["code"] for one in found["problems"]}
    folds = pq.read_table(tmp_path / "v2" / "split.parquet").column("fold").to_pylist()
    assert sorted(set(folds)) == [0, 1, 2, 3, 4]
    found = inspect([tmp_path / "v2"], tmp_path / "v3", changes={"drop": [1]})
    assert found["split"]["folds"] == 5
    assert pq.read_table(tmp_path / "v3" / "split.parquet").column("fold").to_pylist() == folds[1:]


@pytest.mark.parametrize("method", ["probe", "full"])
def test_every_row_is_tested_on_once(models: Path, tmp_path: Path, method: str) -> None:
    inspect([command.write_lines(tmp_path / "a.jsonl", ROWS)], tmp_path / "v1", split={"folds": 3})
    params = {"epochs": 1} if method == "full" else {}
    fields = {"dataset": {"path": str(tmp_path / "v1")}, "method": method, "params": params}
    spec = command.write_spec(tmp_path, ROWS, **fields)
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    report = json.loads((tmp_path / "out" / "artifact" / "report.json").read_text("utf-8"))
    assert report["evaluation"] == {"kind": "folds", "folds": 3}
    assert report["test_rows"] == len(ROWS)
    predictions = pq.read_table(tmp_path / "out" / "artifact" / "predictions.parquet")
    assert sorted(predictions.column("row").to_pylist()) == list(range(1, len(ROWS) + 1))
    assert report["export"]["agreement"] > 0.9
    assert "in 3 rounds" in (tmp_path / "out" / "artifact" / "README.md").read_text("utf-8")
    fractions = [event["fraction"] for event in command.of(events, "progress")]
    assert fractions == sorted(fractions)
    code, events = command.call(models, "estimate", spec)
    assert code == 0


def test_a_stopped_run_keeps_its_rounds(models: Path, tmp_path: Path) -> None:
    spec = command.write_spec(tmp_path, ROWS, method="probe")
    told = json.loads(spec.read_text("utf-8"))
    told["dataset"]["split"] = {"folds": 3}
    spec.write_text(json.dumps(told), "utf-8")
    whole = command.call(models, "run", spec, "--out", tmp_path / "whole")[1][-1]
    (tmp_path / "again" / "folds").mkdir(parents=True)
    (tmp_path / "again" / "folds" / "0.npy").write_bytes((tmp_path / "whole" / "folds" / "0.npy").read_bytes())
    events = command.call(models, "run", spec, "--out", tmp_path / "again")[1]
    assert events[-1]["metrics"] == whole["metrics"]
    said = [event["message"] for event in command.of(events, "log") if event["message"].startswith("Round")]
    assert [one.split(":")[0] for one in said] == ["Round 2 of 3", "Round 3 of 3"]


def test_numbers_in_rounds(models: Path, tmp_path: Path) -> None:
    spec = command.write_spec(
        tmp_path, ImageRegression.sample(), task="image-regression", model="local:tiny-vit", method="probe"
    )
    told = json.loads(spec.read_text("utf-8"))
    told["dataset"]["split"] = {"folds": 4}
    spec.write_text(json.dumps(told), "utf-8")
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    assert events[-1]["baselines"]["mean"]["r2"] < 0.2
