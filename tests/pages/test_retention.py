"""What is kept for so many days goes then, and nothing else does."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.endpoints.models import Endpoint, Feedback
from webapp.pages.tasks import retain
from webapp.prototypes.models import Prototype
from webapp.runs.models import Estimate, Preview, Run

ClientOf = Callable[[User], Client]


def ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


@pytest.fixture
def endpoint(workspace: Workspace) -> Endpoint:
    """All of it 20 days old and paused, with a rating of 20 days ago and one of today."""
    endpoint = things.endpoint(things.run(things.prototype(workspace)), status="off")
    for model in (Dataset, DatasetVersion, Run):
        model.objects.update(created_at=ago(20))
    for words, days in (("old", 20), ("new", 0)):
        made = Feedback.objects.create(workspace=workspace, endpoint=endpoint, input=words, output={}, verdict="up")
        Feedback.objects.filter(pk=made.pk).update(created_at=ago(days))
    return endpoint


def test_everything_is_kept_unless_somebody_says_otherwise(endpoint: Endpoint) -> None:
    retain()
    assert Feedback.objects.count() == 2
    assert Prototype.objects.exists()


@pytest.mark.parametrize(("usual", "own", "left"), [(10, None, 1), (0, 10, 1), (10, 0, 2), (10, 30, 2), (30, None, 2)])
def test_ratings_go_after_their_days(usual: int, own: int | None, left: int, endpoint: Endpoint, settings: Any) -> None:
    settings.FEEDBACK_RETENTION_DAYS = usual
    Workspace.objects.update(feedback_days=own)
    retain()
    assert Feedback.objects.count() == left


@pytest.mark.parametrize(("usual", "own", "goes"), [(10, None, True), (0, 10, True), (10, 0, False), (10, 30, False)])
def test_unused_data_go_with_all_that_was_made_from_them(
    usual: int, own: int | None, goes: bool, endpoint: Endpoint, settings: Any
) -> None:
    settings.DATASET_RETENTION_DAYS = usual
    Dataset.objects.update(retention_days=own)
    folder = endpoint.prototype.dataset.folder
    retain()
    assert folder.exists() == Run.objects.exists() == Dataset.objects.exists() == (not goes)


@pytest.mark.parametrize("use", ["live", "run", "version", "at work"])
def test_data_in_use_stay(use: str, endpoint: Endpoint, settings: Any) -> None:
    settings.DATASET_RETENTION_DAYS = 10
    if use == "live":
        Endpoint.objects.update(status="live")
    elif use == "run":
        Run.objects.update(finished_at=ago(1))
    elif use == "version":
        DatasetVersion.objects.update(created_at=ago(1))
    else:
        Run.objects.update(status="running")
    retain()
    assert Dataset.objects.exists()


def test_days_are_set_on_the_pages(endpoint: Endpoint, user: User, outsider: User, client_of: ClientOf) -> None:
    address = reverse("set_retention", args=[endpoint.prototype_id])
    assert client_of(outsider).post(address, {"days": "1"}).status_code == 404
    browser = client_of(user)
    browser.post(address, {"days": "14"})
    browser.post(reverse("set_feedback_days"), {"days": "30"})
    assert (Dataset.objects.get().retention_days, user.workspaces.get().feedback_days) == (14, 30)
    page = browser.get(reverse("prototype_settings", args=[endpoint.prototype_id])).content.decode()
    assert 'value="14"' in page
    assert 'value="30"' in browser.get(reverse("settings")).content.decode()
    browser.post(address, {"days": ""})
    assert Dataset.objects.get().retention_days is None
    assert browser.post(address, {"days": "99999"}).status_code == 422


def test_estimates_and_previews_go_a_month_after_they_were_last_asked_for(workspace: Workspace) -> None:
    version = things.dataset(workspace).current
    for key, made, sent, lease in (("old", 31, 31, ""), ("again", 31, 2, ""), ("new", 2, 2, ""), ("held", 31, 31, "x")):
        for model, fields in ((Estimate, {"hardware": "cpu"}), (Preview, {})):
            row = model.objects.create(
                workspace=workspace, version=version, key=key, spec={}, sent_at=ago(sent), lease=lease, **fields
            )
            model.objects.filter(pk=row.pk).update(created_at=ago(made))
    retain()
    for model in (Estimate, Preview):
        assert set(model.objects.values_list("key", flat=True)) == {"again", "new", "held"}
