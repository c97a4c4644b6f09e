"""A run that waits for devices, and a run that cannot begin: neither is told as a death of training.

The GPUs of these tests are what a small `nvidia-smi` on the PATH says; locks, supervisors and trainers are real.
"""

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests import things
from webapp.accounts.models import Workspace
from webapp.catalog import hardware
from webapp.core.files import disk_error
from webapp.core.locks import only_one
from webapp.datasets.models import Status as VersionStatus
from webapp.runs import tasks, worker
from webapp.runs.charging import hardware_of
from webapp.runs.models import Estimate, Run, Status
from webapp.runs.training import Training

ROOT = Path(__file__).resolve().parents[2]
MAKE_RUN = """
import json
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests import things
from webapp.accounts.actions import ensure_user
workspace = ensure_user("ada@example.org")[0].workspaces.get()
fields = {"status": "queued", "headline": None, "progress": 0, "hardware": "gpu", "model": "artifact:gone"}
run = things.run(things.prototype(workspace), **fields)
print(json.dumps(run.pk))
"""
SUPERVISE = "from webapp.runs.training import Training; Training.handle('{pk}')"
WATCH = """
import json, time
from webapp.runs.training import Training
from webapp.runs.models import Run
for _ in range(16):
    Training.sweep()
    print(json.dumps(Run.objects.values_list("status", "attempts").get(pk="{pk}")))
    time.sleep(0.3)
"""
LOOK = """
import json
from webapp.runs.models import Run
run = Run.objects.get(pk="{pk}")
print(json.dumps([run.status, run.attempts, run.error["code"]]))
"""


@pytest.fixture
def gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two GPUs."""
    program = tmp_path / "nvidia-smi"
    lines = "".join(f"{index}, L4, 24000, 10, 5\n" for index in range(2))
    program.write_text(f"#!/bin/sh\ncat <<END\n{lines}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


def waiting_run(workspace: Workspace, **fields: Any) -> Run:
    return things.run(
        things.prototype(workspace), **({"status": Status.QUEUED, "headline": None, "progress": 0} | fields)
    )


@pytest.mark.slow
def test_a_run_that_waits_for_a_device_keeps_its_attempts(gpus: None, tmp_path: Path) -> None:
    """Two supervisors have its message, as after a second delivery; both wait for much longer than a lease, while the
    sweeper looks for leases that ended."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "MAQUETTE_DATA": str(tmp_path / "data"),
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "RUN_LEASE_SECONDS": "2",
        "RUN_HEARTBEAT_SECONDS": "0.5",
    }
    environment.pop("DATABASE_URL", None)

    def start(code: str) -> subprocess.Popen[str]:
        setup = "import django; django.setup()\n"
        return subprocess.Popen(
            [sys.executable, "-c", setup + code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )

    def output(process: subprocess.Popen[str]) -> list[Any]:
        try:
            return [json.loads(line) for line in process.communicate(timeout=60)[0].splitlines()]
        finally:
            process.kill()
            process.wait()

    (pk,) = output(start(MAKE_RUN))
    folder = tmp_path / "data" / "locks"
    folder.mkdir()
    with ExitStack() as stack:
        for index in range(2):
            held = stack.enter_context((folder / f"gpu{index}.lock").open("w"))
            fcntl.flock(held, fcntl.LOCK_EX)
        supervisors = [start(SUPERVISE.format(pk=pk)) for _ in range(2)]
        seen = output(start(WATCH.format(pk=pk)))
    for process in supervisors:
        output(process)
    assert seen
    assert {tuple(one) for one in seen} == {("queued", 0)}
    ((status, attempts, error),) = output(start(LOOK.format(pk=pk)))
    assert (status, attempts) == ("failed", 1)
    assert error == "bad_model", "its base model is not there, which is what it says"


def test_a_run_holds_what_it_asked_for_and_no_more(gpus: None, db: None) -> None:
    with worker.devices_for("gpu") as first, worker.devices_for("gpu") as second:
        assert (first, second) == ([0], [1])


@pytest.mark.parametrize(("asked", "paid"), [("cpu", "cpu"), ("gpu", "gpu"), ("gpu:2", "gpu:2"), ("gpu:8", "gpu:2")])
def test_what_is_held_is_what_is_paid(gpus: None, db: None, asked: str, paid: str) -> None:
    with worker.devices_for(asked) as devices:
        assert devices is not None
        assert hardware_of(devices) == paid


def test_no_more_gpus_are_offered_than_one_machine_has() -> None:
    def host(name: str) -> dict[str, Any]:
        return {"host": name, "devices": [{"kind": "gpu", "index": index} for index in range(2)]}

    assert hardware.options([host("one"), host("two")]) == ["cpu", "gpu", "gpu:2"]
    assert hardware.options([]) == ["cpu", "gpu"]


@pytest.mark.parametrize("asked", ["gpu", "gpu:2"])
def test_who_is_no_longer_wanted_stops_waiting(gpus: None, db: None, asked: str) -> None:
    with ExitStack() as others:
        assert all(worker.try_lock(others, what) for what in ("gpu0", "gpu1"))
        with worker.devices_for(asked, still_wanted=lambda: False) as devices:
            assert devices is None


def test_runs_on_two_devices_never_hold_what_the_other_waits_for(gpus: None, db: None) -> None:
    """Four at once want both; each gets both, one after another."""
    together: list[int] = []
    most: list[int] = []

    def hold() -> None:
        with worker.devices_for("gpu:2") as devices:
            assert devices == [0, 1]
            together.append(1)
            most.append(len(together))
            time.sleep(0.05)
            together.pop()

    threads = [threading.Thread(target=hold) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == [1, 1, 1, 1]


def test_a_deleted_base_model_is_said_so_at_once(workspace: Workspace) -> None:
    base = things.run(things.prototype(workspace))
    run = waiting_run(workspace, model=f"artifact:{base.pk}")
    Training.handle(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempts) == (Status.FAILED, 1)
    assert run.error["code"] == "bad_model"
    assert run.error["hint"]


def test_rows_deleted_while_it_waited(workspace: Workspace) -> None:
    run = waiting_run(workspace)
    run.version.status, run.version.error = VersionStatus.FAILED, {"code": "deleted", "message": "Deleted for good."}
    run.version.save()
    Training.handle(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempts, run.error["code"]) == (Status.FAILED, 1, "deleted")
    assert run.error["message"] == "Deleted for good."


def test_a_version_without_its_folder(workspace: Workspace) -> None:
    run = waiting_run(workspace)
    shutil.rmtree(run.version.folder)
    Training.handle(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error["code"]) == (Status.FAILED, "no_version")


def test_a_disk_that_takes_nothing(workspace: Workspace) -> None:
    """A file stands where the run's folder should be, which fails for root too, as a full disk does."""
    run = waiting_run(workspace)
    run.folder.parent.mkdir(parents=True, exist_ok=True)
    run.folder.write_text("")
    Training.handle(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempts, run.error["code"]) == (Status.FAILED, 1, "disk")
    full = disk_error(OSError(errno.ENOSPC, "No space left on device"))
    assert full["code"] == "no_space"


def test_a_fault_of_ours_ends_it_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run = waiting_run(workspace, params={"text_model": 7})
    Training.handle(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempts, run.error["code"]) == (Status.FAILED, 1, "bug")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    other = waiting_run(workspace)
    Training.handle(other.pk)
    other.refresh_from_db()
    assert (other.status, other.attempts, other.error["code"]) == (Status.FAILED, 1, "disk")


def test_estimates_wait_for_each_other_in_all_processes(workspace: Workspace, settings: Any) -> None:
    """Another worker measures, which is all that its lock says."""
    version = things.dataset(workspace).current
    made = Estimate.objects.create(workspace=workspace, version=version, key="x", spec={"model": "m"}, hardware="cpu")
    with only_one(settings.MAQUETTE_DATA / "locks" / "estimate.lock") as alone:
        assert alone
        tasks.measure(made.pk)
        made.refresh_from_db()
        assert made.attempts == 0, "it waits, and nothing has died"
        assert (made.result, made.error) == (None, None)
    tasks.measure(made.pk)
    made.refresh_from_db()
    assert made.error
