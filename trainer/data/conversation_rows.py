"""Rows that a model learns to write from: conversations, prompts with answers, or plain texts, all brought to turns and an answer.

`values["turns"]` holds what stands before a row's last answer, {role, content} each, and nothing for a plain text; that
answer, or the whole text, is `values["written"]`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from trainer.conversations import ASSISTANT, UNLEARNED, Turn, UnreadError, read_messages
from trainer.data.cells import iterate_slices, select_cells
from trainer.data.conversation_checks import Reason, left_out, oddities, reason
from trainer.data.loaded_rows import LoadedRows
from trainer.data.problems import DELETE_ROWS, Problem
from trainer.writing.tools import read_tools, with_tools

TURNS, WRITTEN, REFUSED = "turns", "written", "refused"


class Row(NamedTuple):
    """`refused`: another answer, which is not preferred."""

    turns: list[dict[str, str]]
    written: str
    refused: str = ""


def read_written(loaded: LoadedRows) -> None:
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
        loaded.problems += left_out(reasons_of(loaded, [place for place, row in enumerate(read) if row is None]), bad)
        loaded.keep(np.array([row is not None for row in read]))
    if "messages" in loaded.columns and not is_paired:
        loaded.problems += oddities(loaded.values[TURNS], loaded.row_numbers)


def reasons_of(loaded: LoadedRows, places: list[int]) -> list[Reason]:
    """Why the rows at these places have nothing to learn."""
    if "messages" not in loaded.columns or "rejected" in loaded.columns:
        return [Reason("no_answer")] * len(places)
    return [reason(loaded.values["messages"][place]) for place in places]


def conversation_problems(cells: pa.ChunkedArray, lacking: np.ndarray) -> list[Problem]:
    """What the conversations of a column lack, and what is odd about the others; `lacking`: rows from 0 without an answer."""
    reasons = [reason(cell) for cell in select_cells(cells, lacking)]
    problems = left_out(reasons, (lacking + 1).tolist(), ("drop_missing", DELETE_ROWS))
    turns, numbers = [], []
    for number, cell in enumerate((cell for part in iterate_slices(cells) for cell in part), 1):
        if (row := conversation(cell)) is not None:
            turns.append(row.turns)
            numbers.append(number)
    return problems + oddities(turns, numbers)


def conversations(loaded: LoadedRows) -> list[Row | None]:
    tools = loaded.values.get("tools") or [None] * len(loaded.values["messages"])
    return [conversation(cell, tool) for cell, tool in zip(loaded.values["messages"], tools, strict=True)]


def conversation(cell: object, tools: object = None) -> Row | None:
    """A list of messages, or its JSON, up to its last answer, with the tools that could be called; None without an answer after
    something that was asked."""
    turns = turns_of(cell)
    if turns is None:
        return None
    while turns and (turns[-1]["role"] != ASSISTANT or turns[-1].get("weight") == UNLEARNED):
        turns.pop()
    if not turns or not turns[-1]["content"].strip() or all(turn["role"] == "assistant" for turn in turns):
        return None
    return Row(with_tools(turns[:-1], read_tools(tools)), turns[-1]["content"])


def turns_of(cell: object) -> list[Turn] | None:
    """The messages of a list, or of its JSON; None for what cannot be read as a conversation."""
    try:
        return read_messages(cell)
    except UnreadError:
        return None


def instructions(loaded: LoadedRows) -> list[Row | None]:
    """A prompt, with what is added to it in a paragraph of its own, and its answer."""
    extra = loaded.values.get("input") or [""] * len(loaded.values["prompt"])
    rows = zip(loaded.values["prompt"], extra, loaded.values["completion"], strict=True)
    return [instruction(str(prompt), str(more or ""), str(answer)) for prompt, more, answer in rows]


def instruction(prompt: str, more: str, answer: str) -> Row | None:
    asked = f"{prompt}\n\n{more}" if more.strip() else prompt
    return Row([{"role": "user", "content": asked}], answer) if asked.strip() and answer.strip() else None


def preferences(loaded: LoadedRows) -> list[Row | None]:
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
    preferred, refused = better[-1]["content"], worse[-1]["content"]
    if not before or not preferred.strip() or not refused.strip() or preferred == refused:
        return None
    return Row(with_tools(before, read_tools(tools)), preferred, refused)


def spoken(cell: object, role: str) -> list[dict[str, str]]:
    """A cell's messages, or its text as a message of this role."""
    turns = turns_of(cell)
    if turns is None:
        return [{"role": role, "content": str(cell)}] if isinstance(cell, str) and cell.strip() else []
    return turns


def texts(loaded: LoadedRows) -> list[Row | None]:
    return [Row([], str(text)) if str(text).strip() else None for text in loaded.values["text"]]


def pairs(loaded: LoadedRows) -> list[Row | None]:
    """A text, and what is written from it."""
    source, target = next(roles for roles in PAIRS if roles[0] in loaded.columns)
    rows = zip(loaded.values[source], loaded.values[target], strict=True)
    return [instruction(str(text or ""), "", str(written or "")) for text, written in rows]


PAIRS = (("document", "summary"), ("source", "target"))
READERS: dict[str, Callable[[LoadedRows], list[Row | None]]] = {
    "messages": conversations,
    "prompt": instructions,
    "text": texts,
    "document": pairs,
    "source": pairs,
}
"""By the role whose column a row is read from."""
