"""`probe` of a text's number reads all layers of the encoder, and what is packaged answers as it does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import FunnelConfig, FunnelModel

from tests.trainer import command
from tests.trainer.small_learning import Points, job_of
from trainer.families.text.encoder import ALL_LAYERS, EncoderClassifier, fresh, load_tokenizer
from trainer.learning.probe import cache_path
from trainer.tasks.text_classification import TextClassification
from trainer.tasks.text_regression import TextRegression

IDS = torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])


class Named(Points):
    def shown(self, rows: np.ndarray) -> list[str]:
        return [f"row {row}" for row in rows]


def settings_of(models: Path, folder: Path, rows: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    """What a run's packaged model says of itself."""
    spec = command.write_spec(folder, rows, **fields)
    code, events = command.call(models, "run", spec, "--out", folder / "out")
    assert code == 0, events[-1]
    settings: dict[str, Any] = json.loads((folder / "out" / "artifact" / "model" / "head.json").read_text("utf-8"))
    return settings


def test_a_text_is_the_mean_of_its_layers(models: Path) -> None:
    model = fresh(models / "tiny", [], answer="number", layers=ALL_LAYERS).eval()
    with torch.inference_mode():
        vectors = model.features(IDS, MASK)
        _words, *layers = model.encoder(input_ids=IDS, attention_mask=MASK, output_hidden_states=True).hidden_states
    assert len(layers) == 2
    expected = torch.stack([torch.stack([layer[0].mean(0), layer[1, :3].mean(0)]) for layer in layers]).mean(0)
    torch.testing.assert_close(vectors, expected)


def test_layers_of_unequal_lengths_have_no_mean(tmp_path: Path) -> None:
    config = FunnelConfig(
        vocab_size=60, block_sizes=[1, 1], num_decoder_layers=1, d_model=32, n_head=2, d_head=16, d_inner=64
    )
    FunnelModel(config).save_pretrained(tmp_path)
    model = fresh(tmp_path, [], answer="number", layers=ALL_LAYERS).eval()
    assert model.layers == "last"
    with torch.inference_mode():
        assert model(IDS, MASK).shape == (2, 1)


@pytest.mark.parametrize(("method", "layers"), [("probe", "mean"), ("full", "last")])
def test_numbers_are_probed_on_all_layers(models: Path, tmp_path: Path, method: str, layers: str) -> None:
    rows, params = TextRegression.sample(), {} if method == "probe" else {"epochs": 1}
    settings = settings_of(models, tmp_path, rows, task="text-regression", method=method, params=params)
    assert settings["layers"] == layers
    report = json.loads((tmp_path / "out" / "artifact" / "report.json").read_text("utf-8"))
    assert report["export"]["agreement_fp32"] == 1, "the graph reads the same layers"


def test_labels_are_probed_on_the_last_layer(models: Path, tmp_path: Path) -> None:
    settings = settings_of(models, tmp_path, TextClassification.sample(), task="text-classification", method="probe")
    assert (settings["layers"], settings["normalise"]) == ("last", True)


def test_a_model_from_before_reads_the_last_layer(models: Path, tmp_path: Path) -> None:
    fresh(models / "tiny", [], answer="number").save(tmp_path, load_tokenizer(models / "tiny"), 16)
    path = tmp_path / "head.json"
    settings = json.loads(path.read_text("utf-8"))
    del settings["layers"]
    path.write_text(json.dumps(settings), "utf-8")
    assert EncoderClassifier.load(tmp_path).layers == "last"


def test_vectors_of_all_layers_are_not_taken_for_those_of_the_last(models: Path, tmp_path: Path) -> None:
    job, known = job_of(tmp_path), np.arange(4)
    rows = Named(np.zeros((4, 2)), np.zeros(4), np.full(4, "train"), [])
    rows.folder = models / "tiny"
    assert len({cache_path(job, rows, known), cache_path(job, rows, known, "mean")}) == 2
