"""All checks of the rows for their task, the worst problem first."""

import numpy as np
import pyarrow.compute as pc

from trainer.data.answer_checks import class_problems, few_rows_problems, label_problems, number_problems, part_problems
from trainer.data.column_checks import column_faults, column_problems, spelling_problems, unread_problems
from trainer.data.conversation_rows import conversation_problems
from trainer.data.dataset import Dataset
from trainer.data.label_list_checks import label_list_problems
from trainer.data.mixed_checks import mixed_problems, unsent_problems
from trainer.data.pair_rows import pair_problems
from trainer.data.problems import ORDER, Problem, problem, sample_texts
from trainer.data.row_checks import copy_problems, missing_problems
from trainer.data.row_keys import NO_TEXT
from trainer.errors import DataError
from trainer.messages import _, ngettext

LONG_TEXT = 4_000
NOUNS = {"image": _("image"), "audio": _("recording"), "text": _("text"), "row": _("row"), "pair": _("pair")}


def problems_block(problems: list[Problem]) -> bool:
    return any(entry["severity"] == "error" for entry in problems)


def answer_faults(dataset: Dataset) -> list[Problem]:
    """Whether the answers can be learned and tested, and which of them cannot: all that a run would fail with for its rows."""
    keys = dataset.mapped_keys
    problems = class_problems(keys) if dataset.labelled else number_problems(dataset)
    if not problems_block(problems) and dataset.has_label_lists:
        problems += label_list_problems(dataset)
    if not problems_block(problems):
        folds = dataset.folds is not None
        problems += part_problems(keys, dataset.split, dataset.given_split, dataset.labelled, folds=folds)
    return problems


def refuse_unlearnable(dataset: Dataset) -> None:
    """`DataError` for rows from which the task cannot learn, before anything is loaded to learn with."""
    if dataset.keys is None or dataset.shape is None:
        return
    for listed in answer_faults(dataset) + column_faults(dataset):
        if listed["severity"] == "error":
            hint = _("Choose another column to predict, or send more rows.")
            raise DataError(listed["message"], code=listed["code"], hint=hint)


def find_problems(dataset: Dataset) -> list[Problem]:
    """Every fault of the rows for their task, the worst first."""
    table, keys, split, given_split = dataset.table, dataset.mapped_keys, dataset.split, dataset.given_split
    first = dataset.inputs[0] if dataset.inputs else dataset.names[0]
    texts = table.column(first)
    kind = dataset.kinds.get(first) or ("text" if dataset.mapped_shape.reads else "row")
    noun = NOUNS.get(kind, NOUNS["text"])
    if dataset.linked:
        problems, noun = pair_problems(dataset), NOUNS["pair"]
    else:
        problems = missing_problems(table, texts, keys, noun, dataset.labelled)
    if dataset.mapped_shape.reads[:1] == ("messages",):
        lacking = np.flatnonzero((keys.texts != NO_TEXT) & (keys.codes < 0))
        problems = [entry for entry in problems if entry["code"] != "missing_labels"]
        problems += conversation_problems(table.column(dataset.roles["messages"]), lacking)
    problems += answer_faults(dataset)
    if not problems_block(problems):
        problems += label_problems(keys) if dataset.labelled else few_rows_problems(int(keys.usable.sum()))
    problems += copy_problems(texts, keys, split, given_split, noun, dataset.labelled, kept_split=dataset.kept_split)
    if kind == "text":
        long = np.flatnonzero(keys.usable & (pc.fill_null(pc.utf8_length(texts), 0).to_numpy() > LONG_TEXT))
        if len(long) and dataset.labelled:
            message = ngettext(
                "%(count)s text is longer than %(limit)s characters; the model reads only its beginning.",
                "%(count)s texts are longer than %(limit)s characters; the model reads only their beginning.",
                len(long),
                limit=f"{LONG_TEXT:,}",
            )
            problems.append(problem("very_long_texts", "info", message, long, sample_texts(long, texts)))
    problems += (
        spelling_problems(dataset)
        + unread_problems(dataset)
        + mixed_problems(dataset)
        + unsent_problems(dataset)
        + column_problems(dataset)
    )
    return sorted(problems, key=lambda entry: ORDER[entry["severity"]])
