"""Which runs there are, in which order: every filter over runs."""

from collections.abc import Iterable
from typing import Any, Self, TypeVar

from django.db import models
from django.db.models import Case, F, OuterRef, Q, Subquery, Sum, When
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext_lazy as _

from webapp.core.leased import Leased, LeasedQuerySet


class Status(models.TextChoices):
    QUEUED = "queued", _("Queued")
    STARTING = "starting", _("Starting")
    RUNNING = "running", _("Training")
    INTERRUPTED = "interrupted", _("Interrupted")
    SUCCEEDED = "succeeded", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
    SCORED = "scored", _("Scored")
    PRUNED = "pruned", _("Pruned")


TEST, VALIDATION = "test", "validation"
"""What a run is scored on: a trial of a search on validation rows."""
HELD = (Status.STARTING, Status.RUNNING)
"""States in which a worker holds a lease."""
TRIED = (Status.SCORED, Status.PRUNED)
"""States of a trial of a search that learned and was not tested: it has a score on validation rows, and no model."""
ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, *TRIED)
LISTED = Q(search=None) | Q(evaluate_on=TEST)
"""Runs that stand for themselves: of a search only the trial that was tested."""
QUESTION = ("task", "answer", "metric")
"""What two runs must share for their scores to be compared."""

BEST = ("has_leak", F("rank").desc(nulls_last=True), "-number")
"""The order of finished runs of one question, the best first: a score that may not hold comes after all that do."""


Row = TypeVar("Row", bound=Leased)


class RunQuerySet(LeasedQuerySet[Row]):
    def active(self) -> Self:
        return self.exclude(status__in=ENDED)

    def total_bytes(self) -> int:
        """What their folders hold, and what those at work will hold at least."""
        measured = Coalesce("bytes", 0)
        at_work = When(~Q(status__in=ENDED), then=Greatest(measured, "expected_bytes"))
        size = Case(at_work, default=measured, output_field=models.BigIntegerField())
        return int(self.aggregate(total=Sum(size))["total"] or 0)

    def listed(self) -> Self:
        return self.filter(LISTED)

    def ended(self) -> Self:
        return self.filter(status__in=ENDED)

    def best_first(self) -> Self:
        """Finished runs in the order of their scores, those without one last. Only scores of one question can be compared, so
        the runs of that of the prototype's newest finished run come first; of them those with a column that decides alone
        come last, since their scores may not hold."""
        manager: models.Manager[Any] = self.model._default_manager
        newest = manager.filter(prototype=OuterRef("prototype"), status=Status.SUCCEEDED, rank__isnull=False)
        question = {name: Subquery(newest.order_by("-number").values(name)[:1]) for name in QUESTION}
        finished = self.filter(status=Status.SUCCEEDED).annotate(other=~Q(**question))
        return finished.order_by("other", *BEST)

    def best_of_each(self, prototypes: Iterable[str]) -> dict[str, tuple[Any, Any]]:
        """{prototype: (its best run with a score, its best run with a model)}, each the first in `best_first` or None; two
        queries for all of them."""
        finished = self.filter(prototype__in=list(prototypes), status=Status.SUCCEEDED)
        narrow = finished.order_by(*BEST).values_list(
            "prototype", "pk", "number", "rank", "model_removed_at", *QUESTION
        )
        of_each: dict[str, list[Any]] = {}
        for prototype, *run in narrow:
            of_each.setdefault(prototype, []).append(run)
        chosen = {prototype: best_two(runs) for prototype, runs in of_each.items()}
        by_id = self.in_bulk({pk for pks in chosen.values() for pk in pks if pk})
        return {prototype: (by_id.get(scored), by_id.get(offered)) for prototype, (scored, offered) in chosen.items()}

    def trusted(self) -> Self:
        """Those whose score no column decides alone, or only one that was known at the time."""
        return self.filter(has_leak=False)

    def with_model(self) -> Self:
        """Finished runs whose model is there, to be shared, tried or gone on from."""
        return self.filter(status=Status.SUCCEEDED, model_removed_at=None)

    def scored(self) -> Self:
        return self.filter(rank__isnull=False)


def best_two(runs: list[tuple[Any, ...]]) -> tuple[str | None, str | None]:
    """Of one prototype's finished runs in the order `BEST`, each (pk, number, rank, when its model was removed, *question): the
    best with a score and the best with a model, of the question that the newest run with a score answers where there is one."""
    scored = [run for run in runs if run[2] is not None]
    question = max(scored, key=lambda run: run[1])[4:] if scored else None
    with_model = [run for run in runs if run[3] is None]
    best = next((run for run in scored if run[4:] == question), None)
    offered = next((run for run in with_model if run[4:] == question), next(iter(with_model), None))
    return (best[0] if best else None), (offered[0] if offered else None)
