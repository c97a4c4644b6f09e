"""/workspace, /members, /invitations: who belongs to the token's workspace. Owners are made and changed on the pages alone, since
no token has that right."""

from typing import Any, cast

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import Http404
from ninja import Router, Status

from webapp.accounts import actions, people
from webapp.accounts.models import Invitation, Membership
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.api.auth import Body, Token, once, page
from webapp.api.schemas import Page
from webapp.api.shapes import moment
from webapp.api.workspace_schemas import InvitationOut, MemberOut, NewInvitation, RoleName, WorkspaceDetail
from webapp.core.problems import Problem

router = Router()
ADMIN = Token(Right.ADMINISTER)
MAX_ID_DIGITS, MAX_EMAIL = 18, 254


class WorkspacePatch(Body):
    name: str


class RoleIn(Body):
    role: RoleName


class InvitationIn(Body):
    email: str
    role: RoleName = "editor"


def workspace_shape(request: AuthedRequest) -> dict[str, Any]:
    workspace, membership = request.workspace, request.membership
    return {
        "id": workspace.pk,
        "name": workspace.name,
        "role": membership.role,
        "rights": [right.value for right in Right if membership.can(right)],
        "members": workspace.memberships.count(),
        "created_at": moment(workspace.created_at),
    }


def member_shape(member: Membership) -> dict[str, Any]:
    return {
        "id": str(member.pk),
        "email": member.user.email,
        "name": member.user.name,
        "role": member.role,
        "is_active": member.user.is_active,
        "since": moment(member.created_at),
    }


def invitation_shape(invitation: Invitation) -> dict[str, Any]:
    return {
        "id": invitation.pk,
        "email": invitation.email,
        "role": invitation.role,
        "invited_by": invitation.invited_by.email,
        "created_at": moment(invitation.created_at),
        "expires_at": moment(invitation.expires_at),
    }


def load_member(request: AuthedRequest, pk: str) -> Membership:
    if not (pk.isascii() and pk.isdigit()) or len(pk) > MAX_ID_DIGITS:
        raise Http404
    return people.load_member(request.workspace, int(pk))


@router.get("/workspace", response=WorkspaceDetail)
def get_workspace(request: AuthedRequest) -> dict[str, Any]:
    """The workspace that the token belongs to, and what it may do there."""
    return workspace_shape(request)


@router.patch("/workspace", response=WorkspaceDetail, auth=ADMIN)
def patch_workspace(request: AuthedRequest, payload: WorkspacePatch) -> dict[str, Any]:
    """Rename it."""
    name = payload.name.strip()
    if not 0 < len(name) <= actions.MOST_NAME:
        message = f"A workspace's name has from 1 to {actions.MOST_NAME} characters."
        raise Problem(message, code="bad_name", hint="Send another name.")
    actions.rename_workspace(request.workspace, name, request.user)
    return workspace_shape(request)


@router.get("/members", response=Page[MemberOut])
def list_members(request: AuthedRequest, cursor: str | None = None) -> dict[str, Any]:
    """Those who joined last first."""
    return page(cast(Any, request.workspace.memberships.select_related("user")), cursor, cast(Any, member_shape))


@router.get("/members/{pk}", response=MemberOut)
def get_member(request: AuthedRequest, pk: str) -> dict[str, Any]:
    return member_shape(load_member(request, pk))


@router.patch("/members/{pk}", response=MemberOut, auth=ADMIN)
def patch_member(request: AuthedRequest, pk: str, payload: RoleIn) -> dict[str, Any]:
    """Change the role. No token makes, changes or removes owners; nobody raises their own role."""
    return member_shape(people.change_role(request.membership, load_member(request, pk), payload.role, request))


@router.delete("/members/{pk}", response={204: None}, auth=ADMIN)
def delete_member(request: AuthedRequest, pk: str) -> Status[None]:
    """Their access ends at once, with their tokens of this workspace and the invitations that they sent. What they made stays."""
    people.remove(request.membership, load_member(request, pk), request)
    return Status(204, None)


@router.get("/invitations", response=Page[InvitationOut], auth=Token(Right.ADMINISTER, reading=Right.ADMINISTER))
def list_invitations(request: AuthedRequest, cursor: str | None = None) -> dict[str, Any]:
    """Those that can still be accepted."""
    return page(Invitation.pending(request.workspace), cursor, invitation_shape)


@router.post("/invitations", response={201: NewInvitation}, auth=ADMIN)
@once
def create_invitation(request: AuthedRequest, payload: InvitationIn) -> Status[dict[str, Any]]:
    """Invite an address; an earlier invitation of it ends. `accept_url` comes once, and only where the site sends no mail."""
    try:
        if len(payload.email) > MAX_EMAIL:
            raise ValidationError("too long")
        validate_email(payload.email.strip())
    except ValidationError as error:
        message = f"“{payload.email[:60]}” is not an email address."
        raise Problem(message, code="bad_email", hint="Send one like ada@example.org.") from error
    invitation, link = people.invite(request.membership, payload.email, payload.role, request)
    return Status(201, invitation_shape(invitation) | {"accept_url": link or None})


@router.delete("/invitations/{pk}", response={204: None}, auth=ADMIN)
def delete_invitation(request: AuthedRequest, pk: str) -> Status[None]:
    """Its link works no more."""
    people.end_invitation(request.membership, pk, request)
    return Status(204, None)
