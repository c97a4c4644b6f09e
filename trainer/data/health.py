"""Problems that take a closer look: near copies across the split, leakage, labels that look wrong, mixed languages.

Each look is bounded in rows and in time.
"""

from trainer import tasks
from trainer.data.cells import select_cells
from trainer.data.dataset import Dataset
from trainer.data.languages import language_problems
from trainer.data.leakage import leakage_problems
from trainer.data.mislabelled_lists import several_labels_problems
from trainer.data.mislabels import draw_rows, label_quality_problems
from trainer.data.near_copies import near_copy_problems
from trainer.data.pool import confirmed_rows
from trainer.data.problems import Problem


def reads_text(dataset: Dataset) -> bool:
    """Whether the first column that the dataset's task reads holds texts."""
    task = tasks.find(dataset.task)
    kinds = {role.name: role.kind for role in task.roles} if task else {}
    return kinds.get(dataset.mapped_shape.reads[0]) == "text"


def find_health_problems(dataset: Dataset) -> list[Problem]:
    """Everything here that suits the dataset's task."""
    if not dataset.mapped_shape.reads:
        return leakage_problems(dataset)
    first = dataset.inputs[0]
    if first in dataset.kinds or not reads_text(dataset):
        return []
    keys = dataset.mapped_keys
    problems = near_copy_problems(dataset)
    drawn, cells = draw_rows(dataset)
    problems += language_problems(cells[:2_000])
    if dataset.labelled:
        problems += label_quality_problems(cells, keys.codes[drawn], keys.labels, drawn, confirmed_rows(dataset))
    elif dataset.has_label_lists:
        lists = select_cells(dataset.column(dataset.roles[dataset.mapped_shape.answer]), drawn)
        problems += several_labels_problems(cells, lists, drawn, confirmed_rows(dataset))
    return problems
