"""The steps of a run of the method “Best” (`trainer.learning.ladder`): which were taken, what each scored and cost, which is kept."""

from collections.abc import Iterable
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from trainer import answers, tasks
from trainer.answers.metrics import named
from webapp.catalog.titles import headline_of, method_title, trainable
from webapp.core.formats import number
from webapp.core.scores import metric_name, scored
from webapp.core.sentences import translated
from webapp.runs.models import Run

BASELINE = "baseline"


def of_report(run: Run, report: dict[str, Any]) -> dict[str, Any] | None:
    """{sentence, metric, rows}; None where the run had no steps."""
    ladder = report.get("ladder")
    if not isinstance(ladder, dict) or not ladder.get("steps"):
        return None
    metric = str(ladder.get("metric") or headline_of(run.task))
    shown_steps = shown(run, ladder["steps"], metric, winner=ladder.get("winner"))
    return shown_steps | {"sentence": translated(ladder, "stopped")}


def of_events(run: Run, events: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The same of a run at work, from the last event of each step."""
    steps = list(events)
    return shown(run, steps, headline_of(run.task)) | {"sentence": ""} if steps else None


def shown(run: Run, steps: list[dict[str, Any]], metric: str, winner: str | None = None) -> dict[str, Any]:
    name = metric_name(metric)
    heading = name if name[1:2].isupper() else capfirst(name)  # nDCG keeps its small letter
    return {"metric": heading, "rows": [row(run, step, metric, winner) for step in steps]}


def row(run: Run, step: dict[str, Any], metric: str, winner: str | None) -> dict[str, Any]:
    """{title, state, score, difference, seconds, cost, is_kept}; score and difference are empty where there is none."""
    method, score = str(step.get("method")), number(step.get("score"))
    return {
        "title": first_step(run.task) if method == BASELINE else method_title(run.task, method),
        "state": step.get("state", "done"),
        "score": "" if score is None else scored(score, metric),
        "difference": difference(step.get("difference"), metric),
        "seconds": number(step.get("seconds")),
        "cost": number(step.get("cost")),
        "is_kept": method == winner,
    }


def first_step(task: str) -> str:
    """Its title: what needs no reading."""
    return _(answers.get(tasks.get(task).answer if trainable(task) else "class").first_step)


def difference(comparison: object, metric: str) -> str:
    """“+1.2 to +4.0 points” beside the best step before."""
    if not isinstance(comparison, dict) or not {"low", "high"} <= comparison.keys():
        return ""
    share = named(metric).is_share
    low, high = (f"{comparison[end] * (100 if share else 1):+{'.1f' if share else '.3f'}}" for end in ("low", "high"))
    template = _("%(low)s to %(high)s points") if share else _("%(low)s to %(high)s")
    return template % {"low": low, "high": high}
