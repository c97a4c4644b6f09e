"""A report said in words and rows that fit its kind of answer: classes, numbers, objects, text."""

import json
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from webapp.core import words
from webapp.core.media import size_of
from webapp.core.scores import SHORT, best_first, metric_title, readable, score_words, scored
from webapp.core.words import figure, number, percent
from webapp.datasets.media import media_file
from webapp.runs.models import Run

MOST_READ = 8 * 2**20
"""Of a picture whose size is looked up."""
FIGURES = frozenset(("row", "truth", "predicted", "score", "error", "missed", "extra", "wer", "cer", "probability"))
"""Fields of a mistake that are not its input."""

BASELINES = {
    "majority": lambda: _("Always the commonest label"),
    "mean": lambda: _("Always the mean"),
    "mean_box": lambda: _("Always each label’s mean box"),
    "tfidf_logistic": lambda: _("Counting words"),
    "tfidf_ridge": lambda: _("Counting words"),
    "pixels_logistic": lambda: _("Comparing coarse pixels"),
    "bands_logistic": lambda: _("Comparing how loud each band of tones is"),
    "pixels_ridge": lambda: _("Comparing coarse pixels"),
    "spectrum_logistic": lambda: _("Comparing mean spectra"),
    "spectrum_ridge": lambda: _("Comparing mean spectra"),
    "logistic": lambda: _("Logistic regression"),
    "ridge": lambda: _("Ridge regression"),
    "base_model": lambda: _("The model before training"),
    "silence": lambda: _("Always writing nothing"),
}


def sentence(run: Run, report: dict[str, Any]) -> str:
    """The page's title: how good the run is, in plain words."""
    head, metrics = run.headline or {}, report.get("metrics", {})
    name, value = head.get("name"), number(head.get("value"))
    if value is None:
        return _("Done")
    if name == "accuracy":
        return _("Right on %(right)s rows it had never seen") % {
            "right": words.of_rows(value, run.version.split.get("test"))
        }
    if name in ("r2", "rmse", "mae") and metrics.get("mae") is not None:
        return _("Off by %(miss)s on average, on rows it had never seen") % {"miss": figure(metrics["mae"])}
    if name == "roc_auc":
        return _("Puts %(right)s of 100 pairs in the right order, of rows it had never seen") % {
            "right": words.of_hundred(value)
        }
    if name in ("map_50", "map"):
        return _("Finds and places objects with a precision of %(share)s in pictures it had never seen") % {
            "share": percent(value, 0)
        }
    if name == "wer":
        right = words.of_hundred(max(0.0, 1 - value))
        return _("Gets %(right)s of 100 words right in recordings it had never heard") % {"right": right}
    return _("%(name)s on rows it had never seen") % {"name": score_words(head)}


def outlook(head: dict[str, Any]) -> str:
    """What to expect of new rows, from the interval."""
    name, low, high = head.get("name", ""), number(head.get("low")), number(head.get("high"))
    if low is None or high is None:
        return ""
    if name == "accuracy":
        ends = {"low": words.of_hundred(low), "high": words.of_hundred(high)}
        return (
            _("New rows like these would score between %(low)s and %(high)s of 100, nineteen times in twenty.") % ends
        )
    if name == "wer":
        shares = {"low": scored(low, name), "high": scored(high, name)}
        return (
            _(
                "Of recordings like these it would get between %(low)s and %(high)s of the words wrong, nineteen times in twenty."
            )
            % shares
        )
    ends = {"name": SHORT.get(name, metric_title(name)), "low": scored(low, name), "high": scored(high, name)}
    return _("New rows like these would give %(name)s between %(low)s and %(high)s, nineteen times in twenty.") % ends


def compared(report: dict[str, Any], head: dict[str, Any]) -> list[dict[str, Any]]:
    """[{title, note, value, low, high}] of the baselines in the headline's metric, the best first."""
    name = head.get("name", "")
    found = []
    for key, base in (report.get("baselines") or {}).items():
        if not isinstance(base, dict) or number(base.get(name)) is None:
            continue
        word = BASELINES.get(key)
        title = str(word()) if word else readable(key)
        if base.get("label") and key in ("majority", "mean"):
            title = _("Always “%(label)s”") % {"label": base["label"]}
        seconds = number(base.get("seconds"))
        note = _("no model at all, %(time)s") % {"time": words.duration(seconds)} if seconds else ""
        ends = {"low": base.get("low"), "high": base.get("high")} if name == "accuracy" else {}
        found.append({"title": title, "note": note, "value": base[name], **ends})
    return best_first(found, lambda one: {"name": name, "value": one["value"]})


def other_metrics(report: dict[str, Any], head: dict[str, Any]) -> list[dict[str, str]]:
    """Every metric but the headline: [{title, value}]."""
    return [
        {"title": metric_title(name), "value": scored(value, name)}
        for name, value in (report.get("metrics") or {}).items()
        if name != head.get("name") and number(value) is not None
    ]


def shown_mistake(run: Run, one: dict[str, Any]) -> dict[str, Any]:
    """A mistake with its input as the page shows it: text, fields, or the address of a picture or a sound of the rows."""
    key, value = next(((key, one[key]) for key in one if key not in FIGURES), ("", ""))
    found = dict(one) | {"text": "", "fields": [], "medium": "", "address": ""}
    if run.task.startswith("tabular-") and isinstance(value, str):
        value = fields_in(value)
    if isinstance(value, dict):
        found["fields"] = [(name, cell) for name, cell in value.items() if cell not in (None, "")]
    elif key in ("image", "audio"):
        found |= {"medium": key, "address": reverse("run_media", args=[run.pk, value]), "text": value}
        if isinstance(one.get("truth"), list):
            found["size"] = picture_size(run, value)
    else:
        found["text"] = str(value)
    if key == "image" and isinstance(one.get("text"), str):
        found["text"] = one["text"]
    return found


def fields_in(text: str) -> Any:
    """A row of a table as reports keep it, JSON of column and cell; the text itself where it is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, dict) else text


def picture_size(run: Run, name: str) -> tuple[int, int] | None:
    file = media_file(run.version, name)
    if file is None:
        return None
    with file[0].open("rb") as content:
        return size_of(content.read(MOST_READ))
