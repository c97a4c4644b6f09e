"""What `lora` learned, kept beside the merged weights in the form of the library peft: it can be put on the base model again."""

from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import save_file

from trainer.files import write_json
from trainer.learning.adapter import LAST, SCALE, Adapter
from trainer.writing.shared import ADAPTER_CONFIG, ADAPTER_WEIGHTS, FIRST, PREFIX, SECOND

if TYPE_CHECKING:
    from torch import Tensor


def save_adapter(adapter: Adapter, folder: Path, *, under: str, base: str | None, last: "Tensor | None") -> None:
    """`under`: where the encoder stands in the whole network, such as “model.”; `last`: the weights of a last layer that learned
    as a whole; `base`: the name of the model that the adapter belongs on, None of one that has no public name."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, (first, second) in adapter.layers.items():
        tensors[f"{PREFIX}{under}{name}{FIRST}"] = first.float().cpu().contiguous()
        tensors[f"{PREFIX}{under}{name}{SECOND}"] = second.float().cpu().contiguous()
    if last is not None:
        tensors[f"{PREFIX}{LAST}.weight"] = last.detach().float().cpu().contiguous()
    save_file(tensors, folder / ADAPTER_WEIGHTS)
    config = {
        "peft_type": "LORA",
        "task_type": None,
        "base_model_name_or_path": base,
        "r": adapter.rank,
        "lora_alpha": SCALE * adapter.rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": adapter.turned,
        "target_modules": sorted(f"{under}{name}" for name in adapter.layers),
        "modules_to_save": None if last is None else [LAST],
        "inference_mode": True,
    }
    write_json(folder / ADAPTER_CONFIG, config)
