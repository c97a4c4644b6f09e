"""/datasets/{id}/queue, /labels, /labelling: rows without a label, and the labels that they get."""

from typing import Any, Literal

from ninja import Field, Router, Schema, Status
from pydantic import StrictFloat, StrictInt

from webapp.accounts.access import load
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.api.auth import Body, Token, check_choice, once
from webapp.api.schemas import Whole
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.labelling import actions, doubts
from webapp.labelling.alike import SHOWN, alike
from webapp.labelling.kinds import kind_of
from webapp.labelling.progress import as_json, thin_of
from webapp.labelling.queue import MOST_AT_ONCE, MOST_SEARCHED, ORDERS, POOLED, ROWS_AT_ONCE, items

router = Router(tags=["labelling"])
LABELLER = Token(Right.LABEL)


class SuggestionOut(Schema):
    label: str
    """In words, where it is more than a label."""
    score: float | None
    """0 to 1: how sure the model is; null where it does not say."""
    value: Any
    """As `labels` takes it."""


class QueueItem(Whole):
    """The inputs of the row stand beside it by their role; those of a table in `columns`."""

    row: int
    suggestion: SuggestionOut | None
    reason: str | None
    """What it is asked for: test, random, uncertain, like (the last one corrected) or spread; null in other orders."""
    label: Any
    """That it has, as `labels` takes it, where it is asked about again; `suggestion` is the other one then."""


class QueueOut(Schema):
    items: list[QueueItem]
    next: None


class AlikeItem(QueueItem):
    similarity: float
    """A cosine: 1 is the same."""


class AlikeOut(Schema):
    items: list[AlikeItem]
    next: None


class LabelIn(Body):
    row: int
    value: str | StrictInt | StrictFloat | list[str] | list[dict[str, Any]] | None
    """In the form of its kind: a label, a list of labels, a number, a text, passages or boxes (docs/labelling.md). null: skipped, to
    be asked again once a version was made."""
    left_out: bool = False
    """It stays in the data, and is never used and not asked about again."""
    source: Literal["person", "suggestion"] = "person"
    """`suggestion` for what a program has said, or a person has only accepted: it is never tested on."""
    before: str | StrictInt | StrictFloat | list[str] | list[dict[str, Any]] | None = None
    """The answer that the row has, where it is looked at again. The same as `value`: it is kept, and not asked about again."""


class LabelsIn(Body):
    labels: list[LabelIn] = Field(max_length=actions.MOST_DECISIONS)


class BeginIn(Body):
    task: str = Field("", max_length=60)
    """What the rows get: one label (`image-classification` …), several, boxes, and so on; the first that fits them unless said."""


class RefusedLabel(Schema):
    row: int
    code: str
    message: str
    hint: str


class LabelsOut(Schema):
    saved: int
    refused: list[RefusedLabel]


class UndoneOut(Schema):
    row: int
    value: Any
    """In the form in which it was sent; null for a row that was skipped or left out."""
    left_out: bool


class MadeOut(Schema):
    version: int
    status: Literal["processing", "ready", "failed"]


class ThinOut(Schema):
    label: str
    rows: int
    more: int
    """Until there are enough for a first model."""


class LabellingOut(Schema):
    labelled: int
    pool: int
    pending: int
    waiting: int
    """Decisions on rows of earlier versions that this one does not have, or of which it asks something else: they are kept."""
    score: dict[str, Any] | None
    """{name, value, low, high, rows} on the test rows that people have labelled."""
    history: list[dict[str, Any]]
    """[{labels, name, value, low, high}]."""
    change: dict[str, Any] | None
    """What the last labels changed: {labels, value, low, high, agreement, settled}."""
    settled: bool
    """More labels change nothing that can be measured."""
    thin: list[ThinOut]
    reader: str | None
    """What reads the rows for suggestions; null where nothing does."""
    learned_from: int
    """Labels that the suggestions know."""
    at_work: bool
    """They are being worked out anew."""
    advice: str


def version_of(request: AuthedRequest, pk: str) -> DatasetVersion:
    return actions.current_version(load(Dataset, request.workspace, pk))


@router.get("/datasets/{pk}/queue", response=QueueOut)
def queue(
    request: AuthedRequest, pk: str, order: str = "mixed", count: int = ROWS_AT_ONCE, search: str = "", about: str = ""
) -> dict[str, Any]:
    """The next rows without a label, at most 50: in the order of the `file`, `random`, or `mixed`, which teaches most; those with the
    words of `search` in the order of the file. Each with the label that is suggested for it, once ten rows have one. Or rows whose
    label may be wrong, the surest first: `suspects`, which a simple model doubts, and the `mistakes` of the run `about`. Or
    `unsure`: rows of the pool that visitors of a demo judged, those first that its model was least sure of."""
    check_choice("order", order, (*ORDERS, *POOLED, *doubts.SOURCES))
    version, count = version_of(request, pk), min(max(count, 1), MOST_AT_ONCE)
    if order in doubts.SOURCES:
        chosen = doubts.items(version, order, about, count)
    else:
        chosen = items(version, order, count, search=search[:MOST_SEARCHED])
    return {"items": [item.as_dict() for item in chosen], "next": None}


@router.get("/datasets/{pk}/alike", response=AlikeOut)
def get_alike(request: AuthedRequest, pk: str, row: int, count: int = SHOWN) -> dict[str, Any]:
    """Rows without a label that are nearest to `row`, at most 36, the least alike first; none that is reserved for the test. Give
    those that have its label the same, by `labels`. 409 where they are not worked out yet."""
    return {
        "items": [
            neighbour.as_dict()
            for neighbour in alike(actions.version_in_bulk(load(Dataset, request.workspace, pk)), row, count)
        ],
        "next": None,
    }


@router.post("/datasets/{pk}/labels", response={201: LabelsOut}, auth=LABELLER)
@once
def add_labels(request: AuthedRequest, pk: str, payload: LabelsIn) -> Status[dict[str, Any]]:
    """Each is saved at once; `labels/done` makes a version of them. 409 where somebody else has decided on all of them."""
    entries = [
        actions.Entry(
            label.row,
            label.value,
            left_out=label.left_out,
            source=label.source,
            before=label.before,
        )
        for label in payload.labels
    ]
    refused = actions.decide(version_of(request, pk), request.user, entries)
    return Status(201, {"saved": len(entries) - len(refused), "refused": refused})


@router.post("/datasets/{pk}/labels/undo", response=UndoneOut, auth=LABELLER)
def undo_label(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """Takes back your last decision that is in no version yet."""
    version = version_of(request, pk)
    decision = actions.undo(version, request.user)
    value = None if decision.value is None else kind_of(version).value(decision.value)
    return {"row": decision.row, "value": value, "left_out": decision.left_out}


@router.post("/datasets/{pk}/labels/done", response={202: MadeOut}, auth=LABELLER)
@once
def finish_labels(request: AuthedRequest, pk: str) -> Status[dict[str, Any]]:
    """Makes the next version, with everybody's decisions; where there are none, answers with the version that there is."""
    made = actions.done(version_of(request, pk), request.user)
    return Status(202, {"version": made.number, "status": made.status})


@router.post("/datasets/{pk}/labels/begin", response={202: MadeOut})
@once
def begin_labels(request: AuthedRequest, pk: str, payload: BeginIn) -> Status[dict[str, Any]]:
    """Adds an empty column for labels of rows that have none, in the next version; the version that there is where they wait for such
    labels already."""
    made = actions.begin(actions.version_there(load(Dataset, request.workspace, pk)), request.user, payload.task)
    return Status(202, {"version": made.number, "status": made.status})


@router.get("/datasets/{pk}/labelling", response=LabellingOut)
def get_labelling(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """How far it is: `labelled` rows, those of the file included, rows in the `pool`, and decisions that are `pending`."""
    version = version_of(request, pk)
    progress = actions.progress(version)
    return {
        "labelled": progress.labelled,
        "pool": progress.pool,
        "pending": progress.pending,
        "waiting": progress.waiting,
        **as_json(actions.guide_of(version)),
        "thin": [vars(label) for label in thin_of(actions.labels_of(version), actions.ENOUGH)],
        "advice": actions.advice(version, progress),
    }
