"""Search in two stages: a model that reads query and text together orders what vectors and words find."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer import command
from trainer.engines import open_engine
from trainer.similarity.corpus import Found
from trainer.similarity.reranking import DEPTH, reorder

THINGS = ("kettle", "lamp", "bicycle", "printer", "window", "camera")


@pytest.fixture(scope="module")
def artifact(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    rows = [
        {"query": f"lovely {thing} {number}", "positive": f"a {thing} {number} for the cafe"}
        for thing in THINGS
        for number in range(12)
    ]
    fields = {"task": "sentence-similarity", "method": "reranker", "model": "local:tiny"}
    spec = command.write_spec(folder, rows, **fields, params={"epochs": 1, "max_length": 32})
    code, events = command.call(models, "run", spec, "--out", folder / "out")
    assert code == 0, events[-1]
    return folder / "out" / "artifact"


def test_the_first_ones_are_ordered_anew_and_the_rest_stays_behind() -> None:
    found = Found(np.array([7, 3, 5, 9]), np.array([0.9, 0.8, 0.7, 0.1], dtype=np.float32))
    assert reorder(found, np.array([0.0, 1.0, 3.0]), 1.0).places.tolist() == [5, 3, 7, 9]
    assert reorder(found, np.array([0.0, 1.0, 3.0]), 0.0).places.tolist() == [7, 3, 5, 9]
    mixed = reorder(found, np.array([0.0, 3.0, 1.0]), 0.5)
    assert mixed.places.tolist() == [3, 7, 5, 9]
    assert mixed.scores.tolist() == pytest.approx([0.75, 0.5, 1 / 6, 0.0])
    assert reorder(found, np.zeros(0), 0.5).places.tolist() == [7, 3, 5, 9]


def test_both_stages_are_packaged_and_answer_as_they_did(artifact: Path) -> None:
    assert (artifact / "onnx" / "reranker.onnx").is_file()
    report = json.loads((artifact / "report.json").read_text("utf-8"))
    assert {"bm25", "untrained"} <= set(report["baselines"])
    assert report["export"]["agreement_fp32"] > 0.95
    manifest = json.loads((artifact / "manifest.json").read_text("utf-8"))
    assert "onnx/reranker.onnx" in manifest["files"]


def test_a_mixed_batch_is_answered_as_one_by_one(artifact: Path) -> None:
    engine = open_engine(artifact, "onnx-fp32", verify=True)
    asked: list[Any] = [
        "lovely kettle 3",
        {"query": "window", "top": 60},
        {"first": "lovely lamp 1", "second": "a lamp 1 for the cafe"},
        {"embed": "lamp"},
    ]
    inputs = [engine.read(value) for value in asked]
    together, alone = engine.predict(inputs), [engine.predict([one])[0] for one in inputs]
    for one, other in zip(together[:2], alone[:2], strict=True):
        assert [match["row"] for match in one["matches"]] == [match["row"] for match in other["matches"]]
    assert together[2]["score"] == pytest.approx(alone[2]["score"], abs=1e-4)
    assert 0 < together[2]["score"] < 1
    assert len(together[1]["matches"]) == 60 > DEPTH
    scores = [match["score"] for match in together[1]["matches"]]
    assert scores == sorted(scores, reverse=True)
