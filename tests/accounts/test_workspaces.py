"""Several workspaces of one person: switched, made, and what a form or a link of another one does."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts import people
from webapp.accounts.actions import create_workspace
from webapp.accounts.middleware import MAX_LISTED
from webapp.accounts.models import Membership, Role, SecurityEvent, User, Workspace
from webapp.core.problems import Conflict
from webapp.costs.models import Budget
from webapp.endpoints.models import Visibility

ClientOf = Callable[[User], Client]


@pytest.fixture
def second(user: User) -> Workspace:
    return create_workspace(user, "Second")


def opened(browser: Client) -> Workspace:
    request: Any = browser.get(reverse("workspaces")).wsgi_request
    return request.membership.workspace  # type: ignore[no-any-return]


def switch(browser: Client, workspace: Workspace, onward: str = "") -> Any:
    return browser.post(reverse("switch_workspace"), {"workspace": workspace.pk, "next": onward})


def test_a_switch_is_remembered_by_session_and_person(
    user: User, workspace: Workspace, second: Workspace, client_of: ClientOf
) -> None:
    browser, other = client_of(user), client_of(user)
    assert opened(browser) == opened(other) == workspace
    assert switch(browser, second, "/costs")["Location"] == "/costs"
    assert opened(browser) == second
    switch(other, workspace)
    assert opened(browser) == second, "another session has its own"
    assert opened(client_of(user)) == workspace, "a new one opens what was chosen last"
    assert "workspace_switched" in SecurityEvent.objects.values_list("verb", flat=True)


@pytest.mark.parametrize("onward", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_a_switch_stays_on_the_site(onward: str, user: User, second: Workspace, client_of: ClientOf) -> None:
    assert switch(client_of(user), second, onward)["Location"] == reverse("home")


def test_a_workspace_of_others_cannot_be_opened(user: User, outsider: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    assert switch(browser, outsider.workspaces.get()).status_code == 404
    assert browser.post(reverse("switch_workspace")).status_code == 404
    assert opened(browser) == user.workspaces.get()


def test_the_menu_is_there_for_whoever_has_several(user: User, workspace: Workspace, client_of: ClientOf) -> None:
    browser = client_of(user)
    assert 'class="menu"' not in browser.get(reverse("costs")).content.decode()
    create_workspace(user, "<b>Second</b>")
    page = browser.get(reverse("costs")).content.decode()
    assert 'class="menu"' in page
    assert "&lt;b&gt;Second" in page


def test_whoever_has_many_opens_each(user: User, client_of: ClientOf) -> None:
    last = [create_workspace(user, f"W{number}") for number in range(MAX_LISTED + 5)][-1]
    browser = client_of(user)
    switch(browser, last)
    assert opened(browser) == last
    assert "W54" in browser.get(reverse("workspaces") + "?page=2").content.decode()


def test_a_new_one_has_its_own_budget_and_is_opened(user: User, client_of: ClientOf, settings: Any) -> None:
    settings.MAX_WORKSPACES = 2
    browser = client_of(user)
    browser.post(reverse("create_workspace"), {"name": "Second"})
    assert opened(browser).name == "Second"
    assert Budget.objects.filter(workspace=opened(browser)).exists()
    answer = browser.post(reverse("create_workspace"), {"name": "Third"})
    assert answer.status_code == 409
    assert "most that this site allows" in answer.content.decode()
    Membership.objects.filter(user=user, workspace=opened(browser)).update(role=Role.ADMIN)
    assert browser.post(reverse("create_workspace"), {"name": "Third"}).status_code == 302, (
        "those of others do not count"
    )


def test_what_lies_in_another_of_ones_own_is_offered_there(
    user: User, workspace: Workspace, second: Workspace, outsider: User, client_of: ClientOf
) -> None:
    run = things.run(things.prototype(workspace))
    browser = client_of(user)
    switch(browser, second)
    for path in (f"/runs/{run.pk}", f"/prototypes/{run.prototype_id}/data?page=2"):
        answer = browser.get(path)
        assert answer.status_code == 404
        page = answer.content.decode()
        assert f"Switch to “{workspace.name}”" in page
        assert f'name="next" value="{path}"' in page
    stranger, nowhere = client_of(outsider).get(f"/runs/{run.pk}"), client_of(outsider).get("/runs/nowhere")
    assert stranger.status_code == 404
    assert stranger.content.replace(run.pk.encode(), b"nowhere") == nowhere.content
    api = browser.get(f"/api/v1/runs/{run.pk}")
    assert api.status_code == 404
    assert workspace.name not in api.content.decode()
    answer = browser.post(f"/runs/{run.pk}/delete")
    assert answer.status_code == 404
    run.refresh_from_db()


def test_a_demo_for_members_opens_whichever_workspace_is_open(
    user: User, workspace: Workspace, second: Workspace, client_of: ClientOf
) -> None:
    things.endpoint(things.run(things.prototype(workspace)), visibility=Visibility.PRIVATE)
    browser = client_of(user)
    switch(browser, second)
    assert browser.get("/d/the-demo").status_code == 200


def test_a_form_of_another_tab_changes_nothing(
    user: User, workspace: Workspace, second: Workspace, client_of: ClientOf
) -> None:
    browser = client_of(user)
    switch(browser, second)
    other = User.objects.create_user("bob@example.org")
    Membership.objects.create(workspace=second, user=other, role=Role.OWNER)
    forms = {
        "set_budget": {"amount": "9999"},
        "invite_member": {"email": "bob@example.org", "role": "owner"},
        "rename_workspace": {"name": "Other"},
        "create_token": {"name": "x"},
        "set_feedback_days": {"days": "1"},
        "delete_workspace": {"name": second.name},
        "leave_workspace": {},
    }
    for name, fields in forms.items():
        page = {"set_budget": "costs", "invite_member": "members"}.get(name, "settings")
        page = name if name in ("delete_workspace", "leave_workspace") else page
        assert browser.get(reverse(page)).content.decode().count(f'name="workspace_id" value="{second.pk}"'), name
        answer = browser.post(reverse(name), fields | {"workspace_id": workspace.pk})
        assert answer.status_code == 409, name
    second.refresh_from_db()
    assert (second.name, second.feedback_days, second.budget.amount == 9999) == ("Second", None, False)
    assert second.memberships.count() == 2


def test_a_session_of_a_removed_member_opens_what_is_left(
    user: User, workspace: Workspace, outsider: User, client_of: ClientOf
) -> None:
    """They are on a page of it when it happens."""
    member = Membership.objects.create(workspace=workspace, user=outsider, role=Role.EDITOR)
    prototype = things.prototype(workspace)
    browser = client_of(outsider)
    switch(browser, workspace)
    assert browser.get(f"/prototypes/{prototype.pk}/data").status_code == 200
    people.remove(workspace.memberships.get(user=user), member)
    assert browser.get(f"/prototypes/{prototype.pk}/data").status_code == 404
    assert browser.post(f"/prototypes/{prototype.pk}/rename", {"name": "Mine"}).status_code == 404
    assert opened(browser) == outsider.workspaces.get()
    prototype.refresh_from_db()
    assert prototype.name != "Mine"


def test_whoever_belongs_nowhere_makes_one(user: User, client_of: ClientOf) -> None:
    user.memberships.all().delete()
    browser = client_of(user)
    assert browser.get(reverse("home")).status_code == 403
    assert browser.get(reverse("workspaces")).status_code == 200
    browser.post(reverse("create_workspace"), {"name": "Again"})
    assert browser.get(reverse("costs")).status_code == 200


def test_five_at_once_make_no_more_than_may_be(user: User, settings: Any) -> None:
    settings.MAX_WORKSPACES = 1
    with pytest.raises(Conflict):
        people.found_workspace(user, "Second")
