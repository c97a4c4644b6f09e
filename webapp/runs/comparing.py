"""Runs of one prototype side by side: their scores on the same test rows, whether each difference is real, the rows that changed
sides, the settings that differ, and how they learned."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from trainer.answers.metrics import named
from trainer.tested_rows import Changes, changed_rows, have_same_rows
from webapp import answers
from webapp.catalog.forms import params_form
from webapp.catalog.titles import method_title, model_title
from webapp.core import charts, scores
from webapp.core.formats import figure, percent
from webapp.core.problems import Conflict, Problem
from webapp.runs import artifacts, results, storage, verdicts
from webapp.runs.models import Run, Status
from webapp.runs.querysets import QUESTION

MOST_RUNS = 5
COLOURS = ("", "two", "k3", "k4", "k5")
"""Of the runs in their order, in charts."""
NOT_COMPARABLE = "not_comparable"


@dataclass(frozen=True)
class Pair:
    """The first run beside another, `run`, on `rows` test rows of both. `changes`: where their answers part, None where those
    were not kept."""

    run: Run
    outcome: str
    difference: dict[str, float]
    p: float
    rows: int
    changes: Changes | None


@dataclass(frozen=True)
class Comparison:
    """`pairs`: the first of `runs` beside each of the others, in their order."""

    metric: str
    runs: list[Run]
    pairs: list[Pair]


def compare_runs(runs: list[Run]) -> Comparison:
    """The first run beside each of the others; `Problem` for fewer than two or too many, `Conflict` for runs that have no score
    yet, answer different questions, or were tested on different rows."""
    if not 2 <= len(runs) <= MOST_RUNS:
        raise Problem(
            _("Two to %(most)d runs can be compared.") % {"most": MOST_RUNS},
            code="run_count",
            hint=_("Choose them in the list of runs."),
            field="runs",
        )
    for run in runs:
        if run.status != Status.SUCCEEDED or not run.headline:
            raise Conflict(
                _("%(run)s has no score.") % {"run": run},
                code="no_score",
                hint=_("Only finished runs can be compared."),
            )
    first, *others = runs
    return Comparison(first.metric, runs, [paired(first, other) for other in others])


def paired(first: Run, other: Run) -> Pair:
    if any(getattr(first, name) != getattr(other, name) for name in QUESTION):
        raise Conflict(
            _("%(first)s and %(second)s answer different questions.") % {"first": first, "second": other},
            code=NOT_COMPARABLE,
            hint=_("Choose runs of one task that predict the same column."),
        )
    folders = storage.local(first), storage.local(other)
    same_version = first.version_id == other.version_id
    compared = None
    if have_same_rows(*folders, same_version=same_version):
        compared = verdicts.compare_artifacts(first.metric, *folders)
    if compared is None:
        raise Conflict(
            _("%(first)s and %(second)s were tested on different rows, so their scores cannot be compared.")
            % {"first": first, "second": other},
            code=NOT_COMPARABLE,
            hint=_("Train both on the same version of the data."),
        )
    changes = changed_rows(answers.of_task(first.task).key, *folders)
    return Pair(other, compared.outcome, compared.difference, compared.p, compared.rows, changes)


def sentence(first: Run, pair: Pair, metric: str) -> str:
    """“Run 3 is really better than run 1: +4.2 points (95 % CI 0.1 to 8.3).”"""
    values = {
        "run": first,
        "other": pair.run,
        "difference": verdicts.difference_words(pair.difference, metric),
    }
    words = {
        "better": _("%(run)s is really better than %(other)s: %(difference)s."),
        "worse": _("%(run)s is worse than %(other)s: %(difference)s."),
        "not shown": _("No difference between %(run)s and %(other)s that can be shown: %(difference)s."),
    }
    return words[pair.outcome] % values


def settings_that_differ(runs: list[Run]) -> list[dict[str, Any]]:
    """{title, values (one for each run)} of what is not the same in all: the data, the model, the method, each setting."""
    described = [described_settings(run) for run in runs]
    titles = {name: title for settings in described for name, (title, _value) in settings.items()}
    rows = [
        {"title": title, "values": [settings.get(name, ("", "–"))[1] for settings in described]}
        for name, title in titles.items()
    ]
    return [row for row in rows if len(set(row["values"])) > 1]


def described_settings(run: Run) -> dict[str, tuple[str, str]]:
    """{name: (title, value in words)}."""
    fields = params_form(run.task).fields
    settings = {
        "version": (_("Version"), str(run.version.number)),
        "model": (_("Model"), str(model_title(run.task, run.model))),
        "method": (_("Method"), str(method_title(run.task, run.method))),
        "device": (_("Device"), run.device or run.hardware),
        "seed": (_("Seed"), str(run.seed)),
    }
    for name, field in fields.items():
        value = run.params.get(name)
        shown = value if value is not None else field.widget.attrs.get("placeholder", "")
        settings[f"params.{name}"] = (str(field.label or name), in_words(shown))
    return settings


def in_words(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def overlaid_curves(runs: Iterable[Run]) -> SafeString | None:
    """The leading score of each run on validation rows, or else its loss, over epochs; None where no two have a line."""
    curves = {run: artifacts.report(run).get("history") or [] for run in runs}
    for name in (*(metric for metric in scores.leading() if metric != "loss"), "loss"):
        lines = {run: charts.curves_of(history, name) for run, history in curves.items()}
        points = {run: line.get("validation") or line.get("train") or [] for run, line in lines.items()}
        if sum(len(each) > 1 for each in points.values()) > 1:
            return chart(name, points)
    return None


def chart(name: str, points: dict[Run, list[charts.Point]]) -> SafeString:
    precise = percent if named(name).is_share else figure
    lines = [
        charts.Series(f"{run} {precise(each[-1][1])}", each, css)
        for (run, each), css in zip(points.items(), COLOURS, strict=False)
        if each
    ]
    title = scores.metric_title(name)
    ends = "; ".join(line.label for line in lines)
    return charts.line_chart(
        lines, title=title, sentence=f"{title}: {ends}.", format_value=charts.shown_as(name), unit=_("epochs")
    )


def asked_for(runs: QuerySet[Run], ids: Iterable[str]) -> list[Run]:
    """Of these runs those wanted by id, each once and in the order wanted; what is not there is left out."""
    order = list(dict.fromkeys(ids))
    by_id = runs.select_related("version", "prototype").in_bulk(order[: MOST_RUNS + 1])
    return [by_id[pk] for pk in order if pk in by_id]


SHOWN_CHANGES = 30
SHOWN_ROWS = 5


def changes_shown(first: Run, pair: Pair) -> list[dict[str, Any]]:
    """The rows that changed sides as the page shows them: the input as in the table of mistakes, what was right, and what each
    run answered."""
    if pair.changes is None:
        return []
    return [
        results.shown_mistake(
            first, {"row": change.row, **change.asked, "truth": change.truth, "predicted": change.first}
        )
        | {
            "actual": kept_words(change.truth),
            "mine": kept_words(change.first),
            "theirs": kept_words(change.second),
            "is_mine_better": change.better == "first",
        }
        for change in pair.changes.rows[:SHOWN_CHANGES]
    ]


def kept_words(cell: object) -> str:
    """An answer as predictions.parquet keeps it, in words: a label, a number, labels, the marked passages of a text, or the
    rows that a search found."""
    if isinstance(cell, float):
        return figure(cell)
    if not isinstance(cell, str) or not cell.startswith(("[", "{")):
        return str(cell)
    try:
        entries = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    if isinstance(entries, dict):
        return str(entries["answer"] or "–") if "answer" in entries else rows_in_words([*entries])
    if entries and isinstance(entries[0], int):
        return rows_in_words(entries)
    words = [
        ": ".join(str(entry[name]) for name in ("label", "text") if entry.get(name))
        if isinstance(entry, dict)
        else str(entry)
        for entry in entries
    ]
    return ", ".join(words) or "–"


def rows_in_words(rows: list[Any]) -> str:
    """The rows that a search found, or should have: the first five, and how many more there are."""
    shown = ", ".join(str(row) for row in rows[:SHOWN_ROWS])
    shown = ngettext("row %(rows)s", "rows %(rows)s", len(rows)) % {"rows": shown or "–"}
    return f"{shown} (+{len(rows) - SHOWN_ROWS})" if len(rows) > SHOWN_ROWS else shown


def table(comparison: Comparison) -> list[dict[str, Any]]:
    """{run, pair (None of the first), sentence} of each run."""
    first = comparison.runs[0]
    rows: list[dict[str, Any]] = [{"run": first, "pair": None, "sentence": ""}]
    return rows + [
        {"run": pair.run, "pair": pair, "sentence": sentence(first, pair, comparison.metric)}
        for pair in comparison.pairs
    ]
