"""One label out of a few."""

from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from trainer.answers.metrics import named
from trainer.columns import canonical_label
from webapp.answers.base import Correction, Output, Presentation, Report, Scored
from webapp.answers.heat import heat
from webapp.answers.labelled import Labelling, Row, bad_label, label_of
from webapp.core.formats import count
from webapp.core.scores import score_words

SHOWN_CLASSES = 5
MATRIX_CLASSES = 20


class OneLabel(Labelling):
    is_suggested = is_scored = is_in_bulk = True

    def typed(self, fields: QueryDict) -> str:
        typed = fields.get("value") or fields.get("new", "")
        if not typed.strip():
            raise bad_label(_("No label was chosen."), _("Choose a label, or skip the row."), "new")
        return typed

    def cell(self, value: object, row: Row) -> str:
        return label_of(value)

    def labels(self, cell: str) -> list[str]:
        return [cell] if cell else []

    def normal(self, cell: str) -> str:
        return canonical_label(cell)


class Classes(Presentation):
    key = "class"
    says_itself = True
    labelling = OneLabel()

    @property
    def hint(self) -> str:
        return _("Shows the probability of each class.")

    @property
    def mistakes_title(self) -> str:
        return _("Most confident mistakes")

    def answer_text(self, output: Output) -> str:
        return str(output["label"])

    def shortened(self, output: Output) -> Output:
        return output | {"scores": output["scores"][:SHOWN_CLASSES]} if "scores" in output else output

    def correction(self, output: Output) -> Correction:
        labels = {entry["label"] for entry in output.get("scores", [])} - {output.get("label")}
        return Correction(tuple(sorted(labels)))

    def sentence(self, scored: Scored, report: Report) -> str:
        if not named(scored.headline["name"]).counts_rows or not scored.rows:
            return super().sentence(scored, report)
        right = {"score": score_words(scored.headline), "where": scored.where, "right": right_rows(scored)}
        return _("%(score)s on %(where)s (%(right)s right)") % right

    def below_verdict(self, scored: Scored, report: Report) -> str:
        if not named(scored.headline["name"]).counts_rows or not scored.rows:
            return self.sentence(scored, report)
        return _("%(right)s of %(where)s right") % {"right": right_rows(scored), "where": scored.where}

    def context(self, report: Report) -> dict[str, Any]:
        """matrix (see there), and weakest, scarcest and untested (see `ranked_classes`)."""
        return {"matrix": matrix(report.get("confusion") or {}), **ranked_classes(report.get("per_class", []), "f1")}


def right_rows(scored: Scored) -> str:
    return count(round(scored.value * scored.rows))


def ranked_classes(per_class: list[dict[str, Any]], score: str) -> dict[str, Any]:
    """weakest (the classes, the lowest `score` first, those without test rows last), scarcest (the class with the fewest test
    rows but not none, None where no class has any), untested (how many classes have none; their scores say nothing)."""
    tested = [metrics for metrics in per_class if metrics.get("rows")]
    untested = [metrics for metrics in per_class if not metrics.get("rows")]
    return {
        "weakest": [*sorted(tested, key=lambda metrics: metrics.get(score, 0)), *untested],
        "scarcest": min(tested, key=lambda metrics: metrics["rows"], default=None),
        "untested": len(untested),
    }


def matrix(confusion: dict[str, Any]) -> dict[str, Any]:
    """{labels, rows [{label, cells [{count, heat 0..7, hit}]}], left_out}: heat is the share of the row; of many classes those
    that are confused most."""
    labels, counts = confusion.get("labels", []), confusion.get("matrix", [])
    wrong = [sum(row) - row[i] + sum(other[i] for other in counts) - row[i] for i, row in enumerate(counts)]
    chosen = sorted(sorted(range(len(labels)), key=lambda i: -wrong[i])[:MATRIX_CLASSES])
    rows = []
    for i in chosen:
        total = sum(counts[i]) or 1
        cells = [{"count": counts[i][j], "heat": heat(counts[i][j], total), "hit": i == j} for j in chosen]
        rows.append({"label": labels[i], "cells": cells})
    return {"labels": [labels[i] for i in chosen], "rows": rows, "left_out": len(labels) - len(chosen)}


PRESENTATION = Classes()
