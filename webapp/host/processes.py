"""Which processes make up Maquette on one machine, and what each gets from its environment."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from trainer.gpus import Gpu, list_gpus
from webapp.core import confinement, readers
from webapp.host.supervisor import Program

# A worker of a machine without a GPU takes these too and trains on the CPU; the run says so.
GPU_QUEUES = ("train-gpu", "train-gpu-2", "train-gpu-4", "train-gpu-8")
QUICK = (0.1, 0.2, 0.5, 1, 2, 5)  # seconds before restarts of what visitors wait for


@dataclass(frozen=True)
class Place:
    """Where the processes listen and write."""

    host: str
    port: int
    serving_host: str
    serving_port: int
    data: Path


def find_gpus() -> list[Gpu]:
    """Those of the machine, less what CUDA_VISIBLE_DEVICES hides."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return list_gpus()
    allowed = {part.strip() for part in visible.split(",")}
    return [gpu for gpu in list_gpus() if str(gpu.index) in allowed]


def programs(place: Place, gpus: list[Gpu], redis_command: list[str] | None) -> list[Program]:
    """In the order of starting. `redis_command` is left out where REDIS_URL names a server."""
    redis = [Program("redis", redis_command, back_off=QUICK, last=True)] if redis_command else []
    return [*redis, _web(place), _serving(place), _worker(), _reader(), *training(gpus), _beat(place)]


def _web(place: Place) -> Program:
    return Program(
        "web",
        [*_uvicorn("webapp.asgi:application"), f"--host={place.host}", f"--port={place.port}"],
        _threads(1),
        back_off=QUICK,
    )


def _serving(place: Place) -> Program:
    """Confined: it opens what visitors send, and needs nothing of the site but artifacts and Redis."""
    command = [*_uvicorn("serving.app:app"), f"--host={place.serving_host}", f"--port={place.serving_port}"]
    code = [f"--code={settings.BASE_DIR / name}" for name in ("serving", "trainer")]
    where = [f"--read={place.data / 'runs'}", f"--hide={place.data}", f"--scratch={place.data / 'tmp' / 'serving'}"]
    sandbox = [sys.executable, "-m", "sandbox", *code, *where, f"--listen={place.serving_port}", "--"]
    return Program("serving", [*sandbox, *command], back_off=QUICK, given=confinement.is_given_to_server)


def _uvicorn(application: str) -> list[str]:
    quiet = ["--no-access-log", "--log-level=warning", "--timeout-graceful-shutdown=3"]
    bounds = ["--http=trainer.http_protocol:BoundedProtocol", "--limit-concurrency=400", "--ws=none"]
    return [sys.executable, "-m", "uvicorn", application, *quiet, *bounds]


def _worker() -> Program:
    return Program("worker", _celery_worker("worker", ["default"], threads=3), _threads(1))


def _reader() -> Program:
    """Reads datasets, which takes minutes and gigabytes: nothing else waits behind that."""
    return Program("reader", _celery_worker("reader", [readers.QUEUE], threads=readers.count()), _threads(1))


def training(gpus: list[Gpu]) -> list[Program]:
    """One worker per device, and one for each power of two of devices; without a GPU one for every training queue."""
    if not gpus:
        return [_trainer("train", ["train-cpu", *GPU_QUEUES], devices=[])]
    workers = [_trainer("train-cpu", ["train-cpu"], devices=[])]
    workers += [_trainer(f"train-gpu{gpu.index}", ["train-gpu"], devices=[gpu.index]) for gpu in gpus]
    for count in (2, 4, 8):
        if count <= len(gpus):
            devices = [gpu.index for gpu in gpus[:count]]
            workers.append(_trainer(f"train-{count}gpus", [f"train-gpu-{count}"], devices))
    return workers


def _trainer(name: str, queues: list[str], devices: list[int]) -> Program:
    """Below the web in priority, so that a page opens at once while the processor is busy with training."""
    env = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, devices))}
    return Program(name, _celery_worker(name, queues, threads=1), env, nice=5)


def _celery_worker(name: str, queues: list[str], threads: int) -> list[str]:
    where = [f"--queues={','.join(queues)}", f"--hostname={name}@%h"]
    size = ["--pool=threads", f"--concurrency={threads}", "--loglevel=INFO"]
    return [*_celery(), "worker", *where, *size, "--without-gossip", "--without-mingle", "--without-heartbeat"]


def _beat(place: Place) -> Program:
    schedule = place.data / "celerybeat-schedule"
    return Program(
        "beat", [*_celery(), "beat", "--loglevel=WARNING", f"--schedule={schedule}", "--pidfile="], _threads(1)
    )


def _celery() -> list[str]:
    return [sys.executable, "-m", "celery", "--quiet", "--app=webapp"]


def _threads(count: int) -> dict[str, str]:
    """Libraries start a thread per core unless told; the site's own processes have no use for them."""
    return {
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(count)),
        "MALLOC_ARENA_MAX": "2",
    }
