"""/runs/ID/robustness and /runs/ID/insight: what is found out about a run on request."""

from typing import Any, Literal

from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import Router, Schema, Status

from webapp.accounts.requests import AuthedRequest
from webapp.api.schemas import MeasuringOut
from webapp.core.problems import Problem
from webapp.core.sentences import problem_of_error
from webapp.runs import examining, robustness
from webapp.runs.models import Examination, Run
from webapp.runs.views import load_run

router = Router(tags=["training"])
ASK_AGAIN_SECONDS = 5


class Fall(Schema):
    """How much worse than the rows as they are, with its 95 % interval; in the metric's unit, positive where it is worse."""

    value: float
    low: float
    high: float


class ChangeOut(Schema):
    """`unit` of the strengths: `share`, `quality` (of JPEG), `degrees`, `hertz` or `decibels`; `scores` and `falls`: one a strength."""

    name: str
    unit: str
    strengths: list[float]
    scores: list[float]
    falls: list[Fall]
    sentence: str


class RobustnessOut(Schema):
    """`of`: `test`, or `folds` where the rows were learned from too; `score`: of the rows as they are; `without_effect`: changes that
    these rows have nothing for."""

    metric: str
    rows: int
    of: Literal["test", "folds"]
    score: float
    changes: list[ChangeOut]
    without_effect: list[str]


@router.post("/runs/{pk}/robustness", response={200: RobustnessOut, 202: MeasuringOut})
def measure_robustness(request: AuthedRequest, pk: str, response: HttpResponse) -> Status[dict[str, Any]]:
    """Measured by a worker the first time: 202 with `Retry-After` meanwhile. 409 `no_score` or `model_removed`; 422
    `no_robustness` for a kind of answer that it cannot be told of."""
    return with_sentences(answer(asked_for(load_run(request, pk), Examination.Kind.ROBUSTNESS), response))


@router.get("/runs/{pk}/robustness", response={200: RobustnessOut, 202: MeasuringOut})
def read_robustness(request: AuthedRequest, pk: str, response: HttpResponse) -> Status[dict[str, Any]]:
    """What was measured; 404 `not_examined` where nobody asked."""
    return with_sentences(answer(existing(load_run(request, pk), Examination.Kind.ROBUSTNESS), response))


class InsightOut(Schema):
    """`map`: points of rows in the plane, the most typical and the oddest rows of each label, and of each test row those learned from
    that lie nearest; null for inputs that nothing reads as vectors. `tree` and `dependence`: of tables alone."""

    map: dict[str, Any] | None
    tree: dict[str, Any] | None
    dependence: dict[str, Any] | None


@router.post("/runs/{pk}/insight", response={200: InsightOut, 202: MeasuringOut})
def look_from_above(request: AuthedRequest, pk: str, response: HttpResponse) -> Status[dict[str, Any]]:
    """A map of the rows, and what a model of a table goes by: found by a worker the first time, 202 with `Retry-After` meanwhile. 409
    `no_score` or `model_removed`; 422 `no_vectors` for inputs that have none."""
    return answer(asked_for(load_run(request, pk), Examination.Kind.INSIGHT), response)


@router.get("/runs/{pk}/insight", response={200: InsightOut, 202: MeasuringOut})
def read_insight(request: AuthedRequest, pk: str, response: HttpResponse) -> Status[dict[str, Any]]:
    """What was found; 404 `not_examined` where nobody asked."""
    return answer(existing(load_run(request, pk), Examination.Kind.INSIGHT), response)


def asked_for(run: Run, kind: str) -> Examination:
    """Begun where it was not. One that failed is reported once, then begun anew."""
    before = examining.find(run, kind)
    row = examining.ask(run, kind)
    if before and before.error:
        raise failed(before)
    return row


def existing(run: Run, kind: str) -> Examination:
    row = examining.find(run, kind)
    if row is None:
        raise Problem(
            _("Nobody has asked for it yet."),
            code="not_examined",
            hint=_("Send a POST to the same address."),
            status=404,
        )
    return row


def answer(row: Examination, response: HttpResponse) -> Status[dict[str, Any]]:
    if row.error:
        raise failed(row)
    if row.result is None:
        response["Retry-After"] = str(ASK_AGAIN_SECONDS)
        return Status(202, {"status": "measuring", "retry_after": ASK_AGAIN_SECONDS})
    return Status(200, row.result)


def with_sentences(answer: Status[dict[str, Any]]) -> Status[dict[str, Any]]:
    card = answer.value
    if "changes" not in card:
        return answer
    changes = [change | {"sentence": robustness.sentence(card, change)} for change in card["changes"]]
    return Status(answer.status_code, card | {"changes": changes})


def failed(row: Examination) -> Problem:
    return problem_of_error(row.error or {})
