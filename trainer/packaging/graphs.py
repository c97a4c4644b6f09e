"""A torch model as an ONNX graph that answers as it does, of any number of rows."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from trainer.engines import answer, open_session
from trainer.errors import ModelError
from trainer.messages import _

if TYPE_CHECKING:
    from transformers import PretrainedConfig

FUSED = {"bert": "bert", "roberta": "bert", "xlm-roberta": "bert", "camembert": "bert", "distilbert": "bert"}
"""Architectures that ONNX Runtime's optimizer knows, and what it calls them."""
Batch = tuple[Tensor, ...]
Axes = dict[str, dict[int, str]]
"""Argument → its dynamic axes and what they are called: batch, length …"""
Compared = Callable[[np.ndarray], np.ndarray]
LARGEST = {"batch": (1, 4096), "length": (2, 8192), "samples": (4_000, 4_000_000)}


def trace(model: nn.Module, arguments: Batch, axes: Axes, target: Path) -> None:
    """By tracing: the graph whose attention the optimizer recognises."""
    torch.onnx.export(
        model,
        arguments,
        str(target),
        input_names=list(axes),
        output_names=["logits"],
        dynamic_axes={**axes, "logits": {0: "batch"}},
        dynamo=False,
        opset_version=17,
    )


def capture(model: nn.Module, arguments: Batch, axes: Axes, target: Path) -> None:
    """By torch.export: for every other architecture."""
    dims = {name: torch.export.Dim(name, min=low, max=high) for name, (low, high) in LARGEST.items()}
    program = torch.onnx.export(
        model,
        arguments,
        input_names=list(axes),
        output_names=["logits"],
        dynamic_shapes=tuple({axis: dims[name] for axis, name in names.items()} for names in axes.values()),
        dynamo=True,
        opset_version=18,
        verbose=False,
    )
    program.save(str(target), external_data=False)


def write_transformer(model: nn.Module, config: "PretrainedConfig", arguments: Batch, axes: Axes, target: Path) -> None:
    """A graph of a transformer, exported with plain attention and fused where its architecture is known: fused graphs that
    are quantised afterwards answer about a third faster than quantised raw ones."""
    raw = target.with_suffix(".raw.onnx")
    (trace if config.model_type in FUSED else capture)(model, arguments, axes, raw)
    fuse(raw, target, config)
    for path in (raw, raw.with_suffix(".onnx.data")):
        path.unlink(missing_ok=True)


def fuse(raw: Path, target: Path, config: "PretrainedConfig") -> None:
    """Fuse attention, layer norms and activations where the architecture is known; otherwise take the graph as it is."""
    kind = FUSED.get(config.model_type)
    if kind is None:
        raw.replace(target)
        return
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    options = FusionOptions(kind)
    options.enable_embed_layer_norm = False
    fused = optimizer.optimize_model(
        str(raw),
        kind,
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
        optimization_options=options,
        opt_level=0,
    )
    fused.save_model_to_file(str(target))


def write_graph(
    model: nn.Module,
    values: Tensor,
    target: Path,
    name: str = "pixels",
    others: tuple[Tensor, ...] = (),
    compared: Compared = np.asarray,
) -> None:
    """A graph of `name` (batch, …) → `logits`.

    `others`: where the length may change as well, batches of other lengths that must be answered alike.
    """
    axes = {name: {0: "batch"} | ({1: "samples"} if others else {})}
    write_checked(model, (values,), axes, target, tuple((batch,) for batch in others), compared)


def write_checked(
    model: nn.Module,
    arguments: Batch,
    axes: Axes,
    target: Path,
    others: tuple[Batch, ...] = (),
    compared: Compared = np.asarray,
) -> None:
    """A graph of the arguments that `axes` names, by tracing or, where that fails, by torch.export.

    `others`: batches of other lengths that must be answered alike. `compared`: what of the outputs must be alike.
    """
    ways = (trace, capture) if others else (trace, capture, trace_alone)
    for write in ways:  # each exporter stumbles over architectures of its own
        try:
            write(model, arguments, axes, target)
            for batch in (arguments, *others):
                check_graph(model, dict(zip(axes, batch, strict=True)), target, compared)
        except Exception:
            if write is ways[-1]:
                raise
        else:
            return


def trace_alone(model: nn.Module, arguments: Batch, axes: Axes, target: Path) -> None:
    """One row at a time, for architectures that count their rows while they are traced."""
    trace(model, tuple(values[:1] for values in arguments), {name: {} for name in axes}, target)


def check_graph(model: nn.Module, batch: dict[str, Tensor], target: Path, compared: Compared) -> None:
    """Whether batches of other sizes than the traced one are answered alike."""
    session = open_session(target)
    batch = {name: torch.cat([values, values.flip(1)])[:3] for name, values in batch.items()}
    with torch.inference_mode():
        right = compared(model(*batch.values()).numpy())
    for size in (1, 3):
        outputs = compared(answer(session, {name: values[:size].numpy() for name, values in batch.items()}))
        if not np.allclose(outputs, right[:size], rtol=1e-2, atol=1e-2 * (np.abs(right).mean() + 1e-6)):
            raise ModelError(_("The packaged model and the trained one disagree."), hint=_("Report this."))
