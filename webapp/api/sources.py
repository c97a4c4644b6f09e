"""/datasets/{id}/sources: places that a dataset's rows are read from again and again."""

from datetime import datetime
from typing import Any

from ninja import Router, Schema, Status

from webapp.accounts.access import load
from webapp.accounts.requests import AuthedRequest
from webapp.api.auth import Body, once
from webapp.core.sentences import translated
from webapp.datasets import data_sources
from webapp.datasets.models import Dataset
from webapp.datasets.source_models import DataSource

router = Router(tags=["data"])


class SourceIn(Body):
    address: str
    """https://…, the address of a Google Sheet, s3://bucket/key, or the path of a file or folder that the operator allows."""
    every: str = "daily"
    """hourly, daily or weekly."""
    known: bool = False
    """Its rows of now are in the data already: only those that come later are new."""
    key_id: str = ""
    secret: str = ""
    """Of S3; it is stored encrypted and never shown."""
    region: str = ""
    endpoint: str = ""
    """Of another S3 server than Amazon's."""


class SourceChange(Body):
    paused: bool | None = None
    every: str | None = None


class SourceError(Schema):
    code: str
    message: str
    hint: str


class SourceOut(Schema):
    id: str
    kind: str
    address: str
    """Without its query, which may be a secret."""
    every: str
    paused: bool
    reading: bool
    checked_at: datetime | None
    next_at: datetime | None
    rows: int
    """That it had when it last changed."""
    new_rows: int
    version: int | None
    """That its last new rows made."""
    failures: int
    error: SourceError | None


class SourcesOut(Schema):
    items: list[SourceOut]
    next: None = None


def shape(source: DataSource) -> dict[str, Any]:
    same = ("id", "kind", "address", "every", "paused", "checked_at", "next_at", "rows", "new_rows", "failures")
    error = source.error and {
        "code": source.error["code"],
        "message": translated(source.error),
        "hint": translated(source.error, "hint"),
    }
    made = source.made
    return {name: getattr(source, name) for name in same} | {
        "reading": source.due,
        "version": made.number if made is not None else None,
        "error": error,
    }


def load_source(request: AuthedRequest, pk: str, source: str) -> DataSource:
    dataset = load(Dataset, request.workspace, pk)
    return load(DataSource.objects.select_related("dataset", "made").filter(dataset=dataset), request.workspace, source)


@router.get("/datasets/{pk}/sources", response=SourcesOut)
def list_sources(request: AuthedRequest, pk: str) -> dict[str, Any]:
    dataset = load(Dataset, request.workspace, pk)
    sources = dataset.data_sources.select_related("made").order_by("created_at")
    return {"items": [shape(source) for source in sources], "next": None}


@router.post("/datasets/{pk}/sources", response={201: SourceOut})
@once
def add_source(request: AuthedRequest, pk: str, payload: SourceIn) -> Status[dict[str, Any]]:
    """Read at once, then on schedule. Rows that the dataset does not have join the newest version, as by `POST …/rows`."""
    dataset = load(Dataset, request.workspace, pk)
    given = payload.model_dump()
    made = data_sources.add(dataset, request.user, given.pop("address"), given.pop("every"), **given)
    return Status(201, shape(made))


@router.patch("/datasets/{pk}/sources/{source}", response=SourceOut)
def change_source(request: AuthedRequest, pk: str, source: str, payload: SourceChange) -> dict[str, Any]:
    data_source = load_source(request, pk, source)
    data_sources.change(data_source, request.user, paused=payload.paused, every=payload.every)
    return shape(data_source)


@router.post("/datasets/{pk}/sources/{source}/read", response={202: SourceOut})
def read_source(request: AuthedRequest, pk: str, source: str) -> Status[dict[str, Any]]:
    """Now, paused or not."""
    data_source = load_source(request, pk, source)
    data_sources.read_now(data_source)
    return Status(202, shape(data_source))


@router.delete("/datasets/{pk}/sources/{source}", response={204: None})
def delete_source(request: AuthedRequest, pk: str, source: str) -> Status[None]:
    """The rows that it brought stay."""
    data_sources.remove(load_source(request, pk, source), request.user)
    return Status(204, None)
