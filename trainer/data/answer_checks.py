"""Whether the answers can be learned and tested: labels or numbers, how many of each, and in which part."""

import json
from collections import defaultdict
from collections.abc import Callable

import numpy as np

from trainer import answers, tasks, transcripts
from trainer.columns import ID_NAME
from trainer.data.cells import is_missing_mask, parse_numbers
from trainer.data.dataset import Dataset
from trainer.data.fixes import KEEP_AT_LEAST
from trainer.data.pair_rows import scored_problems
from trainer.data.passage_rows import LEFT_OUT, passage_problems
from trainer.data.problems import Problem, join_names, problem, shorten
from trainer.data.row_keys import NO_TEXT, Keys, spelling_of
from trainer.data.tag_rows import tag_problems
from trainer.messages import Message, _, ngettext
from trainer.numerals import LARGEST_ANSWER, form_of

RARE_ROWS = 10
SKEWED_SHARE = 0.9
FEW_TEST_ROWS = 30
"""Below it a score's interval is wider than a third."""
MIN_ROWS = 10
"""Fewer cannot be learned from at all."""
FEW_ROWS = 50
MAX_CLASSES = 1_000
"""More are not classes that people tell apart, but names, codes or quantities."""
LEAST_NUMBERS = 0.5
"""Share of the answers that are numbers, below which the column is another one than was meant."""


def number_problems(dataset: Dataset) -> list[Problem]:
    """What makes training on other answers than classes impossible."""
    problems = count_problems(dataset.mapped_keys)
    answer = answers.find(dataset.mapped_shape.kind)
    is_answered = dataset.mapped_shape.answer in dataset.roles
    if problems or answer is None or answer.cells not in CHECKS or not is_answered:
        return problems
    return CHECKS[answer.cells](dataset)


def value_problems(dataset: Dataset) -> list[Problem]:
    """Of answers that are numbers: whether they are, and differ."""
    name = dataset.roles[dataset.mapped_shape.answer]
    column = next(column for column in dataset.profile if column["name"] == name)
    rows = np.flatnonzero(dataset.mapped_keys.usable)
    every = answer_numbers(dataset)[rows]
    numbers = every[np.isfinite(every)]
    if not len(numbers):
        message = _("No row has a number as its answer: is this the right column?")
        return [problem("one_value", "error", message, count=len(rows))]
    if len(numbers) < LEAST_NUMBERS * len(rows):
        message = _(
            "Only %(numbers)s of the %(rows)s answers in “%(column)s” are numbers: is this the right column?",
            numbers=f"{len(numbers):,}",
            rows=f"{len(rows):,}",
            column=name,
        )
        return [problem("not_numbers", "error", message, rows[~np.isfinite(every)])]
    if numbers.min() == numbers.max():
        message = _(
            "Every row has the answer %(value)s: at least two different answers are needed.", value=f"{numbers[0]:g}"
        )
        return [problem("one_value", "error", message, examples=[f"{numbers[0]:g}"], count=len(numbers))]
    if column["kind"] == "id" and ID_NAME.search(name.strip()):
        message = _(
            "“%(column)s” numbers the rows, which nothing in them can predict: choose another column to predict.",
            column=name,
        )
        return [problem("identifier_answer", "error", message, examples=column.get("examples", []), count=len(numbers))]
    return too_few_problems(len(numbers)) + unread_answers(dataset, rows[~np.isfinite(every)])


def unread_answers(dataset: Dataset, rows: np.ndarray) -> list[Problem]:
    """A warning of rows whose answer is not a number of a usable size, which are not learned from."""
    if not len(rows):
        return []
    cells = dataset.table.column(dataset.roles[dataset.mapped_shape.answer])
    examples = [cells[int(row)].as_py() or "" for row in rows[:3]]
    message = ngettext(
        "%(count)s row has an answer that is not a number of a usable size, such as %(examples)s, and is not learned from.",
        "%(count)s rows have an answer that is not a number of a usable size, such as %(examples)s, and are not learned from.",
        len(rows),
        examples=join_names(examples),
    )
    return [problem("unread_answers", "warning", message, rows, examples)]


def answer_numbers(dataset: Dataset) -> np.ndarray:
    """The answers of all rows as numbers, nan for what is none, or too large to be learned."""
    answer = dataset.roles[dataset.mapped_shape.answer]
    form = form_of(next(column for column in dataset.profile if column["name"] == answer))
    numbers = np.asarray(parse_numbers(dataset.table.column(answer), **form).to_numpy(), dtype=float)
    return np.where(np.abs(numbers) > LARGEST_ANSWER, np.nan, numbers)


def box_problems(dataset: Dataset) -> list[Problem]:
    """Of answers that are boxes: whether any row learned from has one."""
    cells = dataset.table.column(dataset.roles[dataset.mapped_shape.answer]).to_pylist()
    boxed = np.array([count_boxes(cell) > 0 for cell in cells], dtype=bool)
    if not boxed.any():
        message = _("No image has a box: is this the right column?")
        return [problem("no_boxes", "error", message, count=len(cells))]
    if not (boxed & (dataset.split == "train")).any() and (dataset.split == "train").any():
        message = _("No training image has a box: add some, or change the split.")
        return [problem("no_boxes", "error", message, count=int((dataset.split == "train").sum()))]
    return []


def count_boxes(cell: str | None) -> int:
    """Boxes of a cell of objects; none where it cannot be read."""
    try:
        objects = json.loads(cell) if cell else []
    except (ValueError, RecursionError):
        return 0
    return len(objects) if isinstance(objects, list) else 0


def word_problems(dataset: Dataset) -> list[Problem]:
    """Of answers that are texts: those without a word, which are not learned from."""
    column = dataset.table.column(dataset.roles[dataset.mapped_shape.answer])
    usable = dataset.mapped_keys.usable & ~is_missing_mask(column).to_numpy()
    cells = column.to_pylist()
    wordless = np.array(
        [row for row in np.flatnonzero(usable).tolist() if not transcripts.normalised(cells[row])], dtype=int
    )
    worded = int(usable.sum()) - len(wordless)
    if not worded:
        message = _("No answer has a word: is this the right column?")
        return [problem("no_words", "error", message, count=len(wordless))]
    if long := length_problems(dataset, usable):
        return long
    if not len(wordless):
        return []
    message = ngettext(
        "%(count)s row has an answer without a word and is not learned from.",
        "%(count)s rows have an answer without a word and are not learned from.",
        len(wordless),
    )
    return [problem("no_words", "warning", message, wordless), *too_few_problems(worded)]


def length_problems(dataset: Dataset, usable: np.ndarray) -> list[Problem]:
    """An error where every recording is longer than those that the task learns from."""
    task = tasks.find(dataset.task or "")
    if task is None or "audio" not in dataset.roles or "seconds" not in dataset.names:
        return []
    seconds = np.asarray(parse_numbers(dataset.table.column("seconds")).to_numpy(), dtype=float)[usable]
    if np.isnan(seconds).any() or (seconds <= task.longest_seconds).any():
        return []
    message = _(
        "Every recording is longer than %(seconds)s seconds, the most that can be learned from: cut them at pauses, with their texts.",
        seconds=f"{task.longest_seconds:g}",
    )
    return [problem("too_long", "error", message, count=len(seconds))]


def question_problems(dataset: Dataset) -> list[Problem]:
    """Of questions about passages: what each row has wrong, and whether enough of them are left to learn from."""
    problems = passage_problems(dataset)
    if any(each["severity"] == "error" for each in problems):
        return problems
    left_out = sum(each["count"] for each in problems if each["code"] in LEFT_OUT)
    return problems + too_few_problems(int(dataset.mapped_keys.usable.sum()) - left_out)


CHECKS: dict[str, Callable[[Dataset], list[Problem]]] = {
    "number": value_problems,
    "tags": tag_problems,
    "passages": question_problems,
    "boxes": box_problems,
    "words": word_problems,
    "pairs": scored_problems,
}
"""By how a kind of answer reads its cells (`Answer.cells`), of those that are neither classes nor lists of them."""


def count_problems(keys: Keys) -> list[Problem]:
    rows = int(keys.usable.sum())
    if not rows:
        return [problem("no_rows", "error", _("No row has everything that the task needs."))]
    return too_few_problems(rows)


def too_few_problems(rows: int) -> list[Problem]:
    """An error below MIN_ROWS, none from there on."""
    if rows >= MIN_ROWS:
        return []
    message = ngettext(
        "%(count)s row is too few to learn from: at least %(least)s are needed, a few hundred are good.",
        "%(count)s rows are too few to learn from: at least %(least)s are needed, a few hundred are good.",
        rows,
        least=MIN_ROWS,
    )
    return [problem("too_few_rows", "error", message, count=rows)]


def few_rows_problems(rows: int) -> list[Problem]:
    if rows >= FEW_ROWS:
        return []
    message = _("Only %(rows)s rows: the score will be a rough estimate.", rows=rows)
    return [problem("few_rows", "warning", message, count=rows)]


def lack_of_rows(keys: Keys) -> Message:
    """Why there is nothing to learn from."""
    if not len(keys):
        return _("The file has a header but no rows.")
    if (keys.codes < 0).all() and (keys.texts != NO_TEXT).any():
        return _("No row has a label yet. Label some, then train.")
    return _("No row has both a text and a label.")


def class_problems(keys: Keys) -> list[Problem]:
    """What makes training impossible."""
    counts = keys.counts()
    rows, classes = int(counts.sum()), int((counts > 0).sum())
    if not rows:
        return [problem("no_rows", "error", lack_of_rows(keys))]
    if classes == 1:
        only = keys.labels[int(counts.argmax())]
        message = _("Every row has the label “%(label)s”: at least two labels are needed.", label=shorten(only))
        return [problem("one_class", "error", message, examples=[only], count=rows)]
    if rows < MIN_ROWS:
        return too_few_problems(rows)
    if counts.max() < 2:
        message = _("Every label occurs only once: is this the right column?")
        return [problem("all_unique_label", "error", message, examples=keys.labels, count=rows)]
    return crowded_problems(keys, counts)


def crowded_problems(keys: Keys, counts: np.ndarray) -> list[Problem]:
    """Errors of more labels than rows can teach: texts, codes and quantities, each of which is another one."""
    rows, classes = int(counts.sum()), int((counts > 0).sum())
    label = _("Remove labels with fewer than %(rows)s rows", rows=KEEP_AT_LEAST)
    fix = ("drop_rare_classes", label) if 2 <= (counts >= KEEP_AT_LEAST).sum() <= MAX_CLASSES else None
    rare = [keys.labels[code] for code in np.argsort(counts, kind="stable").tolist() if counts[code]]
    if rows < 2 * classes:
        message = _(
            "There are %(classes)s different labels in %(rows)s rows, fewer than two rows a label: is this the right column? "
            "Texts, names and numbers with many values are not labels.",
            classes=f"{classes:,}",
            rows=f"{rows:,}",
        )
        return [problem("few_rows_a_label", "error", message, examples=rare, fix=fix, count=classes)]
    if classes > MAX_CLASSES:
        message = _(
            "There are %(classes)s different labels, and at most %(most)s can be learned: choose another column, join labels, or "
            "predict a number.",
            classes=f"{classes:,}",
            most=f"{MAX_CLASSES:,}",
        )
        return [problem("too_many_labels", "error", message, examples=rare, fix=fix, count=classes)]
    return []


def part_problems(
    keys: Keys, split: np.ndarray, given_split: bool, labelled: bool = True, *, folds: bool = False
) -> list[Problem]:
    """Whether the parts can be learned from and tested on."""
    train, test = keys.codes[split == "train"], keys.codes[split == "test"]
    if not len(test) and not folds:
        message = _("No row is left to test on: there are too few texts, or they are too similar.")
        return [problem("no_test_rows", "error", message)]
    return small_test_problems(len(test), given_split or folds) + (
        answer_problems(keys, train, test) if labelled else []
    )


def small_test_problems(tested: int, settled: bool) -> list[Problem]:
    """A warning where a score would come from too few test rows; `settled`: a split that was given, or folds."""
    if settled or tested >= FEW_TEST_ROWS:
        return []
    message = ngettext(
        "Only %(count)s row is left to test on, and a score from so few says little. "
        "With 5-fold cross-validation every row is tested once.",
        "Only %(count)s rows are left to test on, and a score from so few says little. "
        "With 5-fold cross-validation every row is tested once.",
        tested,
    )
    return [problem("small_test", "warning", message, count=tested, fix=("folds", _("Use 5-fold cross-validation")))]


def answer_problems(keys: Keys, train: np.ndarray, test: np.ndarray) -> list[Problem]:
    """Labels of the test rows that the training rows do not have; an error where those have one label alone."""
    if len(np.unique(train)) < 2:
        return [problem("one_class", "error", _("The training rows have only one label."), count=len(train))]
    unseen = [keys.labels[code] for code in np.setdiff1d(test, train).tolist()]
    return [unseen_labels_problem(unseen)] if unseen else []


def unseen_labels_problem(labels: list[str]) -> Problem:
    """Of labels that test rows have and training rows do not."""
    message = ngettext(
        "%(count)s label of the test rows never occurs in the training rows: %(names)s. Those rows count as mistakes.",
        "%(count)s labels of the test rows never occur in the training rows: %(names)s. Those rows count as mistakes.",
        len(labels),
        names=join_names(labels),
    )
    return problem("unseen_labels", "warning", message, examples=labels, count=len(labels))


def label_problems(keys: Keys) -> list[Problem]:
    """Faults that the labels alone show."""
    counts = keys.counts()
    rows = int(counts.sum())
    problems = []
    problems += few_rows_problems(rows)
    problems += variant_problems(keys, counts) + rare_problems(keys, counts)
    if counts.max() > SKEWED_SHARE * rows:
        top = keys.labels[int(counts.argmax())]
        message = _(
            "“%(label)s” is %(share)s of all rows: always predicting it would look good. Rare labels get more weight.",
            label=shorten(top),
            share=f"{counts.max() / rows:.0%}",
        )
        problems.append(problem("skewed_classes", "info", message, examples=[top], count=int(counts.max())))
    return problems


def rows_with_codes(keys: Keys, codes: list[int]) -> np.ndarray:
    return np.flatnonzero(keys.usable & np.isin(keys.codes, codes))


def variant_problems(keys: Keys, counts: np.ndarray) -> list[Problem]:
    """Labels that are one label in several spellings."""
    spellings: dict[str, list[int]] = defaultdict(list)
    for code in np.flatnonzero(counts).tolist():
        spellings[spelling_of(keys.labels[code])].append(code)
    variants = [code for group in spellings.values() if len(group) > 1 for code in group]
    if not variants:
        return []
    names = [keys.labels[code] for code in variants]
    message = _(
        "%(count)s labels differ only in capitals, spaces or punctuation: %(names)s.",
        count=len(variants),
        names=join_names(names),
    )
    fix = ("merge_label_variants", _("Merge labels"))
    return [problem("label_variants", "warning", message, rows_with_codes(keys, variants), names, fix)]


def rare_problems(keys: Keys, counts: np.ndarray) -> list[Problem]:
    """Labels with so few rows that their own score means little."""
    rare = np.flatnonzero((counts > 0) & (counts < RARE_ROWS)).tolist()
    if not rare:
        return []
    few = sum(counts[code] < KEEP_AT_LEAST for code in rare)
    removable = few and (counts >= KEEP_AT_LEAST).sum() >= 2
    label = _("Remove labels with fewer than %(rows)s rows", rows=KEEP_AT_LEAST)
    fix = ("drop_rare_classes", label) if removable else None
    message = ngettext(
        "%(count)s label has fewer than %(least)s examples; its own score will be unreliable.",
        "%(count)s labels have fewer than %(least)s examples; their own scores will be unreliable.",
        len(rare),
        least=RARE_ROWS,
    )
    names = [keys.labels[code] for code in rare]
    return [problem("rare_classes", "warning", message, rows_with_codes(keys, rare), names, fix, count=len(rare))]
