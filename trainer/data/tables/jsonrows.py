"""JSON lines, and JSON documents with a list of objects inside."""

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, TypeGuard

from trainer.data.exports.conversations import may_be_spread
from trainer.data.exports.label_studio import FLAT_COLUMNS
from trainer.data.exports.registry import convert_records, unwrap_document
from trainer.data.readings import Choice, Choices, LeftOut, Reading, preview_of
from trainer.data.tables.json_forms import pages_reading, several_in, unfold_document, unwrap_lines
from trainer.data.tables.json_lists import begins_talk, entries_in, named_rows
from trainer.data.tables.json_repairs import DoubleKey, letters_reading, repaired, value_of, with_letters
from trainer.data.tables.nested import KEEP, cells_reading, object_columns, rows_of, unfold_examples, unfold_lists
from trainer.data.tables.records import Place, find_lists, find_rows, flatten, join_pages, nested_keys
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import BATCH_ROWS, MAX_COLUMNS, MAX_FIELDS, Columns, Table, as_text, check_columns, named
from trainer.data.tables.wide import narrow
from trainer.errors import DataError
from trainer.json_types import Json, JsonObject
from trainer.messages import Message, _, ngettext

MAX_DOCUMENT_CHARACTERS = 256 * 1024**2
MAX_PRINTED = 1_000_000
ROWS_AHEAD = 10_000
"""Objects whose keys settle the columns."""
MAX_BATCH_CELLS, MAX_BATCH_CHARACTERS = 2_000_000, 16_000_000


def open_json(
    lines: Lines, sample: str, name: str, size: int, details: dict[str, Any], choices: Choices | None = None
) -> Table:
    """JSON lines when the first line is a whole object, else one document."""
    first, *later = (line.strip() for line in sample.replace("\0", "").splitlines() if line.strip())
    whole = parsed(first)
    is_talk = begins_talk(first)
    alone = not later and not is_talk and (is_squad(whole) or is_document(whole))
    if first.startswith("{") and not alone and (is_talk or whole is not None or begins_objects(later)):
        return jsonl_table(lines, name, size, details, choices)
    if isinstance(whole, list) and begins_objects(later):  # a line of another form in front
        return jsonl_table(lines, name, size, details, choices)
    return document_table(lines, name, size, details, choices)


def is_document(value: Json) -> bool:
    """Whether a value alone in its file holds records, rather than being one."""
    value = unwrap_document(value)
    if isinstance(value, dict):
        value, _readings = unfold_document(value, Choices(), "")
    return find_rows(value) is not None


def parsed(text: str) -> Json:
    """The JSON value of a line; None when it is none."""
    try:
        return value_of(text)
    except (ValueError, RecursionError):
        return None


def begins_objects(later: list[str]) -> bool:
    """Whether most of the lines after a broken one begin an object of their own."""
    seen = later[:50]
    return sum(line.startswith("{") and len(line) > 1 for line in seen) * 2 > len(seen)


def mended(text: str) -> Json:
    """An object that is nearly JSON, with a comma behind it or as Python prints it; None for anything else."""
    text = text.rstrip(",")
    if (value := parsed(text)) is not None or not text.startswith("{") or len(text) > MAX_PRINTED:
        return value if isinstance(value, dict) else None
    try:
        printed = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return parsed(json.dumps(printed, default=str)) if isinstance(printed, dict) else None


def jsonl_table(lines: Lines, name: str, size: int, details: dict[str, Any], choices: Choices | None = None) -> Table:
    """One object a line; a line that is none is reported."""
    table = Table(name, "jsonl", [], iter(()), size, details)

    def objects() -> Iterator[tuple[int, Json]]:
        for line in lines.each():
            text = line.strip().lstrip("\ufeff")
            if not text:
                continue
            try:
                yield lines.number, value_of(text)
            except json.JSONDecodeError as error:
                value = mended(text)
                if value is None:
                    table.refuse(lines.number, f"is not JSON ({error.msg})")
                else:
                    table.mended.append((lines.number, "is not quite JSON"))
                    yield lines.number, value
            except (ValueError, RecursionError):
                table.refuse(lines.number, "is nested too deeply")

    return object_table(table, objects(), choices)


def document_table(
    lines: Lines, name: str, size: int, details: dict[str, Any], choices: Choices | None = None
) -> Table:
    """The rows inside a JSON document, which is read as a whole; `DataError` where there are none."""
    text = lines.stream.read(MAX_DOCUMENT_CHARACTERS + 1).lstrip("\ufeff")
    if len(text) > MAX_DOCUMENT_CHARACTERS:
        raise DataError(
            _("%(name)s is too large for one JSON document.", name=name),
            code="too_large",
            hint=_("Write one object a line (JSONL)."),
        )
    document, notes = document_of(lettered := with_letters(text), name)
    values, readings = unfold_document(unwrap_document(document), choices or Choices(), name)
    lists = [("", squad_rows(values))] if is_squad(values) else find_lists(values)
    if not lists:
        raise DataError(
            _("%(name)s holds JSON, but no list of rows.", name=name),
            code="bad_json",
            hint=_('It should look like [{"text": "…", "label": "…"}, …].'),
        )
    readings += letters_reading(name) if lettered is not text else []
    table = Table(name, "json", [], iter(()), size, details, readings=readings, left_out=notes)
    return listed_table(table, lists, choices or Choices())


def listed_table(table: Table, lists: list[Place], choices: Choices) -> Table:
    """The rows of the likeliest of a document's lists; the others are told. `DataError` for a list without rows."""
    name = table.name
    path, rows = choose_list(lists, choices, name, table.readings)
    if rows and isinstance(rows[0], list):
        rows = named_rows(rows, table, choices)
    elif rows and all(isinstance(row, str | int | float) for row in rows[:100]):
        rows = [{"text": row} for row in rows]
    if not rows:
        raise DataError(_("%(name)s has no rows.", name=name), code="no_rows", hint=_("Export it again and send that."))
    for other, entries in lists:
        if other == path:
            continue
        sentence = ngettext(
            "The list “%(path)s” with %(count)s entry was not read.",
            "The list “%(path)s” with %(count)s entries was not read.",
            len(entries),
            path=other,
        )
        table.left_out.append(LeftOut("other_list", len(entries), sentence, name))
    return object_table(table, enumerate(rows, 1), choices)


ASSIGNED = re.compile(r"\A\s*(?:(?:var|let|const)\s+)?[\w$][\w.$]*\s*(?:=|\()\s*(?=[\[{])")
"""What stands before the value in a script: `window.YTD.tweets.part0 =`, `callback(`."""
TRAILING = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[\]}])')
"""Strings, which stay, and commas behind the last entry of a list or object."""


def bare_value(text: str) -> Json:
    """A value without a script around it and commas behind the last entries."""
    return value_of(ASSIGNED.sub("", TRAILING.sub(lambda match: match[1] or "", text)).rstrip(";) \r\n"))


def document_of(text: str, name: str) -> tuple[Json, list[LeftOut]]:
    """The value of a document, and what of it is not used; several values one behind the other as a list. `DataError` for
    what is not JSON."""
    try:
        return value_of(text), []
    except json.JSONDecodeError as error:
        try:
            return bare_value(text), []
        except (ValueError, RecursionError):
            pass  # the first fault is told
        if error.msg == "Extra data" and (values := several_in(text)):
            return entries_in(values), []
        if (partly := repaired(text, name, bare_value)) is not None:
            return partly
        raise DataError(
            _(
                "%(name)s is not valid JSON: line %(lineno)s, %(msg)s.",
                name=name,
                lineno=f"{error.lineno:,}",
                msg=error.msg,
            ),
            code="bad_json",
            hint=_("Fix that place, or send one object a line (JSONL) or CSV."),
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(
            _("%(name)s is nested too deeply.", name=name), code="bad_json", hint=_("Send a flat list of objects.")
        ) from error


def choose_list(lists: list[Place], choices: Choices, name: str, readings: list[Reading]) -> Place:
    """The list asked for, or the likeliest; what else could be is told."""
    paths = [path for path, _rows in lists if path]
    asked = choices.pick("records", paths, name) if paths else None
    path, rows = next((place for place in lists if place[0] == asked), lists[0])
    if len(lists) > 1:
        others = [Choice(other, _("The list “%(path)s”", path=other), preview_records(listed)) for other, listed in lists if other != path]  # fmt: skip
        rival = max(len(listed) for other, listed in lists if other != path)
        confidence = 1.0 if asked else 0.95 if rival < 0.5 * len(rows) else 0.7
        sentence: Message = _("Records are the list “%(path)s”", path=path)
        shown = preview_records(rows)
        readings.append(Reading("records", path, sentence, others[:6], confidence, name, preview=shown, is_asked=asked is not None))  # fmt: skip
    joined = join_pages(rows)
    if joined is not rows:
        readings.append(pages_reading(len(rows), name))
    return path, joined


def preview_records(rows: list[Any]) -> JsonObject:
    some = [row for row in rows[:3] if isinstance(row, dict)]
    names = list(dict.fromkeys(key for row in some for key in row))
    return preview_of(names, [[as_text(row.get(name)) for name in names] for row in some])


def is_squad(value: Json) -> TypeGuard[JsonObject]:
    """Articles of paragraphs of questions, as SQuAD and its translations lay them."""
    articles = value.get("data") if isinstance(value, dict) else None
    first = articles[0] if isinstance(articles, list) and articles else None
    return isinstance(first, dict) and isinstance(first.get("paragraphs"), list)


def squad_rows(value: JsonObject) -> list[Json]:
    """A row a question: id, title, context, question, answers [{"text", "answer_start"}]. What has another form stays
    no object, so that it is reported with its number."""
    rows: list[Json] = []
    for article in value["data"]:
        paragraphs = article.get("paragraphs") if isinstance(article, dict) else None
        for paragraph in paragraphs if isinstance(paragraphs, list) else [None]:
            questions = paragraph.get("qas") if isinstance(paragraph, dict) else None
            for question in questions if isinstance(questions, list) else [None]:
                if paragraph is None or not isinstance(question, dict) or "question" not in question:
                    rows.append(None)
                    continue
                rows.append(
                    {
                        "id": question.get("id"),
                        "title": article.get("title"),
                        "context": paragraph.get("context"),
                        "question": question["question"],
                        "answers": answers_of(question),
                    }
                )
    return rows


def answers_of(question: JsonObject) -> Json:
    """An empty list where the question is said to have none; None where nothing is said of answers."""
    if question.get("answers") or "answers" in question or question.get("is_impossible"):
        return question.get("answers") or []
    return None


def folded(key: str) -> str:
    """Keys that differ only in capitals or blanks are one column."""
    return key.strip().casefold()


def keys_of(rows: list[dict[str, Any]], name: str) -> tuple[list[str], dict[str, int]]:
    """The keys of all rows as they first stand, and the place of each, by itself or folded. Keys of one record that differ
    only in capitals have a place each. `DataError` for too many."""
    columns: dict[str, str] = {}
    apart: dict[str, str] = {}
    for row in rows:
        for key in row:
            columns.setdefault(folded(key), key)
        if len(columns) > MAX_FIELDS:
            check_columns(list(columns), name, MAX_FIELDS)
        counts = Counter(map(folded, row)) if len({*map(folded, row)}) < len(row) else Counter()
        apart |= {key: columns[fold] for key in row if counts[fold := folded(key)] > 1 and key != columns[fold]}
    keys = [*columns.values(), *apart]
    places = {fold: place for place, fold in enumerate(columns)}
    places |= {key: keys.index(key) for pair in apart.items() for key in pair}
    return keys, places


def double_names(keys: list[str], repeated: set[str], name: str) -> list[Reading]:
    """What is told of fields that would have come to one name, besides those that records have by themselves."""
    folds = Counter(map(folded, keys))
    made = [key for key in keys if key not in repeated and DOUBLE.sub("", key) in keys and DOUBLE.search(key)]
    made += [key for key in keys if folds[folded(key)] > 1 or isinstance(key, DoubleKey)]
    if not made:
        return []
    sentence = _(
        "Fields of one record with the same name are kept apart: %(names)s", names=", ".join(dict.fromkeys(made[:10]))
    )
    return [Reading("names", "apart", sentence, file=name)]


DOUBLE = re.compile(r" \(\d+\)$")


def object_table(
    table: Table,
    objects: Iterable[tuple[int, Json]],
    choices: Choices | None = None,
    parsed: frozenset[str] = frozenset(),
) -> Table:
    """Rows from objects: the columns are the keys of the first ten thousand; what is not an object is reported. Those of a
    labelling tool's export are rows by what it says. `parsed`: keys whose objects are flattened, even where a record has
    something else there."""
    choices = choices or Choices()
    objects = convert_records(table, unwrap_lines(objects, table, choices), choices)
    ahead: list[dict[str, Any]] = []

    def usable() -> Iterator[dict[str, Any]]:
        for number, value in objects:
            if isinstance(value, dict):
                yield value
            else:
                table.refuse(number, "is not an object with named fields")

    stream = usable()
    for value in stream:
        ahead.append(value)
        if len(ahead) >= ROWS_AHEAD:
            break
    given = set().union(*ahead)
    if nested := nested_keys(ahead) | parsed:
        ahead = [flatten(value, nested) for value in ahead]
        stream = flattened(stream, nested)
    if "export" not in table.details:
        ahead, stream = unfold_lists(table, ahead, stream, choices)
        ahead, stream = unfold_examples(table, ahead, stream, choices)
    keys, places = keys_of(ahead, table.name)
    table.columns = named(as_text(key) for key in keys)
    if not keys:
        if not table.bad_count and not table.left_out:
            table.refuse(1, "has no named fields")
        table.columns = ["column 1"]
        return table
    table.readings += double_names(keys, given, table.name)
    table.batches = batches(places, ahead, stream, table)
    narrow(table)
    return table


def flattened(stream: Iterator[dict[str, Any]], nested: set[str]) -> Iterator[dict[str, Any]]:
    return (flatten(value, nested) for value in stream)


def batches(
    places: dict[str, int], ahead: list[dict[str, Any]], stream: Iterator[dict[str, Any]], table: Table
) -> Iterator[Columns]:
    width = max(places.values()) + 1
    most = max(1, min(BATCH_ROWS, MAX_BATCH_CELLS // width))
    rows: list[list[str | None]] = []
    characters = 0
    for source in (ahead, stream):
        for value in source:
            row: list[str | None] = [None] * width
            for key, cell in value.items():
                place = places.get(key)
                place = places.get(folded(key)) if place is None else place
                if place is None or row[place] is not None:
                    if cell is not None and (key in table.late or len(table.late) < MAX_COLUMNS):
                        table.late[key] += 1
                else:
                    row[place] = text = as_text(cell)
                    characters += len(text or "")
            rows.append(row)
            if len(rows) >= most or characters > MAX_BATCH_CHARACTERS:
                yield list(zip(*rows, strict=True))
                rows, characters = [], 0
    if rows:
        yield list(zip(*rows, strict=True))


def convert_table(table: Table, choices: Choices) -> Table:
    """A table of cells as rows where its columns are those of a labelling tool that writes JSON into cells, or where cells hold
    objects as JSON; else as it is."""
    if "export" in table.details or table.format in ("json", "jsonl", "xml", "yaml", "toml"):
        return table
    if set(table.columns) >= FLAT_COLUMNS:
        return object_table(table, rows_of(table, table.batches, set()), choices)
    first = next(table.batches, None)
    if first is None:
        return table
    table.batches = chain([first], table.batches)
    flat, lists = set(), set()
    if may_be_spread(table.columns, first):
        return object_table(table, rows_of(table, table.batches, set()), choices)
    for name, is_list in object_columns(table.columns, first).items():
        if not is_list:
            asked = choices.pick("cells", ("flatten", KEEP), table.name, name)
            chosen = asked or "flatten"
            table.readings.append(cells_reading(name, table.name, chosen, asked is not None))
            flat |= {name} if chosen == "flatten" else set()
        else:
            lists.add(name)
    if not flat | lists:
        return table
    return object_table(table, rows_of(table, table.batches, flat | lists), choices, frozenset(flat))
