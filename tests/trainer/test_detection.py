"""A detector that learns a few pictures by heart, and what it says of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer import command
from trainer.tasks.object_detection import ObjectDetection

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def learned(models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Eight pictures to learn from, the same eight to tune with and to test on."""
    folder = tmp_path_factory.mktemp("run")
    rows = ObjectDetection.sample()[:8]
    parts = [row | {"split": part} for part in ("train", "validation", "test") for row in rows]
    params = {"epochs": 400, "learning_rate": 1e-3, "warmup": 0.02, "patience": 100, "flip": False, "brightness": 0.0}
    fields = {"task": "object-detection", "model": "local:tiny-detector", "params": params}
    spec = command.write_spec(folder, parts, **fields)
    code, events = command.call(models, "run", spec, "--out", folder / "out")
    assert code == 0, events[-1]
    return {"rows": rows, "events": events, "artifact": folder / "out" / "artifact", "models": models}


def test_eight_pictures_by_heart(learned: dict[str, Any]) -> None:
    assert learned["events"][-1]["metrics"]["map_50"] > 0.9


def test_boxes_in_pixels_of_the_picture_sent(learned: dict[str, Any], tmp_path: Path) -> None:
    inputs = command.write_inputs(tmp_path, ObjectDetection, learned["rows"])
    _code, answers = command.call(learned["models"], "predict", learned["artifact"], "--input", inputs)
    right = 0
    for row, answer in zip(learned["rows"], answers, strict=True):
        wanted = json.loads(row["objects"])[0]
        best = answer["objects"][0] if answer["objects"] else {"label": "", "box": [0, 0, 0, 0]}
        near = all(abs(a - b) < 5 for a, b in zip(best["box"], wanted["box"], strict=True))
        right += near and best["label"] == wanted["label"]
    assert right >= 6


def test_the_report(learned: dict[str, Any]) -> None:
    report = json.loads((learned["artifact"] / "report.json").read_text("utf-8"))
    assert [row["label"] for row in report["per_class"]] == ["dark", "light"]
    assert all(row["rows"] == 4 and row["map_50"] > 0.8 for row in report["per_class"])
    assert 0.1 <= report["threshold"] <= 0.9
    assert report["export"]["agreement"] > 0.99
    assert report["baselines"]["mean_box"]["map_50"] < report["metrics"]["map_50"]
