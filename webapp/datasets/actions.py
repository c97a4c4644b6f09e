"""Verbs over datasets: take files, have them read, forget earlier versions, delete. The next version is made in `versions`."""

import re
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError
from django.http import Http404
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from trainer.samples import SAMPLES
from webapp.accounts import limits
from webapp.accounts.actions import audit, erase_names
from webapp.accounts.models import User, Workspace
from webapp.core import removals
from webapp.core.files import check_disk, check_room, store
from webapp.core.models import next_number
from webapp.core.problems import Conflict, Problem
from webapp.core.sentences import problem_of_error
from webapp.core.titles import title_from
from webapp.datasets import folders
from webapp.datasets.models import Dataset, DatasetVersion, Status
from webapp.datasets.quota import check_quota, measure_dataset, room_for
from webapp.datasets.requests import read_request

MAX_FILES = 20
NEW_DATASET = ("datasets", "uploads_hour")
"""Limits that another dataset counts for."""
HUB_NAME = re.compile(r"(?:\w[\w.-]{0,95}/)?\w[\w.-]{0,95}(?:@[\w./-]{1,200})?")


def create_dataset(
    workspace: Workspace,
    user: User,
    files: Sequence[Any],
    name: str = "",
    header: int | None = None,
    layout: str | None = None,
    paths: Sequence[str] | None = None,
) -> Dataset:
    """Store the files and have a worker read them. `files` are Django uploads; `header` and `layout` see `read_request`; `paths`:
    the place of each in a folder, "" for none."""
    reading = read_request(header, layout)
    if not files:
        raise Problem(
            _("No file came with the request."),
            code="no_file",
            hint=_("Choose a table, or a zip of pictures or sounds."),
        )
    places = folders.check_paths(paths, len(files))
    folders.check_count(sum(map(bool, places)))
    check_count(places.count(""))
    size = sum(file.size or 0 for file in files)
    check_room(size)
    limits.check_unlocked(workspace, *NEW_DATASET)
    check_quota(workspace, size)
    inside = [path for path in places if path]
    first = folders.folder_of(inside) if inside else files[0].name or ""
    title = name.strip()[:120] or title_from(first) or "data"
    dataset = Dataset(workspace=workspace, name=title, created_by=user, upload_bytes=size)
    removals.due(dataset.upload_folder)  # unless the dataset gets its row
    try:
        names = store_all(files, places, dataset.upload_folder)
        with room_for(workspace, size):  # again: what came meanwhile has taken its room
            limits.check(workspace, *NEW_DATASET)
            removals.keep(dataset.upload_folder)
            dataset.save()
            version = add_version(dataset, user, sources=names, note=_("Upload"), request=reading)
            audit(workspace, user, "uploaded", "dataset", dataset.pk, title)
    except Exception:
        shutil.rmtree(dataset.upload_folder, ignore_errors=True)
        raise
    version.send()
    return dataset


def check_count(count: int) -> None:
    """Of files that are in no folder."""
    if count > MAX_FILES:
        raise Problem(
            _("At most %(limit)d files make one dataset.") % {"limit": MAX_FILES},
            code="too_many_files",
            hint=_("Put their rows into fewer files, or zip them into one."),
            status=413,
        )


def store_all(files: Sequence[Any], places: Sequence[str], folder: Path) -> list[str]:
    """Write files into `folder`, those with a place in one tar; their names."""
    names = store([file for file, place in zip(files, places, strict=True) if not place], folder)
    inside = [
        (place, file.size or 0, lambda file=file: nullcontext(file))
        for file, place in zip(files, places, strict=True)
        if place
    ]
    return names + ([folders.write_tar(folder, len(names), inside)] if inside else [])


def fetch_dataset(workspace: Workspace, user: User, hub: str, name: str = "") -> Dataset:
    """A dataset of the Hugging Face hub, by its name there; a worker fetches its files and reads them."""
    hub = hub.strip().removeprefix("hub:")
    if not HUB_NAME.fullmatch(hub):
        raise Problem(
            _("“%(name)s” is not a valid dataset name.") % {"name": hub[:100]},
            code="bad_hub_name",
            hint=_("It looks like ORG/NAME, as at the top of its page on the hub."),
            field="hub",
        )
    title = name.strip() or hub.partition("@")[0].rpartition("/")[2]
    return made_by_worker(workspace, user, title, _("From the hub: %(name)s") % {"name": hub}, {"hub": hub})


def sample_dataset(workspace: Workspace, user: User, sample: str, name: str) -> Dataset:
    """A sample set of the trainer's; a worker writes it and reads it."""
    if sample not in SAMPLES:
        raise Problem(
            _("There is no sample set “%(name)s”.") % {"name": sample[:100]},
            code="bad_sample",
            hint=_("Choose one of those on the page."),
        )
    return made_by_worker(workspace, user, name, _("A sample set"), {"sample": sample})


def made_by_worker(workspace: Workspace, user: User, title: str, note: str, request: dict[str, Any]) -> Dataset:
    """A dataset whose files a worker fetches or writes before it reads them (see `file_arguments`). How large they are it finds
    out, and asks for their room then."""
    check_disk()
    dataset = Dataset(workspace=workspace, name=title[:120], created_by=user)
    with room_for(workspace, 1):
        limits.check(workspace, "datasets")
        dataset.save()
        version = add_version(dataset, user, note=note[:200], request=request)
        audit(workspace, user, "uploaded", "dataset", dataset.pk, title[:120])
    version.send()
    return dataset


def current_version(dataset: Dataset) -> DatasetVersion:
    """The newest version that can be used. `Conflict` while there is none, with the words of the one that could not be read."""
    if version := dataset.current:
        return version
    newest = dataset.latest
    raise problem_of_error(newest.error, Conflict) if newest and newest.error else not_imported()


def ready_version(dataset: Dataset, number: int | None) -> DatasetVersion:
    """A version that has been read, by its number or the newest; 404 for one that is not there."""
    ready = dataset.versions.filter(status=Status.READY)
    version = ready.filter(number=number).first() if number else ready.order_by("-number").first()
    if version is None:
        raise Http404
    return version


def not_imported() -> Conflict:
    return Conflict(
        _("This dataset has not been imported yet."), code="not_ready", hint=_("Wait until its status is ready.")
    )


def lock_dataset(pk: str) -> Dataset:
    """The dataset, held until the transaction ends: who makes or forgets a version of it comes one after the other. `Conflict`
    when it was deleted meanwhile."""
    dataset = Dataset.objects.select_for_update().filter(pk=pk).first()
    if dataset is None:
        raise Conflict(_("This dataset was deleted meanwhile."), code="deleted", hint=_("Choose another one."))
    return dataset


def check_not_forgotten(version: DatasetVersion) -> None:
    """`Conflict` when the version, whose dataset is held, was deleted for good since it was read from the database."""
    if not DatasetVersion.objects.filter(pk=version.pk, status=Status.READY).exists():
        raise Conflict(_("This version was deleted meanwhile."), code="deleted", hint=_("Choose another version."))


def add_version(dataset: Dataset, user: User | None, **fields: object) -> DatasetVersion:
    """The dataset's next version; two at once come one after the other."""
    with transaction.atomic():
        lock_dataset(dataset.pk)
        if isinstance(parent := fields.get("parent"), DatasetVersion):
            check_not_forgotten(parent)
        limits.check(dataset.workspace, "uploads_hour")
        fields |= {"number": next_number(dataset.versions.all()), "created_by": user}
        return DatasetVersion.objects.create(workspace_id=dataset.workspace_id, dataset=dataset, **fields)


def pseudonym_key(dataset_id: str) -> str:
    """One key a dataset, so that a person has the same stand-in in all its versions and no other dataset's."""
    return salted_hmac("webapp.datasets.pseudonyms", dataset_id, algorithm="sha256").hexdigest()


def purge_history(version: DatasetVersion, user: User) -> list[DatasetVersion]:
    """Delete for good what this version was made from: the upload and every earlier version. Which versions those were."""
    deleted = {
        "code": "deleted",
        "message": _("This version was permanently deleted."),
        "hint": _("Use a later version."),
    }
    with transaction.atomic():
        versions = lock_dataset(
            version.dataset_id
        ).versions  # who makes one of these the next version comes before or after
        if version.status != Status.READY or version.parent is None:
            raise Problem(
                _("There is no earlier version to delete."),
                code="nothing_to_forget",
                hint=_("Mask or replace the personal data first: that makes the version to keep."),
            )
        if versions.filter(status=Status.PROCESSING).exists():
            raise Problem(_("A version is being read."), code="not_ready", hint=_("Wait until it has been read."))
        earlier = list(versions.filter(number__lt=version.number).exclude(error__code="deleted"))
        numbers = [previous.number for previous in earlier]
        versions.filter(number__in=numbers).update(
            status=Status.FAILED, error=deleted, profile={}, problems=[], sha256="", bytes=0
        )
        what = f"{version.dataset.name}: {', '.join(f'v{number}' for number in sorted(numbers))}"
        audit(version.workspace, user, "deleted", "dataset", version.dataset_id, what)
        folders = [
            version.dataset.upload_folder,
            version.dataset.cache_folder,
            *(previous.folder for previous in earlier),
        ]
        removals.due(*folders)
    removals.remove(folders)
    measure_dataset(version.dataset)  # what it shared with them is its own now
    Dataset.objects.filter(pk=version.dataset_id).update(cache_bytes=0)
    return earlier


def keep_for(dataset: Dataset, days: int | None, user: User) -> None:
    """It is deleted so many days after its last use, with all that was made from it; 0: never, None: when the site says."""
    dataset.retention_days = days
    dataset.save(update_fields=["retention_days"])
    audit(dataset.workspace, user, "set", "retention", dataset.pk, dataset.name)


def delete_dataset(dataset: Dataset, user: User | None) -> None:
    """The rows of the database go with their files; runs that used it keep their own artifact."""
    removals.remove(delete_rows(dataset, user))


def delete_rows(dataset: Dataset, user: User | None) -> list[Path]:
    """Delete a dataset in the database; the folders to remove once that is committed. Raises Conflict while a prototype uses
    it, also one that was made this moment. Deleted again, it is told of once. The audit log tells a file that could never be
    read (`discarded`) from data."""
    folders = dataset.folders
    with transaction.atomic():
        if Dataset.objects.select_for_update().filter(pk=dataset.pk).first() is None:
            return folders
        verb = "deleted" if dataset.versions.exclude(status=Status.FAILED).exists() else "discarded"
        audit(dataset.workspace, user, verb, "dataset", dataset.pk)
        parts = [*dataset.versions.values_list("pk", flat=True), *dataset.data_sources.values_list("pk", flat=True)]
        erase_names(dataset.workspace_id, [dataset.pk, *parts])
        removals.due(*folders)
        try:
            dataset.delete()
        except ProtectedError as error:
            raise Conflict(
                _("A prototype uses this dataset."), code="in_use", hint=_("Delete the prototype first.")
            ) from error
    return folders
