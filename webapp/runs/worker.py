"""What a training worker knows of itself: its name, its devices, and whether it is being stopped.

Devices are held by file locks, one a device, so that a run on two GPUs and the worker of the second one never share
it, and a killed worker frees its devices at once.
"""

import fcntl
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any

from django.conf import settings

from trainer import machine
from trainer.gpus import list_gpus
from webapp.catalog import hardware
from webapp.core.ids import new_id
from webapp.core.work import stopping

log = logging.getLogger(__name__)
ANNOUNCE_SECONDS = 5
LOCK_WAIT_SECONDS = 1.0
OPTIONAL = ("gguf",)
"""Libraries without which something is not offered."""

_state: dict[str, Any] = {"name": "", "run": None, "queues": []}


def name() -> str:
    return _state["name"] or f"{socket.gethostname()}-{os.getpid()}"


def busy(run_id: str | None) -> None:
    _state["run"] = run_id
    hardware.announce(name(), record())


def gpus() -> list[dict[str, Any]]:
    """Every NVIDIA GPU of this machine: {kind, index, name, memory_total_bytes, memory_used_bytes, utilisation}."""
    return [gpu.as_dict() for gpu in list_gpus()]


def own_gpus() -> list[int]:
    """Indices this worker is pinned to; all of the machine's when it is not pinned."""
    pinned = os.environ.get("CUDA_VISIBLE_DEVICES")
    if pinned is None:
        return [gpu["index"] for gpu in gpus()]
    return [int(part) for part in pinned.split(",") if part.strip().isdigit()]


def record() -> dict[str, Any]:
    total, count = machine.memory_bytes(), machine.cores()
    processor = {
        "kind": "cpu",
        "index": 0,
        "name": f"{count} cores",
        "memory_total_bytes": total,
        "memory_used_bytes": max(0, total - machine.free_memory_bytes()),
        "utilisation": min(1.0, os.getloadavg()[0] / count),
    }
    return {
        "name": name(),
        "host": socket.gethostname(),
        "queues": _state["queues"],
        "can": [name for name in OPTIONAL if find_spec(name)],
        "devices": [processor, *gpus()],
        "run": _state["run"],
        "seen": time.time(),
    }


def start(queues: list[str]) -> None:
    """Called when a Celery worker is ready: from now on it says what it is every few seconds."""
    _state.update(name=f"{socket.gethostname()}-{new_id()[:6]}", queues=queues)
    stopping.clear()

    def announce() -> None:
        while not stopping.wait(ANNOUNCE_SECONDS):
            hardware.announce(name(), record())

    hardware.announce(name(), record())
    threading.Thread(target=announce, daemon=True, name="announce").start()


def stop() -> None:
    """The worker was asked to end: whoever watches a trainer has it save a checkpoint and hands the run back."""
    stopping.set()
    hardware.retire(name())


@contextmanager
def devices_for(hardware: str, still_wanted: Callable[[], bool] = lambda: True) -> Iterator[list[int] | None]:
    """Hold as many GPUs as a run asks for, own ones first; an empty list means the CPU. None when waiting for them ended
    without: this worker is being stopped, or the run is not `still_wanted`.

    Only whoever has the turn gathers devices, so that two runs on several GPUs never hold what the other waits for,
    and a run on one GPU cannot slip in before them for ever.
    """
    available = [gpu["index"] for gpu in gpus()]
    if hardware == "cpu" or not available:
        yield []
        return
    count = min(int(hardware.partition(":")[2] or 1), len(available))
    order = sorted(available, key=lambda index: index not in own_gpus())
    with ExitStack() as stack:
        with ExitStack() as turn:
            mine = any(try_lock(turn, "turn") for _ in pause_while(still_wanted))
            held = gather(stack, order, count, still_wanted) if mine else None
        yield held


def gather(stack: ExitStack, order: list[int], count: int, still_wanted: Callable[[], bool]) -> list[int] | None:
    """The first `count` GPUs that get free; None when waiting for them ends before."""
    held: list[int] = []
    for _ in pause_while(still_wanted):
        for index in order:
            if len(held) < count and index not in held and try_lock(stack, f"gpu{index}"):
                held.append(index)
        if len(held) == count:
            return sorted(held)
    return None


def pause_while(still_wanted: Callable[[], bool]) -> Iterator[None]:
    """One turn at once, then one after each pause, until the worker is stopped or nobody wants it any more."""
    yield
    while not stopping.wait(LOCK_WAIT_SECONDS) and still_wanted():
        yield


def try_lock(stack: ExitStack, what: str) -> bool:
    """Hold the lock file of a device until `stack` is closed, if nobody else does; the kernel frees it with its process."""
    folder = settings.MAQUETTE_DATA / "locks"
    folder.mkdir(exist_ok=True)
    file = (folder / f"{what}.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return False
    file.write(json.dumps({"worker": name()}))
    stack.enter_context(file)
    return True
