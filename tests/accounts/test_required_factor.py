"""A workspace that demands a second factor of its members: who is kept out, where they are led, and how they get in again."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.http import Http404
from django.test import Client
from django.urls import reverse

from tests import things
from tests.accounts.test_confirming import grow_old
from tests.accounts.test_second_factors import set_up_app
from webapp.accounts.actions import create_token
from webapp.accounts.factors import FactorNeeded
from webapp.accounts.models import Membership, Role, SecurityEvent, User, Workspace
from webapp.endpoints.models import Visibility
from webapp.runs.views import member_run

ClientOf = Callable[[User], Client]


@pytest.fixture(autouse=True)
def no_attempts() -> None:
    cache.clear()


@pytest.fixture
def editor(workspace: Workspace) -> User:
    """A member without a second factor."""
    editor = User.objects.create_user("ed@example.org")
    Membership.objects.create(workspace=workspace, user=editor, role=Role.EDITOR)
    return editor


@pytest.fixture
def strict(workspace: Workspace, editor: User) -> Workspace:
    Workspace.objects.filter(pk=workspace.pk).update(second_factor_required=True)
    workspace.refresh_from_db()
    return workspace


@pytest.mark.parametrize("name", ["home", "settings", "costs", "storage", "new_prototype", "export", "workers"])
def test_whoever_has_none_is_led_to_setting_it_up(
    name: str, editor: User, strict: Workspace, client_of: ClientOf
) -> None:
    browser = client_of(editor)
    assert browser.get(reverse(name))["Location"] == reverse("security")
    page = browser.get(reverse("security")).content.decode()
    assert f"“{strict.name}” requires a second factor" in page
    set_up_app(browser)
    assert browser.get(reverse(name)).get("Location") != reverse("security")
    assert "requires a second factor" not in browser.get(reverse("security")).content.decode()


def test_nothing_of_the_workspace_is_seen_meanwhile(editor: User, strict: Workspace, client_of: ClientOf) -> None:
    run = things.run(things.prototype(strict))
    things.endpoint(run, visibility=Visibility.PRIVATE)
    browser = client_of(editor)
    _token, secret = create_token(editor, strict, "laptop")
    program = Client(headers={"Authorization": f"Bearer {secret}"})
    for answer in (
        program.get("/api/v1/me"),
        program.get(f"/api/v1/runs/{run.pk}"),
        browser.get("/api/v1/me"),
        program.post(reverse("uploads"), headers={"Tus-Resumable": "1.0.0", "Upload-Length": "10"}),
        browser.post(reverse("uploads"), headers={"Tus-Resumable": "1.0.0", "Upload-Length": "10"}),
        browser.post(reverse("rename", args=[run.prototype_id]), {"name": "x"}),
        browser.get(reverse("home"), headers={"HX-Request": "true"}),
    ):
        assert answer.status_code == 403
        assert "second factor" in answer.content.decode()
    assert program.get("/api/v1/me").json()["code"] == "second_factor_needed"
    assert browser.get(reverse("demo", args=["the-demo"])).status_code == 404
    with pytest.raises((FactorNeeded, Http404)):
        member_run(browser.get(reverse("security")).wsgi_request, run.pk)


def test_another_workspace_stays_open(editor: User, strict: Workspace, outsider: User, client_of: ClientOf) -> None:
    other = outsider.workspaces.get()
    Membership.objects.create(workspace=other, user=editor, role=Role.EDITOR)
    browser = client_of(editor)
    assert browser.get(reverse("workspaces")).status_code == 200
    browser.post(reverse("switch_workspace"), {"workspace": other.pk})
    assert browser.get(reverse("costs")).status_code == 200


def test_an_owner_demands_it_only_with_one_of_their_own(user: User, editor: User, client_of: ClientOf) -> None:
    browser, path = client_of(user), reverse("require_factor")
    page = browser.get(reverse("settings")).content.decode()
    assert "2 members have none now." in page
    refused = browser.post(path, {"required": "on"})
    assert refused.status_code == 409
    assert "Set up your own second factor first" in refused.content.decode()
    set_up_app(browser)
    assert browser.post(path, {"required": "on"})["Location"] == reverse("settings")
    assert user.workspaces.get().second_factor_required
    assert "1 member has none now." in browser.get(reverse("settings")).content.decode()
    assert client_of(editor).get(reverse("home"))["Location"] == reverse("security")
    browser.post(path, {})
    assert not user.workspaces.get().second_factor_required
    verbs = list(SecurityEvent.objects.filter(verb__startswith="second_factor").values_list("verb", flat=True))
    assert sorted(verbs) == ["second_factor_not_required", "second_factor_required"]


@pytest.mark.parametrize(
    ("role", "status"), [(Role.ADMIN, 403), (Role.EDITOR, 403), (Role.VIEWER, 403), (Role.OWNER, 302)]
)
def test_only_owners_demand_it(role: str, status: int, editor: User, workspace: Workspace, client_of: ClientOf) -> None:
    Membership.objects.filter(user=editor).update(role=role)
    browser = client_of(editor)
    set_up_app(browser)
    assert browser.post(reverse("require_factor"), {"required": "on"}).status_code == status
    workspace.refresh_from_db()
    assert workspace.second_factor_required is (status == 302)


def test_it_asks_to_confirm(user: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    set_up_app(browser)
    grow_old(browser)
    assert browser.post(reverse("require_factor"), {"required": "on"})["Location"] == reverse("confirm")


def test_where_nobody_demands_one_it_costs_no_query(
    user: User, client_of: ClientOf, django_assert_max_num_queries: Any
) -> None:
    browser = client_of(user)
    browser.get(reverse("limits"))
    with django_assert_max_num_queries(60) as queries:
        browser.get(reverse("limits"))
    assert not [query for query in queries.captured_queries if "mfa_authenticator" in query["sql"]]
