"""Kinds of columns, and which column plays which role: guesses that a person may overrule. Standard library only."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NotRequired, TypedDict

from trainer.conversations import is_message
from trainer.date_words import MONTH_OF
from trainer.dates import are_compact, are_months, looks_like_date
from trainer.dates import guess_form as guess_date_form
from trainer.number_forms import are_intervals, guess_form, mixes_clocks
from trainer.number_forms import guess_decimal as guess_decimal
from trainer.numeral_marks import NO_TIMES, VERSIONS, are_grades, is_wordy
from trainer.numerals import FRACTION, clock_of, form_of, is_nothing, range_ends, tidy
from trainer.numerals import MONEY as MONEY
from trainer.numerals import number_of as number_of
from trainer.worded_numbers import WRITTEN


class Lengths(TypedDict):
    """Characters of a column's cells, over those that are there."""

    mean: float
    min: int
    median: int
    p95: int
    max: int


class ColumnProfile(TypedDict):
    """A column as `columns` of profile.json has it, without its further figures (`trainer.data.column_statistics`).

    `missing` and `there` count rows, `distinct` different values. `decimal`, `unit` and `ranges`: see `NumberForm`, where they
    are not its defaults; `form`: how dates are written (`trainer.dates`).
    """

    name: str
    kind: str
    missing: int
    distinct: int
    there: NotRequired[int]
    examples: NotRequired[list[str]]
    length: NotRequired[Lengths]
    decimal: NotRequired[str]
    unit: NotRequired[str]
    ranges: NotRequired[bool]
    form: NotRequired[str]
    read_as: NotRequired[dict[str, Any]]
    """What of these somebody has chosen."""


MISSING = frozenset({"", "nan", "null", "n/a", "#n/a", "<na>", "<null>", "\\n"})
"""Spellings of a missing value, in small letters and trimmed."""
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
ROW_NAME = re.compile(r"(^|[^a-z])(id|uuid|guid|nr|no|#|编号|序号)\.?$|^(index|row|key|unnamed: 0)$")
"""Names of columns whose whole numbers only say which row it is, where none comes again."""
TOKEN = re.compile(r"(?=.*\d)[0-9a-f]{16,64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""A long number in hexadecimal digits, or a UUID, which names its row."""
DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})(,?[T ].{0,25})?|\d{1,2} [A-Za-z]{3,9} \d{4}"
)
YES = frozenset(
    [
        "true", "yes", "y", "t", "on", "ja", "j", "oui", "o", "vrai", "sí", "si", "verdadero", "sim", "s", "sì", "vero", "да", "истина", "はい", "是", "对", "真", "有",
        "evet", "doğru", "tak", "prawda", "예", "네", "wahr", "verdadeiro", "waar", "sant", "sand", "kyllä", "tosi", "ano", "pravda", "igen", "igaz", "da", "ναι", "так",
        "نعم", "כן", "हाँ", "हां", "ya", "có", "ใช่", "✓", "✔", "✔️", "☑", "☑️", "✅", ".t.", "b'1'", "enabled", "checked",
    ]
)  # fmt: skip
NO = frozenset(
    [
        "false", "no", "n", "f", "off", "nein", "non", "faux", "falso", "não", "nao", "нет", "ложь", "いいえ", "否", "不", "假", "无", "無",
        "hayır", "hayir", "yanlış", "nie", "fałsz", "아니오", "아니요", "falsch", "onwaar", "nee", "nej", "nei", "falskt", "falsk", "ei", "epätosi", "ne", "nepravda",
        "nem", "hamis", "nu", "όχι", "ні", "لا", "לא", "नहीं", "tidak", "không", "ไม่ใช่", "✗", "✘", "☐", "❌", "×", ".f.", "b'0'", "disabled", "unchecked",
    ]
)  # fmt: skip
BOOLEANS = YES | NO
"""Yes and no in two dozen languages, in small letters."""
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
FEWEST_NAMED = 10
"""Rows from which words that stand once each name the rows."""
CLASS_NUMBERS = 20
"""So many different numbers are still classes, where each stands for two rows or more."""


def written_form(column: Mapping[str, Any]) -> dict[str, Any]:
    """How a profile says that a column is written: what is settled of its numbers, or of its dates."""
    if column["kind"] == "date":
        return {name: column[name] for name in ("form",) if column.get(name)}
    return dict(form_of(column)) if column["kind"] in ("number", "id") else {}


def is_missing(value: str | None) -> bool:
    return value is None or value.strip().lower() in MISSING


def canonical_label(value: str) -> str:
    """One spelling for one label: trimmed, `1.0` as `1`."""
    text = value.strip()
    return text[: text.index(".")] if re.fullmatch(r"-?\d+\.0+", text) else text


def guess_kind(
    values: list[str], distinct: int, count: int, name: str = "", form: Mapping[str, Any] | None = None
) -> str:
    """text, category, number, date, boolean, id, list, json, messages or empty, from a sample of values that are there.

    `distinct` of `count` are the column's own figures, over all rows. The same where data are read, where a model learns
    and on its form: "$1,200.00" is a number, "01002" a code. `form`: how the column is written, where that is settled.
    """
    if not values or (form and form.get("form")):
        return "date" if values else "empty"
    trimmed = [value.strip() for value in values]
    if all(value[:1] in ("[", "{") for value in trimmed) and (nested := guess_nested_kind(trimmed[:20])):
        return nested
    if all(small_letters(value) in BOOLEANS for value in trimmed):
        return "boolean"
    if not form and (are_compact(trimmed) or are_months(trimmed, name)):
        return "date"
    return guess_numeric_kind(trimmed, distinct, count, name, form) or guess_worded_kind(trimmed, distinct, count, form)


def is_few(distinct: int, count: int) -> bool:
    """Whether so many different values of so many cells may be classes."""
    return distinct <= max(20, min(MAX_LABELS, 0.2 * count))


def guess_worded_kind(trimmed: list[str], distinct: int, count: int, form: Mapping[str, Any] | None = None) -> str:
    """date, category, text or id, of cells that are not numbers; no dates and no ids where somebody has said that they are words."""
    is_plain = bool(form and form.get("plain"))
    dated = share_passing(trimmed, lambda value: DATE.fullmatch(value) is not None or looks_like_date(value)) > 0.9
    if dated and not is_plain and guess_date_form(trimmed[:200], 0.3) is not None:
        return "date"
    if distinct > 0.95 * count and share_passing(trimmed, lambda value: TOKEN.fullmatch(value) is not None) > 0.95:
        return "id"
    words = sum(len(value.split()) for value in trimmed) / len(trimmed)
    characters = sum(map(len, trimmed)) / len(trimmed)
    few = is_few(distinct, count)
    if few and characters < 60 and not (words >= 3 and distinct > 0.5 * count):
        return "category"
    if words >= 3 or characters >= 25 or any(ord(char) > 0x2E80 for char in "".join(trimmed[:20])):
        return "text"
    if distinct > 0.95 * count and share_passing(trimmed, lambda value: " " not in value) > 0.95:
        is_range = form is not None and share_passing(trimmed, lambda value: range_ends(tidy(value)) is not None) > 0.5
        return "text" if is_range else "id"
    return "category" if few else "text"


def small_letters(value: str) -> str:
    """As `YES` and `NO` have them: Turkish capitals too, whose I has no dot."""
    return value.lower().replace("i̇", "i") if value.isascii() or "I" not in value else value.replace("I", "ı").lower()


def guess_numeric_kind(
    values: list[str], distinct: int, count: int, name: str, settled: Mapping[str, Any] | None = None
) -> str | None:
    """number, id or (for codes made of digits) category; None for anything else."""
    values = [value for value in values if not is_nothing(value)]
    if settled is not None and settled.get("unit") == WRITTEN:
        return None
    if not values or any(is_apart(value) for value in values) or (settled is None and mixes_clocks(values)):
        return None
    if sum(map(is_wordy, values)) >= 0.05 * len(values) or (settled is None and are_no_numbers(values, name)):
        return None
    form = guess_form(values) if settled is None else form_of(settled)
    if settled is None and form["unit"].lower() in MONTH_OF:  # 2020 Jan
        return None
    numbers = [number for value in values if (number := number_of(value, **form)) is not None]
    name = name.strip()
    if len(numbers) <= 0.95 * len(values):
        is_open = settled is None and not is_few(distinct, count) and not CODE_NAME.search(name.lower())
        return "number" if is_open and not ID_NAME.search(name) and are_intervals(values, form) else None
    is_code = share_passing(values, lambda value: CODE.fullmatch(value) is not None) >= LEAST_CODES
    if is_code or CODE_NAME.search(name.lower()):
        return "id" if distinct == count > 50 else "category"
    whole = distinct == count > 50 and all(value == int(value) for value in numbers)
    dense = max(numbers) - min(numbers) < 1.5 * distinct
    return "id" if whole and not form["unit"] and (dense or ID_NAME.search(name)) else "number"


def are_no_numbers(cells: list[str], name: str) -> bool:
    """Whether digits are grades of a school, or, as the name of the column says, verses and scores with a colon between them, or
    versions and chapters with a dot."""
    name = name.strip().lower()
    if NO_TIMES.search(name) and any(clock_of(cell) for cell in cells):
        return True
    return are_grades(cells) or (VERSIONS.search(name) is not None and any("." in cell for cell in cells))


def is_apart(cell: str) -> bool:
    """Whether blanks part digits that are not one number: "1 2", neither "1 200" nor "1 1/2"."""
    return bool(APART.search(cell)) and not (APART_THOUSANDS.fullmatch(cell) or FRACTION.fullmatch(cell))


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
        if all(map(is_message, items)):
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
    if column["kind"] != "text" or (length < 12 and not named) or CODE_NAME.search(column["name"].strip().lower()):
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


def names_rows(column: ColumnProfile) -> bool:
    """Whether a column of whole numbers, each of which stands once, is called as what only names its rows: nothing to predict."""
    name = column["name"].strip()
    if column["kind"] != "number" or column.get("unit") or not 2 < column["distinct"] == column.get("there"):
        return False
    is_whole = all(example.strip().isdigit() for example in column.get("examples", ()))
    return is_whole and bool(ROW_NAME.search(name.lower()) or re.search(r"[a-z](ID|Id)$", name))


def names_each(column: ColumnProfile) -> bool:
    """Whether every row has a word of its own in a column, of so many rows that these are no classes."""
    return column["kind"] == "category" and FEWEST_NAMED <= column["distinct"] == column.get("there")


def is_split_column(column: ColumnProfile) -> bool:
    """Whether a column only says which rows are learned from and which tested on."""
    return column["name"].strip().lower() in SPLIT_NAMES and says_parts(column)


def says_parts(column: ColumnProfile) -> bool:
    """Whether the cells of a column are names of parts, such as train and test, whatever it is called."""
    examples = {example.strip().lower() for example in column.get("examples", ())}
    return bool(examples) and examples <= set(SPLIT_VALUES)


def label_score(column: ColumnProfile) -> float:
    distinct, kind = column["distinct"], column["kind"]
    named = is_named(column, "label")
    if kind == "json" and not (named and distinct <= column.get("there", 0) / 2):
        return 0  # objects are no names of classes
    if says_parts(column) or (names_each(column) and not named):
        return 0
    if distinct == 1:  # one value says nothing, unless it is called the label: its person is told that more are needed
        return 0.01 if named and kind in ("category", "boolean", "text") else 0
    if not 1 <= distinct <= MAX_LABELS or kind in ("date", "id", "empty", "list") or not are_classes(column):
        return 0.5 if named and kind in ("category", "text") and distinct >= 1 else 0
    if kind == "text" and not named:
        return 0
    points = 1 + (10 if named else 0) + (2 if kind in ("category", "boolean") else 0) + 1 / distinct
    return points * present_share(column)
