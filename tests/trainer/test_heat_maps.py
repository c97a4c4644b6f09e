"""Heat maps of pictures: where the network is warm, and that what is warm is what the answer depends on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer import tiny_vision
from tests.trainer.command import call, write_spec
from trainer.families.image.heat_maps import HeatEngine, grad_cam, heat_of_regions, method_of, rollout
from trainer.families.image.model import VisionModel, load_encoder
from trainer.families.image.small_nets import ScratchModel
from trainer.inference import faithfulness, open_with_network
from trainer.pictures import Preprocess
from trainer.tasks.image_classification import ImageClassification

QUARTERS = [[0, 0, 0.5, 0.5], [0.5, 0, 0.5, 0.5], [0, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]


def test_what_is_seen_is_warm() -> None:
    """A net whose first channel is the brightness and speaks for the first label: the bright corner is warm, whatever is dark."""
    layers: list[dict[str, Any]] = [
        {"kind": "conv", "channels": 2, "kernel": 1, "stride": 1, "bias": False},
        {"kind": "global_pool"},
    ]
    net = ScratchModel(layers, ["bright", "dark"], Preprocess(16, 16)).eval()
    with torch.no_grad():
        net.body[0].weight.zero_()
        net.body[0].weight[0] = 1
        net.head.weight.copy_(torch.eye(2))
    pixels = torch.full((1, 16, 16, 3), 128, dtype=torch.uint8)
    pixels[0, :8, 8:] = 255
    assert method_of(net) == "grad_cam"
    heat = heat_of_regions(grad_cam(net, pixels, torch.tensor([1.0, -1.0])), QUARTERS)
    assert heat.argmax() == 1
    assert heat[1] > 0.9
    assert heat.sum() == pytest.approx(1, abs=1e-4)
    assert heat_of_regions(grad_cam(net, pixels, torch.tensor([-1.0, 1.0])), QUARTERS).argmax() != 1


def test_attention_that_is_even_leaves_an_even_map(tmp_path: Path) -> None:
    encoder = load_encoder(tiny_vision.build(tmp_path), "eager")
    model = VisionModel(encoder, ["a", "b"], Preprocess(32, 32)).eval()
    pixels = model.example(1)
    assert method_of(model) == "attention_rollout"
    heat = rollout(model, pixels)
    assert heat.shape == (4, 4)
    assert float(heat.std()) > 0
    for name, weight in encoder.named_parameters():
        if "query" in name or "q_proj" in name:
            torch.nn.init.zeros_(weight)
    even = rollout(model, pixels)
    assert np.allclose(even, even.mean(), atol=1e-6)
    assert np.allclose(heat_of_regions(even, QUARTERS), 0.25, atol=1e-3)


def test_convolutional_encoders_have_a_map(tmp_path: Path) -> None:
    model = VisionModel(load_encoder(tiny_vision.build_convolutional(tmp_path)), ["a", "b"], Preprocess(64, 64)).eval()
    assert method_of(model) == "grad_cam"
    assert grad_cam(model, model.example(1), torch.tensor([1.0, -1.0])).shape == (2, 2)


def test_a_cold_map_says_nothing() -> None:
    assert heat_of_regions(torch.zeros(3, 3), QUARTERS).tolist() == [0, 0, 0, 0]


def test_answers_are_explained_and_the_methods_compared(models: Path, tmp_path: Path) -> None:
    """By the commands, on a net that learned to tell red pictures from blue ones."""
    fields = {"task": "image-classification", "model": "scratch:cnn-32-64-128"}
    params = {"epochs": 4, "resolution": 32, "sizes": "8-16"}
    spec = write_spec(tmp_path, ImageClassification.sample(), method="scratch", params=params, **fields)
    assert call(models, "inspect", tmp_path / "data.zip", "--out", tmp_path / "version")[0] == 0
    told = json.loads(spec.read_text("utf-8")) | {"dataset": {"path": str(tmp_path / "version")}}
    spec.write_text(json.dumps(told), "utf-8")
    code, events = call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    engine = open_with_network(tmp_path / "out" / "artifact")
    assert isinstance(engine, HeatEngine)
    seen = engine.explain(engine.warm_input(), "grad_cam")
    assert (seen["method"], seen["unit"], len(seen["parts"])) == ("grad_cam", "share", 49)
    found = faithfulness(tmp_path / "out" / "artifact", tmp_path / "version")
    assert found["rows"] == 0 or {each["method"] for each in found["methods"]} == {"occlusion", "grad_cam"}
