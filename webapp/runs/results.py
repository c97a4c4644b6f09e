"""A run's report in words and rows; what is of its kind of answer says `webapp.answers`."""

import json
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from trainer import tasks
from webapp import answers as presentations
from webapp.answers.base import Scored
from webapp.catalog.titles import reads_table, trainable
from webapp.core.formats import count, number
from webapp.core.scores import metric_title, scored
from webapp.datasets.media import size_in
from webapp.runs.models import Run


def sentence(run: Run, report: dict[str, Any]) -> str:
    """How good a run is, in plain words: the page's title where nothing was compared, else what stands below it."""
    scored = scored_of(run, report)
    return presentations.of_task(run.task).sentence(scored, report) if scored else _("Done")


def below_verdict(run: Run, report: dict[str, Any]) -> str:
    """The same where the title tells the score already."""
    scored = scored_of(run, report)
    return presentations.of_task(run.task).below_verdict(scored, report) if scored else _("Done")


def scored_of(run: Run, report: dict[str, Any]) -> Scored | None:
    """None for a run without a score."""
    head = run.headline or {}
    value, rows = number(head.get("value")), test_rows(run, report)
    if value is None:
        return None
    return Scored(head | {"value": value}, rows, held_out(run, rows), run.columns.get("target") or "")


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


def shown_mistake(run: Run, mistake: dict[str, Any]) -> dict[str, Any]:
    """A mistake with its input as the page shows it: text, fields, or the address of a picture or a sound of the rows."""
    presentation = presentations.of_task(run.task)
    known = {"row", "truth", "predicted", *presentation.answer.mistake}
    key, value = next(((key, mistake[key]) for key in mistake if key not in known), ("", ""))
    shown = mistake | {"text": "", "fields": [], "medium": "", "address": ""}
    if reads_table(run.task) and isinstance(value, str):
        value = fields_in(value)
    if isinstance(value, dict):
        shown["fields"] = [(name, cell) for name, cell in value.items() if cell not in (None, "")]
    elif key in ("image", "audio"):
        shown |= {"medium": key, "address": reverse("run_media", args=[run.pk, value]), "text": value}
    else:
        shown["text"] = str(value)
    if key == "image" and isinstance(mistake.get("text"), str):
        shown["text"] = mistake["text"]
    return shown | presentation.mistake(mistake, lambda: size_in(run.version, str(value)))


def fields_in(text: str) -> Any:
    """A row of a table as reports keep it, JSON of column and cell; the text itself where it is none."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return fields if isinstance(fields, dict) else text
