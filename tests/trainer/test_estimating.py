"""What a stated time covers."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.trainer import command
from trainer.families.table.estimate import search_seconds, warm_rows
from trainer.families.table.models import candidates
from trainer.learning.estimate import process_seconds, trial_batches
from trainer.tasks.tabular_classification import TabularClassification

SLOW_START = 4.0


def estimate(spec: Path, path: str = "") -> dict[str, Any]:
    environment = os.environ | ({"PYTHONPATH": path} if path else {})
    line = [sys.executable, "-m", "trainer", "estimate", str(spec)]
    output = subprocess.run(line, cwd=command.ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    return json.loads(output.splitlines()[-1])


def test_it_covers_the_start_of_the_process(tmp_path: Path) -> None:
    """People wait for that as well: on a busy machine it is ten seconds."""
    (tmp_path / "sitecustomize.py").write_text(f"import time\ntime.sleep({SLOW_START})\n", "utf-8")
    spec = command.write_spec(
        tmp_path / "spec",
        TabularClassification.sample(),
        task="tabular-classification",
        model="scratch:linear",
        method="linear",
    )
    told = estimate(spec, str(tmp_path))
    assert told["fixed_seconds"] > SLOW_START + 3
    assert told["seconds"]["likely"] >= told["fixed_seconds"]


def test_a_process_knows_its_age() -> None:
    assert process_seconds() > 0


def test_where_time_is_up_early_the_measured_batches_still_stand_for_all() -> None:
    """A slow machine measures two of them: the longest alone made a run seem three times as long."""
    lengths = np.sort(np.random.default_rng(0).lognormal(3, 1, 640))
    every = [np.arange(at, at + 16) for at in range(0, 640, 16)]
    chosen = [lengths[batch].mean() for batch in trial_batches(SimpleNamespace(lengths=lengths), every)]
    assert 0.6 < np.mean(chosen[:2]) / np.median(lengths) < 1.6
    assert chosen[-1] == min(chosen), "the first step, which warms up, is a cheap one"
    assert sorted(chosen) != chosen
    assert len(chosen) == 8


def test_the_search_of_a_table_is_what_its_kinds_of_models_take() -> None:
    """One fit of the linear model, which is the quickest, once stood for all: a search of 20 s was told as one of 4."""
    every = candidates(("linear", "boosting", "net"), 1000)
    once = {"linear": 0.01, "boosting": 0.1, "net": 1.5}
    assert search_seconds(once, every, 5, 60) == pytest.approx(5 * (3 * 0.01 + 2 * 0.1 + 1.5))
    assert search_seconds(once, every, 5, 0.5) == pytest.approx(5 * (3 * 0.01 + 0.1)), "none begins once time is up"
    endless = once | {"boosting": float("inf")}
    assert search_seconds(endless, every, 5, 60) == pytest.approx(60, abs=8), "one that never ended uses up the limit"


@pytest.mark.parametrize(
    "labels", [["yes"] * 190 + ["no"] * 10, ["no"] * 100 + ["yes"] * 100, ["a", "b", "c", "d"] * 50]
)
def test_the_trial_of_a_table_has_rows_of_several_labels(labels: list[str], tmp_path: Path) -> None:
    """A table sorted by its answer, or one with a rare one, gave the first fit a single label."""
    _names, truth = np.unique(labels, return_inverse=True)
    chosen = warm_rows(truth, True)
    assert chosen.sum() == min(64, len(labels))
    assert set(truth[chosen]) == set(truth)
    path = tmp_path / "rows.csv"
    lines = [f"{number % 17},{number % 5},{label}" for number, label in enumerate(labels)]
    path.write_text("\n".join(["one,two,answer", *lines]), "utf-8")
    spec = tmp_path / "spec.json"
    dataset = {"path": str(path), "columns": {"target": "answer"}}
    spec.write_text(json.dumps({"dataset": dataset, "task": "tabular-classification", "method": "auto"}), "utf-8")
    told = estimate(spec)
    assert told["type"] == "result", told
