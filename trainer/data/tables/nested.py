"""Lists of objects inside records (an order with its items): kept as JSON, summarised in columns, or exploded to a row an entry; lists
of names with values as columns; and objects that stand as JSON in the cells of a table."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from trainer.data.readings import Choice, Choices, Reading, preview_of
from trainer.data.tables.records import WHOLE, flatten, free_name, is_whole
from trainer.data.tables.table import Table, as_text
from trainer.errors import DataError
from trainer.json_types import Json, JsonObject
from trainer.messages import Message, _

KEEP, SUMMARISE, EXPLODE, NAMES = "keep", "summarise", "explode", "names"
LABELS = {
    KEEP: _("Keep the list as JSON"),
    SUMMARISE: _("Summarise the list in columns"),
    EXPLODE: _("A row for each entry of the list"),
}
PAIR_NAMES, PAIR_VALUES = ("id", "name", "key", "title", "field", "label"), ("value", "values")
MAX_PAIR_COLUMNS, MAX_SAME_PAIRS = 200, 20
"""Columns that the names of a list of pairs may make, and how many of one name have a column each."""
SCORED = frozenset({"label", "score", "confidence", "probability", "prob", "name", "class"})
MAX_EXPLODED_CHARACTERS = 1 << 30
RECORD = "record number"
"""The column that says which record an exploded row is of; rows of one record stay on one side of the split."""
LONG_TEXT = 40
CELLS_AHEAD = 300


def list_keys(rows: Sequence[JsonObject]) -> list[str]:
    """Keys whose values are lists of objects wherever they hold anything, and are not whole of their own."""
    kinds: dict[str, bool] = {}
    for row in rows:
        for key, value in row.items():
            if value is not None and value != []:
                kinds[key] = kinds.get(key, True) and is_object_list(value)
    return [key for key, is_list in kinds.items() if is_list and key.rpartition(".")[2].lower() not in WHOLE]


def is_object_list(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def entries_of(rows: Iterable[JsonObject], key: str) -> list[JsonObject]:
    return [entry for row in rows for entry in row.get(key) or []]


def unfold_lists(
    table: Table, ahead: list[JsonObject], stream: Iterator[JsonObject], choices: Choices
) -> tuple[list[JsonObject], Iterator[JsonObject]]:
    """Records with their lists of objects as somebody asks for; each such list is told with the other ways to read it."""
    ahead, stream = unfold_names(table, ahead, stream, choices)
    for key in list_keys(ahead):
        entries = entries_of(ahead, key)
        if set().union(*entries) <= SCORED:
            continue
        if name := pair_name(entries):
            ahead, stream = [with_pairs(row, key, name) for row in ahead], map_pairs(stream, key, name)
            continue
        asked = choices.pick("entries", (KEEP, SUMMARISE, EXPLODE), table.name, key)
        summing = number_fields(entries)
        table.readings.append(list_reading(table, ahead, key, summing, asked))
        if asked == SUMMARISE:
            ahead, stream = [summarised(row, key, summing) for row in ahead], map_summarised(stream, key, summing)
        elif asked == EXPLODE:
            table.group = RECORD
            rows = exploded(chain(ahead, stream), key)
            ahead = list(islice(rows, len(ahead)))
            stream = rows
    return ahead, stream


NAMED_LISTS = frozenset(
    ["labels", "tags", "categories", "topics", "genres", "components", "keywords", "assignees", "milestones"]
)
NAME_FIELDS = ("name", "title", "label", "displayName")
BESIDE_NAMES = frozenset(
    ["id", "idBoard", "color", "colour", "description", "url", "self", "gid", "default", "node_id", "slug", "type", "uses", "resource_type", "key", *NAME_FIELDS]
)  # fmt: skip
"""Fields of labels and tags that say no more than what they are called."""


def name_field(rows: Sequence[JsonObject], key: str) -> str:
    """The field that names the labels or tags of a list; "" for any other list."""
    if key.rpartition(".")[2].lower() not in NAMED_LISTS or not all(is_object_list(row.get(key) or []) for row in rows):
        return ""
    entries = entries_of(rows, key)
    fields = set().union(*entries)
    names = (field for field in NAME_FIELDS if all(isinstance(entry.get(field), str) for entry in entries))
    return next(names, "") if len(fields) > 1 and fields <= BESIDE_NAMES else ""


def unfold_names(
    table: Table, ahead: list[JsonObject], stream: Iterator[JsonObject], choices: Choices
) -> tuple[list[JsonObject], Iterator[JsonObject]]:
    """Labels and tags as lists of their names, as issues and cards have them: [{"id": 1, "name": "bug", "color": "f00"}]."""
    for key in dict.fromkeys(key for row in ahead for key in row):
        field = name_field(ahead, key)
        if not field:
            continue
        asked = choices.pick("entries", (NAMES, KEEP), table.name, key)
        chosen, other = asked or NAMES, KEEP if asked != KEEP else NAMES
        sentences = {NAMES: _("The names of “%(key)s” as a list", key=key), KEEP: LABELS[KEEP]}
        labels = {NAMES: _("A list of their names"), KEEP: LABELS[KEEP]}
        confidence = 1.0 if asked else 0.95
        others = [Choice(other, labels[other])]
        reading = Reading(
            "entries", chosen, sentences[chosen], others, confidence, table.name, key, is_asked=bool(asked)
        )
        table.readings.append(reading)
        if chosen == NAMES:
            ahead = [with_names(row, key, field) for row in ahead]
            stream = map_names(stream, key, field)
    return ahead, stream


def map_names(stream: Iterable[JsonObject], key: str, field: str) -> Iterator[JsonObject]:
    return (with_names(row, key, field) for row in stream)


def with_names(row: JsonObject, key: str, field: str) -> JsonObject:
    entries: list[Any] = row[key] if is_object_list(row.get(key)) else []
    if not entries or not all(isinstance(entry.get(field), str) for entry in entries):
        return row
    return row | {key: [entry[field] for entry in entries]}


EXAMPLES = frozenset(["patterns", "examples", "utterances", "phrases", "training_phrases", "samples"])
"""What files of chatbots call the texts of an intent."""


def unfold_examples(
    table: Table, ahead: list[JsonObject], stream: Iterator[JsonObject], choices: Choices
) -> tuple[list[JsonObject], Iterator[JsonObject]]:
    """A row for each text of an intent, unless the lists are to be kept: [{"tag": "hello", "patterns": ["hi", "good day"]}]."""
    key = next((key for key in ahead[0] if key.lower() in EXAMPLES), "") if ahead else ""
    cells = [cell for row in ahead if (cell := row.get(key))]
    if not cells or not all(isinstance(cell, list) and all(isinstance(text, str) for text in cell) for cell in cells):
        return ahead, stream
    asked = choices.pick("entries", (KEEP, EXPLODE), table.name, key)
    chosen, other = asked or EXPLODE, KEEP if asked != KEEP else EXPLODE
    sentences = {EXPLODE: _("A row for each text of “%(key)s”", key=key), KEEP: LABELS[KEEP]}
    confidence = 1.0 if asked else 0.85
    others = [Choice(other, LABELS[other])]
    table.readings.append(
        Reading("entries", chosen, sentences[chosen], others, confidence, table.name, key, is_asked=bool(asked))
    )
    if chosen == KEEP:
        return ahead, stream
    rows = (row | {key: text} for row in chain(ahead, stream) for text in texts_of(row.get(key)))
    return list(islice(rows, MOST_EXAMPLES)), rows


MOST_EXAMPLES = 10_000


def texts_of(cell: Json) -> list[Json]:
    """The texts of an intent; one that is not a list, as a later record may have it, is one text."""
    return (cell or [None]) if isinstance(cell, list) else [cell]


def map_pairs(stream: Iterable[JsonObject], key: str, name: str) -> Iterator[JsonObject]:
    return (with_pairs(row, key, name) for row in stream)


def map_summarised(stream: Iterable[JsonObject], key: str, summing: set[str]) -> Iterator[JsonObject]:
    return (summarised(row, key, summing) for row in stream)


def list_reading(table: Table, rows: Sequence[JsonObject], key: str, summing: set[str], asked: str | None) -> Reading:
    some = [row for row in rows if row.get(key)][:3]
    ways = {
        KEEP: some,
        SUMMARISE: [summarised(row, key, summing) for row in some],
        EXPLODE: list(islice(exploded(some, key), 3)),
    }
    chosen = asked or KEEP
    sentences: dict[str, Message] = {
        KEEP: _("“%(key)s” holds a list in each record, kept as JSON", key=key),
        SUMMARISE: _("“%(key)s” holds a list in each record, summarised in columns", key=key),
        EXPLODE: _("A row for each entry of “%(key)s”; rows of one record stay on one side of the split", key=key),
    }
    previews = {way: preview(shown, key) for way, shown in ways.items()}
    others = [Choice(way, LABELS[way], previews[way]) for way in ways if way != chosen]
    confidence = 1.0 if asked else 0.7
    return Reading(
        "entries", chosen, sentences[chosen], others, confidence, table.name, key, previews[chosen], asked is not None
    )


def preview(rows: Sequence[JsonObject], key: str) -> JsonObject:
    """The columns that come of a list in front, where a page shows only a few."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    names.sort(key=lambda name: not name.startswith(key))
    return preview_of(names, [[as_text(row.get(name)) for name in names] for row in rows])


def pair_name(entries: Sequence[JsonObject]) -> str:
    """The field that names a value, of lists like [{"id": 360001, "value": "eu"}]; "" for other lists."""
    fields = set().union(*entries)
    value = next((field for field in PAIR_VALUES if field in fields), "")
    name = next((field for field in PAIR_NAMES if field in fields), "")
    if not value or not name or len(fields) > 3 or any(isinstance(entry.get(name), dict | list) for entry in entries):
        return ""
    names = {str(entry.get(name)) for entry in entries}
    return name if len(names) <= min(MAX_PAIR_COLUMNS, max(2, 0.5 * len(entries))) else ""


def with_pairs(row: JsonObject, key: str, name: str) -> JsonObject:
    """The same record with a column for each named value, as `custom_fields.360001`."""
    entries = row.get(key)
    if not is_object_list(entries):
        return row
    flat = {other: cell for other, cell in row.items() if other != key}
    counts, more = Counter[str](), dict[str, list[str]]()
    for entry in entries or []:
        value = next((entry[field] for field in PAIR_VALUES if field in entry), None)
        title = f"{key}.{entry.get(name)}"
        counts[title] += 1
        if counts[title] > MAX_SAME_PAIRS:
            more.setdefault(title, []).append(as_text(value) or "")
        else:
            flat[free_name(title, flat)] = value
    return flat | {free_name(f"{title} …", flat): "; ".join(texts) for title, texts in more.items()}


def number_fields(entries: Sequence[JsonObject]) -> set[str]:
    """Fields that are amounts, so that their sum says something."""
    fields: dict[str, bool] = {}
    for entry in entries:
        for field, value in entry.items():
            if value is not None:
                is_amount = isinstance(value, int | float) and not isinstance(value, bool)
                fields[field] = fields.get(field, not field.lower().endswith("id")) and (is_amount or is_decimal(value))
    return {field for field, is_amount in fields.items() if is_amount}


def is_decimal(value: Json) -> bool:
    """An amount written as a text, as shops write prices."""
    if not isinstance(value, str) or len(value) > 20 or "." not in value:
        return False
    return amount_of(value) is not None


def amount_of(value: Json) -> float | None:
    """None for what is not an amount, as later records may have it in a field of amounts."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = float(value)
    except (ValueError, OverflowError):
        return None
    return amount if math.isfinite(amount) else None


def summarised(row: JsonObject, key: str, summing: set[str]) -> JsonObject:
    """How many entries there are, the sum of each amount, and the other plain fields one behind the other."""
    entries = row.get(key)
    if not is_object_list(entries):
        return row if entries is not None else {name: cell for name, cell in row.items() if name != key}
    flat = {name: cell for name, cell in row.items() if name != key}
    flat[free_name(f"{key}.count", flat)] = len(entries or [])
    for field in dict.fromkeys(field for entry in entries or [] for field in entry):
        values = [entry[field] for entry in entries or [] if entry.get(field) is not None]
        amounts = [amount_of(value) for value in values] if field in summing else [None]
        if None not in amounts:
            flat[free_name(f"{key}.{field}.sum", flat)] = round(sum(amount or 0 for amount in amounts), 6)
        else:
            texts = [as_text(value) or "" for value in values]
            is_long = any("\n" in text or len(text) > LONG_TEXT for text in texts)
            flat[free_name(f"{key}.{field}", flat)] = ("\n\n" if is_long else "; ").join(texts)
    return flat


def exploded(rows: Iterable[JsonObject], key: str) -> Iterator[JsonObject]:
    """A row for each entry, with the record's other fields; a record without entries stays one row."""
    total = 0
    for number, row in enumerate(rows, 1):
        entries = row.get(key)
        rest = {name: cell for name, cell in row.items() if name != key}
        rest = rest if RECORD in rest else {RECORD: number} | rest
        if entries and not is_object_list(entries):
            yield rest | {key: entries}
            continue
        size = sum(len(cell) for cell in rest.values() if isinstance(cell, str))
        for entry in entries or [{}]:
            total += size
            if total > MAX_EXPLODED_CHARACTERS:
                raise DataError(
                    _("A row for each entry of “%(key)s” would be more text than is read.", key=key),
                    code="too_large",
                    hint=_("Summarise the list, or send a part of the records."),
                )
            flat = {free_name(f"{key}.{field}", rest): cell for field, cell in entry.items()}
            nested = {field for field, cell in flat.items() if isinstance(cell, dict) and not is_whole(cell)}
            deeper = flatten(flat, nested) if nested else flat
            yield rest | {free_name(field, rest): cell for field, cell in deeper.items()}


# JSON in the cells of a table


def object_columns(columns: Sequence[str], batch: Sequence[Sequence[str | None]]) -> dict[str, bool]:
    """{column whose cells hold JSON: whether it is lists of objects} by its first cells."""
    listed = {}
    for name, cells in zip(columns, batch, strict=True):
        sample = [cell.strip() for cell in islice((cell for cell in cells if cell and cell.strip()), CELLS_AHEAD)]
        if (
            not sample
            or name.lower() in WHOLE - {"meta"}
            or sum(cell[0] in "{[" for cell in sample) < 0.95 * len(sample)
        ):
            continue
        values = [value for cell in sample if (value := cell_value(cell)) is not None]
        if len(values) < 0.95 * len(sample):
            continue
        if all(isinstance(value, dict) and not is_whole(value) for value in values) and any(values):
            listed[name] = False
        elif all(is_object_list(value) for value in values) and any(values):
            listed[name] = True
    return listed


def cell_value(cell: str | None) -> Json:
    """The object or list that a cell holds as JSON; None for none."""
    text = (cell or "").strip()
    if text[:1] not in ("{", "[") or not text:
        return None
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def cells_reading(name: str, file: str, chosen: str, is_asked: bool) -> Reading:
    sentences = {
        "flatten": _("“%(column)s” holds objects as JSON; their fields are columns of their own", column=name),
        KEEP: _("“%(column)s” holds objects as JSON, kept as they are", column=name),
    }
    labels = {"flatten": _("Columns for their fields"), KEEP: _("Keep the JSON")}
    others = [Choice(other, labels[other]) for other in labels if other != chosen]
    return Reading("cells", chosen, sentences[chosen], others, 1.0 if is_asked else 0.85, file, name, is_asked=is_asked)


def rows_of(
    table: Table, batches: Iterable[Sequence[Sequence[str | None]]], parsed: set[str]
) -> Iterator[tuple[int, Json]]:
    """Records of a table's rows, with the values of these columns instead of their text."""
    number = 0
    columns = list(table.columns)
    for batch in batches:
        for row in zip(*batch, strict=True):
            number += 1
            record: dict[str, Any] = dict(zip(columns, row, strict=True))
            for name in parsed:
                if (value := cell_value(record[name])) is not None:
                    record[name] = value
            yield number, record
