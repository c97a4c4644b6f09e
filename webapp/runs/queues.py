"""Which Celery queue a run waits in, by the hardware it asks for."""

HARDWARE = ("cpu", "gpu", "gpu:2", "gpu:4", "gpu:8")


def queue_of(hardware: str) -> str:
    """`cpu` → train-cpu, `gpu:2` → train-gpu-2."""
    return "train-" + hardware.replace(":", "-")


QUEUES = tuple(queue_of(hardware) for hardware in HARDWARE)
