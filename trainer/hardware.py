"""What this machine computes with, and what it is using."""

import platform
import resource
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from trainer import openmp, team
from trainer.errors import SpecError
from trainer.events import Emit
from trainer.gpus import list_gpus
from trainer.machine import cores, free_memory_bytes, memory_bytes
from trainer.messages import _

if TYPE_CHECKING:
    import psutil
    import torch

Model = TypeVar("Model", bound="torch.nn.Module")
WATCH_SECONDS = 3.0
BF16_FLAGS = {"avx512_bf16", "amx_bf16"}


def cpu_flags() -> set[str]:
    try:
        with open("/proc/cpuinfo") as file:
            line = next((line for line in file if line.startswith(("flags", "Features"))), "")
    except OSError:
        return set()
    return set(line.split())


def cpu_name() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            name = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "")
    except OSError:
        name = platform.processor()
    return f"{name or 'processor'}, {cores()} cores"


def describe() -> dict[str, Any]:
    """CPU, memory and GPUs of this machine as JSON: what `python -m trainer hardware` prints."""
    return {
        "cpu": {"name": cpu_name(), "cores": cores(), "bf16": bool(cpu_flags() & BF16_FLAGS)},
        "memory": {"total_bytes": memory_bytes(), "available_bytes": free_memory_bytes()},
        "gpus": [gpu.as_dict() for gpu in list_gpus()],
    }


BF16_WEIGHTS = 5_000_000
"""Below so many weights a model learns in float32."""
NARROW_CHANNELS = 16
"""The width of an AVX-512 register in float32."""


def has_narrow_convolutions(model: "torch.nn.Module") -> bool:
    """Whether oneDNN would write past its buffers: on processors with AVX-512 its backward pass of convolutions of few
    channels spoils the heap ("free(): invalid next size", seen with torch 2.13), so such nets learn by torch's own.
    Nets with grouped convolutions keep oneDNN: torch's own are many times slower there, and none was seen to fail."""
    import torch

    layers = [layer for layer in model.modules() if isinstance(layer, (torch.nn.Conv1d, torch.nn.Conv2d))]
    grouped = any(layer.groups > 1 for layer in layers)
    return not grouped and any(layer.out_channels < NARROW_CHANNELS for layer in layers)


class Device:
    """Where the tensors go: `torch_device`, and a name for people. `count`: GPUs of this process, 0 or 1; `team`: the processes
    of a run on several devices.

    Half precision by what is there: bfloat16 where it is computed and not emulated (`bf16`), else float16 with a scaled loss on
    GPUs (`fp16`: Volta, Turing). What stays float32 is multiplied as TF32 on GPUs that can (Ampere and later).
    """

    def __init__(self, requested: str, threads: int | None, warn: Callable[..., None]) -> None:
        openmp.share()
        import torch

        self.team = team.own()
        kind, _colon, number = requested.partition(":")
        self.count = 0
        if kind == "gpu" and not torch.cuda.is_available():
            warn(
                "no_gpu",
                _("No GPU was found: training on the processor."),
                _("Check the driver with `python -m trainer hardware`."),
            )
        elif kind == "gpu":
            self.count = 1
            here = torch.cuda.device_count()
            if here < int(number or 1):
                warn(
                    "fewer_gpus",
                    _("%(count)s GPUs were asked for, %(count2)s are here.", count=number, count2=here),
                    _("The run continues with those."),
                )
        if threads is not None and threads < 1:
            raise SpecError(_("hardware.threads must be at least 1."), hint=_("Leave it out to use every core."))
        torch.set_num_threads(max(1, (threads or cores()) // self.team.size))
        torch.set_flush_denormal(True)
        self.torch_device = torch.device("cuda", self.team.local_rank) if self.count else torch.device("cpu")
        if self.count:
            torch.cuda.set_device(self.torch_device)
            torch.set_float32_matmul_precision("high")
        self.bf16 = (
            torch.cuda.is_bf16_supported(including_emulation=False) if self.count else bool(cpu_flags() & BF16_FLAGS)
        )
        self.fp16 = bool(self.count) and not self.bf16
        self.name = torch.cuda.get_device_name(self.torch_device) if self.count else cpu_name()
        if self.team.size > 1:
            self.name += f" × {self.team.size}"

    def place(self, model: Model) -> Model:
        """The model where it learns. bfloat16 is for large matrix products: a net of few weights gains no speed by it and
        learns less exactly, so it stays in float32 on every processor."""
        import torch

        from trainer import attention

        if sum(weight.numel() for weight in model.parameters()) < BF16_WEIGHTS:
            self.bf16 = self.fp16 = False
        if not self.count:
            attention.prepare()
        torch.backends.mkldnn.set_flags(not has_narrow_convolutions(model))
        placed: Model = model.to(self.torch_device)
        return placed

    def autocast(self) -> AbstractContextManager[object]:
        """Half precision where this device is quicker with it."""
        import torch

        half: AbstractContextManager[object] = torch.autocast(
            self.torch_device.type,
            dtype=torch.float16 if self.fp16 else torch.bfloat16,
            enabled=self.bf16 or self.fp16,
        )
        return half


class Memory(NamedTuple):
    rss: int


class OwnTimes:
    """What a process can say of itself that may not read its own entry in /proc: the most memory that it had, and its time."""

    def __init__(self) -> None:
        self.spent, self.measured_at = time.process_time(), time.monotonic()

    def memory_info(self) -> Memory:
        kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return Memory(kibibytes if platform.system() == "Darwin" else 1024 * kibibytes)

    def cpu_percent(self) -> float:
        """Since the last call."""
        spent, now = time.process_time(), time.monotonic()
        percent = 100 * (spent - self.spent) / max(now - self.measured_at, 1e-6)
        self.spent, self.measured_at = spent, now
        return round(percent, 1)


def own_process() -> "psutil.Process | OwnTimes":
    import psutil

    try:
        process = psutil.Process()
        process.memory_info()
        process.cpu_percent()
    except (psutil.Error, OSError):
        return OwnTimes()
    return process


class ResourceWatch(AbstractContextManager["ResourceWatch"]):
    """Emits a `resource` event every three seconds while it is open."""

    def __init__(self, device: Device, emit: Emit) -> None:
        self.device, self.emit = device, emit
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True, name="resources")

    def __enter__(self) -> "ResourceWatch":
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        self.thread.join(timeout=5)

    def _watch(self) -> None:
        process = own_process()
        while True:
            self.emit("resource", device=self.device.name, **self._figures(process))
            if self.stop.wait(WATCH_SECONDS):
                return

    def _figures(self, process: "psutil.Process | OwnTimes") -> dict[str, Any]:
        import torch

        figures = {
            "memory_bytes": process.memory_info().rss,
            "memory_total_bytes": memory_bytes(),
            "cpu_percent": process.cpu_percent(),
        }
        if self.device.count:
            free, total = torch.cuda.mem_get_info()
            figures |= {"gpu_memory_bytes": total - free, "gpu_memory_total_bytes": total}
        return figures
