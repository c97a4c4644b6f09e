"""What a run will take, before it is started: a short measured trial, corrected by what past runs really took."""

import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.core.connections import release_connection
from webapp.core.locks import only_one
from webapp.core.problems import Conflict, Unavailable
from webapp.core.sentences import problem_of_error
from webapp.core.work import Later
from webapp.costs.actions import price_per_hour
from webapp.costs.gate import cost_of, month
from webapp.datasets.models import DatasetVersion
from webapp.runs.actions import estimate_key, settings_of, spec_of
from webapp.runs.base_models import unresolved
from webapp.runs.fitting import check_memory
from webapp.runs.models import Estimate, Run, Status
from webapp.runs.trials import TrialWork, ask
from webapp.runs.turns import NEVER

AGAIN_SECONDS = 1
PAST_RUNS = 12
TOLD = "told"
"""In a trial's error: somebody has heard of it."""
CORRECTION = (0.4, 2.5)
"""Bounds of the factor that past runs may put on a measurement."""


def known(version: DatasetVersion, body: dict[str, Any]) -> Estimate | None:
    """The estimate of these settings if somebody asked for it before; measures nothing."""
    return Estimate.objects.filter(version=version, key=estimate_key(settings_of(version, body))).first()


def request(version: DatasetVersion, body: dict[str, Any]) -> Estimate:
    """The estimate of these settings, under other `columns` and `roles` where `body` has them; measuring starts when it is
    asked for the first time. A trial that failed is told once; who asks after that has it measured anew, as is what was
    measured before estimates told how good a run is expected to be (`expected`)."""
    fields = settings_of(version, body)
    check_memory(version, fields)
    spec = spec_of(version, fields | {"limits": {}}, price_per_hour(version.workspace, fields["hardware"]))
    estimate, is_mine = ask(Estimate, version, estimate_key(fields), spec, is_due, hardware=fields["hardware"])
    if is_mine:
        send(estimate)
    elif estimate.error and TOLD not in estimate.error:
        tell(estimate)
    return estimate


def is_due(estimate: Estimate) -> bool:
    """Whether it must be measured, or measured anew (see `request`)."""
    if estimate.error:
        return TOLD in estimate.error
    if estimate.result:
        return "expected" not in estimate.result
    return estimate.sent_at is None and not estimate.lease


def send(estimate: Estimate) -> None:
    if not estimate.deliver():
        Estimate.objects.filter(pk=estimate.pk).update(sent_at=None)  # so that asking again sends it again
        raise Unavailable(
            _("The workers cannot be reached, so nothing was measured."),
            code="queue_away",
            hint=_("Ask again in ten seconds; a run can be started without an estimate."),
            retry_after=10,
        )
    refresh(estimate)


def refresh(estimate: Estimate) -> None:
    try:
        estimate.refresh_from_db()
    except Estimate.DoesNotExist as error:
        raise Conflict(
            _("This version was deleted meanwhile."), code="deleted", hint=_("Choose another version.")
        ) from error


def tell(estimate: Estimate) -> None:
    """Note that its error has been told: to everybody who waits for it now, and not to who asks afterwards."""
    Estimate.objects.filter(pk=estimate.pk, error__isnull=False).update(error=(estimate.error or {}) | {TOLD: True})


def wait(estimate: Estimate, seconds: float) -> dict[str, Any] | None:
    """The measured estimate, priced; None when it takes longer, `Problem` when the trial failed."""
    until = time.monotonic() + seconds
    while not estimate.result and not estimate.error and time.monotonic() < until:
        release_connection()
        time.sleep(0.25)
        refresh(estimate)
    if estimate.error:
        tell(estimate)
        raise problem_of_error(estimate.error)
    return priced(estimate) if estimate.result else None


class Measuring(TrialWork[Estimate]):
    """One at a time on all workers, which also makes the figures truer. The others come again, so that nobody's upload waits
    behind a row of trials; workspaces take turns, so that nobody's estimate does."""

    model = Estimate
    COMMAND = "estimate"
    SECONDS = 120
    DIED = {
        "code": "trial_died",
        "message": gettext_lazy("The trial that measures the time did not finish."),
        "hint": "",
    }

    @classmethod
    def handle(cls, pk: str) -> None:
        """Measure what is in turn, which need not be what the message named: that has its turn by another's message."""
        if turn := next_in_turn():
            super().handle(turn)

    @classmethod
    @contextmanager
    def devices(cls, row: Estimate) -> Iterator[None]:
        with only_one(settings.MAQUETTE_DATA / "locks" / "estimate.lock") as alone:
            if not alone:
                raise Later(AGAIN_SECONDS)
            yield


def next_in_turn() -> str | None:
    """The estimate to be measured next: of the workspaces that wait, the one for which nothing was measured for the longest time
    since the first of these was asked for; of those, the one with the fewest that wait; and of its estimates the oldest."""
    rows = list(
        Estimate.objects.waiting()
        .annotate(since=Coalesce("sent_at", "created_at"))
        .order_by("since", "pk")
        .values_list("pk", "workspace_id", "since")
    )
    if not rows:
        return None
    waiting = Counter(workspace for _pk, workspace, _since in rows)
    ended = Estimate.objects.filter(workspace__in=waiting, finished_at__gte=rows[0][2]).order_by()
    last = dict(ended.values_list("workspace_id").annotate(Max("finished_at")))
    turns = [
        (last.get(workspace) or NEVER, waiting[workspace], place, pk)
        for place, (pk, workspace, _since) in enumerate(rows)
    ]
    return min(turns)[3]


def correction(estimate: Estimate) -> tuple[float, int]:
    """(median of real ÷ estimated seconds of this workspace's past runs by this method and model, how many)."""
    past = Run.objects.for_workspace(estimate.workspace).filter(
        status=Status.SUCCEEDED,
        method=estimate.spec["method"],
        model=unresolved(estimate.spec["model"]),
        hardware=estimate.hardware,
        attempts=1,
        stop_requested_at=None,  # a run that was ended early took less than it would have
    )
    ratios = [
        run.seconds / run.estimate["seconds"]["likely"]
        for run in past.only("seconds", "estimate", "created_at")[:PAST_RUNS]
        if run.estimate and run.estimate["seconds"]["likely"]
    ]
    if not ratios:
        return 1.0, 0
    low, high = CORRECTION
    return min(max(statistics.median(ratios), low), high), len(ratios)


def priced(estimate: Estimate) -> dict[str, Any]:
    """{seconds, cost, memory_bytes, basis, …} as the contract says."""
    result = estimate.result or {}
    factor, count = correction(estimate)
    price = price_per_hour(estimate.workspace, estimate.hardware)
    seconds = {name: round(value * factor, 1) for name, value in result["seconds"].items()}
    cost: dict[str, Any] = {
        name: f"{cost_of(value, price).quantize(Decimal('0.0001'))}" for name, value in seconds.items()
    }
    basis = result.get("basis", "")
    if count:
        basis += " " + _("Corrected by %(factor).2f from %(count)d past runs.") % {"factor": factor, "count": count}
    return {
        "seconds": seconds,
        "cost": cost | {"currency": month(estimate.workspace).currency},
        "memory_bytes": result.get("memory_bytes"),
        "rows_per_second": result.get("rows_per_second"),
        "expected": result.get("expected"),
        "warnings": result.get("warnings", []),
        "basis": basis.strip(),
    }
