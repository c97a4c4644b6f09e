"""The nets that learn from nothing: told as layers, built of torch, trained, and built upon."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.trainer import command
from trainer import nets, tasks
from trainer.errors import ModelError, SpecError
from trainer.families.image import small_nets
from trainer.nets import NetParams

VARIANTS = (
    {},
    {"sizes": "8-16-24", "activation": "tanh", "dropout": 0.5},
    {"batch_norm": True, "residual": True, "activation": "gelu"},
    {"batch_norm": False, "residual": True, "dropout": 0.0},
    {"batch_norm": False, "residual": False, "activation": "sigmoid"},
)


@pytest.mark.parametrize("name", nets.NETS)
@pytest.mark.parametrize("params", VARIANTS, ids=str)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 33, 21)], ids=str)
def test_told_counts_and_shapes_are_torchs(name: str, params: dict[str, object], shape: tuple[int, ...]) -> None:
    settings = NetParams(**params)
    told = nets.describe(f"scratch:{name}", settings, shape, 10)
    layers = nets.layers_of(nets.find(name), settings)
    net = small_nets.build_net(layers, shape, 10).eval()
    modules = [*net.body, net.head]
    values = torch.zeros(2, *shape)
    for layer, module in zip(told["layers"], modules, strict=True):
        values = module(values)
        assert list(values.shape[1:]) == layer["shape"]
        assert sum(value.numel() for value in module.parameters()) == layer["parameters"]
    assert told["parameters"] == sum(value.numel() for value in net.parameters())


def test_the_perceptron_of_the_textbooks() -> None:
    told = nets.describe("scratch:mlp-128", NetParams(), None, 10)
    assert told["parameters"] == 784 * 128 + 128 + 128 * 10 + 10
    assert [layer["kind"] for layer in told["layers"]] == ["flatten", "dense", "activation", "dense"]


def test_settings_that_cannot_be_built_are_told() -> None:
    with pytest.raises(SpecError, match="no small net"):
        nets.find("scratch:transformer")
    with pytest.raises(SpecError, match="too small"):
        nets.describe("cnn-32-64-128", NetParams(sizes="4-4-4-4-4-4"), (1, 8, 8), 2)
    with pytest.raises(SpecError, match="units"):
        nets.describe("mlp-128", NetParams(sizes="0-4"), (1, 8, 8), 2)
    with pytest.raises(SpecError, match="kind of first weights"):
        small_nets.build_net([{"kind": "flatten"}], (1, 4, 4), 2, "lucky")


@pytest.mark.parametrize("kind", nets.RANDOM)
def test_first_weights_are_drawn_as_asked(kind: str) -> None:
    torch.manual_seed(0)
    layers = nets.layers_of(nets.NETS["mlp-128"], NetParams())
    weight = small_nets.build_net(layers, (1, 28, 28), 10, kind).body[1].weight
    spread = {"he": (2 / 784) ** 0.5, "xavier": (2 / (784 + 128)) ** 0.5, "normal": 0.02, "uniform": 0.05 / 3**0.5}
    assert weight.std().item() == pytest.approx(spread[kind], rel=0.03)


def test_a_number_comes_out_where_there_are_no_labels() -> None:
    net = small_nets.build_net(nets.layers_of(nets.NETS["cnn-32-64-128"], NetParams()), (1, 28, 28), 0, answer="number")
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 1)
    assert isinstance(net.head, nn.Linear)


@pytest.fixture(scope="module")
def trained(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("net")
    sample = tasks.get("image-classification").sample()
    params = {"epochs": 2, "sizes": "8-16-32", "resolution": 16}
    spec = command.write_spec(
        folder, sample, task="image-classification", method="scratch", model="scratch:resnet-small", params=params
    )
    code, events = command.call(models, "run", spec, "--out", folder / "out")
    assert code == 0, events[-1]
    return folder / "out" / "artifact"


def run_on(trained: Path, models: Path, folder: Path, **fields: object) -> list[dict[str, object]]:
    task = str(fields.pop("task", "image-classification"))
    spec = command.write_spec(folder, tasks.get(task).sample(), task=task, **fields)
    return command.call(models, "run", spec, "--out", folder / "out")[1]


@pytest.mark.parametrize("method", ["probe", "full"])
def test_a_trained_net_is_built_upon(trained: Path, models: Path, tmp_path: Path, method: str) -> None:
    params = {"epochs": 1} if method == "full" else {}
    fields = {"model": f"artifact:{trained}", "method": method, "params": params, "task": "image-regression"}
    events = run_on(trained, models, tmp_path, **fields)
    assert events[-1]["type"] == "result", events[-1]
    net = json.loads((tmp_path / "out" / "artifact" / "model" / "config.json").read_text())
    assert net["layers"] == json.loads((trained / "model" / "config.json").read_text())["layers"]


def test_given_first_weights_are_taken(trained: Path) -> None:
    layers = json.loads((trained / "model" / "config.json").read_text())["layers"]
    given = small_nets.ScratchModel.load(trained / "model").state_dict()
    net = small_nets.build_net(layers, (3, 16, 16), 5, f"artifact:{trained}")
    for name, value in net.body.state_dict().items():
        assert torch.equal(value, given[f"body.{name}"])
    with pytest.raises(ModelError, match="shape"):
        small_nets.build_net(nets.layers_of(nets.NETS["mlp-128"], NetParams()), (3, 16, 16), 5, f"artifact:{trained}")


@pytest.mark.parametrize("method", ["probe", "lora"])
def test_nothing_learned_is_nothing_to_build_on(models: Path, tmp_path: Path, method: str) -> None:
    events = run_on(tmp_path, models, tmp_path, model="scratch:mlp-128", method=method)
    assert events[-1]["code"] == "bad_model"
    assert "scratch" in str(events[-1]["hint"])


def test_describe_prints_the_layers(models: Path, tmp_path: Path) -> None:
    sample = tasks.get("image-classification").sample()
    fields = {
        "task": "image-classification",
        "model": "scratch:cnn-32-64-128",
        "params": {"sizes": "4-8", "resolution": 12},
    }
    spec = command.write_spec(tmp_path, sample, method="scratch", **fields)
    told = tasks.get("image-classification").describe(command_spec(spec))
    assert (told["input"], told["outputs"]) == ([1, 12, 12], 10)
    version = tmp_path / "version"
    assert command.call(models, "inspect", tmp_path / "data.zip", "--out", version)[0] == 0
    spec.write_text(json.dumps(json.loads(spec.read_text()) | {"dataset": {"path": str(version)}}))
    told = tasks.get("image-classification").describe(command_spec(spec))
    assert (told["input"], told["outputs"]) == ([3, 12, 12], 2)


def command_spec(path: Path) -> object:
    from trainer.spec import load

    return load(path)
