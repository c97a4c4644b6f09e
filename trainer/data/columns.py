"""Profiles the columns, settles the task and which column plays which role, and keys the rows."""

from trainer import tasks
from trainer.data.dataset import Dataset
from trainer.data.profiling import profile_column
from trainer.data.row_keys import Keys, keys_of_rows
from trainer.errors import DataError
from trainer.messages import _
from trainer.roles import ANSWER, INPUT, SPLITTING
from trainer.spec import SplitSpec
from trainer.suggestion import MEDIA, suggest


def agreed(chosen: dict[str, str], split: SplitSpec | None) -> tuple[dict[str, str], SplitSpec]:
    """Roles and split that say the same: a column chosen as group or time divides the rows; where a split was asked for
    by itself, columns that it does not go by lose that role."""
    if split is not None:
        goes_by = {"group": split.group, "time": split.time}
        return {name: role for name, role in chosen.items() if goes_by.get(role, name) == name}, split
    named = {role: next((name for name, one in chosen.items() if one == role), None) for role in SPLITTING}
    return chosen, SplitSpec(**named)


def look(content: Dataset, columns: dict[str, str] | None, task: str | None = None) -> None:
    """Profile the columns and settle the task and which column plays which role."""
    content.profile = [profile_column(name, content.table.column(name)) for name in content.names]
    for column in content.profile:
        column["kind"] = content.kinds.get(column["name"], column["kind"])
    content.chosen = {name: role for name, role in content.chosen.items() if name in content.names}
    unknown = [name for name in (columns or {}).values() if name not in content.names]
    if unknown:
        raise DataError(
            _("There is no column “%(unknown)s”.", unknown=unknown[0]),
            code="no_column",
            hint=_("There are: %(names)s.", names=", ".join(content.names[:20])),
        )
    settle_task(content, columns or {}, task)
    content.keys = None
    if content.shape is not None:
        content.keys = row_keys(content)


def settle_task(content: Dataset, columns: dict[str, str], task: str | None) -> None:
    """The task and its columns: those named, then those chosen as answer or input, then the likeliest of the rest."""
    left_out = {name for name, role in content.chosen.items() if role not in (INPUT, ANSWER)} - set(columns.values())
    offered = [one for one in content.profile if one["name"] not in left_out]
    content.task, content.roles, content.shape = suggest(offered, task, columns or None)
    answer = next((name for name, role in content.chosen.items() if role == ANSWER), None)
    slug = task or content.task
    if answer and slug and tasks.shapes()[slug].answer and tasks.shapes()[slug].answer not in columns:
        own = {role: name for role, name in content.roles.items() if name != answer}
        named = own | columns | {tasks.shapes()[slug].answer: answer}
        content.task, content.roles, content.shape = suggest(offered, slug, named)


def row_keys(content: Dataset) -> Keys:
    column = content.table.column
    answer = content.roles.get(content.shape.answer) if content.shape else None
    labels = column(answer) if answer and content.labelled else None
    needed = [] if content.labelled else [column(answer)] if answer else []
    needed += [column(content.roles[role]) for role in content.shape.reads if role in MEDIA] if content.shape else []
    return keys_of_rows([column(name) for name in content.inputs] or needed, labels, needed)
