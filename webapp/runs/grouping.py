"""A run's score on groups of its test rows, by any column of its data or by a written condition: found, and in words.

Groups are named by cells of the rows, personal ones too: whoever may look at the rows (`Right.VIEW`) may see them, and nobody
else. Demos and model cards have none of this."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from trainer.answers.metrics import named
from trainer.errors import UserError
from webapp import answers
from webapp.core.formats import count, percent, points, with_percent
from webapp.core.formats import figure as figure_words
from webapp.core.problems import Conflict, Problem
from webapp.core.scores import metric_name, metric_title, scored, spread, strip_ends
from webapp.core.sentences import problem_of_error
from webapp.runs import artifacts, storage
from webapp.runs.models import Run, Status

if TYPE_CHECKING:
    from trainer.group_scores import Figure, Found, Gap

GONE = {"rows_gone", "answers_gone"}
MEDIA = {"image", "audio", "objects", "empty"}
"""Kinds of columns whose cells are not groups."""
LONGEST_NAME = 60
"""Characters of a group's name that the page shows."""


def find_groups(run: Run, by: str, positive: str = "") -> "Found":
    """`Conflict` for a run without a score or whose rows or answers are gone; `Problem` for a column or a condition that cannot
    be used. numpy is loaded where groups are scored, not by every page."""
    if run.status != Status.SUCCEEDED or not run.headline:
        raise Conflict(
            _("%(run)s has no score.") % {"run": run}, code="no_score", hint=_("Only finished runs have groups.")
        )
    from trainer import group_scores

    kind, columns = answers.of_task(run.task).key, run.version.columns
    try:
        return group_scores.find_groups(storage.local(run), run.version.folder, columns, kind, run.metric, by, positive)
    except UserError as error:
        raise problem_of_error(error.as_dict(), Conflict if error.code in GONE else Problem, field="by") from error


def shown(run: Run, query: Mapping[str, str]) -> dict[str, Any] | None:
    """The card of the run page: {columns, by, condition, positive, labels, problem, found (see `described`)}; None for a run whose
    answers were not kept. A `condition` goes before a column."""
    if not run.headline or not (storage.local(run) / "predictions.parquet").is_file():
        return None
    condition, by = query.get("condition", "").strip(), query.get("by", "")
    labels = artifacts.manifest(run).get("labels") or []
    has_rates = answers.of_task(run.task).answer.labelled and len(labels) == 2
    card: dict[str, Any] = {
        "columns": [column["name"] for column in run.version.columns if column.get("kind") not in MEDIA],
        "by": by,
        "condition": condition,
        "positive": query.get("positive", ""),
        "labels": labels if has_rates else [],
        "problem": None,
        "found": None,
    }
    if condition or by:
        try:
            card["found"] = described(find_groups(run, condition or by, card["positive"] if has_rates else ""))
        except Problem as problem:
            card["problem"] = problem
    return card


def described(scores: "Found") -> dict[str, Any]:
    """{title (of the metric), sentence, lines [{name, rows, reason, value, range, score}], ends, others, rates}."""
    figures = [end for group in scores.groups if group.score for end in group.score[:3]]
    return {
        "metric": scores.metric,
        "title": metric_title(scores.metric),
        "sentence": sentence(scores),
        "ends": strip_ends(figures, scores.metric),
        "others": others_words(scores.others) if scores.others else "",
        "rows": scores.rows,
        "lines": [
            {
                "name": title_of(scores, place),
                "rows": group.rows,
                "reason": reason_words(group.reason),
                "score": group.score and group.score._asdict(),
                "value": value_words(group.score.value, scores.metric) if group.score else "",
                "range": range_words(group.score, scores.metric) if group.score else "",
            }
            for place, group in enumerate(scores.groups)
        ],
        "rates": rates_described(scores),
    }


def rates_described(scores: "Found") -> dict[str, Any] | None:
    """{positive, titles, lines [{name, cells [{value, range}]}], sentences} of two classes; None for other answers."""
    if scores.positive is None:
        return None
    from trainer.group_scores import RATES

    titles = rate_titles(str(scores.positive))
    lines = [
        {"name": title_of(scores, place), "cells": [rate_cell(group.rates.get(name)) for name in RATES]}
        for place, group in enumerate(scores.groups)
        if group.score or any(group.rates.values())
    ]
    sentences = [f"{titles[name]}: {gap_sentence(scores, scores.gaps.get(name), name)}" for name in RATES]
    return {
        "positive": scores.positive,
        "titles": list(titles.values()),
        "lines": lines,
        "sentences": sentences,
        "odds": odds_sentence(scores),
    }


def rate_titles(positive: str) -> dict[str, str]:
    """{rate: its heading}, in the order of `trainer.group_scores.RATES`."""
    return {
        "selection_rate": _("Predicted “%(label)s” · selection rate") % {"label": positive},
        "true_positive_rate": _("Of the actual “%(label)s” · true positive rate") % {"label": positive},
        "false_positive_rate": _("Of the others · false positive rate"),
    }


def rate_cell(rate: "Figure | None") -> dict[str, str]:
    if rate is None:
        return {"value": "–", "range": ""}
    return {"value": percent(rate.value), "range": range_words(rate, "")}


# Sentences


def sentence(scores: "Found") -> str:
    """Whether the groups' scores differ."""
    return gap_sentence(scores, scores.gap, scores.metric)


def gap_sentence(scores: "Found", gap: "Gap | None", name: str) -> str:
    """Whether they differ by the headline's metric, or by a rate, called `name`."""
    if gap is None:
        return _("Fewer than two groups have enough test rows, so nothing is compared.")
    metric = "" if name in scores.gaps else name
    if not gap.is_shown:
        words = {"metric": metric_name(metric), "gap": gap_words(gap, metric)}
        if not metric:
            return _("No difference between the groups that can be shown: the gap is %(gap)s.") % words
        return _("No difference in %(metric)s between the groups that can be shown: the gap is %(gap)s.") % words
    sides = [
        scores.groups[place].rates.get(name) if name in scores.gaps else scores.groups[place].score
        for place in (gap.second, gap.first)
    ]
    return compared(scores, gap, sides[0], sides[1], metric) if sides[0] and sides[1] else ""


def compared(scores: "Found", gap: "Gap", lower: "Figure", higher: "Figure", metric: str) -> str:
    """“female” 64.5 % (55.0–73.0 %) against “male” 81.6 %: the gap is 17.1 points (95 % CI 6.0 to 28.0)."""
    return _("“%(second)s” %(lower)s (%(range)s) against “%(first)s” %(higher)s: the gap is %(gap)s.") % {
        "second": title_of(scores, gap.second),
        "lower": value_words(lower.value, metric),
        "range": range_words(lower, metric),
        "first": title_of(scores, gap.first),
        "higher": value_words(higher.value, metric),
        "gap": gap_words(gap, metric),
    }


def odds_sentence(scores: "Found") -> str:
    gaps = [scores.gaps.get(name) for name in ("true_positive_rate", "false_positive_rate")]
    widest = [gap.value for gap in gaps if gap]
    if len(widest) < len(gaps):
        return ""
    return _("Equalised odds: the larger of the last two gaps is %(number)s points.") % {"number": points(max(widest))}


def title_of(scores: "Found", place: int) -> str:
    name = scores.groups[place].name
    if name is None:
        return _("(empty)")
    return _("all others") if scores.is_condition and place else short(name)


def short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"


def reason_words(reason: str) -> str:
    from trainer.group_scores import LEAST_ROWS

    return {
        "": "",
        "few_rows": _("not judged: fewer than %(least)d test rows") % {"least": LEAST_ROWS},
        "one_answer": _("not judged: all its rows have one answer"),
    }[reason]


def is_share(metric: str) -> bool:
    """ "" stands for a rate."""
    return not metric or named(metric).is_share


def value_words(value: float, metric: str) -> str:
    return percent(value) if is_share(metric) else scored(value, metric)


def range_words(score: "Figure", metric: str) -> str:
    """“55.0–73.0 %”."""
    if is_share(metric):
        return with_percent(f"{points(score.low)}–{points(score.high)}")
    if named(metric).form == "score":
        return spread(score.low, score.high)
    return f"{scored(score.low, metric)}–{scored(score.high, metric)}"


def gap_words(gap: "Gap", metric: str) -> str:
    """“17.1 points (95 % CI 6.0 to 28.0)”, in the metric's own unit where that is no share."""
    write = points if is_share(metric) else figure_words
    numbers = [write(number) for number in (gap.value, gap.low, gap.high)]
    value = _("%(number)s points") % {"number": numbers[0]} if is_share(metric) else numbers[0]
    ends = {"shown": value, "level": percent(0.95, 0), "low": numbers[1], "high": numbers[2]}
    return _("%(shown)s (%(level)s CI %(low)s to %(high)s)") % ends


def others_words(others: int) -> str:
    return _("and %(count)s further values, which are not compared") % {"count": count(others)}
