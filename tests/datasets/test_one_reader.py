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
from django.utils import timezone

from tests.datasets.sending import CSV
from webapp.accounts.models import User, Workspace
from webapp.core import work
from webapp.core.work import Lost
from webapp.datasets import actions, reading
from webapp.datasets.models import DatasetVersion
from webapp.datasets.reading import Reading


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


def test_a_silent_reader_is_heard_of(version: DatasetVersion, settings: Any) -> None:
    settings.RUN_HEARTBEAT_SECONDS = 0.2
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
    DatasetVersion.objects.update(lease="first", attempts=1)
    file = version.part_folder / "first" / "rows.part" / "data.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half")
    reading.read(version.pk)
    version.refresh_from_db()
    assert (version.lease, version.attempts, version.status) == ("first", 1, "processing")
    assert file.read_bytes() == b"half"


def test_a_reader_that_lost_its_version_changes_nothing(version: DatasetVersion) -> None:
    """It was silent for a lease, another has begun: what the first still brings is thrown away."""
    first = Reading(version, "first")
    DatasetVersion.objects.update(lease="second", attempts=2)
    made = version.part_folder / "first" / "rows"
    made.mkdir(parents=True)
    (made / "profile.json").write_text('{"rows": 7, "sha256": "x"}')
    (made / "problems.json").write_text("[]")
    with pytest.raises(Lost):
        first.beat()
    with pytest.raises(Lost):
        first.keep(made)
    first.fail({"code": "bug"})
    stored = DatasetVersion.objects.get()
    assert (stored.status, stored.rows, stored.error) == ("processing", 0, None)
    assert not version.folder.exists()


def aged(version: DatasetVersion, seconds: float, **fields: Any) -> None:
    """Its lease has run out so long ago; so long ago it was seen to be silent, if it was."""
    version.refresh_from_db()
    moved = {
        name: (getattr(version, name) or timezone.now()) - timedelta(seconds=seconds)
        for name in ("lease_until", "missed_at")
        if name == "lease_until" or getattr(version, name)
    }
    DatasetVersion.objects.filter(pk=version.pk).update(**moved | fields)
    version.refresh_from_db()


def test_the_sweeper_takes_only_what_stayed_silent(version: DatasetVersion, settings: Any) -> None:
    aged(version, 1, lease="first", attempts=1)
    reading.sweep()
    version.refresh_from_db()
    assert version.lease == "first", "it is only seen now, after an outage perhaps"
    aged(version, settings.RUN_LEASE_SECONDS / 2 + 1)
    reading.sweep()
    version.refresh_from_db()
    assert (version.lease, version.status) == ("", "processing")
    aged(version, -30, lease="second")
    reading.sweep()
    version.refresh_from_db()
    assert version.lease == "second"


def test_a_reader_that_was_kept_from_being_heard_keeps_its_version(version: DatasetVersion, settings: Any) -> None:
    """The database was away for longer than a lease, and again later: what was seen in one outage does not count in the next."""
    for _outage in range(2):
        aged(version, 2 * settings.RUN_LEASE_SECONDS, lease="first", attempts=1)
        reading.sweep()
        version.refresh_from_db()
        assert version.lease == "first"
        Reading(version, "first").beat()


@pytest.mark.django_db(transaction=True)
def test_reading_goes_on_while_the_database_is_away(
    version: DatasetVersion, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Away until after the reader's end: nothing is read twice, and no death is counted."""
    settings.RUN_HEARTBEAT_SECONDS = 0.05
    monkeypatch.setattr(Reading, "NEWS_SECONDS", 0.05)
    monkeypatch.setattr(work, "RETRY_SECONDS", 0.05)
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
        while time.monotonic() < until and not work.stopping.is_set():
            for child in readers():
                child.suspend()
                work.stopping.set()
            time.sleep(0.02)

    yield threading.Thread(target=stop)
    work.stopping.clear()


def test_a_worker_that_is_stopped_hands_back_what_it_reads(
    version: DatasetVersion, stopped_worker: threading.Thread
) -> None:
    """However often the site is started again: a good file is not given up for that."""
    stopped_worker.start()
    reading.read(version.pk)
    stopped_worker.join()
    version.refresh_from_db()
    assert (version.status, version.lease, version.attempts) == ("processing", "", 0)
    reading.read(version.pk)
    version.refresh_from_db()
    assert version.attempts == 0, "a worker that is being stopped begins nothing"
    work.stopping.clear()
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
        files += [Path(word.removeprefix("--changes=@")) for word in words if word.startswith("--changes=")]
    shutil.rmtree(own[0])
    assert [file.exists() for file in files] == [False, True]
    shutil.rmtree(version.part_folder)


def test_a_version_deleted_while_it_is_read(version: DatasetVersion) -> None:
    reading_it = DatasetVersion.objects.get()
    DatasetVersion.objects.all().delete()
    with pytest.raises(Lost):
        Reading(reading_it, "").beat()


def test_a_disk_that_takes_nothing(version: DatasetVersion, tmp_path: Path) -> None:
    version.folder.parent.parent.mkdir(parents=True, exist_ok=True)
    version.folder.parent.write_text("no folder")
    reading.read(version.pk)
    version.refresh_from_db()
    assert (version.status, version.error["code"]) == ("failed", "disk")
    assert version.error["hint"]
    os.unlink(version.folder.parent)


def test_a_reader_that_is_killed_is_followed_by_another(version: DatasetVersion) -> None:
    """Once: what kills it twice is the file's own doing, and is told in the reader's last words."""

    def kill() -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until and (found := readers()) == []:
            time.sleep(0.02)
        for child in found:
            child.kill()

    for attempt, state in ((1, "processing"), (2, "failed")):
        thread = threading.Thread(target=kill)
        thread.start()
        reading.read(version.pk)
        thread.join()
        version.refresh_from_db()
        assert (version.status, version.lease, version.attempts) == (state, "", attempt)
    assert version.error["code"] == "reader_died"
    assert version.finished_at
    assert not version.part_folder.exists()
