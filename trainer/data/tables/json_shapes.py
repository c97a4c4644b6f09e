"""Documents whose lists belong together: the parts of a split, texts under their labels, records under their ids further inside; and
headers that stand beside their rows."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from trainer.columns import ROLE_NAMES, SPLIT_VALUES
from trainer.data.readings import Choice, Choices, Reading, preview_of
from trainer.data.tables.records import SIDE_LISTS
from trainer.json_types import Json, JsonObject
from trainer.messages import Message, _
from trainer.named_columns import NAMES
from trainer.suggestion import LANGUAGES

HEADERS, ROWS = ("columns", "headers", "header", "fields", "cols"), ("data", "rows", "values", "records")
KNOWN_COLUMNS = frozenset(word for words in NAMES.values() for word in words.split()) | frozenset().union(
    *ROLE_NAMES.values()
)
OPINION = re.compile(
    r"good|bad|pos|neg|positive|negative|neutral|mixed|spam|ham|toxic|clean|yes|no|true|false|real|fake|(not|non|no)[ _-].+"
    r"|happy|sad|angry|positiv|negativ|gut|schlecht|bueno|malo|positivo|negativo|positif|négatif|正面|负面|好评|差评|中评"
)
"""Names of lists that are labels of the texts in them."""
WORDY = 12
"""Characters of a text of several words."""
LEAST_PAIRS, LONG_KEY = 10, 15
"""So many texts with a value each are records, where they are as long as texts on average."""
EXTENDED = frozenset(["$oid", "$date", "$numberLong", "$numberInt", "$numberDouble", "$numberDecimal", "$uuid"])
"""How MongoDB writes values that JSON has no kind for."""
DYNAMO = frozenset(["S", "N", "BOOL", "NULL", "M", "L", "SS", "NS"])
"""The kinds that DynamoDB writes beside each value."""


def joined_lists(value: JsonObject, choices: Choices, name: str) -> tuple[Json, list[Reading]] | None:
    """The records of lists that are the parts of a split (a column `split` says which), or the texts or records of a label each (a
    column `label`); None where the lists are nothing of that."""
    lists = {key: entry for key, entry in value.items() if isinstance(entry, list) and entry}
    plain = all(not isinstance(entry, list | dict) or not entry for key, entry in value.items() if key not in lists)
    if len(lists) < 2:
        return None
    if len(lists) == len(value) and may_be_classes(lists):
        return classes_or_columns(value, lists, choices, name)
    parts = {key: part_of(key) for key in lists}
    if all(parts.values()) and len(set(parts.values())) > 1:
        column, names = "split", {key: part for key, part in parts.items() if part}
        sentence: Message = _("The lists %(names)s are the parts of one split", names=", ".join(lists))
    elif plain and are_classes(lists):
        column, names = "label", {key: key for key in lists}
        sentence = _(
            "The names of the lists (%(names)s) are labels of what they hold", names=", ".join(list(lists)[:6])
        )
    else:
        return None
    asked = choices.pick("lists", (column, "apart"), name)
    labels = {column: sentence, "apart": _("Each list is one of its own")}
    other = "apart" if asked != "apart" else column
    chosen = asked or column
    confidence = 1.0 if asked else 0.95 if column == "split" else 0.8
    reading = Reading(
        "lists", chosen, labels[chosen], [Choice(other, labels[other])], confidence, name, is_asked=bool(asked)
    )
    if chosen == "apart":
        return {key: records_of(entry) for key, entry in value.items()}, [reading]
    return [with_column(row, column, names[key]) for key, rows in lists.items() for row in rows], [reading]


def records_of(entry: Json) -> Json:
    """A list of texts as one of records."""
    if not isinstance(entry, list) or not all(isinstance(row, str) for row in entry[:100]):
        return entry
    return [{"text": row} for row in entry]


def may_be_classes(lists: dict[str, list[Json]]) -> bool:
    """Whether lists of equal length, each of texts that are all different, stand under names that no task knows a column by: they
    may be columns, or texts under their labels."""
    names = {key.strip().lower() for key in lists}
    if len({len(rows) for rows in lists.values()}) > 1 or names & (KNOWN_COLUMNS | LANGUAGES | SIDE_LISTS):
        return False
    least = 1 if all(map(OPINION.fullmatch, names)) else WORDY
    return all(are_texts(rows, least) for rows in lists.values())


def are_texts(rows: list[Json], least: int) -> bool:
    """Whether these are texts, none of which comes again, and most of so many characters or more in several words."""
    texts = [row for row in rows[:1000] if isinstance(row, str)]
    long = sum(len(text) >= least and (least == 1 or " " in text.strip() or not text.isascii()) for text in texts)
    return len(texts) == len(rows[:1000]) == len(set(texts)) > 1 and 2 * long > len(texts)


def classes_or_columns(
    value: JsonObject, lists: dict[str, list[Json]], choices: Choices, name: str
) -> tuple[Json, list[Reading]]:
    """Lists of as many texts each, as columns or as texts under their labels, with the doubt."""
    asked = choices.pick("lists", ("label", "columns"), name)
    texts = [with_column(row, "label", key) for key, rows in lists.items() for row in rows]
    columns = [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    listed = ", ".join(list(lists)[:6])
    labels: dict[str, Message] = {
        "label": _("The names of the lists (%(names)s) are labels of what they hold", names=listed),
        "columns": _("The lists (%(names)s) are columns of one table", names=listed),
    }
    previews = {
        "label": preview_of(["text", "label"], [[cell_of(rows[0]), key] for key, rows in lists.items()]),
        "columns": preview_of(list(lists), [[cell_of(cell) for cell in row.values()] for row in columns[:3]]),
    }
    chosen = asked or ("label" if all(OPINION.fullmatch(key.strip().lower()) for key in lists) else "columns")
    other = "columns" if chosen == "label" else "label"
    reading = Reading(
        "lists",
        chosen,
        labels[chosen],
        [Choice(other, labels[other], previews[other])],
        1.0 if asked else 0.7 if chosen == "label" else 0.5,
        name,
        preview=previews[chosen],
        is_asked=bool(asked),
    )
    return (texts if chosen == "label" else value), [reading]


def cell_of(value: Json) -> str:
    return value if isinstance(value, str) else ""


def part_of(key: str) -> str | None:
    """The part of a split that a key names: train, validation_set, oos_test."""
    words = key.lower().replace("-", "_").split("_")
    return next((SPLIT_VALUES[word] for word in words if word in SPLIT_VALUES), None) if len(words) < 4 else None


def are_classes(lists: dict[str, list[Json]]) -> bool:
    """Whether lists hold what their names are labels of: texts, in lists of different lengths, or records of the same fields."""
    if {key.lower() for key in lists} & (SIDE_LISTS | ROLE_NAMES["text"] | ROLE_NAMES["label"]):
        return False
    if all(isinstance(row, str) for rows in lists.values() for row in rows[:100]):
        return len({len(rows) for rows in lists.values()}) > 1
    if not all(isinstance(row, dict) for rows in lists.values() for row in rows[:100]):
        return False
    fields = [frozenset(key for row in rows[:100] if isinstance(row, dict) for key in row) for rows in lists.values()]
    return len(set(fields)) == 1 and not fields[0] & {"id", "name", "label"}


def with_column(row: Json, column: str, value: str) -> Json:
    if isinstance(row, dict):
        return row | {column if column not in row else f"{column} of the list": value}
    if isinstance(row, list):
        return {f"column_{place}": cell for place, cell in enumerate(row, 1)} | {column: value}
    return {"text": row, column: value} if isinstance(row, str | int | float) else row


def under_header(value: JsonObject) -> list[Json] | None:
    """Rows of cells with the header that stands beside them, as pandas, Trino, BigQuery and Google Sheets write them."""
    rows = next((value[key] for key in ROWS if holds_lists(value.get(key)) or holds_cells(value.get(key))), None)
    schema = value.get("schema")
    header = next((value[key] for key in HEADERS if isinstance(value.get(key), list) and value[key]), None)
    header = header or (schema.get("fields") if isinstance(schema, dict) else schema)
    if rows is None:
        return None
    cells = [[cell.get("v") for cell in row["f"]] for row in rows] if holds_cells(rows) else rows
    if isinstance(header, list) and header:
        return [[column_name(column) for column in header], *cells]
    return cells if set(value) & {"range", "majorDimension"} else None


def column_name(column: Json) -> str:
    if isinstance(column, list):
        return " ".join(map(str, column))
    named = column.get("name") or column.get("label") or column.get("id") if isinstance(column, dict) else column
    return str(named)


def holds_lists(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, list) for row in value[:100])


def holds_cells(value: Json) -> bool:
    """BigQuery's rows: {"f": [{"v": …}]}."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(row, dict)
            and isinstance(row.get("f"), list)
            and all(isinstance(cell, dict) for cell in row["f"])
            for row in value
        )
    )


def text_pairs(value: JsonObject, choices: Choices, name: str) -> tuple[list[Json], list[Reading]] | None:
    """Texts with a value each ({"I want my money back": "refund", …}) as records; None for an object that is a record. The keys of
    one record may be questions: it is a doubt."""
    if len(value) < LEAST_PAIRS or any(isinstance(entry, list | dict) for entry in value.values()):
        return None
    long = sum(map(len, value)) >= LONG_KEY * len(value) and sum(" " in key.strip() for key in value) > 0.5 * len(value)
    if not long:
        return None
    asked = choices.pick("pairs", ("texts", "apart"), name)
    labels: dict[str, Message] = {
        "texts": _("Each key is a text, and its value the label of it"),
        "apart": _("The keys are columns of one record"),
    }
    chosen, other = asked or "texts", "apart" if asked != "apart" else "texts"
    confidence = 1.0 if asked else 0.95 if len(set(map(str, value.values()))) <= 0.5 * len(value) else 0.5
    reading = Reading(
        "pairs", chosen, labels[chosen], [Choice(other, labels[other])], confidence, name, is_asked=bool(asked)
    )
    if chosen == "apart":
        return [value], [reading]
    return [{"text": key, "label": entry} for key, entry in value.items()], [reading]


# Values with their kinds


def plain_values(records: Sequence[JsonObject]) -> Callable[[JsonObject], JsonObject] | None:
    """What makes plain values of those that a database exports with their kinds; None where there are none."""
    some = [cell for record in records[:50] for cell in record.values() if isinstance(cell, dict)]
    if any(len(cell) == 1 and set(cell) <= EXTENDED for cell in some):
        return lambda record: {key: without_kind(cell) for key, cell in record.items()}
    if records and all(record and all(has_kind(cell) for cell in record.values()) for record in records[:50]):
        return lambda record: {key: of_kind(cell) for key, cell in record.items()}
    return None


def without_kind(cell: Json) -> Json:
    if isinstance(cell, dict) and len(cell) == 1 and set(cell) <= EXTENDED:
        return without_kind(next(iter(cell.values())))
    if isinstance(cell, dict):
        return {key: without_kind(inner) for key, inner in cell.items()}
    return [without_kind(inner) for inner in cell] if isinstance(cell, list) else cell


def has_kind(cell: Json) -> bool:
    return isinstance(cell, dict) and len(cell) == 1 and set(cell) <= DYNAMO


def of_kind(cell: Json) -> Json:
    if not has_kind(cell) or not isinstance(cell, dict):
        return cell
    kind, value = next(iter(cell.items()))
    if kind == "NULL":
        return None
    if kind == "M" and isinstance(value, dict):
        return {key: of_kind(inner) for key, inner in value.items()}
    return [of_kind(inner) for inner in value] if kind == "L" and isinstance(value, list) else value


def with_plain_values(
    lines: Iterable[tuple[int, Json]], plain: Callable[[JsonObject], JsonObject]
) -> Iterator[tuple[int, Any]]:
    for number, value in lines:
        yield number, plain(value) if isinstance(value, dict) else value
