"""What a run may start from: the task's models, those on this machine, and the workspace's own finished runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from trainer import tasks
from webapp.accounts.models import Workspace
from webapp.catalog import hub
from webapp.catalog.hardware import gpu_count
from webapp.catalog.local import local_models
from webapp.core.files import files_below
from webapp.core.problems import Problem
from webapp.core.scores import rank, rank_of, score_words
from webapp.prototypes.models import Prototype
from webapp.runs import licences, storage
from webapp.runs.artifacts import report
from webapp.runs.models import Run, Status
from webapp.runs.querysets import QUESTION, RunQuerySet

MOST_OWN = 10
QLORA, NO_QLORA = "qlora", "no_qlora"
ARTIFACT, HUB, SCRATCH = "artifact:", hub.HUB, "scratch:"
LATEST = 10
"""Runs that are looked at for the best."""
MOST_COMPARED = 100


def choices(slug: str, workspace: Workspace) -> list[dict[str, Any]]:
    """Cards in the order of the page: what comes along (the recommended one first), what is on this machine, own runs, the
    hub, and last what nobody knows to suit. Each has `badge`, `unusable` (why it cannot be chosen, or empty) and `licence_notes`
    (what its licence forbids)."""
    task = tasks.get(slug).declaration()
    declared = task["models"]
    here = [card for card in declared if not card["ref"].startswith(HUB)]
    remote = [card | availability(card["ref"]) for card in declared if card["ref"].startswith(HUB)]
    suited, unknown = local_models(slug, task["modality"])
    cards = [*here, *suited, *own(slug, workspace), *sorted(remote, key=lambda card: bool(card["unusable"])), *unknown]
    labelled = [{"badge": "", "unusable": "", "licence_notes": licence_notes(card)} | card for card in cards]
    for card in labelled[-len(unknown) :] if unknown else []:
        card["badge"] = _("Unknown architecture")
    if here:
        labelled[0] |= {"badge": _("Recommended"), "is_recommended": True, "reason": why_recommended(here[0]["ref"])}
    return labelled


def licence_notes(card: dict[str, Any]) -> list[str]:
    notes: list[str] | None = card.get("licence_notes")
    return licences.of_card(card) if notes is None else notes


def why_recommended(ref: str) -> str:
    if ref.startswith(SCRATCH):
        return _("Recommended because it needs no download and trains quickly on this machine.")
    return _("Recommended because it is on this machine already and does well from a few dozen rows.")


def availability(ref: str) -> dict[str, str]:
    """Of a model of the hub: whether it is on this machine, and why it cannot be had."""
    if hub.is_downloaded(ref):
        return {"badge": _("Downloaded"), "unusable": ""}
    if hub.is_reachable():
        return {"badge": _("Not downloaded"), "unusable": ""}
    reason = _("This machine is offline (HF_HUB_OFFLINE).") if hub.is_offline() else _("The hub cannot be reached.")
    return {"badge": _("Not downloaded"), "unusable": reason}


def is_chosen_by_method(slug: str) -> bool:
    """Whether the method alone says what is trained: one list for one decision."""
    return tasks.get(slug).modality == "table"


@dataclass(frozen=True)
class Choice:
    """What the train page has selected, and why: `best` is the run that did best on its validation rows."""

    model: str
    method: str
    best: Run | None = None

    @property
    def is_pretrained(self) -> bool:
        return not self.model.startswith(SCRATCH)


def preselected(slug: str, models: list[dict[str, Any]], prototype: Prototype, model: str, method: str) -> Choice:
    """What was asked for (empty where nothing was), else what did best on the validation rows, else the recommended."""
    usable = [card["ref"] for card in models if not card["unusable"]]
    best = None if model or method else best_validated(slug, prototype, usable)
    chosen = model if model in {card["ref"] for card in models} else best.model if best else usable[0]
    return Choice(chosen, method_for(slug, chosen, method or (best.method if best else "")), best)


def method_for(slug: str, ref: str, preferred: str = "") -> str:
    """The wanted method where it can be used with this model, else the first that can."""
    working = [choice["slug"] for choice in method_choices(slug, ref) if choice["is_usable"]]
    return preferred if preferred in working else working[0]


def method_choices(slug: str, ref: str) -> list[dict[str, Any]]:
    """The task's methods, each with `is_usable`: whether it can be used with this model, and `reason`, why it cannot be used here.
    One that has learned nothing is trained from scratch: the whole of it, which “Standard” would be a second name of."""
    task = tasks.get(slug)
    methods = task.declaration()["methods"]
    again = ref.startswith(SCRATCH) and any(method["slug"] == "scratch" for method in methods)
    choices = []
    for method in methods:
        barred = task.refusal(method["slug"], ref) or (again and method["slug"] == "full")
        reason = "" if barred else missing_hardware(method["slug"])
        choices.append(method | {"is_usable": not barred and not reason, "reason": reason})
    return choices


def missing_hardware(method: str) -> str:
    """Why no machine that trains here can use a method; empty where one can."""
    if method != QLORA or gpu_count():
        return ""
    return _("QLoRA needs an NVIDIA GPU with bitsandbytes, and no machine here has one. Choose “Light” (LoRA).")


def check_hardware(method: str, hardware: str) -> None:
    """`Problem` for a method that the chosen hardware cannot use."""
    reason = missing_hardware(method)
    if method == QLORA and not reason and hardware == "cpu":
        reason = _("QLoRA needs an NVIDIA GPU: choose one as hardware.")
    if reason:
        raise Problem(reason, code=NO_QLORA, hint=_("Choose the method lora, which needs more memory."), field="method")


def best_validated(slug: str, prototype: Prototype, usable: list[str]) -> Run | None:
    """Of the prototype's latest finished runs on the data as it is, the one with the best score on validation rows. The test
    rows choose nothing, so that their score stays one of rows never seen."""
    runs = prototype.runs.filter(task=slug, status=Status.SUCCEEDED, version=prototype.dataset.current).trusted()
    scored = [(validation_rank(run), run) for run in runs.order_by("-number")[:LATEST] if run.model in usable]
    ranked = [pair for pair in scored if pair[0] is not None]
    return max(ranked, key=lambda pair: pair[0] or 0.0)[1] if ranked else None


def best_runs(prototype: Prototype) -> list[Run]:
    """The runs to keep of those whose model is there, of those that answer the newest's question and are trusted where any is:
    the best on the test rows, and the best on the validation rows, of which those are unknown whose artifact is in the
    bucket alone."""
    runs = list(prototype.runs.with_model().best_first()[:MOST_COMPARED])
    alike = [
        run for run in runs if all(getattr(run, name) == getattr(runs[0], name) for name in (*QUESTION, "has_leak"))
    ]
    ranked = [(rank, run) for run in alike if (rank := validation_rank(run)) is not None]
    unknown = [run for run in alike if not storage.is_here(run)]
    best = [max(ranked, key=lambda pair: pair[0])[1]] if ranked else []
    return [*alike[:1], *best, *unknown]


def validation_rank(run: Run) -> float | None:
    """Its validation score, on a scale where greater is better: that of what was kept; in reports of before that was told the
    best of the epochs. None as well while its artifact is in the bucket alone, which no page waits for."""
    if not storage.is_here(run):
        return None
    names = (run.metric, "score") if tasks.get(run.task).modality == "table" else (run.metric,)
    results = report(run)
    if "validation" in results:
        validation = results["validation"] or {}
        return rank_of(validation) if validation.get("name") in names else None
    history = results.get("history") or []
    ranks = [
        rank(float(entry["value"]), run.metric)
        for entry in history
        if entry.get("split") == "validation"
        and entry.get("name") in names
        and isinstance(entry.get("value"), int | float)
    ]
    return max(ranks, default=None)


def recommended(slug: str, workspace: Workspace) -> tuple[str | None, str]:
    """(model, method) to try first, as the train page says; no model where the task has none without a download."""
    card = next((model for model in choices(slug, workspace) if model.get("is_recommended")), None)
    declared = [
        model["ref"] for model in tasks.get(slug).declaration()["models"] if not model["ref"].startswith("hub:")
    ]
    ref = card["ref"] if card else next(iter(declared), None)
    return ref, method_for(slug, ref or "")


def own(slug: str, workspace: Workspace) -> list[dict[str, Any]]:
    """The workspace's latest finished runs of a task, to go on from."""
    runs = Run.objects.for_workspace(workspace).filter(task=slug).with_model().select_related("prototype")
    return [
        {
            "ref": ARTIFACT + run.pk,
            "title": f"{run.prototype.name}, {run}",
            "summary": _("Continues from a run of yours: %(score)s.") % {"score": score_words(run.headline)},
            "parameters": None,
            "licence": "",
            "licence_notes": licences.of_run(run),
            "languages": "",
            "memory_bytes": None,
        }
        for run in runs.order_by("-finished_at")[:MOST_OWN]
        if can_go_on(run)
    ]


def can_go_on(run: Run) -> bool:
    """Whether its artifact holds weights that the trainer can load, here or in the bucket: a table's model has none."""
    if not run.has_model:
        return False
    if run.stored_at and not storage.is_here(run):
        return tasks.get(run.task).modality != "table"
    return any(path.suffix == ".safetensors" for path, _facts in files_below(run.artifact / "model"))


def of_run(pk: str, slug: str, workspace: Workspace) -> Run:
    """The run that `artifact:ID` names; another workspace's is not there. `Conflict` where its model was removed."""
    run = Run.objects.for_workspace(workspace).filter(pk=pk, task=slug, status=Status.SUCCEEDED).first()
    is_usable = run is not None and can_go_on(run)
    if run is not None:
        # After its files were read: whoever removes a model says so in its row before the files go.
        storage.check_model(run)
    if run is None or not is_usable:
        raise Problem(
            _("There is no finished run “%(name)s” of this task to continue from.") % {"name": pk[:40]},
            code="bad_model",
            hint=_("Write artifact: and the id of a finished run of the same task in this workspace."),
        )
    return run


def bases_of(fields: Mapping[str, Any]) -> set[str]:
    """Ids of the runs that a run with these settings (`model`, `params`) begins with."""
    params = fields["params"]
    refs = (fields["model"], params.get("initial_weights"), params.get("text_model"))
    return {ref.removeprefix(ARTIFACT) for ref in refs if isinstance(ref, str) and ref.startswith(ARTIFACT)}


def building_on(runs: Iterable[Run]) -> RunQuerySet[Run]:
    """Runs at work, others than these, that begin with what one of these learned: they read its files, and again when they
    are started again."""
    refs = [ARTIFACT + run.pk for run in runs]
    begins_here = Q(model__in=refs) | Q(params__initial_weights__in=refs) | Q(params__text_model__in=refs)
    active = Run.objects.active().filter(begins_here).exclude(pk__in=[run.pk for run in runs])
    return active.select_related("prototype")


def in_use(workspace: Workspace) -> set[str]:
    """Ids of the runs that runs at work begin with."""
    active = Run.objects.for_workspace(workspace).active().values("model", "params")
    return {pk for fields in active for pk in bases_of(fields)}


def resolved(ref: str, slug: str, workspace: Workspace) -> str:
    """A reference as the trainer takes it: an own run by its folder, fetched from the bucket where it is not here."""
    if not ref.startswith(ARTIFACT):
        return ref
    return ARTIFACT + str(storage.local(of_run(ref.removeprefix(ARTIFACT), slug, workspace)))


def unresolved(ref: str) -> str:
    """What `resolved` made of a reference, as it was asked for."""
    return ARTIFACT + Path(ref.removeprefix(ARTIFACT)).parent.name if ref.startswith(ARTIFACT) else ref


def check_method(method: str, ref: str, slug: str) -> None:
    """Whether a model can be trained that way: a net that has learned nothing has nothing to build on."""
    refusal = tasks.get(slug).refusal(method, ref)
    if refusal:
        raise Problem(refusal, code="bad_method", hint=_("Choose another method, or another model."), field="method")


def check_available(ref: str) -> None:
    """A model of the hub that is not here cannot be had while the machine is offline: better told now than by a failed run."""
    if ref.startswith(HUB) and hub.is_offline() and not hub.is_downloaded(ref):
        raise Problem(
            _("“%(name)s” is not downloaded, and this machine is offline (HF_HUB_OFFLINE).") % {"name": ref},
            code="not_downloaded",
            hint=_("Choose a model that is on this machine."),
            field="model",
        )


def default_method(slug: str, ref: str) -> str:
    """Standard; from scratch for a net that has learned nothing; else the task's first."""
    methods = [method.slug for method in tasks.get(slug).methods]
    preferred = "scratch" if ref.startswith(SCRATCH) else "full"
    return preferred if preferred in methods else method_for(slug, ref)
