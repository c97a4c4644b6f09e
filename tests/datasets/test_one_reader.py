"""A version is read by one reader at a time, who keeps it as long as it lives, however silent; one that lost it spoils nothing."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from tests.datasets.sending import CSV
from webapp.accounts.models import User, Workspace
from webapp.datasets import actions, reading
from webapp.datasets.models import DatasetVersion


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


def stop_reader(seconds: float) -> threading.Thread:
    """Stop the reader's process for a while as soon as it is there: a phase in which nothing is said."""

    def stop() -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            for child in psutil.Process().children():
                if "inspect" in child.cmdline():
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


def test_the_sweeper_takes_only_what_stayed_silent(version: DatasetVersion) -> None:
    old = timezone.now() - timedelta(seconds=reading.LEASE_SECONDS + 1)
    DatasetVersion.objects.update(read_by="first", attempts=1, touched_at=old)
    reading.sweep()
    version.refresh_from_db()
    assert (version.read_by, version.status) == ("", "processing")
    DatasetVersion.objects.update(read_by="second", touched_at=timezone.now() - timedelta(seconds=30))
    reading.sweep()
    version.refresh_from_db()
    assert version.read_by == "second"


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
