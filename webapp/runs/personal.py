"""Which columns of a run hold personal data, as far as the reader noticed: in the version that the run learned from, or in any
later version of the same data. So what is noticed late counts for what is shared already."""

from collections.abc import Iterable
from typing import Any

from webapp.catalog.titles import reads_table
from webapp.datasets.models import DatasetVersion
from webapp.runs.models import Run

PERSONAL = "personal_data"
"""The problem's code (`trainer.data.privacy`)."""
EXAMPLES = 3
"""Problems of versions read before they had `columns` name that many columns and no more."""


def flagged_columns(run: Run) -> set[str]:
    """The columns of the run's version in which personal data was found, then or later."""
    versions = DatasetVersion.objects.filter(dataset=run.version.dataset_id, number__gte=run.version.number)
    problem_lists = versions.order_by().values_list("problems", flat=True)
    problems = [problem for problems in problem_lists for problem in problems if problem.get("code") == PERSONAL]
    names = [column["name"] for column in run.version.columns] if problems else []
    return {name for problem in problems for name in columns_of(problem, names)}


def columns_of(problem: dict[str, Any], names: Iterable[str]) -> set[str]:
    """The columns that a problem is about; all of `names` where an older one does not tell."""
    if columns := problem.get("columns"):
        return set(columns)
    examples = [str(example) for example in problem.get("examples") or []]
    if not 0 < len(examples) < EXAMPLES:
        return set(names)
    titles = [example.partition(": ⟨")[0] for example in examples]
    return {name for name in names if any(is_called(name, title) for title in titles)}


def is_called(name: str, title: str) -> bool:
    """Whether a problem calls the column so: long names are cut."""
    return name.strip() == title or (title.endswith("…") and name.strip().startswith(title[:-1]))


def column_of(run: Run, name: str) -> str:
    """The column that an input is read from: tables name their inputs so, other tasks by the column's role."""
    return name if reads_table(run.task) else run.columns.get(name, name)
