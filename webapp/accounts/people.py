"""Who belongs to a workspace: invite, join, change a role, remove, leave, hand over.

Every change holds the workspace's row and reads the roles again under it, so that two owners who demote each other at the same
moment leave one, and whoever was removed a moment ago changes nothing any more.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.cache import cache
from django.core.mail import send_mail
from django.db import transaction
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts import limits, security
from webapp.accounts.actions import audit, create_workspace
from webapp.accounts.models import Invitation, Membership, User, Workspace, hashed
from webapp.accounts.rights import RIGHTS, Right, Role, check
from webapp.core.problems import Conflict, Forbidden, Problem, Unavailable

MAX_INVITATIONS = 100
"""That wait in one workspace."""
MAX_MAILS_AN_HOUR = 60
"""Of one workspace: they go to strangers."""


@contextmanager
def locked(workspace_id: str) -> Iterator[Workspace]:
    """The workspace, and nobody else changes its members until the block is done."""
    with transaction.atomic():
        workspace = Workspace.objects.select_for_update(no_key=True).filter(pk=workspace_id, deleted_at=None).first()
        if workspace is None:
            raise Http404
        yield workspace


def reload(membership: Membership) -> Membership:
    """The same member as of now; `Forbidden` for one who was removed meanwhile."""
    current = Membership.objects.select_related("user", "workspace").filter(pk=membership.pk).first()
    if current is None:
        raise Forbidden(
            _("You no longer belong to this workspace."), code="no_member", hint=_("Ask an admin to invite you again.")
        )
    current.scope = membership.scope
    return current


def load_member(workspace: Workspace, pk: int) -> Membership:
    member = workspace.memberships.select_related("user", "workspace").filter(pk=pk).first()
    if member is None:
        raise Http404
    return member


def right_to_assign(*roles: str) -> Right:
    """What it takes to give, change or take away these roles."""
    return Right.OWN if Role.OWNER in roles else Right.ADMINISTER


def assignable_roles(membership: Membership) -> list[Role]:
    return [role for role in Role if membership.can(right_to_assign(role))]


def check_owner_remains(workspace: Workspace, leaving: Membership) -> None:
    """`Conflict` where this one is the last owner."""
    if leaving.role != Role.OWNER:
        return
    others = workspace.memberships.filter(role=Role.OWNER, user__is_active=True).exclude(pk=leaving.pk)
    if not others.exists():
        raise Conflict(
            _("“%(name)s” needs an owner, and there is no other.") % {"name": workspace.name},
            code="last_owner",
            hint=_("Make someone else its owner first, or delete the workspace."),
        )


# Invitations


def invite(
    actor: Membership, email: str, role: str, request: HttpRequest | None = None, *, by_hand: bool = False
) -> tuple[Invitation, str]:
    """The invitation, and the address of its link, or "" where that was sent by mail (never `by_hand`). An earlier invitation of the same address
    ends. It hands over no account: whoever has one signs in to it and accepts."""
    email = email.strip().lower()
    with locked(actor.workspace_id) as workspace:
        actor = reload(actor)
        check(actor, right_to_assign(role))
        if workspace.memberships.filter(user__email__iexact=email).exists():
            raise Conflict(
                _("%(email)s is a member already.") % {"email": email},
                code="is_member",
                field="email",
                hint=_("Change their role in the list."),
            )
        limits.check_unlocked(workspace, "members")
        was_mailed = settings.MAIL_CONFIGURED and not by_hand
        if was_mailed:
            check_mails(workspace)
        Invitation.objects.for_workspace(workspace).filter(email=email).delete()
        if Invitation.pending(workspace).count() >= MAX_INVITATIONS:
            raise Conflict(
                _("%(count)d invitations are waiting.") % {"count": MAX_INVITATIONS},
                code="too_many_invitations",
                field="email",
                hint=_("End some of them first."),
            )
        secret = secrets.token_urlsafe(32)
        invitation = Invitation.objects.create(
            workspace=workspace,
            email=email,
            role=role,
            invited_by=actor.user,
            digest=hashed(secret),
            was_mailed=was_mailed,
        )
        record(request, "member_invited", actor, "invitation", invitation.pk, f"{email}, {role}")
        audit(workspace, actor.user, "invited", "member", invitation.pk, f"{email}, {role}")
    link = f"{settings.PUBLIC_URL}{reverse('invitation', args=[secret])}"
    if not invitation.was_mailed:
        return invitation, link
    mail(invitation, link)
    return invitation, ""


def check_mails(workspace: Workspace) -> None:
    name = f"invitations:{workspace.pk}"
    if cache.add(name, 1, timeout=3600):
        return
    try:
        sent = cache.incr(name)
    except ValueError:  # the hour ended between the two
        return
    if sent > MAX_MAILS_AN_HOUR:
        raise Problem(
            _("Too many invitations were sent from this workspace."),
            hint=_("Wait an hour, then try again."),
            status=429,
        )


def mail(invitation: Invitation, link: str) -> None:
    """The subject holds nothing that somebody typed; `Unavailable` where no mail can be sent, and then there is no invitation."""
    text = _(
        "%(person)s invited you to the workspace “%(workspace)s” on Maquette as %(role)s. Open this link within %(days)d days to "
        "accept:\n\n%(link)s\n\nIf you do not know them, do nothing."
    ) % {
        "person": invitation.invited_by.email,
        "workspace": " ".join(invitation.workspace.name.split()),
        "role": invitation.get_role_display(),
        "days": Invitation.LIFETIME.days,
        "link": link,
    }
    try:
        send_mail(_("You were invited to Maquette"), text, None, [invitation.email])
    except OSError as error:
        invitation.delete()
        raise Unavailable(
            _("The invitation could not be sent."), code="mail_failed", hint=_("Try again in a few minutes.")
        ) from error


def end_invitation(actor: Membership, pk: str, request: HttpRequest | None = None) -> None:
    with locked(actor.workspace_id) as workspace:
        actor = reload(actor)
        invitation = Invitation.objects.for_workspace(workspace).filter(pk=pk).first()
        if invitation is None:
            raise Http404
        check(actor, right_to_assign(invitation.role))
        record(request, "invitation_revoked", actor, "invitation", invitation.pk, invitation.email)
        audit(workspace, actor.user, "revoked", "invitation", invitation.pk, invitation.email)
        invitation.delete()


def usable(secret: str) -> Invitation:
    """The invitation of a link; 410 for one that is used, ended, expired, or whose sender could not send it today."""
    invitation = Invitation.find(secret)
    if invitation is None or not is_still_meant(invitation):
        raise Problem(
            _("This invitation has already been used or has expired."),
            code="invitation_gone",
            hint=_("Ask the person who invited you for a new one."),
            status=410,
        )
    return invitation


def is_still_meant(invitation: Invitation) -> bool:
    sender = invitation.workspace.memberships.filter(user=invitation.invited_by, user__is_active=True).first()
    return sender is not None and sender.can(right_to_assign(invitation.role))


def accept(secret: str, user: User, request: HttpRequest | None = None) -> Membership:
    """The new member. Only whoever has the address that was invited; a role that they have already stays."""
    workspace_id = usable(secret).workspace_id
    with locked(workspace_id) as workspace:
        invitation = usable(secret)
        if user.email.lower() != invitation.email:
            raise Forbidden(
                _("This invitation is for %(email)s.") % {"email": invitation.email},
                code="other_address",
                hint=_("Sign in with that address, or ask to be invited with yours."),
            )
        member = workspace.memberships.filter(user=user).first()
        is_new = member is None
        if member is None:
            limits.check(workspace, "members")
            member = Membership.objects.create(workspace=workspace, user=user, role=invitation.role)
        invitation.delete()
        if is_new:
            record(request, "member_added", member, "member", str(user.pk), f"{user.email}, {member.role}", user=user)
            audit(workspace, user, "joined", "member", str(user.pk), member.role)
    choose(user, workspace)
    return member


# Members


def change_role(actor: Membership, member: Membership, role: str, request: HttpRequest | None = None) -> Membership:
    """Nobody raises their own; an admin neither makes owners nor changes them; one owner always stays."""
    with locked(actor.workspace_id) as workspace:
        actor, member = reload(actor), load_member(workspace, member.pk)
        check(actor, right_to_assign(member.role, role))
        if member.pk == actor.pk and not RIGHTS[Role(role)] <= RIGHTS[Role(member.role)]:
            raise Forbidden(_("You cannot raise your own role."), hint=_("Ask an owner of this workspace."))
        if role == member.role:
            return member
        if role != Role.OWNER:
            check_owner_remains(workspace, member)
        assign(member, role)
        text = f"{member.user.email}, {role}"
        record(request, "member_role_changed", actor, "member", str(member.user_id), text)
        audit(workspace, actor.user, "changed role", "member", str(member.user_id), text)
    return member


def assign(member: Membership, role: str) -> None:
    """Within the lock. Invitations of this member that they could not make any more end."""
    member.role = role
    member.save(update_fields=["role"])
    sent = Invitation.objects.filter(workspace=member.workspace_id, invited_by=member.user)
    sent.exclude(role__in=assignable_roles(Membership(role=role))).delete()


def remove(actor: Membership, member: Membership, request: HttpRequest | None = None) -> None:
    """Their access ends at once: pages, streams and API tokens of this workspace, and invitations that they sent. What they made
    stays, and keys and links of demos keep working."""
    with locked(actor.workspace_id) as workspace:
        actor, member = reload(actor), load_member(workspace, member.pk)
        check(actor, right_to_assign(member.role))
        check_owner_remains(workspace, member)
        record(request, "member_removed", actor, "member", str(member.user_id), member.user.email)
        audit(workspace, actor.user, "removed member", "member", str(member.user_id), member.user.email)
        end_membership(member)


def leave(member: Membership, request: HttpRequest | None = None) -> None:
    with locked(member.workspace_id) as workspace:
        member = reload(member)
        check_owner_remains(workspace, member)
        record(request, "member_left", member, "member", str(member.user_id), member.user.email)
        audit(workspace, member.user, "left", "member", str(member.user_id), member.role)
        end_membership(member)


def end_membership(member: Membership) -> None:
    """Within the lock. Whoever belongs to no other workspace gets an empty one, as where a workspace is deleted."""
    user, workspace_id = member.user, member.workspace_id
    tokens = user.api_tokens.filter(workspace=workspace_id, revoked_at=None)
    tokens.update(revoked_at=timezone.now())
    Invitation.objects.filter(workspace=workspace_id, invited_by=user).delete()
    User.objects.filter(pk=user.pk, chosen_workspace=workspace_id).update(chosen_workspace=None)
    member.delete()
    if not user.memberships.exists():
        create_workspace(user)


def transfer(actor: Membership, member: Membership, request: HttpRequest | None = None) -> Membership:
    """`member` becomes an owner, and whoever hands over an admin."""
    with locked(actor.workspace_id) as workspace:
        actor, member = reload(actor), load_member(workspace, member.pk)
        check(actor, Right.OWN)
        if member.pk == actor.pk:
            raise Conflict(
                _("You are an owner already."), code="is_owner", hint=_("Choose another member of this workspace.")
            )
        if not member.user.is_active:
            raise Conflict(
                _("%(email)s cannot sign in.") % {"email": member.user.email},
                code="inactive_member",
                hint=_("Choose another member of this workspace."),
            )
        assign(member, Role.OWNER)
        assign(actor, Role.ADMIN)
        record(request, "ownership_transferred", actor, "member", str(member.user_id), member.user.email)
        audit(workspace, actor.user, "made owner", "member", str(member.user_id), member.user.email)
    return member


# Workspaces


def found_workspace(user: User, name: str, request: HttpRequest | None = None) -> Workspace:
    """Another workspace that `user` owns, opened at once. `Conflict` for one too many: what the operator limits, they limit for
    each workspace."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        own = user.memberships.filter(role=Role.OWNER, workspace__deleted_at=None).count()
        if own >= settings.MAX_WORKSPACES:
            raise Conflict(
                _("You own %(count)d workspaces, which is the most that this site allows.") % {"count": own},
                code="too_many_workspaces",
                field="name",
                hint=_("Delete one, or ask the operator of this site."),
            )
        workspace = create_workspace(user, name)
        audit(workspace, user, "created", "workspace", workspace.pk, workspace.name)
        security.record(
            request, "workspace_created", user=user, workspace=workspace, subject="workspace", subject_id=workspace.pk
        )
    choose(user, workspace)
    return workspace


def choose(user: User, workspace: Workspace) -> None:
    """The workspace that the person's next session opens."""
    User.objects.filter(pk=user.pk).update(chosen_workspace=workspace)


def record(
    request: HttpRequest | None,
    verb: str,
    actor: Membership,
    subject: str,
    subject_id: str,
    text: str,
    user: User | None = None,
) -> None:
    security.record(
        request,
        verb,
        user=user or actor.user,
        workspace=actor.workspace,
        subject=subject,
        subject_id=subject_id,
        text=text,
    )
