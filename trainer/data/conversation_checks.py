"""What is odd about conversations, told by row: those without an answer by what they lack, and messages out of order."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from trainer.conversations import ASSISTANT, UNLEARNED, UnreadError, read_messages
from trainer.data.problems import Problem, join_names, problem
from trainer.messages import _, joined, ngettext


class Reason(NamedTuple):
    """Why nothing can be learned of a row: a code of `LACKS`, and what was found there, if that says more."""

    code: str
    word: str = ""


Fixing = tuple[str, str] | None
"""(action, label) of a remedy."""


def listed(rows: Sequence[int]) -> str:
    return join_names([str(row) for row in rows])


def below(rows: Sequence[int]) -> list[int]:
    """The same rows from 0."""
    return [row - 1 for row in rows]


def unread_messages(rows: Sequence[int], _words: str, fix: Fixing) -> Problem:
    message = ngettext(
        "%(count)s row is not a conversation and is left out: row %(rows)s.",
        "%(count)s rows are not conversations and are left out: rows %(rows)s.",
        len(rows),
        rows=listed(rows),
    )
    remedy = _("Write a list of messages, each with a role (system, user, assistant, tool) and a text.")
    return problem("unread_messages", "warning", joined([message, remedy]), below(rows), fix=fix)


def unknown_roles(rows: Sequence[int], words: str, fix: Fixing) -> Problem:
    message = ngettext(
        "%(count)s conversation has an unknown role (%(words)s) and is left out: row %(rows)s.",
        "%(count)s conversations have unknown roles (%(words)s) and are left out: rows %(rows)s.",
        len(rows),
        rows=listed(rows),
        words=words,
    )
    return problem(
        "unknown_roles",
        "warning",
        joined([message, _("Name the speakers system, user, assistant or tool.")]),
        below(rows),
        fix=fix,
    )


def media_messages(rows: Sequence[int], _words: str, fix: Fixing) -> Problem:
    message = ngettext(
        "%(count)s conversation holds pictures, sounds or files, which this task does not read, and is left out: row %(rows)s.",
        "%(count)s conversations hold pictures, sounds or files, which this task does not read, and are left out: rows %(rows)s.",
        len(rows),
        rows=listed(rows),
    )
    return problem(
        "media_messages",
        "warning",
        joined([message, _("Write what they show as text, or remove the rows.")]),
        below(rows),
        fix=fix,
    )


def empty_answers(rows: Sequence[int], _words: str, fix: Fixing) -> Problem:
    message = ngettext(
        "%(count)s conversation ends with an empty answer and is left out: row %(rows)s.",
        "%(count)s conversations end with an empty answer and are left out: rows %(rows)s.",
        len(rows),
        rows=listed(rows),
    )
    return problem(
        "empty_answers", "warning", joined([message, _("Write the answer, or remove the row.")]), below(rows), fix=fix
    )


def unanswered(rows: Sequence[int], _words: str, fix: Fixing) -> Problem:
    message = ngettext(
        "%(count)s conversation has no answer to anything that was asked and is left out: row %(rows)s.",
        "%(count)s conversations have no answer to anything that was asked and are left out: rows %(rows)s.",
        len(rows),
        rows=listed(rows),
    )
    return problem(
        "unanswered",
        "warning",
        joined([message, _("Write what the model should answer, or remove the row.")]),
        below(rows),
        fix=fix,
    )


def no_answer(rows: Sequence[int], _words: str, fix: Fixing) -> Problem:
    message = ngettext(
        "%(count)s row has no answer that could be learned and is left out: row %(rows)s.",
        "%(count)s rows have no answer that could be learned and are left out: rows %(rows)s.",
        len(rows),
        rows=listed(rows),
    )
    return problem("no_answer", "warning", message, below(rows), fix=fix)


LACKS: dict[str, Callable[[Sequence[int], str, Fixing], Problem]] = {
    "unread_messages": unread_messages,
    "unknown_roles": unknown_roles,
    "media_messages": media_messages,
    "empty_answers": empty_answers,
    "unanswered": unanswered,
    "no_answer": no_answer,
}
"""What is told of the rows of each reason, counted from 1, and of what was found in them."""


def left_out(reasons: Sequence[Reason], rows: Sequence[int], fix: Fixing = None) -> list[Problem]:
    """A problem for each reason for which rows, counted from 1, are left out."""
    problems = []
    for code in dict.fromkeys(reason.code for reason in reasons):
        own = [row for row, reason in zip(rows, reasons, strict=True) if reason.code == code]
        words = join_names(list(dict.fromkeys(reason.word or "–" for reason in reasons if reason.code == code)))
        problems.append(LACKS[code](own, words, fix))
    return problems


def reason(cell: object) -> Reason:
    """Why nothing can be learned of such a conversation."""
    try:
        turns = read_messages(cell)
    except UnreadError as unread:
        return Reason(unread.code, unread.word)
    answers = [turn for turn in turns if turn["role"] == ASSISTANT]
    asked = [turn for turn in turns if turn["role"] != ASSISTANT]
    return Reason("empty_answers" if answers and asked and not answers[-1]["content"].strip() else "unanswered")


def oddities(conversations: Sequence[list[dict[str, str]]], rows: Sequence[int]) -> list[Problem]:
    """Of conversations that are learned from: those whose messages are out of order, and those with empty answers before the last."""
    pairs = list(zip(conversations, rows, strict=True))
    mixed = [row for turns, row in pairs if is_out_of_order(turns)]
    blank = [row for turns, row in pairs if any(is_blank_answer(turn) for turn in turns)]
    weightless = [row for turns, row in pairs if any(turn.get("weight") == UNLEARNED for turn in turns)]
    problems: list[Problem] = []
    if mixed:
        message = ngettext(
            "%(count)s conversation has its messages out of order (one side twice in a row, an answer first, or a system message in between) and is read as it stands: row %(rows)s. Check the order of its messages.",
            "%(count)s conversations have their messages out of order (one side twice in a row, an answer first, or a system message in between) and are read as they stand: rows %(rows)s. Check the order of their messages.",
            len(mixed),
            rows=join_names([str(row) for row in mixed]),
        )
        problems.append(problem("roles_out_of_order", "warning", message, [row - 1 for row in mixed]))
    if blank:
        message = ngettext(
            "%(count)s conversation has an empty answer before its last one, which is not learned: row %(rows)s.",
            "%(count)s conversations have empty answers before their last one, which are not learned: rows %(rows)s.",
            len(blank),
            rows=join_names([str(row) for row in blank]),
        )
        problems.append(problem("blank_answers", "info", message, [row - 1 for row in blank]))
    if weightless:
        message = ngettext(
            "%(count)s conversation has answers with a weight of 0, which are read and not learned: row %(rows)s.",
            "%(count)s conversations have answers with a weight of 0, which are read and not learned: rows %(rows)s.",
            len(weightless),
            rows=join_names([str(row) for row in weightless]),
        )
        problems.append(problem("unlearned_answers", "info", message, [row - 1 for row in weightless]))
    return problems


def is_blank_answer(turn: dict[str, Any]) -> bool:
    return turn["role"] == ASSISTANT and not turn["content"].strip()


def is_out_of_order(turns: Sequence[dict[str, str]]) -> bool:
    """`turns`: what stands before the last answer."""
    roles = [turn["role"] for turn in turns]
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    if "system" in spoken or spoken[:1] == [ASSISTANT]:
        return True
    return any(before == after and before != "tool" for before, after in pairwise([*spoken, ASSISTANT]))
