"""Which version goes live when packages get ready in another order than they were asked for; each is packaged once."""

import json

import pytest

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.core.locks import only_one
from webapp.endpoints import actions
from webapp.endpoints.models import Endpoint, EndpointVersion, Status
from webapp.prototypes.models import Prototype
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
    assert actions.export(first.pk)
    assert serving(prototype) == (2, Status.LIVE)
    first.refresh_from_db()
    assert first.engine == "onnx-int8", "it is ready to be gone back to"
    actions.promote(first, user)
    assert serving(prototype) == (1, Status.LIVE)


def test_whatever_is_ready_serves_until_the_newest_is(user: User, prototype: Prototype) -> None:
    versions = [deployed(trained(prototype, number), user) for number in (1, 2)]
    for number, version in enumerate(versions, 1):
        packaged(version.run)
        assert actions.export(version.pk)
        assert serving(prototype) == (number, Status.LIVE)


def test_who_went_back_meanwhile_stays_back(user: User, prototype: Prototype) -> None:
    first = deployed(packaged(trained(prototype, 1)), user)
    second = deployed(packaged(trained(prototype, 2)), user)
    third = deployed(trained(prototype, 3), user)
    actions.promote(first, user)
    packaged(third.run)
    assert actions.export(third.pk)
    assert serving(prototype) == (1, Status.LIVE)
    assert second.pk


def test_an_artifact_is_packaged_by_one_worker(user: User, prototype: Prototype) -> None:
    version = deployed(trained(prototype, 1), user)
    with only_one(actions.packaging(version.run)) as alone:
        assert alone
        assert not actions.export(version.pk), "come again"
        version.refresh_from_db()
        assert (version.engine, version.error) == ("", None)


def test_a_package_that_cannot_be_made_leaves_the_live_one(user: User, prototype: Prototype) -> None:
    deployed(packaged(trained(prototype, 1)), user)
    second = deployed(trained(prototype, 2), user)
    assert actions.export(second.pk)
    second.refresh_from_db()
    assert second.error["message"]
    assert serving(prototype) == (1, Status.LIVE)
    actions.send_lost_exports()


def test_a_first_package_that_cannot_be_made(user: User, prototype: Prototype) -> None:
    version = deployed(trained(prototype, 1), user)
    assert actions.export(version.pk)
    assert serving(prototype) == (0, Status.FAILED)


def test_a_version_deleted_before_it_was_packaged(user: User, prototype: Prototype) -> None:
    version = deployed(trained(prototype, 1), user)
    EndpointVersion.objects.all().delete()
    assert actions.export(version.pk)
