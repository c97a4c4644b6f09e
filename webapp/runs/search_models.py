"""A search over settings: many runs of one recipe with other settings, of which the best is tested (`webapp.runs.searching`).

    running → testing → succeeded | failed | cancelled

Its trials are runs (`Run.search`), and they are the only record of what was tried: what comes next is decided from them alone, so
that a search whose worker or site was killed goes on where it stood. `due` says that there is something to decide.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import User
from webapp.core.leased import Leased, ended
from webapp.datasets.models import DatasetVersion
from webapp.prototypes.models import Prototype
from webapp.runs.querysets import ENDED

if TYPE_CHECKING:
    from webapp.runs.querysets import RunQuerySet


class SearchStatus(models.TextChoices):
    RUNNING = "running", _("Searching")
    TESTING = "testing", _("Testing the best")
    SUCCEEDED = "succeeded", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


OPEN = (SearchStatus.RUNNING, SearchStatus.TESTING)


RECIPE = ("task", "model", "method", "params", "limits", "hardware", "seed")


class Recipe(Leased):
    """A run, or a search, whose trials are runs: by what it learns."""

    number = models.PositiveIntegerField()
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    task = models.CharField(max_length=40)
    model = models.CharField(max_length=200)
    method = models.CharField(max_length=20)
    params: Any
    limits: Any
    hardware = models.CharField(max_length=12, default="cpu")
    seed = models.BigIntegerField(default=0)

    class Meta(Leased.Meta):
        abstract = True

    @property
    def recipe(self) -> dict[str, Any]:
        """For another run of the same."""
        return {name: getattr(self, name) for name in RECIPE}

    @property
    def cost_limit(self) -> Decimal | None:
        return Decimal(str(self.limits["cost"])) if self.limits.get("cost") is not None else None


class Search(Recipe):
    TASK = "webapp.runs.tasks.search"
    WAITING = HELD = Q(status__in=OPEN, due=True)
    FAILED = {"status": SearchStatus.FAILED}
    MAX_ATTEMPTS = 3

    prototype = models.ForeignKey(Prototype, on_delete=models.CASCADE, related_name="searches")
    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="searches")

    params = models.JSONField(default=dict, help_text="settings of all trials")
    space = models.JSONField(default=dict, help_text="{setting: {low, high, log} or {choices}}")
    limits = models.JSONField(default=dict, help_text="cost and seconds of all trials and the test together")
    most_trials = models.PositiveIntegerField(default=20)
    at_once = models.PositiveSmallIntegerField(default=1, help_text="trials that may be at work at the same time")

    status = models.CharField(max_length=12, choices=SearchStatus, default=SearchStatus.RUNNING, db_index=True)
    due = models.BooleanField(default=True, help_text="there is something to decide")
    seen = models.PositiveIntegerField(default=0, help_text="ended trials when something was last decided")
    stop_requested_at = models.DateTimeField(null=True, help_text="when somebody asked to test the best so far")
    stopped = models.JSONField(null=True, help_text="why no more trials were made: {code, …}")
    importance = models.JSONField(default=dict, help_text="{setting: its share of the differences between scores}")
    winner = models.ForeignKey("runs.Run", on_delete=models.SET_NULL, null=True, related_name="+")

    if TYPE_CHECKING:
        trials: "RunQuerySet[Any]"

    class Meta(Recipe.Meta):
        constraints = [models.UniqueConstraint(fields=["prototype", "number"], name="one_search_number_each")]

    def __str__(self) -> str:
        return str(_("Search %(number)d") % {"number": self.number})

    @property
    def ended(self) -> bool:
        return self.status not in OPEN

    # State changes. Each returns whether it happened.

    def finish(self, lease: str, **fields: object) -> bool:
        """What was decided; the search goes on unless `fields` say that it has ended."""
        goes_on = {"finished_at": None} if fields.get("status", self.status) in OPEN else {}
        return self.move(self.held(lease), **(ended() | goes_on | {"due": False, "attempts": 0} | fields))

    def wake(self) -> bool:
        """There is something to decide: a trial has ended, or somebody asked for something."""
        return self.move(self.in_state(*OPEN), due=True)

    def ask_to_stop(self) -> bool:
        return self.move(self.in_state(SearchStatus.RUNNING), stop_requested_at=timezone.now(), due=True)

    def cancel(self) -> bool:
        return self.move(self.in_state(*OPEN), status=SearchStatus.CANCELLED, due=False, **ended())

    def resume(self) -> bool:
        status = SearchStatus.TESTING if self.winner_id else SearchStatus.RUNNING
        again = {"due": True, "attempts": 0, "error": None, "finished_at": None, "stop_requested_at": None}
        return self.move(self.in_state(SearchStatus.FAILED, SearchStatus.CANCELLED), status=status, **again)

    def ended_trials(self) -> int:
        return int(self.trials.filter(status__in=ENDED).count())
