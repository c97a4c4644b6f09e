"""Kinds of columns, and which column plays which role: guesses that a person may overrule. Standard library only."""

import json
import math
import re
from typing import Any

MISSING = frozenset({"", "nan", "null", "n/a", "#n/a", "<na>", "<null>", "\\n"})
"""Spellings of a missing value, in small letters and trimmed."""
NUMBER = re.compile(r"[-+]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?([eE][-+]?\d+)?")
DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}([T ].*)?|\d{1,2} [A-Za-z]{3,9} \d{4}"
)
BOOLEANS = frozenset({"true", "false", "yes", "no", "y", "n", "t", "f"})
NAMES = {
    "text": "text texts message messages review reviews body content sentence question utterance comment comments title description "
    "email tweet post query input prompt document abstract subject headline text_a transcript 文本 评论 内容 句子 正文 留言 消息 文章 问题 texte mensaje texto nachricht",
    "label": "label labels category class intent sentiment topic target tag type rating stars spam answer output y outcome classe etiqueta "
    "标签 类别 情感 分类 类型 意图 label_text kategorie categoria",
}
ROLE_NAMES = {role: frozenset(words.split()) for role, words in NAMES.items()}
SPLIT_NAMES = frozenset({"split", "subset", "fold", "partition", "set"})
SPLIT_VALUES = {
    "train": "train", "training": "train", "dev": "validation", "val": "validation", "valid": "validation",
    "validation": "validation", "eval": "validation", "test": "test", "testing": "test", "holdout": "test",
}  # fmt: skip
MAX_LABELS = 500


def is_missing(value: str | None) -> bool:
    return value is None or value.strip().lower() in MISSING


def number_of(value: str) -> float | None:
    """The number that a cell holds, thousands separated by commas or not; None for anything else."""
    text = value.strip()
    if not text or NUMBER.fullmatch(text) is None or not any(char.isdigit() for char in text):
        return None
    found = float(text.replace(",", ""))
    return found if math.isfinite(found) else None


def canonical_label(value: str) -> str:
    """One spelling for one label: trimmed, `1.0` as `1`."""
    text = value.strip()
    return text[: text.index(".")] if re.fullmatch(r"-?\d+\.0+", text) else text


def kind_of(values: list[str], distinct: int, count: int) -> str:
    """text, category, number, date, boolean, id, list, json, messages or empty, from a sample of values that are there.

    `distinct` of `count` are the column's own figures, over all rows.
    """
    if not values:
        return "empty"
    trimmed = [value.strip() for value in values]
    if all(value[:1] in ("[", "{") for value in trimmed) and (nested := nested_kind(trimmed[:20])):
        return nested
    if all(value.lower() in BOOLEANS for value in trimmed):
        return "boolean"
    if share(trimmed, lambda value: bool(value) and NUMBER.fullmatch(value) is not None) > 0.95:
        return "id" if distinct == count > 50 and all(value.isdigit() for value in trimmed) else "number"
    if share(trimmed, lambda value: DATE.fullmatch(value) is not None) > 0.9:
        return "date"
    words = sum(len(value.split()) for value in trimmed) / len(trimmed)
    characters = sum(map(len, trimmed)) / len(trimmed)
    few = distinct <= max(20, min(MAX_LABELS, 0.2 * count))
    if few and characters < 60 and not (words >= 3 and distinct > 0.5 * count):
        return "category"
    if words >= 3 or characters >= 25 or any(ord(char) > 0x2E80 for char in "".join(trimmed[:20])):
        return "text"
    if distinct > 0.95 * count and share(trimmed, lambda value: " " not in value) > 0.95:
        return "id"
    return "category" if few else "text"


def nested_kind(values: list[str]) -> str | None:
    """list of words, messages (a conversation), objects (boxes), other json; None when they only begin like it."""
    try:
        found = [json.loads(value) for value in values]
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(one, list) for one in found):
        return "json"
    items = [item for one in found for item in one]
    if items and all(isinstance(item, dict) for item in items):
        if all(({"role", "content"} <= set(item)) or ({"from", "value"} <= set(item)) for item in items):
            return "messages"
        return "objects" if all({"label", "box"} <= set(item) for item in items) else "json"
    return "json" if any(isinstance(item, dict | list) for item in items) else "list"


def share(values: list[str], test: Any) -> float:
    return sum(map(test, values)) / len(values)


def words_of(name: str) -> set[str]:
    return set(re.split(r"[\s_\-.:/]+", name.strip().lower())) | {name.strip().lower()}


def guess_text_and_label(columns: list[dict[str, Any]], chosen: dict[str, str] | None = None) -> dict[str, str]:
    """The likeliest text and label column of a profile's columns; a role that nothing suits is left out.

    `chosen` are roles that somebody has settled: their columns are free for no other role.
    """
    taken = set((chosen or {}).values())
    columns = [column for column in columns if column["name"] not in taken]
    table_like = sum(column["kind"] in ("number", "category", "boolean", "date") for column in columns) >= 5
    texts = [column for column in columns if is_named(column, "text") or not table_like]
    text = None if "text" in (chosen or {}) else best(texts, text_score)
    labels = [column for column in columns if column["name"] != text]
    found = {"text": text, "label": None if "label" in (chosen or {}) else best(labels, label_score)}
    return {role: name for role, name in found.items() if name}


def best(columns: list[dict[str, Any]], score: Any) -> str | None:
    scored = [(score(column), -number, column["name"]) for number, column in enumerate(columns)]
    top = max(scored, default=(0, 0, None))
    return top[2] if top[0] > 0 else None


def is_named(column: dict[str, Any], role: str) -> bool:
    return bool(words_of(column["name"]) & ROLE_NAMES[role])


def text_score(column: dict[str, Any]) -> float:
    """Longer and named like a text is better; a short column without such a name is none."""
    length = (column.get("length") or {}).get("mean", 0)
    named = is_named(column, "text")
    if column["kind"] != "text" or (length < 12 and not named):
        return 0
    return (1 + (10 if named else 0) + min(length, 400) / 100) * presence(column)


def presence(column: dict[str, Any]) -> float:
    """Share of the rows that have a value."""
    return 1 - column["missing"] / max(column["missing"] + column.get("there", 0), 1)


def label_score(column: dict[str, Any]) -> float:
    distinct, kind = column["distinct"], column["kind"]
    named = is_named(column, "label")
    if not 1 <= distinct <= MAX_LABELS or kind in ("date", "id", "empty") or (kind == "number" and distinct > 20):
        return 0.5 if named and kind in ("category", "text") and distinct >= 1 else 0
    if kind == "text" and not named:
        return 0
    return (1 + (10 if named else 0) + (2 if kind in ("category", "boolean") else 0) + 1 / distinct) * presence(column)
