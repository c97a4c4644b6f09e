"""How much memory this machine has, or the container it is. Light."""

import os
from pathlib import Path

CONTROL_GROUP = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory_bytes() -> int:
    """Of the machine or, where that is less, of its container."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in CONTROL_GROUP:
        try:
            total = min(total, int(path.read_text()))
        except (OSError, ValueError):  # none there, or "max"
            continue
    return total
