"""Whom each guard lets in, where the others are sent, and the secrets that open a door: once, in time, to one person."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone, translation

from tests import things
from webapp.accounts import access, actions, rights, senders
from webapp.accounts.actions import MOST_NAME, create_token, create_workspace, default_name, ensure_user
from webapp.accounts.adapter import at_public_url
from webapp.accounts.middleware import memberships_of, open_one
from webapp.accounts.models import ApiToken, AuditEvent, Membership, Role, SignInLink, User, Workspace
from webapp.accounts.rights import RIGHTS, Right
from webapp.core.problems import Conflict, Forbidden
from webapp.costs.models import Rate
from webapp.datasets.models import Dataset

ClientOf = Callable[[User], Client]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def request_of(method: str, user: User | None, role: str | None = None, **headers: str) -> Any:
    request: Any = RequestFactory().generic(method, "/costs?month=2026-11", headers=headers)
    request.user = user or AnonymousUser()
    request.session = {}
    request.membership = user.memberships.first() if user and role else None
    if request.membership and role:
        request.membership.role = role
    return request


def ok(_request: Any, *_args: object, **_options: object) -> HttpResponse:
    return HttpResponse("in")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("role", Role.values)
def test_a_viewer_reads_and_changes_nothing(role: str, method: str, user: User) -> None:
    request = request_of(method, user, role)
    may = Right.EDIT in RIGHTS[Role(role)] or method in ("GET", "HEAD")
    if may:
        assert access.member(ok)(request).content == b"in"  # type: ignore[attr-defined]
        assert request.workspace == request.membership.workspace
    else:
        with pytest.raises(Forbidden) as refused:
            access.member(ok)(request)
        assert refused.value.status == 403


@pytest.mark.parametrize("role", Role.values)
def test_what_only_an_owner_does(role: str, user: User) -> None:
    request = request_of("POST", user, role)
    if role == Role.OWNER:
        rights.check(request.membership, Right.OWN)
    else:
        with pytest.raises(Forbidden):
            rights.check(request.membership, Right.OWN)


def test_whoever_belongs_to_no_workspace_is_told_and_keeps_what_is_their_own(user: User) -> None:
    with pytest.raises(Forbidden):
        access.member(ok)(request_of("GET", user))
    assert access.person(ok)(request_of("POST", user)).content == b"in"  # type: ignore[attr-defined]


@pytest.mark.parametrize("guard", [access.member, access.person])
@pytest.mark.parametrize(
    ("method", "referer", "back"),
    [
        ("GET", "", "/costs?month=2026-11"),
        ("HEAD", "https://evil.example/", "/costs?month=2026-11"),
        ("POST", "http://testserver/costs", "http://testserver/costs"),
        ("POST", "/costs", "/costs"),
        ("POST", "", "/"),
        ("POST", "https://evil.example/costs", "/"),
        ("POST", "//evil.example", "/"),
        ("POST", "http://testserver.evil.example/", "/"),
        ("POST", "javascript:alert(1)", "/"),
        ("POST", "http://[", "/"),
    ],
)
def test_a_stranger_signs_in_and_goes_on_within_the_site(guard: Any, method: str, referer: str, back: str) -> None:
    """A page that a form stood on, not the address that it was sent to, and nobody else's site."""
    answer = guard(ok)(request_of(method, None, Referer=referer))
    assert answer.status_code == 302
    address = RequestFactory().get(answer["Location"])
    assert address.path == reverse("account_login")
    assert address.GET["next"] == back


@pytest.mark.parametrize("pk", ["", "nowhere", "\x00", "' OR 1=1 --", "x" * 5000])
def test_only_what_is_of_the_workspace_is_loaded(pk: str, workspace: Workspace, outsider: User) -> None:
    own, theirs = things.dataset(workspace), things.dataset(outsider.workspaces.get())
    assert access.load(Dataset, workspace, own.pk) == own
    assert access.load(Dataset.objects.filter(name="rows"), workspace, own.pk) == own
    for missing in (theirs.pk, pk.replace("\x00", "-")):
        with pytest.raises(Http404):
            access.load(Dataset, workspace, missing)
    with pytest.raises(Http404):
        access.load(Dataset.objects.filter(name="other"), workspace, own.pk)


def test_which_of_several_workspaces_is_open(user: User, outsider: User) -> None:
    first = user.workspaces.get()
    second = create_workspace(user, "Second")
    request = request_of("GET", user)

    def membership_of(request: HttpRequest) -> Membership | None:
        return open_one(request, memberships_of(request))

    def opened(chosen: str | None) -> Workspace:
        request.session = {} if chosen is None else {"workspace": chosen}
        membership = membership_of(request)
        assert membership
        return membership.workspace

    assert opened(None) == opened("nowhere") == first
    assert opened(second.pk) == second
    assert opened(outsider.workspaces.get().pk) == first, "a session that names another's opens one's own"
    user.memberships.all().delete()
    assert membership_of(request) is None
    request.user = AnonymousUser()
    assert membership_of(request) is None


# People


@pytest.mark.parametrize(
    ("email", "name", "title"),
    [
        ("ada.lovelace@example.org", "", "Ada Lovelace"),
        ("ada@example.org", "Ada B. Byron", "Ada B  Byron"),
        ("ADA@example.org", "", "Ada"),
        ("字@example.org", "", "字"),
        ("a" * 200 + "@example.org", "", "A" + "a" * (MOST_NAME - 1)),
    ],
)
def test_a_workspace_is_called_after_its_owner_and_fits_its_column(email: str, name: str, title: str) -> None:
    assert default_name(User(email=email, name=name)) == title
    assert Workspace._meta.get_field("name").max_length == MOST_NAME


@pytest.mark.parametrize("email", ["ada@example.org", "ADA@EXAMPLE.ORG", "Ada@Example.Org"])
def test_one_person_however_the_address_is_written(email: str, user: User) -> None:
    again, workspace = ensure_user(email)
    assert (again, workspace) == (user, user.workspaces.get())
    assert User.objects.count() == Workspace.objects.count() == 1


def test_somebody_without_a_workspace_gets_one(user: User) -> None:
    user.memberships.all().delete()
    _again, workspace = ensure_user(user.email)
    assert Membership.objects.get(user=user).role == Role.OWNER
    assert Rate.objects.for_workspace(workspace).exists(), "with prices and a budget, as every one"
    assert workspace.budget.amount > 0


@pytest.mark.parametrize(
    ("link", "public"),
    [
        ("http://evil.example/accounts/x?y=1", "https://maquette.example/accounts/x?y=1"),
        ("https://maquette.example/a", "https://maquette.example/a"),
        ("//evil.example/a#b", "https://maquette.example/a#b"),
        ("/a", "https://maquette.example/a"),
        ("http://u:p@evil.example:99/", "https://maquette.example/"),
    ],
)
def test_links_of_mails_lead_to_the_site(link: str, public: str, settings: Any) -> None:
    settings.PUBLIC_URL = "https://maquette.example"
    assert at_public_url(link) == public


# Secrets


def test_a_token_is_kept_as_a_hash_and_found_while_it_works(user: User, workspace: Workspace) -> None:
    token, secret = create_token(user, workspace, "x" * 500)
    assert secret.startswith(ApiToken.PREFIX)
    assert secret not in str(ApiToken.objects.values().get())
    assert len(token.name) == 120
    assert ApiToken.find(secret) == token
    for wrong in ("", secret[:-1], secret + " ", secret.upper(), token.digest, token.hint):
        assert ApiToken.find(wrong) is None
    User.objects.update(is_active=False)
    assert ApiToken.find(secret) is None
    User.objects.update(is_active=True)
    token.revoke()
    assert ApiToken.find(secret) is None


@pytest.mark.parametrize(("ago", "is_noted"), [(None, True), (59, False), (61, True)])
def test_the_use_of_a_token_is_noted_once_a_minute(ago: int | None, is_noted: bool, user: User) -> None:
    token, secret = create_token(user, user.workspaces.get(), "x")
    before = None if ago is None else timezone.now() - timedelta(seconds=ago)
    ApiToken.objects.update(last_used_at=before)
    ApiToken.find(secret)
    token.refresh_from_db()
    assert (token.last_used_at != before) is is_noted


@pytest.mark.parametrize(("ago", "works"), [(timedelta(hours=23, minutes=59), True), (timedelta(days=1), False)])
def test_a_sign_in_link_lasts_a_day_and_works_once(ago: timedelta, works: bool, user: User) -> None:
    secret = SignInLink.issue(user)
    SignInLink.objects.update(created_at=timezone.now() - ago)
    assert (SignInLink.usable(secret) is not None) is works
    assert SignInLink.redeem(secret) == (user if works else None)
    assert SignInLink.redeem(secret) is None


def test_of_two_who_press_the_button_at_once_one_gets_in(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have found the link unused."""
    secret = SignInLink.issue(user)
    link = SignInLink.usable(secret)
    monkeypatch.setattr(SignInLink, "usable", lambda _secret: link)
    assert [SignInLink.redeem(secret), SignInLink.redeem(secret)] == [user, None]


@pytest.mark.parametrize(
    "cookie",
    ["", "sessionid", "sessionid=", "sessionid=nobody", "a=b; sessionid=../../etc", "\xff=\xfe", "a b=c;;;", "=" * 999],
)
def test_a_cookie_of_nobody_is_nobody(cookie: str, db: None) -> None:
    assert not senders.signed_in(cookie)


@pytest.mark.parametrize(
    "header", [b"", b"Bearer", b"Bearer ", b"Basic YTpi", b"bearer mq_no", b"Bearer \xff\xfe", b"\x00"]
)
def test_a_header_of_nobody_is_nobody(header: bytes, db: None) -> None:
    assert not senders.has_account({b"authorization": header})


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER  "])
def test_the_scheme_is_written_as_one_likes(scheme: bytes, user: User) -> None:
    _token, secret = create_token(user, user.workspaces.get(), "x")
    assert senders.has_account({b"authorization": scheme + secret.encode()})


@pytest.mark.parametrize("use", ["signed in", "password", "token"])
def test_an_account_that_somebody_uses_is_invited_by_no_link(use: str, user: User) -> None:
    assert actions.invite(user.email)
    if use == "signed in":
        User.objects.update(last_login=timezone.now())
    elif use == "password":
        user.set_password("a long enough one")
        user.save()
    else:
        create_token(user, user.workspaces.get(), "x")
    with pytest.raises(Conflict):
        actions.invite(user.email.upper())


# Who did what


def test_what_was_done_is_said_in_both_languages_and_what_is_new_as_it_is(user: User, workspace: Workspace) -> None:
    actions.audit(workspace, user, "created", "token", "1", "x" * 500)
    actions.audit(workspace, None, "flew", "kite")
    actions.audit(workspace, AnonymousUser(), "created", "key")  # type: ignore[arg-type]
    events = {event.subject: event for event in AuditEvent.objects.all()}
    assert len(events["token"].text) == 200
    assert events["key"].user is None
    assert (events["kite"].verb_words, events["kite"].subject_words) == ("flew", "kite")
    with translation.override("zh-hans"):
        assert events["token"].verb_words != "created"
