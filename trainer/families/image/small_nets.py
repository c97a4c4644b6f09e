"""The small nets of `trainer.nets`, made of torch."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from trainer import answers, models, nets
from trainer.errors import ModelError, SpecError
from trainer.families.image.model import PictureModel, Reading
from trainer.learning.heads import head_of
from trainer.messages import _
from trainer.pictures import Preprocess

KIND = "maquette-net"
"""`model_type` in config.json."""
WEIGHTS, CONFIG = "model.safetensors", "config.json"
ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
RUNNING = 0.1
"""Share of a batch in a batch norm's running figures."""


class Residual(nn.Module):
    """Two convolutions, and what came in added to what they make (He et al. 2016)."""

    def __init__(self, layer: nets.Layer, before: int) -> None:
        super().__init__()
        channels, stride, norm = layer["channels"], layer["stride"], layer["norm"]
        self.first = convolution(before, channels, 3, stride, norm)
        self.second = convolution(channels, channels, 3, 1, norm)
        self.beside = convolution(before, channels, 1, stride, norm) if nets.changes(layer, before) else nn.Identity()
        self.activation = ACTIVATIONS[layer["activation"]]()

    def forward(self, values: Tensor) -> Tensor:
        return self.activation(self.second(self.activation(self.first(values))) + self.beside(values))


def convolution(before: int, channels: int, kernel: int, stride: int, norm: bool) -> nn.Module:
    conv = nn.Conv2d(before, channels, kernel, stride, kernel // 2, bias=not norm)
    return nn.Sequential(conv, nn.BatchNorm2d(channels, momentum=RUNNING)) if norm else conv


def module_of(layer: nets.Layer, before: nets.Shape) -> nn.Module:
    kind = layer["kind"]
    if kind == "dense":
        return nn.Linear(before[0], layer["size"], bias=layer["bias"])
    if kind == "conv":
        kernel = layer["kernel"]
        return nn.Conv2d(before[0], layer["channels"], kernel, layer["stride"], kernel // 2, bias=layer["bias"])
    if kind == "norm":
        return (nn.BatchNorm1d if len(before) == 1 else nn.BatchNorm2d)(before[0], momentum=RUNNING)
    simple = {
        "residual": lambda: Residual(layer, before[0]),
        "activation": lambda: ACTIVATIONS[layer["name"]](),
        "pool": lambda: nn.MaxPool2d(2),
        "global_pool": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        "flatten": nn.Flatten,
        "dropout": lambda: nn.Dropout(layer["share"]),
    }
    return simple[kind]()


class SmallNet(nn.Module):
    """`outputs = head(body(values))`, values (batch, *shape) → (batch, outputs) of this kind of `answer`."""

    def __init__(self, layers: Sequence[nets.Layer], shape: nets.Shape, labels: int, answer: str) -> None:
        super().__init__()
        shapes = [shape, *(after for after, _weights in nets.walk(layers, shape))]
        modules = [module_of(layer, before) for layer, before in zip(layers, shapes, strict=False)]
        self.body = nn.Sequential(*modules).to(memory_format=torch.channels_last)
        self.head = head_of(shapes[-1][0], labels, answer)

    def features(self, values: Tensor) -> Tensor:
        return self.body(values)

    def forward(self, values: Tensor) -> Tensor:
        return self.head(self.features(values))


def build_net(
    layers: Sequence[nets.Layer], shape: nets.Shape, labels: int, first_weights: str = "", answer: str = "class"
) -> SmallNet:
    """A net with its first weights: random, or those of another model where the shapes agree."""
    net = SmallNet(layers, shape, labels, answer)
    kind, colon, _path = first_weights.partition(":")
    bent = any(layer.get("name", layer.get("activation")) in ("tanh", "sigmoid") for layer in layers)
    randomise(net, "xavier" if bent else "he") if colon or not kind else randomise(net, first_weights)
    if colon:
        take_weights(net, models.resolve(first_weights))
    return net


def randomise(net: nn.Module, kind: str) -> None:
    fill = {
        "he": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
        "xavier": nn.init.xavier_uniform_,
        "normal": lambda weight: nn.init.normal_(weight, std=0.02),
        "uniform": lambda weight: nn.init.uniform_(weight, -0.05, 0.05),
    }
    if kind not in fill:
        raise SpecError(
            _("params.initial_weights: “%(kind)s” is not a kind of first weights.", kind=kind),
            code="bad_params",
            hint=_("Write %(names)s or artifact:PATH.", names=", ".join(nets.RANDOM)),
        )
    for module in net.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            fill[kind](module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def take_weights(net: nn.Module, folder: Path) -> int:
    """Copy the tensors of a trained net's body that have the same name and shape; how many. `ModelError` where none has."""
    given, own = load_file(folder / WEIGHTS), net.state_dict()
    same = {
        name: value
        for name, value in given.items()
        if name.startswith("body.") and name in own and own[name].shape == value.shape
    }
    if not any(name.endswith("weight") for name in same):
        raise ModelError(
            _("No layer of the trained model has the shape of a layer of this net."),
            hint=_("Give both nets the same sizes and resolution."),
        )
    net.load_state_dict(same, strict=False)
    return len(same)


class ScratchModel(PictureModel):
    """A small net over pixels."""

    reading: ClassVar[type[Reading]] = Preprocess
    """What its inputs are read by."""

    def __init__(
        self,
        layers: list[nets.Layer],
        labels: list[str],
        preprocess: Reading,
        first_weights: str = "",
        answer: str = "class",
    ) -> None:
        super().__init__(labels, preprocess, answer)
        height, width, channels = preprocess.shape
        net = build_net(layers, (channels, height, width), len(labels), first_weights, answer)
        self.layers, self.body, self.head = layers, net.body, net.head

    def features(self, pixels: Tensor) -> Tensor:
        return self.body(self.normalised(pixels)).float()

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: value.detach().contiguous() for name, value in self.state_dict().items()}
        save_file(weights, folder / WEIGHTS)
        self.preprocess.save(folder)
        config = {"model_type": KIND, "layers": self.layers, "answer": self.answer, "labels": self.labels}
        (folder / CONFIG).write_text(json.dumps(config, ensure_ascii=False, indent=2), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "ScratchModel":
        """A trained net from `artifact/model/`."""
        config = json.loads((folder / CONFIG).read_text("utf-8"))
        answer = answers.of_file(config).key
        model = cls(config["layers"], config["labels"], cls.reading.load(folder), answer=answer)
        model.load_state_dict(load_file(folder / WEIGHTS))
        return model.eval()

    @classmethod
    def of(cls, folder: Path, labels: list[str], preprocess: Reading, answer: str = "class") -> "ScratchModel":
        """A trained net under a new head, to learn other labels or another kind of answer."""
        config = json.loads((folder / CONFIG).read_text("utf-8"))
        model = cls(config["layers"], labels, preprocess, answer=answer)
        take_weights(model, folder)
        return model


def is_net(folder: Path) -> bool:
    config: dict[str, Any] = json.loads((folder / CONFIG).read_text("utf-8"))
    return config.get("model_type") == KIND
