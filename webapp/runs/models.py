"""Runs: one training each.

    queued → starting → running → succeeded | failed | cancelled
                 ↘        ↘
                  interrupted → queued          (its worker died or was stopped)

The row is the truth; the queue's message carries only its id. Every change of state is a compare-and-set here, so a
message that is delivered twice, or a worker that comes back from the dead, changes nothing.
"""

from pathlib import Path
from typing import Any, ClassVar, Self, cast

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from trainer import tasks
from webapp.accounts.models import User
from webapp.core.leased import Leased, ended
from webapp.core.models import WorkspaceOwned, WorkspaceQuerySet
from webapp.core.scores import rank_of
from webapp.datasets.models import DatasetVersion
from webapp.prototypes.models import Prototype
from webapp.runs.judge_models import AnswerThumb as AnswerThumb
from webapp.runs.judge_models import JudgeAccess as JudgeAccess
from webapp.runs.judge_models import Judging as Judging
from webapp.runs.querysets import ENDED, HELD, TEST, RunQuerySet
from webapp.runs.querysets import Status as Status
from webapp.runs.queues import queue_of
from webapp.runs.search_models import Recipe
from webapp.runs.search_models import Search as Search

MAX_SEED = 2**32 - 1


class Run(Recipe):
    TASK = "webapp.runs.tasks.train"
    WAITING = Q(status=Status.QUEUED, cancel_requested_at=None)
    HELD = Q(status__in=HELD)
    CLAIMED = {"status": Status.STARTING}
    INTERRUPTED = {"status": Status.INTERRUPTED}
    FAILED = {"status": Status.FAILED}
    MAX_ATTEMPTS = settings.RUN_MAX_ATTEMPTS

    prototype = models.ForeignKey(Prototype, on_delete=models.CASCADE, related_name="runs")
    name = models.CharField(max_length=120, blank=True)
    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="runs")

    params = models.JSONField(default=dict)
    limits = models.JSONField(default=dict)
    estimate = models.JSONField(null=True)

    status = models.CharField(max_length=12, choices=Status, default=Status.QUEUED, db_index=True)
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(
        null=True, db_index=True, help_text="when a worker last took it: its workspace's turn"
    )
    cancel_requested_at = models.DateTimeField(null=True)
    stop_requested_at = models.DateTimeField(
        null=True, help_text="when somebody asked to stop and keep the best so far"
    )

    worker = models.CharField(max_length=80, blank=True)
    earlier_attempts = models.PositiveSmallIntegerField(
        default=0, help_text="attempts before the last one that saved a checkpoint further on; they count no more"
    )

    device = models.CharField(max_length=80, blank=True, help_text="what it really ran on")
    stage = models.CharField(max_length=12, blank=True)
    progress = models.FloatField(default=0)
    eta_seconds = models.FloatField(null=True)
    seconds = models.FloatField(default=0)
    price_per_hour = models.DecimalField(max_digits=12, decimal_places=5, default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=7, default=0)
    currency = models.CharField(max_length=3, default="USD")

    bytes = models.BigIntegerField(null=True, help_text="what its folder holds; null until it is measured")
    expected_bytes = models.BigIntegerField(
        default=0, help_text="what its folder will hold, kept free while it is at work"
    )
    stored_at = models.DateTimeField(null=True, help_text="when its artifact went to STORAGE_URL as it is now")
    model_removed_at = models.DateTimeField(
        null=True, help_text="when its model was removed to free space; its results stayed"
    )
    model_in_bucket = models.BooleanField(
        default=False, help_text="whether STORAGE_URL may still hold the model that was removed"
    )
    headline = models.JSONField(null=True)
    metric = models.CharField(max_length=40, blank=True, help_text="the headline's")
    rank = models.FloatField(
        null=True, help_text="the headline on a scale where greater is better, whatever the metric"
    )
    verdict = models.JSONField(
        null=True, help_text="against the best simple baseline, by a paired test on the test rows"
    )
    against_best_run = models.JSONField(null=True, help_text="the same against the prototype's best earlier run")
    search = models.ForeignKey(Search, on_delete=models.CASCADE, null=True, related_name="trials")
    trial = models.PositiveIntegerField(null=True, help_text="its number in the search")
    evaluate_on = models.CharField(
        max_length=10, default=TEST, help_text="`validation` for a trial of a search, until it is the one to be tested"
    )
    validation = models.JSONField(null=True, help_text="a trial's score on validation rows: {name, value}")
    answer = models.CharField(max_length=200, blank=True, help_text="the column that it answers with")
    has_leak = models.BooleanField(
        default=False, help_text="a column decides alone, and nobody said that it was known at the time"
    )
    metrics = models.JSONField(default=dict)
    baselines = models.JSONField(default=dict)

    objects: ClassVar = RunQuerySet.as_manager()

    class Meta(Recipe.Meta):
        constraints = [models.UniqueConstraint(fields=["prototype", "number"], name="one_run_number_each")]
        indexes = [
            models.Index(fields=["workspace", "-created_at"]),
            models.Index(fields=["prototype", "-number"]),
            models.Index(fields=["prototype", "metric", "-rank"]),
        ]

    def __str__(self) -> str:
        return self.name or _("Run %(number)d") % {"number": self.number}

    def save(self, *args: Any, **options: Any) -> None:
        for name, value in ordering(self.headline).items():
            setattr(self, name, value)
        if self._state.adding and not self.answer:
            self.answer = answer_of(self.task, self.columns)
        super().save(*args, **options)

    @property
    def folder(self) -> Path:
        return settings.MAQUETTE_DATA / "runs" / self.pk

    @property
    def artifact(self) -> Path:
        return self.folder / "artifact"

    @property
    def events_path(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def has_checkpoint(self) -> bool:
        """Whether training again would go on from where it stopped."""
        folder = self.folder / "checkpoints"
        return folder.is_dir() and any(folder.iterdir())

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def has_model(self) -> bool:
        return self.status == Status.SUCCEEDED and self.model_removed_at is None

    @property
    def columns(self) -> dict[str, str]:
        columns: dict[str, str] = self.version.suggestion.get("columns", {})
        return columns

    # State changes. Each returns whether it happened.

    def claim(self, **fields: object) -> str | None:
        now = timezone.now()
        return super().claim(started_at=Coalesce("started_at", now), claimed_at=now, **fields)

    def finish(self, lease: str, **fields: object) -> bool:
        if "headline" in fields:
            fields |= ordering(cast(dict[str, Any] | None, fields["headline"]))
        return super().finish(lease, eta_seconds=None, **fields)

    def requeue(self, **fields: object) -> bool:
        sources = self.in_state(Status.INTERRUPTED, Status.FAILED, Status.CANCELLED)
        fields = {"cancel_requested_at": None, "finished_at": None, "error": None} | fields
        return self.move(sources, status=Status.QUEUED, queued_at=timezone.now(), eta_seconds=None, lease="", **fields)

    def promote(self, limits: dict[str, float]) -> bool:
        """The trial that was scored best goes on with its test, from where it stood."""
        again = {"attempts": 0, "earlier_attempts": 0, "finished_at": None, "stop_requested_at": None, "lease": ""}
        fields = {"evaluate_on": TEST, "limits": limits, "queued_at": timezone.now()} | again
        return self.move(self.in_state(Status.SCORED), status=Status.QUEUED, **fields)

    def give_up(self, error: dict[str, Any]) -> bool:
        """One that nobody holds fails: it died too often, or cannot start."""
        return self.move(self.in_state(Status.INTERRUPTED, Status.QUEUED), error=error, **self.FAILED, **ended())

    @property
    def deaths(self) -> int:
        """Attempts since training last came further than before."""
        return self.attempts - self.earlier_attempts

    @property
    def queue(self) -> dict[str, Any]:
        return {"queue": queue_of(self.hardware)}

    def ask_to_stop(self) -> bool:
        """End training now and keep its best; the worker tells the trainer, which then evaluates and packages."""
        return self.move(self.in_state(*HELD), stop_requested_at=timezone.now())

    @property
    def can_stop(self) -> bool:
        """Whether there is something to keep when training ends now. In cross-validation, later folds would go untrained."""
        return self.status == Status.RUNNING and self.stage in ("", "train") and not self.version.split.get("folds")

    @property
    def stopped_early(self) -> bool:
        return self.status == Status.SUCCEEDED and self.stop_requested_at is not None

    def ask_to_cancel(self) -> bool:
        """A waiting run is cancelled at once; a held one is asked to stop and its worker ends it."""
        now = timezone.now()
        waiting = self.in_state(Status.QUEUED, Status.INTERRUPTED)
        if self.move(waiting, status=Status.CANCELLED, cancel_requested_at=now, finished_at=now, eta_seconds=None):
            return True
        return self.move(self.in_state(*HELD), cancel_requested_at=now)


def ordering(headline: dict[str, Any] | None) -> dict[str, Any]:
    """The fields by which runs are compared."""
    return {"metric": str((headline or {}).get("name") or "")[:40], "rank": rank_of(headline)}


def answer_of(task: str, columns: dict[str, str] | None) -> str:
    """The column that a task with these columns ({role: column}) answers with."""
    return str((columns or {}).get(tasks.shapes()[task].answer, ""))[:200] if task in tasks.shapes() else ""


class RetrainingQuerySet(WorkspaceQuerySet["Retraining"]):
    def waiting(self) -> Self:
        return self.filter(status=Retraining.Status.WAITING)

    def due(self, oldest: object) -> Self:
        """Those whose version was read, or that were asked for before `oldest`."""
        return self.filter(~Q(version__status="processing") | Q(created_at__lt=oldest))


class Retraining(WorkspaceOwned):
    """The wish for a run like `base` on a version that is still being read (see `webapp.runs.retraining`)."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        STARTED = "started", _("Started")
        REFUSED = "refused", _("Not started")

    prototype = models.ForeignKey(Prototype, on_delete=models.CASCADE, related_name="retrainings")
    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="retrainings")
    base = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, related_name="+")
    asked_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    settings = models.JSONField(default=dict, help_text="of the run, as its request would have them")
    status = models.CharField(max_length=12, choices=Status, default=Status.WAITING, db_index=True)
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, related_name="+", help_text="that was started")
    error = models.JSONField(null=True, help_text="why none was")

    objects: ClassVar = RetrainingQuerySet.as_manager()

    def __str__(self) -> str:
        return f"run on {self.version}"

    def move(self, status: str, **fields: object) -> bool:
        """Compare and set, from waiting; whether it happened."""
        waiting = Retraining.objects.waiting().filter(pk=self.pk)
        return bool(waiting.update(status=status, **fields))


class KnownColumnQuerySet(WorkspaceQuerySet["KnownColumn"]):
    def about(self, run: Run) -> Self:
        return self.filter(prototype=run.prototype_id, task=run.task, answer=run.answer)


class KnownColumn(WorkspaceOwned):
    """A column that decides alone and was known at the time, as somebody said: of a prototype's runs with one answer."""

    prototype = models.ForeignKey(Prototype, on_delete=models.CASCADE, related_name="known_columns")
    task = models.CharField(max_length=40)
    answer = models.CharField(max_length=200, blank=True)
    name = models.TextField()

    objects: ClassVar = KnownColumnQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class Trial(Leased):
    """What the trainer finds out about these very rows and settings, before any run has them (`webapp.runs.trials`)."""

    WAITING = HELD = Q(result__isnull=True, error__isnull=True)
    LIMIT: ClassVar[str]
    """Of its workspace: how many are begun in a minute."""

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="%(class)ss")
    key = models.CharField(max_length=64)
    spec = models.JSONField()
    result = models.JSONField(null=True)

    class Meta(Leased.Meta):
        abstract = True
        constraints = [models.UniqueConstraint(fields=["version", "key"], name="one_%(class)s_each")]

    def __str__(self) -> str:
        return f"{self._meta.model_name} of {self.version}"

    def ask_again(self, spec: dict[str, Any]) -> bool:
        """Forget what came of it and have it done anew. Of several who ask at once one does; the row stays, since others may
        be waiting for it."""
        free = type(self).objects.filter(lease="", sent_at=self.sent_at)
        return self.move(free, spec=spec, sent_at=timezone.now(), attempts=0, result=None, error=None)


class Estimate(Trial):
    """What a run would take, and how good it would be."""

    TASK = "webapp.runs.tasks.measure"
    LIMIT = "estimates_minute"

    hardware = models.CharField(max_length=12)


class Preview(Trial):
    """How pictures are changed at random while learning; the picture itself lies in the cache."""

    TASK = "webapp.runs.tasks.preview"
    LIMIT = "previews_minute"


class Examination(Leased):
    """What the trainer finds out about a finished run when somebody asks (`webapp.runs.examining`)."""

    TASK = "webapp.runs.tasks.examine"
    WAITING = HELD = Q(result__isnull=True, error__isnull=True)

    class Kind(models.TextChoices):
        """The trainer's command; of GGUF the form that its command `export` writes."""

        ROBUSTNESS = "robustness", _("Robustness")
        INSIGHT = "insight", _("From above")
        GGUF_Q8 = "gguf-q8_0", "GGUF"
        GGUF_F16 = "gguf-f16", "GGUF"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="examinations")
    kind = models.CharField(max_length=20)
    result = models.JSONField(null=True)

    class Meta(Leased.Meta):
        constraints = [models.UniqueConstraint(fields=("run", "kind"), name="one_examination_each")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.run}"

    def ask_again(self) -> bool:
        """Forget what came of it and have it done anew; of several who ask at once one does."""
        free = Examination.objects.filter(lease="", sent_at=self.sent_at)
        return self.move(free, sent_at=timezone.now(), attempts=0, result=None, error=None)
