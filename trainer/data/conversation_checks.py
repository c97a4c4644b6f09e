"""What is odd about conversations, told by row: those without an answer by what they lack, and messages out of order."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from trainer.data.problems import Problem, join_names, problem
from trainer.messages import _, joined, ngettext

ANSWER = "assistant"


def left_out(reasons: Sequence[str], rows: Sequence[int]) -> list[Problem]:
    """A problem for each reason (`reason`) for which rows are left out."""
    tell = {"unread_messages": unread_messages, "empty_answers": empty_answers, "no_answer": no_answer}
    return [
        tell[code]([row for row, own in zip(rows, reasons, strict=True) if own == code])
        for code in dict.fromkeys(reasons)
    ]


def unread_messages(rows: Sequence[int]) -> Problem:
    message = ngettext(
        "%(count)s row is no conversation and is left out: row %(rows)s.",
        "%(count)s rows are no conversations and are left out: row %(rows)s.",
        len(rows),
        rows=join_names([str(row) for row in rows]),
    )
    remedy = _("Write a list of messages, each with a role (system, user, assistant, tool) and a text.")
    return problem("unread_messages", "warning", joined([message, remedy]), count=len(rows))


def empty_answers(rows: Sequence[int]) -> Problem:
    message = ngettext(
        "%(count)s conversation ends with an empty answer and is left out: row %(rows)s.",
        "%(count)s conversations end with an empty answer and are left out: row %(rows)s.",
        len(rows),
        rows=join_names([str(row) for row in rows]),
    )
    remedy = _("Write the answer, or remove the row.")
    return problem("empty_answers", "warning", joined([message, remedy]), count=len(rows))


def no_answer(rows: Sequence[int]) -> Problem:
    message = ngettext(
        "%(count)s row has no answer that could be learned and is left out: row %(rows)s.",
        "%(count)s rows have no answer that could be learned and are left out: row %(rows)s.",
        len(rows),
        rows=join_names([str(row) for row in rows]),
    )
    return problem("no_answer", "warning", message, count=len(rows))


def reason(turns: list[dict[str, str]] | None) -> str:
    """Why nothing can be learned of such a conversation."""
    if turns is None:
        return "unread_messages"
    answers = [turn for turn in turns if turn["role"] == ANSWER]
    asked = [turn for turn in turns if turn["role"] != ANSWER]
    return "empty_answers" if answers and asked and not answers[-1]["content"].strip() else "no_answer"


def oddities(conversations: Sequence[list[dict[str, str]]], rows: Sequence[int]) -> list[Problem]:
    """Of conversations that are learned from: those whose messages are out of order, and those with empty answers before the last."""
    pairs = list(zip(conversations, rows, strict=True))
    mixed = [row for turns, row in pairs if is_out_of_order(turns)]
    blank = [row for turns, row in pairs if any(is_blank_answer(turn) for turn in turns)]
    problems: list[Problem] = []
    if mixed:
        message = ngettext(
            "%(count)s conversation has its messages out of order (one side twice in a row, an answer first, or a system message in between) and is read as it stands: row %(rows)s. Check the order of its messages.",
            "%(count)s conversations have their messages out of order (one side twice in a row, an answer first, or a system message in between) and are read as they stand: row %(rows)s. Check the order of their messages.",
            len(mixed),
            rows=join_names([str(row) for row in mixed]),
        )
        problems.append(problem("roles_out_of_order", "warning", message, count=len(mixed)))
    if blank:
        message = ngettext(
            "%(count)s conversation has an empty answer before its last one, which is not learned: row %(rows)s.",
            "%(count)s conversations have empty answers before their last one, which are not learned: row %(rows)s.",
            len(blank),
            rows=join_names([str(row) for row in blank]),
        )
        problems.append(problem("blank_answers", "info", message, count=len(blank)))
    return problems


def is_blank_answer(turn: dict[str, Any]) -> bool:
    return turn["role"] == ANSWER and not turn["content"].strip()


def is_out_of_order(turns: Sequence[dict[str, str]]) -> bool:
    """`turns`: what stands before the last answer."""
    roles = [turn["role"] for turn in turns]
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    if "system" in spoken or spoken[:1] == [ANSWER]:
        return True
    return any(before == after and before != "tool" for before, after in pairwise([*spoken, ANSWER]))
