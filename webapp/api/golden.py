"""/prototypes/{id}/golden and /runs/{id}/golden: rows that a model must never get wrong."""

from typing import Any

from ninja import Field, Router, Schema

from webapp.accounts.access import load
from webapp.accounts.requests import AuthedRequest
from webapp.api.auth import Body
from webapp.endpoints import golden
from webapp.endpoints.models import GoldenRow
from webapp.prototypes.models import Prototype
from webapp.runs.views import load_run

router = Router(tags=["sharing"])


class GoldenItem(Body):
    input: str | dict[str, Any]
    """A text, or an object of several inputs."""
    answer: str
    """The label that is right."""


class GoldenIn(Body):
    items: list[GoldenItem] = Field(max_length=golden.MOST_ROWS)


class GoldenOut(Schema):
    items: list[GoldenItem]
    next: None = None


class FailedItem(Schema):
    input: str | dict[str, Any]
    answer: str
    got: str


class GoldenChecked(Schema):
    rows: int
    failed: list[FailedItem]


def shape(row: GoldenRow) -> dict[str, Any]:
    return {"input": row.input, "answer": row.answer}


@router.get("/prototypes/{pk}/golden", response=GoldenOut)
def get_golden(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """The rows that a model must never get wrong."""
    rows = golden.rows_of(load(Prototype, request.workspace, pk))
    return {"items": [shape(row) for row in rows], "next": None}


@router.put("/prototypes/{pk}/golden", response=GoldenOut)
def put_golden(request: AuthedRequest, pk: str, payload: GoldenIn) -> dict[str, Any]:
    """The whole set, at most 100; `[]` is none. A run that fails one of them is not deployed (409 `golden_failed`)."""
    prototype = load(Prototype, request.workspace, pk)
    golden.replace(prototype, [golden.Entry(item.input, item.answer) for item in payload.items])
    return {"items": [shape(row) for row in golden.rows_of(prototype)], "next": None}


@router.get("/runs/{pk}/golden", response=GoldenChecked)
def check_golden(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """How the model of a run answers the golden set of its prototype."""
    run = load_run(request, pk)
    rows = golden.rows_of(run.prototype)
    failed = golden.failures(run, rows)
    return {"rows": len(rows), "failed": [shape(failure.row) | {"got": failure.got} for failure in failed]}
