"""Versions: another mapping makes the next one, what nobody reads is sent again, what died twice is given up."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import TestCase
from django.utils import timezone

from tests import things
from trainer.__main__ import parser
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


@pytest.mark.parametrize(
    ("first", "later", "by_place"),
    [
        ({}, {"header": 0}, True),
        ({"header": 3}, {"header": 1}, True),
        ({}, {"reading": {"header@rows.csv": "2"}}, True),
        ({"sheet": "Two"}, {"sheet": "Two", "header": 2}, True),
        ({}, {"sheet": "Two"}, False),
        ({"sheet": "Two"}, {"sheet": "One", "header": 2}, False),
        ({}, {"layout": "text"}, False),
        ({}, {"header": 1, "layout": "text"}, False),
        ({"layout": "text"}, {"header": 1}, False),
        ({}, {"reading": {"files": "b.csv"}}, False),
        ({"reading": {"files": "b.csv"}}, {"header": 2}, False),
        ({"reading": {"files": "b.csv"}}, {"reading": {"files": "b.csv", "header": "2"}}, True),
    ],
)
def test_added_rows_go_by_place_where_only_the_header_changed(
    first: dict[str, Any], later: dict[str, Any], by_place: bool, user: User, workspace: Workspace
) -> None:
    version = things.dataset(workspace, request=first, sources=["rows.csv"]).current
    more = versions.derive(version, user, "", append=["more.csv"])
    more.profile, more.status = version.profile, "ready"
    more.save()
    options = vars(
        parser().parse_args(reading.reader_arguments(versions.derive(more, user, "", **later, append=["more.csv"])))
    )
    assert options["columns_before"] == ([column["name"] for column in version.columns] if by_place else [])


def test_no_argument_is_longer_than_a_process_takes(user: User, workspace: Workspace) -> None:
    names = [f"{'measured on the north side of the pier at ' * 2}{n}" for n in range(2_000)]
    version = things.dataset(workspace, sources=["rows.csv"]).current
    version.profile = version.profile | {"columns": [{"name": name} for name in names]}
    version.save()
    roles, columns = dict.fromkeys(names, "feature"), {"features": ",".join(names)}
    made = versions.derive(version, user, "", header=0, append=["more.csv"], roles=roles, columns=columns)
    words = reading.reader_arguments(made)
    assert max(len(word.encode()) for word in words) < 100_000
    options = vars(parser().parse_args(words))
    assert (options["columns_before"], options["roles"], options["columns"]) == (names, roles, columns)


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
