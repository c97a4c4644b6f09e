"""/runs/ID/groups."""

from typing import Any, Literal

from ninja import Router, Schema

from webapp.accounts.requests import AuthedRequest
from webapp.runs import grouping
from webapp.runs.views import load_run

router = Router(tags=["training"])


class GroupFigure(Schema):
    """A score, or a rate of so many `rows`, with its 95 % interval."""

    value: float
    low: float
    high: float
    rows: int


class GroupOut(Schema):
    """`name`: the column's cell, or the condition; null for the rows without a cell. `reason`: why it has no score: `few_rows` or
    `one_answer`, else empty. `rates`: of two classes `selection_rate`, `true_positive_rate` and `false_positive_rate`, null from
    too few rows."""

    name: str | None
    rows: int
    score: GroupFigure | None
    reason: Literal["", "few_rows", "one_answer"]
    rates: dict[str, GroupFigure | None]


class GroupGap(Schema):
    """Between the groups that are farthest apart: `first` is the better one, of rates the higher."""

    first: str | None
    second: str | None
    value: float
    low: float
    high: float
    p: float
    verdict: Literal["gap", "not shown"]


class GroupsOut(Schema):
    """`rows`: test rows of all groups. `others`: values beyond the twelve largest groups. `gap`: null where fewer than two groups
    are judged. `positive`: the class that `rates` are told of, null unless there are two."""

    by: str
    metric: str
    rows: int
    least_rows: int
    groups: list[GroupOut]
    others: int
    gap: GroupGap | None
    positive: str | None
    rates: dict[str, GroupGap | None]
    equalised_odds: float | None
    sentence: str


@router.get("/runs/{pk}/groups", response=GroupsOut)
def run_groups(request: AuthedRequest, pk: str, by: str, positive: str = "") -> dict[str, Any]:
    """The run's score on groups of its test rows: `by` a column of its data, or a condition such as `age < 25`. 422
    `unknown_column`, `bad_condition` or `unknown_label`; 409 `no_score` for a run that has not finished, `rows_gone` or
    `answers_gone` where these were not kept."""
    scores = grouping.find_groups(load_run(request, pk), by, positive)
    from trainer.group_scores import described

    return described(scores) | {"by": by, "sentence": grouping.sentence(scores)}
