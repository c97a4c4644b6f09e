"""/estimates and /runs."""

from typing import Any

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Field, Router, Status

from webapp.accounts.access import load
from webapp.api.auth import Body, once, one_of, page
from webapp.api.schemas import EstimateOut, Page, PrototypeRow, RunOut, RunRow
from webapp.api.shapes import run_row, run_shape
from webapp.core.problems import Conflict
from webapp.datasets.actions import remap
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.endpoints import removal
from webapp.prototypes.actions import prototype_of
from webapp.prototypes.models import Prototype
from webapp.runs import actions, estimates
from webapp.runs.live import log_lines
from webapp.runs.models import MAX_SEED, Run
from webapp.runs.models import Status as RunStatus
from webapp.runs.reports import report
from webapp.runs.stream import read
from webapp.runs.views import artifact_response

router = Router(tags=["training"])
WAIT_SECONDS = 90
EVENTS = 1000


class RunIn(Body):
    """All but `dataset` default to the dataset's suggestion and the task's recommended settings."""

    dataset: str
    version: int | None = None
    task: str | None = None
    columns: dict[str, str] | None = None
    model: str | None = None
    method: str | None = None
    params: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None
    hardware: str | None = None
    seed: int | None = Field(None, ge=0, le=MAX_SEED)
    prototype: str | None = None
    name: str | None = None


def version_of(request: HttpRequest, payload: RunIn) -> DatasetVersion:
    """The version asked for, the newest that is ready, or a new one under other columns (read before the run starts)."""
    dataset = load(Dataset, request.workspace, payload.dataset)
    if payload.version is not None:
        return load(
            DatasetVersion.objects.filter(dataset=dataset), request.workspace, version_id(dataset, payload.version)
        )
    version = dataset.current
    if version is None:
        failed = dataset.latest
        if failed and failed.error:
            raise Conflict(failed.error["message"], code=failed.error["code"], hint=failed.error.get("hint", ""))
        raise Conflict("This dataset has not been read yet.", code="not_ready", hint="Wait until its status is ready.")
    if payload.columns and payload.columns != version.suggestion.get("columns"):
        version = wait_until_read(
            remap(version, request.user, payload.task or version.suggestion.get("task") or "", payload.columns)
        )
    return version


def version_id(dataset: Dataset, number: int) -> str:
    return dataset.versions.filter(number=number).values_list("pk", flat=True).first() or ""


def wait_until_read(version: DatasetVersion) -> DatasetVersion:
    import time

    until = time.monotonic() + WAIT_SECONDS
    while version.status == "processing" and time.monotonic() < until:
        time.sleep(0.2)
        version.refresh_from_db()
    return version


def body_of(payload: RunIn) -> dict[str, Any]:
    return payload.model_dump(exclude={"dataset", "version", "columns", "prototype"}, exclude_none=True)


@router.post("/estimates", response=EstimateOut)
def create_estimate(request: HttpRequest, payload: RunIn) -> dict[str, Any]:
    """What this run would take: measured by a short trial on these very rows, which may take some seconds."""
    version = version_of(request, payload)
    return estimates.wait(estimates.request(version, body_of(payload)), WAIT_SECONDS)


@router.post("/runs", response={201: RunOut})
@once
def create_run(request: HttpRequest, payload: RunIn) -> Status[dict[str, Any]]:
    version = version_of(request, payload)
    actions.settings_of(version, body_of(payload))  # refused before a prototype is made for it
    if payload.prototype:
        prototype = load(Prototype, request.workspace, payload.prototype)
        if prototype.dataset_id != version.dataset_id:
            raise Conflict(
                "That prototype is about another dataset.", code="other_dataset", hint="Leave prototype out."
            )
    else:
        prototype = prototype_of(version.dataset, request.user)
    return Status(201, run_shape(actions.create_run(prototype, request.user, body_of(payload), version)))


@router.get("/runs", response=Page[RunRow])
def list_runs(
    request: HttpRequest, cursor: str | None = None, prototype: str | None = None, status: str | None = None
) -> dict[str, Any]:
    one_of("status", status, RunStatus.values)
    if prototype:
        load(Prototype, request.workspace, prototype)
    found = Run.objects.for_workspace(request.workspace)
    for name, value in (("prototype_id", prototype), ("status", status)):
        found = found.filter(**{name: value}) if value else found
    return page(found, cursor, run_row)


def load_run(request: HttpRequest, pk: str) -> Run:
    return load(Run.objects.select_related("prototype", "version__dataset", "workspace"), request.workspace, pk)


@router.get("/runs/{pk}", response=RunOut)
def get_run(request: HttpRequest, pk: str) -> dict[str, Any]:
    return run_shape(load_run(request, pk))


@router.delete("/runs/{pk}", response={204: None})
def delete_run(request: HttpRequest, pk: str) -> Status[None]:
    """The run, its artifact and its checkpoints are deleted for good; its costs stay. 409 while it is at work or served."""
    removal.delete_run(load_run(request, pk), request.user)
    return Status(204, None)


@router.get("/runs/{pk}/events", response=dict)
def run_events(request: HttpRequest, pk: str, after: int = 0) -> dict[str, Any]:
    """Events after one id, at most 1,000; `next` is the id to go on after, null at the end."""
    run = load_run(request, pk)
    found = [{"id": number} | event for number, event in read(run.events_path, after, EVENTS)]
    return {"items": found, "next": str(found[-1]["id"]) if len(found) >= EVENTS else None}


@router.get("/runs/{pk}/logs")
def run_logs(request: HttpRequest, pk: str) -> HttpResponse:
    lines = log_lines(load_run(request, pk).events_path)
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@router.get("/runs/{pk}/report", response=dict)
def run_report(request: HttpRequest, pk: str) -> dict[str, Any]:
    run = load_run(request, pk)
    found = report(run)
    if not found:
        raise Conflict("This run has no report.", code="no_report", hint="Only a finished run has one.")
    return found


@router.get("/runs/{pk}/artifact")
def run_artifact(request: HttpRequest, pk: str) -> HttpResponseBase:
    return artifact_response(load_run(request, pk))


@router.post("/runs/{pk}/cancel", response=RunOut)
def cancel_run(request: HttpRequest, pk: str) -> dict[str, Any]:
    return run_shape(actions.cancel(load_run(request, pk), request.user))


@router.post("/runs/{pk}/stop", response=RunOut)
def stop_run(request: HttpRequest, pk: str) -> dict[str, Any]:
    """End training now and keep the best so far: it is tested and packaged, and the run succeeds with `stopped_early`."""
    return run_shape(actions.stop(load_run(request, pk), request.user))


@router.post("/runs/{pk}/resume", response=RunOut)
def resume_run(request: HttpRequest, pk: str) -> dict[str, Any]:
    return run_shape(actions.resume(load_run(request, pk), request.user))


@router.get("/prototypes", response=Page[PrototypeRow])
def list_prototypes(request: HttpRequest, cursor: str | None = None) -> dict[str, Any]:
    found = Prototype.objects.for_workspace(request.workspace).annotate(dataset_name=F("dataset__name"))
    return page(
        found, cursor, lambda one: {"id": one.pk, "name": one.name, "task": one.task or None, "dataset": one.dataset_id}
    )
