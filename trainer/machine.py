"""How much memory and how many processors this machine has for us, or the container or service that we are in. Light."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

CONTROL_GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
GIVEN = "MAQUETTE_CGROUP"
"""Of the environment: the text of `OWN_GROUPS`, for a confined process, which sees it as if it were in none."""
MEMORY = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Files of a control group of version 2 and 1: its limit, what it uses, and what of that the kernel gives up when asked."""


def own_groups() -> str:
    """Which control groups this process is in, a line for each, `number:controllers:path`; empty where there are none."""
    try:
        return os.environ.get(GIVEN) or OWN_GROUPS.read_text()
    except OSError:
        return ""


def group_folders(controller: str) -> Iterator[Path]:
    """Those of the control groups that bound this process in `controller`: its own, then those around it, in version 2 and 1.
    A container may see its own as the root, whatever it is called outside, so that some of them need not exist."""
    yield CONTROL_GROUPS
    yield CONTROL_GROUPS / controller
    for line in own_groups().splitlines():
        _number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and controller not in controllers.split(","):
            continue
        root = CONTROL_GROUPS / controller if controllers else CONTROL_GROUPS
        own = Path(path.strip("/"))
        yield from (root / part for part in (own, *own.parents) if ".." not in part.parts and part != Path())


def read_number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # none there, or "max"
        return None


def memory_bytes() -> int:
    """Of the machine or, where that is less, of its container."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [read_number(folder / name) for folder in group_folders("memory") for name, _used, _cached in MEMORY]
    return min([total, *(limit for limit in limits if limit is not None)])


def free_memory_bytes() -> int:
    """What could still be taken: of the machine, and of each container's limit what is not used."""
    free = available_bytes()
    for folder in group_folders("memory"):
        for name, used_name, cached in MEMORY:
            limit, used = read_number(folder / name), read_number(folder / used_name)
            if limit is not None and used is not None:
                free = min(free, limit - used + statistic(folder / "memory.stat", cached))
    return max(0, free)


def available_bytes() -> int:
    """What the kernel could give out, caches that it would empty for that included."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):  # no Linux
        import psutil

        return int(psutil.virtual_memory().available)


def statistic(path: Path, name: str) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.split()[:1] == [name]), 0)


def cores() -> int:
    """Processors that this process may use at once: those it may run on, and no more than its container's time allows."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    shares = [share for folder in group_folders("cpu") if (share := processor_share(folder)) is not None]
    return max(1, min([usable, *map(math.ceil, shares)]))


def processor_share(folder: Path) -> float | None:
    """How many processors' time a control group has; None where nothing bounds it."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        quota, period = (str(read_number(folder / f"cpu.cfs_{name}_us") or 0) for name in ("quota", "period"))
    return int(quota) / int(period) if quota.isdecimal() and int(quota) and int(period) else None
