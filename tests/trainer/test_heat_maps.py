"""Heat maps of pictures: where the network is warm, and that what is warm is what the answer depends on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer import tiny_vision
from tests.trainer.command import call, write_spec
from trainer.engines import open_engine, open_session
from trainer.engines.heat import HeatMaps, files_of, shares_of
from trainer.engines.image import ImageEngine
from trainer.families.image.heat_maps import NetworkEngine, grad_cam, method_of, rollout
from trainer.families.image.model import PictureModel, VisionModel, load_encoder, write_network_heat
from trainer.families.image.small_nets import ScratchModel
from trainer.inference import faithfulness, open_with_network
from trainer.packaging.export import quiet, write_int8
from trainer.packaging.graphs import write_graph
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
    heat = shares_of(grad_cam(net, pixels, torch.tensor([1.0, -1.0])).numpy(), QUARTERS)
    assert heat.argmax() == 1
    assert heat[1] > 0.9
    assert heat.sum() == pytest.approx(1, abs=1e-4)
    assert shares_of(grad_cam(net, pixels, torch.tensor([-1.0, 1.0])).numpy(), QUARTERS).argmax() != 1


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
    assert np.allclose(shares_of(even.numpy(), QUARTERS), 0.25, atol=1e-3)


def test_convolutional_encoders_have_a_map(tmp_path: Path) -> None:
    model = VisionModel(load_encoder(tiny_vision.build_convolutional(tmp_path)), ["a", "b"], Preprocess(64, 64)).eval()
    assert method_of(model) == "grad_cam"
    assert grad_cam(model, model.example(1), torch.tensor([1.0, -1.0])).shape == (2, 2)


def test_a_cold_map_says_nothing() -> None:
    assert shares_of(np.zeros((3, 3)), QUARTERS).tolist() == [0, 0, 0, 0]


def test_heat_is_interpolated_as_pictures_are() -> None:
    """A fine grid of shares is what torch makes of the map."""
    heat = np.random.default_rng(0).random((5, 7))
    boxes = [[x / 28, y / 28, 1 / 28, 1 / 28] for y in range(28) for x in range(28)]
    fine = torch.nn.functional.interpolate(torch.from_numpy(heat)[None, None], (224, 224), mode="bilinear")
    expected = torch.nn.functional.avg_pool2d(fine, 8)[0, 0].flatten() * 64
    assert np.allclose(shares_of(heat, boxes), expected / expected.sum(), atol=1e-6)


def net_of(*layers: dict[str, Any], size: int = 16) -> ScratchModel:
    torch.manual_seed(0)
    return ScratchModel(list(layers), ["a", "b", "c"], Preprocess(size, size)).eval()


CONV = {"kind": "conv", "channels": 6, "kernel": 3, "stride": 2, "bias": True}
RELU = {"kind": "activation", "name": "relu"}
DENSE = ({"kind": "dense", "size": 12, "bias": True}, RELU)


def packaged(network: PictureModel, folder: Path) -> HeatMaps | None:
    with quiet():
        write_graph(network, network.example(), folder / "graph.onnx")
        write_network_heat(network, folder / "graph.onnx")
    return HeatMaps(folder / "graph.onnx", 1) if files_of(folder / "graph.onnx") else None


def networks(folder: Path) -> dict[str, PictureModel]:
    """Of each kind: a linear layer over the means of the map, layers over the means, layers over the map itself, encoders."""
    return {
        "class activation": net_of(CONV, RELU, {"kind": "global_pool"}),
        "layers over means": net_of(CONV, RELU, {"kind": "global_pool"}, *DENSE),
        "layers over the map": net_of(CONV, RELU, CONV, RELU, {"kind": "flatten"}, *DENSE),
        "ResNet": VisionModel(
            load_encoder(tiny_vision.build_convolutional(folder)), ["a", "b", "c"], Preprocess(64, 64)
        ),
    }


def test_maps_without_torch_are_those_by_gradients(tmp_path: Path) -> None:
    direction = np.array([-0.5, 1.0, -0.5])
    for name, network in networks(tmp_path).items():
        own, pixels = packaged(network.eval(), tmp_path), network.example(1)
        assert own is not None
        assert own.method == method_of(network) == "grad_cam"
        right = grad_cam(network, pixels, torch.from_numpy(direction).float()).numpy()
        heat = own.heat(pixels[0].numpy(), lambda _answer: direction)
        assert heat.shape == right.shape
        assert np.allclose(heat / heat.sum(), right / right.sum(), atol=2e-3), name
        for path in files_of(tmp_path / "graph.onnx"):
            path.unlink()


def test_attention_without_torch_is_that_of_the_network(tmp_path: Path) -> None:
    """Of integers as well, in which tensors have the same names."""
    network = VisionModel(load_encoder(tiny_vision.build(tmp_path), "eager"), ["a", "b"], Preprocess(32, 32)).eval()
    own, pixels = packaged(network, tmp_path), network.example(1)
    assert own is not None
    right = rollout(network, pixels).numpy()
    assert np.allclose(own.heat(pixels[0].numpy(), np.asarray), right, atol=1e-4)
    with quiet():
        write_int8(tmp_path / "graph.onnx", tmp_path / "small.onnx")
    own.path = tmp_path / "small.onnx"
    own.__dict__.pop("session")
    assert np.allclose(own.heat(pixels[0].numpy(), np.asarray), right, rtol=0.2)
    assert own.bytes == own.path.stat().st_size


@pytest.mark.parametrize("layers", [({"kind": "flatten"}, *DENSE), ({"kind": "flatten"},)])
def test_a_net_without_features_that_have_a_place_has_no_map(
    layers: tuple[dict[str, Any], ...], tmp_path: Path
) -> None:
    assert packaged(net_of(*layers), tmp_path) is None


def test_what_is_appended_to_a_graph_leaves_its_answers_as_they_are(tmp_path: Path) -> None:
    own = packaged(net_of(CONV, RELU, {"kind": "global_pool"}), tmp_path)
    assert own is not None
    pixels = {"pixels": net_of(CONV).example(3).numpy()}
    plain = open_session(own.path, 1).run(["logits"], pixels)[0]
    assert np.array_equal(own.session.run(["logits"], pixels)[0], plain)


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
    artifact = tmp_path / "out" / "artifact"
    engine = open_engine(artifact)
    assert isinstance(engine, ImageEngine)
    value = engine.warm_input() + np.arange(32, dtype=np.uint8)[:, None, None]
    seen = engine.explain(value, "grad_cam")
    assert (seen["method"], seen["unit"], len(seen["parts"]), seen["calls"]) == ("grad_cam", "heat", 49, 1)
    assert engine.opened_since > 0
    found = faithfulness(artifact, tmp_path / "version")
    assert found["rows"] == 0 or {each["method"] for each in found["methods"]} == {"occlusion", "grad_cam"}
    for path in files_of(engine.path):
        path.unlink()
    assert open_engine(artifact).methods == ("occlusion",), "as it was packaged before there were heat maps"
    network = open_with_network(artifact)
    assert isinstance(network, NetworkEngine)
    assert np.allclose(network.explain(value, "grad_cam")["heat"], seen["heat"], atol=0.02)
