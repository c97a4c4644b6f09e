"""Versions: another mapping makes the next one, what nobody reads is sent again, what died twice is given up."""

from datetime import timedelta

import pytest
from django.test import TestCase
from django.utils import timezone

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.core.problems import Problem
from webapp.datasets import reading, versions
from webapp.datasets.models import DatasetVersion


def test_another_mapping_makes_a_new_version(user: User, workspace: Workspace) -> None:
    version = things.dataset(workspace).current
    made = versions.remap(version, user, "text-classification", {"text": "note", "label": "label"})
    assert (made.number, made.parent, made.status) == (2, version, "processing")
    assert made.request["columns"] == {"text": "note", "label": "label"}
    assert version.dataset.current == version  # until the new one is read


def test_the_same_mapping_makes_none(user: User, workspace: Workspace) -> None:
    version = things.dataset(workspace).current
    assert versions.remap(version, user, "text-classification", {"text": "text", "label": "label"}) == version
    assert DatasetVersion.objects.count() == 1


def test_a_column_that_is_not_there(user: User, workspace: Workspace) -> None:
    version = things.dataset(workspace).current
    with pytest.raises(Problem, match="no column") as raised:
        versions.remap(version, user, "text-classification", {"text": "nowhere"})
    assert "text" in raised.value.hint


def test_the_reader_is_asked_in_its_own_words(user: User, workspace: Workspace) -> None:
    version = things.dataset(workspace).current
    made = versions.remap(version, user, "text-classification", {"text": "note", "label": "label"})
    words = reading.reader_arguments(made)
    assert words[:2] == ["inspect", str(version.folder)]
    assert "--task=text-classification" in words
    assert '--columns={"text": "note", "label": "label"}' in words


def test_what_nobody_reads_is_sent_again(workspace: Workspace) -> None:
    version = things.dataset(workspace, ready=False).latest
    long_ago = timezone.now() - timedelta(minutes=3)
    DatasetVersion.objects.update(sent_at=long_ago)
    with TestCase.captureOnCommitCallbacks(execute=True):
        reading.sweep()
    version.refresh_from_db()
    assert version.status == "processing"
    assert timezone.now() - version.sent_at < timedelta(minutes=1)


def test_what_died_twice_is_given_up(workspace: Workspace) -> None:
    long_ago = timezone.now() - timedelta(minutes=3)
    first, second = (
        things.dataset(workspace, ready=False, lease="worker", lease_until=long_ago, attempts=attempts).latest
        for attempts in (1, 2)
    )
    DatasetVersion.objects.update(missed_at=timezone.now() - timedelta(minutes=2))
    reading.sweep()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, first.lease) == ("processing", "")
    assert second.status == "failed"
    assert second.error["hint"]
