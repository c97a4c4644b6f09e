"""The form that divides a dataset anew: by chance, by what belongs together, by time."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.datasets.models import DatasetVersion

ASKED = {"split-how": "chance", "split-test": "20", "split-seed": "0"}


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"split-seed": "7"}, {"seed": 7}),
        ({"split-how": "group", "split-group": "note"}, {"group": "note"}),
        ({"split-how": "time", "split-time": "note", "split-test": "30"}, {"time": "note", "test": 0.3}),
    ],
)
def test_another_way_makes_the_next_version(
    asked: dict, wanted: dict, user: User, workspace: Workspace, client_of: Callable[[User], Client]
) -> None:
    prototype = things.prototype(workspace)
    answer = client_of(user).post(f"/prototypes/{prototype.pk}/split", ASKED | asked)
    assert answer.status_code == 302, answer.content
    made = prototype.dataset.latest
    assert made is not None
    assert (made.number, made.request["split"]) == (2, wanted)


def test_the_way_it_is_changes_nothing(user: User, workspace: Workspace, client_of: Callable[[User], Client]) -> None:
    prototype = things.prototype(workspace)
    assert b"Change split" in client_of(user).get(f"/prototypes/{prototype.pk}/data").content
    client_of(user).post(f"/prototypes/{prototype.pk}/split", ASKED)
    assert DatasetVersion.objects.count() == 1


@pytest.mark.parametrize(
    "asked",
    [{"split-how": "group"}, {"split-how": "time", "split-time": "nowhere"}, {"split-test": "99"}, {"split-how": ""}],
)
def test_what_makes_no_sense_is_told(
    asked: dict, user: User, workspace: Workspace, client_of: Callable[[User], Client]
) -> None:
    prototype = things.prototype(workspace)
    answer = client_of(user).post(f"/prototypes/{prototype.pk}/split", ASKED | asked)
    assert answer.status_code == 422
    assert DatasetVersion.objects.count() == 1


def test_a_cross_validation_tests_every_row(
    user: User, workspace: Workspace, client_of: Callable[[User], Client]
) -> None:
    """No page says that runs are tested on 0 rows where each is tested on in its turn."""
    prototype = things.prototype(workspace)
    version = prototype.dataset.latest
    assert version is not None
    version.profile["split"] = {"train": 123, "validation": 0, "test": 0, "unused": 1, "folds": 5, "how": "in folds"}
    version.save()
    assert version.test_rows == 123
    page = client_of(user).get(f"/prototypes/{prototype.pk}/train").content.decode()
    assert "each of the 123 rows is tested once" in page
    page = client_of(user).get(f"/prototypes/{prototype.pk}/data").content.decode()
    assert "Cross-validation (5 folds)" in page
    assert "Test (held out)" not in page
