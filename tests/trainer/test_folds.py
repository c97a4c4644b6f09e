"""Rounds of tests for tiny sets: from the version to the report."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.metrics import r2_score

from tests.trainer import command
from trainer.data.inspect import inspect
from trainer.data.loading import Loaded, load
from trainer.data.row_keys import Keys
from trainer.data.splitting import fold_rows
from trainer.events import silent
from trainer.families.table import training
from trainer.families.table.rows import prepare
from trainer.learning import probe
from trainer.learning.folds import Rounds
from trainer.learning.job import Job
from trainer.learning.rows import Rows
from trainer.spec import Spec
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


@pytest.mark.parametrize("count", [2, 3, 5])
def test_every_round_has_rows_to_learn_from(count: int) -> None:
    numbers = np.arange(30)
    loaded = Loaded({}, np.full(30, "train"), numbers.tolist(), {}, [], folds=numbers % count)
    rounds = Rounds(Rows(loaded, [], numbers.astype(float)))
    tested = []
    for fold in range(count):
        rounds.begin(fold)
        parts = [rounds.rows.part(name) for name in ("train", "validation", "test")]
        assert all(len(part) for part in parts)
        assert sorted(np.concatenate(parts)) == numbers.tolist()
        tested += parts[2].tolist()
    assert sorted(tested) == numbers.tolist()
    rounds.learn_all()
    assert len(rounds.rows.part("train")) == 30


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
    assert report["learned"] == {"rows": len(ROWS), "validation": 0, "epochs": 1 if method == "full" else None}
    assert report["threshold_source"]["rows"] == len(ROWS)
    assert report["verdict"]["against"] in report["baselines"]
    kept = [np.load(tmp_path / "out" / "folds" / f"{fold}.npz")["validated"] for fold in range(3)]
    assert report["validation"] == {"name": "accuracy", "value": pytest.approx(np.mean(kept))}
    predictions = pq.read_table(tmp_path / "out" / "artifact" / "predictions.parquet")
    assert sorted(predictions.column("row").to_pylist()) == list(range(1, len(ROWS) + 1))
    assert report["export"]["agreement"] > 0.9
    card = (tmp_path / "out" / "artifact" / "README.md").read_text("utf-8")
    assert f"in 3 rounds by a model that had not seen it; this model learned from all {len(ROWS)} of them" in card
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
    (tmp_path / "again" / "folds" / "0.npz").write_bytes((tmp_path / "whole" / "folds" / "0.npz").read_bytes())
    events = command.call(models, "run", spec, "--out", tmp_path / "again")[1]
    assert events[-1]["metrics"] == whole["metrics"]
    said = [event["message"] for event in command.of(events, "log") if event["message"].startswith("Fold")]
    assert [one.split(":")[0] for one in said] == ["Fold 2 of 3", "Fold 3 of 3"]


def test_numbers_in_rounds(models: Path, tmp_path: Path) -> None:
    spec = command.write_spec(
        tmp_path, ImageRegression.sample(), task="image-regression", model="local:tiny-vit", method="probe"
    )
    told = json.loads(spec.read_text("utf-8"))
    told["dataset"]["split"] = {"folds": 4}
    spec.write_text(json.dumps(told), "utf-8")
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    found, kept = events[-1], pq.read_table(tmp_path / "out" / "artifact" / "predictions.parquet")
    truth, rows = np.array(kept.column("truth").to_pylist()), len(kept)
    folds = load(Spec.model_validate(told).dataset, ImageRegression, media=tmp_path / "media").folds
    means = np.array([truth[folds != fold].mean() for fold in folds])
    assert found["baselines"]["mean"]["r2"] == pytest.approx(r2_score(truth, means))
    assert found["metrics"]["r2"] == pytest.approx(r2_score(truth, kept.column("predicted").to_pylist()))
    assert f"on {rows} test rows" in found["verdict"]["sentence"]
    report = json.loads((tmp_path / "out" / "artifact" / "report.json").read_text("utf-8"))
    assert report["validation"]["name"] == "r2"
    assert [one for one in report["history"] if (one["split"], one["name"]) == ("validation", "r2")]


def test_ridge_is_validated_by_each_row_left_out() -> None:
    """Beside scikit-learn's own leave-one-out of the same penalty: the score, and the answer to each row."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import LeaveOneOut, cross_val_predict

    random = np.random.default_rng(0)
    features = torch.from_numpy(random.normal(size=(40, 6))).float()
    loaded = Loaded({}, np.full(40, "train"), list(range(40)), {}, [])
    truth = features.numpy() @ np.arange(6.0) + random.normal(size=40)
    told: list[tuple[str, str, float]] = []
    job = SimpleNamespace(log=lambda _text: None, metric=lambda *one, **_basis: told.append(one))
    weight, _bias, r2, outputs = probe.learn_numbers(job, features, Rows(loaded, [], truth), np.arange(40))
    assert weight.shape == (1, 6)
    left_out = [
        cross_val_predict(Ridge(alpha), features.double().numpy(), truth, cv=LeaveOneOut()) for alpha in probe.RIDGES
    ]
    scores = [r2_score(truth, each) for each in left_out]
    assert r2 == pytest.approx(max(scores), abs=1e-6)
    assert outputs[:, 0] == pytest.approx(left_out[int(np.argmax(scores))], abs=1e-6)
    assert told == [("r2", "validation", r2)]


def columns_by_fold(rows: int) -> list[dict[str, str]]:
    """Each value of `code` is found in one fold alone."""
    generator = np.random.default_rng(0)
    parts = [row % 3 for row in range(rows)]
    return [
        {"code": f"c{part}", "size": f"{generator.normal():.3f}", "part": str(part), "target": str(row % 2)}
        for row, part in enumerate(parts)
    ]


def test_columns_are_described_without_the_rows_tested_on(tmp_path: Path) -> None:
    told = {"path": str(command.write_lines(tmp_path / "data.jsonl", columns_by_fold(90)))}
    split = {"folds": 3, "group": "part"}
    spec = Spec.model_validate(
        {
            "task": "tabular-classification",
            "dataset": told | {"split": split},
            "model": "scratch:linear",
            "method": "linear",
        }
    )
    job = Job(spec, tmp_path / "out", silent)
    job.out.mkdir()
    rows = prepare(job)
    rounds = Rounds(rows)

    def levels(columns: list[dict[str, Any]]) -> list[str]:
        return next((one["levels"] for one in columns if one["name"] == "code"), [])

    whole = levels(rows.described)
    assert len(whole) == 3
    for one in training.in_rounds(job, rows, ("linear",), rounds):
        tested = {rows.loaded.table.column("code")[row].as_py() for row in one.rows.tolist()}
        assert not tested & set(levels(one.facts["columns"]))
        assert len(levels(one.facts["columns"])) == 2
    assert levels(rows.described) == whole, "the model that is kept learns from all"
    assert set(training.beside_of(job, rows, rounds)) == {"majority", "logistic"}


def test_the_kept_model_learns_from_all_rows_for_the_middle_best_epoch(models: Path, tmp_path: Path) -> None:
    told = {"folds": 3}
    spec = command.write_spec(
        tmp_path,
        ROWS,
        method="full",
        params={"epochs": 4, "patience": 1},
        dataset={"path": str(tmp_path / "data.jsonl"), "split": told},
    )
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    best = [int(np.load(tmp_path / "out" / "folds" / f"{fold}.npz")["epoch"]) for fold in range(3)]
    report = json.loads((tmp_path / "out" / "artifact" / "report.json").read_text("utf-8"))
    assert report["learned"] == {"rows": len(ROWS), "validation": 0, "epochs": sorted(best)[1]}
