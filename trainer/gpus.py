"""The NVIDIA GPUs of this machine, by nvidia-smi: needs neither torch nor a driver's library. Light: site and trainer ask it."""

import logging
import shutil
import subprocess
from dataclasses import asdict, dataclass
from typing import Any

log = logging.getLogger(__name__)
QUERY = "--query-gpu=index,name,memory.total,memory.used,utilization.gpu"
SECONDS = 10
MIB = 2**20


@dataclass(frozen=True)
class Gpu:
    """`utilisation` is 0..1. What the driver does not say, as on shared GPUs, is None."""

    index: int
    name: str
    memory_total_bytes: int | None = None
    memory_used_bytes: int | None = None
    utilisation: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"kind": "gpu"} | asdict(self)


def list_gpus() -> list[Gpu]:
    """Every GPU of the machine, whatever CUDA_VISIBLE_DEVICES says; none where there is no driver or it does not answer."""
    if not shutil.which("nvidia-smi"):
        return []
    command = ["nvidia-smi", QUERY, "--format=csv,noheader,nounits"]
    try:
        output = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("nvidia-smi did not answer: %s", error)
        return []
    return [parse_gpu(line) for line in output.splitlines() if line.partition(",")[0].strip().isdigit()]


def parse_gpu(line: str) -> Gpu:
    """Of a line `index, name, MiB, MiB, percent`; a figure that is not known reads `[N/A]`."""
    index, name, *figures = (cell.strip() for cell in line.split(","))
    total, used, percent = (parse_figure(cell) for cell in figures)
    return Gpu(int(index), name, to_bytes(total), to_bytes(used), None if percent is None else percent / 100)


def parse_figure(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def to_bytes(mebibytes: float | None) -> int | None:
    return None if mebibytes is None else int(mebibytes * MIB)
