"""Columns that decide a run's answers alone: whether its score may be trusted, and what a person says of them."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from webapp.accounts.actions import audit
from webapp.accounts.models import User
from webapp.catalog.titles import reads_table
from webapp.core.problems import Conflict
from webapp.datasets.models import DatasetVersion
from webapp.runs.artifacts import report
from webapp.runs.models import KnownColumn, Run, answer_of


def columns_of(run_report: dict[str, Any]) -> list[str]:
    """The columns that decide alone by a run's report."""
    return [leak["column"] for leak in run_report.get("leaks") or []]


def known_before(run: Run) -> set[str]:
    """Columns that were known at the time, as somebody said of a run of this prototype with this answer."""
    return set(KnownColumn.objects.about(run).values_list("name", flat=True))


def facts(run: Run, run_report: dict[str, Any] | None = None) -> dict[str, Any]:
    """The fields of a run that has ended well which say whether a column decides alone; `run_report` is its report."""
    columns = columns_of(report(run) if run_report is None else run_report)
    return {"has_leak": bool(columns) and not set(columns) <= known_before(run)}


def store_leak(run: Run, run_report: dict[str, Any]) -> None:
    """Store what the report says of a run from before there was the field, if it was not here when the database moved."""
    if not run.has_leak and reads_table(run.task) and facts(run, run_report)["has_leak"]:
        Run.objects.filter(pk=run.pk).update(has_leak=True)
        run.has_leak = True


def describe_leaks(run: Run, run_report: dict[str, Any]) -> list[dict[str, Any]]:
    """[{column, score, rule, is_input, is_known}] of the run's report, whatever became of the columns since: `is_input`, of
    the newest version, so that it can be taken out; `is_known`, at the time, as somebody said."""
    leaks = run_report.get("leaks") or []
    if not leaks:
        return []
    version, accepted = run.prototype.dataset.current, known_before(run)
    return [
        leak | {"is_input": is_input(run, version, leak["column"]), "is_known": leak["column"] in accepted}
        for leak in leaks
    ]


def is_input(run: Run, version: DatasetVersion | None, column: str) -> bool:
    """Whether a version that asks what the run answers reads the column."""
    if version is None or version.suggestion.get("task") != run.task:
        return False
    same = answer_of(run.task, version.suggestion.get("columns")) == run.answer
    return same and version.roles.get(column) == "input"


def accept(run: Run, user: User) -> None:
    """Somebody says that the columns were known at the time: the run counts like any other, and later ones of the prototype
    are not asked, also when this one is deleted."""
    columns = columns_of(report(run))
    if not columns:
        raise Conflict(
            _("No column decides this run's answers alone."),
            code="no_leak",
            hint=_("There is nothing to confirm."),
        )
    if not run.has_leak:
        return
    about = {"workspace_id": run.workspace_id, "prototype_id": run.prototype_id, "task": run.task, "answer": run.answer}
    new = [name for name in columns if name not in known_before(run)]
    with transaction.atomic():
        KnownColumn.objects.bulk_create([KnownColumn(name=name, **about) for name in new])
        Run.objects.filter(pk=run.pk).update(has_leak=False)
        audit(run.workspace, user, "confirmed", "run", run.pk, f"{run.prototype.name}, {run}: {', '.join(columns)}")
