"""Which version goes live when packages get ready in another order than they were asked for; each is packaged once."""

import json
from collections.abc import Callable

import pytest
from django.test import Client

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.core.locks import only_one
from webapp.core.problems import BudgetSpent, Conflict
from webapp.costs.actions import set_budget
from webapp.endpoints import actions
from webapp.endpoints.models import Endpoint, EndpointVersion, Status
from webapp.endpoints.packaging import Packaging
from webapp.prototypes.models import Prototype
from webapp.runs import storage
from webapp.runs.models import Run


@pytest.fixture
def prototype(workspace: Workspace) -> Prototype:
    return things.prototype(workspace)


def trained(prototype: Prototype, number: int) -> Run:
    run = things.run(prototype, number)
    run.artifact.mkdir(parents=True)
    return run


def packaged(run: Run) -> Run:
    """As the trainer's `export` leaves it."""
    (run.artifact / "onnx").mkdir(parents=True, exist_ok=True)
    (run.artifact / "onnx" / "export.json").write_text(json.dumps({"engine": "onnx-int8"}))
    return run


def deployed(run: Run, user: User) -> EndpointVersion:
    actions.deploy(run, user)
    return EndpointVersion.objects.get(run=run)


def serving(prototype: Prototype) -> tuple[int, str]:
    """(number of the run that is live, state of the demo)."""
    endpoint = Endpoint.objects.select_related("current__run").get(prototype=prototype)
    return (endpoint.current.run.number if endpoint.current else 0, endpoint.status)


def test_an_older_package_does_not_overtake(user: User, prototype: Prototype) -> None:
    first = deployed(trained(prototype, 1), user)
    deployed(packaged(trained(prototype, 2)), user)
    assert serving(prototype) == (2, Status.LIVE)
    packaged(first.run)
    Packaging.handle(first.pk)
    assert serving(prototype) == (2, Status.LIVE)
    first.refresh_from_db()
    assert first.engine == "onnx-int8", "it is ready to be gone back to"
    actions.promote(first, user)
    assert serving(prototype) == (1, Status.LIVE)


def test_whatever_is_ready_serves_until_the_newest_is(user: User, prototype: Prototype) -> None:
    versions = [deployed(trained(prototype, number), user) for number in (1, 2)]
    for number, version in enumerate(versions, 1):
        packaged(version.run)
        Packaging.handle(version.pk)
        assert serving(prototype) == (number, Status.LIVE)


def test_who_went_back_meanwhile_stays_back(user: User, prototype: Prototype) -> None:
    first = deployed(packaged(trained(prototype, 1)), user)
    second = deployed(packaged(trained(prototype, 2)), user)
    third = deployed(trained(prototype, 3), user)
    actions.promote(first, user)
    packaged(third.run)
    Packaging.handle(third.pk)
    assert serving(prototype) == (1, Status.LIVE)
    assert second.pk


def test_an_artifact_is_packaged_by_one_worker(user: User, prototype: Prototype) -> None:
    version = deployed(trained(prototype, 1), user)
    with only_one(storage.packaging(version.run)) as alone:
        assert alone
        Packaging.handle(version.pk)
        version.refresh_from_db()
        assert (version.engine, version.error, version.attempts) == ("", None, 0), "it comes again"


def test_a_package_that_cannot_be_made_leaves_the_live_one(user: User, prototype: Prototype) -> None:
    deployed(packaged(trained(prototype, 1)), user)
    second = deployed(trained(prototype, 2), user)
    Packaging.handle(second.pk)
    second.refresh_from_db()
    assert second.error["message"]
    assert serving(prototype) == (1, Status.LIVE)
    Packaging.sweep()


def test_a_first_package_that_cannot_be_made(user: User, prototype: Prototype) -> None:
    version = deployed(trained(prototype, 1), user)
    Packaging.handle(version.pk)
    assert serving(prototype) == (0, Status.FAILED)


def test_a_version_deleted_before_it_was_packaged(user: User, prototype: Prototype) -> None:
    version = deployed(trained(prototype, 1), user)
    EndpointVersion.objects.all().delete()
    Packaging.handle(version.pk)
    assert not EndpointVersion.objects.exists()


def test_of_two_deployments_at_once_the_later_one_stays(
    user: User, prototype: Prototype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one is asked for, and done, between the first one's transaction and its going live."""
    first, second = packaged(trained(prototype, 1)), packaged(trained(prototype, 2))
    deployed(packaged(trained(prototype, 3)), user)
    go_live = actions.go_live

    def overtaken(version: EndpointVersion, **how: bool) -> None:
        if version.run == first:
            actions.deploy(second, user)
        go_live(version, **how)

    monkeypatch.setattr(actions, "go_live", overtaken)
    actions.deploy(first, user)
    assert serving(prototype) == (2, Status.LIVE)


def test_what_was_never_packaged_is_not_promoted(user: User, prototype: Prototype) -> None:
    deployed(packaged(trained(prototype, 1)), user)
    second = deployed(trained(prototype, 2), user)
    with pytest.raises(Conflict, match="never packaged"):
        actions.promote(second, user)
    second.engine = "onnx-fp32"
    with pytest.raises(Conflict, match="never packaged"):
        actions.promote(second, user)
    assert serving(prototype) == (1, Status.LIVE)


def test_promoting_asks_for_the_budget_and_wakes_nothing(user: User, prototype: Prototype) -> None:
    first = deployed(packaged(trained(prototype, 1)), user)
    endpoint = deployed(packaged(trained(prototype, 2)), user).endpoint
    first.refresh_from_db()
    actions.switch(Endpoint.objects.get(pk=endpoint.pk), user, Status.OFF)
    actions.promote(first, user)
    assert serving(prototype) == (1, Status.OFF)
    actions.deploy(packaged(trained(prototype, 3)), user)
    assert serving(prototype) == (3, Status.OFF), "what its owner paused, its owner wakes"
    set_budget(prototype.workspace, 0)
    with pytest.raises(BudgetSpent):
        actions.promote(first, user)
    assert serving(prototype) == (3, Status.OFF)


def test_a_change_takes_nothing_back_that_another_made(user: User, prototype: Prototype) -> None:
    endpoint = things.endpoint(trained(prototype, 1), visibility="public")
    stale = Endpoint.objects.get(pk=endpoint.pk)
    actions.update(endpoint, user, {"visibility": "private", "slug": "moved-away"})
    actions.update(stale, user, {"name": "Another", "visibility": "public"})
    endpoint.refresh_from_db()
    assert (endpoint.name, endpoint.visibility, endpoint.slug) == ("Another", "private", "moved-away")


@pytest.mark.parametrize("refused", [{"slug": "No!"}, {"visibility": "x"}, {"status": "x"}, {"slug": "taken"}])
def test_a_refused_patch_changes_nothing(
    refused: dict[str, str], user: User, prototype: Prototype, api_of: Callable[[User], Client]
) -> None:
    other = things.prototype(prototype.workspace)
    things.endpoint(trained(other, 1), slug="taken")
    endpoint = deployed(packaged(trained(prototype, 1)), user).endpoint
    second = packaged(trained(prototype, 2))
    body = {"run": second.pk, "name": "New name", **refused}
    answer = api_of(user).patch(f"/api/v1/endpoints/{endpoint.slug}", body, content_type="application/json")
    assert answer.status_code in (409, 422), answer.content
    after = Endpoint.objects.get(pk=endpoint.pk)
    assert (after.name, after.slug, after.versions.count()) == (endpoint.name, endpoint.slug, 1)
    assert serving(prototype) == (1, Status.LIVE)
    body = {"run": second.pk, "name": "New name", "status": "off"}
    answer = api_of(user).patch(f"/api/v1/endpoints/{endpoint.slug}", body, content_type="application/json")
    assert (answer.status_code, answer.json()["name"]) == (200, "New name")
    assert serving(prototype) == (2, Status.OFF)
