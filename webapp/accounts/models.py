"""People, the workspaces that own everything, and the tokens that programs carry."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import ClassVar, Self, cast

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from webapp.accounts.audit_verbs import SUBJECTS, VERBS
from webapp.accounts.rights import ALL_RIGHTS, RIGHTS, RIGHTS_OF_SCOPE, Right, Scope
from webapp.accounts.rights import Role as Role
from webapp.core.models import Stored, WorkspaceOwned, WorkspaceQuerySet


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(email, password, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(_("email"), unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)
    chosen_workspace = models.ForeignKey(
        "Workspace",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="the one that they switched to last: the next session opens it",
    )

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    def __str__(self) -> str:
        return self.email


class Workspace(Stored):
    name = models.CharField(_("name"), max_length=120)
    feedback_days = models.PositiveIntegerField(
        null=True, help_text="how long visitors' ratings are kept; null: FEEDBACK_RETENTION_DAYS"
    )
    deleted_at = models.DateTimeField(
        null=True, help_text="when all of it was deleted: its ledger stays, for accounting, and names nothing"
    )
    second_factor_required = models.BooleanField(
        default=False, db_default=False, help_text="whether members without one are kept out"
    )
    members = models.ManyToManyField(User, through="Membership", related_name="workspaces")

    def __str__(self) -> str:
        return self.name


class WorkspaceLimit(models.Model):
    """What one workspace may have that differs from the operator's defaults (`webapp.core.limits`)."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="own_limits")
    name = models.CharField(max_length=40)
    most = models.PositiveIntegerField(null=True, help_text="null: unlimited")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_limit_each")]

    def __str__(self) -> str:
        return f"{self.name}: {self.most}"


class Membership(models.Model):
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role, default=Role.OWNER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [models.UniqueConstraint(fields=["workspace", "user"], name="one_membership_each")]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace}"

    scope: frozenset[Right] = ALL_RIGHTS
    """Of what the role may do, only this: set by whatever acts for the member with less, as a token does."""

    def can(self, right: Right) -> bool:
        return right in self.scope and right in RIGHTS.get(cast(Role, self.role), frozenset())

    @property
    def can_label(self) -> bool:
        return self.can(Right.LABEL)

    @property
    def can_edit(self) -> bool:
        return self.can(Right.EDIT)

    @property
    def can_administer(self) -> bool:
        return self.can(Right.ADMINISTER)

    @property
    def can_own(self) -> bool:
        return self.can(Right.OWN)


def hashed(secret: str) -> str:
    """SHA-256, enough for a secret of 256 random bits; a password would need a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiTokenQuerySet(WorkspaceQuerySet["ApiToken"]):
    def working(self) -> Self:
        alive = models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now())
        return self.filter(alive, revoked_at=None, user__is_active=True)

    def end(self, reason: str) -> int:
        """End those that have not been ended; how many they were."""
        return self.filter(revoked_at=None).update(revoked_at=timezone.now(), end_reason=reason)


class ApiToken(WorkspaceOwned):
    """Only the hash is kept; the token itself is shown once."""

    PREFIX = "mq_"
    WARN_DAYS = 14
    """So long before it expires the page warns."""

    class End(models.TextChoices):
        """Why a token that was ended has ended."""

        REVOKED = "revoked", _("it was revoked")
        PASSWORD = "password", _("its owner’s password was changed")
        RESET = "reset", _("its owner’s access was reset")
        DEACTIVATED = "deactivated", _("its owner’s account was closed")
        REMOVED = "removed", _("its owner left the workspace")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(_("name"), max_length=120, default="token")
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=12)
    scope = models.CharField(max_length=8, choices=Scope, default=Scope.WRITE)
    expires_at = models.DateTimeField(null=True, help_text="null: never")
    reminded_at = models.DateTimeField(null=True, help_text="when its owner was told that it expires soon")
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.GenericIPAddressField(null=True)
    revoked_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=12, choices=End, blank=True, help_text="why it was ended, if it was")

    objects: ClassVar = ApiTokenQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @classmethod
    def issue(
        cls, user: User, workspace: Workspace, name: str, *, scope: str = Scope.ADMIN, days: int | None = None
    ) -> tuple["ApiToken", str]:
        """`days`: how long it works; None: until it is ended."""
        secret = cls.PREFIX + secrets.token_urlsafe(32)
        token = cls.objects.create(
            user=user,
            workspace=workspace,
            name=name[:120],
            scope=scope,
            expires_at=timezone.now() + timedelta(days=days) if days else None,
            digest=hashed(secret),
            hint=secret[:8],
        )
        return token, secret

    @classmethod
    def find(cls, secret: str, address: str | None = None) -> "ApiToken | None":
        """The token's row if it works; its use, and from which address, is noted at most once a minute."""
        owned = cls.objects.select_related("user", "workspace")
        api_token = owned.working().filter(digest=hashed(secret)).first()
        if api_token and (
            api_token.last_used_at is None or api_token.last_used_at < timezone.now() - timedelta(minutes=1)
        ):
            used = {"last_used_at": timezone.now()} | ({"last_used_from": address} if address else {})
            cls.objects.filter(pk=api_token.pk).update(**used)
        return api_token

    def membership(self) -> Membership | None:
        """Whom it acts for, with what it may do; None for a former member's token."""
        memberships = self.workspace.memberships.select_related("user", "workspace")
        membership: Membership | None = memberships.filter(user=self.user).first()
        if membership is not None:
            membership.scope = RIGHTS_OF_SCOPE[Scope(self.scope)]
        return membership

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def expires_soon(self) -> bool:
        soon = timezone.now() + timedelta(days=self.WARN_DAYS)
        return self.expires_at is not None and not self.has_expired and self.expires_at <= soon

    def revoke(self) -> None:
        self.revoked_at, self.end_reason = timezone.now(), self.End.REVOKED
        self.save(update_fields=["revoked_at", "end_reason"])


class SignInLink(Stored):
    """A link that signs one person in, once, within a day. Only its hash is kept."""

    LIFETIME = timedelta(days=1)

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"sign-in link of {self.user}"

    @classmethod
    def issue(cls, user: User) -> str:
        """A new link; older ones of this person end."""
        secret = secrets.token_urlsafe(32)
        cls.objects.filter(user=user).delete()
        cls.objects.create(user=user, digest=hashed(secret))
        return secret

    @classmethod
    def usable(cls, secret: str) -> "SignInLink | None":
        since = timezone.now() - cls.LIFETIME
        return (
            cls.objects.filter(digest=hashed(secret), used_at=None, created_at__gt=since).select_related("user").first()
        )

    @classmethod
    def redeem(cls, secret: str) -> User | None:
        """The user, the first time; None for a link that is unknown, used or old."""
        link = cls.usable(secret)
        if link is None or not cls.objects.filter(pk=link.pk, used_at=None).update(used_at=timezone.now()):
            return None
        return link.user


class Invitation(WorkspaceOwned):
    """Somebody may join a workspace, by a link of which only the hash is kept. It is deleted once it was used or ended."""

    LIFETIME = timedelta(days=7)

    email = models.EmailField(_("email"))
    role = models.CharField(max_length=8, choices=Role)
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    was_mailed = models.BooleanField(
        default=False, help_text="whether the link went to the address alone, so that whoever has it owns the address"
    )

    class Meta(WorkspaceOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["workspace", "email"], name="one_invitation_each")]

    def __str__(self) -> str:
        return f"{self.email} to {self.workspace}"

    @property
    def expires_at(self) -> datetime:
        return self.created_at + self.LIFETIME

    @classmethod
    def pending(cls, workspace: Workspace) -> "models.QuerySet[Invitation]":
        """Newest first; those that have expired are not among them."""
        since = timezone.now() - cls.LIFETIME
        recent: models.QuerySet[Invitation] = cls.objects.for_workspace(workspace).filter(created_at__gt=since)
        return recent.select_related("invited_by")

    @classmethod
    def find(cls, secret: str) -> "Invitation | None":
        """The one of this link, if it can still be accepted."""
        since = timezone.now() - cls.LIFETIME
        usable = cls.objects.filter(digest=hashed(secret), created_at__gt=since, workspace__deleted_at=None)
        invitation: Invitation | None = usable.select_related("workspace", "invited_by").first()
        return invitation


class AuditEvent(WorkspaceOwned):
    """Who did what to which object; append-only."""

    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    verb = models.CharField(max_length=40)
    subject = models.CharField(max_length=40, blank=True)
    subject_id = models.CharField(max_length=40, blank=True)
    text = models.CharField(max_length=200, blank=True)

    class Meta(WorkspaceOwned.Meta):
        indexes = [models.Index(fields=["workspace", "-created_at"], name="audit_of_workspace")]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject} {self.text}"

    @property
    def verb_words(self) -> str:
        """What was done, in the reader's language."""
        return str(VERBS.get(self.verb, self.verb))

    @property
    def subject_words(self) -> str:
        return str(SUBJECTS.get(self.subject, self.subject))


class SecurityEvent(Stored):
    """Who signed in, was refused, took data away or changed who may do what, and from where (`webapp.accounts.security`).

    What concerns a person rather than a workspace, as signing in does, is a row without one, and a copy for each workspace that
    they belong to at that moment, so that its administrators see it, and see it still when the person has left.
    """

    verb = models.CharField(max_length=40, help_text="a key of webapp.accounts.security_verbs.VERBS")
    kind = models.CharField(
        max_length=12, default="account", help_text="webapp.accounts.security_verbs.KINDS, to filter by"
    )
    outcome = models.CharField(max_length=8, help_text="done, failed or refused")
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, null=True, related_name="+")
    is_copy = models.BooleanField(default=False)
    given = models.CharField(
        max_length=120, blank=True, help_text="the address typed by somebody unknown, shortened: a…@example.org"
    )
    given_digest = models.CharField(max_length=16, blank=True, help_text="keyed, to tell such addresses apart")
    address = models.CharField(max_length=45, blank=True, help_text="of the client, as the last trusted proxy says")
    agent = models.CharField(max_length=300, blank=True)
    via = models.CharField(max_length=40, blank=True, help_text="token:<id> for a call of the API")
    subject = models.CharField(max_length=40, blank=True)
    subject_id = models.CharField(max_length=40, blank=True)
    text = models.CharField(max_length=200, blank=True)

    objects: ClassVar = WorkspaceQuerySet.as_manager()

    class Meta(Stored.Meta):
        indexes = [
            models.Index(fields=["workspace", "-created_at"], name="security_of_workspace"),
            models.Index(fields=["workspace", "kind", "-created_at"], name="security_of_kind"),
            models.Index(fields=["workspace", "user", "-created_at"], name="security_of_member"),
            models.Index(fields=["user", "-created_at"], name="security_of_user"),
            models.Index(fields=["created_at"], name="security_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject} {self.text}"
