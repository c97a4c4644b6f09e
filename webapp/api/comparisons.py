"""/compare."""

from typing import Any, Literal

from ninja import Router, Schema

from webapp.accounts.requests import AuthedRequest
from webapp.api.schemas import Difference
from webapp.api.shapes import money
from webapp.runs import comparing
from webapp.runs.comparing import Comparison, Pair
from webapp.runs.models import Run
from webapp.runs.views import load_run

router = Router(tags=["training"])
Verdict = Literal["better", "worse", "not shown"]


class ChangedRow(Schema):
    """A test row that one of two runs answers better; answers as predictions.parquet keeps them."""

    row: int
    input: dict[str, Any]
    truth: Any
    first: Any
    second: Any
    better: Literal["first", "second"]


class PairOut(Schema):
    """`run` beside `against` on `rows` shared test rows: `difference` is positive, and `verdict` "better", where `run` is better.
    `better` counts the rows that each answers better; null where the answers were not kept."""

    run: str
    against: str
    difference: Difference
    p: float
    verdict: Verdict
    rows: int
    sentence: str
    better: dict[str, int] | None


class ComparedRun(Schema):
    id: str
    name: str
    headline: dict[str, Any]
    seconds: float | None
    cost: str
    currency: str


class DifferingSetting(Schema):
    title: str
    values: list[str]
    """Of each run, in their order."""


class CompareOut(Schema):
    """`difference`, `verdict`, `sentence` and `changed` are those of the first run beside the second; `pairs` has the first beside
    each of the others. `changed` has at most 200 rows, the clearest changes first."""

    metric: str
    runs: list[ComparedRun]
    difference: Difference
    verdict: Verdict
    sentence: str
    pairs: list[PairOut]
    changed: list[ChangedRow]
    settings: list[DifferingSetting]


@router.get("/compare", response=CompareOut)
def compare_runs(request: AuthedRequest, runs: str) -> dict[str, Any]:
    """Two to five runs, their ids with commas between, on the test rows that they share: whether the first is better than each
    of the others, by paired tests. 409 `not_comparable` for runs that answer different questions or were tested on different
    rows, 409 `no_score` for one that has not finished."""
    ids = dict.fromkeys(pk.strip() for pk in runs.split(",") if pk.strip())
    loaded = [load_run(request, pk) for pk in list(ids)[: comparing.MOST_RUNS + 1]]
    return compare_shape(comparing.compare_runs(loaded))


def compare_shape(comparison: Comparison) -> dict[str, Any]:
    first, pair = comparison.runs[0], comparison.pairs[0]
    changes = pair.changes.rows if pair.changes else []
    return {
        "metric": comparison.metric,
        "runs": [run_shape(run) for run in comparison.runs],
        "difference": pair.difference,
        "verdict": pair.outcome,
        "sentence": comparing.sentence(first, pair, comparison.metric),
        "pairs": [pair_shape(first, each, comparison.metric) for each in comparison.pairs],
        "changed": [change._asdict() | {"input": change.asked} for change in changes],
        "settings": comparing.settings_that_differ(comparison.runs),
    }


def run_shape(run: Run) -> dict[str, Any]:
    return {
        "id": run.pk,
        "name": str(run),
        "headline": run.headline,
        "seconds": run.seconds,
        "cost": money(run.cost),
        "currency": run.currency,
    }


def pair_shape(first: Run, pair: Pair, metric: str) -> dict[str, Any]:
    return {
        "run": first.pk,
        "against": pair.run.pk,
        "difference": pair.difference,
        "p": pair.p,
        "verdict": pair.outcome,
        "rows": pair.rows,
        "sentence": comparing.sentence(first, pair, metric),
        "better": {"first": pair.changes.first, "second": pair.changes.second} if pair.changes else None,
    }
