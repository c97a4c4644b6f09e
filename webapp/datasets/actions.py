"""Verbs over datasets: take files, read them into a version, map columns, mend."""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError, Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from trainer import tasks
from trainer.roles import ROLES
from trainer.samples import SAMPLES
from webapp.accounts.actions import audit
from webapp.accounts.models import User, Workspace
from webapp.core import removals
from webapp.core.files import check_room, store
from webapp.core.ids import new_id
from webapp.core.problems import Conflict, Problem
from webapp.core.sentences import said
from webapp.core.titles import title_from
from webapp.datasets.models import Dataset, DatasetVersion, Status
from webapp.datasets.quota import bytes_in, check_quota, lock_quota, measured, own_bytes

MAX_FILES = 20
MAX_CHANGES = 1_000
MAX_HEADER_ROW = 10_000
LAYOUTS = ("table", "text")
HUB_NAME = re.compile(r"(?:\w[\w.-]{0,95}/)?\w[\w.-]{0,95}(?:@[\w./-]{1,200})?")


def create_dataset(
    workspace: Workspace,
    user: User,
    files: Sequence[Any],
    name: str = "",
    header: int | None = None,
    layout: str | None = None,
) -> Dataset:
    """Store the files and have a worker read them. `files` are Django uploads; `header` and `layout` see `read_request`."""
    asked = read_request(header, layout)
    if not files:
        raise Problem(
            _("No file came with the request."),
            code="no_file",
            hint=_("Choose a table, or a zip of pictures or sounds."),
        )
    if len(files) > MAX_FILES:
        raise Problem(
            _("At most %(limit)d files make one dataset.") % {"limit": MAX_FILES},
            code="too_many_files",
            hint=_("Put their rows into fewer files, or zip them into one."),
            status=413,
        )
    size = sum(file.size or 0 for file in files)
    check_room(size)
    sizes = measured(workspace)
    check_quota(workspace, size, sizes)
    title = name.strip()[:120] or title_from(files[0].name or "") or "data"
    dataset = Dataset(workspace=workspace, name=title, created_by=user)
    removals.due(dataset.upload_folder)  # unless the dataset gets its row
    try:
        names = store(files, dataset.upload_folder)
        with transaction.atomic():
            removals.keep(dataset.upload_folder)
            lock_quota(workspace)
            check_quota(workspace, size, sizes)  # again: what came meanwhile has taken its room
            dataset.save()
            version = add_version(dataset, user, sources=names, note=_("Upload"), request=asked)
            audit(workspace, user, "uploaded", "dataset", dataset.pk, title)
    except Exception:
        shutil.rmtree(dataset.upload_folder, ignore_errors=True)
        raise
    version.send()
    return dataset


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
    """A dataset whose files a worker fetches or writes before it reads them (see `file_arguments`)."""
    check_quota(workspace, 0)
    dataset = Dataset(workspace=workspace, name=title[:120], created_by=user)
    with transaction.atomic():
        dataset.save()
        version = add_version(dataset, user, note=note[:200], request=request)
        audit(workspace, user, "uploaded", "dataset", dataset.pk, title[:120])
    version.send()
    return dataset


def lock_dataset(pk: str) -> Dataset:
    """The dataset, held until the transaction ends: who makes or forgets a version of it comes one after the other. `Conflict`
    when it was deleted meanwhile."""
    found = Dataset.objects.select_for_update().filter(pk=pk).first()
    if found is None:
        raise Conflict(_("This dataset was deleted meanwhile."), code="deleted", hint=_("Choose another one."))
    return found


def check_not_forgotten(version: DatasetVersion) -> None:
    """`Conflict` when the version, whose dataset is held, was deleted for good since it was read from the database."""
    if not DatasetVersion.objects.filter(pk=version.pk, status=Status.READY).exists():
        raise Conflict(_("This version was deleted meanwhile."), code="deleted", hint=_("Choose another version."))


def add_version(dataset: Dataset, user: User | None, **fields: Any) -> DatasetVersion:
    """The dataset's next version; two at once come one after the other."""
    with transaction.atomic():
        lock_dataset(dataset.pk)
        if parent := fields.get("parent"):
            check_not_forgotten(parent)
        last = dataset.versions.order_by("-number").values_list("number", flat=True).first() or 0
        return DatasetVersion.objects.create(
            workspace_id=dataset.workspace_id, dataset=dataset, created_by=user, number=last + 1, **fields
        )


def remap(
    version: DatasetVersion,
    user: User,
    task: str,
    columns: dict[str, str],
    split: dict[str, Any] | None = None,
    roles: dict[str, str] | None = None,
    sizes: Mapping[Path, int] | None = None,
) -> DatasetVersion:
    """The next version: the same rows under another mapping, each in the part that it had where the question is the same; the
    same version when nothing changes. `roles` ({column: role}, see `trainer.roles`) join those chosen before; `sizes` as in
    `derive`."""
    roles = changed_roles(version, roles)
    check_mapping(version, columns, roles)
    same = task == version.suggestion.get("task") and columns == version.suggestion.get("columns")
    if same and not roles and (split is None or split == version.split.get("wanted", {})):
        return version
    note = _("Split changed") if same and not roles else _("Columns changed")
    asked = {"split": split, "roles": roles or None}
    given = {name: value for name, value in asked.items() if value is not None}
    return derive(version, user, note, sizes, task=task, columns=columns, **given)


def changed_roles(version: DatasetVersion, roles: dict[str, str] | None) -> dict[str, str]:
    """Those of {column: role} that the version does not have already."""
    return {name: role for name, role in (roles or {}).items() if version.roles.get(name) != role}


def columns_after(version: DatasetVersion, roles: dict[str, str]) -> dict[str, str]:
    """The task's columns as they are; without its answer where another column is to be that."""
    columns = version.suggestion.get("columns") or {}
    answer = tasks.shapes()[version.suggestion["task"]].answer if version.suggestion.get("task") else ""
    return {role: name for role, name in columns.items() if role != answer or "answer" not in roles.values()}


def check_mapping(version: DatasetVersion, columns: dict[str, str], roles: dict[str, str]) -> None:
    """`Problem` for a column or a role (see `trainer.roles`) that there is not."""
    known = {column["name"] for column in version.columns}
    unknown = [name for name in (*columns.values(), *roles) if name not in known]
    if unknown:
        raise Problem(
            _("There is no column “%(name)s”.") % {"name": unknown[0]},
            code="no_column",
            hint=_("The columns are: %(names)s.") % {"names": ", ".join(sorted(known)[:20])},
        )
    check_role_names(roles)


def check_role_names(roles: dict[str, str]) -> None:
    if wrong := [role for role in roles.values() if role not in ROLES]:
        raise Problem(
            _("“%(name)s” is not a column role.") % {"name": str(wrong[0])[:60]},
            code="bad_role",
            hint=_("Choose one of %(names)s.") % {"names": ", ".join(ROLES)},
        )


def mend(version: DatasetVersion, user: User, *actions: str) -> DatasetVersion:
    """The next version, with faults fixed, in the order given. Only what the reader offered can be asked for; `safe` stands
    for all that need no look at the rows."""
    offered = {fix["action"]: said(fix, "label") for problem in version.problems for fix in fixes_of(problem)}
    wanted = list(
        dict.fromkeys(action for one in actions for action in (safe_fixes(version) if one == "safe" else [one]))
    )
    if not wanted or not set(wanted) <= set(offered):
        raise Problem(
            _("That issue is not in this version."), code="no_such_fix", hint=_("Reload the page to see what is.")
        )
    suggestion = {key: version.suggestion.get(key) for key in ("task", "columns")}
    note = ", ".join(dict.fromkeys(offered[action] for action in wanted))[:200]
    return derive(version, user, note, fixes=wanted, **suggestion)


def safe_fixes(version: DatasetVersion) -> list[str]:
    """The remedies of this version that take nothing away that could be learned from."""
    offered = [fix for problem in version.problems for fix in fixes_of(problem)]
    return list(dict.fromkeys(fix["action"] for fix in offered if fix.get("safe")))


def read_sheet(version: DatasetVersion, user: User | None, sheet: str, header: int | None = None) -> DatasetVersion:
    """The next version, from another sheet of the workbook that was uploaded; `header` as in `read_header`."""
    if sheet not in version.sheets:
        raise Problem(
            _("There is no sheet “%(name)s”.") % {"name": sheet[:60]},
            code="no_sheet",
            hint=_("Choose one of %(names)s.") % {"names": ", ".join(version.sheets) or _("none")},
        )
    if not version.dataset.upload_folder.exists():
        raise Problem(_("The workbook was deleted."), code="deleted", hint=_("Send it again, as a new dataset."))
    return derive(version, user, _("Sheet “%(name)s”") % {"name": sheet}, sheet=sheet, **header_request(header))


def header_request(header: int | None) -> dict[str, int]:
    """What a version is asked for when its header row was chosen; `Problem` for a number that no row has."""
    if header is None:
        return {}
    if not 0 <= header <= MAX_HEADER_ROW:
        raise Problem(
            _("The header row is a number from 0 to %(limit)s.") % {"limit": f"{MAX_HEADER_ROW:,}"},
            code="bad_header",
            hint=_("Rows are counted from 1; 0 says that there is no header."),
        )
    return {"header": header}


def read_request(
    header: int | None = None, layout: str | None = None, roles: dict[str, str] | None = None
) -> dict[str, Any]:
    """What the first version is asked for: the row of the column names (`header_request`), whether plain text is a `table` or
    `text`, and what columns are for ({column: role}); what is left out is found."""
    if layout is not None:
        check_layout(layout)
    check_role_names(roles or {})
    given = {"layout": layout, "roles": roles or None}
    return header_request(header) | {name: value for name, value in given.items() if value is not None}


def check_layout(layout: str) -> None:
    if layout not in LAYOUTS:
        raise Problem(
            _("A file cannot be read as “%(name)s”.") % {"name": layout[:60]},
            code="bad_layout",
            hint=_("Choose one of %(names)s.") % {"names": ", ".join(LAYOUTS)},
        )


def read_header(version: DatasetVersion, user: User | None, header: int) -> DatasetVersion:
    """The next version, from the files as they came, with another row as their header; 0: they have none."""
    request: dict[str, Any] = header_request(header)
    if not version.dataset.upload_folder.exists():
        raise Problem(_("The files were deleted."), code="deleted", hint=_("Send them again, as a new dataset."))
    if version.sheet:
        request["sheet"] = version.sheet
    note = _("Header in row %(number)d") % {"number": header} if header else _("Without a header")
    return derive(version, user, note, **request)


def read_layout(version: DatasetVersion, user: User | None, layout: str) -> DatasetVersion:
    """The next version, from the files as they came, read as a `table` or as `text` in paragraphs."""
    notes = {"table": _("Read as a table"), "text": _("Read as text")}
    check_layout(layout)
    if not version.dataset.upload_folder.exists():
        raise Problem(_("The files were deleted."), code="deleted", hint=_("Send them again, as a new dataset."))
    return derive(version, user, notes[layout], layout=layout)


def change(version: DatasetVersion, user: User | None, changes: dict[str, Any]) -> DatasetVersion:
    """The next version with cells set (`set`: [{row, column, value}]) and rows excluded (`drop`: [row]), rows from 1."""
    dropped, cells = changes.get("drop") or [], changes.get("set") or []
    well_formed = isinstance(dropped, list) and isinstance(cells, list) and all(isinstance(one, dict) for one in cells)
    if not well_formed or not (dropped or cells):
        raise Problem(
            _("No rows selected."), code="no_change", hint=_("Select rows, then choose what to do with them.")
        )
    if len(dropped) + len(cells) > MAX_CHANGES:
        raise Problem(
            _("At most %(limit)d rows are changed at once.") % {"limit": MAX_CHANGES},
            code="too_many_changes",
            hint=_("Change them in several steps, or fix the file and upload it again."),
        )
    parts = []
    if cells:
        parts.append(ngettext("%(n)d cell changed", "%(n)d cells changed", len(cells)) % {"n": len(cells)})
    if dropped:
        parts.append(ngettext("%(n)d row excluded", "%(n)d rows excluded", len(dropped)) % {"n": len(dropped)})
    suggestion = {key: version.suggestion.get(key) for key in ("task", "columns")}
    return derive(version, user, ", ".join(parts), changes={"drop": dropped, "set": cells}, **suggestion)


def fixes_of(problem: dict[str, Any]) -> list[dict[str, str]]:
    """The remedies of a finding, the recommended one first."""
    return problem.get("fixes") or ([problem["fix"]] if problem.get("fix") else [])


def pseudonym_key(dataset_id: str) -> str:
    """One key a dataset, so that a person has the same stand-in in all its versions and no other dataset's."""
    return salted_hmac("webapp.datasets.pseudonyms", dataset_id, algorithm="sha256").hexdigest()


def derive(
    version: DatasetVersion, user: User, note: str, sizes: Mapping[Path, int] | None = None, /, **request: Any
) -> DatasetVersion:
    """The next version, made of this one as `request` says. Who asks within a transaction brings the `sizes` that
    `webapp.datasets.quota.measured` told before it: nobody waits for a walk over the disk."""
    if version.status != Status.READY:
        raise Problem(_("This version is not ready yet."), code="not_ready", hint=_("Wait until it has been read."))
    check_quota(version.workspace, bytes_in(version.folder), sizes)
    with transaction.atomic():
        made = add_version(version.dataset, user, parent=version, note=note, request=request, sources=version.sources)
        audit(version.workspace, user, "made version", "dataset", version.dataset_id, f"{version.dataset.name}: {note}")
    made.send()
    return made


def restore(version: DatasetVersion, user: User | None) -> DatasetVersion:
    """The next version, with the rows, split and roles of an older one. Its files are the same on disk, so it takes no room."""
    if version.status != Status.READY or not version.folder.is_dir():
        raise Problem(
            _("Version %(number)d cannot be restored.") % {"number": version.number},
            code="not_ready",
            hint=_("Choose a version whose rows can be seen."),
        )
    if version == version.dataset.current:
        raise Problem(
            _("Version %(number)d is the latest.") % {"number": version.number},
            code="latest",
            hint=_("There is nothing to restore."),
        )
    same = ("note", "sources", "rows", "rows_read", "sha256", "profile", "problems", "seconds", "progress", "status")
    fields = {name: getattr(version, name) for name in same}
    fields |= {"note": _("Version %(number)d restored") % {"number": version.number}, "parent": version}
    fields["finished_at"] = timezone.now()
    part = version.folder.with_name(f"v{version.number}.{new_id()}.part")
    try:
        link_all(version, part)  # before the transaction: it may take a while
        fields["bytes"] = own_bytes(part)
        with transaction.atomic():
            made = add_version(version.dataset, user, **fields)
            shutil.rmtree(made.folder, ignore_errors=True)
            part.rename(made.folder)
            audit(version.workspace, user, "restored", "dataset", version.dataset_id, str(version))
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return made


def take_back(version: DatasetVersion) -> None:
    """Undo a version that was made for a run which cannot learn from it: as the newest one it would be in everybody's way. Not
    once somebody has used it."""
    part = version.folder.with_name(f"v{version.number}.{new_id()}.part")
    with transaction.atomic():
        versions = lock_dataset(version.dataset_id).versions
        later = versions.filter(Q(number__gt=version.number) | Q(parent=version))
        if version.runs.exists() or later.exists() or not versions.filter(pk=version.pk).delete()[0]:
            return
        version.folder.rename(part)  # the next version may have the same number
    shutil.rmtree(part, ignore_errors=True)


def link_all(version: DatasetVersion, part: Path) -> None:
    """The version's files in another folder. `Conflict` when they were deleted meanwhile."""
    try:
        shutil.copytree(version.folder, part, copy_function=link_or_copy)
    except (FileNotFoundError, shutil.Error):
        check_not_forgotten(version)
        raise
    os.utime(part)  # the copy is as old as what was copied, and `sweep_parts` goes by that


def link_or_copy(source: str, target: str) -> None:
    """The same file under a second name; a copy where the disk cannot."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def forget(version: DatasetVersion, user: User) -> dict[str, Any]:
    """Delete for good what this version was made from: the upload and every earlier version.

    {versions (numbers deleted), runs [{id, name}] that learned from them}: their artifacts hold test rows as they were.
    """
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
        runs = [
            {"id": run.pk, "name": str(run), "prototype": run.prototype_id}
            for one in earlier
            for run in one.runs.order_by("number")
        ]
        numbers = [one.number for one in earlier]
        versions.filter(number__in=numbers).update(
            status=Status.FAILED, error=deleted, profile={}, problems=[], sha256="", bytes=0
        )
        what = f"{version.dataset.name}: {', '.join(f'v{number}' for number in sorted(numbers))}"
        audit(version.workspace, user, "deleted", "dataset", version.dataset_id, what)
        folders = [version.dataset.upload_folder, *(one.folder for one in earlier)]
        removals.due(*folders)
    removals.remove(folders)
    DatasetVersion.objects.filter(pk=version.pk).update(bytes=own_bytes(version.folder))  # media it shared are its own
    return {"versions": sorted(numbers), "runs": runs}


def delete_dataset(dataset: Dataset, user: User | None) -> None:
    """The rows of the database go with their files; runs that used it keep their own artifact."""
    removals.remove(delete_rows(dataset, user))


def delete_rows(dataset: Dataset, user: User | None) -> list[Path]:
    """Delete a dataset in the database; the folders to remove once that is committed. Raises Conflict while a prototype uses
    it, also one that was made this moment. Deleted again, it is told of once. The audit log tells a file that could never be
    read (`discarded`) from data."""
    folders = [dataset.upload_folder, *(version.folder.parent for version in dataset.versions.all()[:1])]
    with transaction.atomic():
        if Dataset.objects.select_for_update().filter(pk=dataset.pk).first() is None:
            return folders
        verb = "deleted" if dataset.versions.exclude(status=Status.FAILED).exists() else "discarded"
        audit(dataset.workspace, user, verb, "dataset", dataset.pk, dataset.name)
        removals.due(*folders)
        try:
            dataset.delete()
        except ProtectedError as error:
            raise Conflict(
                _("A prototype uses this dataset."), code="in_use", hint=_("Delete the prototype first.")
            ) from error
    return folders
