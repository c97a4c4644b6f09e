"""Rows that a model learns to write from: conversations, prompts with answers, or plain texts, all brought to turns and an answer.

`values["turns"]` holds what stands before a row's last answer, {role, content} each, and nothing for a plain text; that
answer, or the whole text, is `values["written"]`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from trainer.data.conversation_checks import left_out, oddities, reason
from trainer.data.problems import Problem
from trainer.writing.tools import read_tools, with_tools, written_calls

TURNS, WRITTEN, REFUSED = "turns", "written", "refused"
ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
    "function_call": "assistant",
    "observation": "tool",
}
"""Names of who speaks, of OpenAI's form and ShareGPT's."""


class Rows(Protocol):
    """What is filled in here of the rows of a training (`trainer.data.loading.Loaded`)."""

    values: dict[str, list[Any]]
    row_numbers: list[int]
    columns: dict[str, str]
    problems: list[Problem]
    answer: str

    def keep(self, is_kept: np.ndarray) -> None: ...


class Row(NamedTuple):
    """`refused`: another answer, which is not preferred."""

    turns: list[dict[str, str]]
    written: str
    refused: str = ""


def read_written(loaded: Rows) -> None:
    """Rows of any form; those without an answer are left out, and it is told which."""
    is_paired = "rejected" in loaded.columns
    read = (
        preferences(loaded) if is_paired else READERS[next(role for role in READERS if role in loaded.columns)](loaded)
    )
    bad = [loaded.row_numbers[place] for place, row in enumerate(read) if row is None]
    loaded.values[TURNS] = [row.turns if row else [] for row in read]
    loaded.values[WRITTEN] = [row.written if row else "" for row in read]
    if is_paired:
        loaded.values[REFUSED] = [row.refused if row else "" for row in read]
    loaded.answer = WRITTEN
    if bad:
        reasons = reasons_of(loaded, [place for place, row in enumerate(read) if row is None])
        loaded.problems += left_out(reasons, bad)
        loaded.keep(np.array([row is not None for row in read]))
    if "messages" in loaded.columns and not is_paired:
        loaded.problems += oddities(loaded.values[TURNS], loaded.row_numbers)


def reasons_of(loaded: Rows, places: list[int]) -> list[str]:
    """Why the rows at these places have nothing to learn."""
    if "messages" not in loaded.columns or "rejected" in loaded.columns:
        return ["no_answer"] * len(places)
    return [reason(turns_of(loaded.values["messages"][place])) for place in places]


def conversations(loaded: Rows) -> list[Row | None]:
    tools = loaded.values.get("tools") or [None] * len(loaded.values["messages"])
    return [conversation(cell, tool) for cell, tool in zip(loaded.values["messages"], tools, strict=True)]


def conversation(cell: object, tools: object = None) -> Row | None:
    """A list of messages, or its JSON, up to its last answer, with the tools that could be called; None without an answer after
    something that was asked."""
    turns = turns_of(cell)
    if turns is None:
        return None
    while turns and turns[-1]["role"] != "assistant":
        turns.pop()
    if not turns or not turns[-1]["content"].strip() or all(turn["role"] == "assistant" for turn in turns):
        return None
    return Row(with_tools(turns[:-1], read_tools(tools)), turns[-1]["content"])


def turns_of(cell: object) -> list[dict[str, str]] | None:
    """{role, content} of each message of OpenAI's form or ShareGPT's; None for what is no conversation."""
    try:
        listed = json.loads(cell) if isinstance(cell, str) else cell
    except (ValueError, RecursionError):
        return None
    if not isinstance(listed, list) or not all(isinstance(message, dict) for message in listed):
        return None
    turns = []
    for message in listed:
        role = ROLES.get(str(message.get("role", message.get("from", ""))).lower())
        content = content_of(message)
        if role is None or content is None:
            return None
        turns.append({"role": role, "content": content})
    return turns


def content_of(message: dict[str, Any]) -> str | None:
    """The text of a message, its parts in a line each; calls of tools as JSON after it. None where it has another form."""
    content = message.get("content", message.get("value"))
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        if not all(isinstance(part, str) for part in parts):
            return None
        content = "\n".join(str(part) for part in parts)
    if content is not None and not isinstance(content, str):
        return None
    calls = message.get("tool_calls")
    called = [written_calls(calls)] if calls else []
    return "\n".join([*([content] if content else []), *called])


def instructions(loaded: Rows) -> list[Row | None]:
    """A prompt, with what is added to it in a paragraph of its own, and its answer."""
    extra = loaded.values.get("input") or [""] * len(loaded.values["prompt"])
    rows = zip(loaded.values["prompt"], extra, loaded.values["completion"], strict=True)
    return [instruction(str(prompt), str(more or ""), str(answer)) for prompt, more, answer in rows]


def instruction(prompt: str, more: str, answer: str) -> Row | None:
    asked = f"{prompt}\n\n{more}" if more.strip() else prompt
    return Row([{"role": "user", "content": asked}], answer) if asked.strip() and answer.strip() else None


def preferences(loaded: Rows) -> list[Row | None]:
    """Pairs of answers to a conversation or a prompt; either answer may be a list of messages, that begins with what both share."""
    nothing = [None] * len(loaded.values["rejected"])
    chosen = loaded.values.get("completion", nothing)
    asked = loaded.values.get("messages") or loaded.values.get("prompt") or nothing
    tools = loaded.values.get("tools") or nothing
    rows = zip(asked, chosen, loaded.values["rejected"], tools, strict=True)
    return [preference(*row) for row in rows]


def preference(asked: object, chosen: object, rejected: object, tools: object = None) -> Row | None:
    """None where there are no two different answers to something that was asked. Without an answer of its own the conversation's
    last one is preferred."""
    turns = spoken(asked, "user")
    if chosen is None or chosen == "":
        better, turns = turns[-1:], turns[:-1]
    else:
        better = spoken(chosen, "assistant")
    worse = spoken(rejected, "assistant")
    if not better or not worse or better[-1]["role"] != "assistant" or worse[-1]["role"] != "assistant":
        return None
    before = better[:-1] if len(better) > 1 else turns
    said, refused = better[-1]["content"], worse[-1]["content"]
    if not before or not said.strip() or not refused.strip() or said == refused:
        return None
    return Row(with_tools(before, read_tools(tools)), said, refused)


def spoken(cell: object, role: str) -> list[dict[str, str]]:
    """A cell's messages, or its text as a message of this role."""
    turns = turns_of(cell)
    if turns is None:
        return [{"role": role, "content": str(cell)}] if isinstance(cell, str) and cell.strip() else []
    return turns


def texts(loaded: Rows) -> list[Row | None]:
    return [Row([], str(text)) if str(text).strip() else None for text in loaded.values["text"]]


def pairs(loaded: Rows) -> list[Row | None]:
    """A text, and what is written from it."""
    source, target = next(roles for roles in PAIRS if roles[0] in loaded.columns)
    rows = zip(loaded.values[source], loaded.values[target], strict=True)
    return [instruction(str(text or ""), "", str(written or "")) for text, written in rows]


PAIRS = (("document", "summary"), ("source", "target"))
READERS: dict[str, Callable[[Rows], list[Row | None]]] = {
    "messages": conversations,
    "prompt": instructions,
    "text": texts,
    "document": pairs,
    "source": pairs,
}
"""By the role whose column a row is read from."""
