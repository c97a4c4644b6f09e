"""What the Hugging Face hub's library writes beside a table's columns: which hold pictures or sounds, and the names of classes
that cells have by number."""

import json

import pyarrow as pa

from trainer.json_types import JsonObject

KEY = b"huggingface"
MAX_BYTES = 4 << 20
MAX_DEPTH = 6
LISTS = ("Sequence", "List", "LargeList")


def features_of(schema: pa.Schema) -> JsonObject:
    """{column: its feature}; {} for a table that the library did not write."""
    raw = (schema.metadata or {}).get(KEY, b"")
    if not raw or len(raw) > MAX_BYTES:
        return {}
    try:
        features = json.loads(raw)["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def has_names(feature: object, depth: int = 0) -> bool:
    """Whether classes are named anywhere in a feature."""
    if depth > MAX_DEPTH:
        return False
    if isinstance(feature, list):
        return any(has_names(inner, depth + 1) for inner in feature)
    if not isinstance(feature, dict):
        return False
    return feature.get("_type") == "ClassLabel" or any(has_names(inner, depth + 1) for inner in feature.values())


def with_names(value: object, feature: object, depth: int = 0) -> object:
    """A value with the names of classes in place of their numbers; -1, the library's number for none, as None."""
    if value is None or depth > MAX_DEPTH:
        return value
    if isinstance(feature, list):
        feature = {"_type": "List", "feature": feature[0] if feature else {}}
    if not isinstance(feature, dict):
        return value
    kind = feature.get("_type")
    if kind == "ClassLabel":
        return name_of(value, feature.get("names"))
    if isinstance(kind, str) and kind in LISTS:
        inner = feature.get("feature", {})
        if isinstance(value, dict):  # a list of records, which the library keeps as a record of lists
            return (
                with_names(value, {key: [feature] for key, feature in inner.items()}, depth + 1)
                if isinstance(inner, dict)
                else value
            )
        return [with_names(entry, inner, depth + 1) for entry in value] if isinstance(value, list) else value
    if isinstance(value, dict):
        return {key: with_names(entry, feature.get(key), depth + 1) for key, entry in value.items()}
    return value


def name_of(value: object, names: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool) or not isinstance(names, list):
        return value
    if value == -1:
        return None
    return str(names[value]) if 0 <= value < len(names) else value
