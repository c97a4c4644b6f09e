"""An address that a demo gave up is nobody else's for a while: people still have links to it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.endpoints import actions
from webapp.endpoints.addresses import HELD_BACK, free_slug
from webapp.endpoints.models import Endpoint, ReleasedSlug
from webapp.endpoints.tasks import sweep

ApiOf = Callable[[User], Client]


@pytest.fixture
def demo(workspace: Workspace) -> Endpoint:
    return things.endpoint(things.run(things.prototype(workspace)))


def give_up(demo: Endpoint, how: str) -> None:
    if how == "renamed":
        actions.update(demo, None, {"slug": "another-address"})
    elif how == "deleted":
        actions.delete(demo, None)
    else:
        Endpoint.objects.filter(workspace=demo.workspace).delete()


def asks_for(api: Client, workspace: Workspace, slug: str = "the-demo") -> int:
    run = things.run(things.prototype(workspace))
    run.artifact.mkdir(parents=True)
    body = {"run": run.pk, "slug": slug, "visibility": "public"}
    return api.post("/api/v1/endpoints", body, content_type="application/json").status_code


@pytest.mark.parametrize("how", ["renamed", "deleted", "erased with all else"])
def test_nobody_else_takes_it_over(how: str, demo: Endpoint, outsider: User, api_of: ApiOf) -> None:
    give_up(demo, how)
    other = outsider.workspaces.get()
    assert asks_for(api_of(outsider), other) == 409
    assert free_slug("The demo", other.pk) != "the-demo"
    ReleasedSlug.objects.update(released_at=timezone.now() - HELD_BACK - timedelta(seconds=1))
    assert asks_for(api_of(outsider), other) == 201


def test_its_own_workspace_has_it_back_at_once(demo: Endpoint, user: User, workspace: Workspace, api_of: ApiOf) -> None:
    give_up(demo, "deleted")
    assert asks_for(api_of(user), workspace) == 201


def test_no_name_is_kept(demo: Endpoint) -> None:
    give_up(demo, "deleted")
    assert "demo" not in str(ReleasedSlug.objects.values().get())
    ReleasedSlug.objects.update(released_at=timezone.now() - HELD_BACK)
    sweep()
    assert not ReleasedSlug.objects.exists()
