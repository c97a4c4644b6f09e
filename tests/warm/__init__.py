"""Trainers of the site that start with their libraries loaded (`server.py`), for the tests of FILES.

They start dozens of them, and importing takes most of their time. Commands of another program, of another user, with a network
or with an environment of their own that libraries read when imported start as in use, there too.
"""

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings

from sandbox import modes
from webapp.core import confinement, trainer_process

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
FILES = (
    "tests/datasets/test_appending.py",
    "tests/datasets/test_explorer.py",
    "tests/datasets/test_explorer_names.py",
    "tests/datasets/test_frozen.py",
    "tests/datasets/test_layout.py",
    "tests/datasets/test_quota.py",
    "tests/datasets/test_readings.py",
    "tests/datasets/test_rereading.py",
    "tests/datasets/test_restoring.py",
    "tests/datasets/test_samples.py",
    "tests/endpoints/test_inbox.py",
    "tests/labelling/test_boxes.py",
    "tests/labelling/test_doubts.py",
    "tests/labelling/test_guiding.py",
    "tests/labelling/test_label_page.py",
    "tests/labelling/test_labelling.py",
    "tests/labelling/test_numbers.py",
    "tests/labelling/test_passages.py",
    "tests/labelling/test_rules.py",
    "tests/labelling/test_several_labels.py",
    "tests/labelling/test_transcripts.py",
    "tests/ops/test_at_once.py",
    "tests/prototypes/test_grid.py",
    "tests/prototypes/test_mapping.py",
    "tests/prototypes/test_unreadable_files.py",
    "tests/runs/test_leaks.py",
    "tests/runs/test_retraining.py",
    "tests/runs/test_searches.py",
    "tests/runs/test_space.py",
    "tests/runs/test_stopping.py",
    "tests/runs/test_unlearnable_data.py",
)
"""Whose tests start many trainers and ask what comes of them, not how they begin or what confines them."""
OWN = ("HOME", "TMPDIR", "MAQUETTE_", "CUDA_", "KMP_", "PYTHONUNBUFFERED")
"""How names of the environment begin that are read when they are needed, or that libraries set themselves."""
STARTING = threading.Lock()


class Warm:
    """The server of this process, started by the first trainer that it can serve."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.environment: dict[str, str] = {}
        self.folder = ""

    @property
    def address(self) -> str:
        return f"{self.folder}/socket"

    def serves(self, environment: dict[str, str]) -> bool:
        with STARTING:
            if self.process is None:
                self.start(environment)
        return read_by_libraries(environment) == self.environment

    def start(self, environment: dict[str, str]) -> None:
        self.folder = tempfile.mkdtemp(prefix="maquette-warm-", dir="/tmp")
        self.environment = read_by_libraries(environment)
        own = {"HOME": self.folder, "TMPDIR": self.folder, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, str(FOLDER / "server.py"), self.address],
            env=self.environment | own,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        atexit.register(self.stop, os.getpid())
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n"

    def stop(self, owner: int) -> None:
        if self.process and os.getpid() == owner:
            self.process.communicate()


WARM = Warm()


def read_by_libraries(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(OWN)}


def is_plain(order: dict[str, Any]) -> bool:
    """Whether it is of a command of the trainer's that a server can stand in for: where commands are confined and nobody has
    said how, Landlock must do it, since bubblewrap could only confine what has not begun."""
    return (
        order["command"][:3] == [sys.executable, "-m", "trainer"]
        and order["ports"] is None
        and settings.MAQUETTE_SANDBOX == "auto"
        and confinement.trainer_user() is None
        and (order["mode"] == "off" or modes.probe("landlock", confinement.hidden()).works)
    )


def stub_command(words: list[str]) -> list[str]:
    """Of a command line of `sandbox.modes`: the stub's, under the same order, confined by Landlock if there is any."""
    return [*words[:3], str(FOLDER / "stub.py"), WARM.address, *words[3:]]


class WarmPopen(subprocess.Popen[str]):
    """What `TrainerProcess` starts: a stub where a server can stand in."""

    def __init__(self, words: list[str], **options: Any) -> None:
        order = json.loads(words[-1])
        if is_plain(order) and WARM.serves(options["env"]):
            words = stub_command([*words[:-1], json.dumps(landlocked(order))])
        super().__init__(words, **options)


def landlocked(order: dict[str, Any]) -> dict[str, Any]:
    return order if order["mode"] == "off" else order | {"mode": "landlock", "libraries": modes.bindings()}


@pytest.fixture(scope="module", autouse=True)
def warm_trainers(request: pytest.FixtureRequest) -> Iterator[None]:
    """In the files of FILES."""
    patched = pytest.MonkeyPatch()
    if request.path.relative_to(ROOT).as_posix() in FILES:
        kept = SimpleNamespace(Popen=WarmPopen, PIPE=subprocess.PIPE, DEVNULL=subprocess.DEVNULL)
        patched.setattr(trainer_process, "subprocess", kept)
    yield
    patched.undo()
