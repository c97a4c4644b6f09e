"""`qlora`: LoRA over weights that are held in four bits (Dettmers et al. 2023).

Before learning, each linear layer keeps its weights as NormalFloat of four bits, doubly quantised, on the GPU, and as they were in
the memory of the processor. What is learned is added to the latter: the model that is tested and packaged has whole weights again,
on the GPU in half of their size.
"""

from typing import Any

import torch
from torch import Tensor, nn

from trainer.learning import fine_tuning, lora
from trainer.learning.adapter import SCALE, Adapter
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import Learned, Objective
from trainer.learning.rows import Rows

FORM = "nf4"


class HalfLinear(nn.Linear):
    """Weights of a smaller type than what they are multiplied with."""

    def forward(self, values: Tensor) -> Tensor:
        return nn.functional.linear(values.to(self.weight.dtype), self.weight, self.bias).to(values.dtype)


def pack(model: TrainableModel) -> None:
    """Make the linear layers of the encoder such of four bits; they become so where they are put on the device."""
    from bitsandbytes.nn import Linear4bit

    whole: dict[str, tuple[Tensor, Tensor | None]] = {}
    for name in lora.adaptable(model.encoder):
        layer = model.encoder.get_submodule(name)
        assert isinstance(layer, nn.Linear)
        whole[name] = layer.weight.data, None if layer.bias is None else layer.bias.data
        packed = Linear4bit(
            layer.in_features,
            layer.out_features,
            bias=layer.bias is not None,
            compute_dtype=torch.bfloat16,
            compress_statistics=True,
            quant_type=FORM,
        )
        packed.load_state_dict(
            {"weight": layer.weight.data.clone()} | ({} if layer.bias is None else {"bias": layer.bias.data})
        )
        put(model.encoder, name, packed)
    model.whole_weights = whole
    model.encoder.is_loaded_in_4bit = True  # by this peft knows what kind of adapters to make


def fit(job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None) -> Learned:
    """Fine-tune adapters in place; the model has whole weights afterwards, with what was learned added."""
    lora.adapt(model.encoder, job.params.lora_rank)
    learned = fine_tuning.fit(job, model, rows, objective, epochs)
    model.adapter = lora.taken(model.encoder, job.params.lora_rank)
    restore(model, torch.bfloat16, job.device.torch_device)
    return learned


def restore(model: TrainableModel, kind: torch.dtype, device: torch.device) -> None:
    """Whole weights of this type in place of those of four bits."""
    assert model.adapter is not None
    for name in model.whole_weights:
        weight, bias = merged(model, model.adapter, name)
        layer = HalfLinear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
        layer.weight = nn.Parameter(weight.to(device, kind), requires_grad=False)
        if bias is not None:
            layer.bias = nn.Parameter(bias.to(device, kind), requires_grad=False)
        put(model.encoder, name, layer)


def merged(model: TrainableModel, adapter: Adapter, name: str) -> tuple[Tensor, Tensor | None]:
    """(weight, bias) of a layer with what was learned, in float32 on the processor."""
    weight, bias = model.whole_weights[name]
    first, second = (part.float().cpu() for part in adapter.layers[name])
    return weight.float().cpu() + SCALE * second @ first, bias


def put(encoder: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _dot, own = name.rpartition(".")
    setattr(encoder.get_submodule(parent), own, layer)
