"""Keeps a set of programs running: each in its own process group, restarted when it ends, none left behind.

One thread, one loop. A program is started only from that thread, since a child asks the kernel to end it with the
thread that started it (`die_with_parent`); so even a SIGKILL of the supervisor leaves nothing.
"""

import contextlib
import ctypes
import errno
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from webapp.host.preflight import StartError
from webapp.host.redis_server import die_with_parent

PR_SET_CHILD_SUBREAPER = 36
TICK = 0.1  # seconds between two looks at the children
STEADY = 20.0  # seconds of life after which the next failure counts as the first again
GIVE_UP_AFTER = 5  # failures in a row of a program while the whole set has never been ready
LOG_BYTES, LOG_FILES = 5 * 1024 * 1024, 3
TROUBLE = re.compile(rb"\b(ERROR|CRITICAL)\b|^Traceback|Error: ")


@dataclass(frozen=True)
class Program:
    """`back_off`: seconds waited before the first, second … restart; the last value repeats.
    `last`: stopped only after the others, because they need it while they end.
    `given`: whether it gets a name of this process's environment; all of them without it."""

    name: str
    command: list[str]
    env: dict[str, str] = field(default_factory=dict)
    nice: int = 0
    back_off: tuple[float, ...] = (0.2, 1, 2, 5, 10)
    last: bool = False
    given: Callable[[str], bool] | None = None


class RotatingLog:
    """`<name>.log`, and `<name>.log.1` … for what is older. A full disk costs lines of it, never the programs."""

    def __init__(self, path: Path) -> None:
        self.path, self.lost = path, 0
        self.file = path.open("ab", buffering=0)

    def write(self, line: bytes) -> None:
        try:
            if self.lost:
                self._put(b"(%d lines are missing here: they could not be written)" % self.lost)
                self.lost = 0
            self._put(line)
            if self.file.tell() > LOG_BYTES:
                self._rotate()
        except OSError:
            self.lost += 1

    def _put(self, line: bytes) -> None:
        whole = line + b"\n"
        if self.file.write(whole) < len(whole):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _rotate(self) -> None:
        for number in range(LOG_FILES - 1, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else self.path
            if newer.exists():
                newer.replace(older)
        before, self.file = self.file, self.path.open("ab", buffering=0)
        before.close()


@dataclass
class Child:
    program: Program
    log: RotatingLog
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float | None = None  # when to start it again, on the monotonic clock
    rest: bytes = b""
    tail: deque[bytes] = field(default_factory=lambda: deque(maxlen=12))

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal_group(self, number: int) -> None:
        if self.process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)


class Supervisor:
    def __init__(self, logs: Path, say: Callable[[str], None], verbose: bool = False) -> None:
        self.logs, self.say, self.verbose = logs, say, verbose
        self.children: dict[str, Child] = {}
        self.ready = False
        self.stop_asked = 0
        self.selector = selectors.DefaultSelector()
        self.zombies: set[int] = set()
        self.next_burial = 0.0
        self.strangers = {process.pid for process in psutil.Process().children()}
        """Children that were there before and are none of ours: a test's own, say."""
        logs.mkdir(parents=True, exist_ok=True)

    def adopt_orphans(self) -> None:
        """Make grandchildren whose parent ends our own children, so that stopping finds them. Linux only."""
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def listen_to_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.ask_to_stop())

    def ask_to_stop(self) -> None:
        """The first request is polite; a second one ends the waiting."""
        self.stop_asked += 1

    def start(self, program: Program) -> None:
        child = self.children[program.name] = Child(program, RotatingLog(self.logs / f"{program.name}.log"))
        self._launch(child)

    def _launch(self, child: Child) -> None:
        program = child.program
        die, nice = die_with_parent(), program.nice

        def prepare() -> None:
            die()
            if nice:
                os.nice(nice)

        inherited = {name: os.environ[name] for name in os.environ if program.given is None or program.given(name)}
        child.process = subprocess.Popen(
            program.command,
            env={**inherited, "PYTHONUNBUFFERED": "1", **program.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=prepare,
            start_new_session=True,
        )
        child.started, child.due = time.monotonic(), None
        assert child.process.stdout
        os.set_blocking(child.process.stdout.fileno(), False)
        self.selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def run(self) -> None:
        """Until `ask_to_stop`; `StartError` when a program cannot be started at all."""
        while not self.stop_asked:
            self.turn()

    def turn(self) -> None:
        """One turn of the loop: copy what was said, see who ended, start again who is due."""
        self._read(TICK)
        for child in self.children.values():
            if child.process and child.process.poll() is not None:
                self._ended(child, child.process.returncode)
            elif child.due is not None and time.monotonic() >= child.due and not self.stop_asked:
                self._launch(child)
        self._bury_orphans()

    def _read(self, seconds: float) -> None:
        for key, _ in self.selector.select(seconds):
            self._copy(key.data, key.fileobj)

    def _copy(self, child: Child, pipe: object) -> None:
        data = self._take(pipe)
        if not data:
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(pipe)  # type: ignore[arg-type]
            return
        *lines, child.rest = (child.rest + data).split(b"\n")
        for line in lines:
            self._line(child, line.rstrip(b"\r"))

    @staticmethod
    def _take(pipe: object) -> bytes:
        try:
            return os.read(pipe.fileno(), 65536)  # type: ignore[attr-defined]
        except (BlockingIOError, ValueError, OSError):
            return b""

    def _line(self, child: Child, line: bytes) -> None:
        child.log.write(line)
        child.tail.append(line)
        # Until all is up, a part that misses another says so a few times; the logs have it.
        if self.verbose or (self.ready and TROUBLE.search(line)):
            self.say(f"{child.program.name:>8} | {line.decode(errors='replace')}")

    def _ended(self, child: Child, code: int) -> None:
        assert child.process
        child.signal_group(signal.SIGKILL)  # what it may have left in its group
        self._drain(child)
        child.process = None
        if self.stop_asked:
            return
        child.failures = 1 if time.monotonic() - child.started > STEADY else child.failures + 1
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        if not self.ready and child.failures >= GIVE_UP_AFTER:
            last = "\n".join("    " + line.decode(errors="replace") for line in child.tail)
            raise StartError(
                f"{child.program.name} {how}, {child.failures} times in a row. It said:\n{last}",
                f"{self._where(child)} `make doctor` may know the cause.",
            )
        wait = child.program.back_off[min(child.failures, len(child.program.back_off)) - 1]
        child.due = time.monotonic() + wait
        self.say(f"{child.program.name} {how}; starting it again in {wait:g} s. {self._where(child)}")

    @staticmethod
    def _where(child: Child) -> str:
        return f"Its log is {child.log.path}."

    def _drain(self, child: Child) -> None:
        pipe = child.process.stdout if child.process else None
        if pipe is None:
            return
        while data := self._take(pipe):
            *lines, child.rest = (child.rest + data).split(b"\n")
            for line in lines:
                self._line(child, line.rstrip(b"\r"))
        with contextlib.suppress(KeyError, ValueError):
            self.selector.unregister(pipe)
        pipe.close()
        if child.rest:
            self._line(child, child.rest)
            child.rest = b""

    def _bury_orphans(self) -> None:
        """Reap adopted grandchildren that have ended. Only at the second look, seconds later: a subprocess of another
        thread of this process ends as a zombie too, and that thread waits for it."""
        if time.monotonic() < self.next_burial:
            return
        self.next_burial = time.monotonic() + 5
        own = {child.process.pid for child in self.children.values() if child.process}
        zombies = {pid for pid in _child_pids() - own - self.strangers if _is_zombie(pid)}
        for pid in zombies & self.zombies:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self.zombies = zombies

    def stop(self, grace: float = 10.0) -> None:
        """SIGTERM to every group, SIGKILL to what remains after `grace` seconds, then the programs marked `last`."""
        self.stop_asked = max(1, self.stop_asked)
        self._end([child for child in self.children.values() if not child.program.last], grace)
        self._end([child for child in self.children.values() if child.program.last], 5.0)
        kill_descendants(self.strangers)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        for child in self.children.values():
            child.log.file.close()

    def _end(self, children: list[Child], grace: float) -> None:
        for child in children:
            child.due = None
            child.signal_group(signal.SIGTERM)
        deadline = time.monotonic() + grace
        while any(child.alive for child in children) and time.monotonic() < deadline and self.stop_asked < 2:
            self._read(TICK)
        for child in children:
            child.signal_group(signal.SIGKILL)
        for child in children:
            if child.process:
                child.process.wait()
                self._drain(child)
                child.process = None


def _child_pids() -> set[int]:
    """Direct children of this process; cheap on Linux, where every thread lists its own."""
    if sys.platform != "linux":
        return set()
    pids: set[int] = set()
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            pids.update(int(pid) for pid in path.read_text().split())
    return pids


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def kill_descendants(spared: set[int]) -> None:
    """SIGKILL every process below this one, but for some children and theirs, and wait until they are gone."""
    for _ in range(20):
        processes = descendants(spared)
        if not processes:
            return
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(processes, timeout=0.5)


def descendants(spared: set[int]) -> list[psutil.Process]:
    processes = []
    for child in psutil.Process().children():
        if child.pid not in spared:
            with contextlib.suppress(psutil.Error):
                processes += [child, *child.children(recursive=True)]
    return processes
