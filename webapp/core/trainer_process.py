"""Starts `python -m trainer …` as a process of its own and reads the events it prints.

The child leads its own process group and dies with the thread that started it (PR_SET_PDEATHSIG), so that nothing
survives its supervisor, however that ends.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from sandbox import modes
from webapp.core import confinement
from webapp.core.confinement import Access
from webapp.core.hub_gate import open_gate
from webapp.core.storable import storable

PROGRAM_SECONDS = 5.0
"""How long bubblewrap may take to say which process is the command; a signal waits for it."""


class TrainerProcess:
    """One trainer command, confined (`webapp.core.confinement`) to what `access` names. `events()` yields its events, and
    None at least every `tick` seconds. `Problem` where it cannot be confined as the settings demand."""

    PROGRAM = (sys.executable, "-m", "trainer")

    def __init__(
        self,
        arguments: list[str],
        *,
        stderr: Path,
        access: Access,
        env: dict[str, str] | None = None,
    ) -> None:
        mode = confinement.mode_for(access)
        self.gate = open_gate() if access.hub else None
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.hold: int | None
        self.folder, self.hold = confinement.own_folder()
        self.known = threading.Event()
        """Set once it is clear which process is the command, or that it is `process` itself."""
        self.command: int | None = None
        """Descriptor of the command's process where that is a child of `process`."""
        info, tell = os.pipe() if mode == "bubblewrap" else (None, None)
        policy = confinement.policy(access, self.folder, self.gate.ports if self.gate else None)
        words = [*self.PROGRAM, *arguments]
        stderr.parent.mkdir(parents=True, exist_ok=True)
        with stderr.open("ab") as errors:
            self.process = subprocess.Popen(
                modes.command(mode, policy, words, self.folder / confinement.CODE, info=tell),
                env=confinement.environment(
                    access, self.folder, (env or {}) | (self.gate.environment if self.gate else {})
                ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                user=confinement.trainer_user(),
                pass_fds=[] if tell is None else [tell],
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        if tell is not None:
            os.close(tell)
        threading.Thread(target=self._read, args=(info,), daemon=True, name=f"trainer-{self.process.pid}").start()

    def _read(self, info: int | None) -> None:
        if info is not None:
            self._find_command(info)
        self.known.set()
        assert self.process.stdout
        with self.process.stdout as lines:
            for line in lines:
                self.lines.put(line)
        self.lines.put(None)

    def _find_command(self, info: int) -> None:
        """Which process bubblewrap has made of the command; a number could be another's by the time it is used."""
        with os.fdopen(info) as file, suppress(ValueError, KeyError, OSError):
            self.command = os.pidfd_open(json.load(file)["child-pid"])

    def events(self, tick: float = 0.5) -> Iterator[dict[str, Any] | None]:
        while True:
            try:
                line = self.lines.get(timeout=tick)
            except queue.Empty:
                if self.process.poll() is not None:
                    self.signal(signal.SIGKILL)  # what is left of its group holds its output open
                yield None
                continue
            if line is None:
                break
            event = parse(line)
            if event:
                yield event
        self.process.wait()

    def signal(self, number: int) -> None:
        """Send a signal to the command and what it has started; one that is gone already is fine. bubblewrap, which stands
        before it, would take all with it, so there the command alone hears of what does not end it at once."""
        if self.told_by_number(number):
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def tell(self, number: int) -> None:
        """Send a signal to the command alone, not to what it has started."""
        if not self.told_by_number(number):
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    def told_by_number(self, number: int) -> bool:
        """Whether the command is a process behind bubblewrap, and was sent the signal there."""
        if number == signal.SIGKILL:
            return False
        self.known.wait(PROGRAM_SECONDS)
        if self.command is None:
            return False
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.command, number)
        return True

    def end(self) -> None:
        """Leave no process behind, not even one that the command itself started, nor its temporary files."""
        self.signal(signal.SIGKILL)
        self.process.wait()
        if self.command is not None:
            os.close(self.command)
            self.command = None
        confinement.remove(self.folder)
        if self.gate is not None:
            self.gate.close()
            self.gate = None
        if self.hold is not None:
            os.close(self.hold)
            self.hold = None


def hub_access(model: str) -> dict[str, str]:
    """The operator's HF_TOKEN for a run on one of HF_TOKEN_MODELS. Any other model is whatever a user named: asked for
    without it, so that nobody reads by it what only the operator may."""
    kind, _colon, name = model.partition(":")
    if kind != "hub" or name.partition("@")[0] not in settings.HF_TOKEN_MODELS or not settings.HF_TOKEN:
        return {}
    return {"HF_TOKEN": settings.HF_TOKEN, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0"}


def parse(line: str) -> dict[str, Any] | None:
    """One event, or None for a line that is none (a library that prints to standard output, say). What people read of it
    names no folder of this machine's."""
    try:
        event = json.loads(line)
        if isinstance(event, dict) and event.get("type") in READ_BY_PEOPLE:
            event = json.loads(without_folders(line))
    except (ValueError, RecursionError):
        return None
    return storable(event) if isinstance(event, dict) and "type" in event else None


READ_BY_PEOPLE = ("error", "log", "warning")


def without_folders(text: str) -> str:
    """A text without the places of this machine: where data and code lie is the operator's."""
    for folder, name in folders(settings.MAQUETTE_DATA, settings.BASE_DIR):
        text = text.replace(folder, name)
    return text


@lru_cache
def folders(data: Path, code: Path) -> list[tuple[str, str]]:
    """(folder, what it is called instead), the longest first."""
    named = {data: "data", code: "maquette", Path(sys.prefix): "python"}
    named |= dict.fromkeys(confinement.models_folders(), "models")
    named |= {folder.resolve(): name for folder, name in named.items()}
    return sorted(((str(folder), name) for folder, name in named.items()), key=lambda pair: -len(pair[0]))


def last_words(path: Path, size: int = 2000) -> str:
    """The end of a process's standard error."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            text = file.read().decode(errors="replace").replace("\x00", "").strip()
    except FileNotFoundError:
        return ""
    return without_folders(text)
