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
from trainer.estimating import process_seconds, trial_batches
from trainer.tasks._table_estimate import search_seconds
from trainer.tasks._table_models import candidates
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
