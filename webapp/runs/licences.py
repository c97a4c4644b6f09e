"""What the licence of a base model forbids, told before training and before sharing."""

from typing import Any

from django.utils.translation import gettext as _

from trainer import tasks
from trainer.licences import FORBID, NOTES, OWN, licence_of_artifact, notes, restrictions
from webapp.runs import storage
from webapp.runs.models import Run

SCRATCH = "scratch:"


def of_card(card: dict[str, Any]) -> list[str]:
    """What to know of a model before it is trained."""
    if card["ref"].startswith(SCRATCH):
        return []
    return translated("" if card["licence"] == _("unknown licence") else card["licence"])


def of_run(run: Run) -> list[str]:
    """What to know before its model is passed on: by its manifest, else by the list of models; nothing where both are silent."""
    licence = licence_of_run(run)
    return [] if licence is None else translated(licence)


def forbidden(run: Run) -> list[str]:
    """Of these, what its licence forbids."""
    codes = restrictions(licence_of_run(run) or OWN)
    return [_(NOTES[code]) for code in codes if code in FORBID]


def licence_of_run(run: Run) -> str | None:
    licence = licence_of_artifact(run.artifact) if storage.is_here(run) else None
    if licence is None:
        task = tasks.find(run.task)
        licence = next((card.licence for card in task.models if card.ref == run.model), None) if task else None
    return licence


def translated(licence: str) -> list[str]:
    return [_(note) for note in notes(licence)]
