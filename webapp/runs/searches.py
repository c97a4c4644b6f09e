"""Verbs over searches: create, stop, cancel, resume; and what a search knows from its trials."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from trainer import tasks
from trainer.errors import SpecError
from trainer.hyperparameters import space
from trainer.spec import MOST_TRIALS
from webapp.accounts import limits
from webapp.accounts.actions import audit
from webapp.accounts.models import User
from webapp.core.models import next_number
from webapp.core.problems import BudgetSpent, Conflict, Problem
from webapp.core.scores import rank
from webapp.core.sentences import problem_of_error
from webapp.costs import gate
from webapp.datasets.actions import current_version
from webapp.datasets.models import DatasetVersion
from webapp.prototypes.models import Prototype
from webapp.runs import actions, stream
from webapp.runs.fitting import check_memory
from webapp.runs.models import Run, Search, Status
from webapp.runs.querysets import TRIED, VALIDATION
from webapp.runs.search_models import SearchStatus

USUAL_TRIALS, MOST_AT_ONCE = 20, 8
FINISHING_SHARE = 0.1
"""Of the limits, kept for the test of the best."""
LEAST_SHARE = 0.5
"""Of what a trial usually takes: with less left, none is begun."""
MOST_FAILED = 3
"""Trials that fail before any is scored: then something else is wrong than the settings."""
NOT_ITS_FAULT = (BudgetSpent.code, "workspace_limit", "no_space", "disk_full", "quota")
"""Errors of trials that say nothing of their settings: the search ends with them, and goes on when it is resumed."""
KINDS = ("cost", "seconds")


# Before there is one


def check_space(slug: str, method: str, bounds: object, params: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The space of a request, the task's own where none is given; `Problem` names the setting that is wrong."""
    if bounds is not None and not (
        isinstance(bounds, dict) and all(isinstance(each, dict) for each in bounds.values())
    ):
        message = _("The settings to search are not written as an object of objects.")
        raise Problem(message, code="bad_space", hint=_("Choose at least one setting."))
    try:
        dimensions = space.dimensions(tasks.get(slug), method, bounds, params)
    except SpecError as error:
        raise problem_of_error(error.as_dict(), field="space") from error
    return {each.name: each.as_dict() for each in dimensions}


def check_count(value: object, usual: int, most: int, field: str) -> int:
    number = usual if value in (None, "") else value
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= most:
        message = _("“%(value)s” is not a number from 1 to %(most)d.") % {"value": str(value)[:40], "most": most}
        raise Problem(message, code="bad_search", hint=_("Enter a whole number."), field=field)
    return number


def create_search(
    prototype: Prototype, user: User | None, body: dict[str, Any], version: DatasetVersion | None = None
) -> Search:
    """A search that begins with its first trial at once. `body`: that of a run, and {space, trials, at_once}; its limits are
    those of all trials and the test together."""
    version = version or current_version(prototype.dataset)
    fields = actions.settings_of(version, body)
    check_validation(version, fields)
    settings_asked = {
        "space": check_space(fields["task"], fields["method"], body.get("space"), fields["params"]),
        "most_trials": check_count(body.get("trials"), USUAL_TRIALS, MOST_TRIALS, "trials"),
        "at_once": check_count(body.get("at_once"), 1, MOST_AT_ONCE, "at_once"),
    }
    check_memory(version, fields)
    gate.check_budget(prototype.workspace)
    with transaction.atomic():
        actions.lock_what_it_needs(prototype, fields)
        limits.check(prototype.workspace, *actions.QUEUEING)
        search = Search.objects.create(
            workspace_id=prototype.workspace_id,
            prototype=prototype,
            version=version,
            number=next_number(prototype.searches.all()),
            created_by=user,
            **fields,
            **settings_asked,
        )
        audit(prototype.workspace, user, "started", "search", search.pk, f"{prototype.name}, {search}")
    search.send()
    return search


def check_validation(version: DatasetVersion, fields: dict[str, Any]) -> None:
    """Raises `Problem` where there is nothing to compare trials by."""
    split = version.split
    if tasks.get(fields["task"]).modality == "table" or split.get("folds") or split.get("validation", 1):
        return
    message = _("There are no validation rows to compare settings by.")
    hint = _("Split the data again with a share for validation, or add rows.")
    raise Problem(message, code="no_validation", hint=hint)


# While it is open


def stop(search: Search, user: User | None) -> Search:
    """No more trials: those at work end early, then the best is tested and kept."""
    if not search.ask_to_stop():
        message = _("Only a search that is making trials can be stopped and its best kept.")
        raise Conflict(message, code="not_stoppable", hint=_("Cancel it, or wait until it has ended."))
    for run in search.trials.active():
        if not (run.can_stop and run.ask_to_stop()):
            run.ask_to_cancel()
    audit(search.workspace, user, "stopped", "search", search.pk, f"{search.prototype.name}, {search}")
    search.send()
    return search


def cancel(search: Search, user: User | None) -> Search:
    if not search.cancel():
        raise Conflict(_("This search has already ended."), code="ended", hint=_("There is nothing left to stop."))
    for run in search.trials.active():
        run.ask_to_cancel()
    audit(search.workspace, user, "cancelled", "search", search.pk, f"{search.prototype.name}, {search}")
    return search


def resume(search: Search, user: User | None) -> Search:
    """A failed or cancelled search goes on: trials that were cut short from their checkpoints, then new ones."""
    gate.check_budget(search.workspace)
    with transaction.atomic():
        limits.check(search.workspace, *actions.QUEUEING)
        if not search.resume():
            message = _("Only a failed or cancelled search can be resumed.")
            raise Conflict(message, code="not_resumable", hint=_("Start another search."))
        for run in search.trials.filter(status__in=(Status.FAILED, Status.CANCELLED)):
            is_cut_short = run.status == Status.CANCELLED or (run.error or {}).get("code") in NOT_ITS_FAULT
            if (is_cut_short or run.pk == search.winner_id) and run.requeue(attempts=0, earlier_attempts=0):
                run.send()
        audit(search.workspace, user, "resumed", "search", search.pk, f"{search.prototype.name}, {search}")
    search.send()
    return search


def trial_ended(run: Run) -> None:
    """Have it decided what comes next. A search that nobody wakes is found by the sweep."""
    if run.search and run.search.wake():
        run.search.send()


def facts_of(result: dict[str, Any]) -> dict[str, Any]:
    """Of a trial of a search, which was not tested; nothing of any other run."""
    if "pruned" not in result:
        return {}
    return {"status": Status.PRUNED if result["pruned"] else Status.SCORED, "validation": result["validation"]}


# What it knows from its trials


def metric_of(trials: Sequence[Run]) -> str | None:
    """By which they are compared, as the first that was scored tells."""
    return next((run.validation["name"] for run in trials if run.validation), None)


def best_of(trials: Sequence[Run]) -> Run | None:
    """The trial with the best score, the first of several. One that was tested since keeps the score that it was chosen by."""
    scored = [run for run in trials if score_of(run) is not None]
    metric = metric_of(trials) or ""
    return max(scored, key=lambda run: (rank(score_of(run) or 0.0, metric), -(run.trial or 0)), default=None)


def score_of(run: Run) -> float | None:
    """On validation rows; None of one that was pruned, failed or is at work."""
    return float(run.validation["value"]) if run.validation and run.status != Status.PRUNED else None


def curve_of(run: Run, metric: str | None) -> list[tuple[int, float]]:
    """[(epoch, score on validation rows)]; nothing of methods without epochs."""
    points: dict[int, float] = {}
    for _number, event in stream.read(run.events_path):
        is_score = event["type"] == "metric" and (event["name"], event["split"]) == (metric, "validation")
        if is_score and event.get("epoch") is not None:  # an epoch that was learned twice, after a resume, has the last
            points[max(1, round(event["epoch"]))] = event["value"]
    return sorted(points.items())


def pruning_of(run: Run) -> dict[str, Any]:
    """What a trial's specification says of those before it."""
    if run.search is None or run.evaluate_on != VALIDATION:
        return {}
    others = list(run.search.trials.filter(status=Status.SCORED).exclude(pk=run.pk).order_by("trial"))
    metric = metric_of(others)
    curves = [curve for other in others if (curve := curve_of(other, metric))]
    return {"pruning": {"metric": metric, "earlier": curves}} if metric and curves else {}


def request_of(search: Search, trials: Sequence[Run], count: int) -> dict[str, Any]:
    """For the trainer's command `propose`."""
    metric = metric_of(trials)
    return {
        "task": search.task,
        "method": search.method,
        "space": search.space,
        "metric": metric,
        "seed": search.seed,
        "count": count,
        "trials": [described(search, run, metric) for run in trials],
    }


def described(search: Search, run: Run, metric: str | None) -> dict[str, Any]:
    states = {Status.SCORED: "done", Status.SUCCEEDED: "done", Status.PRUNED: "pruned"}
    state = states.get(Status(run.status), "failed" if run.ended else "running")
    value = score_of(run) if state == "done" else None
    return {
        "params": {name: value for name, value in run.params.items() if name in search.space},
        "state": "failed" if state == "done" and value is None else state,
        "value": value,
        "curve": curve_of(run, metric) if state in ("done", "pruned") else [],
    }


def amount(run: Run, kind: str) -> float:
    return float(run.cost) if kind == "cost" else run.seconds


def spent(trials: Sequence[Run], kind: str) -> float:
    return sum(amount(run, kind) for run in trials)


def left_of(search: Search, trials: Sequence[Run], kind: str) -> float | None:
    """What another trial may take: what is not spent, not promised to a trial at work and not kept for the test."""
    limit = search.limits.get(kind)
    if limit is None:
        return None
    promised = sum(
        max(run.limits.get(kind) or 0.0, amount(run, kind)) if not run.ended else amount(run, kind) for run in trials
    )
    return float(limit) * (1 - FINISHING_SHARE) - promised


def limits_of_next(search: Search, trials: Sequence[Run], slots: int) -> list[dict[str, float]]:
    """Of each of the next trials, `slots` at most; fewer, or none, where too little is left to begin so many."""
    if slots < 1:
        return []
    bounds: dict[str, float] = {}
    tried = [run for run in trials if run.status in TRIED]
    for kind in KINDS:
        left = left_of(search, trials, kind)
        if left is None:
            continue
        usual = statistics.median(amount(run, kind) for run in tried) if tried else 0.0
        if left <= 0 or left / slots < LEAST_SHARE * usual:
            return limits_of_next(search, trials, slots - 1)
        bounds[kind] = rounded_down(left / slots)
    return [bounds] * slots


def rounded_down(value: float) -> float:
    """With as many digits as a limit may have."""
    return math.floor(value * 1e6) / 1e6


def limits_of_test(search: Search, trials: Sequence[Run], best: Run) -> dict[str, float]:
    """What is left of the limits, all of it, beside what the trial took before."""
    return {
        kind: rounded_down(max(search.limits[kind] - spent(trials, kind), 0.0) + amount(best, kind))
        for kind in KINDS
        if search.limits.get(kind) is not None
    }


def reason_to_stop(search: Search, trials: Sequence[Run]) -> dict[str, Any] | None:
    """Why no further trial is made, as `stopped` keeps it; None while there is one to make."""
    if search.stop_requested_at:
        return {"code": "asked"}
    if len(trials) >= search.most_trials:
        return {"code": "trials", "count": len(trials)}
    if limits_of_next(search, trials, 1):
        return None
    tried = [run for run in trials if run.status in TRIED]
    for kind in KINDS:
        left = left_of(search, trials, kind)
        usual = statistics.median(amount(run, kind) for run in tried) if tried else 0.0
        if left is not None and (left <= 0 or left < LEAST_SHARE * usual):
            return {"code": kind, "left": max(left, 0.0), "usual": usual}
    return None


def outage_of(trials: Sequence[Run]) -> dict[str, Any] | None:
    """The error that ends the search: of a trial that was stopped from outside, or of the last where all fail."""
    failed = [run for run in trials if run.status == Status.FAILED]
    outside = next((run for run in failed if (run.error or {}).get("code") in NOT_ITS_FAULT), None)
    if outside is not None:
        return outside.error
    if len(failed) >= MOST_FAILED and not any(run.validation for run in trials):
        return failed[-1].error
    return None


def open_searches() -> Any:
    return Search.objects.filter(status__in=(SearchStatus.RUNNING, SearchStatus.TESTING))
