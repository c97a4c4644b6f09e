"""What a confined program may reach, and the part of it that every Python program needs."""

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/opt/rocm",
    "/run/opengl-driver",
)
"""Programs and libraries of the system."""
ETC = (
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "alternatives",
    "passwd",
    "group",
    "nsswitch.conf",
    "mime.types",
    "OpenCL",
)
"""What libraries read of /etc: no keys, no shadow."""
HARDWARE = ("/sys/block", "/sys/bus", "/sys/class", "/sys/devices", "/sys/module", "/sys/kernel/mm", "/sys/fs/cgroup")
"""How many cores, which caches and which GPUs there are."""
NETWORK = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/host.conf")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
GPU_PATTERNS = ("nvidia*", "dri", "kfd", "dxg")
"""Below /dev, where there are any."""
PROC = (
    "cpuinfo",
    "meminfo",
    "stat",
    "loadavg",
    "uptime",
    "version",
    "filesystems",
    "devices",
    "sys/kernel",
    "sys/vm",
    "driver",
)
"""Below /proc, besides the program's own folder: the machine, and no other process."""


@dataclass(frozen=True)
class Policy:
    """`readable` and `writable`: files and folders, with all that is below; what does not exist is left out. `ports`: the TCP
    ports that it may connect to, None for no network at all. `listens`: TCP ports that it may listen on. `sockets`: Unix
    sockets that it may connect to. `limits`: {name of the limit without RLIMIT_: value}."""

    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    ports: tuple[int, ...] | None = None
    udp: bool = True
    """Whether a program that has a network may send datagrams, which no rule about ports binds; name servers need them."""
    listens: tuple[int, ...] = ()
    sockets: tuple[Path, ...] = ()
    loopback: bool = False
    """Whether the program and what it starts may talk to each other, in a network of their own with nothing else in it. Where
    the machine lets nobody make one, they are refused sockets as without it."""
    hidden: tuple[Path, ...] = ()
    """What no folder that is given along with the system and Python may hold: where everybody's data are."""
    limits: dict[str, int] = field(default_factory=dict)
    oom_score: int = 0
    """Raised so far above its parent's: which process the kernel ends first when memory runs out."""

    @property
    def has_network(self) -> bool:
        return self.ports is not None or bool(self.listens) or bool(self.sockets)


def existing(paths: Iterable[str | Path]) -> list[str]:
    """Those that exist, each once, and beside a link what it leads to."""
    both = (str(name) for path in paths for name in (Path(path), Path(path).resolve()))
    return [path for path in dict.fromkeys(both) if os.path.exists(path)]


def system_paths() -> list[str]:
    return existing([*SYSTEM, *(f"/etc/{name}" for name in ETC), *HARDWARE])


def python_paths(without: Iterable[Path] = ()) -> list[str]:
    """Where this Python and its libraries are; nothing that holds one of the folders `without`."""
    return existing(path for path in _python_folders() if not any(_holds(path, other) for other in without))


def _python_folders() -> Iterator[Path]:
    yield from map(Path, dict.fromkeys((sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)))
    yield Path(sys.executable)
    yield from (Path(entry) for entry in sys.path if entry and os.path.exists(entry))


def _holds(folder: Path, other: Path) -> bool:
    return other.resolve().is_relative_to(folder.resolve())


def devices() -> list[str]:
    """Of every process, and the GPUs."""
    graphics = (path for pattern in GPU_PATTERNS for path in sorted(Path("/dev").glob(pattern)))
    return [*existing(DEVICES), *map(str, graphics)]
