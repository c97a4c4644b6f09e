"""Verbs over runs: create, send, cancel, resume, sweep."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from trainer import tasks
from trainer.errors import SpecError
from trainer.tasks.base import Task
from webapp.accounts import limits
from webapp.accounts.actions import audit
from webapp.accounts.models import User
from webapp.catalog.forms import check_params
from webapp.catalog.local import folders as local_folders
from webapp.catalog.titles import trainable_tasks
from webapp.core.models import next_number
from webapp.core.problems import Conflict, Problem, check_one_of
from webapp.costs import gate
from webapp.costs.actions import price_per_hour
from webapp.costs.amounts import plain_decimal_of
from webapp.datasets.actions import current_version, not_imported
from webapp.datasets.models import DatasetVersion
from webapp.datasets.models import Status as DatasetStatus
from webapp.datasets.quota import lock_quota
from webapp.datasets.versions import changed_roles, check_mapping
from webapp.prototypes.models import Prototype
from webapp.runs import base_models, space, storage
from webapp.runs.fitting import check_memory
from webapp.runs.models import MAX_SEED, Estimate, Run, Status
from webapp.runs.querysets import VALIDATION
from webapp.runs.queues import HARDWARE

log = logging.getLogger(__name__)
FIRST_WEIGHTS = "initial_weights"
"""The setting of small nets that may name a run to take weights from."""
QUEUEING = ("runs_waiting", "compute_hours_day", "compute_hours_month")
"""Limits that a run which is queued counts for, or needs room in."""
TEXT_MODEL, TEXT_TASK = "text_model", "text-classification"
"""The setting that names a second model, and the task whose models it may be."""


def settings_of(version: DatasetVersion, body: dict[str, Any]) -> dict[str, Any]:
    """The fields of a run from a request: what is left out is the dataset's suggestion and the task's default.

    `columns` and `roles` in `body` stand in for the version's, for an estimate (see `chosen_mapping`); a run learns from a
    version that has them.
    """
    if version.status != DatasetStatus.READY:
        raise not_imported()
    slug = body.get("task") or version.suggestion.get("task")
    mapping = chosen_mapping(version, body)
    columns = mapping.get("columns") or version.suggestion.get("columns")
    if not slug or not columns:
        raise Problem(
            _("No column to train on was found."), code="no_task", hint=_("Choose the columns on the data page.")
        )
    task = find_task(slug, version)
    check_roles(task, columns)
    blocking = next((problem for problem in version.problems if problem["severity"] == "error"), None)
    if blocking and not mapping:  # of other columns the trainer tells what is in the way
        raise Problem(
            blocking["message"], code=blocking["code"], hint=_("Fix it on the data page, or upload a corrected file.")
        )
    asked = str(body.get("method") or "")
    methods = {method_card["slug"] for method_card in task.declaration()["methods"]}
    if asked:
        check_one_of(asked, sorted(methods), _("There is no method “%(name)s” for this task."), code="bad_method")
    model = check_model(body.get("model") or model_for(task, asked), slug, version)
    method = asked or base_models.default_method(slug, model)
    base_models.check_method(method, model, slug)
    base_models.check_available(model)
    hardware = body.get("hardware") or "cpu"
    check_one_of(hardware, HARDWARE, _("“%(name)s” is not hardware that a run can use."), code="bad_hardware")
    base_models.check_hardware(method, hardware)
    return {
        "task": slug,
        "model": model,
        "method": method,
        "params": check_weights(check_params(slug, body.get("params") or {}), slug, version),
        "limits": check_limits(body.get("limits") or {}),
        "hardware": hardware,
        "seed": check_seed(body.get("seed") or 0),
        **({"mapping": mapping} if mapping else {}),
    }


def chosen_mapping(version: DatasetVersion, body: dict[str, Any]) -> dict[str, dict[str, str]]:
    """{columns, roles} of a request where they differ from the version's own; `Problem` for what there is not."""
    columns, roles = body.get("columns") or {}, changed_roles(version, body.get("roles"))
    check_mapping(version, columns, roles)
    same = not columns or columns == version.suggestion.get("columns")
    return {**({} if same else {"columns": columns}), **({"roles": roles} if roles else {})}


def check_roles(task: type[Task], columns: dict[str, str]) -> None:
    """Every role that the task needs has a column, or every role of another shape that it reads."""
    if any(shape.roles and columns.keys() >= set(shape.roles) for shape in task.alternatives):
        return
    missing = next((role for role in task.roles if role.required and role.name not in columns), None)
    if missing is not None:
        raise Problem(
            _("The task %(task)s needs a column as “%(role)s”.") % {"task": task.slug, "role": missing.name},
            code="no_column",
            hint=_("Choose the columns on the data page, or send columns with the task."),
        )


def find_task(slug: str, version: DatasetVersion | None = None) -> type[Task]:
    """`version`: of a task that cannot be trained, the next step is one that its columns can be."""
    try:
        return tasks.get(slug)
    except SpecError as error:
        names = ", ".join(task.slug for task in tasks.all())
        if tasks.find(slug):
            fitting = trainable_tasks(version.columns) if version else [task.slug for task in tasks.all()]
            raise Problem(
                _("“%(name)s” cannot be trained here yet; its data is read, checked and kept.") % {"name": slug},
                code="task_not_trainable",
                hint=_("Choose one of %(names)s.") % {"names": ", ".join(fitting)}
                if fitting
                else _("No task that can be trained fits the columns of this file."),
            ) from error
        raise Problem(
            _("There is no task “%(name)s”.") % {"name": slug},
            code="bad_task",
            hint=_("Choose one of %(names)s.") % {"names": names},
        ) from error


def check_weights(params: dict[str, Any], slug: str, version: DatasetVersion) -> dict[str, Any]:
    """First weights, or a model of texts, may be those of an own run, by its id; a path is not for strangers to name."""
    ref, text_model = params.get(FIRST_WEIGHTS), params.get(TEXT_MODEL)
    if isinstance(ref, str) and ref.startswith(base_models.ARTIFACT):
        base_models.of_run(ref.removeprefix(base_models.ARTIFACT), slug, version.workspace)
    if text_model:
        check_model(str(text_model), TEXT_TASK, version)
    return params


def model_for(task: type[Task], method: str) -> str:
    """The model where none is named: the task's first, unless it cannot be trained by this method."""
    first: str = task.declaration()["models"][0]["ref"]
    return first if not method or not task.refusal(method, first) else task.default_model(method)


def check_model(ref: str, slug: str, version: DatasetVersion) -> str:
    """A reference's form; whether it exists is the trainer's to say. `artifact:` is the id of an own run, never a path."""
    kind, colon, name = ref.partition(":")
    if kind == "artifact":
        base_models.of_run(name, slug, version.workspace)
        return ref
    if ref in {model["ref"] for model in find_task(slug).declaration()["models"]}:
        return ref
    if not colon or kind not in ("bundled", "hub", "local") or not name or ".." in name or name.startswith("/"):
        raise Problem(
            _("“%(name)s” is not a model reference.") % {"name": ref},
            code="bad_model",
            hint=_(
                "Write bundled:NAME, hub:ORG/NAME@REVISION, local:NAME or artifact:RUN; GET /api/v1/models lists some."
            ),
        )
    check_suits(ref, slug)
    return ref


def check_suits(ref: str, slug: str) -> None:
    """A bundled or local model that is not there, or that the task cannot use, is refused before it is queued; what the hub
    has is the trainer's to find out. The pages offer none of these, so the words are the API's alone."""
    task, kind = find_task(slug), ref.partition(":")[0]
    reads_models = task.modality != "table"
    local = [f"local:{folder.name}" for folder in local_folders()] if reads_models else []
    if reads_models and (kind == "hub" or (kind == "local" and (ref in local or not local))):
        return
    here = [card.ref for card in task.models if not card.ref.startswith(base_models.HUB)]
    raise Problem(
        f"There is no model “{ref[:100]}” for the task {slug}.",
        code="bad_model",
        hint=f"Choose one of {', '.join([*here, *local])}.",
    )


def check_seed(value: object) -> int:
    """A whole number that numpy and torch both take."""
    text = str(value)[:40]
    if not text.isdecimal() or int(text) > MAX_SEED:
        raise Problem(
            _("“%(value)s” is not a valid seed.") % {"value": text},
            code="bad_seed",
            hint=_("Enter a whole number from 0 to %(most)d.") % {"most": MAX_SEED},
        )
    return int(text)


def check_limits(limits: dict[str, Any]) -> dict[str, float]:
    unknown = set(limits) - {"seconds", "cost"}
    if unknown:
        raise Problem(
            _("Unknown limit “%(name)s”.") % {"name": unknown.pop()}, code="bad_limits", hint=_("Give seconds or cost.")
        )
    given = {name: value for name, value in limits.items() if value is not None}
    checked = {name: float(plain_decimal_of(value, _("The limit"))) for name, value in given.items()}
    if checked.get("seconds") == 0:
        raise Problem(_("A run cannot stop after 0 seconds."), code="bad_limits", hint=_("Give more, or leave it out."))
    return checked


def spec_of(version: DatasetVersion, fields: dict[str, Any], price: Decimal) -> dict[str, Any]:
    """The trainer's specification (docs/contract) of these settings over this version."""
    params, slug = dict(fields["params"]), fields["task"]
    if params.get(FIRST_WEIGHTS):
        params[FIRST_WEIGHTS] = base_models.resolved(params[FIRST_WEIGHTS], slug, version.workspace)
    if params.get(TEXT_MODEL):
        params[TEXT_MODEL] = base_models.resolved(params[TEXT_MODEL], TEXT_TASK, version.workspace)
    return {
        "version": 1,
        "task": slug,
        "dataset": {"path": str(version.folder), "columns": version.suggestion.get("columns", {})}
        | fields.get("mapping", {}),
        "model": base_models.resolved(fields["model"], slug, version.workspace),
        "method": fields["method"],
        "params": params,
        "limits": fields["limits"],
        "hardware": {"device": fields["hardware"], "price_per_hour": float(price)},
        "seed": fields["seed"],
    } | ({"evaluate_on": VALIDATION} if fields.get("evaluate_on") == VALIDATION else {})


def check_version(version: DatasetVersion) -> None:
    """Raises `Problem` when the rows to learn from are no longer there."""
    if version.status != DatasetStatus.READY or not version.folder.is_dir():
        error = version.error or {}
        raise Problem(
            error.get("message") or _("The rows of version %(number)d are gone.") % {"number": version.number},
            code=error.get("code") or "no_version",
            hint=_("Train on another version of the data."),
        )


def terms_of(run: Run, price: Decimal) -> gate.Terms:
    """How this run may spend, at the price of the hardware that it gets."""
    seconds = run.limits.get("seconds") or ((run.estimate or {}).get("seconds") or {}).get("high")
    return gate.Terms(price, run.cost_limit, gate.cost_of(seconds, price) if seconds else None)


def create_run(
    prototype: Prototype,
    user: User | None,
    body: dict[str, Any],
    version: DatasetVersion | None = None,
    **trial: object,
) -> Run:
    """A run in the queue. What it may spend is settled when it starts (`webapp.costs.gate`), not now. `trial`: fields of one
    that is a trial of a search."""
    version = version or current_version(prototype.dataset)
    fields = settings_of(version, body)
    check_memory(version, fields)
    needed = space.expected(version, fields)
    gate.check_budget(prototype.workspace)
    estimate = estimate_for(version, fields)
    with queueing(prototype, fields, needed):
        run = Run.objects.create(
            workspace_id=prototype.workspace_id,
            prototype=prototype,
            version=version,
            number=next_number(prototype.runs.all()),
            name=str(body.get("name") or "")[:120],
            created_by=user,
            price_per_hour=price_per_hour(prototype.workspace, fields["hardware"]),
            estimate=estimate.result if estimate else None,
            expected_bytes=needed.kept,
            **fields,
            **trial,
        )
        if prototype.task != run.task:
            Prototype.objects.filter(pk=prototype.pk).update(task=run.task)
        if not trial:  # of a search, the search is
            audit(prototype.workspace, user, "started", "run", run.pk, f"{prototype.name}, {run}")
    run.send()
    return run


@contextmanager
def queueing(prototype: Prototype, fields: dict[str, Any], needed: space.Space) -> Iterator[None]:
    """A transaction in which a run waits: there is room for it, what it begins with is held, and no limit is passed."""
    with transaction.atomic():
        lock_quota(prototype.workspace)
        space.check_space(prototype.workspace, needed)
        lock_what_it_needs(prototype, fields)
        limits.check(prototype.workspace, *QUEUEING)
        yield


def lock_what_it_needs(prototype: Prototype, fields: dict[str, Any]) -> None:
    """Hold the prototype, and the runs that a new one begins with, until it is there: deleting them waits, and then sees it.
    `Conflict` when one of them was deleted meanwhile, or its model removed."""
    bases = base_models.bases_of(fields)
    locked = Prototype.objects.select_for_update().filter(pk=prototype.pk).first()
    existing = list(Run.objects.select_for_update().filter(pk__in=bases).order_by("pk")) if bases else []
    if locked is None or len(existing) < len(bases):
        raise Conflict(
            _("What this run begins with was deleted meanwhile."),
            code="deleted",
            hint=_("Look at the prototype again."),
        )
    for base in existing:
        storage.check_model(base)


def estimate_for(version: DatasetVersion, fields: dict[str, Any]) -> Estimate | None:
    """What was measured for these settings: on this version or, where it is the version before under other columns, on
    that one under the same."""
    done = Estimate.objects.filter(result__isnull=False)
    estimate = done.filter(version=version, key=estimate_key(fields)).first()
    if estimate or version.parent is None or not set(version.request) <= {"task", "columns", "roles"}:
        return estimate
    mapping = chosen_mapping(version.parent, version.request)
    return done.filter(version=version.parent, key=estimate_key(fields | {"mapping": mapping})).first()


def estimate_key(fields: dict[str, Any]) -> str:
    """Settings that change what a run takes, as one short text."""
    import hashlib
    import json

    what = {name: fields[name] for name in ("task", "model", "method", "params", "hardware")} | fields.get(
        "mapping", {}
    )
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:40]


def cancel(run: Run, user: User | None) -> Run:
    if run.ended:
        raise Conflict(_("This run has already ended."), code="ended", hint=_("There is nothing left to stop."))
    run.ask_to_cancel()
    audit(run.workspace, user, "cancelled", "run", run.pk, f"{run.prototype.name}, {run}")
    return run


def stop(run: Run, user: User | None) -> Run:
    """End training now; the best so far is evaluated, packaged and kept, and the run succeeds."""
    if run.cancel_requested_at or not run.can_stop or not run.ask_to_stop():
        raise Conflict(
            _("Only a run that is training, without cross-validation, can be stopped and kept."),
            code="not_stoppable",
            hint=_("Cancel it, or wait until it has ended."),
        )
    audit(run.workspace, user, "stopped", "run", run.pk, f"{run.prototype.name}, {run}")
    return run


def resume(run: Run, user: User | None) -> Run:
    """Put a failed or cancelled run back into the queue; it goes on from its last checkpoint."""
    gate.check_budget(run.workspace)
    needed = space.expected(run.version, vars(run))
    again = {"attempts": 0, "earlier_attempts": 0, "stop_requested_at": None, "expected_bytes": needed.kept}
    with queueing(run.prototype, vars(run), needed):
        if run.status not in (Status.FAILED, Status.CANCELLED) or not run.requeue(**again):
            raise Conflict(
                _("Only a failed or cancelled run can be resumed."),
                code="not_resumable",
                hint=_("Start another run to train again."),
            )
        audit(run.workspace, user, "resumed", "run", run.pk, f"{run.prototype.name}, {run}")
    run.send()
    return run
