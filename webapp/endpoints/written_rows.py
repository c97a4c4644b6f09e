"""Conversations of a demo that somebody judged, as rows to learn to write from: what was asked, and the better answer or the one that
was liked, personal data masked."""

import json
from typing import Any

from django.utils.translation import gettext as _

from trainer import personal_data
from trainer.conversations import ASSISTANT, USER, Turn, UnreadError, read_messages
from webapp.answers.completion import KEPT_TEXT
from webapp.core.problems import Problem
from webapp.datasets.models import DatasetVersion
from webapp.endpoints.models import Feedback

TASK = "text-generation"
MOST_ANSWER = 100_000
"""Characters of an answer that is written for a row."""


def takes_conversations(version: DatasetVersion) -> bool:
    """Whether rows of these data are conversations, or questions with answers."""
    suggestion = version.suggestion
    columns = suggestion.get("columns") or {}
    if suggestion.get("task") != TASK or "rejected" in columns:
        return False
    return "messages" in columns or {"prompt", "completion"} <= set(columns)


def said_before(judgement: Feedback) -> list[Turn]:
    """The messages that the answer was given to; a text alone is what a user said."""
    try:
        value = json.loads(judgement.input)
        return read_messages(value["messages"])
    except (ValueError, KeyError, TypeError, RecursionError, UnreadError):
        return [{"role": USER, "content": judgement.input}]


def shown(judgement: Feedback) -> str:
    """What was said, a paragraph a message, personal data masked."""
    names: dict[str, str] = {USER: _("Asked"), ASSISTANT: _("Answered")}
    turns = said_before(judgement)
    return "\n\n".join(
        f"{names.get(turn['role'], turn['role'])}: {personal_data.masked(turn['content'])}" for turn in turns
    )


def suggested_answer(judgement: Feedback) -> str:
    """The better one; of a liked answer itself, unless it was cut."""
    output = judgement.output if isinstance(judgement.output, dict) else {}
    answer = str(output.get("completion", ""))
    is_whole = output.get("finish") != "length" and len(answer) < KEPT_TEXT
    liked = answer if judgement.verdict == Feedback.UP and is_whole else ""
    return judgement.should_have_been or liked


def row_of(version: DatasetVersion, judgement: Feedback, answer: str) -> dict[str, Any]:
    """{column: cell}; `Problem` where there is no answer to learn."""
    answer = personal_data.masked(answer.strip())
    if not answer or len(answer) > MOST_ANSWER:
        raise Problem(_("A row needs an answer."), code="bad_row", hint=_("Write one, or leave the judgement out."))
    turns = [turn | {"content": personal_data.masked(turn["content"])} for turn in said_before(judgement)]
    columns: dict[str, str] = version.suggestion["columns"]
    if "messages" in columns:
        messages = [*turns, {"role": ASSISTANT, "content": answer}]
        return {columns["messages"]: json.dumps(messages, ensure_ascii=False)}
    asked = [turn["content"] for turn in turns if turn["role"] == USER]
    if len(asked) != 1:
        raise Problem(
            _("This conversation has several questions, and rows of these data have one."),
            code="bad_row",
            hint=_("Leave it out."),
        )
    return {columns["prompt"]: asked[0], columns["completion"]: answer}
