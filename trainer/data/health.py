"""Problems that take a closer look: near copies across the split, leakage, labels that look wrong, mixed languages.

Each look is bounded in rows and in time.
"""

from typing import Any

from trainer import tasks
from trainer.data.languages import language_problems
from trainer.data.leakage import leakage_problems
from trainer.data.mislabels import closer_look, drawn_rows
from trainer.data.near_copies import near_copy_problems


def reads_text(content: Any) -> bool:
    """Whether the first column that the content's task reads holds texts."""
    task = tasks.find(content.task)
    kinds = {role.name: role.kind for role in task.roles} if task else {}
    return kinds.get(content.shape.reads[0]) == "text"


def look_closer(content: Any) -> list[dict[str, Any]]:
    """Everything here that suits the content's task; `content`: see `trainer.data.dataset.Dataset`."""
    if not content.shape.reads:
        return leakage_problems(content)
    first = content.inputs[0]
    if first in content.kinds or not reads_text(content):
        return []
    keys = content.keys
    found = near_copy_problems(content)
    drawn, cells = drawn_rows(content)
    found += language_problems(cells[:2_000])
    if content.labelled:
        found += closer_look(cells, keys.codes[drawn], keys.labels, drawn)
    return found
