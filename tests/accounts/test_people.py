"""Members: invited, changed, removed; who may, what ends with it, and what two at once leave behind."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import Http404
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from webapp.accounts import people
from webapp.accounts.actions import create_token, ensure_user
from webapp.accounts.models import (
    ApiToken,
    AuditEvent,
    Invitation,
    Membership,
    Role,
    SecurityEvent,
    User,
    Workspace,
)
from webapp.accounts.rights import RIGHTS, Right
from webapp.core.problems import Conflict, Forbidden, Problem

ClientOf = Callable[[User], Client]
Join = Callable[..., Membership]
PASSWORD = "a long enough one"


@pytest.fixture
def join(workspace: Workspace) -> Join:
    def joined(role: str, name: str = "") -> Membership:
        user = User.objects.create_user(f"{name or role}@example.org")
        return Membership.objects.create(workspace=workspace, user=user, role=role)

    return joined


@pytest.fixture
def owner(user: User, workspace: Workspace) -> Membership:
    return workspace.memberships.get(user=user)


def path_of(link: str) -> str:
    return "/" + link.split("/", 3)[3]


def link_for(owner: Membership, email: str, role: str = Role.EDITOR) -> str:
    return path_of(people.invite(owner, email, role)[1])


# Inviting


@pytest.mark.parametrize("inviter", Role)
@pytest.mark.parametrize("role", Role)
def test_who_may_invite_to_what(inviter: Role, role: Role, join: Join) -> None:
    member = join(inviter)
    needed = Right.OWN if role == Role.OWNER else Right.ADMINISTER
    if needed in RIGHTS[inviter]:
        people.invite(member, "New@Example.org", role)
        assert Invitation.objects.get().email == "new@example.org"
    else:
        with pytest.raises(Forbidden):
            people.invite(member, "new@example.org", role)
        assert not Invitation.objects.exists()


def test_the_link_is_shown_once_where_no_mail_is_sent(owner: Membership, client_of: ClientOf, settings: Any) -> None:
    browser = client_of(owner.user)
    browser.post(reverse("invite_member"), {"email": "bob@example.org", "role": "editor"})
    first, second = (browser.get(reverse("members")).content.decode() for _ in range(2))
    assert f"{settings.PUBLIC_URL}/invitations/" in first
    assert f"{settings.PUBLIC_URL}/invitations/" not in second
    assert "bob@example.org" in second
    assert Invitation.objects.get().digest not in second


def test_a_mail_carries_the_link_and_the_inviter_never_sees_it(
    owner: Membership, client_of: ClientOf, mailoutbox: list[Any], settings: Any
) -> None:
    settings.MAIL_CONFIGURED = True
    owner.workspace.name = "Engine\nRoom"
    owner.workspace.save()
    browser = client_of(owner.user)
    page = browser.post(reverse("invite_member"), {"email": "bob@example.org", "role": "editor"}, follow=True)
    assert f"{settings.PUBLIC_URL}/invitations/" not in page.content.decode()
    assert mailoutbox[0].to == ["bob@example.org"]
    assert "\n" not in mailoutbox[0].subject
    link = next(word for word in mailoutbox[0].body.split() if "/invitations/" in word)
    assert link.startswith(settings.PUBLIC_URL)
    Client().post(path_of(link), {"password": PASSWORD})
    assert User.objects.get(email="bob@example.org").emailaddress_set.get().verified  # type: ignore[attr-defined]


def test_a_mail_that_cannot_be_sent_leaves_no_invitation(
    owner: Membership, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAIL_CONFIGURED = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with pytest.raises(Problem) as refused:
        people.invite(owner, "bob@example.org", Role.EDITOR)
    assert refused.value.code == "mail_failed"
    assert not Invitation.objects.exists()


def test_no_more_mails_an_hour_than_it_takes(owner: Membership, settings: Any, mailoutbox: list[Any]) -> None:
    settings.MAIL_CONFIGURED = True
    for _ in range(people.MAX_MAILS_AN_HOUR):
        people.invite(owner, "bob@example.org", Role.EDITOR)
    with pytest.raises(Problem) as refused:
        people.invite(owner, "bob@example.org", Role.EDITOR)
    assert refused.value.status == 429
    assert len(mailoutbox) == people.MAX_MAILS_AN_HOUR


def test_one_invitation_an_address_and_so_many_in_all(
    owner: Membership, monkeypatch: pytest.MonkeyPatch, client_of: ClientOf
) -> None:
    old, new = link_for(owner, "bob@example.org"), link_for(owner, "BOB@example.org", Role.VIEWER)
    assert Client().get(old).status_code == 410
    assert Client().get(new).status_code == 200
    monkeypatch.setattr(people, "MAX_INVITATIONS", 1)
    with pytest.raises(Conflict):
        people.invite(owner, "carl@example.org", Role.EDITOR)
    page = client_of(owner.user).post(reverse("invite_member"), {"email": owner.user.email, "role": "editor"})
    assert page.status_code == 409
    assert "is a member already" in page.content.decode()


# Accepting


def test_a_stranger_makes_an_account_and_joins(owner: Membership, workspace: Workspace) -> None:
    link, browser = link_for(owner, "bob@example.org"), Client()
    assert browser.head(link).status_code == 200
    assert "Choose a password" in browser.get(link).content.decode()
    assert browser.post(link, {"password": "short"}).status_code == 422
    assert not User.objects.filter(email="bob@example.org").exists()
    assert browser.post(link, {"password": PASSWORD}).status_code == 302
    bob = User.objects.get(email="bob@example.org")
    assert [(one.workspace, one.role) for one in bob.memberships.all()] == [(workspace, Role.EDITOR)]
    assert not bob.emailaddress_set.get().verified  # type: ignore[attr-defined]
    assert workspace.name in browser.get(reverse("settings")).content.decode()
    assert browser.get(link).status_code == 410, "it works once"


def test_somebody_with_an_account_signs_in_to_it_first(
    owner: Membership, outsider: User, workspace: Workspace, client_of: ClientOf
) -> None:
    """The link adopts nothing: not a session, not a password, not a token."""
    outsider.set_password(PASSWORD)
    outsider.save()
    link, browser = link_for(owner, outsider.email.upper()), Client()
    assert "Sign in" in browser.get(link).content.decode()
    answer = browser.post(link, {"password": "another one, mine"})
    assert answer["Location"].startswith(reverse("account_login"))
    assert link.split("/")[-1] not in answer["Location"], "no secret in an address that is logged"
    outsider.refresh_from_db()
    assert outsider.check_password(PASSWORD)
    assert not workspace.memberships.filter(user=outsider).exists()
    assert not browser.session.get("_auth_user_id")
    browser.post(answer["Location"], {"login": outsider.email, "password": PASSWORD})
    page = browser.get(reverse("invited"), follow=True).content.decode()
    assert "Join workspace" in page
    browser.post(link)
    assert workspace.memberships.get(user=outsider).role == Role.EDITOR
    assert browser.get(reverse("home")).wsgi_request.membership.workspace == workspace  # type: ignore[attr-defined]


def test_an_account_that_was_made_but_never_used_is_not_handed_over(owner: Membership) -> None:
    """Else whoever invites could take it before its owner opens their sign-in link."""
    ensure_user("bob@example.org")
    link = link_for(owner, "bob@example.org")
    assert Client().post(link, {"password": PASSWORD})["Location"].startswith(reverse("account_login"))
    assert not User.objects.get(email="bob@example.org").has_usable_password()


def test_only_the_address_that_was_invited_joins(owner: Membership, outsider: User, client_of: ClientOf) -> None:
    link, browser = link_for(owner, "bob@example.org"), client_of(outsider)
    assert "signed in as eve@example.org" in browser.get(link).content.decode()
    assert browser.post(link, {"password": PASSWORD}).status_code == 403
    assert not User.objects.filter(email="bob@example.org").exists()
    assert Invitation.objects.exists()


def test_where_no_accounts_are_made_a_link_makes_none(owner: Membership, settings: Any) -> None:
    settings.SIGN_UP = "closed"
    link = link_for(owner, "bob@example.org")
    assert "No accounts are made" in Client().get(link).content.decode()
    assert Client().post(link, {"password": PASSWORD}).status_code == 403
    assert not User.objects.filter(email="bob@example.org").exists()


@pytest.mark.parametrize("end", ["expired", "revoked", "removed", "demoted", "deactivated", "deleted"])
def test_when_a_link_ends(end: str, owner: Membership, join: Join, client_of: ClientOf) -> None:
    sender = join(Role.ADMIN)
    link = link_for(sender, "bob@example.org")
    if end == "expired":
        Invitation.objects.update(created_at=timezone.now() - Invitation.LIFETIME - timedelta(minutes=1))
    elif end == "revoked":
        client_of(owner.user).post(reverse("end_invitation", args=[Invitation.objects.get().pk]))
    elif end == "removed":
        people.remove(owner, sender)
    elif end == "demoted":
        people.change_role(owner, sender, Role.EDITOR)
    elif end == "deactivated":
        User.objects.filter(pk=sender.user_id).update(is_active=False)
    else:
        Workspace.objects.filter(pk=owner.workspace_id).update(deleted_at=timezone.now())
    assert Client().get(link).status_code == 410
    assert Client().post(link, {"password": PASSWORD}).status_code == 410
    assert not User.objects.filter(email="bob@example.org").exists()
    page = client_of(owner.user).get(reverse("members")).content.decode()
    if end not in ("deactivated", "deleted"):
        assert "bob@example.org" not in page


def test_accepting_again_changes_no_role(owner: Membership, join: Join, client_of: ClientOf) -> None:
    """They joined in between by another way."""
    link = link_for(owner, "viewer@example.org", Role.ADMIN)
    member = join(Role.VIEWER)
    client_of(member.user).post(link)
    member.refresh_from_db()
    assert member.role == Role.VIEWER


# Changing roles


@pytest.mark.parametrize("actor", Role)
@pytest.mark.parametrize("before", Role)
@pytest.mark.parametrize("after", Role)
def test_who_makes_whom_what(actor: Role, before: Role, after: Role, join: Join) -> None:
    by, member = join(actor, "by"), join(before, "member")
    needed = Right.OWN if Role.OWNER in (before, after) else Right.ADMINISTER
    if needed in RIGHTS[actor]:
        people.change_role(by, member, after)
    else:
        with pytest.raises(Forbidden):
            people.change_role(by, member, after)
    member.refresh_from_db()
    assert member.role == (after if needed in RIGHTS[actor] else before)


@pytest.mark.parametrize("before", Role)
@pytest.mark.parametrize("after", Role)
def test_nobody_raises_their_own_role(before: Role, after: Role, join: Join) -> None:
    member = join(before)
    may = Right.ADMINISTER in RIGHTS[before] and RIGHTS[after] <= RIGHTS[before]
    if may:
        people.change_role(member, member, after)
    else:
        with pytest.raises(Forbidden):
            people.change_role(member, member, after)
    member.refresh_from_db()
    assert member.role == (after if may else before)


def test_a_token_s_scope_limits_what_its_owner_does(owner: Membership, join: Join) -> None:
    member = join(Role.EDITOR)
    owner.scope = frozenset({Right.VIEW, Right.EDIT})
    for change in (
        lambda: people.change_role(owner, member, Role.VIEWER),
        lambda: people.remove(owner, member),
        lambda: people.transfer(owner, member),
        lambda: people.invite(owner, "bob@example.org", Role.VIEWER),
    ):
        with pytest.raises(Forbidden):
            change()


def test_the_last_owner_stays(owner: Membership, join: Join, client_of: ClientOf) -> None:
    admin, other = join(Role.ADMIN), join(Role.OWNER, "asleep")
    User.objects.filter(pk=other.user_id).update(is_active=False)
    for change in (
        lambda: people.change_role(owner, owner, Role.ADMIN),
        lambda: people.remove(owner, owner),
        lambda: people.leave(owner),
    ):
        with pytest.raises(Conflict) as refused:
            change()
        assert refused.value.code == "last_owner"
    with pytest.raises(Forbidden):
        people.remove(admin, owner)
    browser = client_of(owner.user)
    assert "only owner" in browser.get(reverse("leave_workspace")).content.decode()
    assert browser.post(reverse("leave_workspace")).status_code == 409
    owner.refresh_from_db()
    assert owner.role == Role.OWNER


def test_ownership_is_handed_over(owner: Membership, join: Join, client_of: ClientOf) -> None:
    member, browser = join(Role.VIEWER), client_of(owner.user)
    path = reverse("transfer_workspace", args=[member.pk])
    assert "Transfer" in browser.get(path).content.decode()
    assert browser.post(path).status_code == 302
    owner.refresh_from_db()
    member.refresh_from_db()
    assert (owner.role, member.role) == (Role.ADMIN, Role.OWNER)
    assert browser.post(path).status_code == 403, "a second time, as an admin"
    with pytest.raises(Conflict):
        people.transfer(member, member)


# Removing and leaving


def test_what_ends_with_a_member(owner: Membership, join: Join, client_of: ClientOf) -> None:
    member = join(Role.ADMIN)
    user, path = member.user, reverse("remove_member", args=[member.pk])
    token, secret = create_token(user, owner.workspace)
    elsewhere, _secret = create_token(user, ensure_user("x@example.org")[1])
    people.invite(member, "bob@example.org", Role.EDITOR)
    theirs, page = client_of(user), client_of(owner.user).get(path).content.decode()
    assert "1 API token" in page
    assert "1 pending invitation" in page
    assert theirs.get(reverse("costs")).status_code == 200
    client_of(owner.user).post(path)
    assert not Invitation.objects.exists()
    assert set(ApiToken.objects.filter(revoked_at=None)) == {elsewhere}
    assert token.workspace == owner.workspace
    assert Client(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/me").status_code == 401
    assert theirs.get(reverse("members")).wsgi_request.membership.workspace != owner.workspace  # type: ignore[attr-defined]
    assert user.memberships.get().role == Role.OWNER, "an empty workspace of their own"
    assert client_of(owner.user).post(path).status_code == 404, "a second time"


def test_leaving(owner: Membership, join: Join, client_of: ClientOf) -> None:
    member = join(Role.VIEWER)
    browser = client_of(member.user)
    assert "You lose access" in browser.get(reverse("leave_workspace")).content.decode()
    browser.post(reverse("leave_workspace"))
    assert not owner.workspace.memberships.filter(user=member.user).exists()
    with pytest.raises(Forbidden):
        people.leave(member)


def test_whoever_was_removed_a_moment_ago_changes_nothing(owner: Membership, join: Join) -> None:
    admin, member = join(Role.ADMIN), join(Role.EDITOR)
    people.remove(owner, admin)
    for change in (
        lambda: people.change_role(admin, member, Role.VIEWER),
        lambda: people.remove(admin, member),
        lambda: people.invite(admin, "bob@example.org", Role.VIEWER),
    ):
        with pytest.raises(Forbidden):
            change()


def test_members_of_other_workspaces_are_not_there(owner: Membership, outsider: User, client_of: ClientOf) -> None:
    theirs = outsider.memberships.get()
    for name in ("change_role", "remove_member", "transfer_workspace"):
        for pk in (theirs.pk, 10**30):
            answer = client_of(owner.user).post(reverse(name, args=[pk]), {"role": "viewer"})
            assert answer.status_code == 404
    with pytest.raises(Http404):
        people.change_role(owner, theirs, Role.VIEWER)
    invitation, _link = people.invite(theirs, "bob@example.org", Role.EDITOR)
    assert client_of(owner.user).post(reverse("end_invitation", args=[invitation.pk])).status_code == 404
    assert Invitation.objects.exists()


# Two at once


def both(first: Callable[[], object], second: Callable[[], object]) -> list[BaseException]:
    """What was raised when the two run in threads of their own, started together."""
    raised: list[BaseException] = []
    barrier = threading.Barrier(2)

    def run(change: Callable[[], object]) -> None:
        barrier.wait()
        try:
            change()
        except Problem as problem:
            raised.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[change]) for change in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", ["demote", "remove", "leave", "self"])
def test_two_owners_at_once_leave_one(change: str) -> None:
    ada, workspace = ensure_user("ada@example.org")
    bob = User.objects.create_user("bob@example.org")
    first = workspace.memberships.get(user=ada)
    second = Membership.objects.create(workspace=workspace, user=bob, role=Role.OWNER)
    changes: dict[str, Callable[[Membership, Membership], object]] = {
        "demote": lambda one, other: people.change_role(one, other, Role.ADMIN),
        "remove": lambda one, other: people.remove(one, other),
        "leave": lambda one, _other: people.leave(one),
        "self": lambda one, _other: people.change_role(one, one, Role.VIEWER),
    }
    raised = both(lambda: changes[change](first, second), lambda: changes[change](second, first))
    assert len(raised) == 1
    assert workspace.memberships.filter(role=Role.OWNER).count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_link_opened_twice_at_once_makes_one_member() -> None:
    ada, workspace = ensure_user("ada@example.org")
    bob = User.objects.create_user("bob@example.org")
    _invitation, link = people.invite(workspace.memberships.get(user=ada), bob.email, Role.EDITOR)
    secret = link.split("/")[-1]
    raised = both(lambda: people.accept(secret, bob), lambda: people.accept(secret, bob))
    assert len(raised) == 1
    assert workspace.memberships.filter(user=bob).count() == 1


# The page


@pytest.mark.parametrize("role", Role)
def test_what_each_role_is_offered(role: Role, owner: Membership, join: Join, client_of: ClientOf) -> None:
    reader, editor = join(role, "reader"), join(Role.EDITOR, "editor")
    invitation, _link = people.invite(owner, "bob@example.org", Role.EDITOR)
    page = client_of(reader.user).get(reverse("members")).content.decode()
    offers = {
        Right.ADMINISTER: ["invite_member", ("change_role", editor.pk), ("remove_member", editor.pk)],
        Right.OWN: [("transfer_workspace", editor.pk), ("change_role", owner.pk), ("remove_member", owner.pk)],
    }
    for right, names in offers.items():
        for name in names:
            path = reverse(name) if isinstance(name, str) else reverse(name[0], args=[name[1]])
            assert (path in page) == (right in RIGHTS[role]), path
    assert (invitation.email in page) == (Right.ADMINISTER in RIGHTS[role])
    assert reverse("remove_member", args=[reader.pk]) not in page


def test_a_thousand_members_are_pages_and_few_queries(
    owner: Membership, workspace: Workspace, client_of: ClientOf, django_assert_max_num_queries: Any
) -> None:
    users = User.objects.bulk_create([User(email=f"m{number:04}@example.org") for number in range(1000)])
    Membership.objects.bulk_create([Membership(workspace=workspace, user=user, role=Role.VIEWER) for user in users])
    browser = client_of(owner.user)
    with django_assert_max_num_queries(20):
        page = browser.get(reverse("members") + "?page=20").content.decode()
    assert "1,001 members" in page
    assert page.count("since ") == 50
    assert "m0949@example.org" in page
    assert "m0777@example.org" in browser.get(reverse("members") + "?search=M0777").content.decode()
    assert "Nobody with this email" in browser.get(reverse("members") + "?search=nobody").content.decode()
    with django_assert_max_num_queries(25):
        assert browser.get(reverse("settings")).status_code == 200


def test_everything_is_recorded(owner: Membership, join: Join, client_of: ClientOf) -> None:
    browser, member, gone = client_of(owner.user), join(Role.EDITOR), join(Role.VIEWER)
    link = link_for(owner, "bob@example.org")
    Client().post(link, {"password": PASSWORD})
    browser.post(reverse("invite_member"), {"email": "carl@example.org", "role": "editor"})
    browser.post(reverse("end_invitation", args=[Invitation.objects.get().pk]))
    browser.post(reverse("change_role", args=[member.pk]), {"role": "admin"})
    browser.post(reverse("remove_member", args=[gone.pk]))
    browser.post(reverse("transfer_workspace", args=[member.pk]))
    browser.post(reverse("leave_workspace"))
    audited = set(AuditEvent.objects.for_workspace(owner.workspace).values_list("verb", "subject"))
    assert audited >= {
        ("invited", "member"),
        ("joined", "member"),
        ("revoked", "invitation"),
        ("changed role", "member"),
        ("removed member", "member"),
        ("made owner", "member"),
        ("left", "member"),
    }
    recorded = set(SecurityEvent.objects.filter(workspace=owner.workspace).values_list("verb", flat=True))
    assert recorded >= {
        "member_invited",
        "member_added",
        "invitation_revoked",
        "member_role_changed",
        "member_removed",
        "ownership_transferred",
        "member_left",
    }
