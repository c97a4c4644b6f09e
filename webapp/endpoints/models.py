"""Hosted models: an endpoint serves one run at a time, under one slug, to the people it was shared with.

deploying → live ⇄ off,   deploying → failed
"""

import secrets
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar, Self, TypeVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import User, hashed
from webapp.core.leased import Leased, LeasedQuerySet
from webapp.core.models import WorkspaceOwned, WorkspaceQuerySet
from webapp.datasets.models import DatasetVersion
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run

slug_form = RegexValidator(r"^[a-z0-9](?:[a-z0-9-]{1,58}[a-z0-9])$", _("3 to 60 small letters, digits and hyphens."))

WANTED_FOR = timedelta(days=1)
"""How long a package that nobody could make is asked for again."""

LONGEST_CORRECTION = 4_000
"""Characters of what an answer should have been."""


class Status(models.TextChoices):
    DEPLOYING = "deploying", _("Getting ready")
    LIVE = "live", _("Live")
    OFF = "off", _("Paused")
    FAILED = "failed", _("Failed")


class Visibility(models.TextChoices):
    PRIVATE = "private", _("Only members of this workspace")
    LINK = "link", _("Anyone with the link")
    PUBLIC = "public", _("Anyone, at a public address")


class Endpoint(WorkspaceOwned):
    prototype = models.OneToOneField(Prototype, on_delete=models.CASCADE, related_name="endpoint")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    slug = models.SlugField(max_length=60, unique=True, validators=[slug_form])
    name = models.CharField(_("title of the demo"), max_length=120)
    words = models.CharField(_("what it says below the title"), max_length=400, blank=True)
    visibility = models.CharField(max_length=8, choices=Visibility, default=Visibility.PRIVATE)
    status = models.CharField(max_length=10, choices=Status, default=Status.DEPLOYING)
    current = models.ForeignKey("EndpointVersion", on_delete=models.SET_NULL, null=True, related_name="+")
    wanted = models.ForeignKey(
        "EndpointVersion",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="what people last asked to serve; an older one that is packaged later does not take its place",
    )
    error = models.JSONField(null=True)
    system_prompt = models.TextField(
        _("system prompt"),
        max_length=8_000,
        blank=True,
        help_text="what a model that writes is told first; visitors never see it",
    )
    requests_per_minute = models.PositiveIntegerField(default=600)
    charged_until = models.DateTimeField(null=True)
    examples_removed_at = models.DateTimeField(
        null=True, help_text="when an upgrade took its examples away, until a member has seen the notice"
    )
    texts_of = models.ForeignKey(
        Run,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="the run whose texts visitors may read where it finds texts of the data; of any other run they may not",
    )

    def __str__(self) -> str:
        return self.name


class GoldenRow(WorkspaceOwned):
    """An input that every model of a prototype must answer so before people get its answers (`webapp.endpoints.golden`)."""

    prototype = models.ForeignKey(Prototype, on_delete=models.CASCADE, related_name="golden_rows")
    input = models.JSONField(help_text="as serving takes it: a text, or an object of several inputs")
    answer = models.CharField(max_length=200)

    class Meta(WorkspaceOwned.Meta):
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return f"{self.words[:40]}: {self.answer}"

    @property
    def words(self) -> str:
        """The input as a person reads it."""
        if isinstance(self.input, dict):
            return " · ".join(str(value) for value in self.input.values() if value not in (None, ""))
        return str(self.input)


class ReleasedSlug(models.Model):
    """An address that a demo gave up: for a while only its workspace gets it again, so that nobody takes over the links that
    people were sent. No name is kept, and the workspace may be gone."""

    digest = models.CharField(primary_key=True, max_length=64, help_text="SHA-256 of the slug")
    workspace_id = models.CharField(max_length=16)
    released_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.digest


class EndpointVersionQuerySet(LeasedQuerySet["EndpointVersion"]):
    def unsent(self) -> Self:
        """Of those that somebody still waits for, and not for ever."""
        is_waited_for = Q(endpoint__wanted=F("pk")) | Q(endpoint__status=Status.DEPLOYING)
        return super().unsent().filter(is_waited_for, created_at__gt=timezone.now() - WANTED_FOR)


class EndpointVersion(Leased):
    """One deployment of one run; which engine serves it and how far that agrees with the trained model."""

    TASK = "webapp.endpoints.tasks.export_version"
    WAITING = HELD = Q(engine="", error__isnull=True)
    MAX_ATTEMPTS = 3

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="versions")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="deployments")
    number = models.PositiveIntegerField()
    engine = models.CharField(max_length=20, blank=True)
    export = models.JSONField(default=dict, help_text="the artifact's onnx/export.json")

    objects: ClassVar = EndpointVersionQuerySet.as_manager()

    class Meta(Leased.Meta):
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["endpoint", "number"], name="one_deployment_number_each")]

    def __str__(self) -> str:
        return f"{self.endpoint} version {self.number}"


class DemoExample(WorkspaceOwned):
    """One example that visitors of a demo see: a row that a member ticked, or an input that a member typed.

    Of a row only its place in the artifact's examples.json is kept, no copy. So it goes with its run, and no row of another run
    takes its place. `digest`: of the row as it was ticked; another one in its place is not shown.
    """

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="examples")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, related_name="+", help_text="of a row; else null")
    number = models.PositiveSmallIntegerField(null=True, help_text="of a row: its place among the run's examples")
    digest = models.CharField(max_length=64, blank=True)
    typed = models.JSONField(null=True, help_text="{name of the input: what a member typed}")

    class Meta(WorkspaceOwned.Meta):
        ordering = [F("number").asc(nulls_last=True), "created_at", "id"]
        constraints = [models.UniqueConstraint(fields=["endpoint", "run", "number"], name="one_example_a_row")]

    def __str__(self) -> str:
        return f"example {self.pk}"


Secret = TypeVar("Secret", bound=WorkspaceOwned)


class SecretQuerySet(WorkspaceQuerySet[Secret]):
    def working(self) -> Self:
        return self.filter(revoked_at=None)


class EndpointKey(WorkspaceOwned):
    """What a program sends to `/e/<slug>/predict`; shown once, kept as a hash."""

    PREFIX = "mqe_"

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=120, default="key")
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=12)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects: ClassVar = SecretQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @classmethod
    def issue(cls, endpoint: Endpoint, name: str) -> tuple["EndpointKey", str]:
        secret = cls.PREFIX + secrets.token_urlsafe(32)
        key = cls.objects.create(
            workspace_id=endpoint.workspace_id,
            endpoint=endpoint,
            name=name[:120] or "key",
            digest=hashed(secret),
            hint=secret[:9],
        )
        return key, secret


@cache
def first_names() -> frozenset[str]:
    """What the first link of a demo is called in each language of the site."""
    names = set()
    for code, _language in settings.LANGUAGES:
        with override(code):
            names.add(gettext("First link"))
    return frozenset(names)


class ShareLink(WorkspaceOwned):
    """A demo link for one recipient. It can be shown again, so its token is kept as it is; it opens only the demo."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="links")
    name = models.CharField(_("for whom"), max_length=120)
    token = models.CharField(max_length=40, unique=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True)
    visits = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(null=True)

    objects: ClassVar = SecretQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @classmethod
    def issue(cls, endpoint: Endpoint, name: str, days: int | None = None) -> "ShareLink":
        expires = timezone.now() + timedelta(days=days) if days else None
        fields: dict[str, Any] = {
            "name": name[:120] or "link",
            "token": secrets.token_urlsafe(18),
            "expires_at": expires,
        }
        return cls.objects.create(workspace_id=endpoint.workspace_id, endpoint=endpoint, **fields)

    @property
    def recipient(self) -> str:
        """For whom the link is, as its owner typed it: the name that a demo's first link is given, in whatever language, says
        nothing to a visitor."""
        return "" if self.name in first_names() else self.name

    @property
    def works(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    @property
    def opens(self) -> bool:
        """Whether somebody who is not a member gets to the demo by it."""
        return self.endpoint.visibility == Visibility.PUBLIC or (
            self.endpoint.visibility == Visibility.LINK and self.works
        )


class UsageHour(models.Model):
    """Requests of one key (or of the demo page, key empty) to one endpoint within one hour."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="usage")
    key = models.CharField(max_length=40, blank=True)
    hour = models.DateTimeField()
    requests = models.PositiveBigIntegerField(default=0)
    errors = models.PositiveBigIntegerField(default=0)
    rows = models.PositiveBigIntegerField(default=0)
    ms = models.FloatField(default=0, help_text="sum over the requests")
    prompt_tokens = models.PositiveBigIntegerField(default=0, help_text="read by a model that writes")
    completion_tokens = models.PositiveBigIntegerField(default=0, help_text="written by it")

    class Meta:
        ordering = ["-hour"]
        constraints = [models.UniqueConstraint(fields=["endpoint", "key", "hour"], name="one_usage_hour_each")]

    def __str__(self) -> str:
        return f"{self.requests} requests at {self.hour}"


class UsageMark(models.Model):
    """How far a stream of usage has been counted."""

    stream = models.CharField(primary_key=True, max_length=60)
    last = models.CharField(max_length=40, default="0-0", help_text="id of the last entry that the hours hold")

    def __str__(self) -> str:
        return f"{self.stream} until {self.last}"


class Feedback(WorkspaceOwned):
    """What a visitor thought of one answer; thinking again of the same answer replaces it."""

    UP, DOWN = "up", "down"

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="feedback")
    version = models.ForeignKey(EndpointVersion, on_delete=models.SET_NULL, null=True, related_name="+")
    link = models.ForeignKey(ShareLink, on_delete=models.SET_NULL, null=True, related_name="+")
    input = models.TextField(max_length=10_000)
    output = models.JSONField()
    verdict = models.CharField(max_length=4, choices=[(UP, _("right")), (DOWN, _("wrong"))])
    should_have_been = models.CharField(max_length=LONGEST_CORRECTION, blank=True)
    answer = models.CharField(max_length=16, null=True, help_text="which shown answer; null for what came by the API")
    visitor = models.CharField(max_length=20, blank=True, help_text="hash of who judged, for a day; then empty")
    settled_at = models.DateTimeField(null=True, help_text="when somebody made a row of it, or dismissed it")
    version_made = models.ForeignKey(
        DatasetVersion, on_delete=models.SET_NULL, null=True, related_name="+", help_text="that has it as a row"
    )

    class Meta(WorkspaceOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["endpoint", "answer"], name="one_feedback_an_answer")]

    def __str__(self) -> str:
        return f"{self.verdict}: {self.input[:40]}"
