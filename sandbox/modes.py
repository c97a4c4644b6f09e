"""Which means of confinement this machine has, and the command line that uses it."""

import base64
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from sandbox import seccomp
from sandbox.policy import NETWORK, PROC, Policy, devices, existing, python_paths, system_paths

Mode = Literal["bubblewrap", "landlock", "off"]
PREFERRED: tuple[Mode, ...] = ("bubblewrap", "landlock")
LAUNCH = Path(__file__).with_name("launch.py")
PROBE_SECONDS = 20
ABI_NET, ABI_SCOPE = 4, 6
"""Of Landlock: since when TCP ports, and signals and abstract sockets, are covered."""


@dataclass(frozen=True)
class Probe:
    """Whether a mode works here, and if not, why."""

    mode: Mode
    works: bool
    reason: str = ""


class NotConfined(RuntimeError):  # noqa: N818  a state of the machine
    """Confinement is required, and this machine has no means of it."""


def choose(setting: str, hidden: tuple[Path, ...] = ()) -> Mode:
    """The mode for a setting: `auto` (the best there is, else none), `require` (`NotConfined` where there is none), `off`, or
    a mode by its name, required. `hidden`: what must be kept from a program (`Policy.hidden`)."""
    if setting == "off":
        return "off"
    probes = [probe(mode, hidden) for mode in PREFERRED if setting in ("auto", "require", mode)]
    for result in probes:
        if result.works:
            return result.mode
    if setting == "auto":
        return "off"
    raise NotConfined("; ".join(f"{result.mode}: {result.reason}" for result in probes) or f"no mode “{setting}”")


@lru_cache
def probe(mode: Mode, hidden: tuple[Path, ...] = ()) -> Probe:
    """Tried for real, once a process: a Python that starts and ends."""
    if sys.platform != "linux":
        return Probe(mode, False, f"{sys.platform} has no such means")
    try:
        words = command(mode, Policy(hidden=hidden), ["/proc/self/exe", "-I", "-S", "-c", "pass"], Path("/"))
        done = subprocess.run(words, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        return Probe(mode, False, str(error))
    if done.returncode == 0:
        return Probe(mode, True)
    return Probe(mode, False, (done.stderr.strip().splitlines() or ["it ended without a word"])[-1])


def command(
    mode: Mode, policy: Policy, words: list[str], folder: Path, *, parent: int | None = None, info: int | None = None
) -> list[str]:
    """The command line that starts `words` in `folder` under `policy`. `parent`: the process that it ends with (this one);
    `info`: a descriptor to which bubblewrap tells the program's number, {"child-pid": …}."""
    order: dict[str, object] = {
        "mode": mode,
        "command": [sys.executable if word == "/proc/self/exe" else word for word in words],
        "folder": str(folder),
        "runnable": [],
        "readable": [],
        "writable": [],
        "devices": [],
        "proc": PROC,
        "ports": policy.ports,
        "listens": policy.listens,
        "links": policy.has_network,
        "loopback": policy.loopback,
        "filter": "",
        "loopback_filter": "",
        "limits": policy.limits,
        "oom_score": policy.oom_score,
        "parent": os.getpid() if parent is None else parent,
        "libraries": [],
        "bwrap": "",
        "info": info,
    }
    if mode != "off":
        order |= confinement(policy)
        order |= {"bwrap": bubblewrap()} if mode == "bubblewrap" else {"libraries": bindings()}
    return [sys.executable, "-I", "-S", str(LAUNCH), json.dumps(order)]


def confinement(policy: Policy) -> dict[str, object]:
    """The part of an order that says what can be reached."""
    kept_out = [*policy.readable, *policy.writable, *policy.hidden]
    runnable = outermost([*system_paths(), *python_paths(without=kept_out)])
    for folder in policy.hidden:
        if outside := next((path for path in runnable if folder.resolve().is_relative_to(path)), None):
            raise RuntimeError(f"{folder} lies in {outside}, which every program may read")
    network = existing([*NETWORK, *policy.sockets]) if policy.has_network else []
    rules = seccomp.program(policy.has_network, links=policy.has_network, unix=bool(policy.sockets), udp=policy.udp)
    local = seccomp.program(True, links=False, udp=False) if policy.loopback else b""
    return {
        "runnable": runnable,
        "readable": outermost([*existing(policy.readable), *network], runnable),
        "writable": existing(policy.writable),
        "devices": devices(),
        "filter": base64.b64encode(rules).decode(),
        "loopback_filter": base64.b64encode(local).decode(),
    }


def outermost(paths: list[str], others: list[str] | tuple[str, ...] = ()) -> list[str]:
    """Without those that lie in another of them, or of `others`: a link is given along with what it leads to."""
    folders = [Path(path) for path in (*paths, *others) if os.path.isdir(path)]
    return [path for path in paths if not any(folder in Path(path).parents for folder in folders)]


def bubblewrap() -> str:
    """Where bubblewrap is; `RuntimeError`."""
    program = shutil.which("bwrap", path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/local/bin")
    if program is None:
        raise RuntimeError("bubblewrap is not installed")
    return program


@lru_cache
def bindings() -> list[str]:
    """The folder that holds py_landlock, for a Python that looks nowhere by itself; `RuntimeError`."""
    spec = importlib.util.find_spec("py_landlock")
    if spec is None or spec.origin is None:
        raise RuntimeError("the library py-landlock is not installed")
    return [str(Path(spec.origin).parents[1])]


@lru_cache
def landlock_version() -> int:
    """The version of the kernel's Landlock; 0 without it."""
    try:
        from py_landlock import get_abi_version

        return int(get_abi_version())
    except (ImportError, OSError, RuntimeError):
        return 0


def gaps(mode: Mode) -> list[str]:
    """What a mode leaves open on this machine, each in a few words."""
    if mode == "bubblewrap":
        return []
    if mode == "off":
        return ["a trainer reads, writes and reaches whatever the site's user may"]
    return [] if landlock_version() >= ABI_SCOPE else ["it can send signals to other processes of its user"]
