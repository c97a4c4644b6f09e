"""The confidence threshold of a finished run: what a model that answers only when it is sure enough would answer and get
right, chosen on validation rows or answers out of fold and proved on the test rows."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webapp.core.formats import count, number, percent
from webapp.core.numbers import whole

PREFERRED_TARGETS = (0.95, 0.9, 0.99)
"""Which of the report's targets the page begins with, the first that has a threshold."""
FIGURES = ("threshold", "answered", "right", "low")
USUAL = 0.7
"""The threshold that a report without a choice begins with."""


def is_cross_validated(report: dict[str, Any]) -> bool:
    return (report.get("evaluation") or {}).get("kind") == "folds"


def proved(report: dict[str, Any]) -> list[dict[str, Any]]:
    """[{threshold, answered, right, low}] on the test rows; `low` None where nothing is proved.

    A bound holds for the thresholds that were chosen without the test rows alone: who drags along the slider until it
    promises enough chooses by them. In a cross-validation every row is a test row and was chosen by as well, so the figures
    are those of `threshold_choice`, where each round chose without its test rows. Of two targets that chose one threshold,
    the lower bound is told.
    """
    given = [{name: entry.get(name) for name in FIGURES} for entry in report.get("thresholds") or []]
    points = [point | {"low": None} for point in given]
    for choice in report.get("threshold_choice") or []:
        if choice.get("threshold") is None or not points:
            continue
        place = nearest(points, choice["threshold"])
        test = (choice.get("test") or {}) if is_cross_validated(report) else given[place]
        if number(test.get("low")) is None:
            continue
        point = points[place]
        if point["low"] is None or test["low"] < point["low"]:
            point |= {name: test[name] for name in ("answered", "right", "low")}
    return points


def nearest(points: list[dict[str, Any]], threshold: float) -> int:
    return min(range(len(points)), key=lambda index: abs(points[index]["threshold"] - threshold))


def choices(report: dict[str, Any]) -> list[dict[str, Any]]:
    """[{target, threshold, index}] of the targets for which a threshold was chosen."""
    points = report.get("thresholds") or []
    return [
        {"target": choice["target"], "threshold": choice["threshold"], "index": nearest(points, choice["threshold"])}
        for choice in report.get("threshold_choice") or []
        if points and choice.get("threshold") is not None
    ]


def first(report: dict[str, Any]) -> int:
    """The index of the threshold that the page begins with."""
    chosen = {choice["target"]: choice["index"] for choice in choices(report)}
    preferred = [chosen[target] for target in PREFERRED_TARGETS if target in chosen]
    return preferred[0] if preferred else nearest(report["thresholds"], USUAL)


def outcome_at(report: dict[str, Any], chosen: object = None) -> dict[str, Any]:
    """What the model would do on the test rows at one of the thresholds, by its index, or at the one chosen.

    {index, last, threshold, right, wrong, left, missed, low, sentence, rest, choices, source, points (see `proved`), all_right
    (of all test rows, if every one is answered)}; empty without thresholds. `low` is the one-sided 95 % bound of the share of
    right answers; None where there is none, and in reports of before there was one.
    """
    points, rows = proved(report), int(report.get("test_rows") or 0)
    if not points:
        return {}
    index = min(whole(str(chosen or ""), first(report)), len(points) - 1)
    point = points[index]
    answered, right = point["answered"], point["right"]
    unanswered, all_right = rows - answered, report["thresholds"][0]["right"]
    outcome = {
        "index": index,
        "last": len(points) - 1,
        "threshold": point["threshold"],
        "answered": answered,
        "right": right,
        "wrong": answered - right,
        "left": unanswered,
        "missed": max(0, unanswered - (all_right - right)),
        "points": points,
        "all_right": all_right,
        "low": number(point.get("low")),
        "choices": choices(report),
        "source": source(report),
    }
    return outcome | {"sentence": sentence(outcome, rows), "rest": rest(outcome)}


def sentence(point: dict[str, Any], rows: int) -> str:
    """“At 70 %: answers 80 % of rows; at least 93 % right (95 % confidence).”"""
    answered = point["answered"]
    values = {
        "threshold": percent(point["threshold"], 0),
        "answered": percent(answered / rows if rows else 0, 0),
        "share": percent(point["right"] / answered if answered else 0, 0),
        "level": percent(0.95, 0),
    }
    if not answered:
        return _("At %(threshold)s: answers none of the test rows.") % values
    if point["low"] is None:
        return _("At %(threshold)s: answers %(answered)s of rows, %(share)s of them right.") % values
    values["low"] = percent(int(100 * point["low"]) / 100, 0)
    return _("At %(threshold)s: answers %(answered)s of rows; at least %(low)s right (%(level)s confidence).") % values


def rest(point: dict[str, Any]) -> str:
    if not point["left"]:
        return ""
    values = {"left": count(point["left"]), "missed": count(point["missed"])}
    return _("%(missed)s of the %(left)s sent to a human would have been wrong.") % values


def source(report: dict[str, Any]) -> str:
    """Where the thresholds were chosen; empty in reports of before they were."""
    threshold_source = report.get("threshold_source") or {}
    rows = int(threshold_source.get("rows") or 0)
    if not rows:
        return ""
    values = {"rows": count(rows)}
    if threshold_source.get("kind") == "out-of-fold":
        return (
            ngettext(
                "Chosen on %(rows)s out-of-fold answer; the figures are those of the test rows.",
                "Chosen on %(rows)s out-of-fold answers; the figures are those of the test rows.",
                rows,
            )
            % values
        )
    return (
        ngettext(
            "Chosen on %(rows)s validation row; the figures are those of the test rows.",
            "Chosen on %(rows)s validation rows; the figures are those of the test rows.",
            rows,
        )
        % values
    )
