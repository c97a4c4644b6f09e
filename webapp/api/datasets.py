"""/datasets, /models, /tasks, /hardware, /me."""

from typing import Any

from django.db.models import Prefetch
from django.http import Http404
from django.shortcuts import get_object_or_404
from ninja import File, Form, Router, Status, UploadedFile
from ninja.errors import ValidationError
from pydantic import ValidationError as Unreadable

from trainer import tasks
from webapp.accounts.access import load
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right, check
from webapp.api import checks
from webapp.api.auth import Body, Token, check_choice, once, page
from webapp.api.schemas import DatasetOut, DatasetRow, Page
from webapp.api.shapes import dataset_row, dataset_shape, moment
from webapp.api.workspace_schemas import MeOut
from webapp.catalog.hardware import as_tenants_see, devices, options, workers
from webapp.core.problems import Conflict, Problem
from webapp.costs.actions import price_per_hour
from webapp.datasets import actions, exports, rows, uploads, versions
from webapp.datasets import requests as dataset_requests
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.pages import erasure, removal
from webapp.runs.models import Run

router = Router(tags=["data"])
PARTS = ("train", "validation", "test", "pool", "unused")


class UploadsIn(Body):
    """Files that came by tus (/uploads/), one or several, or a dataset of the Hugging Face hub by its name there."""

    upload: str | list[str] = []
    hub: str = ""
    name: str = ""
    header: int | None = None
    """The row of the column names, from 1; 0: there is none. Left out, it is found."""
    layout: str | None = None
    """What a plain text file is, where it would be guessed wrongly: table or text."""
    roles: dict[str, str] | None = None
    """{column: input, answer, ignore, id, group or time}, where they are known before the file is read."""
    reading: dict[str, str] | None = None
    """{what: choice}, how to read what can be read in several ways: {"header": "3"}."""


AS_JSON = {"requestBody": {"content": {"application/json": {"schema": UploadsIn.model_json_schema()}}}}


@router.post("/datasets", response={201: DatasetOut}, openapi_extra=AS_JSON)
@once
def create_dataset(
    request: AuthedRequest,
    file: File[list[UploadedFile] | None] = None,
    name: Form[str] = "",
    header: Form[int | None] = None,
    layout: Form[str | None] = None,
    relative_path: Form[list[str] | None] = None,
) -> Status[dict[str, Any]]:
    """Send one file or several (train and test by name; with a `relative_path` for each, in the same order, they keep their folders), or in JSON name finished uploads or a dataset of the hub; a worker reads them."""
    who = (request.workspace, request.user)
    if request.content_type == "application/json":
        named = uploads_in(request.body)
        ids = [named.upload] if isinstance(named.upload, str) else named.upload
        checks.check_roles(named.roles)
        reading = dataset_requests.read_request(named.header, named.layout, named.roles, named.reading)
        if named.hub and not ids:
            dataset = actions.fetch_dataset(*who, named.hub, named.name)
        else:
            dataset = uploads.create_dataset(*who, ids, named.name, reading)
    else:
        dataset = actions.create_dataset(*who, file or [], name, header, layout, relative_path)
    return Status(201, dataset_shape(dataset))


def uploads_in(body: bytes) -> UploadsIn:
    try:
        return UploadsIn.model_validate_json(body)
    except Unreadable as error:
        raise ValidationError(
            [dict(problem) for problem in error.errors(include_url=False, include_context=False)]
        ) from error


@router.get("/datasets", response=Page[DatasetRow])
def list_datasets(request: AuthedRequest, cursor: str | None = None) -> dict[str, Any]:
    light = DatasetVersion.objects.only("id", "dataset_id", "number", "status", "rows").order_by("-number")
    datasets = Dataset.objects.for_workspace(request.workspace).prefetch_related(
        Prefetch("versions", light, to_attr="shown_versions")
    )
    return page(datasets, cursor, dataset_row)


@router.get("/datasets/{pk}", response=DatasetOut)
def get_dataset(request: AuthedRequest, pk: str) -> dict[str, Any]:
    return dataset_shape(load(Dataset, request.workspace, pk))


@router.delete("/datasets/{pk}", response={204: None})
def delete_dataset(request: AuthedRequest, pk: str, prototypes: bool = False) -> Status[None]:
    """For good, with its files and caches. 409 while a prototype uses it, unless `prototypes` is true: then those go first, with
    their runs and demos; 409 while one of the runs is at work."""
    dataset = load(Dataset, request.workspace, pk)
    if prototypes:
        erasure.erase_dataset(dataset, request.user)
        return Status(204, None)
    if dataset.prototypes.exists():
        raise Conflict(
            "A prototype uses this dataset.", code="in_use", hint="Delete the prototype first, or send prototypes=true."
        )
    actions.delete_dataset(dataset, request.user)
    return Status(204, None)


class VersionIn(Body):
    """The next version: the same rows under other columns, or with issues fixed. `fixes` names several actions for one
    version; `safe` among them stands for every one that the reader marked as safe."""

    task: str | None = None
    columns: dict[str, str] | None = None
    roles: dict[str, str] | None = None
    """{column: input, answer, ignore, id, group or time}; they join those chosen before."""
    split: dict[str, Any] | None = None
    sheet: str | None = None
    header: int | None = None
    layout: str | None = None
    """What a plain text file is, where the guess was wrong: table or text."""
    reading: dict[str, str] | None = None
    """{what: choice}, as `reading` of the dataset lists them; the files are read anew."""
    fix: str | None = None
    fixes: list[str] | None = None
    changes: dict[str, Any] | None = None


@router.post("/datasets/{pk}/versions", response={201: DatasetOut}, auth=Token(Right.LABEL))
@once
def create_version(request: AuthedRequest, pk: str, payload: VersionIn) -> Status[dict[str, Any]]:
    """A labeller may send `changes` that set cells of the label column; all else is for editors."""
    dataset = load(Dataset, request.workspace, pk)
    check(request.membership, Right.LABEL if payload.model_fields_set == {"changes"} else Right.EDIT)
    version = actions.current_version(dataset)
    if fixes := [payload.fix] if payload.fix else payload.fixes:
        versions.apply_fixes(version, request.user, *fixes)
    elif payload.sheet:
        versions.read_sheet(version, request.user, payload.sheet, payload.header)
    elif payload.header is not None:
        versions.read_header(version, request.user, payload.header)
    elif payload.layout:
        versions.read_layout(version, request.user, payload.layout)
    elif payload.reading:
        versions.read_otherwise(version, request.user, payload.reading)
    elif payload.changes:
        checks.check_changes(version, payload.changes)
        check(request.membership, versions.right_for(version, payload.changes))
        versions.change(version, request.user, payload.changes)
    elif payload.columns or payload.split is not None or payload.task or payload.roles:
        versions.remap(version, request.user, *mapping_of(version, payload), payload.split, payload.roles)
    else:
        raise Problem(
            "Nothing to change was given.",
            hint="Send task, columns, roles, split, sheet, header, layout, reading, fix, fixes or changes.",
        )
    return Status(201, dataset_shape(dataset))


def mapping_of(version: DatasetVersion, payload: VersionIn) -> tuple[str, dict[str, str]]:
    """(task, columns) that the next version is asked to have; `Problem` for what none can have."""
    before = version.suggestion.get("task") or ""
    task = payload.task or before or tasks.all()[0].slug
    checks.check_task(task)
    columns = payload.columns or {}
    if not columns:
        same = task == before
        columns = versions.columns_after(version, payload.roles or {}) if same else checks.columns_for(version, task)
    checks.check_columns(task, columns)
    checks.check_roles(payload.roles, columns.values())
    checks.check_split(version, payload.split)
    return task, columns


@router.post("/datasets/{pk}/versions/{number}/restore", response={201: DatasetOut})
@once
def restore_version(request: AuthedRequest, pk: str, number: int) -> Status[dict[str, Any]]:
    """An older version again: the next one, with its rows, split and roles. It can be used at once and takes no room."""
    dataset = load(Dataset, request.workspace, pk)
    versions.restore(get_object_or_404(dataset.versions, number=number), request.user)
    return Status(201, dataset_shape(dataset))


@router.post("/datasets/{pk}/forget", response=dict)
def forget_originals(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """Delete for good the upload and every version before the newest; tells which runs learned from them."""
    version = load(Dataset, request.workspace, pk).current
    if version is None:
        raise Http404
    return removal.purge_history(version, request.user)


def version_of(request: AuthedRequest, pk: str, number: int | None) -> DatasetVersion:
    """A version that has been read, the newest by default; 404 for a stranger's and for one that is not there."""
    return actions.ready_version(load(Dataset, request.workspace, pk), number)


@router.get("/datasets/{pk}/rows", response=dict)
def list_rows(
    request: AuthedRequest,
    pk: str,
    version: int | None = None,
    page: int = 1,
    search: str = "",
    label: str = "",
    split: str = "",
    sort: str = "",
) -> dict[str, Any]:
    """A page of rows: searched, filtered by label and part, sorted by a column (`-` in front: downwards).

    With `more`, a search stopped early: `total` and `pages` are what was found so far, and later pages find more.
    """
    check_choice("split", split, PARTS)
    result = rows.page(
        version_of(request, pk, version), page, search=search, label=label, split=split, sort=sort, size=50
    )
    items = [
        {"row": row["number"], "split": row["split"], "cells": dict(zip(result.columns, row["cells"], strict=True))}
        for row in result.rows
    ]
    totals = {"total": result.total, "more": result.more, "page": result.number, "pages": result.pages}
    return {"items": items, **totals, "next": None}


@router.get("/datasets/{pk}/download")
def download_rows(request: AuthedRequest, pk: str, version: int | None = None, format: str = "csv") -> Any:
    """All rows as csv, jsonl or parquet; formulas in CSV are made harmless."""
    return exports.download(version_of(request, pk, version), format)


@router.get("/datasets/{pk}/diff", response=dict)
def diff_versions(request: AuthedRequest, pk: str, before: int, after: int) -> dict[str, Any]:
    """What version `after` has that `before` lacks, and the other way round."""
    return exports.difference(version_of(request, pk, before), version_of(request, pk, after))


@router.get("/tasks", response=dict)
def list_tasks(request: AuthedRequest) -> dict[str, Any]:
    return {"items": [task.declaration() for task in tasks.all()], "next": None}


@router.get("/models", response=dict)
def list_models(request: AuthedRequest, task: str | None = None) -> dict[str, Any]:
    check_choice("task", task, [declared.slug for declared in tasks.all()])
    chosen = [declared for declared in tasks.all() if task in (None, declared.slug)]
    return {
        "items": [model | {"task": declared.slug} for declared in chosen for model in declared.declaration()["models"]],
        "next": None,
    }


@router.get("/hardware", response=dict)
def list_hardware(request: AuthedRequest) -> dict[str, Any]:
    """What a run may ask for with its price, and the machines that are there."""
    records = workers()
    items = [
        {"hardware": name, "price_per_hour": str(price_per_hour(request.workspace, name))} for name in options(records)
    ]
    at_work = [record["run"] for record in records if record.get("run")]
    own = set(Run.objects.for_workspace(request.workspace).filter(pk__in=at_work).values_list("pk", flat=True))
    shown = as_tenants_see(records, own)
    return {"items": items, "devices": devices(shown), "workers": shown, "next": None}


@router.get("/me", response=MeOut)
def me(request: AuthedRequest) -> dict[str, Any]:
    membership = request.workspace.memberships.get(user=request.user)
    return {
        "email": request.user.email,
        "name": request.user.name,
        "role": membership.role,
        "workspace": {"id": request.workspace.pk, "name": request.workspace.name},
        "token": own_token(request),
    }


def own_token(request: AuthedRequest) -> dict[str, Any] | None:
    """What the call came in by; None for a browser that is signed in."""
    token = getattr(request, "api_token", None)
    if token is None:
        return None
    expires = moment(token.expires_at) if token.expires_at else None
    return {"id": token.pk, "name": token.name, "scope": token.scope, "expires_at": expires}
