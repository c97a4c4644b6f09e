"""A detector that learns a few pictures by heart, and what it says of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer import command, tiny_vision
from tests.trainer.data_files import SHARED
from trainer import boxes, point_net
from trainer.families.image import detection, points
from trainer.pictures import Preprocess
from trainer.tasks.object_detection import ObjectDetection

pytestmark = pytest.mark.slow
SETS = SHARED / "data" / "object_detection"


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


# Objects as points: a picture encoder or nothing at all becomes a detector


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for MAQUETTE_MODELS_DIR with a tiny ResNet."""
    root = tmp_path_factory.mktemp("models")
    tiny_vision.build_convolutional(root)
    tiny_vision.build(root)
    return root


def by_heart(model: str, method: str, models: Path, folder: Path, **params: Any) -> tuple[int, list[dict[str, Any]]]:
    rows = ObjectDetection.sample()[:8]
    parts = [row | {"split": part} for part in ("train", "validation", "test") for row in rows]
    still = {"flip": False, "brightness": 0.0, "zoom": 0.0, "resolution": 64, "patience": 100}
    fields = {"task": "object-detection", "model": model, "method": method, "params": still | params}
    spec = command.write_spec(folder, parts, **fields)
    return command.call(models, "run", spec, "--out", folder / "out")


@pytest.mark.parametrize(("model", "method"), [("local:tiny-resnet", "full"), ("scratch:points", "scratch")])
def test_points_by_heart(model: str, method: str, encoder: Path, tmp_path: Path) -> None:
    code, events = by_heart(model, method, encoder, tmp_path, epochs=80)
    assert code == 0, events[-1]
    assert events[-1]["metrics"]["map_50"] > 0.9
    exported = json.loads((tmp_path / "out" / "artifact" / "onnx" / "export.json").read_text("utf-8"))
    assert exported["agreement"] > 0.99
    base = f"artifact:{tmp_path / 'out' / 'artifact'}"
    slow = {"learning_rate": 1e-5, "head_learning_rate": 1e-5}
    code, events = by_heart(base, "full", encoder, tmp_path / "more", epochs=1, **slow)
    assert code == 0, events[-1]
    assert events[-1]["metrics"]["map_50"] > 0.8, "a trained one is gone on from"


def test_an_encoder_without_feature_maps_is_told(encoder: Path, tmp_path: Path) -> None:
    code, events = by_heart("local:tiny-vit", "full", encoder, tmp_path, epochs=1)
    assert code == 2
    assert "feature maps" in events[-1]["message"]
    assert "scratch:points" in events[-1]["hint"]


def test_blobs_and_distances() -> None:
    """One object of 16 × 8 pixels about the middle of a picture of 64: cells of 8 pixels."""
    target = {"boxes": torch.tensor([[0.5, 0.5, 0.25, 0.125]]), "class_labels": torch.tensor([1])}
    blobs, cells, distances, weights = points.build_targets(target, (2, 8, 8), torch.device("cpu"))
    assert blobs[1, 4, 4] == 1
    assert not blobs[0].any()
    middle = cells.tolist().index(4 * 8 + 4)
    assert distances[middle].tolist() == [1.5, 1.0, 0.5, 0.0]
    assert weights.sum().item() == pytest.approx(1 + np.log(2), rel=1e-5)
    empty = {"boxes": torch.zeros(0, 4), "class_labels": torch.zeros(0, dtype=torch.long)}
    blobs, cells, *_rest = points.build_targets(empty, (2, 8, 8), torch.device("cpu"))
    assert not blobs.any()
    assert not len(cells)


def test_boxes_through_a_window() -> None:
    """Seen at twice the size about its middle, a box doubles; one at the edge is left out."""
    found = np.array([[0.5, 0.5, 0.2, 0.1], [0.05, 0.05, 0.1, 0.1], [0.25, 0.5, 0.2, 0.2]])
    placed, seen = boxes.crop_boxes(found, 0.5, 0.5, 0.5)
    assert placed[0] == pytest.approx([0.5, 0.5, 0.4, 0.2])
    assert seen.tolist() == [True, False, True]
    assert placed[2] == pytest.approx([0.1, 0.5, 0.2, 0.4]), "half of it is cut away"


def test_pictures_and_boxes_are_zoomed_alike() -> None:
    pixels = torch.full((1, 64, 64, 3), 0.0)
    pixels[0, 24:40, 16:32] = 255
    window = np.array([[0.6, 0.4, 0.5]])
    shown = detection.warp(pixels, window)[0, :, :, 0] > 200
    rows, columns = shown.nonzero().T
    placed, _seen = boxes.crop_boxes(np.array([[24 / 64, 0.5, 0.25, 0.25]]), *window[0])
    (left, top, right, bottom) = boxes.corners(placed)[0] * 64
    assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == pytest.approx(
        [left, top, right, bottom], abs=1.5
    )


@pytest.mark.skipif(not SETS.is_dir(), reason="the real sets are not there")
@pytest.mark.parametrize("name", ["bccd_coco.zip", "raccoon_voc.zip"])
def test_real_sets_go_the_whole_way(name: str, models: Path, tmp_path: Path) -> None:
    code, events = command.call(models, "inspect", SETS / name, "--out", tmp_path / "version")
    assert code == 0, events[-1]
    spec = {"dataset": {"path": str(tmp_path / "version")}, "model": "local:tiny-detector", "params": {"epochs": 1}}
    (tmp_path / "spec.json").write_text(json.dumps(spec | {"task": "object-detection"}))
    code, events = command.call(models, "run", tmp_path / "spec.json", "--out", tmp_path / "out")
    assert code == 0, events[-1]
    picture = next((tmp_path / "version" / "media").iterdir())
    (tmp_path / "inputs.txt").write_text(str(picture))
    artifact = tmp_path / "out" / "artifact"
    code, answers = command.call(models, "predict", artifact, "--input", tmp_path / "inputs.txt")
    assert code == 0
    assert "objects" in answers[0]


def test_the_small_detector_is_told_as_it_is_built() -> None:
    told = point_net.describe("scratch:points", 64, 2)
    built = points.PointDetector(points.SmallBackbone(), ["a", "b"], Preprocess(64, 64))
    heat, sides = built.maps(built.example(1))
    assert told["parameters"] == sum(value.numel() for value in built.parameters())
    assert told["layers"][-1]["shape"] == [heat.shape[1] + sides.shape[1], *heat.shape[2:]]
    assert next(card for card in ObjectDetection.models if card.ref == "scratch:points").parameters == pytest.approx(
        told["parameters"], rel=0.1
    )


def test_an_object_found_twice_is_told_once() -> None:
    """Two boxes over each other are one object; those of another label, or that overlap little, are others."""
    output = np.array(
        [
            [0.9, 0.0, 0.5, 0.5, 0.4, 0.4],
            [0.8, 0.0, 0.51, 0.5, 0.4, 0.4],
            [0.0, 0.7, 0.5, 0.5, 0.4, 0.4],
            [0.6, 0.0, 0.7, 0.5, 0.4, 0.4],
        ]
    )
    found = boxes.above(boxes.objects_of(output), 0.1)
    assert found.scores.tolist() == [0.9, 0.7, 0.6]
