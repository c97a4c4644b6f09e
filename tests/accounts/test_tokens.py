"""API tokens: what a scope lets through, when they end, what their owner and their holder are told."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import things
from webapp.accounts.actions import create_token
from webapp.accounts.models import ApiToken, AuditEvent, Membership, Role, User, Workspace
from webapp.accounts.rights import Scope

ClientOf = Callable[[User], Client]
PASSWORD, NEW = "correct horse battery", "another horse battery"


def bearer(secret: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {secret}"})


def make_token(user: User, scope: str = Scope.ADMIN, days: int | None = None) -> tuple[ApiToken, Client]:
    token, secret = create_token(user, user.workspaces.get(), "laptop", scope=scope, days=days)
    return token, bearer(secret)


def send(client: Client, method: str, path: str, body: object = None) -> Any:
    if method == "get":
        return client.get(path)
    return getattr(client, method)(path, body if body is not None else {}, content_type="application/json")


@pytest.mark.parametrize(
    ("method", "path", "body", "needed"),
    [
        ("get", "/api/v1/me", None, "read"),
        ("get", "/api/v1/tokens", None, "read"),
        ("get", "/api/v1/budget", None, "read"),
        ("post", "/api/v1/estimates", {}, "write"),
        ("patch", "/api/v1/prototypes/none", {"name": "x"}, "write"),
        ("delete", "/api/v1/datasets/none", None, "write"),
        ("delete", "/api/v1/tokens/none", None, "read"),
        ("put", "/api/v1/budget", {"amount": "5"}, "admin"),
        ("put", "/api/v1/rates/cpu", {"price_per_hour": "0.1"}, "admin"),
    ],
)
@pytest.mark.parametrize("scope", Scope.values)
def test_a_scope_lets_through_what_it_names(
    scope: str, method: str, path: str, body: object, needed: str, user: User
) -> None:
    _token, client = make_token(user, scope)
    answer = send(client, method, path, body)
    if Scope.values.index(scope) >= Scope.values.index(needed):
        assert answer.status_code not in (401, 403)
    else:
        assert answer.status_code == 403
        problem = answer.json()
        assert problem["code"] == "scope_too_small"
        assert f"“{needed}”" in problem["detail"]
        assert (problem["scope"], problem["needed"]) == (scope, needed)


@pytest.mark.parametrize("scope", Scope.values)
def test_no_scope_lifts_a_viewer(scope: str, workspace: Workspace) -> None:
    viewer = User.objects.create_user("vic@example.org")
    Membership.objects.create(workspace=workspace, user=viewer, role=Role.VIEWER)
    _token, client = make_token(viewer, scope)
    assert client.get("/api/v1/me").status_code == 200
    assert send(client, "put", "/api/v1/budget", {"amount": "5"}).status_code == 403


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("write", 201), ("admin", 201)])
def test_uploads_ask_for_the_scope_too(scope: str, status: int, user: User) -> None:
    _token, client = make_token(user, scope)
    answer = client.post(reverse("uploads"), headers={"Tus-Resumable": "1.0.0", "Upload-Length": "10"})
    assert answer.status_code == status


def expire(token: ApiToken) -> None:
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def deactivate(token: ApiToken) -> None:
    token.user.is_active = False
    token.user.save()


ENDS: dict[str, tuple[Callable[[ApiToken], object], str, str]] = {
    "expired": (expire, "token_expired", "This token expired on 20"),
    "revoked": (lambda token: token.revoke(), "token_ended", "it was revoked"),
    "deactivated": (deactivate, "token_ended", "account was closed"),
    "removed": (lambda token: Membership.objects.get(user=token.user).delete(), "token_ended", "left the workspace"),
    "removed as a list": (lambda token: Membership.objects.filter(user=token.user).delete(), "token_ended", "left the"),
    "reset": (lambda token: call_command("invite", email=token.user.email, reset=True), "token_ended", "was reset"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_token_that_ended_is_told_why(end: str, user: User) -> None:
    token, client = make_token(user)
    assert client.get("/api/v1/me").status_code == 200
    finish, code, sentence = ENDS[end]
    finish(token)
    for answer in (
        client.get("/api/v1/me"),
        client.head(reverse("upload", args=["0" * 16]), headers={"Tus-Resumable": "1.0.0"}),
    ):
        assert answer.status_code == 401
    problem = client.get("/api/v1/me").json()
    assert problem["code"] == code
    assert sentence in problem["detail"]
    assert bearer("mq_nobody").get("/api/v1/me").json()["code"] == "bad_token"


@pytest.mark.parametrize("end", ["removed", "deactivated"])
def test_whoever_comes_back_has_no_old_tokens(end: str, user: User, workspace: Workspace) -> None:
    token, client = make_token(user)
    ENDS[end][0](token)
    User.objects.update(is_active=True)
    Membership.objects.get_or_create(user=user, workspace=workspace)
    assert client.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("ticked", [True, False])
def test_a_new_password_ends_the_tokens_that_it_is_asked_to(ticked: bool, user: User, client_of: ClientOf) -> None:
    user.set_password(PASSWORD)
    user.save()
    _token, client = make_token(user)
    browser = client_of(user)
    assert re.search(r'name="end_tokens"[^>]*checked', browser.get(reverse("account_change_password")).content.decode())
    sent = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW} | ({"end_tokens": "on"} if ticked else {})
    assert browser.post(reverse("account_change_password"), sent).status_code == 302
    answer = client.get("/api/v1/me")
    assert answer.status_code == (401 if ticked else 200)
    if ticked:
        assert "password was changed" in answer.json()["detail"]
        assert AuditEvent.objects.filter(verb="ended", subject="token").count() == 1


def test_a_reset_of_the_password_ends_them_all(user: User) -> None:
    user.set_password(PASSWORD)
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    _token, client = make_token(user)
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    browser = Client()
    page = browser.get(f"/accounts/password/reset/key/{key}/", follow=True)
    answer = browser.post(page.redirect_chain[-1][0], {"password1": NEW, "password2": NEW})
    assert answer.status_code == 302
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert client.get("/api/v1/me").json()["code"] == "token_ended"


@pytest.mark.parametrize(
    ("sent", "scope", "days"),
    [
        ({}, "write", 90),
        ({"scope": "read", "days": "30"}, "read", 30),
        ({"scope": "admin", "days": ""}, "admin", None),
        ({"days": "365"}, "write", 365),
    ],
)
def test_the_page_makes_tokens_that_expire(
    sent: dict[str, str], scope: str, days: int | None, user: User, client_of: ClientOf
) -> None:
    client_of(user).post(reverse("create_token"), {"name": "laptop"} | sent)
    token = ApiToken.objects.get()
    assert token.scope == scope
    left = token.expires_at and (token.expires_at - timezone.now()).total_seconds() / 86400
    assert left == (days and pytest.approx(days, abs=0.01))


@pytest.mark.parametrize("sent", [{"scope": "owner"}, {"days": "91"}, {"days": "-1"}, {"scope": ""}])
def test_the_page_refuses_what_it_does_not_offer(sent: dict[str, str], user: User, client_of: ClientOf) -> None:
    answer = client_of(user).post(reverse("create_token"), {"name": "laptop"} | sent)
    assert answer.status_code == 422
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (None, "never expires"),
        (timedelta(days=60), "until"),
        (timedelta(days=13), "expires on"),
        (timedelta(days=-1), "expired on"),
    ],
)
def test_the_page_says_when_a_token_ends(left: timedelta | None, words: str, user: User, client_of: ClientOf) -> None:
    token, _client = make_token(user)
    ApiToken.objects.update(expires_at=left and timezone.now() + left, last_used_from="203.0.113.7")
    ApiToken.objects.update(last_used_at=timezone.now())
    page = client_of(user).get(reverse("settings")).content.decode()
    assert token.name in page
    assert words in page
    assert "203.0.113.7" in page


def test_a_token_that_expired_long_ago_is_not_listed(user: User, client_of: ClientOf) -> None:
    make_token(user)
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(days=31))
    assert not client_of(user).get(reverse("settings")).context["tokens"]


def test_a_call_notes_where_the_token_was_used(user: User) -> None:
    token, client = make_token(user)
    client.get("/api/v1/me", REMOTE_ADDR="203.0.113.7")
    token.refresh_from_db()
    assert token.last_used_from == "203.0.113.7"


def test_the_api_lists_and_ends_tokens_and_makes_none(user: User, outsider: User) -> None:
    token, client = make_token(user, days=30)
    (item,) = client.get("/api/v1/tokens").json()["items"]
    assert (item["id"], item["scope"], item["is_this"], item["expired"]) == (token.pk, "admin", True, False)
    assert token.digest not in str(item)
    assert client.get("/api/v1/me").json()["token"]["id"] == token.pk
    assert send(client, "post", "/api/v1/tokens", {"name": "x"}).status_code == 405
    foreign, _other = make_token(outsider)
    assert send(client, "delete", f"/api/v1/tokens/{foreign.pk}").status_code == 404
    assert send(client, "delete", f"/api/v1/tokens/{token.pk}").status_code == 204
    assert client.get("/api/v1/me").json()["code"] == "token_ended"


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("write", 204), ("admin", 204)])
def test_ones_other_tokens_are_ended_by_more_than_reading(scope: str, status: int, user: User) -> None:
    other, _client = make_token(user)
    own, client = make_token(user, scope)
    assert send(client, "delete", f"/api/v1/tokens/{other.pk}").status_code == status
    assert send(client, "delete", f"/api/v1/tokens/{own.pk}").status_code == 204


@pytest.mark.parametrize(("scope", "status"), [("write", 403), ("admin", 204)])
def test_somebody_elses_token_is_ended_by_admins(scope: str, status: int, user: User, workspace: Workspace) -> None:
    other = User.objects.create_user("ed@example.org")
    Membership.objects.create(workspace=workspace, user=other, role=Role.OWNER)
    token, _client = make_token(other)
    _own, client = make_token(user, scope)
    assert send(client, "delete", f"/api/v1/tokens/{token.pk}").status_code == status


@pytest.mark.parametrize(
    ("options", "scope", "expires"),
    [({}, "admin", False), ({"scope": "read"}, "read", False), ({"days": 7}, "admin", True)],
)
def test_the_command_makes_tokens_of_a_scope(options: Any, scope: str, expires: bool, user: User) -> None:
    call_command("api_token", email=user.email, **options)
    token = ApiToken.objects.get()
    assert token.scope == scope
    assert bool(token.expires_at) is expires


@pytest.mark.parametrize("days", [0, -1, 10**9])
def test_the_command_refuses_days_that_are_none(days: int, user: User) -> None:
    with pytest.raises(CommandError):
        call_command("api_token", email=user.email, days=days)


def test_a_read_token_downloads_and_does_not_train(user: User, workspace: Workspace) -> None:
    run = things.run(things.prototype(workspace))
    _token, client = make_token(user, Scope.READ)
    assert client.get(f"/api/v1/runs/{run.pk}").status_code == 200
    assert send(client, "post", f"/api/v1/runs/{run.pk}/cancel").status_code == 403
