"""Whether this machine can learn over weights of four bits (QLoRA): it takes an NVIDIA GPU and the library bitsandbytes."""

import importlib.util

from trainer.errors import SpecError
from trainer.messages import _

QLORA = "qlora"
LIBRARY = "bitsandbytes"
CODE = "no_qlora"


def check(device_kind: str) -> None:
    """`SpecError` where it cannot. `device_kind`: cpu or cuda."""
    if device_kind != "cuda":
        raise SpecError(
            _("QLoRA needs an NVIDIA GPU, and this run has none."),
            code=CODE,
            hint=_("Choose lora, which learns the same layers with more memory, or hardware with a GPU."),
        )
    if importlib.util.find_spec(LIBRARY) is None:
        raise SpecError(
            _("QLoRA needs the library bitsandbytes, which is not installed here."),
            code=CODE,
            hint=_("Choose lora, or let the operator install it: pip install bitsandbytes."),
        )
