"""The command `inspect`: files or a version in, a version folder out (docs/architecture.md)."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from trainer import tasks
from trainer.data.appending import append_rows
from trainer.data.editing import apply_changes, apply_fix, listed
from trainer.data.fixes import order_fixes
from trainer.data.intake import read_files
from trainer.data.memory import use_frugal_pool
from trainer.data.readings import Choices
from trainer.data.tables.table import display_name
from trainer.data.tempspace import is_full, no_space, use_folder
from trainer.data.version import read_version, write_version
from trainer.errors import DataError, SpecError
from trainer.events import Emit, silent
from trainer.json_types import JsonObject
from trainer.messages import _
from trainer.spec import SplitSpec


def inspect(  # noqa: PLR0913  the options of the command
    files: Sequence[Path],
    out: Path,
    *,
    task: str | None = None,
    columns: dict[str, str] | None = None,
    split: JsonObject | None = None,
    fixes: Sequence[str] = (),
    changes: JsonObject | None = None,
    sheet: str | None = None,
    header: int | None = None,
    layout: str | None = None,
    roles: dict[str, str] | None = None,
    readings: dict[str, str] | None = None,
    fetched: Path | None = None,
    append: Sequence[Path] = (),
    columns_before: Sequence[str] | None = None,
    emit: Emit = silent,
) -> JsonObject:
    """Write a version folder from files, or from another version's folder; what the result event says."""
    started = time.monotonic()
    use_frugal_pool()
    check_options(files, out, task, header)
    if readings and files[0].is_dir():
        raise SpecError(
            _("A version is not read in another way."),
            code="bad_reading",
            hint=_("Name the files that it was read from."),
        )
    split_spec = None if split is None else parse_split(split)
    with unfinished(out, files[0]) as part:
        if len(files) == 1 and files[0].is_dir():
            added = list(map(str, listed(changes or {}, "add")))
            dataset = read_version(files[0], columns, split_spec, task, roles, added)
            if append:
                append_rows(dataset, append, emit)
        else:
            with use_folder(part / "scratch"):
                dataset = read_files(
                    list(files),
                    columns=columns,
                    split=split_spec,
                    task=task,
                    media=part / "media",
                    sheet=sheet,
                    header=header,
                    layout=layout,
                    roles=roles,
                    choices=Choices(readings),
                    fetched=fetched,
                    emit=emit,
                )
            if append:
                append_rows(dataset, append, emit, columns_before)
        if changes:
            apply_changes(dataset, changes)
        for action in order_fixes(fixes):
            apply_fix(dataset, action, dataset.split_spec)
        emit("progress", stage="look", fraction=0.8, done=dataset.rows, unit="rows", eta_seconds=1)
        result = write_version(dataset, part, out)
    emit("progress", stage="look", fraction=1.0, done=dataset.rows, unit="rows", eta_seconds=0)
    return result | {"seconds": round(time.monotonic() - started, 2)}


def check_options(files: Sequence[Path], out: Path, task: str | None, header: int | None) -> None:
    """`SpecError` for what cannot be done, before anything is read."""
    if out.exists():
        raise SpecError(
            _("%(out)s exists already.", out=out),
            code="exists",
            hint=_("A version is written once: name a new folder."),
        )
    if not files:
        raise SpecError(_("No file was named."), code="no_file", hint=_("Name a table or a zip of pictures or sounds."))
    if task is not None and task not in tasks.shapes():
        raise SpecError(
            _("There is no task “%(task)s”.", task=task),
            code="bad_task",
            hint=_("Choose one of: %(names)s.", names=", ".join(tasks.shapes())),
        )
    if header is not None and header < 0:
        raise SpecError(
            _("There is no row %(header)s.", header=header),
            code="bad_header",
            hint=_("Rows are counted from 1; 0 says that there is no header."),
        )


@contextmanager
def unfinished(out: Path, first: Path) -> Iterator[Path]:
    """The folder beside `out` in which a version is made. Nothing is left of one that fails; memory and disk that ran out
    are said as a `DataError` about the `first` file."""
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    new_parents = [folder for folder in (out.parent, *out.parent.parents) if not folder.exists()]
    (part / "thumbs").mkdir(parents=True)
    try:
        yield part
    except BaseException as error:
        shutil.rmtree(part, ignore_errors=True)
        with suppress(OSError):  # another reader may have begun a version in one
            for folder in new_parents:
                folder.rmdir()
        if isinstance(error, MemoryError):
            raise out_of_memory(first) from error
        if isinstance(error, OSError) and is_full(error):
            raise no_space(display_name(first.name)) from error
        raise


def out_of_memory(path: Path) -> DataError:
    return DataError(
        _("Reading %(name)s takes more memory than a reader may have.", name=display_name(path.name)),
        code="too_large",
        hint=_("Send a smaller part of it."),
    )


def parse_split(split: JsonObject | None) -> SplitSpec:
    """The split asked for as JSON; `SpecError` names the field that is wrong."""
    try:
        return SplitSpec.model_validate(split or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SpecError(
            _("split.%(where)s: %(first)s.", where=where, first=first["msg"]),
            hint=_('It looks like {"test": 0.2, "validation": 0.1, "seed": 0}.'),
        ) from error
