"""Starts `python -m trainer …` as a process of its own and reads the events it prints.

The child leads its own process group and dies with the thread that started it (PR_SET_PDEATHSIG), so that nothing
survives its supervisor, however that ends.
"""

import ctypes
import json
import os
import queue
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings

from webapp.core.storable import storable

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
SECRETS = (
    "SECRET_KEY",
    "DATABASE_URL",
    "REDIS_URL",
    "MAQUETTE_INTERNAL_TOKEN",
    "EMAIL_URL",
    "SENTRY_DSN",
    "STORAGE_URL",
)
CREDENTIALS = ("AWS_", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""What a process that reads strangers' files has no use for: names, and how names begin."""


class TrainerProcess:
    """One trainer command. `events()` yields its events, and None at least every `tick` seconds."""

    def __init__(
        self,
        arguments: list[str],
        *,
        stderr: Path,
        limits: dict[int, int] | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        self.limits = limits or {}
        self.lines: queue.Queue[str | None] = queue.Queue()
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in SECRETS and not name.startswith(CREDENTIALS)
        }
        environment.pop("MAQUETTE_CACHE", None)  # that of the dataset is in `env`, for commands over a dataset
        environment |= {"PYTHONUNBUFFERED": "1", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
        environment |= env or {}
        stderr.parent.mkdir(parents=True, exist_ok=True)
        with stderr.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "trainer", *arguments],
                cwd=settings.BASE_DIR,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                preexec_fn=self._prepare,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        threading.Thread(target=self._read, daemon=True, name=f"trainer-{self.process.pid}").start()

    def _prepare(self) -> None:
        if LIBC:
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        for kind, value in self.limits.items():
            resource.setrlimit(kind, (value, value))

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as lines:
            for line in lines:
                self.lines.put(line)
        self.lines.put(None)

    def events(self, tick: float = 0.5) -> Iterator[dict[str, Any] | None]:
        while True:
            try:
                line = self.lines.get(timeout=tick)
            except queue.Empty:
                yield None
                continue
            if line is None:
                break
            event = parse(line)
            if event:
                yield event
        self.process.wait()

    def signal(self, number: int) -> None:
        """Send a signal to the whole group; one that is gone already is fine."""
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def tell(self, number: int) -> None:
        """Send a signal to the command alone, not to what it has started."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    def end(self) -> None:
        """Leave no process behind, not even one that the command itself started."""
        self.signal(signal.SIGKILL)
        self.process.wait()


def hub_access(model: str) -> dict[str, str]:
    """The operator's HF_TOKEN for a run on one of HF_TOKEN_MODELS. Any other model is whatever a user named: asked for
    without it, so that nobody reads by it what only the operator may."""
    kind, _colon, name = model.partition(":")
    if kind != "hub" or name.partition("@")[0] not in settings.HF_TOKEN_MODELS or not settings.HF_TOKEN:
        return {}
    return {"HF_TOKEN": settings.HF_TOKEN, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0"}


def parse(line: str) -> dict[str, Any] | None:
    """One event, or None for a line that is none (a library that prints to standard output, say)."""
    try:
        event = json.loads(line)
    except json.JSONDecodeError:
        return None
    return storable(event) if isinstance(event, dict) and "type" in event else None


def last_words(path: Path, size: int = 2000) -> str:
    """The end of a process's standard error."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read().decode(errors="replace").replace("\x00", "").strip()
    except FileNotFoundError:
        return ""
