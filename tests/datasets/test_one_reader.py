"""A version is read by one reader at a time, who keeps it as long as it lives, however silent; one that lost it spoils nothing."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection

from tests.datasets.sending import CSV
from webapp.accounts.models import User, Workspace
from webapp.datasets import actions, reading
from webapp.datasets.models import DatasetVersion
from webapp.datasets.tasks import hand_back


@pytest.fixture
def version(user: User, workspace: Workspace) -> DatasetVersion:
    return actions.create_dataset(workspace, user, [SimpleUploadedFile("rows.csv", CSV)]).latest


@contextmanager
def heard() -> Iterator[list[float]]:
    """When the version's row was written."""
    times: list[float] = []

    def note(execute: Callable, sql: str, *rest: Any) -> Any:
        if sql.startswith('UPDATE "datasets_datasetversion"'):
            times.append(time.monotonic())
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield times


def readers() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.ZombieProcess):
            found += [child] if "inspect" in child.cmdline() else []
    return found


def stop_reader(seconds: float) -> threading.Thread:
    """Stop the reader's process for a while as soon as it is there: a phase in which nothing is said."""

    def stop() -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            for child in readers():
                child.suspend()
                time.sleep(seconds)
                child.resume()
                return
            time.sleep(0.02)

    thread = threading.Thread(target=stop)
    thread.start()
    return thread


def test_a_silent_reader_is_heard_of(version: DatasetVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BEAT_SECONDS", 0.2)
    thread = stop_reader(3)
    with heard() as times:
        reading.read(version.pk)
    thread.join()
    version.refresh_from_db()
    assert (version.status, version.attempts) == ("ready", 1)
    assert times[-1] - times[0] > 2
    assert max(later - earlier for earlier, later in pairwise(times)) < 2.5
    assert not version.part_folder.exists()


def test_a_second_reader_leaves_the_first_alone(version: DatasetVersion) -> None:
    DatasetVersion.objects.update(read_by="first", attempts=1)
    file = version.part_folder / "first" / "rows.part" / "data.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half")
    reading.read(version.pk)
    version.refresh_from_db()
    assert (version.read_by, version.attempts, version.status) == ("first", 1, "processing")
    assert file.read_bytes() == b"half"


def test_a_reader_that_lost_its_version_changes_nothing(version: DatasetVersion) -> None:
    """It was silent for a lease, another has begun: what the first still brings is thrown away."""
    version.read_by = "first"
    DatasetVersion.objects.update(read_by="second", attempts=2)
    made = version.part_folder / "first" / "rows"
    made.mkdir(parents=True)
    (made / "profile.json").write_text('{"rows": 7, "sha256": "x"}')
    (made / "problems.json").write_text("[]")
    with pytest.raises(reading.Lost):
        reading.beat(version)
    with pytest.raises(reading.Lost):
        reading.finish(version, made)
    reading.fail(version, {"code": "bug"})
    stored = DatasetVersion.objects.get()
    assert (stored.status, stored.rows, stored.error) == ("processing", 0, None)
    assert not version.folder.exists()


def aged(version: DatasetVersion, seconds: float, **fields: Any) -> None:
    """Its reader was last heard of so long ago; so long ago it was seen to be silent, if it was."""
    version.refresh_from_db()
    moved = {
        name: getattr(version, name) - timedelta(seconds=seconds)
        for name in ("touched_at", "missed_at")
        if getattr(version, name)
    }
    DatasetVersion.objects.filter(pk=version.pk).update(**moved, **fields)
    version.refresh_from_db()


def test_the_sweeper_takes_only_what_stayed_silent(version: DatasetVersion) -> None:
    aged(version, reading.LEASE_SECONDS + 1, read_by="first", attempts=1)
    reading.sweep()
    version.refresh_from_db()
    assert version.read_by == "first", "it is only seen now, after an outage perhaps"
    aged(version, reading.PATIENCE_SECONDS + 1)
    reading.sweep()
    version.refresh_from_db()
    assert (version.read_by, version.status) == ("", "processing")
    aged(version, 30, read_by="second")
    reading.sweep()
    version.refresh_from_db()
    assert version.read_by == "second"


def test_a_reader_that_was_kept_from_being_heard_keeps_its_version(version: DatasetVersion) -> None:
    """The database was away for longer than a lease, and again later: what was seen in one outage does not count in the next."""
    for _outage in range(2):
        aged(version, 2 * reading.LEASE_SECONDS, read_by="first", attempts=1)
        reading.sweep()
        version.refresh_from_db()
        assert version.read_by == "first"
        reading.beat(version)


@pytest.mark.django_db(transaction=True)
def test_reading_goes_on_while_the_database_is_away(version: DatasetVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away until after the reader's end: nothing is read twice, and no death is counted."""
    for name in ("BEAT_SECONDS", "PROGRESS_SECONDS", "WAIT_SECONDS"):
        monkeypatch.setattr(reading, name, 0.05)
    refused: list[str] = []
    begun: list[int] = []

    def away(execute: Callable, sql: str, *rest: Any) -> Any:
        working = [child.pid for child in readers()]
        begun.extend(pid for pid in working if pid not in begun)
        if sql.startswith('UPDATE "datasets_datasetversion"') and begun and (working or len(refused) < 5):
            refused.append(sql)
            raise OperationalError("database is locked")
        return execute(sql, *rest)

    with connection.execute_wrapper(away):
        reading.read(version.pk)
    version.refresh_from_db()
    assert len(refused) >= 5
    assert len(begun) == 1
    assert (version.status, version.attempts) == ("ready", 1)


@pytest.fixture
def stopped_worker() -> Iterator[threading.Thread]:
    """Stops the worker once a reader is at work."""

    def stop() -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until and not reading.stopping.is_set():
            for child in readers():
                child.suspend()
                hand_back()
            time.sleep(0.02)

    yield threading.Thread(target=stop)
    reading.stopping.clear()


def test_a_worker_that_is_stopped_hands_back_what_it_reads(
    version: DatasetVersion, stopped_worker: threading.Thread
) -> None:
    """However often the site is started again: a good file is not given up for that."""
    stopped_worker.start()
    reading.read(version.pk)
    stopped_worker.join()
    version.refresh_from_db()
    assert (version.status, version.read_by, version.attempts) == ("processing", "", 0)
    reading.read(version.pk)
    version.refresh_from_db()
    assert version.attempts == 0, "a worker that is being stopped begins nothing"
    reading.stopping.clear()
    reading.read(version.pk)
    version.refresh_from_db()
    assert (version.status, version.attempts) == ("ready", 1)


def test_two_readers_share_no_file_of_changes(version: DatasetVersion) -> None:
    DatasetVersion.objects.update(request={"changes": {"drop": [1], "set": []}})
    version.refresh_from_db()
    own = [version.part_folder / lease for lease in ("first", "second")]
    files = []
    for folder in own:
        words = reading.reader_arguments(version, folder / "rows")
        files.append(Path(words[words.index("--changes") + 1].removeprefix("@")))
    shutil.rmtree(own[0])
    assert [file.exists() for file in files] == [False, True]
    shutil.rmtree(version.part_folder)


def test_a_version_deleted_while_it_is_read(version: DatasetVersion) -> None:
    reading_it = DatasetVersion.objects.get()
    DatasetVersion.objects.all().delete()
    with pytest.raises(reading.Lost):
        reading.beat(reading_it)


def test_a_disk_that_takes_nothing(version: DatasetVersion, tmp_path: Path) -> None:
    version.folder.parent.parent.mkdir(parents=True, exist_ok=True)
    version.folder.parent.write_text("no folder")
    reading.read(version.pk)
    version.refresh_from_db()
    assert (version.status, version.error["code"]) == ("failed", "disk")
    assert version.error["hint"]
    os.unlink(version.folder.parent)
