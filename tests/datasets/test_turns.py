"""Who is read next: workspaces take turns, and none has all the readers."""

from typing import Any

import pytest
from django.conf import settings as site_settings
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.datasets.sending import CSV
from webapp.accounts.models import User, Workspace
from webapp.core import readers
from webapp.datasets import actions, reading
from webapp.datasets.models import DatasetVersion, Status
from webapp.datasets.reading import next_in_turn


@pytest.fixture
def other(db: Any) -> Workspace:
    return Workspace.objects.create(name="other")


def wait_in(workspace: Workspace, user: User, count: int) -> list[DatasetVersion]:
    """Versions that wait to be read, the oldest first."""
    files = [SimpleUploadedFile("rows.csv", CSV) for _ in range(count)]
    versions = [actions.create_dataset(workspace, user, [file]).latest for file in files]
    return [version for version in versions if version]


def test_workspaces_take_turns(user: User, workspace: Workspace, other: Workspace, monkeypatch: Any) -> None:
    monkeypatch.setenv("MAQUETTE_READERS", "3")
    first, second, third = wait_in(workspace, user, 3)
    (theirs,) = wait_in(other, user, 1)
    assert next_in_turn(()) == first.pk
    first.claim()
    assert next_in_turn(()) == theirs.pk, "who has no reader comes before who has one"
    assert next_in_turn({theirs.pk}) == second.pk
    theirs.claim()
    assert next_in_turn(()) == second.pk, "nobody else waits"
    second.claim()
    assert next_in_turn(()) is None, "one reader stays free for others"
    DatasetVersion.objects.filter(pk=first.pk).update(status=Status.FAILED, lease="")
    assert next_in_turn(()) == third.pk


def test_a_single_reader_is_everybodys(user: User, workspace: Workspace, monkeypatch: Any) -> None:
    monkeypatch.setenv("MAQUETTE_READERS", "1")
    (version,) = wait_in(workspace, user, 1)
    assert next_in_turn(()) == version.pk


def test_who_ends_a_version_goes_on_with_those_whose_message_came_too_early(user: User, workspace: Workspace) -> None:
    """Two readers, so one for a workspace: the second message finds nothing that it may read, and is not lost."""
    first, second = wait_in(workspace, user, 2)
    lease = first.claim()
    reading.read(second.pk)
    assert waiting() == {second.pk}
    assert lease
    first.interrupt(lease)
    reading.read(first.pk)
    assert waiting() == set()
    assert not DatasetVersion.objects.exclude(status=Status.READY).exists()


def waiting() -> set[str]:
    return set(DatasetVersion.everywhere().waiting().values_list("pk", flat=True))


def test_messages_go_to_a_queue_of_their_own(user: User, workspace: Workspace) -> None:
    (version,) = wait_in(workspace, user, 1)
    assert version.queue == {"queue": readers.QUEUE}
    assert readers.QUEUE != site_settings.CELERY_TASK_DEFAULT_QUEUE


def test_a_reader_has_its_part_and_no_more() -> None:
    assert reading.Reading.LIMITS["AS"] == readers.address_bytes()


def test_readers_share_the_machine(monkeypatch: Any) -> None:
    monkeypatch.setattr("webapp.core.readers.memory_bytes", lambda: 8 * readers.GIB)
    monkeypatch.setenv("MAQUETTE_READERS", "4")
    each = readers.address_bytes() - readers.RESERVED_BYTES
    assert 4 * each <= 0.6 * 8 * readers.GIB
    monkeypatch.setattr("webapp.core.readers.memory_bytes", lambda: 512 * readers.GIB)
    assert readers.address_bytes() == readers.MAX_BYTES
