"""Small nets that learn from nothing, as lists of layers: what can be drawn, counted and edited before anything is built.

Light: standard library and pydantic. `trainer.families.image.small_nets.build_net` makes them of torch.

A layer is a dict with `kind`: dense (size), conv (channels, kernel, stride), residual (channels, stride, activation,
norm), norm, activation (name), pool, global_pool, flatten, dropout (share). Shapes are (channels, height, width) or
(values,).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trainer.errors import SpecError
from trainer.messages import _, gettext_noop
from trainer.params import IN_STEPS, Params, Searched, advanced

Layer = dict[str, Any]
Shape = tuple[int, ...]
RANDOM = ("he", "xavier", "normal", "uniform")
"""Kinds of random first weights: He et al. 2015, Glorot and Bengio 2010, a narrow normal, a narrow uniform."""
MOST_LAYERS, LARGEST_LAYER = 12, 8192


class NetParams(Params):
    """Settings of the `scratch:` models; other models take no notice of them."""

    sizes: str = advanced(
        "",
        gettext_noop("Layer sizes"),
        gettext_noop(
            "For small nets: channels or units of each hidden layer, such as 64-128-1024. Empty: the net’s default."
        ),
        pattern=r"^(\d{1,4}(-\d{1,4}){0,11})?$",
    )
    activation: Literal["relu", "gelu", "tanh", "sigmoid"] = advanced(
        "relu", gettext_noop("Activation"), gettext_noop("For small nets: the function after each layer.")
    )
    dropout: float | None = advanced(
        None,
        gettext_noop("Dropout"),
        gettext_noop("For small nets: share of values dropped at random during training."),
        Searched(low=0.0, high=0.5, methods=IN_STEPS),
        ge=0,
        lt=1,
    )
    batch_norm: bool | None = advanced(
        None,
        gettext_noop("Batch normalization"),
        gettext_noop("For small nets: brings each layer’s values to one scale. Empty: the net’s default."),
    )
    residual: bool | None = advanced(
        None,
        gettext_noop("Residual connections"),
        gettext_noop("For small convolutional nets: adds each block’s input to its output."),
    )
    initial_weights: str = advanced(
        "",
        gettext_noop("Initial weights"),
        gettext_noop(
            "For small nets: he, xavier, normal or uniform for random weights, or artifact:PATH for those of a trained model."
        ),
        max_length=500,
    )


@dataclass(frozen=True)
class Net:
    """`family`: mlp, cnn (convolutions with pooling, then one dense layer), resnet, or spectrogram (convolutions with
    pooling, then the mean over time and tones: it does not matter when something sounds)."""

    name: str
    family: str
    sizes: Shape
    shape: Shape
    """What it was thought out for; it takes other shapes as well."""
    title: str
    summary: str
    dropout: float = 0.0
    batch_norm: bool = False
    residual: bool = False


NETS = {
    net.name: net
    for net in (
        Net(
            "cnn-64-128-1024",
            "cnn",
            (64, 128, 1024),
            (3, 32, 32),
            gettext_noop("Convolutional net 64-128-1024"),
            gettext_noop("Trained from scratch; for a few thousand small color images. No download."),
            dropout=0.3,
            batch_norm=True,
        ),
        Net(
            "cnn-32-64-128",
            "cnn",
            (32, 64, 128),
            (1, 28, 28),
            gettext_noop("Convolutional net 32-64-128"),
            gettext_noop("Trained from scratch; for small gray images such as digits. No download."),
            dropout=0.2,
            batch_norm=True,
        ),
        Net(
            "resnet-small",
            "resnet",
            (32, 64, 128),
            (3, 32, 32),
            gettext_noop("Small residual net"),
            gettext_noop("Trained from scratch; deeper, slower and slightly better than the plain convolutional nets."),
            batch_norm=True,
            residual=True,
        ),
        Net(
            "mlp-128",
            "mlp",
            (128,),
            (1, 28, 28),
            gettext_noop("Perceptron 784-128-10"),
            gettext_noop("The textbook network: one hidden layer on the pixels. Trains in seconds."),
        ),
        Net(
            "mlp-256-128",
            "mlp",
            (256, 128),
            (1, 28, 28),
            gettext_noop("Perceptron 784-256-128-10"),
            gettext_noop("Two hidden layers on the pixels. Trains in seconds."),
        ),
    )
}


SOUND_NETS = {
    net.name: net
    for net in (
        Net(
            "cnn-logmel",
            "spectrogram",
            (16, 32, 64, 128),
            (1, 100, 64),
            gettext_noop("Convolutional net on spectrograms"),
            gettext_noop("Trained from scratch; for short sounds such as words, calls and knocks. No download."),
            dropout=0.2,
            batch_norm=True,
        ),
    )
}
"""Their shape is (1, frames, mels)."""


def find(ref: str, nets: dict[str, Net] = NETS) -> Net:
    """The net of `scratch:NAME`; `SpecError` lists those that exist."""
    name = ref.removeprefix("scratch:")
    if name not in nets:
        raise SpecError(
            _("There is no small net “%(name)s”.", name=name),
            code="bad_model",
            hint=_("Choose one of: %(names)s.", names=", ".join(f"scratch:{name}" for name in nets)),
        )
    return nets[name]


def layers_of(net: Net, params: NetParams) -> list[Layer]:
    """The hidden layers of a net as its settings want them."""
    sizes = tuple(int(size) for size in params.sizes.split("-")) if params.sizes else net.sizes
    if min(sizes) < 1 or max(sizes) > LARGEST_LAYER:
        raise SpecError(
            _("params.sizes: a layer has from 1 to %(largest_layer)s units.", largest_layer=LARGEST_LAYER),
            code="bad_params",
            hint=_("Change the sizes."),
        )
    norm = net.batch_norm if params.batch_norm is None else params.batch_norm
    share = net.dropout if params.dropout is None else params.dropout
    residual = net.residual if params.residual is None else params.residual
    makers = {"mlp": mlp, "cnn": cnn, "resnet": residual_net, "spectrogram": spectrogram_net}
    return makers[net.family](sizes, params.activation, norm, share, residual)


def dense_layers(size: int, activation: str, norm: bool, share: float) -> list[Layer]:
    return [{"kind": "dense", "size": size, "bias": not norm}, *activation_layers(activation, norm, share)]


def activation_layers(activation: str, norm: bool, share: float = 0.0) -> list[Layer]:
    layers: list[Layer] = [{"kind": "norm"}] if norm else []
    layers.append({"kind": "activation", "name": activation})
    return layers + ([{"kind": "dropout", "share": share}] if share else [])


def conv_layers(channels: int, activation: str, norm: bool) -> list[Layer]:
    return [
        {"kind": "conv", "channels": channels, "kernel": 3, "stride": 1, "bias": not norm},
        *activation_layers(activation, norm),
    ]


def residual_block(channels: int, activation: str, norm: bool, stride: int = 1) -> Layer:
    return {"kind": "residual", "channels": channels, "stride": stride, "activation": activation, "norm": norm}


def mlp(sizes: Shape, activation: str, norm: bool, share: float, residual: bool) -> list[Layer]:
    layers: list[Layer] = [{"kind": "flatten"}]
    for size in sizes:
        layers += dense_layers(size, activation, norm, share)
    return layers


def cnn(sizes: Shape, activation: str, norm: bool, share: float, residual: bool) -> list[Layer]:
    layers: list[Layer] = []
    for channels in sizes[:-1]:
        layers += [residual_block(channels, activation, norm)] if residual else conv_layers(channels, activation, norm)
        layers.append({"kind": "pool"})
    return [*layers, {"kind": "flatten"}, *dense_layers(sizes[-1], activation, norm, share)]


def residual_net(sizes: Shape, activation: str, norm: bool, share: float, residual: bool) -> list[Layer]:
    layers = conv_layers(sizes[0], activation, norm)
    for index, channels in enumerate(sizes):
        stride = 1 if index == 0 else 2
        if residual:
            layers.append(residual_block(channels, activation, norm, stride))
        else:
            layers += conv_layers(channels, activation, norm) + ([{"kind": "pool"}] if stride == 2 else [])
    layers.append({"kind": "global_pool"})
    return layers + ([{"kind": "dropout", "share": share}] if share else [])


def spectrogram_net(sizes: Shape, activation: str, norm: bool, share: float, residual: bool) -> list[Layer]:
    layers: list[Layer] = []
    for index, channels in enumerate(sizes):
        layers += [residual_block(channels, activation, norm)] if residual else conv_layers(channels, activation, norm)
        layers += [{"kind": "pool"}] if index < len(sizes) - 1 else []
    layers.append({"kind": "global_pool"})
    return layers + ([{"kind": "dropout", "share": share}] if share else [])


# Shapes and counts


def walk(layers: Sequence[Layer], shape: Shape) -> list[tuple[Shape, int]]:
    """(shape that comes out, weights that learn) of each layer; `SpecError` where pictures are too small for the net."""
    walked = []
    for layer in layers:
        shape, weights = apply_layer(layer, shape)
        if min(shape) < 1:
            raise SpecError(
                _("The input is too small for so many layers that halve it."),
                code="bad_params",
                hint=_("Give fewer sizes, or larger pictures or longer sounds."),
            )
        walked.append((shape, weights))
    return walked


def apply_layer(layer: Layer, shape: Shape) -> tuple[Shape, int]:
    """(shape that comes out of one layer, weights that learn)."""
    kind = layer["kind"]
    if kind == "dense":
        return (layer["size"],), (shape[0] + layer["bias"]) * layer["size"]
    if kind == "conv":
        channels, kernel = layer["channels"], layer["kernel"]
        weights = channels * (shape[0] * kernel**2 + layer["bias"])
        return (channels, *strided_sides(shape[1:], layer["stride"])), weights
    if kind == "residual":
        return (layer["channels"], *strided_sides(shape[1:], layer["stride"])), residual_weights(layer, shape[0])
    if kind == "norm":
        return shape, 2 * shape[0]
    if kind == "pool":
        return (shape[0], *(side // 2 for side in shape[1:])), 0
    if kind == "global_pool":
        return shape[:1], 0
    if kind == "flatten":
        return (product(shape),), 0
    return shape, 0


def strided_sides(sides: Shape, stride: int) -> Shape:
    return tuple(-(-side // stride) for side in sides)


def residual_weights(layer: Layer, before: int) -> int:
    """Two convolutions of 3 × 3 and, where the shape changes, one of 1 × 1 beside them."""
    channels: int = layer["channels"]
    extra = 2 if layer["norm"] else 1
    weights = channels * (9 * before + extra) + channels * (9 * channels + extra)
    return weights + (channels * (before + extra) if changes(layer, before) else 0)


def changes(layer: Layer, before: int) -> bool:
    return bool(layer["stride"] != 1 or before != layer["channels"])


def product(shape: Shape) -> int:
    total = 1
    for side in shape:
        total *= side
    return total


def describe(ref: str, params: NetParams, shape: Shape | None, outputs: int, nets: dict[str, Net] = NETS) -> Layer:
    """A net as JSON for a diagram: {model, title, input, outputs, parameters, layers [{kind, shape, parameters, …}]}.

    `outputs`: labels, or 1 for a number. `shape`: of one input; the net's own when None.
    """
    net = find(ref, nets)
    shape = shape or net.shape
    layers = layers_of(net, params)
    return describe_layers(layers, shape, outputs) | {"model": f"scratch:{net.name}", "title": net.title}


def describe_layers(layers: Sequence[Layer], shape: Shape, outputs: int) -> Layer:
    """{input, outputs, parameters, layers} of the hidden layers and the last one."""
    last: Layer = {"kind": "dense", "size": outputs, "bias": True, "output": True}
    every = [*layers, last]
    described_layers = [
        {**layer, "shape": list(after), "parameters": weights}
        for layer, (after, weights) in zip(every, walk(every, shape), strict=True)
    ]
    return {
        "input": list(shape),
        "outputs": outputs,
        "parameters": sum(layer["parameters"] for layer in described_layers),
        "layers": described_layers,
    }
