"""Tools that a model may call: how it reads what there is, and what it wrote as calls. In learning and serving alike.

Tools stand in the first message, one a line; calls are JSON in an answer's last lines, as they are in the rows:

    <|system|> Tools:
    {"name": "find", "parameters": {…}}
    <|assistant|> {"tool_calls": [{"id": "…", "type": "function", "function": {"name": "find", "arguments": "{…}"}}]}
"""

import json
from typing import Any, NamedTuple

HEADING = "Tools:"
CALLS = '{"tool_calls"'


class Said(NamedTuple):
    """What an answer says in words, and what it calls, in OpenAI's form."""

    text: str
    calls: list[dict[str, Any]]


def with_tools(turns: list[dict[str, str]], tools: list[dict[str, Any]]) -> list[dict[str, str]]:
    """A conversation whose first message says what tools there are, after what the system's says itself."""
    if not tools:
        return turns
    described = "\n".join([HEADING, *(json.dumps(function_of(tool), ensure_ascii=False) for tool in tools)])
    if turns and turns[0]["role"] == "system":
        return [{"role": "system", "content": f"{turns[0]['content']}\n\n{described}"}, *turns[1:]]
    return [{"role": "system", "content": described}, *turns]


def function_of(tool: dict[str, Any]) -> dict[str, Any]:
    """A tool without what is the same of all, in OpenAI's words where it has Anthropic's or Bedrock's."""
    inner = next((tool[key] for key in ("function", "toolSpec") if isinstance(tool.get(key), dict)), tool)
    schema = next((inner[key] for key in ("input_schema", "inputSchema") if isinstance(inner.get(key), dict)), None)
    if schema is None:
        return inner
    fields = {key: value for key, value in inner.items() if key not in ("input_schema", "inputSchema")}
    return fields | {"parameters": schema.get("json", schema)}


def read_tools(cell: object) -> list[dict[str, Any]]:
    """Tools of a cell: a list of objects, or its JSON, Gemini's lists of declarations in it too; none for anything else."""
    try:
        listed = json.loads(cell) if isinstance(cell, str) else cell
    except (ValueError, RecursionError):
        return []
    tools = [tool for tool in listed if isinstance(tool, dict)] if isinstance(listed, list) else []
    return [declared for tool in tools for declared in declarations(tool)]


def declarations(tool: dict[str, Any]) -> list[dict[str, Any]]:
    listed = next((tool[key] for key in ("functionDeclarations", "function_declarations") if key in tool), None)
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else [tool]


def written_calls(calls: list[Any]) -> str:
    return json.dumps({"tool_calls": calls}, ensure_ascii=False)


def read_answer(text: str) -> Said:
    """Words and calls of an answer; one whose calls are not whole JSON is words."""
    place = text.find(CALLS)
    if place < 0:
        return Said(text, [])
    try:
        calls = json.loads(text[place:])["tool_calls"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Said(text, [])
    is_whole = isinstance(calls, list) and calls and all(map(is_call, calls))
    return Said(text[:place].rstrip("\n"), calls) if is_whole else Said(text, [])


def is_call(call: object) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def held_back(text: str) -> int:
    """Of an answer on its way, how many characters at the end may be calls, and are not words."""
    place = text.find(CALLS)
    if place >= 0:
        return len(text) - place
    return next((size for size in range(min(len(CALLS), len(text)), 0, -1) if text.endswith(CALLS[:size])), 0)
