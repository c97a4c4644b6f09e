"""Kinds of columns, and which column plays which role: guesses that a person may overrule. Standard library only."""

import json
import math
import re
from collections.abc import Callable, Iterable
from typing import NotRequired, TypedDict


class Lengths(TypedDict):
    """Characters of a column's cells, over those that are there."""

    mean: float
    min: int
    median: int
    p95: int
    max: int


class ColumnProfile(TypedDict):
    """A column as `columns` of profile.json has it, without its further figures (`trainer.data.column_statistics`).

    `missing` and `there` count rows, `distinct` different values; `decimal` is a comma where numbers are written with one.
    """

    name: str
    kind: str
    missing: int
    distinct: int
    there: NotRequired[int]
    examples: NotRequired[list[str]]
    length: NotRequired[Lengths]
    decimal: NotRequired[str]


MISSING = frozenset({"", "nan", "null", "n/a", "#n/a", "<na>", "<null>", "\\n"})
"""Spellings of a missing value, in small letters and trimmed."""
BLANKS = "\\s\\x0b\\x1c-\\x1f\\x85\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What Python's `\\s` matches, spelled out for RE2 (Arrow and DuckDB), whose own knows ASCII alone."""
MONEY = re.compile(f"USD|EUR|GBP|CHF|CNY|JPY|RMB|[{BLANKS}$€£¥₹₩%'’]", re.IGNORECASE)
"""What may stand around the digits of a number, or part its thousands."""
PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")
COMMA = re.compile(r".*(\.\d{3},\d+|^[^,.]*,(\d{1,2}|\d{4,}))|[^,]*\d\.\d{3}(\.\d{3})+")
DOT = re.compile(r".*(,\d{3}\.\d+|\.(\d{1,2}|\d{4,})$)|[^.]*\d,\d{3}(,\d{3})+")
APART = re.compile(r"\d\s+\d")
"""Digits with a blank between them …"""
APART_THOUSANDS = re.compile(r"\D*\d{1,3}(\s\d{3})+([.,]\d+)?\D*")
"""… which are one number only where the blank parts thousands."""
CODE = re.compile(r"0\d+")
LEAST_CODES = 0.01
"""Share of the cells with a leading zero from which digits are codes (postcodes, articles), which are not added up."""
CODE_NAME = re.compile(
    r"(^|[^a-z])(zip|zip ?code|postal|post ?code|plz|phone|telephone|mobile|fax|sku|ean|isbn|iban)s?$|邮编|电话|手机"
)
ID_NAME = re.compile(r"(^|[^a-z])(id|uuid|guid|key|index|nr|no|number|code|编号|序号)$|[a-z](ID|Id)$")
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
CLASS_NUMBERS = 20
"""So many different numbers are still classes, where each stands for two rows or more."""


def is_missing(value: str | None) -> bool:
    return value is None or value.strip().lower() in MISSING


def number_of(cell: str, decimal: str = ".") -> float | None:
    """The number in a cell: thousands separators, currency and percent signs, accountants' parentheses; None for none."""
    text = MONEY.sub("", cell).replace("−", "-")
    if text.startswith("(") and text.endswith(")"):
        text = "-" + text[1:-1]
    if decimal == ",":
        text = text.translate(str.maketrans(".,", ",."))
    if THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    if not text.isascii() or PLAIN.fullmatch(text) is None:
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def guess_decimal(cells: Iterable[str]) -> str:
    """Whether a column writes its decimals after a comma or a dot."""
    plain = [MONEY.sub("", cell) for cell in cells]
    commas = sum(COMMA.fullmatch(cell) is not None for cell in plain)
    return "," if commas > sum(DOT.fullmatch(cell) is not None for cell in plain) else "."


def canonical_label(value: str) -> str:
    """One spelling for one label: trimmed, `1.0` as `1`."""
    text = value.strip()
    return text[: text.index(".")] if re.fullmatch(r"-?\d+\.0+", text) else text


def guess_kind(values: list[str], distinct: int, count: int, name: str = "") -> str:
    """text, category, number, date, boolean, id, list, json, messages or empty, from a sample of values that are there.

    `distinct` of `count` are the column's own figures, over all rows. The same where data are read, where a model learns
    and on its form: "$1,200.00" is a number, "01002" a code.
    """
    if not values:
        return "empty"
    trimmed = [value.strip() for value in values]
    if all(value[:1] in ("[", "{") for value in trimmed) and (nested := guess_nested_kind(trimmed[:20])):
        return nested
    if all(value.lower() in BOOLEANS for value in trimmed):
        return "boolean"
    if kind := guess_numeric_kind(trimmed, distinct, count, name):
        return kind
    if share_passing(trimmed, lambda value: DATE.fullmatch(value) is not None) > 0.9:
        return "date"
    words = sum(len(value.split()) for value in trimmed) / len(trimmed)
    characters = sum(map(len, trimmed)) / len(trimmed)
    few = distinct <= max(20, min(MAX_LABELS, 0.2 * count))
    if few and characters < 60 and not (words >= 3 and distinct > 0.5 * count):
        return "category"
    if words >= 3 or characters >= 25 or any(ord(char) > 0x2E80 for char in "".join(trimmed[:20])):
        return "text"
    if distinct > 0.95 * count and share_passing(trimmed, lambda value: " " not in value) > 0.95:
        return "id"
    return "category" if few else "text"


def guess_numeric_kind(values: list[str], distinct: int, count: int, name: str) -> str | None:
    """number, id or (for codes made of digits) category; None for anything else."""
    if sum(APART.search(value) is not None and APART_THOUSANDS.fullmatch(value) is None for value in values):
        return None
    decimal = guess_decimal(values)
    numbers = [number for value in values if (number := number_of(value, decimal)) is not None]
    if len(numbers) <= 0.95 * len(values):
        return None
    name = name.strip()
    is_code = share_passing(values, lambda value: CODE.fullmatch(value) is not None) >= LEAST_CODES
    if is_code or CODE_NAME.search(name.lower()):
        return "id" if distinct == count > 50 else "category"
    whole = distinct == count > 50 and all(value == int(value) for value in numbers)
    dense = max(numbers) - min(numbers) < 1.5 * distinct
    return "id" if whole and (dense or ID_NAME.search(name)) else "number"


def guess_nested_kind(values: list[str]) -> str | None:
    """list of words, messages (a conversation), objects (boxes), other json; None when they only begin like it."""
    try:
        parsed = [json.loads(value) for value in values]
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(value, list) for value in parsed):
        return "json"
    items = [item for value in parsed for item in value]
    if items and all(isinstance(item, dict) for item in items):
        if all(({"role", "content"} <= set(item)) or ({"from", "value"} <= set(item)) for item in items):
            return "messages"
        return "objects" if all({"label", "box"} <= set(item) for item in items) else "json"
    return "json" if any(isinstance(item, dict | list) for item in items) else "list"


def share_passing(values: list[str], test: Callable[[str], bool]) -> float:
    """Of the values, that pass the test: 0 to 1."""
    return sum(map(test, values)) / len(values)


def split_name(name: str) -> set[str]:
    return set(re.split(r"[\s_\-.:/]+", name.strip().lower())) | {name.strip().lower()}


def guess_text_and_label(columns: list[ColumnProfile], chosen: dict[str, str] | None = None) -> dict[str, str]:
    """The likeliest text and label column of a profile's columns; a role that nothing suits is left out.

    `chosen` are roles that somebody has settled: their columns are free for no other role.
    """
    taken = set((chosen or {}).values())
    columns = [column for column in columns if column["name"] not in taken]
    table_like = sum(column["kind"] in ("number", "category", "boolean", "date") for column in columns) >= 5
    texts = [column for column in columns if is_named(column, "text") or not table_like]
    text = None if "text" in (chosen or {}) else best_column(texts, text_score)
    labels = [column for column in columns if column["name"] != text]
    guessed = {"text": text, "label": None if "label" in (chosen or {}) else best_column(labels, label_score)}
    return {role: name for role, name in guessed.items() if name}


def best_column(columns: list[ColumnProfile], score: Callable[[ColumnProfile], float]) -> str | None:
    """The name of the first column with the highest score; None where no score is above 0."""
    column = max(columns, key=score, default=None)
    return column["name"] if column is not None and score(column) > 0 else None


def is_named(column: ColumnProfile, role: str) -> bool:
    return bool(split_name(column["name"]) & ROLE_NAMES[role])


def text_score(column: ColumnProfile) -> float:
    """Longer and named like a text is better; a short column without such a name is none."""
    length = column["length"]["mean"] if column.get("length") else 0.0
    named = is_named(column, "text")
    if column["kind"] != "text" or (length < 12 and not named):
        return 0
    return (1 + (10 if named else 0) + min(length, 400) / 100) * present_share(column)


def present_share(column: ColumnProfile) -> float:
    """Share of the rows that have a value."""
    return 1 - column["missing"] / max(column["missing"] + column.get("there", 0), 1)


def are_classes(column: ColumnProfile) -> bool:
    """Whether the values of a column are classes, not quantities: numbers are where they are few and come again."""
    if column["kind"] != "number":
        return True
    return column["distinct"] <= min(CLASS_NUMBERS, max(2, column.get("there", math.inf) / 2))


def label_score(column: ColumnProfile) -> float:
    distinct, kind = column["distinct"], column["kind"]
    named = is_named(column, "label")
    if not 1 <= distinct <= MAX_LABELS or kind in ("date", "id", "empty", "list") or not are_classes(column):
        return 0.5 if named and kind in ("category", "text") and distinct >= 1 else 0
    if kind == "text" and not named:
        return 0
    points = 1 + (10 if named else 0) + (2 if kind in ("category", "boolean") else 0) + 1 / distinct
    return points * present_share(column) * (0.01 if distinct == 1 else 1)  # one value says nothing
