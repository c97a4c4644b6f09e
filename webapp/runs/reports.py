"""What the results page shows, from the artifact's report."""

import json
import math
from typing import Any

from webapp.core.files import files_below
from webapp.core.scores import is_at_ceiling, strip_ends
from webapp.runs import baselines, candidates, results, verdicts
from webapp.runs.models import Run
from webapp.runs.storage import local

MISTAKES = 8
MATRIX_CLASSES = 20
SIBLINGS = 3


def context(run: Run, found: dict[str, Any]) -> dict[str, Any]:
    """From the run's report, `found`: report, title (the verdict, else the score), score (the score in words, where the title is the verdict), verdict
    {outcome, detail}, tone and is_recommended (see `verdicts`), beside (against the best earlier run), next (what to try, unless it is better), matrix (rows with heat
    levels; the most confused classes when there are many), siblings, compared (baselines), ends (of the strips), metrics
    (but the headline), candidates (see `candidates.compared`), is_like_baseline (a linear model beside a linear baseline),
    at_ceiling (no model can score higher), mistakes, weakest, scarcest and untested (see `classes`), files."""
    head = run.headline or {}
    others = run.prototype.runs.filter(version=run.version, task=run.task, metric=run.metric).exclude(pk=run.pk)
    siblings = list(others.scored().best_first().select_related("version")[:SIBLINGS])
    bases = baselines.listed(found.get("baselines") or run.baselines, run.metric)
    scored = (head, *bases, *(one.headline or {} for one in siblings))
    values = [one.get(key) for one in scored for key in ("value", "low", "high")]
    title, verdict = verdicts.title(run), verdicts.of_run(run)
    return {
        "report": found,
        "title": title or results.sentence(run, found),
        "score": results.below_verdict(run, found) if title else "",
        "verdict": verdict,
        "candidates": candidates.compared(found, run.task),
        "is_like_baseline": candidates.is_like_baseline(found, verdict),
        "at_ceiling": is_at_ceiling(head),
        "tone": verdicts.tone(run),
        "is_recommended": verdicts.is_recommended(run),
        "detail": verdicts.detail(run),
        "beside": verdicts.beside_best_run(run),
        "next": None if verdicts.is_better(run) else verdicts.next_step(run),
        "matrix": matrix(found.get("confusion") or {}),
        "siblings": siblings,
        "compared": bases,
        "ends": strip_ends(values, run.metric),
        "metrics": results.other_metrics(found, head),
        "mistakes": [results.shown_mistake(run, one) for one in found.get("mistakes", [])[:MISTAKES]],
        **classes(found.get("per_class", [])),
        "files": files(run),
        "examples": examples(run),
    }


def classes(per_class: list[dict[str, Any]]) -> dict[str, Any]:
    """weakest (the classes, the lowest score first, those without test rows last), scarcest (the class with the fewest test
    rows but not none, None where no class has any), untested (how many classes have none; their scores say nothing)."""
    tested = [one for one in per_class if one.get("rows")]
    untested = [one for one in per_class if not one.get("rows")]
    return {
        "weakest": [*sorted(tested, key=lambda one: one.get("map_50", one.get("f1", 0))), *untested],
        "scarcest": min(tested, key=lambda one: one["rows"], default=None),
        "untested": len(untested),
    }


def examples(run: Run) -> list[Any]:
    try:
        return json.loads((local(run) / "examples.json").read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return []


def files(run: Run) -> list[dict[str, Any]]:
    found = sorted((path, facts.st_size) for path, facts in files_below(local(run)))
    return [{"name": str(path.relative_to(run.artifact)), "bytes": size} for path, size in found]


def matrix(confusion: dict[str, Any]) -> dict[str, Any]:
    """{labels, rows [{label, cells [{count, heat 0..7, hit}]}], left_out}: heat is the share of the row."""
    labels, counts = confusion.get("labels", []), confusion.get("matrix", [])
    wrong = [sum(row) - row[i] + sum(other[i] for other in counts) - row[i] for i, row in enumerate(counts)]
    shown = sorted(sorted(range(len(labels)), key=lambda i: -wrong[i])[:MATRIX_CLASSES])
    rows = []
    for i in shown:
        total = sum(counts[i]) or 1
        cells = [{"count": counts[i][j], "heat": math.ceil(7 * counts[i][j] / total), "hit": i == j} for j in shown]
        rows.append({"label": labels[i], "cells": cells})
    return {"labels": [labels[i] for i in shown], "rows": rows, "left_out": len(labels) - len(shown)}
