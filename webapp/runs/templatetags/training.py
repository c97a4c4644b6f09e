"""How a run stands and how it learned: `{% load training %}`."""

from typing import Any

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from webapp.core import charts, formats, scores
from webapp.prototypes.models import Prototype
from webapp.runs import ladder
from webapp.runs.models import Run
from webapp.runs.retraining import run_to_repeat

register = template.Library()


@register.simple_tag
def like_run(prototype: Prototype, about: str = "") -> Run | None:
    """The run whose settings the next training has: that of this id, or the best one; None where none has ended well."""
    return run_to_repeat(prototype, about)


@register.simple_tag
def score_of(run: Run) -> SafeString:
    """The strip of a finished run's score, on a scale that starts at its worst baseline, with a mark at the best one."""
    head = run.headline or {}
    metric = str(head.get("name", ""))
    baselines = scores.baseline_scores(run.baselines, metric)
    ends = scores.strip_ends([head.get("value"), head.get("low"), head.get("high"), *baselines.values()], metric)
    best = max(baselines.values(), key=lambda value: scores.rank(value, metric), default=None)
    return charts.strip(formats.number(head.get("value")), head.get("low"), head.get("high"), tick=best, ends=ends)


STAGE_WORDS = {
    "prepare": lambda: _("Prepare"),
    "load": lambda: pgettext("stage of a run", "Load model"),
    "train": lambda: pgettext("stage of a run", "Train"),
    "evaluate": lambda: _("Evaluate"),
    "package": lambda: _("Package"),
}


@register.filter
def stage_title(name: str) -> str:
    word = STAGE_WORDS.get(name)
    return str(word()) if word else name


def charted(curves: dict[str, dict[str, list[Any]]]) -> list[str]:
    """Which metrics are drawn: the loss and the leading score, each only where there is a line to draw."""
    lines = [name for name, series in curves.items() if any(len(points) > 1 for points in series.values())]
    leading = next((name for name in scores.leading() if name in lines and name != "loss"), None)
    return [name for name in ("loss", leading) if name in lines]


@register.simple_tag
def live_charts(live: dict[str, Any]) -> list[SafeString]:
    """The charts of a run at work, up to where it is thought to end. Methods without epochs have none."""
    stage: dict[str, Any] = next((candidate for candidate in live["stages"] if candidate["name"] == "train"), {})
    last = max((points[-1][0] for series in live["curves"].values() for points in series.values() if points), default=0)
    end = last / stage["fraction"] if 0.02 < stage.get("fraction", 0) < 1 and last else last
    end = round(end) if end >= 1 else end
    now = last if stage.get("state") == "now" and last < end else None
    unit = epochs_unit(end)
    return [
        charts.metric_chart(name, live["curves"][name], title=scores.metric_title(name), end=end, unit=unit, now=now)
        for name in charted(live["curves"])
        if name not in live["without_epochs"]
    ]


@register.simple_tag
def live_ladder(run: Run, live: dict[str, Any]) -> dict[str, Any] | None:
    """The steps so far of a run of the method “Best”."""
    return ladder.of_events(run, live.get("steps") or [])


@register.simple_tag
def report_charts(history: list[dict[str, Any]]) -> list[SafeString]:
    """The same of a finished run, from its report."""
    names = list(dict.fromkeys(row["name"] for row in history or [] if row.get("epoch", 0) is not None))
    curves = {name: charts.curves_of(history, name) for name in names}
    end = max((points[-1][0] for series in curves.values() for points in series.values() if points), default=0)
    return [
        charts.metric_chart(name, curves[name], title=scores.metric_title(name), unit=epochs_unit(end))
        for name in charted(curves)
    ]


def epochs_unit(end: float) -> str:
    return ngettext("epoch", "epochs", round(end) or 1)


@register.simple_tag
def best_so_far(live: dict[str, Any]) -> dict[str, Any] | None:
    """The best validation score until now: {name, value, at (epochs), points (how many epochs there are)}."""
    for name in scores.leading():
        points = live["curves"].get(name, {}).get("validation", [])
        if points:
            epoch, value = max(points, key=lambda point: scores.rank(point[1], name))
            epochs = 1 if name in live["without_epochs"] else len(points)
            return {"name": name, "value": value, "at": epoch, "points": epochs}
    return None


@register.simple_tag
def validated_on(live: dict[str, Any], best: dict[str, Any] | None, validation_rows: object = None) -> str:
    """What the best validation score rests on: “3-fold over 288 rows”, “36 rows, epoch 2”."""
    if not best:
        return ""
    rows = int(live["validated"].get("rows") or formats.number(validation_rows) or 0)
    folds = live["validated"].get("folds")
    parts = []
    if rows and folds:
        parts.append(_("%(folds)d-fold over %(rows)s rows") % {"folds": folds, "rows": formats.count(rows)})
    elif rows:
        parts.append(ngettext("%(rows)s row", "%(rows)s rows", rows) % {"rows": formats.count(rows)})
    if best["points"] > 1:
        parts.append(_("epoch %(number)s") % {"number": formats.figure(best["at"])})
    return ", ".join(parts)


@register.filter
def epoch_words(live: dict[str, Any]) -> str:
    """“, epoch 3” of the training stage, from the last point of the loss."""
    last = [points[-1][0] for points in live["curves"].get("loss", {}).values() if points]
    steps = [len(points) for points in live["curves"].get("loss", {}).values()]
    return _(", epoch %(number)d") % {"number": int(max(last)) + 1} if last and max(steps) > 1 else ""
