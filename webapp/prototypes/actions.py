"""Verbs over prototypes."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts import limits
from webapp.accounts.actions import audit, erase_names
from webapp.accounts.models import User, Workspace
from webapp.core.problems import Conflict, Problem
from webapp.core.titles import one_line
from webapp.datasets.actions import create_dataset, delete_dataset, lock_dataset, sample_dataset
from webapp.datasets.models import Dataset, Status
from webapp.prototypes import offered
from webapp.prototypes.models import Prototype

UNREAD_KEPT = timedelta(days=1)
SAMPLE = Path(__file__).parent / "samples" / "support-messages.csv"


def create_prototype(dataset: Dataset, user: User | None, name: str = "", **fields: object) -> Prototype:
    with transaction.atomic():
        lock_dataset(dataset.pk)
        limits.check(dataset.workspace, "prototypes")
        prototype = Prototype.objects.create(
            workspace_id=dataset.workspace_id,
            dataset=dataset,
            created_by=user,
            name=(name.strip() or dataset.name)[:120],
            **fields,
        )
        audit(dataset.workspace, user, "created", "prototype", prototype.pk, prototype.name)
    return prototype


def start_from_sample(workspace: Workspace, user: User) -> Prototype:
    """The bundled sample, as a prototype."""
    dataset, fields = bundled_sample(workspace, user)
    return create_prototype(dataset, user, **fields)


def bundled_sample(workspace: Workspace, user: User) -> tuple[Dataset, dict[str, Any]]:
    """Support messages in six classes, written for this project: its dataset, and the fields of a prototype over it."""
    upload = ContentFile(SAMPLE.read_bytes(), name=SAMPLE.name)
    summary = _("Sorts a customer's message into one of six topics")
    return create_dataset(workspace, user, [upload], _("Support messages")), {"summary": summary, "sample": True}


def pasted(workspace: Workspace, user: User, text: str, name: str = "") -> Dataset:
    """A dataset of the rows pasted into a box: read like a file, by content."""
    if not text.strip():
        raise Problem(
            _("Nothing was pasted."),
            code="no_file",
            hint=_("Copy rows from a spreadsheet, including the header."),
            field="rows",
        )
    upload = ContentFile(text.encode(), name="pasted.csv")
    return create_dataset(workspace, user, [upload], name or _("Pasted rows"))


def sample_set(workspace: Workspace, user: User, sample: str) -> Dataset:
    """One of the sample sets that the trainer writes."""
    return sample_dataset(workspace, user, sample, str(offered.TITLES.get(sample, sample)))


def fill(prototype: Prototype, dataset: Dataset, user: User, **fields: object) -> None:
    """Put other data under a prototype whose own could not be read. Those go, with their files, and a name that came
    from them goes too."""
    try:
        before = put_under(prototype, dataset, fields)
    except Problem:
        delete_dataset(dataset, user)
        raise
    if not before.prototypes.exists():
        delete_dataset(before, user)


@transaction.atomic
def put_under(prototype: Prototype, dataset: Dataset, fields: dict[str, Any]) -> Dataset:
    """Change a prototype's data; those from before. `Conflict` where they can be used."""
    prototype = Prototype.objects.select_for_update().get(pk=prototype.pk)
    before = prototype.dataset
    if before.versions.exclude(status=Status.FAILED).exists():
        raise Conflict(_("This prototype already has data."), hint=_("Reload the page to see it."))
    if prototype.name == before.name:
        prototype.name = dataset.name
    prototype.dataset = dataset
    for name, value in fields.items():
        setattr(prototype, name, value or getattr(prototype, name))
    prototype.save()
    return before


def sweep_unread() -> None:
    """Remove what a file that could not be read has left, a day after: nobody came back to send another."""
    oldest = timezone.now() - UNREAD_KEPT
    for prototype in Prototype.objects.unread().filter(dataset__versions__finished_at__lt=oldest).distinct()[:100]:
        dataset = prototype.dataset
        audit(prototype.workspace, None, "discarded", "prototype", prototype.pk)
        erase_names(prototype.workspace_id, [prototype.pk])
        prototype.delete()
        if not dataset.prototypes.exists():
            delete_dataset(dataset, None)


def prototype_of(dataset: Dataset, user: User | None) -> Prototype:
    """The dataset's first prototype, made when there is none yet: for a run started through the API."""
    with transaction.atomic():
        lock_dataset(dataset.pk)  # runs asked for at once share one
        return dataset.prototypes.order_by("created_at").first() or create_prototype(dataset, user)


def rename(prototype: Prototype, user: User, name: str, summary: str) -> None:
    prototype.name = one_line(name)[:120] or prototype.name
    prototype.summary = one_line(summary)[:200]
    prototype.save(update_fields=["name", "summary"])
    audit(prototype.workspace, user, "renamed", "prototype", prototype.pk, prototype.name)
