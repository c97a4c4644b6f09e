"""The quality that is foretold before a run."""

import json
from pathlib import Path

import pytest

from tests.trainer import command
from trainer import samples
from trainer.learning.expectation import range_of


def test_a_range_allows_for_luck_and_reaches_up_with_more_rows() -> None:
    few = range_of("accuracy", 0.9, 100, 100, learned=66, more=66, tuned=False)
    many = range_of("accuracy", 0.9, 100, 100, learned=66, more=6600, tuned=False)
    tuned = range_of("accuracy", 0.9, 100, 100, learned=66, more=66, tuned=True)
    assert few["low"] < 0.9 < few["high"]
    assert many["low"] > few["low"]
    assert many["high"] > few["high"]
    assert tuned["high"] > few["high"]
    assert tuned["low"] == few["low"]
    assert range_of("accuracy", 1.0, 50, 20, learned=33, more=50, tuned=True)["high"] == 1.0
    assert range_of("r2", -3.0, 50, 20, learned=33, more=50, tuned=False)["low"] == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(("name", "metric"), [("breast-cancer", "accuracy"), ("diabetes", "r2")])
def test_the_run_of_a_table_scores_within_what_was_foretold(
    models: Path, tmp_path: Path, name: str, metric: str
) -> None:
    samples.write(name, tmp_path / "table.csv")
    spec = {"dataset": {"path": str(tmp_path / "table.csv")}, "method": "linear"}
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    _code, events = command.call(models, "estimate", tmp_path / "spec.json")
    expected = events[-1]["expected"]
    assert expected["metric"] == metric
    _code, events = command.call(models, "run", tmp_path / "spec.json", "--out", tmp_path / "run")
    headline = events[-1]["headline"]
    assert headline["name"] == metric
    assert expected["low"] <= headline["value"] <= expected["high"]


def test_a_probe_of_texts_is_foretold(models: Path, tmp_path: Path) -> None:
    rows = [{"text": f"{'lovely' if n % 2 else 'dreadful'} cafe {n}", "label": "xy"[n % 2]} for n in range(80)]
    spec = command.write_spec(tmp_path, rows, task="text-classification", method="probe")
    code, events = command.call(models, "estimate", spec)
    assert code == 0, events[-1]
    assert events[-1]["expected"]["high"] > 0.9
