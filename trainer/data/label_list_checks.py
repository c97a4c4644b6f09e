"""Whether rows with several labels each can be learned from: how many labels there are, which are rare, and which rows have none."""

from collections import Counter

import numpy as np

from trainer.data.dataset import Dataset
from trainer.data.problems import Problem, problem
from trainer.label_lists import MAX_LEARNED_LABELS, learned_labels, read_labels
from trainer.messages import _, ngettext

RARE_ROWS = 10


def label_list_problems(dataset: Dataset) -> list[Problem]:
    """An error where all usable rows have the same labels; warnings of labels that are many or rare; rows without any."""
    cells = dataset.table.column(dataset.roles[dataset.mapped_shape.answer]).to_pylist()
    rows = np.flatnonzero(dataset.mapped_keys.usable)
    lists = [read_labels(cells[row]) for row in rows.tolist()]
    counts = Counter(label for labels in lists for label in labels)
    if len({tuple(labels) for labels in lists}) < 2:
        message = _("Every row has the same labels: rows with other labels, or with none, are needed.")
        return [problem("one_class", "error", message, examples=list(counts)[:3], count=len(rows))]
    learned = [counts[label] for label in learned_labels(counts)]
    if sum(learned) < 2 * len(learned):
        message = _(
            "There are %(labels)s different labels, most of which occur once: is this the right column? Texts and names are not "
            "labels.",
            labels=f"{len(counts):,}",
        )
        return [problem("few_rows_a_label", "error", message, examples=list(counts)[:3], count=len(counts))]
    problems = [many_labels_problem(counts)] if len(counts) > MAX_LEARNED_LABELS else rare_problems(counts)
    unlabelled = [row for row, labels in zip(rows.tolist(), lists, strict=True) if not labels]
    if unlabelled:
        message = ngettext(
            "%(count)s row has no label: the model learns to answer “none of them” there.",
            "%(count)s rows have no label: the model learns to answer “none of them” there.",
            len(unlabelled),
        )
        problems.append(problem("rows_without_labels", "info", message, np.array(unlabelled)))
    return problems


def many_labels_problem(counts: Counter[str]) -> Problem:
    """Of more labels than are learned."""
    learned = set(learned_labels(counts))
    rest = [label for label, _count in counts.most_common() if label not in learned]
    message = _(
        "There are %(count)s different labels; the %(learned)s most common are learned. Rows with one of the other %(rest)s count "
        "as mistakes: join rare labels, or check which column was chosen.",
        count=f"{len(counts):,}",
        learned=f"{len(learned):,}",
        rest=f"{len(rest):,}",
    )
    return problem("many_labels", "warning", message, examples=rest[:5], count=len(rest))


def rare_problems(counts: Counter[str]) -> list[Problem]:
    rare = [label for label, count in counts.items() if count < RARE_ROWS]
    if not rare:
        return []
    message = ngettext(
        "%(count)s label has fewer than %(least)s examples; its own score will be unreliable.",
        "%(count)s labels have fewer than %(least)s examples; their own scores will be unreliable.",
        len(rare),
        least=RARE_ROWS,
    )
    return [problem("rare_classes", "warning", message, examples=rare, count=len(rare))]
