"""Rules of accounts by themselves: what is kept of an address, when a token or session has ended, and who is behind a request."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as some

from webapp.accounts import factors, sessions
from webapp.accounts.models import ApiToken, Invitation, Membership, Role, SignInLink, User, Workspace, hashed
from webapp.accounts.rights import RIGHTS, Right
from webapp.accounts.security import digest_email, shorten_email
from webapp.accounts.sessions import NOTED_SECONDS, Noted
from webapp.core.clients import client_address, client_agent, client_ip, network

often = settings(max_examples=80, deadline=None, derandomize=True)
EMAIL = some.tuples(some.text("abcé.+", min_size=1, max_size=12), some.text("abc-", min_size=1, max_size=8)).map(
    lambda parts: f"{parts[0]}@{parts[1]}.org"
)


# What a log keeps of an address


@often
@given(EMAIL)
def test_of_an_address_its_first_letter_and_its_domain_are_kept(email: str) -> None:
    short = shorten_email(f" {email} ")
    name, _sign, domain = email.rpartition("@")
    assert short == f"{name[0]}…@{domain.lower()}"
    assert len(name) < 3 or name not in short.partition("@")[0]


@pytest.mark.parametrize(
    "typed", ["hunter2", "p@ss", "", " ", "@example.org", "correct horse battery", "pass@word", "x" * 500]
)
def test_of_a_password_typed_for_an_address_nothing_is_kept(typed: str) -> None:
    assert shorten_email(typed) == "…"


def test_a_digest_is_the_same_for_the_same_mailbox_and_tied_to_the_site(settings: Any) -> None:
    digest = digest_email("Ada@Example.org")
    assert digest == digest_email(" ada@example.ORG ") != digest_email("ada@example.com")
    assert "ada" not in digest
    settings.SECRET_KEY = "another"
    assert digest_email("ada@example.org") != digest


# Second factors


@often
@given(some.text(max_size=40))
def test_a_secret_is_read_back_and_looks_otherwise_each_time(secret: str) -> None:
    adapter = factors.Adapter()
    stored = adapter.encrypt(secret)
    assert adapter.decrypt(stored) == secret
    assert adapter.encrypt(secret) != stored
    assert len(secret) < 4 or secret not in stored


def test_what_another_key_encrypted_is_a_secret_that_nobody_has(settings: Any) -> None:
    adapter = factors.Adapter()
    stored = adapter.encrypt("JBSWY3DPEHPK3PXP")
    settings.SECRET_KEY = "another"
    first, second = adapter.decrypt(stored), adapter.decrypt(stored)
    assert "JBSWY3DPEHPK3PXP" not in (first, second)
    assert first != second, "no code of it is ever right"
    assert adapter.decrypt("no cipher text") not in ("", "no cipher text")


# Roles


@pytest.mark.parametrize("role", Role)
def test_what_a_page_asks_of_a_member_is_the_table(role: Role) -> None:
    member = Membership(role=role)
    flags = {
        Right.LABEL: member.can_label,
        Right.EDIT: member.can_edit,
        Right.ADMINISTER: member.can_administer,
        Right.OWN: member.can_own,
    }
    assert {right for right, may in flags.items() if may} == RIGHTS[role] - {Right.VIEW}
    assert member.can(Right.VIEW)


def test_a_role_that_there_is_not_may_nothing() -> None:
    assert not any(Membership(role="guest").can(right) for right in Right)


# What ends by itself


@pytest.mark.parametrize(
    ("left", "has_expired", "expires_soon"),
    [
        (None, False, False),
        (timedelta(days=60), False, False),
        (timedelta(days=ApiToken.WARN_DAYS, hours=1), False, False),
        (timedelta(days=ApiToken.WARN_DAYS) - timedelta(minutes=1), False, True),
        (timedelta(minutes=1), False, True),
        (timedelta(0), True, False),
        (timedelta(days=-1), True, False),
    ],
)
def test_a_token_warns_before_it_ends_and_no_more_after(
    left: timedelta | None, has_expired: bool, expires_soon: bool
) -> None:
    token = ApiToken(expires_at=None if left is None else timezone.now() + left)
    assert (token.has_expired, token.expires_soon) == (has_expired, expires_soon)


def test_a_token_is_found_by_its_secret_alone_and_its_use_is_noted_once_a_minute(
    user: User, workspace: Workspace
) -> None:
    token, secret = ApiToken.issue(user, workspace, "x" * 300, days=1)
    assert (len(token.name), token.digest) == (120, hashed(secret))
    assert secret not in str(token.__dict__)
    assert ApiToken.find(secret + "x") is None
    assert ApiToken.find(secret, "203.0.113.9") == token
    token.refresh_from_db()
    first = token.last_used_at
    ApiToken.find(secret, "203.0.113.10")
    token.refresh_from_db()
    assert (token.last_used_at, token.last_used_from) == (first, "203.0.113.9")


@pytest.mark.parametrize(("age", "works"), [(timedelta(hours=23), True), (timedelta(hours=25), False)])
def test_a_sign_in_link_works_once_within_a_day(user: User, age: timedelta, works: bool) -> None:
    secret = SignInLink.issue(user)
    SignInLink.objects.update(created_at=timezone.now() - age)
    assert (SignInLink.redeem(secret) == user) == works
    assert SignInLink.redeem(secret) is None


def test_a_new_link_ends_the_one_before_of_this_person_alone(user: User, outsider: User) -> None:
    old, theirs, new = SignInLink.issue(user), SignInLink.issue(outsider), SignInLink.issue(user)
    assert SignInLink.redeem(old) is None
    assert SignInLink.redeem(theirs) == outsider
    assert SignInLink.redeem(new) == user


@pytest.mark.parametrize(
    ("age", "open_invitations"), [(timedelta(days=6, hours=23), 1), (timedelta(days=7, minutes=1), 0)]
)
def test_an_invitation_is_pending_for_a_week_and_of_one_workspace(
    user: User, outsider: User, workspace: Workspace, age: timedelta, open_invitations: int
) -> None:
    invitation = Invitation.objects.create(
        workspace=workspace, email="b@example.org", role=Role.EDITOR, invited_by=user, digest=hashed("secret")
    )
    Invitation.objects.update(created_at=timezone.now() - age)
    assert Invitation.pending(workspace).count() == open_invitations
    assert (Invitation.find("secret") == invitation) == bool(open_invitations)
    assert Invitation.pending(outsider.workspaces.get()).count() == 0
    assert Invitation.find("other") is None


# Sessions


def test_a_session_is_noted_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    noted, now = Noted(), 1_000.0
    monkeypatch.setattr(sessions.time, "monotonic", lambda: now)
    assert [noted.is_due("a"), noted.is_due("a"), noted.is_due("b")] == [True, False, True]
    now += NOTED_SECONDS - 1
    assert not noted.is_due("a")
    now += 1
    assert [noted.is_due("a"), noted.is_due("a")] == [True, False]


def test_no_more_sessions_are_remembered_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "REMEMBERED", 3)
    noted = Noted()
    assert all(noted.is_due(key) for key in "abcd")
    assert len(noted.moments) == 3
    assert noted.is_due("a"), "the one that was noted longest ago is forgotten, and noted again"
    assert not noted.is_due("d")


# Who is behind a request


@pytest.mark.parametrize(
    ("address", "ip"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:DB8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", None),
        ("unix:", None),
        ("x" * 99, None),
    ],
)
def test_the_address_of_a_client(address: str, ip: str | None) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=address, HTTP_X_FORWARDED_FOR="198.51.100.7")
    assert client_address(request) == address[:45]
    assert client_ip(request) == ip


@often
@given(some.text(max_size=400))
def test_what_a_client_calls_itself_is_one_short_line(agent: str) -> None:
    request = RequestFactory().get("/", HTTP_USER_AGENT=agent)
    shown = client_agent(request)
    assert len(shown) <= 300
    assert shown == " ".join(shown.split())
    assert shown.isprintable()


@often
@given(some.ip_addresses(v=6), some.integers(0, 2**64 - 1))
def test_a_whole_network_of_ipv6_counts_as_one(address: Any, rest: int) -> None:
    neighbour = type(address)(int(address) >> 64 << 64 | rest)
    if address.ipv4_mapped is None and neighbour.ipv4_mapped is None:
        assert network(str(address)) == network(str(neighbour))
    assert network("no address") == "no address"
