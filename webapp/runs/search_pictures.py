"""What the page of a search shows: its trials as rows, their scores as pictures, and which settings matter, in sentences."""

import math
from collections.abc import Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from trainer import tasks
from trainer.answers.metrics import named
from webapp.core import charts
from webapp.core.formats import duration, money, percent
from webapp.core.scores import metric_name, metric_title, rank, scored
from webapp.runs import searches
from webapp.runs.models import Run, Search, Status
from webapp.runs.search_models import SearchStatus

MOST_SLICES = 4
"""Settings of which score by value is drawn, the most important first."""


def picture(search: Search) -> dict[str, Any]:
    """{trials [run], rows, metric, best (row of the best), heading, sentence (why it stopped), done, cost, seconds, settings
    [titles], scores (picture), importance [{title, share, formatted}], importance_sentence, slices [picture]}."""
    trials = list(search.trials.order_by("trial"))
    metric, best = searches.metric_of(trials), searches.best_of(trials)
    titles = titles_of(search)
    rows = [row(run, best, metric, titles) for run in trials]
    importance = [
        {"name": name, "title": titles.get(name, name), "share": share, "formatted": percent(share, 0)}
        for name, share in search.importance.items()
    ]
    return {
        "trials": trials,
        "rows": rows[::-1],
        "metric": metric_name(metric) if metric else "",
        "best": next((each for each in rows if each["is_best"]), None),
        "heading": heading(search, trials, best),
        "sentence": stopped_words(search),
        "done": sum(run.ended or run.validation is not None for run in trials),
        "cost": sum((run.cost for run in trials), start=0),
        "seconds": searches.spent(trials, "seconds"),
        "settings": list(titles.values()),
        "scores": scores_chart(trials, metric),
        "importance": importance,
        "importance_sentence": importance_words(importance),
        "slices": slices(search, trials, metric, titles),
    }


def titles_of(search: Search) -> dict[str, str]:
    """{setting: its title} of those that are searched."""
    fields = tasks.get(search.task).params.model_fields
    return {name: _(str(fields[name].title or name)) if name in fields else name for name in search.space}


def row(run: Run, best: Run | None, metric: str | None, titles: dict[str, str]) -> dict[str, Any]:
    value = run.validation["value"] if run.validation else None
    return {
        "run": run,
        "number": run.trial,
        "state": run.get_status_display(),
        "score": "" if value is None or metric is None else scored(value, metric),
        "values": [shown(run.params.get(name)) for name in titles],
        "settings": list(zip(titles.values(), (shown(run.params.get(name)) for name in titles), strict=True)),
        "is_best": best is not None and run.pk == best.pk,
    }


def shown(value: object) -> str:
    """A setting's value in a table."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, float):
        return f"{value:.3g}"
    return "–" if value is None else str(value)


def heading(search: Search, trials: Sequence[Run], best: Run | None) -> str:
    if search.status == SearchStatus.RUNNING and search.stop_requested_at:
        return _("Stopping, then testing the best so far")
    if search.status == SearchStatus.RUNNING:
        return _("Searching, trial %(number)d of %(most)d") % {
            "number": max(len(trials), 1),
            "most": search.most_trials,
        }
    if search.status == SearchStatus.TESTING and best:
        return _("Testing trial %(number)d, the best") % {"number": best.trial}
    if search.status == SearchStatus.SUCCEEDED and best:
        return _("Trial %(number)d is the best") % {"number": best.trial}
    return str(search.get_status_display())


def stopped_words(search: Search) -> str:
    """Why no further trial was made; empty while there is no reason."""
    stopped = search.stopped or {}
    code = stopped.get("code")
    if code == "trials":
        count = int(stopped["count"])
        template = ngettext("The one trial was made.", "All %(count)d trials were made.", count)
        return template % {"count": count}
    if code == "asked":
        return _("Somebody asked to stop and to test the best so far.")
    if code == "outage":
        return _("A trial was stopped from outside.")
    if code not in searches.KINDS:
        return ""
    currency = search.trials.values_list("currency", flat=True).first()
    left, usual = (
        money(stopped[name], currency) if code == "cost" else duration(stopped[name]) for name in ("left", "usual")
    )
    template = _("The limit leaves %(left)s for another trial, which usually takes %(usual)s.")
    return template % {"left": left, "usual": usual}


def importance_words(importance: Sequence[dict[str, Any]]) -> str:
    if not importance:
        return ""
    first = importance[0]
    return _("“%(title)s” explains %(share)s of the differences between the scores.") % {
        "title": first["title"],
        "share": first["formatted"],
    }


# Pictures


def values_of(trials: Sequence[Run]) -> list[tuple[Run, float]]:
    return [
        (run, run.validation["value"]) for run in trials if run.validation and math.isfinite(run.validation["value"])
    ]


def format_of(metric: str) -> Any:
    return (lambda value: percent(value, 0)) if named(metric).is_share else None


def point(x: float, y: float, css: str, title: str) -> SafeString:
    """A dot that keeps its shape in a picture that is stretched: a line of no length with round ends."""
    return format_html(
        '<path class="point {}" d="M{},{}h0"><title>{}</title></path>',
        css,
        charts.format_coordinate(x),
        charts.format_coordinate(y),
        title,
    )


def scale_of(values: Sequence[float]) -> list[float]:
    return charts.ticks(min(values), max(values), 4)


def scores_chart(trials: Sequence[Run], metric: str | None) -> SafeString | None:
    """Score by trial, and the best so far as a line; None before there are two."""
    scores = values_of(trials)
    if metric is None or len(scores) < 2:
        return None
    marks = scale_of([value for _run, value in scores])
    low, high = marks[0], marks[-1]
    last = max(run.trial or 1 for run, _value in scores)

    def place(number: int, value: float) -> tuple[float, float]:
        return 100 * (number - 0.5) / last, 100 - 100 * (value - low) / (high - low)

    steps, best = [], None
    for run, value in scores:
        better = best is None or rank(value, metric) > rank(best, metric)
        if run.status != Status.PRUNED and better:
            best = value
        if best is not None:
            steps.append(place(run.trial or 1, best))
    line = "M" + "H".join(f"{charts.format_coordinate(x)},{charts.format_coordinate(y)}" for x, y in steps[:1])
    line += "".join(f"H{charts.format_coordinate(x)}V{charts.format_coordinate(y)}" for x, y in steps[1:]) + "H100"
    dots = [
        point(
            *place(run.trial or 1, value),
            "raw" if run.status == Status.PRUNED else "",
            f"{_('Trial %(number)d') % {'number': run.trial}}: {scored(value, metric)}",
        )
        for run, value in scores
    ]
    sentence = _("Score by trial: the best of %(count)d is %(best)s.") % {
        "count": len(scores),
        "best": scored(best, metric) if best is not None else "–",
    }
    inside = format_html(
        '{}<path class="two" d="{}"/>{}',
        charts.rules(len(marks)),
        line,
        format_html_join("", "{}", ((dot,) for dot in dots)),
    )
    keys = [charts.key("k1", _("trial")), charts.key("two", _("best so far"))]
    title = _("%(metric)s by trial") % {"metric": metric_title(metric)}
    columns = ["1", str(last)] if last > 1 else ["1"]
    return charts.frame(title, keys, charts.axis_y(marks, format_of(metric)), charts.plot_of(sentence, inside), columns)


def slices(search: Search, trials: Sequence[Run], metric: str | None, titles: dict[str, str]) -> list[SafeString]:
    """Score by the value of each setting, the most important first."""
    scores = values_of(trials)
    if metric is None or len(scores) < 3:
        return []
    names = [*search.importance, *(name for name in search.space if name not in search.importance)]
    return [
        slice_chart(name, titles.get(name, name), search.space[name], scores, metric) for name in names[:MOST_SLICES]
    ]


def slice_chart(
    name: str, title: str, bounds: dict[str, Any], scores: Sequence[tuple[Run, float]], metric: str
) -> SafeString:
    marks = scale_of([value for _run, value in scores])
    low, high = marks[0], marks[-1]
    dots = []
    for run, value in scores:
        share = share_of(run.params.get(name), bounds)
        if share is not None:
            words = f"{title} {shown(run.params.get(name))}: {scored(value, metric)}"
            css = "raw" if run.status == Status.PRUNED else ""
            dots.append(point(100 * share, 100 - 100 * (value - low) / (high - low), css, words))
    choices = bounds.get("choices")
    columns = [shown(choice) for choice in choices] if choices else [shown(bounds["low"]), shown(bounds["high"])]
    sentence = _("%(metric)s by “%(title)s”.") % {"metric": metric_title(metric), "title": title}
    inside = format_html("{}{}", charts.rules(len(marks)), format_html_join("", "{}", ((dot,) for dot in dots)))
    rows = charts.axis_y(marks, format_of(metric))
    return charts.frame(title, [], rows, charts.plot_of(sentence, inside), columns)


def share_of(value: object, bounds: dict[str, Any]) -> float | None:
    """Where a value lies between its bounds, 0 to 1."""
    choices = bounds.get("choices")
    if choices:
        return float(choices.index(value) / (len(choices) - 1)) if value in choices else None
    if not isinstance(value, int | float):
        return None
    low, high = float(bounds["low"]), float(bounds["high"])
    if bounds.get("log"):
        return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low)) if value > 0 else None
    return (value - low) / (high - low)
