"""The optimizer of a run: which weights learn, each at which rate, by which rule.

groups = parameter_groups(model, params)      # new layers, biases and depths apart
optimizer = make(params, groups)
rate = Schedule(params, steps, steps_an_epoch)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from trainer.errors import SpecError
from trainer.messages import _

if TYPE_CHECKING:
    from trainer.learning.model import TrainableModel
    from trainer.params import OptimisationParams

MOST = 0.5
"""A stack of layers holds more than this share of an encoder's weights."""


def make(params: OptimisationParams, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """The optimizer by its name; `groups` as `parameter_groups` makes them."""
    rules: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "adamw": lambda: torch.optim.AdamW(groups, fused=True),
        "adam": lambda: torch.optim.Adam(groups, fused=True),
        "sgd": lambda: torch.optim.SGD(groups, momentum=params.momentum, fused=True),
        "adagrad": lambda: torch.optim.Adagrad(groups),
        "adafactor": lambda: torch.optim.Adafactor(groups),
        "lion": lambda: Lion(groups),
    }
    return rules[params.optimizer]()


class Lion(torch.optim.Optimizer):
    """The sign of an average of gradients, with decoupled weight decay (Chen et al. 2023, Algorithm 2)."""

    def __init__(self, groups: Iterable[dict[str, Any]], betas: tuple[float, float] = (0.9, 0.99)) -> None:
        super().__init__(groups, {"lr": 1e-4, "betas": betas, "weight_decay": 0.0})

    def step(self, closure: None = None) -> None:
        with torch.no_grad():
            for group in self.param_groups:
                for weight in group["params"]:
                    if weight.grad is not None:
                        self.move(weight, weight.grad, group)

    def move(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        (beta1, beta2), rate = group["betas"], group["lr"]
        average = self.state[weight].setdefault("exp_avg", torch.zeros_like(weight))
        weight.mul_(1 - rate * group["weight_decay"])
        weight.add_(torch.sign(average * beta1 + gradient * (1 - beta1)), alpha=-rate)
        average.mul_(beta2).add_(gradient, alpha=1 - beta2)


def parameter_groups(
    model: TrainableModel, params: OptimisationParams, rate: float, head_rate: float
) -> list[dict[str, Any]]:
    """The learning weights by kind: new layers at `head_rate`, the rest at a rate that falls with the depth from `rate`; no decay
    on biases and norms. `peak` is the highest rate of a group."""
    depths = depths_of(model) if params.layer_decay < 1 else {}
    deepest = max(depths.values(), default=0)
    groups: dict[tuple[bool, bool, int], list[nn.Parameter]] = {}
    for name, value in model.named_parameters():
        if value.requires_grad:
            is_new = name.startswith(model.new_layers)
            depth = deepest if is_new else depths.get(name, deepest)
            groups.setdefault((is_new, value.ndim > 1, depth), []).append(value)
    return [
        {
            "params": values,
            "peak": head_rate if is_new else rate * params.layer_decay ** (deepest - depth),
            "lr": 0.0,
            "weight_decay": params.weight_decay if decays else 0.0,
        }
        for (is_new, decays, depth), values in groups.items()
    ]


def depths_of(model: TrainableModel) -> dict[str, int]:
    """{parameter of the encoder: its depth}: 0 before the first layer, then 1 for each layer, and one more after the last."""
    depths: dict[str, int] = {}
    for prefix, encoder in encoders_of(model):
        stack = stack_of(encoder)
        if stack is None:
            continue
        own, layers = stack
        seen = False
        for name, _value in encoder.named_parameters():
            child = name.removeprefix(own).split(".")[0] if name.startswith(own) else ""
            seen = seen or child in layers
            depths[f"{prefix}.{name}"] = layers.get(child, len(layers) + 1 if seen else 0)
    return depths


def encoders_of(model: TrainableModel) -> list[tuple[str, nn.Module]]:
    """(name, what was pretrained), each of them where a model has several."""
    encoder = getattr(model, "encoder", None)
    if encoder is None:
        return []
    if isinstance(encoder, nn.ModuleDict):
        return [
            (f"encoder.{key}.{name}", inner)
            for key, part in encoder.items()
            for name, inner in [("encoder", getattr(part, "encoder", part))]
        ]
    return [("encoder", encoder)]


def stack_of(encoder: nn.Module) -> tuple[str, dict[str, int]] | None:
    """(how names of parameters inside begin, {layer: its number from 1}) of the outermost list of layers that holds most of the
    weights; None for a net without one."""
    every = sum(value.numel() for value in encoder.parameters()) - embedding_weights(encoder)
    for name, module in encoder.named_modules():
        if isinstance(module, nn.ModuleList | nn.Sequential):
            sizes = {key: sum(value.numel() for value in child.parameters()) for key, child in module.named_children()}
            layers = [key for key, size in sizes.items() if size]
            if len(layers) > 1 and sum(sizes.values()) > MOST * every:
                return f"{name}." if name else "", {key: number for number, key in enumerate(layers, 1)}
    return None


def layers_of(model: TrainableModel) -> list[nn.Module]:
    """The layers of its encoders, in their order; none of a net without a stack of them."""
    modules = []
    for _prefix, encoder in encoders_of(model):
        if stack := stack_of(encoder):
            own, layers = stack
            modules += [encoder.get_submodule(f"{own}{name}") for name in layers]
    return modules


def embedding_weights(encoder: nn.Module) -> int:
    """How many weights are tables of vectors."""
    return sum(
        value.numel()
        for module in encoder.modules()
        if isinstance(module, nn.Embedding)
        for value in module.parameters(recurse=False)
    )


def freeze(model: TrainableModel, count: int) -> None:
    """The embeddings and the first `count` layers learn no more. Raises `SpecError` for more layers than there are."""
    if not count:
        return
    stacks = [(encoder, stack_of(encoder)) for _prefix, encoder in encoders_of(model)]
    fewest = min((len(stack[1]) for _encoder, stack in stacks if stack), default=0)
    if count > fewest:
        raise SpecError(
            _("freeze_layers is %(count)s, and this model has %(layers)s layers.", count=count, layers=fewest),
            code="bad_params",
            hint=_("Give at most %(layers)s, or leave it out.", layers=fewest),
        )
    for prefix, _encoder in encoders_of(model):
        depths = {name: depth for name, depth in depths_of(model).items() if name.startswith(f"{prefix}.")}
        for name, value in model.named_parameters():
            if name in depths and depths[name] <= count:
                value.requires_grad_(False)


def drop(model: nn.Module, share: float | None) -> None:
    """Set every dropout of the model; None leaves them as they are."""
    for module in model.modules() if share is not None else ():
        if isinstance(module, nn.Dropout):
            module.p = share


def checkpoint_gradients(model: TrainableModel) -> bool:
    """Whether activations are computed again in the backward pass from now on; not every net can."""
    able = [
        encoder for _prefix, encoder in encoders_of(model) if getattr(encoder, "supports_gradient_checkpointing", False)
    ]
    for encoder in able:
        encoder.config.use_cache = False
        encoder.activation_checkpointing_enable({"use_reentrant": False})
    return bool(able)


def add_l1(weights: Iterable[nn.Parameter], strength: float) -> None:
    """The gradient of `strength` times the sum of absolute weights; biases and norms are left alone."""
    for weight in weights if strength else ():
        if weight.grad is not None and weight.ndim > 1:
            weight.grad.add_(torch.sign(weight.detach()), alpha=strength)


class Schedule:
    """Share of the peak learning rate at a step: up in a straight line, then by its name."""

    def __init__(self, params: OptimisationParams, steps: int, steps_an_epoch: int) -> None:
        self.name, self.factor = params.schedule, params.schedule_factor
        self.steps, self.steps_an_epoch = steps, steps_an_epoch
        self.warm = max(1, int(steps * params.warmup))
        epochs = max(1, round(steps / steps_an_epoch))
        self.every = params.schedule_epochs or (max(1, epochs // 3) if self.name == "step" else 1)

    def share(self, step: int, drops: int = 0) -> float:
        """`drops`: how often the plateau's rate fell."""
        if step < self.warm:
            return (step + 1) / self.warm
        done = (step - self.warm) / max(1, self.steps - self.warm)
        shares: dict[str, Callable[[], float]] = {
            "cosine": lambda: 0.5 * (1 + math.cos(math.pi * done)),
            "linear": lambda: max(0.0, 1 - done),
            "constant": lambda: 1.0,
            "step": lambda: self.factor ** (step // self.steps_an_epoch // self.every),
            "plateau": lambda: self.factor**drops,
        }
        return shares[self.name]()

    def falls(self, bad_epochs: int) -> bool:
        """Whether the plateau's rate falls after so many epochs without improvement."""
        return self.name == "plateau" and bad_epochs > 0 and bad_epochs % self.every == 0


def split(inputs: tuple[Any, ...], rows: int, parts: int) -> list[tuple[slice, tuple[Any, ...]]] | None:
    """(rows, arguments) of each of `parts` pieces of a batch; None where the arguments are not a row each."""
    if not all(isinstance(value, Tensor | list) and len(value) == rows for value in inputs):
        return None
    size = -(-rows // parts)
    pieces = [slice(start, min(start + size, rows)) for start in range(0, rows, size)]
    return [(piece, tuple(value[piece] for value in inputs)) for piece in pieces]
