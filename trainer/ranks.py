"""One run on several devices: starts a process for each, in the manner of torchrun, and sees to it that all end together.

The processes are the same command with torchrun's names in their environment. What rank 0 prints is passed on; the others say
nothing but why they failed. Light until there are GPUs to count.
"""

import ctypes
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainer.errors import EXIT_BUG, EXIT_DONE, EXIT_STOPPED, EXIT_USER, UserError
from trainer.events import emit
from trainer.messages import _
from trainer.spec import Spec
from trainer.team import LOCAL_RANK, MEETING, RANK, SIZE

SHARING = ("", "full", "lora", "scratch", "best")
"""Methods that several devices learn by together; the empty one is the task's own."""
PR_SET_PDEATHSIG = 1
LAUNCHER = "MAQUETTE_LAUNCHER"
"""Of the environment: the process that a rank ends with."""
GRACE_SECONDS = 10.0
"""From rank 0's end, or from the first death, until what is left is ended."""
PASSED_ON = (signal.SIGTERM, signal.SIGUSR1)


def devices_of(spec: Spec) -> int:
    """How many devices a run is to use: those named, or every GPU that this process may see."""
    kind, _colon, number = spec.hardware.device.partition(":")
    if kind == "cpu" or number == "1" or spec.method not in SHARING:
        return int(number or 1) if kind == "cpu" and spec.method in SHARING else 1
    from trainer import openmp

    openmp.share()
    import torch

    here: int = torch.cuda.device_count()
    return max(1, min(int(number or here), here))


def is_rank() -> bool:
    """Whether this process is already one of several."""
    return int(os.environ.get(SIZE) or 1) > 1


def is_leader() -> bool:
    return not int(os.environ.get(RANK) or 0)


def warn_alone(reason: str) -> None:
    emit(
        "warning",
        code="one_device",
        message=_("Processes cannot talk to each other here (%(reason)s): one device is used.", reason=reason),
        hint=_("Several devices need TCP on the loopback interface."),
    )


def why_alone() -> str:
    """What keeps processes of this machine from talking to each other, which needs TCP on the loopback; empty if nothing does."""
    try:
        with socket.socket() as server, socket.socket() as client:
            server.bind(("127.0.0.1", 0))
            server.listen(1)
            client.settimeout(5)
            client.connect(server.getsockname())
    except OSError as error:
        return str(error)
    return ""


def has_unix_sockets() -> bool:
    try:
        socket.socket(socket.AF_UNIX).close()
    except OSError:
        return False
    return True


def end_with_launcher() -> None:
    """Of a rank: the kernel ends it with the process that started it, however that ends; elsewhere a thread looks."""
    parent = int(os.environ.get(LAUNCHER) or 0)
    if not parent:
        return  # torchrun's own
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True, name="launcher").start()
    if os.getppid() != parent:
        os._exit(EXIT_BUG)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(EXIT_BUG)


def ignore_signals() -> None:
    """Of all ranks but the first, which alone decides when to stop."""
    for number in (*PASSED_ON, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


class Ranks:
    """The processes of one run."""

    def __init__(self) -> None:
        self.lines: queue.Queue[tuple[int, str | None]] = queue.Queue()
        self.errors: dict[int, dict[str, Any]] = {}
        self.dead: tuple[int, int] | None = None
        """(rank, signal) of the first that was ended from outside."""
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, arguments: list[str], size: int, meeting: Path) -> None:
        for rank in range(size):
            process = self.start_one(arguments, rank, size, meeting)
            self.processes.append(process)
            threading.Thread(target=self.read, args=(rank, process), daemon=True, name=f"rank-{rank}").start()

    def start_one(self, arguments: list[str], rank: int, size: int, meeting: Path) -> subprocess.Popen[str]:
        loopback = next((name for _index, name in socket.if_nameindex() if name.startswith("lo")), "lo")
        own = {RANK: str(rank), LOCAL_RANK: str(rank), SIZE: str(size), MEETING: str(meeting)}
        own |= {LAUNCHER: str(os.getpid()), "GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback}
        own |= {"TORCH_CPP_LOG_LEVEL": os.environ.get("TORCH_CPP_LOG_LEVEL", "ERROR")}
        if not has_unix_sockets():
            own["NCCL_CUMEM_ENABLE"] = "0"  # it would pass memory on by them
        command = [sys.executable, "-m", "trainer", *arguments]
        return subprocess.Popen(command, env=os.environ | own, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def read(self, rank: int, process: "subprocess.Popen[str]") -> None:
        assert process.stdout
        with process.stdout as lines:
            for line in lines:
                self.lines.put((rank, line))
        self.lines.put((rank, None))

    def pass_on(self, rank: int, line: str) -> None:
        """Rank 0's events as they are; errors are kept, until it is known whose was the first."""
        if '"error"' in line:
            with suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict) and event.get("type") == "error":
                    self.errors[rank] = event
                    return
        if rank == 0:
            sys.stdout.write(line)
            sys.stdout.flush()

    def signal(self, number: int) -> None:
        for process in self.processes[:1]:
            with suppress(ProcessLookupError):
                process.send_signal(number)

    def wait(self) -> None:
        """Until all have ended: by themselves, or soon after rank 0 did or one of them failed."""
        open_ends, over = set(range(len(self.processes))), float("inf")
        while open_ends:
            with suppress(queue.Empty):
                rank, line = self.lines.get(timeout=0.2)
                if line is None:
                    open_ends.discard(rank)
                else:
                    self.pass_on(rank, line)
            codes = [process.poll() for process in self.processes]
            if over == float("inf") and (codes[0] is not None or any(codes)):
                over = time.monotonic() + GRACE_SECONDS
            ended = [(rank, -code) for rank, code in enumerate(codes) if code is not None and code < 0]
            if time.monotonic() > over or ended:
                self.dead = self.dead or next(iter(ended), None)
                over = float("-inf")
                self.kill()
        for process in self.processes:
            process.wait()

    def kill(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.kill()

    def outcome(self) -> tuple[int, dict[str, Any] | None]:
        """(exit status, the error to tell): that of the rank that failed first."""
        codes = [process.returncode for process in self.processes]
        if codes[0] in (EXIT_DONE, EXIT_STOPPED):
            return codes[0], None
        if self.dead is not None:
            return EXIT_USER, lost(*self.dead, len(codes)).as_dict()
        for rank in sorted(self.errors, key=lambda rank: (codes[rank] != EXIT_USER, rank)):
            return codes[rank], {name: value for name, value in self.errors[rank].items() if name not in ("t", "type")}
        return EXIT_BUG, {"code": "bug", "message": "A process of this run ended without a word.", "hint": ""}


def run_all(arguments: list[str], size: int) -> int:
    """The command as so many processes; its exit status."""
    with tempfile.TemporaryDirectory(prefix="maquette-ranks-") as folder:
        before = {number: signal.getsignal(number) for number in (*PASSED_ON, signal.SIGINT)}
        ranks = Ranks()
        for number in PASSED_ON:
            signal.signal(number, lambda number, _frame: ranks.signal(number))
        signal.signal(signal.SIGINT, lambda *_: ranks.signal(signal.SIGTERM))
        try:
            ranks.start(arguments, size, Path(folder) / "meeting")
            ranks.wait()
        finally:
            ranks.kill()
            for number, handler in before.items():
                signal.signal(number, handler)
    status, error = ranks.outcome()
    if error is not None:
        emit("error", **error)
    return status


def lost(rank: int, number: int, size: int) -> UserError:
    """The error of a run of which one process was ended from outside."""
    return UserError(
        _(
            "Process %(rank)s of the %(size)s of this run was ended from outside (signal %(number)s), so all were.",
            rank=rank + 1,
            size=size,
            number=number,
        ),
        code="rank_lost",
        hint=_(
            "The last checkpoint is kept: start the run again to resume from it, also on another number of devices. If it happens again, memory may be short."
        ),
    )
