"""What a message of a conversation says and who says it, in the forms of OpenAI, ShareGPT, Gemini, Anthropic, Bedrock and Cohere. Light.

{"role": "user", "content": "…"}                      {"role": "model", "parts": [{"text": "…"}]}
{"from": "human", "value": "…"}                       {"role": "user", "content": [{"type": "tool_result", …}]}
{"role": "assistant", "tool_calls": [{"function": {"name": "find", "arguments": "{…}"}}]}
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from trainer.json_types import Json, JsonObject
from trainer.writing.tools import written_calls

USER, ASSISTANT, SYSTEM, TOOL = "user", "assistant", "system", "tool"
NAMES = {
    USER: "user human prompter customer client",
    ASSISTANT: "assistant gpt bot model ai chatbot agent bing bard chatgpt claude gemini function_call",
    SYSTEM: "system developer",
    TOOL: "tool function observation ipython",
}
ROLES = {name: role for role, names in NAMES.items() for name in names.split()}
"""Who speaks, by the names that programs have for them."""
SPEAKERS, SAID = ("role", "from", "author", "speaker", "sender"), ("content", "value", "parts", "text", "message")
CALLED = ("tool_calls", "function_call", "refusal")
UNLEARNED = "0"
"""The weight of an answer that is not to be learned."""
Turn = dict[str, str]
"""{role, content} of a message, and of an answer that is not to be learned its weight."""


class UnreadError(Exception):
    """A conversation that cannot be read: `code` says why, `word` is what was found."""

    def __init__(self, code: str, word: str = "") -> None:
        super().__init__(code, word)
        self.code, self.word = code, word


class Said(NamedTuple):
    """What the parts of a message say, call, and answer to calls."""

    texts: list[str]
    calls: list[JsonObject]
    results: list[str]


def speaker_of(message: JsonObject) -> str:
    """Who speaks, as it is written there, in small letters."""
    named = next((message[key] for key in SPEAKERS if key in message), None)
    return named.strip().lower() if isinstance(named, str) else ""


def is_message(entry: Json) -> bool:
    """Whether an object is a message. Under other keys than those of OpenAI and ShareGPT it takes a known role too."""
    if not isinstance(entry, dict):
        return False
    if {"role", "content"} <= set(entry) or {"from", "value"} <= set(entry):
        return True
    return speaker_of(entry) in ROLES and any(key in entry for key in (*SAID, *CALLED))


def are_messages(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and all(map(is_message, value))


def read_messages(cell: object) -> list[Turn]:
    """The turns of a list of messages, or of its JSON. `UnreadError` where it is none, where a role is not known, and where a message
    is more than text."""
    try:
        listed = json.loads(cell) if isinstance(cell, str) else cell
    except (ValueError, RecursionError):
        raise UnreadError("unread_messages") from None
    if not isinstance(listed, list) or not all(isinstance(message, dict) for message in listed):
        raise UnreadError("unread_messages")
    return [read_message(message) for message in listed]


def read_message(message: JsonObject) -> Turn:
    named = speaker_of(message)
    role = ROLES.get(named)
    if role is None:
        raise UnreadError("unknown_roles", named)
    spoken = said_in(next((message[key] for key in SAID if message.get(key) is not None), message.get("refusal")))
    if named == "function_call":
        spoken = call_as_text("\n".join(spoken.texts))
    listed = message.get("tool_calls")
    calls = [*(listed if isinstance(listed, list) else []), *spoken.calls, *old_call(message.get("function_call"))]
    content = "\n".join([*spoken.results, *spoken.texts, *([written_calls(calls)] if calls else [])])
    turn = {"role": TOOL if spoken.results else role, "content": content}
    return turn | ({"weight": UNLEARNED} if role == ASSISTANT and message.get("weight") in (0, UNLEARNED) else {})


def said_in(content: Json) -> Said:
    """Of a text, a number, an object (which is an answer as JSON) or a list of parts."""
    if content is None or content == "":
        return Said([], [], [])
    if isinstance(content, str):
        return Said([content], [], [])
    if isinstance(content, list):
        return joined(list(map(said_in_part, content)))
    if isinstance(content, dict) and ("parts" in content or set(content) <= {"text", "type"}):
        return said_in(content.get("parts", content.get("text")))
    return Said([json.dumps(content, ensure_ascii=False)], [], [])


def joined(parts: Sequence[Said]) -> Said:
    return Said(
        [text for part in parts for text in part.texts],
        [call for part in parts for call in part.calls],
        [result for part in parts for result in part.results],
    )


def said_in_part(part: Json) -> Said:
    """Of a text, a call, or what a tool answered; thoughts are passed over. `UnreadError` for pictures and the like."""
    if isinstance(part, str):
        return Said([part], [], [])
    if not isinstance(part, dict):
        raise UnreadError("unread_messages")
    if is_thought(part):
        return Said([], [], [])
    text = next((part[key] for key in ("text", "refusal") if isinstance(part.get(key), str)), None)
    if text is not None:
        return Said([text], [], [])
    if (called := inner(part, "tool_use", ("functionCall", "function_call", "toolUse"))) is not None:
        return Said([], [call_of(called)], [])
    if (answered := inner(part, "tool_result", ("functionResponse", "function_response", "toolResult"))) is not None:
        return Said([], [], [result_of(answered)])
    raise UnreadError("media_messages")


def is_thought(part: JsonObject) -> bool:
    named = part.get("type") in ("thinking", "redacted_thinking", "reasoning")
    return named or part.get("thought") is True or "reasoningContent" in part


def inner(part: JsonObject, kind: str, keys: Sequence[str]) -> JsonObject | None:
    """A part of this type, or the object that it has under one of these keys; None for any other part."""
    return (
        part if part.get("type") == kind else next((part[key] for key in keys if isinstance(part.get(key), dict)), None)
    )


def call_of(part: JsonObject) -> JsonObject:
    """A call in OpenAI's form, of one of Gemini's, Anthropic's or Bedrock's."""
    arguments: Json = next((part[key] for key in ("args", "input", "arguments", "parameters") if key in part), {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    named = next((part[key] for key in ("id", "toolUseId") if isinstance(part.get(key), str)), None)
    call: JsonObject = {"type": "function", "function": {"name": str(part.get("name", "")), "arguments": text}}
    return ({"id": named} if named else {}) | call


def result_of(part: JsonObject) -> str:
    """What a tool answered, as text."""
    given = next((part[key] for key in ("content", "response", "output") if key in part), "")
    if isinstance(given, list):
        texts = [text_of_result(entry) for entry in given]
        given = "\n".join(text for text in texts if text is not None) if None not in texts else given
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def text_of_result(entry: Json) -> str | None:
    if isinstance(entry, dict):
        return json.dumps(entry["json"], ensure_ascii=False) if "json" in entry else entry.get("text")
    return entry if isinstance(entry, str) else None


def old_call(call: Json) -> list[JsonObject]:
    """The call of OpenAI's former `function_call`."""
    return [call_of(call)] if isinstance(call, dict) and isinstance(call.get("name"), str) else []


def call_as_text(text: str) -> Said:
    """ShareGPT's message of a call: its JSON, or what is not JSON as it stands."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return Said([text], [], [])
    listed = value if isinstance(value, list) else [value]
    calls = [call for each in listed for call in old_call(each)]
    return Said([], calls, []) if calls and len(calls) == len(listed) else Said([text], [], [])
