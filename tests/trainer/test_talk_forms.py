"""Conversations in the forms of other programs: each becomes the same turns, and what cannot be read is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from trainer.conversations import is_message
from trainer.data.conversation_rows import conversation, preference
from trainer.data.exports.registry import convert_records
from trainer.data.exports.transcribed import turns_in
from trainer.data.inspect import inspect
from trainer.data.readings import Choices
from trainer.data.tables.table import Table
from trainer.errors import DataError
from trainer.writing.tools import read_tools

Q, A, B, RULE = "Where is parcel 7?", "In hall 2.", "Ask somebody else.", "Be brief."
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
CALL = {"type": "function", "function": {"name": "find", "arguments": '{"n": 7}'}}
CALLED = json.dumps({"tool_calls": [CALL]})


def said(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content} | more


USER, ASSISTANT, SYSTEM = said("user", Q), said("assistant", A), said("system", RULE)
WORSE = said("assistant", B)


def parts(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text}]}


def share(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"from": name, "value": text} for name, text in pairs]


ASKED: dict[str, Any] = {
    "openai parts": {"messages": [said("user", [{"type": "text", "text": Q}]), said("assistant", [{"type": "output_text", "text": A}])]},
    "openai refusal": {"messages": [USER, said("assistant", None, refusal=A)]},
    "openai names": {"messages": [USER | {"name": "ann"}, ASSISTANT | {"name": "bot", "weight": 1}]},
    "a last answer that is not to be learned": {"messages": [USER, ASSISTANT, USER, WORSE | {"weight": 0}]},
    "responses": {"input": [USER], "output": [{"type": "reasoning"}, said("assistant", [{"type": "output_text", "text": A}])]},
    "logs": {"request": {"messages": [USER]}, "response": {"choices": [{"message": ASSISTANT}]}},
    "trl": {"prompt": [USER], "completion": [ASSISTANT]},
    "trl text": {"prompt": [USER], "completion": A},
    "trl liked": {"prompt": [USER], "completion": [ASSISTANT], "label": True},
    "sharegpt": {"conversations": share(("human", Q), ("gpt", A))},
    "sharegpt liked": {"conversations": share(("human", Q), ("bing", A)), "kto_tag": True},
    "gemini": {"contents": [parts("user", Q), parts("model", A)]},
    "thoughts": {"messages": [USER, said("assistant", [{"type": "thinking", "thinking": "?"}, {"type": "text", "text": A}])]},
    "cohere": {"messages": [said("User", Q), said("Chatbot", A)]},
    "speakers": {"messages": [{"speaker": "user", "text": Q}, {"speaker": "ai", "text": A}]},
    "lists": {"conversations": [Q, A]},
    "by turns": {"conversation": [{"human": Q, "assistant": A}]},
    "ultrachat": {"id": "1", "data": [Q, A]},
    "anthropic text": {"text": f"\n\nHuman: {Q}\n\nAssistant: {A}"},
    "anthropic prompt": {"prompt": f"\n\nHuman: {Q}\n\nAssistant:", "completion": f" {A}"},
    "openassistant text": {"text": f"### Human: {Q}### Assistant: {A}"},
    "alpaca text": {"text": f"Below is an instruction.\n\n### Instruction:\n{Q}\n\n### Response:\n{A}"},
    "chatml": {"text": f"<|im_start|>user\n{Q}<|im_end|>\n<|im_start|>assistant\n{A}<|im_end|>\n"},
    "llama 3": {"text": f"<|start_header_id|>user<|end_header_id|>\n\n{Q}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n{A}<|eot_id|>"},
    "llama 2": {"text": f"<s>[INST] {Q} [/INST] {A} </s>"},
    "zephyr": {"text": f"<|user|>\n{Q}</s>\n<|assistant|>\n{A}</s>"},
}  # fmt: skip
RULED: dict[str, Any] = {
    "developer": {"messages": [said("developer", RULE), USER, ASSISTANT]},
    "anthropic": {"system": RULE, "messages": [USER, ASSISTANT]},
    "bedrock": {"schemaVersion": "bedrock-conversation-2024", "system": [{"text": RULE}], "messages": [said("user", [{"text": Q}]), said("assistant", [{"text": A}])]},
    "gemini": {"systemInstruction": {"role": "system", "parts": [{"text": RULE}]}, "contents": [parts("user", Q), parts("model", A)]},
    "gemini in python": {"system_instruction": {"parts": [{"text": RULE}]}, "contents": [parts("user", Q), parts("model", A)]},
    "palm": {"context": RULE, "messages": [{"author": "user", "content": Q}, {"author": "assistant", "content": A}]},
    "alpaca": {"instruction": Q, "input": "", "output": A, "system": RULE},
    "orca": {"system_prompt": RULE, "question": Q, "response": A},
    "sharegpt": {"conversations": share(("human", Q), ("gpt", A)), "system": RULE},
    "by turns": {"conversation": [{"system": RULE, "input": Q, "output": A}]},
    "llama 2": {"text": f"<s>[INST] <<SYS>>\n{RULE}\n<</SYS>>\n\n{Q} [/INST] {A} </s>"},
}  # fmt: skip
TOOLS: dict[str, Any] = {
    "openai": ([USER, {"role": "assistant", "tool_calls": [CALL]}, said("tool", "hall 2", tool_call_id="a"), ASSISTANT], [{"type": "function", "function": {"name": "find", "parameters": SCHEMA}}]),
    "openai before": ([USER, said("assistant", None, function_call=CALL["function"]), said("function", "hall 2", name="find"), ASSISTANT], [{"name": "find", "parameters": SCHEMA}]),
    "sharegpt": (share(("human", Q), ("function_call", '{"name": "find", "arguments": {"n": 7}}'), ("observation", "hall 2"), ("gpt", A)), [{"name": "find", "parameters": SCHEMA}]),
    "anthropic": ([USER, said("assistant", [{"type": "tool_use", "name": "find", "input": {"n": 7}}]), said("user", [{"type": "tool_result", "content": [{"type": "text", "text": "hall 2"}]}]), ASSISTANT], [{"name": "find", "input_schema": SCHEMA}]),
    "bedrock": ([USER, said("assistant", [{"toolUse": {"name": "find", "input": {"n": 7}}}]), said("user", [{"toolResult": {"content": [{"text": "hall 2"}]}}]), ASSISTANT], [{"toolSpec": {"name": "find", "inputSchema": {"json": SCHEMA}}}]),
    "gemini": ([parts("user", Q), {"role": "model", "parts": [{"functionCall": {"name": "find", "args": {"n": 7}}}]}, {"role": "user", "parts": [{"functionResponse": {"name": "find", "response": "hall 2"}}]}, parts("model", A)], [{"functionDeclarations": [{"name": "find", "parameters": SCHEMA}]}]),
}  # fmt: skip
PAIRS: dict[str, Any] = {
    "anthropic": {"chosen": f"\n\nHuman: {Q}\n\nAssistant: {A}", "rejected": f"\n\nHuman: {Q}\n\nAssistant: {B}"},
    "sharegpt": {
        "conversations": share(("human", Q)),
        "chosen": share(("gpt", A))[0],
        "rejected": share(("gpt", B))[0],
    },
    "alpaca": {"instruction": Q, "input": "", "output": [A, B]},
}


def converted(record: dict[str, Any]) -> dict[str, Any]:
    """A record of a file as a row of its table, its cells as JSON."""
    table = Table("f.jsonl", "jsonl", [], iter(()), 1, {})
    ((_number, row),) = convert_records(table, [(1, record)], Choices())
    assert isinstance(row, dict)
    return row


def turns_of(record: dict[str, Any]) -> list[tuple[str, str]]:
    row = converted(record)
    talks = [value for value in row.values() if isinstance(value, list) and all(map(is_message, value))]
    assert len(talks) == 1, row
    read = conversation(json.dumps(talks[0]))
    assert read is not None
    return [*((turn["role"], turn["content"]) for turn in read.turns), ("assistant", read.written)]


@pytest.mark.parametrize("form", ASKED)
def test_a_question_and_its_answer(form: str) -> None:
    assert turns_of(ASKED[form]) == [("user", Q), ("assistant", A)]


@pytest.mark.parametrize("form", RULED)
def test_a_system_message_is_kept(form: str) -> None:
    assert turns_of(RULED[form]) == [("system", RULE), ("user", Q), ("assistant", A)]


@pytest.mark.parametrize("form", TOOLS)
def test_calls_and_what_tools_answered_are_kept(form: str) -> None:
    messages, tools = TOOLS[form]
    read = conversation(json.dumps(messages), json.dumps(tools))
    assert read is not None
    described = json.dumps({"name": "find", "parameters": SCHEMA})
    expected = [("system", f"Tools:\n{described}"), ("user", Q), ("assistant", CALLED), ("tool", "hall 2")]
    assert [(turn["role"], turn["content"]) for turn in read.turns] == expected
    assert read_tools(json.dumps(tools))


@pytest.mark.parametrize("form", PAIRS)
def test_two_answers_of_which_one_is_preferred(form: str) -> None:
    row = converted(PAIRS[form])
    asked = row.get("conversations") or row.get("instruction") or row["chosen"]
    read = preference(asked, row["chosen"], row["rejected"])
    assert read is not None
    assert ([turn["content"] for turn in read.turns], read.written, read.refused) == ([Q], A, B)


def test_what_was_said_before_an_instruction() -> None:
    row = {"instruction": Q, "input": "The blue one.", "output": A, "history": [["Hello", "Hi"]]}
    assert turns_of(row) == [
        ("user", "Hello"),
        ("assistant", "Hi"),
        ("user", f"{Q}\n\nThe blue one."),
        ("assistant", A),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Human: a word",
        "Assistant: alone",
        "A chapter about [INST]",
        "",
        None,
        5,
        "### Summary: short",
        "user: a\nbot: b",
    ],
)
def test_texts_that_are_no_conversation_stay(text: Any) -> None:
    assert turns_in(text) == []


@pytest.mark.parametrize("entry", [{"role": "admin", "name": "Ann"}, {"author": "Ann", "text": "Hi"}, {"text": "a"}, 5])
def test_what_is_no_message(entry: Any) -> None:
    assert not is_message(entry)


def write(path: Path, records: list[Any]) -> Path:
    path.write_text("\n".join(map(json.dumps, records)), "utf-8")
    return path


def talk(number: int, *more: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [said("user", f"Where is parcel {number}?"), *more, said("assistant", f"In hall {number}.")]}


def test_each_reason_for_which_conversations_are_left_out_is_told_by_row(tmp_path: Path) -> None:
    image = said("user", [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}])
    rows = [talk(number) for number in range(30)]
    rows[1], rows[2] = talk(1, image), talk(2, said("narrator", "x"))
    rows[3] = {"messages": [USER]}
    rows[4] = {"messages": [USER, said("assistant", "")]}
    rows[5] = talk(5, said("assistant", "Wrong.", weight=0), said("user", "Sure?"))
    rows[6] = talk(6, said("user", "Well?"))
    result = inspect([write(tmp_path / "a.jsonl", rows)], tmp_path / "version")
    told = {problem["code"]: problem.get("rows") for problem in result["problems"]}
    expected = {"media_messages": [2], "unknown_roles": [3], "unanswered": [4], "empty_answers": [5]}
    assert expected | {"unlearned_answers": [6], "roles_out_of_order": [7]} == {
        code: rows for code, rows in told.items() if code not in ("small_test", "few_rows")
    }
    (roles,) = (problem for problem in result["problems"] if problem["code"] == "unknown_roles")
    assert "(narrator)" in roles["message"]


def test_lines_that_are_lists_of_messages_are_a_conversation_each(tmp_path: Path) -> None:
    result = inspect([write(tmp_path / "a.jsonl", [talk(n)["messages"] for n in range(20)])], tmp_path / "version")
    assert (result["suggestion"]["task"], result["rows"]) == ("text-generation", 20)


def test_answers_that_were_not_liked_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [
        {"conversations": share(("human", f"{Q} {n}"), ("gpt", f"{A} {n}")), "kto_tag": n % 4 > 0} for n in range(40)
    ]
    result = inspect([write(tmp_path / "a.jsonl", rows)], tmp_path / "version")
    assert (result["rows"], [(entry["reason"], entry["count"]) for entry in result["left_out"]]) == (30, [("disliked", 10)])  # fmt: skip


def test_the_only_conversation_of_a_file_is_one_row(tmp_path: Path) -> None:
    result = inspect([write(tmp_path / "a.jsonl", [talk(1)])], tmp_path / "version")
    assert (result["rows"], [column["name"] for column in result["columns"]]) == (1, ["messages"])


@pytest.mark.parametrize("before", [0, 20])
def test_a_line_beyond_all_bounds_is_told_by_its_number(before: int, tmp_path: Path) -> None:
    rows = [*map(talk, range(before)), talk(1, said("user", "word " * 3_500_000))]
    with pytest.raises(DataError, match=f"Line {before + 1} of a.jsonl is longer than") as refused:
        inspect([write(tmp_path / "a.jsonl", rows)], tmp_path / "version")
    assert (refused.value.code, "leave it out" in refused.value.hint) == ("too_large", True)
