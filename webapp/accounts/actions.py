"""Verbs over people and workspaces, the same for pages, API and commands."""

from collections.abc import Iterable

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from webapp.accounts import limits, security
from webapp.accounts.models import (
    ApiToken,
    AuditEvent,
    Membership,
    Role,
    SecurityEvent,
    SignInLink,
    User,
    Workspace,
)
from webapp.accounts.rights import Scope
from webapp.accounts.signals import erased, workspace_created
from webapp.core.database import checkpoint
from webapp.core.problems import Conflict

FIRST_OWNER = "owner@maquette.local"
MOST_NAME = 120
"""Characters of a workspace's name; an address may have 254."""
ERASED_AT_ONCE = 500
"""Ids in one query."""


def create_workspace(user: User, name: str = "") -> Workspace:
    """A workspace that `user` owns; the apps to the right seed it (prices, budget) on `workspace_created`."""
    with transaction.atomic():
        workspace = Workspace.objects.create(name=name or default_name(user))
        Membership.objects.create(workspace=workspace, user=user, role=Role.OWNER)
        workspace_created.send(Workspace, workspace=workspace)
    return workspace


def rename_workspace(workspace: Workspace, name: str, user: User) -> None:
    workspace.name = name
    workspace.save(update_fields=["name"])
    audit(workspace, user, "renamed", "workspace", workspace.pk, name)


def default_name(user: User) -> str:
    return (user.name or user.email.split("@")[0]).replace(".", " ").title()[:MOST_NAME]


def ensure_user(email: str, password: str | None = None) -> tuple[User, Workspace]:
    """The user of this address and their first workspace, both made when absent."""
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=find_or_create_user(email, password).pk)
        membership = user.memberships.select_related("workspace").first()
        return user, membership.workspace if membership else create_workspace(user)


def find_or_create_user(email: str, password: str | None) -> User:
    if user := User.objects.filter(email__iexact=email).first():
        return user
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password)
    except IntegrityError:  # somebody else made it at the same moment
        return User.objects.get(email__iexact=email)


def create_account(email: str, password: str) -> User:
    """A new account without a workspace of its own, for somebody who joins one. `Conflict` where one appeared meanwhile."""
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password)
    except IntegrityError as error:
        raise Conflict(
            _("%(email)s has an account now.") % {"email": email}, code="account_in_use", hint=_("Sign in to it.")
        ) from error


def may_be_made(email: str) -> bool:
    """Whether the operator may make this account: not a new one where SIGN_UP is closed."""
    if settings.SIGN_UP in ("open", "invited") or not User.objects.exists():
        return True
    return User.objects.filter(email__iexact=email).exists()


def sign_in_address(user: User) -> str:
    link = f"{settings.PUBLIC_URL}{reverse('sign_in_link', args=[SignInLink.issue(user)])}"
    security.record(None, "sign_in_link_made", user=user)
    return link


def is_in_use(user: User) -> bool:
    """Whether somebody may act as this user by other means than a link: has signed in, has a password or a token."""
    return bool(user.last_login) or user.has_usable_password() or user.api_tokens.working().exists()


def end_access(user: User) -> None:
    """Nobody who could act as this user can any more: the password goes, and with it every session and every link that was
    asked for; tokens are revoked, second factors removed."""
    with transaction.atomic():
        user.set_unusable_password()
        user.save(update_fields=["password"])
        user.api_tokens.all().end(ApiToken.End.RESET)
        Authenticator.objects.filter(user=user).delete()
        SignInLink.objects.filter(user=user).delete()
        security.record(None, "access_reset", user=user)


def invite(email: str, *, reset: bool = False) -> str:
    """The address of a link that signs in whoever has this e-mail address, with an account made for them.

    An account that is in use is somebody's, perhaps of one who signed up with the address of another to read along later: it
    is handed over only with `reset`, which ends all their access first.
    """
    user = User.objects.filter(email__iexact=email).first()
    if user is not None and is_in_use(user):
        if not reset:
            raise Conflict(
                _("%(email)s already has an account that is in use.") % {"email": email}, code="account_in_use"
            )
        end_access(user)
    return sign_in_address(ensure_user(email)[0])


def create_token(
    user: User, workspace: Workspace, name: str = "token", *, scope: str = Scope.ADMIN, days: int | None = None
) -> tuple[ApiToken, str]:
    """`days`: how long it works; None: until it is ended."""
    with transaction.atomic():
        limits.check(workspace, "tokens")
        token, secret = ApiToken.issue(user, workspace, name, scope=scope, days=days)
        audit(workspace, user, "created", "token", token.pk, name)
    return token, secret


def somebody_is_here(besides: User | None = None) -> bool:
    """Whether anybody has an account, but for the one that every site begins with and that nobody has signed in to yet."""
    people = User.objects.exclude(email=FIRST_OWNER, last_login=None)
    return people.exclude(pk=besides.pk).exists() if besides else people.exists()


def first_owner() -> tuple[User, Workspace]:
    """Whoever came first; on an empty site, an owner to be renamed in the settings."""
    first = User.objects.order_by("date_joined", "pk").first()
    return ensure_user(first.email if first else FIRST_OWNER)


def first_sign_in_link() -> str | None:
    """A one-time link for the first owner, printed when a machine of one's own starts: none once they have signed in, since
    what is printed ends in logs. `manage.py sign_in_link` makes one then."""
    user, _workspace = first_owner()
    return None if user.last_login else sign_in_address(user)


def erase_names(workspace_id: str, ids: Iterable[str]) -> None:
    """What is deleted, by the ids of its rows, is named nowhere any more: the audit log keeps who did what to which id, the
    ledger its amounts. Within the transaction that deletes, after its last audit."""
    ids = [str(subject_id) for subject_id in ids]
    for start in range(0, len(ids), ERASED_AT_ONCE):
        part = ids[start : start + ERASED_AT_ONCE]
        for log in (AuditEvent, SecurityEvent):
            log.objects.filter(workspace_id=workspace_id, subject_id__in=part).update(text="")
        erased.send(AuditEvent, workspace_id=workspace_id, ids=part)
    transaction.on_commit(checkpoint)


def audit(
    workspace: Workspace, user: User | None, verb: str, subject: str, subject_id: str = "", text: str = ""
) -> None:
    actor = user if getattr(user, "pk", None) else None
    AuditEvent.objects.create(
        workspace=workspace, user=actor, verb=verb, subject=subject, subject_id=subject_id, text=text[:200]
    )
    security.record_audited(workspace, actor, verb, subject, subject_id, text)


def keep_feedback(workspace: Workspace, days: int | None, user: User) -> None:
    """What visitors of its demos typed, sent and rated is kept for so many days; 0: for good, None: as long as the site says."""
    workspace.feedback_days = days
    workspace.save(update_fields=["feedback_days"])
    audit(workspace, user, "set", "retention", text=str(days if days is not None else ""))
