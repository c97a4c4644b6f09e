"""Recent activity on home: each thing once, what it was said of, and no link to what is gone."""

from collections.abc import Callable
from datetime import timedelta

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import things
from webapp.accounts.actions import audit
from webapp.accounts.models import AuditEvent, User, Workspace
from webapp.costs.gate import month
from webapp.endpoints.actions import delete as delete_endpoint
from webapp.endpoints.models import Endpoint
from webapp.pages import activity
from webapp.pages.overview import overview
from webapp.pages.removal import delete_prototype, delete_run

ClientOf = Callable[[User], Client]


def entries(workspace: Workspace) -> list[activity.Happening | activity.DemoDay]:
    return activity.recent(workspace, overview(workspace, month(workspace)))


def recent(workspace: Workspace) -> list[AuditEvent]:
    return [entry.event for entry in entries(workspace) if isinstance(entry, activity.Happening)]


def test_an_upload_and_its_prototype_are_told_once(user: User, workspace: Workspace) -> None:
    audit(workspace, user, "uploaded", "dataset", "d", "tickets")
    audit(workspace, user, "created", "prototype", "p", "tickets")
    audit(workspace, user, "uploaded", "dataset", "e", "other")
    assert [event.subject for event in recent(workspace)] == ["dataset", "prototype"]
    AuditEvent.objects.filter(subject="prototype").update(created_at=timezone.now() + timedelta(minutes=5))
    assert len(recent(workspace)) == 3, "the prototype came later, from data that was there"


def test_a_prototype_deleted_with_demo_and_data_is_told_once(user: User, workspace: Workspace) -> None:
    prototype = things.prototype(workspace)
    endpoint = things.endpoint(things.run(prototype))
    delete_endpoint(endpoint, user)
    assert [event.subject for event in recent(workspace)] == ["endpoint"], "a demo alone is told"
    AuditEvent.objects.all().delete()
    things.endpoint(prototype.runs.get())
    delete_prototype(prototype, user, with_data=True)
    assert AuditEvent.objects.count() == 3, "the log keeps each"
    assert [(event.subject, event.text) for event in recent(workspace)] == [("prototype", "")], "by its kind alone"
    delete_prototype(things.prototype(workspace), user)
    assert len(recent(workspace)) == 2


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
    assert "idea, Run 1" not in told()
    assert "deleted run" in " ".join(told().split())
    assert told().count("Today") <= 1


def use(endpoint: Endpoint, days_ago: int, hour: int, requests: int, *, errors: int = 0, key: str = "") -> None:
    moment = timezone.localtime().replace(hour=hour, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)
    endpoint.usage.create(key=key, hour=moment, requests=requests, errors=errors)


def test_a_demo_s_use_is_told_once_a_day(workspace: Workspace, user: User, client_of: ClientOf) -> None:
    endpoint = things.endpoint(things.run(things.prototype(workspace)), name="Triage")
    use(endpoint, 1, 9, 5)
    use(endpoint, 1, 14, 8, errors=1)
    use(endpoint, 2, 10, 1)
    use(endpoint, 2, 11, 40, key="a key")
    use(endpoint, 3, 10, 3, errors=3)
    use(endpoint, 30, 10, 99)
    days = [one for one in entries(workspace) if isinstance(one, activity.DemoDay)]
    assert [(one.name, one.total, one.created_at.astimezone(timezone.get_current_timezone()).hour) for one in days] == [
        ("Triage", 12, 14),
        ("Triage", 1, 10),
    ]
    page = client_of(user).get(reverse("home")).content.decode()
    late = " ".join(page.partition('id="late"')[2].partition("</section>")[0].split())
    address = reverse("share", args=[endpoint.prototype_id])
    assert f'The demo <a href="{address}">Triage</a> was used 12 times' in late
    assert "was used once" in late


def test_the_use_of_other_workspaces_is_theirs(workspace: Workspace, outsider: User) -> None:
    use(things.endpoint(things.run(things.prototype(workspace))), 0, 0, 5)
    assert entries(workspace)
    assert recent(outsider.workspaces.get()) == []


def test_much_use_leaves_room_for_what_people_did(workspace: Workspace, user: User) -> None:
    endpoint = things.endpoint(things.run(things.prototype(workspace)))
    for number in range(7):
        use(endpoint, number, 0, 5)
    for number in range(8):
        audit(workspace, user, "created", "prototype", str(number), f"idea {number}")
    kinds = [type(one) for one in entries(workspace)]
    assert len(kinds) == activity.SHOWN
    assert kinds.count(activity.DemoDay) <= activity.DEMOS_SHOWN
