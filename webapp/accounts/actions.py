"""Verbs over people and workspaces, the same for pages, API and commands."""

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse

from webapp.accounts.models import ApiToken, AuditEvent, Membership, Role, SignInLink, User, Workspace
from webapp.accounts.signals import workspace_created

FIRST_OWNER = "owner@maquette.local"


def create_workspace(user: User, name: str = "") -> Workspace:
    """A workspace that `user` owns; the apps to the right seed it (prices, budget) on `workspace_created`."""
    with transaction.atomic():
        workspace = Workspace.objects.create(name=name or default_name(user))
        Membership.objects.create(workspace=workspace, user=user, role=Role.OWNER)
        workspace_created.send(Workspace, workspace=workspace)
    return workspace


def default_name(user: User) -> str:
    return (user.name or user.email.split("@")[0]).replace(".", " ").title()


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


def may_be_made(email: str) -> bool:
    """Whether whoever runs the site may make this account: not a new one where SIGN_UP is closed."""
    if settings.SIGN_UP in ("open", "invited") or not User.objects.exists():
        return True
    return User.objects.filter(email__iexact=email).exists()


def sign_in_address(user: User) -> str:
    return f"{settings.PUBLIC_URL}{reverse('sign_in_link', args=[SignInLink.issue(user)])}"


def create_token(user: User, workspace: Workspace, name: str = "token") -> tuple[ApiToken, str]:
    token, secret = ApiToken.issue(user, workspace, name)
    audit(workspace, user, "created", "token", token.pk, name)
    return token, secret


def first_owner() -> tuple[User, Workspace]:
    """Whoever came first; on an empty site, an owner to be renamed in the settings."""
    first = User.objects.order_by("date_joined", "pk").first()
    return ensure_user(first.email if first else FIRST_OWNER)


def first_sign_in_link() -> str | None:
    """A one-time link for the first owner: printed at every start of an own machine."""
    user, _workspace = first_owner()
    return sign_in_address(user)


def audit(
    workspace: Workspace, user: User | None, verb: str, subject: str, subject_id: str = "", text: str = ""
) -> None:
    known = user if getattr(user, "pk", None) else None
    AuditEvent.objects.create(
        workspace=workspace, user=known, verb=verb, subject=subject, subject_id=subject_id, text=text[:200]
    )
