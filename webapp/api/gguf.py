"""/runs/ID/gguf: the model as a file for llama.cpp, Ollama and LM Studio."""

from typing import Any, Literal

from django.http.response import HttpResponseBase
from ninja import Router, Schema, Status

from webapp.accounts.requests import AuthedRequest
from webapp.api.auth import Body, once
from webapp.api.schemas import Fault
from webapp.core.sentences import translated
from webapp.runs import gguf
from webapp.runs.gguf_views import gguf_response
from webapp.runs.models import Run
from webapp.runs.views import load_run

router = Router(tags=["training"])
Kind = Literal["gguf-q8_0", "gguf-f16"]


class GgufIn(Body):
    kind: Kind = "gguf-q8_0"


class GgufFile(Schema):
    kind: Kind
    state: Literal["none", "working", "failed", "ready"]
    bytes: int | None
    problem: Fault | None


class GgufOut(Schema):
    """`can_be_written`: whether llama.cpp knows models of this kind; `has_library`: whether a worker has what writes it."""

    can_be_written: bool
    has_library: bool
    licence_notes: list[str]
    files: list[GgufFile]


def shape(run: Run) -> dict[str, Any]:
    shown = gguf.shown(run)
    if shown is None:
        return {"can_be_written": False, "has_library": gguf.has_library(), "licence_notes": [], "files": []}
    files = [each | {"problem": fault(each["problem"])} for each in shown["files"]]
    facts = {"has_library": shown["has_library"], "licence_notes": shown["notes"]}
    return {"can_be_written": True, "files": files} | facts


def fault(error: dict[str, Any] | None) -> dict[str, Any] | None:
    return error and {"code": error["code"], "message": translated(error), "hint": translated(error, "hint")}


@router.get("/runs/{pk}/gguf", response=GgufOut)
def read_gguf(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """Which files there are, or could be."""
    return shape(load_run(request, pk))


@router.post("/runs/{pk}/gguf", response={202: GgufOut})
@once
def write_gguf(request: AuthedRequest, pk: str, payload: GgufIn) -> Status[dict[str, Any]]:
    """Has a worker write one (202); 409 `no_gguf_form` for a model of another kind, `no_score` or `model_removed`. A file whose
    `state` is `failed` says why: `no_gguf` without the library."""
    run = load_run(request, pk)
    gguf.ask(run, payload.kind)
    return Status(202, shape(run))


@router.get("/runs/{pk}/gguf/{kind}")
def download_gguf(request: AuthedRequest, pk: str, kind: str) -> HttpResponseBase:
    """The file; 409 `not_written` before it is there, 404 for another kind."""
    return gguf_response(load_run(request, pk), kind)
