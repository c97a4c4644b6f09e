"""Explanations of texts by the gradients of the network: what the weights add up to, and which word they are of."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.trainer.command import call
from trainer.families.text.gradients import GradientEngine
from trainer.inference import faithfulness, open_with_network
from trainer.tasks.text_classification import TextClassification


@pytest.fixture(scope="module")
def trained(models: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(artifact, version) of a tiny model that tells lovely from dreadful places."""
    folder = tmp_path_factory.mktemp("gradients")
    lines = [json.dumps(row) for row in TextClassification.sample()]
    (folder / "rows.jsonl").write_text("\n".join(lines), "utf-8")
    code, _events = call(models, "inspect", folder / "rows.jsonl", "--out", folder / "version")
    assert code == 0
    spec = {"task": "text-classification", "model": "local:tiny", "method": "full", "params": {"epochs": 8}}
    spec |= {"dataset": {"path": str(folder / "version")}, "hardware": {"threads": 1}}
    (folder / "spec.json").write_text(json.dumps(spec), "utf-8")
    code, events = call(models, "run", folder / "spec.json", "--out", folder / "out")
    assert code == 0, events[-1]
    return folder / "out" / "artifact", folder / "version"


def test_the_weights_lead_from_no_words_to_the_answer(trained: tuple[Path, Path]) -> None:
    engine = open_with_network(trained[0])
    assert isinstance(engine, GradientEngine)
    text = "what a lovely cafe today, we had a wonderful time"
    encoding = engine.tokenizer.encode(text)
    weights = engine.token_weights("integrated_gradients", text, encoding.ids, encoding.special_tokens_mask)
    assert np.allclose(weights[np.array(encoding.special_tokens_mask) == 1], 0, atol=1e-6), "the marks stay"
    direction = engine.scoring.direction(engine.outputs([text])[0], engine.manifest)
    empty = [each if mark else 0 for each, mark in zip(encoding.ids, encoding.special_tokens_mask, strict=True)]
    with torch.no_grad():
        ends = engine.network(torch.tensor([encoding.ids, empty]), torch.ones(2, len(empty), dtype=torch.long))
    difference = float((ends[0] - ends[1]).double().numpy() @ direction)
    assert weights.sum() == pytest.approx(difference, rel=0.05, abs=0.02)


def test_words_are_explained_and_the_methods_compared(trained: tuple[Path, Path], models: Path) -> None:
    artifact, version = trained
    engine = open_with_network(artifact)
    text = "what a lovely cafe today, we had a wonderful time"
    for method in ("integrated_gradients", "gradient_shap"):
        told = engine.explain(text, method)
        assert (told["method"], told["unit"]) == (method, "log_odds")
        assert [part["text"] for part in told["parts"]][:3] == ["what", "a", "lovely"]
        assert told == engine.explain(text, method), "the same every time"
        best = max(told["parts"], key=lambda part: part["weight"])["text"]
        assert best in ("lovely", "wonderful", "what", "had", "we", "time"), "words of one label alone"
    found = faithfulness(artifact, version)
    assert {each["method"] for each in found["methods"]} == {
        "occlusion",
        "lime",
        "integrated_gradients",
        "gradient_shap",
    }
