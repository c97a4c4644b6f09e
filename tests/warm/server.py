"""A process that has the trainer's libraries loaded and forks a trainer for each that asks: `python tests/warm/server.py SOCKET`.

Importing them takes three to six seconds of the processor, most of a small training. What is forked is the trainer's own command,
confined by the sandbox's own means (`sandbox/launch.py`), with the environment, folder, limits and streams of `stub.py`, for
which it stands. It ends with its stub, and all of them with the standard input.
"""

import atexit
import base64
import ctypes  # noqa: F401  for what runs confined
import gc
import importlib
import json
import os
import pkgutil
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)

from sandbox import launch, modes  # noqa: E402
from trainer import __main__ as trainer  # noqa: E402
from trainer import unused_libraries  # noqa: E402

PACKAGES = ("trainer.data", "trainer.learning", "trainer.packaging", "trainer.families.text", "trainer.engines")
LIBRARIES = (
    "lightgbm",
    "onnx",
    "onnxruntime",
    "py_landlock",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "torch.onnx",
    "transformers.models.bert.modeling_bert",
)


def preload() -> None:
    unused_libraries.leave_out()
    trainer.openmp.share()
    for name in PACKAGES:
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, name + "."):
            with suppress(ImportError):
                importlib.import_module(found.name)
    for name in LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


class Server:
    def __init__(self, address: str) -> None:
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(address)
        self.listener.listen(64)
        self.selector.register(self.listener, selectors.EVENT_READ, ("listener", 0))
        self.selector.register(sys.stdin.fileno(), selectors.EVENT_READ, ("input", 0))
        self.asking: dict[int, socket.socket] = {}
        """The connection of each trainer's stub, by the trainer's number."""
        self.handles: dict[int, int] = {}

    def serve(self) -> None:
        while True:
            for key, _events in self.selector.select():
                kind, pid = key.data
                if kind == "input":
                    return
                if kind == "listener":
                    self.accept()
                elif kind == "stub":
                    self.end(pid)
                else:
                    self.tell(pid)

    def accept(self) -> None:
        connection, _address = self.listener.accept()
        request, streams = receive(connection)
        pid = os.fork()
        if not pid:
            become(request, streams, [connection, self.listener, *self.asking.values()], [*self.handles.values()])
        for stream in streams:
            os.close(stream)
        self.asking[pid], self.handles[pid] = connection, os.pidfd_open(pid)
        self.selector.register(connection, selectors.EVENT_READ, ("stub", pid))
        self.selector.register(self.handles[pid], selectors.EVENT_READ, ("trainer", pid))
        with suppress(OSError):
            connection.sendall(json.dumps({"pid": pid}).encode() + b"\n")

    def end(self, pid: int) -> None:
        """Its stub is gone."""
        self.selector.unregister(self.asking[pid])
        for kill in (os.killpg, os.kill):  # it may not lead its group yet
            with suppress(ProcessLookupError):
                kill(pid, signal.SIGKILL)

    def tell(self, pid: int) -> None:
        """It is gone: what it has started goes too."""
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.selector.unregister(self.handles[pid])
        os.close(self.handles.pop(pid))
        connection = self.asking.pop(pid)
        with suppress(KeyError, ValueError):
            self.selector.unregister(connection)
        with connection, suppress(OSError):
            connection.sendall(json.dumps({"code": code}).encode() + b"\n")


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """What a stub asks for, and its three streams."""
    head, streams, _flags, _address = socket.recv_fds(connection, 8, 3)
    size, content = int.from_bytes(head, "big"), b""
    while len(content) < size:
        content += connection.recv(size - len(content))
    return json.loads(content), list(streams)


def become(request: dict[str, Any], streams: list[int], sockets: list[socket.socket], handles: list[int]) -> None:
    """The trainer that is asked for; does not come back."""
    code = 1
    try:
        parent = os.getppid()
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        for stream in (*streams, *handles):
            os.close(stream)
        for one in sockets:
            one.close()
        os.environ.clear()
        os.environ.update(request["environment"])
        tempfile.tempdir = None
        order = request["order"]
        confine(order, parent)
        sys.path[0] = order["folder"]
        sys.modules["__main__"] = trainer
        sys.argv = order["command"][2:]
        code = trainer.main(order["command"][3:])
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def confine(order: dict[str, Any], parent: int) -> None:
    """As `sandbox.launch.main`, with Landlock where that was chosen, in this process."""
    launch.die_with(parent)
    launch.raise_oom_score(order["oom_score"])
    for name, value in order["limits"].items():
        launch.limit(getattr(launch.resource, f"RLIMIT_{name}", None), value)
    os.chdir(order["folder"])
    if order["loopback"] and order["mode"] == "landlock" and launch.own_network():
        order["filter"] = order["loopback_filter"]
    else:
        order["loopback"] = False
    if order["mode"] == "landlock":
        launch.landlock(order)
        launch.drop_capabilities()
        launch.load_filter(base64.b64decode(order["filter"]))


if __name__ == "__main__":
    server = Server(sys.argv[1])
    modes.bindings()
    preload()
    print("ready", flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        server.serve()
    finally:
        shutil.rmtree(Path(sys.argv[1]).parent, ignore_errors=True)
