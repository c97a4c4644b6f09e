"""What training a pretrained model takes of memory, foreseen from its configuration alone, before any weights are there.

The model is built on PyTorch's `meta` device, where tensors have shapes and no content: its weights are counted, and what a
step would keep for going backwards is added up by running one. No formula for each architecture, so a new one is foreseen too.
"""

import json
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from transformers import (
    AttentionInterface,
    AttentionMaskInterface,
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    PretrainedConfig,
)

from trainer import model_download, models
from trainer.errors import ModelError
from trainer.gpus import list_gpus
from trainer.learning.memory import OVERHEAD
from trainer.machine import memory_bytes
from trainer.messages import _
from trainer.model_download import format_bytes

SHAPES_ONLY = "shapes-only"
FULL, LORA, QLORA = "full", "lora", "qlora"
QUARTER = 0.5 + 4 / 64 + 0.5 / 64
"""Bytes of a weight in NF4: 4 bits, and the scale of each 64 of them (Dettmers et al. 2023, double quantization)."""
USABLE = 0.9
"""Of a device's memory: the rest is its libraries' and what stands in pieces."""


@dataclass(frozen=True)
class Foreseen:
    """Bytes of one method: what stands there all the time, and `activations` for each row of a step."""

    method: str
    weights: int
    gradients: int
    optimizer: int
    activations: int

    def total(self, rows: float) -> int:
        return self.weights + self.gradients + self.optimizer + int(OVERHEAD * self.activations * rows)


@dataclass(frozen=True)
class Shapes:
    """`parameters`: weights in all; `linear`: those of layers that LoRA stands beside; `adapters`: weights that it adds;
    `activations`: bytes that one row keeps for going backwards."""

    parameters: int
    linear: int
    adapters: int
    activations: int


class Attended(torch.autograd.Function):
    """What attention keeps that is computed in blocks (Dao et al. 2022): its inputs, its output, a number for each query."""

    @staticmethod
    def forward(ctx: FunctionCtx, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        out = query.new_empty((*query.shape[:-1], value.shape[-1]))
        ctx.save_for_backward(query, key, value, out, out.new_empty(out.shape[:-1], dtype=torch.float32))
        return out


def attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: object, **options: object
) -> tuple[Tensor, None]:
    """(batch, length, heads, width) as transformers asks for it."""
    out: Tensor = Attended.apply(query, key, value)
    return out.transpose(1, 2), None


AttentionInterface.register(SHAPES_ONLY, attend)
AttentionMaskInterface.register(SHAPES_ONLY, lambda *values, **named: None)


def read_config(text: str) -> PretrainedConfig:
    """The model's `config.json`; `ModelError` where no class of the library is known for it."""
    try:
        fields = json.loads(text)
        return AutoConfig.for_model(**fields)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(
            _("The configuration of this model cannot be read."),
            hint=_("Choose a model of the library transformers whose config.json names its model_type."),
        ) from error


def foresee(config: PretrainedConfig, *, tokens: int, rank: int, half: bool) -> tuple[Shapes, list[Foreseen]]:
    """`tokens`: length of each row; `rank`: that of LoRA; `half`: whether matrices are multiplied in 16 bits."""
    shapes = measure(config, tokens, rank, torch.bfloat16 if half else torch.float32)
    whole, added = shapes.parameters, shapes.adapters
    copies = 2 * whole if half else 0  # in 16 bits, of each weight that is multiplied
    full = Foreseen(FULL, 4 * whole + copies, 4 * whole, 8 * whole, shapes.activations)
    lora = replace(full, method=LORA, weights=full.weights + 4 * added, gradients=4 * added, optimizer=8 * added)
    packed = int(QUARTER * shapes.linear) + 2 * (whole - shapes.linear) + 4 * added
    return shapes, [full, lora, replace(lora, method=QLORA, weights=packed)] if added else [full]


def measure(config: PretrainedConfig, tokens: int, rank: int, dtype: torch.dtype) -> Shapes:
    with torch.device("meta"):
        model = class_of(config).from_config(config, dtype=dtype, attn_implementation=SHAPES_ONLY)
    layers = [
        module for module in model.modules() if isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"
    ]
    embedding = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    layers = [module for module in layers if module is not embedding]
    sides = [layer.weight.shape for layer in layers]
    return Shapes(
        parameters=sum(value.numel() for value in model.parameters()),
        linear=sum(a * b for a, b in sides),
        adapters=rank * sum(a + b for a, b in sides),
        activations=kept_bytes(model, row_of(config, model, tokens)),
    )


def class_of(config: PretrainedConfig) -> type[AutoModel | AutoModelForCausalLM | AutoModelForSeq2SeqLM]:
    """The class with the model's own head where it writes, else its encoder."""
    heads = [name for name in config.architectures or [] if name.endswith(("ForCausalLM", "ForConditionalGeneration"))]
    if config.is_encoder_decoder or any(name.endswith("ForConditionalGeneration") for name in heads):
        return AutoModelForSeq2SeqLM
    return AutoModelForCausalLM if heads else AutoModel


def row_of(config: PretrainedConfig, model: nn.Module, tokens: int) -> dict[str, Tensor]:
    """The inputs of a row: `tokens` ids, or a picture of the model's size."""
    if hasattr(config, "image_size") and not hasattr(config, "vocab_size"):
        side = config.image_size if isinstance(config.image_size, int) else max(config.image_size)
        return {"pixel_values": torch.empty((1, getattr(config, "num_channels", 3), side, side), device="meta")}
    ids = torch.empty((1, tokens), dtype=torch.long, device="meta")
    inputs = {
        "input_ids": ids,
        "attention_mask": torch.empty_like(ids),
    }  # without a mask the library looks into positions
    return inputs | ({"decoder_input_ids": ids} if config.is_encoder_decoder else {})


def kept_bytes(model: nn.Module, inputs: dict[str, Tensor]) -> int:
    """What one step keeps until it goes backwards, without the weights themselves."""
    own = {value.untyped_storage()._cdata for value in model.parameters()}
    by_storage: dict[int, Tensor] = {}

    def keep(value: Tensor) -> Tensor:
        where = value.untyped_storage()._cdata
        if where not in own:
            by_storage[where] = value  # held, so that no other tensor gets its place
        return value

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        output = model(**inputs, **({"use_cache": False} if "input_ids" in inputs else {}))
    del output
    return sum(value.untyped_storage().nbytes() for value in by_storage.values())


def rows_at_once(rows: int, tokens: int, mean_tokens: int | None) -> float:
    """How many of the longest rows a step holds as much as: all its rows side by side, each as long as the longest; packed, its
    rows as long as they are, and the longest at least (`trainer.families.text.packing`)."""
    return rows if mean_tokens is None else max(1.0, rows * min(mean_tokens, tokens) / tokens)


def describe(ref: str, *, tokens: int, rows: int, rank: int, mean_tokens: int | None = None) -> dict[str, Any]:
    """`mean_tokens`: mean length of the rows, where they are packed; `tokens` is that of the longest, or of each.

    What `trainer foresee` prints: {model, licence, download_bytes, parameters, adapter_parameters, tokens, rows, methods,
    devices, cache_bytes, sentence}. Of a model of the hub only `config.json` is fetched; `ModelError`, `SpecError`."""
    card = model_card(ref)
    config = read_config(card.config)
    try:
        shapes, methods = foresee(config, tokens=tokens, rank=rank, half=True)
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(
            _("What “%(model)s” takes cannot be foreseen from its configuration.", model=ref),
            hint=_("Start an estimate, which measures the model itself."),
        ) from error
    devices, at_once = list_devices(), rows_at_once(rows, tokens, mean_tokens)
    return {
        "model": ref,
        "licence": card.licence,
        "download_bytes": card.bytes,
        "parameters": shapes.parameters,
        "adapter_parameters": shapes.adapters,
        "tokens": tokens,
        "mean_tokens": mean_tokens,
        "rows": rows,
        "methods": [method_facts(method, at_once, devices) for method in methods],
        "devices": devices,
        "cache_bytes": cache_bytes(config, tokens),
        "sentence": verdict(methods, at_once, tokens, devices),
    }


def method_facts(method: Foreseen, rows: float, devices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "method": method.method,
        "weights_bytes": method.weights,
        "gradients_bytes": method.gradients,
        "optimizer_bytes": method.optimizer,
        "activations_bytes": int(OVERHEAD * method.activations * rows),
        "memory_bytes": method.total(rows),
        "fits": [
            device["name"] for device in devices if can_use(method, device) and method.total(rows) <= room_of(device)
        ],
    }


def can_use(method: Foreseen, device: dict[str, Any]) -> bool:
    return method.method != QLORA or device["kind"] == "gpu"


def room_of(device: dict[str, Any]) -> float:
    return USABLE * float(device["memory_bytes"])


def list_devices() -> list[dict[str, Any]]:
    """{kind, name, memory_bytes} of the machine's GPUs, and of its processor."""
    gpus = [
        {"kind": "gpu", "name": gpu.name, "memory_bytes": gpu.memory_total_bytes}
        for gpu in list_gpus()
        if gpu.memory_total_bytes
    ]
    return [*gpus, {"kind": "cpu", "name": "CPU", "memory_bytes": memory_bytes()}]


def verdict(methods: list[Foreseen], rows: float, tokens: int, devices: list[dict[str, Any]]) -> str:
    """Of the first GPU, or of the processor where there is none."""
    device = devices[0]
    able = [each for each in methods if can_use(each, device)]
    fitting = [each.method for each in able if each.total(rows) <= room_of(device)]
    others = [each.method for each in able if each.method not in fitting]
    values = {
        "device": device["name"],
        "memory": format_bytes(device["memory_bytes"]),
        "tokens": f"{tokens:,}",
        "fitting": ", ".join(fitting),
        "others": ", ".join(others),
    }
    if not fitting:
        least = min(each.total(rows) for each in able)
        return _(
            "Does not fit on %(device)s (%(memory)s): at %(tokens)s tokens at least %(least)s are needed.",
            **values,
            least=format_bytes(least),
        )
    if not others:
        return _("Fits on %(device)s (%(memory)s) at %(tokens)s tokens with %(fitting)s.", **values)
    return _("Fits on %(device)s (%(memory)s) at %(tokens)s tokens with %(fitting)s, not with %(others)s.", **values)


def cache_bytes(config: PretrainedConfig, tokens: int) -> int | None:
    """Keys and values of one text that is being written, in 32 bits; None of a model that does not write."""
    layers = getattr(config, "num_hidden_layers", None)
    heads = getattr(config, "num_attention_heads", None)
    if not layers or not heads or class_of(config) is AutoModel:
        return None
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    return int(2 * layers * (getattr(config, "num_key_value_heads", None) or heads) * width * tokens * 4)


@dataclass(frozen=True)
class ModelCard:
    """`config`: the text of its config.json; `bytes`: what is to be downloaded, 0 where it is here."""

    config: str
    bytes: int = 0
    licence: str = ""


def model_card(ref: str) -> ModelCard:
    kind, _colon, name = ref.partition(":")
    if kind != "hub":
        return ModelCard((models.resolve(ref) / model_download.CONFIG).read_text("utf-8"))
    repo, _at, revision = name.partition("@")
    return ModelCard(*model_download.fetch_config(repo, revision or None))
