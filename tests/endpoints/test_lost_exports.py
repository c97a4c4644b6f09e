"""A package whose message was lost is asked for again."""

from datetime import timedelta

import pytest
from django.test import TestCase
from django.utils import timezone

from tests import things
from webapp.accounts.models import Workspace
from webapp.endpoints.models import Endpoint, EndpointVersion, Status
from webapp.endpoints.packaging import Packaging
from webapp.endpoints.tasks import export_version


@pytest.mark.parametrize(("sent_before", "made_before", "sent"), [(1, 1, 0), (6, 6, 1), (6, 90, 1), (6, 25 * 60, 0)])
def test_only_what_is_late_and_not_given_up(
    sent_before: int, made_before: int, sent: int, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In minutes."""
    asked: list[str] = []
    monkeypatch.setattr(export_version, "apply_async", lambda arguments, **_options: asked.extend(arguments))
    endpoint = things.endpoint(things.run(things.prototype(workspace)), status=Status.DEPLOYING)
    made, told = (timezone.now() - timedelta(minutes=minutes) for minutes in (made_before, sent_before))
    EndpointVersion.objects.update(engine="", created_at=made, sent_at=told)
    with TestCase.captureOnCommitCallbacks(execute=True):
        Packaging.sweep()
    assert asked == [endpoint.versions.get().pk] * sent


def test_what_nobody_waits_for_any_more_is_not_sent(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []
    monkeypatch.setattr(export_version, "apply_async", lambda *args, **options: sent.append(args or options))
    things.endpoint(things.run(things.prototype(workspace)))
    with TestCase.captureOnCommitCallbacks(execute=True):
        Packaging.sweep()
    assert not sent


def test_what_dies_three_times_is_given_up_and_the_demo_says_so(workspace: Workspace) -> None:
    endpoint = things.endpoint(things.run(things.prototype(workspace)), status=Status.DEPLOYING)
    Endpoint.objects.update(current=None, wanted=endpoint.current)
    long_ago = timezone.now() - timedelta(minutes=3)
    dead = {"lease": "a worker", "lease_until": long_ago, "missed_at": long_ago + timedelta(minutes=1)}
    for attempts, status in ((1, Status.DEPLOYING), (3, Status.FAILED)):
        EndpointVersion.objects.update(attempts=attempts, **dead)
        Packaging.sweep()
        endpoint.refresh_from_db()
        assert endpoint.status == status
        assert endpoint.versions.get().lease == ""
    assert endpoint.error["message"] == "The model could not be packaged."
