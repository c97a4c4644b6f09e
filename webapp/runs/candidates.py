"""The models that a search over tables compared by cross-validation: which was chosen, and how the others did."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from trainer.answers.metrics import named
from webapp import answers as presentations
from webapp.catalog.titles import headline_of, method_title
from webapp.core.formats import figure, number
from webapp.core.scores import metric_name, scored

LINEAR_BASELINES = frozenset(("logistic", "ridge"))
SIZES = {
    "small trees": lambda: pgettext("size of trees", "small"),
    "medium trees": lambda: pgettext("size of trees", "medium"),
    "large trees": lambda: pgettext("size of trees", "large"),
}
STRENGTH = "linear, strength "

SHOWN_DIFFERENCE = 0.0005
"""Between two scores: less than this is shown as none."""


def metric_of(report: dict[str, Any], task: str) -> str:
    """The metric by which candidates are compared (`trainer.families.table.search.score`)."""
    if not presentations.of_task(task).answer.labelled:
        return headline_of(task)
    return "roc_auc" if len(report.get("labels") or ()) == 2 else "log_loss"


def title(candidate: dict[str, Any], task: str) -> str:
    """“Gradient-boosted trees (medium)”."""
    family, name = str(candidate.get("family")), str(candidate.get("name"))
    known = method_title(task, family)
    if name in SIZES:
        return _("%(model)s (%(setting)s)") % {"model": known, "setting": SIZES[name]()}
    if name.startswith(STRENGTH):
        setting = _("strength %(number)s") % {"number": name.removeprefix(STRENGTH)}
        return _("%(model)s (%(setting)s)") % {"model": known, "setting": setting}
    return known


def compared(report: dict[str, Any], task: str) -> dict[str, Any] | None:
    """{sentence, metric, rows: [{title, score, seconds}]}, the best first; None where no models were compared."""
    found = [one for one in report.get("candidates") or [] if number(one.get("score")) is not None]
    if len(found) < 2:
        return None
    metric = metric_of(report, task)
    found.sort(key=lambda one: -one["score"])
    # A loss is kept negative, so that greater is better.
    shown = [scored(abs(one["score"]) if metric == "log_loss" else one["score"], metric) for one in found]
    rows = [
        {"title": title(one, task), "score": score, "seconds": one.get("seconds")}
        for one, score in zip(found, shown, strict=True)
    ]
    return {"sentence": sentence(found, metric, task), "metric": metric_name(metric), "rows": rows}


def sentence(found: list[dict[str, Any]], metric: str, task: str) -> str:
    """Which was chosen, and how far ahead of the next kind of model, in the metric of the search."""
    best = found[0]
    other = next((one for one in found if one.get("family") != best.get("family")), None)
    if other is None:
        return _("Chosen by cross-validation: %(model)s") % {"model": title(best, task)}
    values = {"model": title(best, task), "other": title(other, task), "metric": metric_name(metric)}
    ahead = best["score"] - other["score"]
    if ahead < SHOWN_DIFFERENCE:
        return _("Chosen by cross-validation: %(model)s, level with %(other)s (%(metric)s)") % values
    by = (
        _("%(number)s points") % {"number": f"{100 * ahead:.1f}"} if named(metric).is_share else figure(round(ahead, 3))
    )
    return _("Chosen by cross-validation: %(model)s, ahead of %(other)s by %(difference)s (%(metric)s)") % (
        values | {"difference": by}
    )


def is_like_baseline(report: dict[str, Any], verdict: dict[str, Any] | None) -> bool:
    """Whether a model that is not better than a linear baseline is itself linear."""
    family = (report.get("chosen") or {}).get("family")
    return bool(
        verdict and family == "linear" and verdict["outcome"] != "better" and verdict["against"] in LINEAR_BASELINES
    )
