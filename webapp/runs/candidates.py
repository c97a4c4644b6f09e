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
    method = method_title(task, family)
    if name in SIZES:
        return _("%(model)s (%(setting)s)") % {"model": method, "setting": SIZES[name]()}
    if name.startswith(STRENGTH):
        setting = _("strength %(number)s") % {"number": name.removeprefix(STRENGTH)}
        return _("%(model)s (%(setting)s)") % {"model": method, "setting": setting}
    return method


def compared(report: dict[str, Any], task: str) -> dict[str, Any] | None:
    """{sentence, metric, rows: [{title, score, seconds}]}, the best first; None where no models were compared."""
    candidates = [
        candidate for candidate in report.get("candidates") or [] if number(candidate.get("score")) is not None
    ]
    if len(candidates) < 2:
        return None
    metric = metric_of(report, task)
    candidates.sort(key=lambda candidate: -candidate["score"])
    # A loss is kept negative, so that greater is better.
    scores = [
        scored(abs(candidate["score"]) if metric == "log_loss" else candidate["score"], metric)
        for candidate in candidates
    ]
    rows = [
        {"title": title(candidate, task), "score": score, "seconds": candidate.get("seconds")}
        for candidate, score in zip(candidates, scores, strict=True)
    ]
    return {"sentence": sentence(candidates, metric, task), "metric": metric_name(metric), "rows": rows}


def sentence(candidates: list[dict[str, Any]], metric: str, task: str) -> str:
    """Which was chosen, and how far ahead of the next kind of model, in the metric of the search."""
    best = candidates[0]
    other = next((candidate for candidate in candidates if candidate.get("family") != best.get("family")), None)
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
