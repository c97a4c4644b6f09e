"""/workspace, /members, /invitations: shapes, rights, and what is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from webapp.accounts.actions import create_token
from webapp.accounts.models import Invitation, Membership, Role, User, Workspace

ClientOf = Callable[[User], Client]


def send(client: Client, method: str, path: str, body: object = None, **headers: str) -> Any:
    data = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    return client.generic(method, f"/api/v1{path}", headers=headers, **data)


@pytest.fixture
def bob(workspace: Workspace) -> Membership:
    user = User.objects.create_user("bob@example.org", name="Bob")
    return Membership.objects.create(workspace=workspace, user=user, role=Role.EDITOR)


def test_the_workspace_and_what_one_may_there(
    user: User, workspace: Workspace, bob: Membership, api_of: ClientOf
) -> None:
    found = api_of(user).get("/api/v1/workspace").json()
    assert (found["id"], found["role"], found["members"]) == (workspace.pk, "owner", 2)
    assert found["rights"] == ["view", "label", "edit", "administer"], "no token owns"
    assert api_of(bob.user).get("/api/v1/workspace").json()["rights"] == ["view", "label", "edit"]
    assert send(api_of(user), "PATCH", "/workspace", {"name": "Engine Room"}).json()["name"] == "Engine Room"
    for name in ("", " ", "x" * 121):
        assert send(api_of(user), "PATCH", "/workspace", {"name": name}).status_code == 422
    assert send(api_of(bob.user), "PATCH", "/workspace", {"name": "Mine"}).status_code == 403


def test_members_are_listed_changed_and_removed(user: User, bob: Membership, api_of: ClientOf) -> None:
    api, path = api_of(user), f"/members/{bob.pk}"
    listed = api.get("/api/v1/members").json()["items"]
    assert [(one["email"], one["role"]) for one in listed] == [("bob@example.org", "editor"), (user.email, "owner")]
    assert api.get(f"/api/v1{path}").json()["name"] == "Bob"
    assert send(api, "PATCH", path, {"role": "labeller"}).json()["role"] == "labeller"
    assert send(api, "PATCH", path, {"role": "king"}).status_code == 422
    assert send(api, "DELETE", path).status_code == 204
    assert send(api, "DELETE", path).status_code == 404


@pytest.mark.parametrize("pk", ["0", "x", "9" * 40, "²", "-1", "1.0"])
def test_a_member_that_is_none(pk: str, user: User, api_of: ClientOf) -> None:
    for method, body in (("GET", None), ("PATCH", {"role": "viewer"}), ("DELETE", None)):
        assert send(api_of(user), method, f"/members/{pk}", body).status_code == 404
    assert api_of(user).get("/api/v1/members?cursor=5,x").status_code == 422


def test_pages_of_members(user: User, workspace: Workspace, api_of: ClientOf) -> None:
    users = User.objects.bulk_create([User(email=f"m{number}@example.org") for number in range(120)])
    Membership.objects.bulk_create([Membership(workspace=workspace, user=one, role=Role.VIEWER) for one in users])
    api, seen, cursor = api_of(user), [], ""
    while cursor is not None:
        found = api.get("/api/v1/members" + (f"?cursor={cursor}" if cursor else "")).json()
        seen += [one["id"] for one in found["items"]]
        cursor = found["next"]
    assert len(seen) == len(set(seen)) == 121


def test_an_invitation(user: User, bob: Membership, api_of: ClientOf) -> None:
    api = api_of(user)
    body = {"email": "New@Example.org", "role": "viewer"}
    made = send(api, "POST", "/invitations", body, **{"Idempotency-Key": "once"})
    assert made.status_code == 201
    assert "/invitations/" in made.json()["accept_url"]
    again = send(api, "POST", "/invitations", body, **{"Idempotency-Key": "once"})
    assert again.json() == made.json() | {"accept_url": None}
    (listed,) = api.get("/api/v1/invitations").json()["items"]
    assert (listed["email"], listed["role"], listed["invited_by"]) == ("new@example.org", "viewer", user.email)
    assert "accept_url" not in listed
    for email in ("", "x", "a" * 300 + "@example.org", "bob@example.org"):
        assert send(api, "POST", "/invitations", {"email": email}).status_code in (409, 422), email
    assert api_of(bob.user).get("/api/v1/invitations").status_code == 403
    assert send(api_of(bob.user), "POST", "/invitations", body).status_code == 403
    assert send(api, "DELETE", f"/invitations/{listed['id']}").status_code == 204
    assert not Invitation.objects.exists()


def test_no_token_makes_or_changes_an_owner(user: User, bob: Membership, api_of: ClientOf) -> None:
    Membership.objects.filter(pk=bob.pk).update(role=Role.ADMIN)
    owner = user.memberships.get()
    for api in (api_of(bob.user), api_of(user)):
        assert send(api, "POST", "/invitations", {"email": "x@example.org", "role": "owner"}).status_code == 403
        assert send(api, "PATCH", f"/members/{bob.pk}", {"role": "owner"}).status_code == 403
        assert send(api, "PATCH", f"/members/{owner.pk}", {"role": "viewer"}).status_code == 403
        assert send(api, "DELETE", f"/members/{owner.pk}").status_code == 403
    owner.refresh_from_db()
    assert owner.role == Role.OWNER
    assert not Invitation.objects.exists()


def test_a_token_ends_with_its_member(user: User, workspace: Workspace, bob: Membership, api_of: ClientOf) -> None:
    _token, secret = create_token(bob.user, workspace)
    theirs = Client(headers={"Authorization": f"Bearer {secret}"})
    assert theirs.get("/api/v1/me").status_code == 200
    send(api_of(user), "DELETE", f"/members/{bob.pk}")
    assert theirs.get("/api/v1/me").status_code == 401
