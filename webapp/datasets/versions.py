"""The next version of a dataset: other columns, faults fixed, rows changed, read anew, or an older one restored."""

import os
import shutil
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from trainer import tasks
from webapp.accounts.actions import audit
from webapp.accounts.models import User
from webapp.accounts.rights import Right
from webapp.core.files import check_disk
from webapp.core.ids import new_id
from webapp.core.problems import Problem
from webapp.core.sentences import translated
from webapp.datasets.actions import add_version, check_not_forgotten, lock_dataset
from webapp.datasets.models import DatasetVersion, Status
from webapp.datasets.quota import own_bytes, room_for, size_of
from webapp.datasets.requests import check_layout, check_reading, check_role_names, header_request

MAX_CHANGES = 1_000


def remap(
    version: DatasetVersion,
    user: User,
    task: str,
    columns: dict[str, str],
    split: dict[str, Any] | None = None,
    roles: dict[str, str] | None = None,
) -> DatasetVersion:
    """The next version: the same rows under another mapping, each in the part that it had where the question is the same; the
    same version when nothing changes. `roles` ({column: role}, see `trainer.roles`) join those chosen before."""
    roles = changed_roles(version, roles)
    check_mapping(version, columns, roles)
    same = task == version.suggestion.get("task") and columns == version.suggestion.get("columns")
    if same and not roles and (split is None or split == version.split.get("wanted", {})):
        return version
    note = _("Split changed") if same and not roles else _("Columns changed")
    options = {"split": split, "roles": roles or None}
    given = {name: value for name, value in options.items() if value is not None}
    return derive(version, user, note, task=task, columns=columns, **given)


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
    names = {column["name"] for column in version.columns}
    unknown = [name for name in (*columns.values(), *roles) if name not in names]
    if unknown:
        raise Problem(
            _("There is no column “%(name)s”.") % {"name": unknown[0]},
            code="no_column",
            hint=_("The columns are: %(names)s.") % {"names": ", ".join(sorted(names)[:20])},
        )
    check_role_names(roles)


def apply_fixes(version: DatasetVersion, user: User, *actions: str) -> DatasetVersion:
    """The next version, with faults fixed, in the order given. Only what the reader offered can be asked for; `safe` stands
    for all that need no look at the rows."""
    offered = {fix["action"]: translated(fix, "label") for problem in version.problems for fix in fixes_of(problem)}
    fixes = list(
        dict.fromkeys(fix for action in actions for fix in (safe_fixes(version) if action == "safe" else [action]))
    )
    if not fixes or not set(fixes) <= set(offered):
        raise Problem(
            _("That issue is not in this version."), code="no_such_fix", hint=_("Reload the page to see what is.")
        )
    note = ", ".join(dict.fromkeys(offered[action] for action in fixes))[:200]
    return derive(version, user, note, fixes=fixes, **mapping_of(version))


def mapping_of(version: DatasetVersion) -> dict[str, Any]:
    """What the next version is asked for that is to have the same task and columns."""
    return {key: version.suggestion.get(key) for key in ("task", "columns")}


def safe_fixes(version: DatasetVersion) -> list[str]:
    """The remedies of this version that take nothing away that could be learned from: no rows that may still get a label."""
    offered = [fix for problem in version.problems for fix in fixes_of(problem)]
    takes_pool = {"drop_missing"} if version.split.get("pool") else set()
    return [
        action
        for action in dict.fromkeys(fix["action"] for fix in offered if fix.get("safe"))
        if action not in takes_pool
    ]


def read_sheet(version: DatasetVersion, user: User, sheet: str, header: int | None = None) -> DatasetVersion:
    """The next version, from another sheet of the workbook that was uploaded; `header` as in `read_header`."""
    if sheet not in version.sheets:
        raise Problem(
            _("There is no sheet “%(name)s”.") % {"name": sheet[:60]},
            code="no_sheet",
            hint=_("Choose one of %(names)s.") % {"names": ", ".join(version.sheets) or _("none")},
        )
    check_upload(version)
    request = {"sheet": sheet, **header_request(header), **added_to(version)}
    return derive(version, user, _("Sheet “%(name)s”") % {"name": sheet}, **request)


def read_header(version: DatasetVersion, user: User, header: int) -> DatasetVersion:
    """The next version, from the files as they came, with another row as their header; 0: they have none."""
    request: dict[str, Any] = header_request(header)
    check_upload(version)
    if version.sheet:
        request["sheet"] = version.sheet
    note = _("Header in row %(number)d") % {"number": header} if header else _("Without a header")
    return derive(version, user, note, **request, **added_to(version))


def read_layout(version: DatasetVersion, user: User, layout: str) -> DatasetVersion:
    """The next version, from the files as they came, read as a `table` or as `text` in paragraphs."""
    notes = {"table": _("Read as a table"), "text": _("Read as text")}
    check_layout(layout)
    check_upload(version)
    return derive(version, user, notes[layout], layout=layout, **added_to(version))


def read_otherwise(version: DatasetVersion, user: User, reading: dict[str, str]) -> DatasetVersion:
    """The next version, from the files as they came, with other choices ({what: choice}) of what can be read in several ways;
    choices made before stay."""
    check_reading(reading)
    known = {entry["what"]: entry for entry in version.readings}
    for what, choice in reading.items():
        if what in known and choice not in (known[what]["chosen"], *known[what]["others"]):
            raise Problem(
                _("“%(what)s” cannot be read as “%(choice)s”.") % {"what": what[:60], "choice": choice[:60]},
                code="bad_reading",
                hint=_("Choose one of %(names)s.")
                % {"names": ", ".join([known[what]["chosen"], *known[what]["others"]])},
            )
    check_upload(version)
    before = {what: entry["chosen"] for what, entry in known.items() if entry["asked"]}
    labels = [
        translated(entry, "label")
        for what, choice in reading.items()
        for entry in known.get(what, {}).get("choices", [])
        if entry["choice"] == choice
    ]
    note = _("Read as: %(choices)s") % {"choices": ", ".join(labels or reading.values())}
    return derive(version, user, note[:200], reading=before | reading, **added_to(version))


def added_to(version: DatasetVersion) -> dict[str, list[str]]:
    """What reading the files anew is asked for, so that rows which were added to this version, or to one before it, stay."""
    names: list[str] = []
    made: DatasetVersion | None = version
    while made is not None:
        names = [*(made.request.get("append") or []), *names]
        made = made.parent
    return {"append": list(dict.fromkeys(names))} if names else {}


def check_upload(version: DatasetVersion) -> None:
    """`Problem` where the files as they came are gone."""
    if not version.dataset.upload_folder.exists():
        raise Problem(_("The files were deleted."), code="deleted", hint=_("Send them again, as a new dataset."))


def change(version: DatasetVersion, user: User, changes: dict[str, Any]) -> DatasetVersion:
    """The next version with cells set (`set`: [{row, column, value}]) and rows excluded (`drop`: [row]), rows from 1."""
    dropped, cells = changes.get("drop") or [], changes.get("set") or []
    well_formed = (
        isinstance(dropped, list) and isinstance(cells, list) and all(isinstance(cell, dict) for cell in cells)
    )
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
    changes = {"drop": dropped, "set": cells, "by": signature(user)}
    return derive(version, user, ", ".join(parts), changes=changes, **mapping_of(version))


def signature(user: User) -> dict[str, str]:
    """Who changes labels, and when. The person is a number: once the account is gone, it stands for nobody."""
    return {"source": "person", "person": str(user.pk), "at": timezone.now().isoformat()}


def right_for(version: DatasetVersion, changes: dict[str, Any]) -> Right:
    """What these changes (as in `change`) need: a labeller may correct labels, and nothing else."""
    cells = changes.get("set") or []
    is_labelling = not changes.get("drop") and all(cell.get("column") == version.label_column for cell in cells)
    return Right.LABEL if is_labelling else Right.EDIT


def fixes_of(problem: dict[str, Any]) -> list[dict[str, str]]:
    """The remedies of a finding, the recommended one first."""
    return problem.get("fixes") or ([problem["fix"]] if problem.get("fix") else [])


def derive(version: DatasetVersion, user: User | None, note: str, /, **request: object) -> DatasetVersion:
    """The next version, made of this one as `request` says; until it is read, it counts as much as the rows of this one."""
    if version.status != Status.READY:
        raise Problem(_("This version is not ready yet."), code="not_ready", hint=_("Wait until it has been read."))
    size = size_of(version.folder / "data.parquet")
    check_disk(size)
    with room_for(version.workspace, size):
        given = {"note": note, "request": request, "sources": version.sources, "bytes": size}
        made = add_version(version.dataset, user, parent=version, **given)
        audit(version.workspace, user, "made version", "dataset", version.dataset_id, f"{version.dataset.name}: {note}")
    made.send()
    return made


def restore(version: DatasetVersion, user: User) -> DatasetVersion:
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
        with room_for(version.workspace, fields["bytes"]):  # none, but where the disk cannot link
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
        try:
            if later.exists() or not versions.filter(pk=version.pk).delete()[0]:
                return
        except ProtectedError:  # a run learned from it
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
