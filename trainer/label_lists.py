"""Cells that hold several labels: how they are read and written, and which labels a model learns. Light."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from trainer.columns import canonical_label

MAX_LEARNED_LABELS = 500
"""So many labels, the commonest, are learned: beyond that time and memory are no longer bounded, and most labels are too rare."""


def read_labels(cell: object) -> list[str]:
    """The labels of a cell, each once and in order: a list, its JSON, or one label; none of an empty one."""
    value = parse(cell) if isinstance(cell, str) else cell
    items = value if isinstance(value, list | tuple) else [] if value is None else [value]
    names = (canonical_label(str(item)) for item in items if item is not None)
    return sorted({name for name in names if name})


def parse(cell: str) -> object:
    """A list as JSON has it; any other text stands for itself."""
    text = cell.strip()
    if not text.startswith("["):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, list) else text


def write_labels(labels: Iterable[str]) -> str:
    """Labels as a cell of predictions.parquet."""
    return json.dumps(list(labels), ensure_ascii=False)


def count_labels(cells: Iterable[object]) -> Counter[str]:
    """{label: cells that have it}."""
    return Counter(label for cell in cells for label in read_labels(cell))


def learned_labels(counts: Counter[str]) -> list[str]:
    """The labels that a model learns, in alphabetical order: all, or the commonest MAX_LEARNED_LABELS."""
    ranked: Sequence[tuple[str, int]] = sorted(counts.items(), key=lambda counted: (-counted[1], counted[0]))
    return sorted(label for label, _count in ranked[:MAX_LEARNED_LABELS])
