"""Whole runs on tables: rare fraud by what mistakes cost, and a search that was ended and goes on."""

import json
import random
import signal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.trainer import command

AUTO = {"task": "tabular-classification", "model": "scratch:auto", "method": "auto"}


def payments(rows: int) -> list[dict[str, Any]]:
    """One in thirty is fraud: mostly large ones at night, from a new device."""
    generator = random.Random(0)
    found = []
    for _row in range(rows):
        fraud = generator.random() < 1 / 30
        amount = round(generator.lognormvariate(5.2 if fraud else 3.6, 0.8), 2)
        hour = generator.choice([0, 1, 2, 3, 4, 23]) if fraud and generator.random() < 0.7 else generator.randint(0, 23)
        device = "new" if generator.random() < (0.75 if fraud else 0.1) else "known"
        answer = "fraud" if fraud else "fine"
        found.append({"amount": f"{amount:,.2f}", "hour": hour, "device": device, "target": answer})
    return found


def predictions(out: Path) -> dict[str, list[Any]]:
    return pq.read_table(out / "artifact" / "predictions.parquet").to_pydict()


def test_fraud_is_caught_where_a_miss_is_dear(models: Path, tmp_path: Path) -> None:
    rows = payments(1500)
    caught = {}
    for miss in (1, 50):
        params = {"cost_false_negative": miss, "search_seconds": 600}
        folder = tmp_path / f"miss-{miss}"
        spec = command.write_spec(folder, rows, **AUTO | {"method": "boosting"}, params=params)
        code, events = command.call(models, "run", spec, "--out", folder / "out")
        assert code == 0, events[-1]
        report = json.loads((folder / "out" / "artifact" / "report.json").read_text("utf-8"))
        assert report["headline"]["name"] == "roc_auc", "how many are right says little where nearly all are fine"
        assert report["headline"]["value"] > 0.85
        logistic = report["baselines"]["logistic"]
        assert logistic["low"] < logistic["roc_auc"] < logistic["high"], "and each baseline has its area too"
        always = report["baselines"]["majority"]
        assert (always["label"], always["roc_auc"], always["low"], always["high"]) == ("fine", 0.5, 0.5, 0.5)
        assert always["accuracy"] > 0.9, "what mistakes cost does not change what is always answered"
        assert report["verdict"]["against"] == "logistic"
        assert report["metrics"]["pr_auc"] > 0.3
        found = predictions(folder / "out")
        frauds = [said for said, truth in zip(found["predicted"], found["truth"], strict=True) if truth == "fraud"]
        caught[miss] = frauds.count("fraud") / len(frauds)
    assert caught[50] > caught[1]
    assert caught[50] >= 0.8


def test_an_ended_search_goes_on_to_the_same_answers(models: Path, tmp_path: Path) -> None:
    spec = command.write_spec(tmp_path, payments(400), **AUTO, params={"search_seconds": 600, "epochs": 5})
    process = command.start(models, "run", spec, "--out", tmp_path / "ended")
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            event = json.loads(line)
            if event["type"] == "metric" and event["name"] == "score":
                process.send_signal(signal.SIGTERM)
                break
        process.communicate(timeout=60)
    tried = list((tmp_path / "ended" / "candidates").rglob("*.json"))
    assert tried, "what was tried is kept"
    assert not (tmp_path / "ended" / "artifact").exists()
    code, events = command.call(models, "run", spec, "--out", tmp_path / "ended")
    assert code == 0, events[-1]
    code, _events = command.call(models, "run", spec, "--out", tmp_path / "alone")
    assert code == 0
    assert predictions(tmp_path / "ended") == predictions(tmp_path / "alone")
