"""`lora`: the model stays as it is; small matrices beside its layers learn, and are folded in at the end (Hu et al. 2021)."""

from typing import Any

from torch import nn

from trainer.errors import ModelError
from trainer.learning import fine_tuning
from trainer.learning.adapter import LAST, SCALE, Adapter
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import Learned, Objective
from trainer.learning.rows import Rows
from trainer.messages import _


def fit(job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None) -> Learned:
    """Fine-tune adapters and the head in place; the model's own layers are as before, with what was learned added."""
    adapt(model.encoder, job.params.lora_rank)
    learned = fine_tuning.fit(job, model, rows, objective, epochs)
    model.adapter = taken(model.encoder, job.params.lora_rank)
    fold(model.encoder)
    return learned


def taken(encoder: nn.Module, rank: int) -> Adapter:
    """The adapters of an encoder, before they are folded in."""
    from peft.tuners.lora import LoraLayer

    modules = {name: module for name, module in encoder.named_modules() if isinstance(module, LoraLayer)}
    layers = {
        name: (own.lora_A["default"].weight.detach().clone(), own.lora_B["default"].weight.detach().clone())
        for name, own in modules.items()
    }
    return Adapter(rank, any(getattr(own, "fan_in_fan_out", False) for own in modules.values()), layers)


def is_meant(job: Job) -> bool:
    """Whether the run learns adapters, by its method or as its setting for preferences says."""
    learned = job.params.preference_layers if job.spec.method == "dpo" else job.spec.method
    return learned in ("lora", "qlora")


def adapt(encoder: nn.Module, rank: int) -> None:
    """Put adapters beside the linear layers, and let nothing else of the encoder learn."""
    from peft import LoraConfig, inject_adapter_in_model

    names = adaptable(encoder)
    turned = not any(isinstance(encoder.get_submodule(name), nn.Linear) for name in names)  # (inputs, outputs)
    config = LoraConfig(r=rank, lora_alpha=SCALE * rank, lora_dropout=0.0, target_modules=names, fan_in_fan_out=turned)
    inject_adapter_in_model(config, encoder)
    for name, value in encoder.named_parameters():
        value.requires_grad_("lora_" in name)


def adaptable(encoder: nn.Module) -> list[str]:
    """The linear layers by full name; `ModelError` for a net without any."""
    from transformers.pytorch_utils import Conv1D

    linear = (nn.Linear, Conv1D)  # GPT-2's layers are of the second kind
    names = [name for name, module in encoder.named_modules() if isinstance(module, linear) and name != LAST]
    if not names:
        raise ModelError(_("This model has no layers that LoRA could adapt."), hint=_("Choose another method."))
    return names


def fold(encoder: nn.Module) -> None:
    """Add what the adapters learned to the layers that they stand beside."""
    from peft.tuners.lora import LoraLayer

    for name, module in list(encoder.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            parent, _dot, own = name.rpartition(".")
            setattr(encoder.get_submodule(parent), own, module.get_base_layer())
