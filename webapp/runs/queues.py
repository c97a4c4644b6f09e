"""Which Celery queue a run waits in, by the hardware it asks for."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webapp.runs.models import Run

HARDWARE = ("cpu", "gpu", "gpu:2", "gpu:4", "gpu:8")


def queue_of(hardware: str) -> str:
    """`cpu` → train-cpu, `gpu:2` → train-gpu-2."""
    return "train-" + hardware.replace(":", "-")


QUEUES = tuple(queue_of(hardware) for hardware in HARDWARE)


def place(run: "Run") -> int:
    """The run's place among those that wait for the same hardware, from 1."""
    return type(run).objects.ahead_of(run).count() + 1
