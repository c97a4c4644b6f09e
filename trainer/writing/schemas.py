"""Answers that are JSON: the schema that those to learn from keep to, and whether others keep to it."""

import json
from collections.abc import Sequence
from typing import Any

MOST_FIELDS, DEEPEST = 100, 12
"""Fields that an object may have until its names are taken for values, and levels that are looked into."""
LEAST_SHARE, LEAST_ANSWERS = 0.9, 8
"""Of the answers to learn from that are objects or lists, for JSON to be what is to be written; and how many there must be."""
MOST_READ = 5_000
NOTHING = object()
KINDS: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


def parsed(text: str) -> Any:  # noqa: ANN401
    """The object or list that a text is as JSON; `NOTHING` where it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return NOTHING
    return value if isinstance(value, dict | list) else NOTHING


def schema_of(answers: Sequence[str]) -> dict[str, Any] | None:
    """The JSON Schema that these answers keep to; None where they are not JSON, or too few to say so."""
    values = [parsed(text) for text in answers[:MOST_READ]]
    known = [value for value in values if value is not NOTHING]
    if len(known) < max(LEAST_ANSWERS, LEAST_SHARE * len(values)):
        return None
    return infer(known)


def infer(values: Sequence[Any], depth: int = 0) -> dict[str, Any]:
    """The narrowest schema of kinds, fields and items that holds for all of these values."""
    kinds = {kind_of(value) for value in values}
    if "number" in kinds:
        kinds.discard("integer")
    listed = sorted(kinds)
    schema: dict[str, Any] = {"type": listed[0] if len(listed) == 1 else listed}
    if depth >= DEEPEST or not values:
        return schema if values else {}
    if "object" in kinds:
        schema |= fields_of([value for value in values if isinstance(value, dict)], depth)
    if "array" in kinds:
        items = [item for value in values if isinstance(value, list) for item in value]
        schema |= {"items": infer(items, depth + 1)} if items else {}
    return schema


def fields_of(objects: Sequence[dict[str, Any]], depth: int) -> dict[str, Any]:
    """Which fields they have, and which all of them have; nothing where the names are as good as values."""
    names = list(dict.fromkeys(name for each in objects for name in each))
    if len(names) > MOST_FIELDS:
        return {}
    fields = {name: infer([each[name] for each in objects if name in each], depth + 1) for name in names}
    required = [name for name in names if all(name in each for each in objects)]
    return {"properties": fields, "required": required, "additionalProperties": False}


def kind_of(value: object) -> str:
    return KINDS[type(value)]


def keeps_to(value: object, schema: dict[str, Any]) -> bool:
    """Whether a value is as a schema that was inferred says."""
    if not schema:
        return True
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind = kind_of(value)
    if kind not in kinds and not (kind == "integer" and "number" in kinds):
        return False
    if isinstance(value, dict) and "properties" in schema:
        fields = schema["properties"]
        is_whole = all(name in value for name in schema["required"])
        return is_whole and all(name in fields and keeps_to(own, fields[name]) for name, own in value.items())
    if isinstance(value, list) and "items" in schema:
        return all(keeps_to(item, schema["items"]) for item in value)
    return True
