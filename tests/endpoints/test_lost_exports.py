"""A package whose message was lost is asked for again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests import things
from webapp.accounts.models import Workspace
from webapp.endpoints import actions
from webapp.endpoints.models import EndpointVersion, Status
from webapp.endpoints.tasks import export_version


@pytest.mark.parametrize(("minutes", "sent"), [(1, 0), (6, 1), (90, 1), (25 * 60, 0)])
def test_only_what_is_late_and_not_given_up(
    minutes: int, sent: int, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(export_version, "apply_async", lambda arguments, **_options: asked.extend(arguments))
    endpoint = things.endpoint(things.run(things.prototype(workspace)), status=Status.DEPLOYING)
    EndpointVersion.objects.all().update(engine="", created_at=timezone.now() - timedelta(minutes=minutes))
    actions.send_lost_exports()
    assert len(asked) == sent
    if sent:
        assert asked == [endpoint.versions.get().pk]
