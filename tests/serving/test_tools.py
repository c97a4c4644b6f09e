"""Tools in a conversation: how a model reads them, and what of its answer is a call."""

import json
from typing import Any

import pytest

from serving.chat import Refused, Reply, parse
from trainer.data.conversation_rows import conversation
from trainer.writing.drafts import Piece
from trainer.writing.tools import held_back, read_answer, read_tools, with_tools, written_calls

FIND = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
CALL = {"id": "1", "type": "function", "function": {"name": "find", "arguments": '{"what": "lamp"}'}}
ASK = {"role": "user", "content": "Where?"}


def body(**fields: Any) -> bytes:
    return json.dumps({"messages": [ASK]} | fields).encode()


def test_tools_are_read_alike_in_rows_and_in_requests() -> None:
    row = conversation(
        [{"role": "system", "content": "Be brief."}, ASK, {"role": "assistant", "content": "Here."}], [FIND]
    )
    assert row
    asked = parse(body(messages=[{"role": "system", "content": "Be brief."}, ASK], tools=[FIND]), is_chat=True)
    assert row.turns == with_tools(asked.value["messages"], asked.value["tools"])
    assert row.turns[0]["content"].startswith('Be brief.\n\nTools:\n{"name": "find"')


def test_what_was_called_and_what_came_of_it_are_messages() -> None:
    messages = [ASK, {"role": "assistant", "content": None, "tool_calls": [CALL]}, {"role": "tool", "content": "{}"}]
    value = parse(body(messages=messages), is_chat=True).value
    assert value["messages"][1] == {"role": "assistant", "content": written_calls([CALL])}
    assert value["messages"][2]["role"] == "tool"
    assert "tools" not in parse(body(tools=[FIND], tool_choice="none"), is_chat=True).value


@pytest.mark.parametrize("fields", [{"tools": "find"}, {"tools": [1]}, {"tools": [FIND], "tool_choice": "often"}])
def test_what_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        parse(body(**fields), is_chat=True)


@pytest.mark.parametrize("cell", ["", "no json", "{}", None, 3, "[1]"])
def test_cells_without_tools(cell: object) -> None:
    assert read_tools(cell) == []


@pytest.mark.parametrize(
    ("text", "words", "calls"),
    [
        (written_calls([CALL]), "", 1),
        (f"One moment.\n{written_calls([CALL, CALL])}", "One moment.", 2),
        ("No calls.", "No calls.", 0),
        (written_calls([CALL])[:-2], written_calls([CALL])[:-2], 0),
        ('{"tool_calls": []}', '{"tool_calls": []}', 0),
        ('{"tool_calls": [{"function": 3}]}', '{"tool_calls": [{"function": 3}]}', 0),
    ],
)
def test_calls_are_found_in_an_answer(text: str, words: str, calls: int) -> None:
    said = read_answer(text)
    assert (said.text, len(said.calls)) == (words, calls)


def test_what_may_become_a_call_is_held_back() -> None:
    assert held_back("a lamp") == 0
    assert held_back('See {"tool') == len('{"tool')
    assert held_back(f"See {written_calls([CALL])}") == len(written_calls([CALL]))


async def pieces(*texts: str) -> Any:
    for number, text in enumerate(texts, 1):
        yield Piece(text, number, "stop" if number == len(texts) else "")


def streamed(*texts: str) -> list[dict[str, Any]]:
    import asyncio

    async def collect() -> list[bytes]:
        return [event async for event in Reply("m", True, 3).events(pieces(*texts), tells_usage=False)]

    return [json.loads(event[6:])["choices"][0] for event in asyncio.run(collect()) if b"[DONE]" not in event]


def test_calls_are_streamed_whole_and_words_as_they_come() -> None:
    written = written_calls([CALL])
    choices = streamed("One ", "moment.\n", written[:9], written[9:])
    said = "".join(choice["delta"].get("content") or "" for choice in choices)
    (called,) = [choice["delta"]["tool_calls"] for choice in choices if "tool_calls" in choice["delta"]]
    assert said.strip() == "One moment."
    assert called[0]["function"] == CALL["function"]
    assert called[0]["index"] == 0
    assert choices[-1]["finish_reason"] == "tool_calls"


def test_what_only_began_like_a_call_is_told_too() -> None:
    choices = streamed("See ", '{"tool', "s")
    assert "".join(choice["delta"].get("content") or "" for choice in choices) == 'See {"tools'
    assert choices[-1]["finish_reason"] == "stop"
