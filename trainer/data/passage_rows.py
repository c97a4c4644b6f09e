"""Rows of a question, a context and the passages that answer it: which cannot be read, and where each answer stands."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.data.dataset import Dataset
from trainer.data.loaded_rows import LoadedRows
from trainer.data.problems import Problem, Severity, join_names, problem
from trainer.errors import DataError
from trainer.messages import Message, _, ngettext
from trainer.passages.cells import Answer, Context, read_cell

if TYPE_CHECKING:
    import pyarrow as pa

LONG_CONTEXT = 10_000
"""Characters from which a context may be read in parts alone."""
LONGEST_CONTEXT = 1_000_000
MIN_CONTEXTS = 5
"""With fewer different ones, questions about one context may stand in every part of the split."""
ROLES = ("question", "context", "answers")


class Read(NamedTuple):
    """`answers`: those of each row that stand in its context, none for a question without one, None for a row that cannot be
    learned from. `rows`: by what is told of them, from 0; `examples` likewise."""

    answers: list[list[Answer] | None]
    rows: dict[str, list[int]]
    examples: dict[str, list[str]]


def read_cells(
    questions: Sequence[str | None],
    contexts: Sequence[str | None],
    cells: Sequence[str | None],
    used: Sequence[bool] | None = None,
) -> Read:
    """`used`: rows to look at; all unless said."""
    texts: dict[str, Context] = {}
    read = Read([], defaultdict(list), defaultdict(list))
    for row, (question, context, cell) in enumerate(zip(questions, contexts, cells, strict=True)):
        read.answers.append(None)
        if used is not None and not used[row]:
            continue
        fault = fault_of(question, context)
        given = None if fault else read_cell(cell)
        if given is None:
            read.rows[fault or "unread_answers"].append(row)
            continue
        assert context is not None, "a row without one has a fault"
        if context not in texts:
            texts[context] = Context(context)
        placed = [(answer, *texts[context].place(answer)) for answer in given]
        for how in dict.fromkeys(how for _given, _answer, how in placed):
            read.rows[how].append(row)
        lost = [given.text for given, answer, _how in placed if answer is None]
        answers = list(dict.fromkeys(answer for _given, answer, _how in placed if answer is not None))
        read.examples["partly_lost" if answers else "answer_not_in_context"] += lost
        if answers or not given:
            read.answers[-1] = answers
            read.rows["none" if not answers else "answered"].append(row)
            read.rows["long"] += [row] * (len(context) > LONG_CONTEXT)
            read.rows["partly_lost"] += [row] * bool(lost)
        else:
            read.rows["answer_not_in_context"].append(row)
    return read


def fault_of(question: str | None, context: str | None) -> str:
    if not (question or "").strip():
        return "no_question"
    if not (context or "").strip():
        return "no_context"
    return "context_too_long" if len(context or "") > LONGEST_CONTEXT else ""


# For whoever looks at the data


def passage_problems(dataset: Dataset) -> list[Problem]:
    """What the questions, contexts and answers of a dataset have wrong, each with its rows."""
    questions, contexts, cells = (dataset.table.column(dataset.roles[role]).to_pylist() for role in ROLES)
    usable = dataset.mapped_keys.usable
    read = read_cells(questions, contexts, cells, usable.tolist())
    problems = row_problems(read)
    if not read.rows["answered"]:
        message = _(
            "No row has an answer that stands in its context. Check which columns hold the text and the answers."
        )
        problems.append(problem("no_answers", "error", message, count=int(usable.sum())))
    return problems + split_problems(dataset, contexts)


def split_problems(dataset: Dataset, contexts: list[str | None]) -> list[Problem]:
    """Where questions about one context stand on both sides of the split."""
    test = {context for context, part in zip(contexts, dataset.split.tolist(), strict=True) if part == "test"}
    rest = {context for context, part in zip(contexts, dataset.split.tolist(), strict=True) if part in ("train", "validation")}  # fmt: skip
    if not test or not test & rest:
        return []
    rows = [row for row, part in enumerate(dataset.split.tolist()) if part == "test" and contexts[row] in rest]
    message = ngettext(
        "%(count)s test question is about a context of the training rows: "
        "the score says little about contexts that the model has not seen.",
        "%(count)s test questions are about contexts of the training rows: "
        "the score says little about contexts that the model has not seen.",
        len(rows),
    )
    return [problem("contexts_across_split", "warning", message, rows)]


def row_problems(read: Read) -> list[Problem]:
    """The rows left out, repaired and doubted; rows from 0."""
    problems = [
        problem(kind.code, kind.severity, kind.message(len(rows)), rows, examples=read.examples[kind.key])
        for kind in TOLD
        if (rows := read.rows[kind.key])
    ]
    if (without := read.rows["none"]) and read.rows["answered"]:
        text = ngettext(
            "%(count)s question has no answer in its context: the model learns to say so.",
            "%(count)s questions have no answer in their context: the model learns to say so.",
            len(without),
        )
        problems.append(problem("unanswerable", "info", text, without))
    return problems


def no_question(count: int) -> Message:
    return ngettext(
        "%(count)s row has no question and is not learned from: write one, or remove the row.",
        "%(count)s rows have no question and are not learned from: write one, or remove the rows.",
        count,
    )


def no_context(count: int) -> Message:
    return ngettext(
        "%(count)s row has no context and is not learned from: add the text that answers the question.",
        "%(count)s rows have no context and are not learned from: add the text that answers the question.",
        count,
    )


def context_too_long(count: int) -> Message:
    return ngettext(
        "%(count)s row has a context of more than %(limit)s characters and is not learned from: divide it.",
        "%(count)s rows have a context of more than %(limit)s characters and are not learned from: divide them.",
        count,
        limit=f"{LONGEST_CONTEXT:,}",
    )


def unread_answers(count: int) -> Message:
    return ngettext(
        '%(count)s row has answers in a form that is not read and is not learned from: write the answer itself, or [{"text": "…", "answer_start": 0}].',
        '%(count)s rows have answers in a form that is not read and are not learned from: write the answer itself, or [{"text": "…", "answer_start": 0}].',
        count,
    )


def not_in_context(count: int) -> Message:
    return ngettext(
        "%(count)s row has an answer that does not stand in its context and is not learned from: copy the answer from the text as it stands there.",
        "%(count)s rows have an answer that does not stand in their context and are not learned from: copy the answers from the text as they stand there.",
        count,
    )


def partly_lost(count: int) -> Message:
    return ngettext(
        "%(count)s row has several answers of which some do not stand in its context; the others are used.",
        "%(count)s rows have several answers of which some do not stand in their context; the others are used.",
        count,
    )


def moved(count: int) -> Message:
    return ngettext(
        "%(count)s row gives a place at which its answer does not stand; the nearest place where it does is used.",
        "%(count)s rows give a place at which their answer does not stand; the nearest place where it does is used.",
        count,
    )


def counted_otherwise(count: int) -> Message:
    return ngettext(
        "%(count)s row counts the place of its answer in UTF-16 units or bytes; it is counted in characters now.",
        "%(count)s rows count the places of their answers in UTF-16 units or bytes; they are counted in characters now.",
        count,
    )


def searched(count: int) -> Message:
    return ngettext(
        "%(count)s row does not say where its answer stands; the first place in the context is used.",
        "%(count)s rows do not say where their answers stand; the first place in the context is used.",
        count,
    )


def long_contexts(count: int) -> Message:
    return ngettext(
        "%(count)s row has a context of more than %(limit)s characters: of a very long one, the parts that share most words with the question are read.",
        "%(count)s rows have a context of more than %(limit)s characters: of very long ones, the parts that share most words with the question are read.",
        count,
        limit=f"{LONG_CONTEXT:,}",
    )


class Told(NamedTuple):
    """`key`: what the rows are kept under in `Read`."""

    key: str
    code: str
    severity: Severity
    message: Callable[[int], Message]


TOLD = (
    Told("no_question", code="no_question", severity="warning", message=no_question),
    Told("no_context", code="no_context", severity="warning", message=no_context),
    Told("context_too_long", code="context_too_long", severity="warning", message=context_too_long),
    Told("unread_answers", code="unread_answers", severity="warning", message=unread_answers),
    Told("answer_not_in_context", code="answer_not_in_context", severity="warning", message=not_in_context),
    Told("partly_lost", code="lost_answers", severity="warning", message=partly_lost),
    Told("moved", code="moved_answers", severity="warning", message=moved),
    Told("utf16", code="utf16_answers", severity="info", message=counted_otherwise),
    Told("bytes", code="utf16_answers", severity="info", message=counted_otherwise),
    Told("searched", code="searched_answers", severity="info", message=searched),
    Told("long", code="long_contexts", severity="info", message=long_contexts),
)
LEFT_OUT = frozenset(("no_question", "no_context", "context_too_long", "unread_answers", "answer_not_in_context"))
REPAIRED = frozenset(("lost_answers", "moved_answers"))


# For whoever divides the rows


def context_of(dataset: Dataset) -> str | None:
    """The column whose cells keep rows together: a context's questions are not divided, unless there are too few contexts."""
    if dataset.shape is None or "context" not in dataset.shape.reads or "context" not in dataset.roles:
        return None
    name = dataset.roles["context"]
    column: pa.ChunkedArray = dataset.table.column(name)
    return name if len(column.unique().drop_null()) >= MIN_CONTEXTS else None


# For whoever learns


def read_loaded(loaded: LoadedRows) -> None:
    """Answers become JSON as SQuAD has it, with their places in characters; rows that cannot be read are left out and told by
    number."""
    read = read_cells(loaded.values["question"], loaded.values["context"], loaded.answers)
    for each in row_problems(read):
        numbers = [loaded.row_numbers[row - 1] for row in each["rows"]]
        if each["code"] in LEFT_OUT | REPAIRED:
            rows = join_names([str(row) for row in numbers])
            message = _("%(message)s Rows: %(rows)s.", message=each["message"], rows=rows)
            each = each | {"message": message, "rows": numbers, "i18n": {"message": message.source}}
            loaded.problems.append(each)
    loaded.keep(np.array([answers is not None for answers in read.answers], dtype=bool))
    loaded.values[loaded.answer] = [written(answers) for answers in read.answers if answers is not None]


def read_learned(loaded: LoadedRows) -> None:
    """`read_loaded`; `DataError` where no row has an answer, so that there is nothing to learn."""
    read_loaded(loaded)
    if not any(answer != "[]" for answer in loaded.answers):
        raise DataError(
            _("No row has an answer that stands in its context."),
            code="no_answers",
            hint=_("Check which columns hold the text and the answers."),
        )


def written(answers: list[Answer]) -> str:
    return json.dumps([{"text": answer.text, "answer_start": answer.start} for answer in answers], ensure_ascii=False)


def answers_in(cell: str) -> list[Answer]:
    """What was `written`."""
    return [Answer(each["text"], each["answer_start"]) for each in json.loads(cell)]
