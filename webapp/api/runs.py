"""/estimates and /runs."""

from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from ninja import Field, Router, Status

from trainer import tasks
from webapp.accounts.access import load
from webapp.accounts.requests import AuthedRequest
from webapp.api import checks
from webapp.api.auth import Body, check_choice, once, page
from webapp.api.schemas import EstimateOut, MeasuringOut, Page, RunOut, RunRow
from webapp.api.shapes import run_row, run_shape
from webapp.core.connections import release_connection
from webapp.core.models import Row, WorkspaceQuerySet
from webapp.core.problems import Conflict, Problem
from webapp.core.sentences import problem_of_error
from webapp.costs import gate
from webapp.datasets.actions import current_version, lock_dataset
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.datasets.models import Status as VersionStatus
from webapp.datasets.quota import lock_quota
from webapp.datasets.versions import changed_roles, columns_after, remap, take_back
from webapp.pages import removal
from webapp.prototypes.actions import prototype_of
from webapp.prototypes.models import Prototype
from webapp.runs import actions, estimates, leaks
from webapp.runs.artifacts import report
from webapp.runs.live import log_lines
from webapp.runs.models import MAX_SEED, Run
from webapp.runs.models import Status as RunStatus
from webapp.runs.stream import read
from webapp.runs.views import artifact_response, load_run

router = Router(tags=["training"])
READ_SECONDS, MEASURE_SECONDS = 90, 10
"""How long a request waits for a version to be read, and for a trial to end."""
ASK_AGAIN_SECONDS = 5
EVENTS = 1000


class RunIn(Body):
    """All but `dataset` default to the dataset's suggestion and the task's recommended settings."""

    dataset: str
    version: int | None = None
    task: str | None = None
    columns: dict[str, str] | None = None
    roles: dict[str, str] | None = None
    """{column: input, answer, ignore, id, group or time}; they join those of the version."""
    model: str | None = None
    method: str | None = None
    params: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None
    hardware: str | None = None
    seed: int | None = Field(None, ge=0, le=MAX_SEED)
    prototype: str | None = None
    name: str | None = None


def version_of(request: AuthedRequest, payload: RunIn) -> DatasetVersion:
    """The version asked for, or the newest that is ready."""
    dataset = load(Dataset, request.workspace, payload.dataset)
    if payload.version is not None:
        return load(
            DatasetVersion.objects.filter(dataset=dataset), request.workspace, version_id(dataset, payload.version)
        )
    return current_version(dataset)


def columns_of(version: DatasetVersion, payload: RunIn) -> dict[str, str] | None:
    """The columns asked for; a role `answer` names the column of the task's answer. None: those that the version has."""
    answer = next((name for name, role in (payload.roles or {}).items() if role == "answer"), None)
    shape = tasks.shapes().get(payload.task or version.suggestion.get("task") or "")
    if payload.columns or answer is None or shape is None or not shape.answer:
        return payload.columns or None
    return columns_after(version, payload.roles or {}) | {shape.answer: answer}


def version_to_train(request: AuthedRequest, payload: RunIn) -> DatasetVersion:
    """The version asked for, or a new one under the columns and roles asked for, read before the run starts. Sent again,
    also at the same moment, the one that is being read is waited for."""
    version = version_of(request, payload)
    if payload.version is not None or mapping_of(version, payload) is None:
        return version
    with transaction.atomic():
        lock_quota(request.workspace)
        lock_dataset(version.dataset_id)  # who asks for the same comes after this
        version = mapped_version(request, payload, version_of(request, payload))
    return wait_until_read(version)


def mapped_version(request: AuthedRequest, payload: RunIn, version: DatasetVersion) -> DatasetVersion:
    """The version with this mapping: the newest that is ready, one made from it that is being read, or a new one."""
    mapping = mapping_of(version, payload)
    if mapping is None:
        return version
    being_read = version.dataset.versions.filter(parent=version, status=VersionStatus.PROCESSING).order_by("number")
    same = next((candidate for candidate in being_read if candidate.request == mapping), None)
    if same:
        return same
    return remap(version, request.user, mapping["task"], mapping["columns"], roles=mapping.get("roles"))


def mapping_of(version: DatasetVersion, payload: RunIn) -> dict[str, Any] | None:
    """{task, columns, roles?} that the request asks for, as a version keeps it; None where this version has it."""
    columns, own = columns_of(version, payload), version.suggestion.get("columns") or {}
    roles = changed_roles(version, payload.roles)
    if (not columns or columns == own) and not roles:
        return None
    task = payload.task or version.suggestion.get("task") or ""
    return {"task": task, "columns": columns or own} | ({"roles": roles} if roles else {})


def version_id(dataset: Dataset, number: int) -> str:
    return dataset.versions.filter(number=number).values_list("pk", flat=True).first() or ""


def wait_until_read(version: DatasetVersion) -> DatasetVersion:
    import time

    until = time.monotonic() + READ_SECONDS
    while version.status == "processing" and time.monotonic() < until:
        release_connection()
        time.sleep(0.2)
        version.refresh_from_db()
    if version.status == VersionStatus.FAILED and version.error:
        raise problem_of_error(version.error, Conflict)
    return version


def body_of(payload: RunIn) -> dict[str, Any]:
    """The fields of a run, or of a search, as an action takes them."""
    return payload.model_dump(exclude={"dataset", "version", "columns", "roles", "prototype"}, exclude_none=True)


def mapped_body(version: DatasetVersion, payload: RunIn) -> dict[str, Any]:
    """The body with the columns and roles asked for, which stand in for the version's."""
    return body_of(payload) | {"columns": columns_of(version, payload), "roles": payload.roles}


@router.post("/estimates", response={200: EstimateOut, 202: MeasuringOut})
def create_estimate(request: AuthedRequest, payload: RunIn, response: HttpResponse) -> Status[dict[str, Any]]:
    """What this run would take: measured by a short trial on these very rows. Nothing else is made by asking.

    Within ten seconds comes the estimate, or 202 with `Retry-After` while it is measured: send the same again.
    """
    version = version_of(request, payload)
    check_mapping(version, payload)
    estimate = estimates.wait(estimates.request(version, mapped_body(version, payload)), MEASURE_SECONDS)
    if estimate is not None:
        return Status(200, estimate)
    response["Retry-After"] = str(ASK_AGAIN_SECONDS)
    return Status(202, {"status": "measuring", "retry_after": ASK_AGAIN_SECONDS})


@router.post("/runs", response={201: RunOut})
@once
def create_run(request: AuthedRequest, payload: RunIn) -> Status[dict[str, Any]]:
    prototype, version = prepared(request, payload)
    return Status(201, run_shape(actions.create_run(prototype, request.user, body_of(payload), version)))


def prepared(request: AuthedRequest, payload: RunIn) -> tuple[Prototype, DatasetVersion]:
    """What a run or a search belongs to and learns from, made where that is asked for."""
    prototype = check_run(request, payload)
    before = version_of(request, payload)
    version = version_to_train(request, payload)
    check_version(version, payload, is_new=version != before)
    return prototype or prototype_of(version.dataset, request.user), version


def check_version(version: DatasetVersion, payload: RunIn, *, is_new: bool) -> None:
    """Refuses a run before a prototype is made for it. What only reading shows, that under these columns nothing can be learned
    say, leaves no version behind either."""
    try:
        actions.settings_of(version, body_of(payload))
    except Problem:
        if is_new and version.status == VersionStatus.READY:
            take_back(version)
        raise


def check_run(request: AuthedRequest, payload: RunIn) -> Prototype | None:
    """The prototype that is named, if one is. Refuses what can be refused before a version under other columns is made, which
    everybody would find as the newest."""
    version = version_of(request, payload)
    prototype = load(Prototype, request.workspace, payload.prototype) if payload.prototype else None
    if prototype is not None and prototype.dataset_id != version.dataset_id:
        raise Conflict("That prototype is about another dataset.", code="other_dataset", hint="Leave prototype out.")
    gate.check_budget(request.workspace)
    check_mapping(version, payload)
    actions.settings_of(version, mapped_body(version, payload))
    return prototype


def check_mapping(version: DatasetVersion, payload: RunIn) -> None:
    """`Problem` for a task, columns and roles that no run can have."""
    task = payload.task or version.suggestion.get("task") or ""
    columns = columns_of(version, payload) or version.suggestion.get("columns") or {}
    checks.check_columns(task, payload.columns or {})
    checks.check_roles(payload.roles, columns.values())
    checks.check_answer(version, task, columns)


@router.get("/runs", response=Page[RunRow])
def list_runs(
    request: AuthedRequest, cursor: str | None = None, prototype: str | None = None, status: str | None = None
) -> dict[str, Any]:
    check_choice("status", status, RunStatus.values)
    return page(listed(request, Run.objects.all(), prototype, status), cursor, run_row)


def listed(
    request: AuthedRequest, rows: WorkspaceQuerySet[Row], prototype: str | None, status: str | None
) -> WorkspaceQuerySet[Row]:
    """Those of the workspace: all, or of a prototype (404 for a stranger's), or in a state."""
    if prototype:
        load(Prototype, request.workspace, prototype)
    filters = {"prototype_id": prototype, "status": status}
    return rows.for_workspace(request.workspace).filter(**{name: value for name, value in filters.items() if value})


@router.get("/runs/{pk}", response=RunOut)
def get_run(request: AuthedRequest, pk: str) -> dict[str, Any]:
    return run_shape(load_run(request, pk))


@router.delete("/runs/{pk}", response={204: None})
def delete_run(request: AuthedRequest, pk: str) -> Status[None]:
    """The run, its artifact and its checkpoints are deleted for good; its costs stay. 409 while it is at work or served."""
    removal.delete_run(load_run(request, pk), request.user)
    return Status(204, None)


@router.delete("/runs/{pk}/artifact", response={204: None})
def remove_model(request: AuthedRequest, pk: str) -> Status[None]:
    """Free the space of the run's model and keep its results: report, predictions, score. 409 while the run is at work, a demo
    uses it, or a run at work builds on it. Removing it again changes nothing."""
    removal.remove_model(load_run(request, pk), request.user)
    return Status(204, None)


@router.get("/runs/{pk}/events", response=dict)
def run_events(request: AuthedRequest, pk: str, after: int = 0) -> dict[str, Any]:
    """Events after one id, at most 1,000; `next` is the id to go on after, null at the end."""
    run = load_run(request, pk)
    events = [{"id": number} | event for number, event in read(run.events_path, after, EVENTS)]
    return {"items": events, "next": str(events[-1]["id"]) if len(events) >= EVENTS else None}


@router.get("/runs/{pk}/logs")
def run_logs(request: AuthedRequest, pk: str) -> HttpResponse:
    lines = log_lines(load_run(request, pk).events_path)
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@router.get("/runs/{pk}/report", response=dict)
def run_report(request: AuthedRequest, pk: str) -> dict[str, Any]:
    run = load_run(request, pk)
    document = report(run)
    if not document:
        raise Conflict("This run has no report.", code="no_report", hint="Only a finished run has one.")
    return document


@router.get("/runs/{pk}/artifact")
def run_artifact(request: AuthedRequest, pk: str) -> HttpResponseBase:
    return artifact_response(load_run(request, pk))


@router.post("/runs/{pk}/cancel", response=RunOut)
def cancel_run(request: AuthedRequest, pk: str) -> dict[str, Any]:
    return run_shape(actions.cancel(load_run(request, pk), request.user))


@router.post("/runs/{pk}/stop", response=RunOut)
def stop_run(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """End training now and keep the best so far: it is tested and packaged, and the run succeeds with `stopped_early`."""
    return run_shape(actions.stop(load_run(request, pk), request.user))


@router.post("/runs/{pk}/known-columns", response=RunOut)
def confirm_known_columns(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """The columns that decide this run's answers alone (`leaks` of its report) were known at the time: `has_leak` becomes
    false, and later runs of the prototype with this answer are not warned of them. Confirming again changes nothing; 409
    `no_leak` where there are none."""
    run = load_run(request, pk)
    leaks.accept(run, request.user)
    run.refresh_from_db()
    return run_shape(run)


@router.post("/runs/{pk}/resume", response=RunOut)
def resume_run(request: AuthedRequest, pk: str) -> dict[str, Any]:
    return run_shape(actions.resume(load_run(request, pk), request.user))
