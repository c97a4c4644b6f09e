"""How rows are laid out on the data page: which columns come first, which are folded away, and pictures as a gallery."""

from typing import Any

from trainer import tasks
from webapp.datasets.models import DatasetVersion
from webapp.datasets.rows import Page

SHOWN_COLUMNS = 7
"""Columns that a table shows before the rest is folded behind “n more columns”."""
GALLERY_ROWS = 24
UNUSED = ("ignore", "id")
"""Roles of columns that a model does not read."""


def is_gallery(version: DatasetVersion, view: str) -> bool:
    """Whether rows are shown as pictures: where the task reads them, unless the person asked for the table."""
    return view != "table" and "image" in (version.suggestion.get("columns") or {})


def order_columns(version: DatasetVersion) -> list[dict[str, Any]]:
    """The version's columns in reading order, each as in the profile with `place` (in the file, from 0), `role` (of the
    task, or empty), `use` (what it is for: see `trainer.roles`) and `answers` (whether it holds what the model learns to answer).

    The answer comes first, since it is what a person checks, then what the model reads, then everything else.
    """
    suggestion = version.suggestion
    roles = {name: role for role, name in (suggestion.get("columns") or {}).items()}
    uses = version.roles
    shape = tasks.shapes().get(suggestion.get("task") or "")
    answer = shape.answer if shape else ""

    def rank(column: dict[str, Any]) -> int:
        if column["answers"]:
            return 0
        if column["role"]:
            return 1
        return 3 if column["use"] in UNUSED else 2

    columns = [
        column
        | {"place": place, "role": (role := roles.get(column["name"], "")), "answers": bool(role) and role == answer}
        | {"use": uses.get(column["name"], "")}
        for place, column in enumerate(version.columns)
    ]
    return sorted(columns, key=rank)


def grid(version: DatasetVersion, page: Page, everything: bool) -> dict[str, Any]:
    """For the template: `columns` that are shown, `folded` (how many are not), `foldable`; each row of `page` gets
    `visible_cells`, the pairs (column, cell) in the same order."""
    columns = order_columns(version)
    visible = columns if everything else columns[:SHOWN_COLUMNS]
    for row in page.rows:
        row["visible_cells"] = [(column, row["cells"][column["place"]]) for column in visible]
    return {
        "columns": visible,
        "folded": len(columns) - len(visible),
        "foldable": len(columns) > SHOWN_COLUMNS,
        "everything": everything,
    }
