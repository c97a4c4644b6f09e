"""What an answer that must call a tool is held to: a JSON Schema of calls in the form that rows have them (`trainer.writing.tools`),
whose arguments keep to each tool's own schema.

    {"tool_calls": [{"id": "…", "type": "function", "function": {"name": "find", "arguments": {…}}}]}

Rows have arguments as a text of JSON, which no schema looks into: where calls must be made, they are written as an object.
"""

from collections.abc import Sequence
from typing import Any

from trainer.writing.tools import function_of

MOST_CALLS = 8
"""In one answer."""
IDENTIFIER = "^[A-Za-z0-9_-]{1,24}$"
DEFINITIONS = ("$defs", "definitions")


def calls_schema(tools: Sequence[dict[str, Any]], name: str = "", *, most: int = MOST_CALLS) -> dict[str, Any]:
    """Of at least one call, and at most so many, of any of these tools or of the one of this name."""
    functions = [function_of(tool) for tool in tools]
    chosen = [function for function in functions if not name or function.get("name") == name]
    shared: dict[str, Any] = {}
    calls = [call_schema(function, place, shared) for place, function in enumerate(chosen)]
    listed = {
        "type": "array",
        "minItems": 1,
        "maxItems": most,
        "items": calls[0] if len(calls) == 1 else {"anyOf": calls},
    }
    schema = closed({"tool_calls": listed})
    return schema | ({"$defs": shared} if shared else {})


def call_schema(function: dict[str, Any], place: int, shared: dict[str, Any]) -> dict[str, Any]:
    """Of a call; what its arguments define for themselves goes to `shared`, under names that no other tool has."""
    given = function.get("parameters")
    arguments: Any = given if isinstance(given, dict) and given else {"type": "object"}
    for word in DEFINITIONS:
        defined = arguments.get(word)
        if isinstance(defined, dict):
            shared |= {f"{place}.{key}": renamed(value, place) for key, value in defined.items()}
    own = {key: renamed(value, place) for key, value in arguments.items() if key not in DEFINITIONS}
    named = closed({"name": {"const": function.get("name")}, "arguments": own})
    return closed({"id": {"type": "string", "pattern": IDENTIFIER}, "type": {"const": "function"}, "function": named})


def closed(fields: dict[str, Any]) -> dict[str, Any]:
    """An object of these fields, all of them, and no others."""
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def renamed(value: Any, place: int) -> Any:  # noqa: ANN401
    """With references to what is defined beside it at its new place."""
    if isinstance(value, list):
        return [renamed(each, place) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: reference(own, place) if key == "$ref" else renamed(own, place) for key, own in value.items()}


def reference(target: Any, place: int) -> Any:  # noqa: ANN401
    for word in DEFINITIONS:
        start = f"#/{word}/"
        if isinstance(target, str) and target.startswith(start):
            return f"#/$defs/{place}.{target.removeprefix(start)}"
    return target
