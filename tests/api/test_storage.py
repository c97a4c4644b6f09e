"""/storage, /retention, and the deletion of a dataset with all that was made from it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests import things
from webapp.accounts.actions import create_token
from webapp.accounts.models import Membership, Role, User, Workspace
from webapp.datasets.models import Dataset
from webapp.endpoints.models import Endpoint
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run

ApiOf = Callable[[User], Client]


def send(client: Client, method: str, path: str, body: object = None) -> Any:
    data = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    return client.generic(method, f"/api/v1{path}", **data)


def test_what_is_kept_by_kind(user: User, workspace: Workspace, api_of: ApiOf, settings: Any) -> None:
    things.run(things.prototype(workspace), bytes=5)
    Dataset.objects.update(upload_bytes=3, cache_bytes=2)
    settings.MAQUETTE_QUOTA_BYTES = 100
    answer = send(api_of(user), "GET", "/storage").json()
    assert answer["used"] == {"uploads": 3, "versions": 0, "runs": 5, "caches": 2}
    assert (answer["total"], answer["quota"], answer["room"]) == (10, 100, 92)


def test_retention(user: User, workspace: Workspace, api_of: ApiOf, settings: Any) -> None:
    settings.FEEDBACK_RETENTION_DAYS, settings.DATASET_RETENTION_DAYS = 30, 365
    api, dataset = api_of(user), things.dataset(workspace)
    site = {"default_feedback_days": 30, "default_dataset_days": 365}
    assert send(api, "GET", "/retention").json() == {"feedback_days": None} | site
    for days in (7, 0, None):
        assert send(api, "PUT", "/retention", {"feedback_days": days}).json() == {"feedback_days": days} | site
        workspace.refresh_from_db()
        assert workspace.feedback_days == days
        answer = send(api, "PUT", f"/datasets/{dataset.pk}/retention", {"days": days}).json()
        assert answer == {"days": days, "default_days": 365}
        dataset.refresh_from_db()
        assert dataset.retention_days == days
        assert send(api, "GET", f"/datasets/{dataset.pk}/retention").json()["days"] == days


@pytest.mark.parametrize("body", [{}, {"days": -1}, {"days": 3651}, {"days": "soon"}, {"days": 1.5}, {"day": 1}])
def test_days_that_are_none(body: dict[str, Any], user: User, workspace: Workspace, api_of: ApiOf) -> None:
    dataset = things.dataset(workspace, name="rows")
    assert send(api_of(user), "PUT", f"/datasets/{dataset.pk}/retention", body).status_code == 422
    dataset.refresh_from_db()
    assert dataset.retention_days is None


def test_only_admins_say_how_long_and_only_of_their_own(
    user: User, outsider: User, workspace: Workspace, api_of: ApiOf
) -> None:
    dataset = things.dataset(workspace)
    editor = User.objects.create_user("ed@example.org")
    Membership.objects.create(workspace=workspace, user=editor, role=Role.EDITOR)
    _token, narrow = create_token(user, workspace, "narrow", scope="write")
    path = f"/datasets/{dataset.pk}/retention"
    for client in (api_of(editor), Client(headers={"Authorization": f"Bearer {narrow}"})):
        assert send(client, "PUT", "/retention", {"feedback_days": 1}).status_code == 403
        assert send(client, "PUT", path, {"days": 1}).status_code == 403
        assert send(client, "GET", path).status_code == 200
    assert send(api_of(outsider), "GET", path).status_code == 404
    assert send(api_of(outsider), "PUT", path, {"days": 1}).status_code == 404


def test_a_dataset_goes_with_all_that_was_made_from_it(user: User, workspace: Workspace, api_of: ApiOf) -> None:
    run = things.run(things.prototype(workspace), status="running")
    things.endpoint(run)
    api, path = api_of(user), f"/datasets/{run.version.dataset_id}"
    assert send(api, "DELETE", path).json()["code"] == "in_use"
    assert send(api, "DELETE", f"{path}?prototypes=true").json()["code"] == "at_work"
    Run.objects.update(status="succeeded")
    assert send(api, "DELETE", f"{path}?prototypes=true").status_code == 204
    for model in (Dataset, Prototype, Run, Endpoint):
        assert not model.objects.exists()
