"""What a run may start from: the task's models, those on this machine, and the workspace's own finished runs."""

from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from trainer import tasks
from webapp.accounts.models import Workspace
from webapp.catalog.local import local_models
from webapp.core.problems import Problem
from webapp.core.scores import score_words
from webapp.runs.models import Run, Status

MOST_OWN = 10
ARTIFACT, SCRATCH = "artifact:", "scratch:"
BUILD_ON = ("probe", "lora")
"""Methods that keep what a model has learned, and so need one that has."""


def choices(slug: str, workspace: Workspace) -> list[dict[str, Any]]:
    """Cards in the order of the page: on this machine, what comes along, from scratch, own runs, the hub."""
    task = tasks.get(slug).declaration()
    declared = task["models"]
    here = [one for one in declared if not one["ref"].startswith(("hub:", SCRATCH))]
    scratch = [one for one in declared if one["ref"].startswith(SCRATCH)]
    remote = [one for one in declared if one["ref"].startswith("hub:")]
    return [*local_models(task["modality"]), *here, *scratch, *own(slug, workspace), *remote]


def recommended(slug: str, workspace: Workspace) -> tuple[str | None, str]:
    """(model, method) to try first; no model where the task has none without a download."""
    card = next((one for one in choices(slug, workspace) if one.get("recommended")), None)
    declared = [one["ref"] for one in tasks.get(slug).declaration()["models"] if not one["ref"].startswith("hub:")]
    ref = card["ref"] if card else next(iter(declared), None)
    return ref, default_method(slug, ref or "")


def own(slug: str, workspace: Workspace) -> list[dict[str, Any]]:
    """The workspace's latest finished runs of a task, to go on from."""
    runs = Run.objects.for_workspace(workspace).filter(task=slug, status=Status.SUCCEEDED).select_related("prototype")
    return [
        {
            "ref": ARTIFACT + run.pk,
            "title": f"{run.prototype.name}, {run}",
            "summary": _("Goes on from a run of yours: %(score)s.") % {"score": score_words(run.headline)},
            "parameters": None,
            "licence": "",
            "languages": "",
            "memory_bytes": None,
        }
        for run in runs.order_by("-finished_at")[:MOST_OWN]
        if can_go_on(run)
    ]


def can_go_on(run: Run) -> bool:
    """Whether its artifact still holds weights that the trainer can load."""
    return any((run.artifact / "model").rglob("*.safetensors"))


def of_run(pk: str, slug: str, workspace: Workspace) -> Run:
    """The run that `artifact:ID` names; another workspace's is not there."""
    run = Run.objects.for_workspace(workspace).filter(pk=pk, status=Status.SUCCEEDED).first()
    if run is None or run.task != slug or not can_go_on(run):
        raise Problem(
            _("There is no finished run “%(name)s” of this task to go on from.") % {"name": pk[:40]},
            code="bad_model",
            hint=_("Write artifact: and the id of a finished run of the same task in this workspace."),
        )
    return run


def resolved(ref: str, slug: str, workspace: Workspace) -> str:
    """A reference as the trainer takes it: an own run by its folder."""
    return (
        ARTIFACT + str(Path(of_run(ref.removeprefix(ARTIFACT), slug, workspace).artifact))
        if ref.startswith(ARTIFACT)
        else ref
    )


def check_method(method: str, ref: str) -> None:
    """A net that has learned nothing has nothing to build on."""
    if method in BUILD_ON and ref.startswith(SCRATCH):
        raise Problem(
            _("This model has learned nothing yet, so there is nothing to build on."),
            code="bad_method",
            hint=_("Choose From scratch, or a model that has learned."),
        )


def default_method(slug: str, ref: str) -> str:
    """Standard; from scratch for a net that has learned nothing; else the task's first."""
    methods = [one.slug for one in tasks.get(slug).methods]
    wanted = "scratch" if ref.startswith(SCRATCH) else "full"
    return wanted if wanted in methods else methods[0]
