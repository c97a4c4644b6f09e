"""Verbs over prototypes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.translation import gettext as _

from webapp.accounts.actions import audit
from webapp.accounts.models import User, Workspace
from webapp.core.problems import Problem
from webapp.datasets.actions import create_dataset, sample_dataset
from webapp.datasets.models import Dataset
from webapp.prototypes import offered
from webapp.prototypes.models import Prototype

SAMPLE = Path(__file__).parent / "samples" / "support-messages.csv"


def create_prototype(dataset: Dataset, user: User | None, name: str = "", **fields: Any) -> Prototype:
    with transaction.atomic():
        prototype = Prototype.objects.create(
            workspace_id=dataset.workspace_id,
            dataset=dataset,
            created_by=user,
            name=(name.strip() or dataset.name)[:120],
            **fields,
        )
        audit(dataset.workspace, user, "created", "prototype", prototype.pk, prototype.name)
    return prototype


def start_from_files(
    workspace: Workspace, user: User, files: Sequence[Any], name: str = "", **fields: Any
) -> Prototype:
    """A dataset from the files and a prototype over it: what dropping a file does."""
    return create_prototype(create_dataset(workspace, user, files, name), user, name, **fields)


def start_from_text(workspace: Workspace, user: User, text: str, name: str = "") -> Prototype:
    """The same from rows pasted into a box: read like a file, by content."""
    if not text.strip():
        raise Problem(
            _("Nothing was pasted."), code="no_file", hint=_("Copy rows from a spreadsheet, with their header.")
        )
    return start_from_files(workspace, user, [ContentFile(text.encode(), name="pasted.csv")], name or _("Pasted rows"))


def start_from_sample(workspace: Workspace, user: User) -> Prototype:
    """The bundled sample: support messages in six classes, written for this project."""
    upload = ContentFile(SAMPLE.read_bytes(), name=SAMPLE.name)
    summary = _("Sorts a customer's message into one of six topics")
    return start_from_files(workspace, user, [upload], _("Support messages"), summary=summary, sample=True)


def start_from_set(workspace: Workspace, user: User, sample: str) -> Prototype:
    """One of the sample sets that the trainer writes."""
    title = str(offered.TITLES.get(sample, sample))
    return create_prototype(sample_dataset(workspace, user, sample, title), user)


def prototype_of(dataset: Dataset, user: User | None) -> Prototype:
    """The dataset's first prototype, made when there is none yet: for a run started through the API."""
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=dataset.pk)  # runs asked for at once share one
        return dataset.prototypes.order_by("created_at").first() or create_prototype(dataset, user)


def rename(prototype: Prototype, user: User, name: str, summary: str) -> None:
    prototype.name = name.strip()[:120] or prototype.name
    prototype.summary = summary.strip()[:200]
    prototype.save(update_fields=["name", "summary"])
    audit(prototype.workspace, user, "renamed", "prototype", prototype.pk, prototype.name)
