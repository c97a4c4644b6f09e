"""/judge, /runs/ID/thumbs and /runs/ID/judging: a model that grades answers, the thumbs of people that measure it, its grades."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from ninja import Router, Schema, Status
from pydantic import Field

from trainer.judging.questions import MOST_PAIRS
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.api.auth import Body, Token, once
from webapp.api.schemas import Fault, Verdict, Whole
from webapp.api.shapes import moment
from webapp.core.problems import Conflict, Problem
from webapp.core.sentences import translated
from webapp.costs.gate import month
from webapp.runs import artifacts, judge_access, judge_page, judging, thumbs
from webapp.runs.judge_models import JudgeAccess
from webapp.runs.models import Judging, Run
from webapp.runs.views import load_run

router = Router(tags=["training"])
ADMIN = Token(Right.ADMINISTER, reading=Right.ADMINISTER)
VERDICTS = {"up": True, "down": False}
Price = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=5)]
Cap = Annotated[Decimal, Field(ge=judge_access.LEAST_CAP, max_digits=12, decimal_places=5)]


class JudgeIn(Body):
    url: str
    """As OpenAI's clients take a base URL, such as https://api.example.com/v1."""
    model: Annotated[str, Field(min_length=1, max_length=200)]
    key: str = ""
    """Stored encrypted and never shown; empty keeps the one that is stored for this address."""
    price_read: Price
    """Of a million tokens, as is `price_written`."""
    price_written: Price
    cap: Cap = Decimal(1)
    """What one grading may cost at most."""


class JudgeOut(Schema):
    url: str
    model: str
    has_key: bool
    price_read: str
    price_written: str
    cap: str
    currency: str


class ThumbIn(Body):
    row: int
    side: Literal["base", "predicted"]
    thumb: Verdict | None
    """null takes it back."""


class ThumbsIn(Body):
    thumbs: Annotated[list[ThumbIn], Field(min_length=1, max_length=1000)]


class AnswerOut(Schema):
    row: int
    side: Literal["base", "predicted"]
    prompt: str
    answer: str
    thumb: Verdict | None


class ThumbsOut(Schema):
    ups: int
    downs: int
    are_enough: bool
    """At least 30, five of each."""
    items: list[AnswerOut]
    next: None = None


class PlanOut(Schema):
    """What a grading would send, to whom, and what it costs at most."""

    host: str
    thumbs: int
    pairs: int
    questions: int
    """That were not asked before."""
    price: str
    currency: str


class JudgingIn(Body):
    consent: bool = False
    """The prompts and answers may be sent to the judge."""
    cap: Cap | None = None
    """What it may cost at most; without one, what an admin allows."""
    pairs: Annotated[int, Field(ge=0, le=MOST_PAIRS)] = MOST_PAIRS


class GradingOut(Schema):
    id: str
    status: Literal["open", "done", "failed", "cancelled"]
    model: str
    host: str
    cap: str
    foreseen: str
    spent: str
    currency: str
    done: int
    total: int
    """Questions."""
    created_at: str
    finished_at: str | None
    error: Fault | None
    result: Whole | None
    """`agreement` with people (`share`, `kappa`, each with its interval), `trusted`, `pairs` (`rows`, `won`, `lost`, `tied`, `share`;
    null where it is not trusted), `unanswered`."""
    sentences: list[str]


class JudgingOut(Schema):
    """`plan` is null without a judge or below thirty thumbs; `grading`: the latest."""

    plan: PlanOut | None
    grading: GradingOut | None


def judge_shape(access: JudgeAccess) -> dict[str, Any]:
    prices = {name: f"{getattr(access, name).normalize():f}" for name in judge_access.PRICES}
    shown = {"url": access.url, "model": access.model, "has_key": access.has_key} | prices
    return shown | {"currency": month(access.workspace).currency}


def grading_shape(row: Judging) -> dict[str, Any]:
    error = row.error and {
        "code": row.error["code"],
        "message": translated(row.error),
        "hint": translated(row.error, "hint"),
    }
    same = ("status", "model", "done", "total", "result")
    return {name: getattr(row, name) for name in same} | {
        "id": row.pk,
        "host": judge_access.host_of(row.url),
        **{name: f"{getattr(row, name).normalize():f}" for name in ("cap", "foreseen", "spent")},
        "currency": row.run.currency,
        "created_at": moment(row.created_at),
        "finished_at": moment(row.finished_at) if row.finished_at else None,
        "error": error,
        "sentences": [text for text in judge_page.words(row).values() if text] if row.result else [],
    }


def judging_shape(run: Run) -> dict[str, Any]:
    row, access, report = judging.latest(run), judge_access.find(run.workspace), artifacts.report(run)
    planned = None
    if access and thumbs.given(run, thumbs.written(run, report)).are_enough:
        plan = judging.plan(run, access, report)
        planned = plan._asdict() | {"price": f"{plan.price:f}", "currency": run.currency}
    return {"plan": planned, "grading": grading_shape(row) if row else None}


def thumbs_shape(run: Run) -> dict[str, Any]:
    answers, known = thumbs.written(run, artifacts.report(run)), thumbs.known(run)
    given = thumbs.given(run, answers)
    words = {True: "up", False: "down", None: None}
    items = [each._asdict() | {"thumb": words[known.get((each.row, each.side))]} for each in answers]
    return {"ups": given.ups, "downs": given.downs, "are_enough": given.are_enough, "items": items, "next": None}


def existing_judge(request: AuthedRequest) -> JudgeAccess:
    try:
        return judge_access.needed(request.workspace)
    except Conflict as conflict:
        raise Problem(conflict.message, code=conflict.code, hint=conflict.hint, status=404) from conflict


@router.get("/judge", response=JudgeOut, auth=ADMIN)
def get_judge(request: AuthedRequest) -> dict[str, Any]:
    """The workspace's judge model, without its key; 404 `no_judge`."""
    return judge_shape(existing_judge(request))


@router.put("/judge", response=JudgeOut, auth=ADMIN)
def put_judge(request: AuthedRequest, payload: JudgeIn) -> dict[str, Any]:
    """422 `bad_judge` for an address that is never asked: not https, or a port that the operator does not allow."""
    given = payload.model_dump()
    prices = {name: given.pop(name) for name in judge_access.PRICES}
    return judge_shape(judge_access.keep(request.workspace, request.user, **given, prices=prices))


@router.delete("/judge", response={204: None}, auth=ADMIN)
def delete_judge(request: AuthedRequest) -> Status[None]:
    """With its key; what it has graded stays."""
    judge_access.remove(existing_judge(request), request.user)
    return Status(204, None)


@router.get("/runs/{pk}/thumbs", response=ThumbsOut)
def list_thumbs(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """The answers to test prompts that can be rated, of this model and of its base model."""
    return thumbs_shape(load_run(request, pk))


@router.put("/runs/{pk}/thumbs", response=ThumbsOut, auth=Token(Right.LABEL))
def put_thumbs(request: AuthedRequest, pk: str, payload: ThumbsIn) -> dict[str, Any]:
    """Those that are not named stay."""
    run = load_run(request, pk)
    answers = thumbs.written(run, artifacts.report(run))
    for each in payload.thumbs:
        is_up = VERDICTS[each.thumb] if each.thumb else None
        thumbs.rate(run, request.user, answers, each.row, each.side, is_up)
    return thumbs_shape(run)


@router.get("/runs/{pk}/judging", response=JudgingOut)
def read_judging(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """What a grading would send and cost, and the latest one."""
    return judging_shape(load_run(request, pk))


@router.post("/runs/{pk}/judging", response={202: JudgingOut})
@once
def begin_judging(request: AuthedRequest, pk: str, payload: JudgingIn) -> Status[dict[str, Any]]:
    """Begins one (202). 422 `consent_needed` without `consent`, `few_thumbs`, `judge_too_dear` above the cap; 409 `no_judge`,
    `no_answers`, `at_work`."""
    run = load_run(request, pk)
    judging.begin(run, request.user, cap=payload.cap, pairs=payload.pairs, consents=payload.consent)
    return Status(202, judging_shape(run))


@router.post("/runs/{pk}/judging/cancel", response=JudgingOut)
def cancel_judging(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """What was graded is kept and not asked again."""
    run = load_run(request, pk)
    judging.cancel(run, request.user)
    return judging_shape(run)


@router.post("/runs/{pk}/judging/resume", response={202: JudgingOut})
def resume_judging(request: AuthedRequest, pk: str) -> Status[dict[str, Any]]:
    """Goes on with one that was cancelled or failed, under the same cap."""
    run = load_run(request, pk)
    judging.resume(run, request.user)
    return Status(202, judging_shape(run))
