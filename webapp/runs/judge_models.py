"""A model that grades answers: how the workspace reaches it, people's thumbs that measure it, and each grading
(`webapp.runs.judging`)."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import User
from webapp.core.leased import Leased, ended
from webapp.core.models import WorkspaceOwned

PRICE: dict[str, Any] = {"max_digits": 12, "decimal_places": 5}
SPENT: dict[str, Any] = {"max_digits": 14, "decimal_places": 7, "default": Decimal(0)}


class JudgeAccess(WorkspaceOwned):
    """One of a workspace. Prices are of a million tokens."""

    url = models.CharField(max_length=500, help_text="as OpenAI's clients take a base URL")
    model = models.CharField(max_length=200)
    sealed = models.TextField(help_text="its key, encrypted (webapp.core.sealed)")
    has_key = models.BooleanField(default=False)
    price_read = models.DecimalField(**PRICE)
    price_written = models.DecimalField(**PRICE)
    cap = models.DecimalField(**PRICE, help_text="what one grading may cost at most")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta(WorkspaceOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["workspace"], name="one_judge_each")]

    def __str__(self) -> str:
        return f"{self.model}, {self.url}"


class Side(models.TextChoices):
    BASE = "base", _("Base model")
    PREDICTED = "predicted", _("Predicted")


class AnswerThumb(WorkspaceOwned):
    """What a person thinks of an answer to a test prompt; the last one counts."""

    run = models.ForeignKey("runs.Run", on_delete=models.CASCADE, related_name="thumbs")
    row = models.BigIntegerField(help_text="of the data")
    side = models.CharField(max_length=10, choices=Side)
    is_up = models.BooleanField()
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta(WorkspaceOwned.Meta):
        constraints = [models.UniqueConstraint(fields=("run", "row", "side"), name="one_thumb_each")]

    def __str__(self) -> str:
        return f"{self.side} of row {self.row}"


class JudgingStatus(models.TextChoices):
    OPEN = "open", _("Grading")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class Judging(Leased):
    """One grading of a run's answers: open → done | failed | cancelled, and open again. What was asked before is in `journal`, so
    that whoever begins it anew asks nothing twice."""

    TASK = "webapp.runs.tasks.judge"
    WAITING = HELD = Q(status=JudgingStatus.OPEN)
    FAILED = {"status": JudgingStatus.FAILED}
    MAX_ATTEMPTS = 3

    run = models.ForeignKey("runs.Run", on_delete=models.CASCADE, related_name="judgings")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    status = models.CharField(max_length=10, choices=JudgingStatus, default=JudgingStatus.OPEN, db_index=True)
    url = models.CharField(max_length=500)
    model = models.CharField(max_length=200)
    price_read = models.DecimalField(**PRICE)
    price_written = models.DecimalField(**PRICE)
    cap = models.DecimalField(**PRICE)
    foreseen = models.DecimalField(**SPENT, help_text="what it costs at most")
    pairs = models.PositiveSmallIntegerField(help_text="test prompts whose two answers are compared")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0, help_text="questions")
    spent = models.DecimalField(**SPENT)
    result = models.JSONField(null=True)

    class Meta(Leased.Meta):
        constraints = [
            models.UniqueConstraint(fields=("run",), condition=Q(status="open"), name="one_open_judging_each")
        ]

    def __str__(self) -> str:
        return f"grading by {self.model}"

    @property
    def is_open(self) -> bool:
        return self.status == JudgingStatus.OPEN

    @property
    def folder(self) -> Path:
        """With the run's, with which it goes."""
        return journal_folder(self.run)

    def finish(self, lease: str, **fields: object) -> bool:
        return super().finish(lease, **({"status": JudgingStatus.DONE} | fields))

    def cancel(self) -> bool:
        return self.move(self.in_state(JudgingStatus.OPEN), status=JudgingStatus.CANCELLED, **ended())

    def resume(self) -> bool:
        again = {"status": JudgingStatus.OPEN, "attempts": 0, "error": None, "finished_at": None, "sent_at": None}
        return self.move(self.in_state(JudgingStatus.FAILED, JudgingStatus.CANCELLED), **again)


def journal_folder(run: Any) -> Path:
    return Path(run.folder) / "judge"


JOURNAL = "journal.jsonl"
