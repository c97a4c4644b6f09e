"""Recent activity on home: each thing once, what it was said of, and no link to what is gone."""

from collections.abc import Callable
from datetime import timedelta

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import things
from webapp.accounts.actions import audit
from webapp.accounts.models import AuditEvent, User, Workspace
from webapp.endpoints.removal import delete_run
from webapp.prototypes import activity

ClientOf = Callable[[User], Client]


def test_an_upload_and_its_prototype_are_told_once(user: User, workspace: Workspace) -> None:
    audit(workspace, user, "uploaded", "dataset", "d", "tickets")
    audit(workspace, user, "created", "prototype", "p", "tickets")
    audit(workspace, user, "uploaded", "dataset", "e", "other")
    assert [event.subject for event in activity.recent(workspace)] == ["dataset", "prototype"]
    AuditEvent.objects.filter(subject="prototype").update(created_at=timezone.now() + timedelta(minutes=5))
    assert len(activity.recent(workspace)) == 3, "the prototype came later, from data that was there"


def test_keys_are_called_keys_and_a_deleted_run_is_no_link(
    user: User, workspace: Workspace, client_of: ClientOf
) -> None:
    run = things.run(things.prototype(workspace))
    audit(workspace, user, "created", "key", "k", "tickets: staging")
    audit(workspace, user, "started", "run", run.pk, "idea, Run 1")
    address = reverse("run", args=[run.pk])

    def told() -> str:
        page = client_of(user).get(reverse("home")).content.decode()
        return page.partition('id="late"')[2].partition("</section>")[0]

    assert "key “tickets: staging”" in told()
    assert address in told()
    delete_run(run, user)
    assert address not in told()
    assert "idea, Run 1" in told()
    assert told().count("Today") <= 1
