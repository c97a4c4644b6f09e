"""Columns that decide a run's answers alone: whether its score may be trusted, and what a person says of them."""

from typing import Any

from django.utils.translation import gettext as _

from webapp.accounts.actions import audit
from webapp.accounts.models import User
from webapp.core.problems import Conflict
from webapp.datasets.models import DatasetVersion
from webapp.runs.models import Run, answer_of
from webapp.runs.reports import report


def columns_of(run: Run) -> list[str]:
    """The columns that decide alone by the report of a run, fetched from the bucket where it is not here."""
    return [one["column"] for one in report(run).get("leaks") or []]


def known_before(run: Run) -> set[str]:
    """Columns that were known at the time, as somebody said of this run or of another of the prototype's with its answer."""
    runs = run.prototype.runs.filter(task=run.task, answer=run.answer)
    return {name for names in runs.values_list("known_columns", flat=True) for name in names}


def facts(run: Run) -> dict[str, Any]:
    """The fields of a run that has ended well which say whether a column decides alone."""
    columns = columns_of(run)
    return {"has_leak": bool(columns) and not set(columns) <= known_before(run)}


def keep_up(run: Run) -> None:
    """Store what the report of a run from before there was the field says, if it was not here when the database moved."""
    if run.has_leak or run.known_columns or not run.task.startswith("tabular-"):
        return
    if facts(run)["has_leak"]:
        Run.objects.filter(pk=run.pk).update(has_leak=True)
        run.has_leak = True


def found(run: Run, told: dict[str, Any]) -> list[dict[str, Any]]:
    """[{column, score, rule, is_input, is_known}] of the run's report, whatever became of the columns since: `is_input`, of
    the newest version, so that it can be taken out; `is_known`, at the time, as somebody said."""
    leaks = told.get("leaks") or []
    if not leaks:
        return []
    version, known = run.prototype.dataset.current, known_before(run)
    return [
        one | {"is_input": is_input(run, version, one["column"]), "is_known": one["column"] in known} for one in leaks
    ]


def is_input(run: Run, version: DatasetVersion | None, column: str) -> bool:
    """Whether a version that asks what the run answers reads the column."""
    if version is None or version.suggestion.get("task") != run.task:
        return False
    same = answer_of(run.task, version.suggestion.get("columns")) == run.answer
    return same and version.roles.get(column) == "input"


def accept(run: Run, user: User) -> None:
    """Somebody says that the columns were known at the time: the run counts like any other, and later ones are not asked."""
    columns = columns_of(run)
    if not columns:
        raise Conflict(
            _("No column decides this run's answers alone."),
            code="no_leak",
            hint=_("There is nothing to confirm."),
        )
    if not run.has_leak:
        return
    Run.objects.filter(pk=run.pk).update(has_leak=False, known_columns=columns)
    names = ", ".join(columns)
    audit(run.workspace, user, "confirmed", "run", run.pk, f"{run.prototype.name}, {run}: {names}")
