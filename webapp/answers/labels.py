"""Several labels out of a few."""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from trainer import label_lists
from webapp.answers.base import Output, Presentation, Report
from webapp.answers.classes import ranked_classes
from webapp.answers.heat import heat
from webapp.answers.labelled import Labelling, Row, bad_label, label_of

KEPT_SCORES = 10
MOST_LABELS = 100
"""Of one row."""


class SeveralLabels(Labelling):
    """Any of the labels, or none of them: a cell is a list in JSON, an empty one where none fits."""

    scripts = ("js/label-toggles.js",)
    is_scored = is_in_bulk = can_have_more = True

    def typed(self, fields: QueryDict) -> list[str]:
        new = fields.get("new", "")
        return [*fields.getlist("value"), *([new] if new.strip() else [])]

    def cell(self, value: object, row: Row) -> str:
        if not isinstance(value, list):
            raise bad_label(
                _("Several labels are a list."), _("Send a list of labels, an empty one where none of them fits.")
            )
        labels = sorted({label_of(label) for label in value})
        if len(labels) > MOST_LABELS:
            raise bad_label(
                _("A row has at most %(limit)d labels.") % {"limit": MOST_LABELS}, _("Choose fewer labels.")
            )
        return label_lists.write_labels(labels)

    def value(self, cell: str) -> list[str]:
        return label_lists.read_labels(cell)

    def label_text(self, cell: str) -> str:
        return ", ".join(self.value(cell)) or _("none of the labels")

    def fields(self, value: Any) -> list[str]:
        return list(map(str, value))

    def labels(self, cell: str) -> list[str]:
        return self.value(cell)

    def normal(self, cell: str) -> str:
        return label_lists.write_labels(self.value(cell))

    def added(self, cell: str, label: str) -> str:
        return label_lists.write_labels(sorted({*self.value(cell), label}))

    def renamed(self, cell: str, names: Mapping[str, str]) -> str:
        return label_lists.write_labels(sorted({names.get(label, label) for label in self.value(cell)}))

    def mistaken(self, mistake: Mapping[str, Any], cell: str) -> str:
        missed, extra = (mistake.get(name) for name in ("missed", "extra"))
        if not isinstance(missed, list) or not isinstance(extra, list):
            return ""
        return label_lists.write_labels(sorted({*self.value(cell), *map(str, extra)} - set(map(str, missed))))

    def compared(self, cell: str) -> frozenset[str]:
        return frozenset(self.value(cell))

    def apart(self, counts: Counter[frozenset[str]]) -> float:
        sets = list(counts.items())
        pairs = ((labels, times, *other) for index, (labels, times) in enumerate(sets) for other in sets[index + 1 :])
        return 2 * sum(times * others * masi(labels, other) for labels, times, other, others in pairs)

    def against(self, first: frozenset[str], second: frozenset[str]) -> list[tuple[str, str]]:
        """Labels that one alone gave, beside those that the other alone gave."""
        ours, theirs = first - second, second - first
        if ours and theirs:
            return [(label, other) for label in ours for other in theirs]
        return [(label, _("not %(label)s") % {"label": label}) for label in ours or theirs]


@lru_cache(maxsize=10_000)
def masi(first: frozenset[str], second: frozenset[str]) -> float:
    """How far sets of labels are from each other, 0 to 1: by what they do not share, and less where one holds the other (Passonneau
    2006, "Measuring agreement on set-valued items (MASI) for semantic and pragmatic annotation")."""
    if first == second:
        return 0.0
    shared = first & second
    likeness = 0.0 if not shared else 2 / 3 if first <= second or second <= first else 1 / 3
    return 1 - likeness * len(shared) / len(first | second)


class Labels(Presentation):
    key = "labels"
    labelling = SeveralLabels()

    @property
    def hint(self) -> str:
        return _("Shows every label that applies, and the probability of each.")

    @property
    def mistakes_title(self) -> str:
        return _("Most confident mistakes")

    def answer_text(self, output: Output) -> str:
        return ", ".join(entry["label"] for entry in output["labels"]) or _("none of the labels")

    def shortened(self, output: Output) -> Output:
        return output | {"scores": output["scores"][:KEPT_SCORES]} if "scores" in output else output

    def context(self, report: Report) -> dict[str, Any]:
        """together (see there), and weakest, scarcest and untested (see `ranked_classes`)."""
        return {"together": together(report.get("together") or {}), **ranked_classes(report.get("per_class", []), "f1")}


def together(tables: dict[str, Any]) -> dict[str, Any]:
    """{sides: [{name, rows [{label, cells [{count, heat 0..7, hit}]}]}], labels, pair}: rows that have two labels at once, as they
    are and as they were predicted; `pair`: the two labels that this differs most for, {first, second, truth, predicted}."""
    labels = tables.get("labels") or []
    sides = [{"name": name, "rows": rows_of(labels, tables[name])} for name in ("truth", "predicted") if labels]
    differences = [
        (abs(tables["truth"][row][column] - tables["predicted"][row][column]), row, column)
        for row in range(len(labels))
        for column in range(row)
    ]
    most, row, column = max(differences, default=(0, 0, 0))
    pair = {"first": labels[column], "second": labels[row]} if most else None
    if pair:
        pair |= {name: tables[name][row][column] for name in ("truth", "predicted")}
    return {"labels": labels, "sides": sides, "pair": pair}


def rows_of(labels: list[str], counts: list[list[int]]) -> list[dict[str, Any]]:
    """The share of a row's own label says how warm a cell is."""
    rows = []
    for row, label in enumerate(labels):
        own = counts[row][row] or 1
        cells = [
            {"count": count, "heat": heat(count, own), "hit": row == column} for column, count in enumerate(counts[row])
        ]
        rows.append({"label": label, "cells": cells})
    return rows


PRESENTATION = Labels()
