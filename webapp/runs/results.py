"""A report said in words and rows that fit its kind of answer: classes, numbers, objects, text."""

import json
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from trainer import tasks
from webapp.catalog.words import reads_table, trainable
from webapp.core.media import size_of
from webapp.core.scores import metric_title, score_words, scored
from webapp.core.words import count, figure, number
from webapp.datasets.media import media_file
from webapp.runs.models import Run

MOST_READ = 8 * 2**20
"""Of a picture whose size is looked up."""
FIGURES = frozenset(("row", "truth", "predicted", "score", "error", "missed", "extra", "wer", "cer", "probability"))
"""Fields of a mistake that are not its input."""


def sentence(run: Run, report: dict[str, Any]) -> str:
    """How good a run is, in plain words: the page's title where nothing was compared, else what stands below it."""
    head, metrics = run.headline or {}, report.get("metrics", {})
    name, value = head.get("name"), number(head.get("value"))
    if value is None:
        return _("Done")
    rows = test_rows(run, report)
    where = held_out(run, rows)
    if name == "accuracy":
        if not rows:
            return _("%(score)s on %(where)s") % {"score": score_words(head), "where": where}
        right = {"score": score_words(head), "where": where, "right": count(round(value * rows))}
        return _("%(score)s on %(where)s (%(right)s right)") % right
    if name in ("r2", "rmse", "mae") and metrics.get("mae") is not None:
        column = run.columns.get("target") or ""
        values = {"column": column, "miss": figure(metrics["mae"]), "where": where}
        if column:
            return _("%(column)s off by %(miss)s on average on %(where)s") % values
        return _("Off by %(miss)s on average on %(where)s") % values
    return _("%(score)s on %(where)s") % {"score": score_words(head), "where": where}


def below_verdict(run: Run, report: dict[str, Any]) -> str:
    """The same where the title tells the score already: how many of the test rows are right."""
    head = run.headline or {}
    value, rows = number(head.get("value")), test_rows(run, report)
    if head.get("name") != "accuracy" or value is None or not rows:
        return sentence(run, report)
    return _("%(right)s of %(where)s right") % {"right": count(round(value * rows)), "where": held_out(run, rows)}


def test_rows(run: Run, report: dict[str, Any]) -> int:
    return int(number(report.get("test_rows")) or run.version.test_rows)


def held_out(run: Run, rows: int) -> str:
    """The rows of a test in the words of their kind: “72 held-out texts”."""
    modality = tasks.get(run.task).modality if trainable(run.task) else "table"
    shown = {"n": count(rows)}
    if not rows:
        return _("held-out data")
    if modality == "text":
        return ngettext("%(n)s held-out text", "%(n)s held-out texts", rows) % shown
    if modality == "image":
        return ngettext("%(n)s held-out picture", "%(n)s held-out pictures", rows) % shown
    if modality == "audio":
        return ngettext("%(n)s held-out recording", "%(n)s held-out recordings", rows) % shown
    return ngettext("%(n)s held-out row", "%(n)s held-out rows", rows) % shown


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
    if reads_table(run.task) and isinstance(value, str):
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
