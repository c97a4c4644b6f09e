"""Pictures or sounds inside the rows of Parquet and Arrow, as the hub keeps them: {bytes, path}, or bytes alone, or lists of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from trainer.data import hub_boxes
from trainer.data.annotations import Boxes
from trainer.data.archives import Archive, Entry
from trainer.data.gathering import Meter
from trainer.data.media_archives import finish_collection
from trainer.data.media_cells import sniff
from trainer.data.media_files import Collection, MediaRow
from trainer.data.memory import check_declared
from trainer.data.readings import Choice, Choices, LeftOut, Reading
from trainer.data.tables.columnar import Columnar, is_columnar, open_columnar
from trainer.data.tables.hub_features import features_of, has_names, with_names
from trainer.data.tables.table import as_text, check_columns, named
from trainer.json_types import JsonObject
from trainer.messages import _, ngettext

SNIFFED, BATCH_BYTES, MAX_BATCH = 20, 16 << 20, 500
WHAT = "media_column"
LISTS, EACH, FIRST = "media_lists", "each", "first"
RECORD = "record"
"""The column that says which row of the file a picture of several is from."""
COPIES = 3
"""Of a group of rows in memory while it is unpacked: pyarrow was measured at 2.1."""


@dataclass
class Records:
    """An open file with a picture or a sound in each row. `column`: which holds it; `objects`: which holds boxes, "" for none;
    `others`: further columns of pictures or sounds."""

    path: Path
    name: str
    source: Columnar
    kind: str
    column: str
    others: list[str] = field(default_factory=list)
    objects: str = ""
    most: int = 1
    """Pictures or sounds in one cell."""
    features: JsonObject = field(default_factory=dict)

    @property
    def batch_rows(self) -> int:
        """As many as have a few MB."""
        return max(1, min(MAX_BATCH, BATCH_BYTES * max(self.source.rows, 1) // max(self.source.unpacked, 1)))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Cells by column, a few MB of rows at a time."""
        for batch in self.source.read(self.batch_rows):
            for row in batch.to_pylist():
                yield {
                    name: with_names(value, self.features[name]) if has_names(self.features.get(name)) else value
                    for name, value in row.items()
                }


def open_records(path: Path, name: str, choices: Choices) -> Records | None:
    """None for a file of another kind, and for a table without pictures or sounds in it."""
    if not path.is_file():
        return None  # whoever opens tables says so
    with path.open("rb") as file:
        if not is_columnar(file.read(8)):
            return None
    source = open_columnar(path, name)
    candidates = [column.name for column in source.schema if may_hold_media(column.type)]
    if not candidates or len(set(source.schema.names)) < len(source.schema.names):
        return None
    check_columns(source.schema.names, name)
    check_declared(name, source.rows, len(source.schema.names), COPIES * source.largest)
    records = Records(path, name, source, "", "", features=features_of(source.schema))
    sample = list(islice(records.rows(), SNIFFED))
    kinds = {column: kind for column in candidates if (kind := kind_of(sample, column))}
    if not kinds:
        return None
    records.column = choices.pick(WHAT, kinds, name) or next(iter(kinds))
    records.kind = kinds[records.column]
    records.others = [column for column in kinds if column != records.column]
    records.most = most_of(records, source.schema.field(records.column).type)
    if records.kind == "image" and records.most < 2:
        records.objects = next((column for column in source.schema.names if holds_boxes(sample, column)), "")
    return records


def may_hold_media(kind: pa.DataType) -> bool:
    if is_list(kind):
        return not is_list(kind.value_type) and may_hold_media(kind.value_type)
    if pa.types.is_struct(kind):
        return any(kind[n].name == "bytes" and is_bytes(kind[n].type) for n in range(kind.num_fields))
    return is_bytes(kind)


def is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def most_of(records: Records, kind: pa.DataType) -> int:
    """How many pictures or sounds a cell holds at most: a first pass over the rows where cells are lists."""
    if not is_list(kind):
        return 1
    lengths = (
        pc.max(pc.list_value_length(batch.column(records.column))).as_py()
        for batch in records.source.read(records.batch_rows)
    )
    return max((length or 1 for length in lengths), default=1)


def payload_of(value: object) -> tuple[bytes, str]:
    """(bytes, the path that the cell gives), each empty where there is none."""
    if isinstance(value, dict):
        return value.get("bytes") or b"", str(value.get("path") or "")
    return (value, "") if isinstance(value, bytes) else (b"", "")


def payloads_of(value: object) -> list[tuple[bytes, str]]:
    """The same of each entry of a list; of any other cell its own. One that is empty where the cell is."""
    if isinstance(value, list):
        return [payload_of(entry) for entry in value] or [(b"", "")]
    return [payload_of(value)]


def kind_of(sample: list[dict[str, Any]], column: str) -> str | None:
    """image or audio, whichever most of the cells are that are not empty."""
    payloads = [data for row in sample for data, _path in payloads_of(row[column]) if data]
    kinds = [sniffed[0] for data in payloads if (sniffed := sniff(data))]
    return max(kinds, key=kinds.count) if kinds and len(kinds) >= 0.5 * len(payloads) else None


def holds_boxes(sample: list[dict[str, Any]], column: str) -> bool:
    values = [row[column] for row in sample if isinstance(row[column], dict | list)]
    read = [hub_boxes.boxes_of(value) for value in values]
    return any(read) and all(boxes is not None for boxes in read)


def read_records(records: Records, folder: Path, meter: Meter, choices: Choices) -> Collection:
    """A row for each picture or sound that can be decoded; the others are told. Raises `DataError` where none can."""
    collection = Collection(records.kind, records.path.suffix.lower().strip(".") or "parquet")
    collection.layout = "arrow" if collection.layout != "parquet" else "parquet"
    form = ""
    if records.objects:
        form, reading = choose_box_form(records, choices)
        collection.boxes = Boxes()
        collection.bad = collection.boxes.bad
        collection.readings.append(reading)
    if records.others:
        collection.readings.append(column_reading(records, choices))
    choice = choices.pick(LISTS, (EACH, FIRST), records.name) if records.most > 1 else None
    if records.most > 1:
        collection.readings.append(list_reading(records, choice))
        collection.group = RECORD if choice != FIRST else None
    archive = Archive(records.name, records.path)
    rows = media_rows(records, collection, form, archive)
    return finish_collection(archive, rows, collection, folder, meter)


def media_rows(records: Records, collection: Collection, form: str, archive: Archive) -> Iterator[MediaRow]:
    """One after the other, their bytes with them. What holds nothing is lost and told."""
    titles = dict(zip(records.source.schema.names, named(records.source.schema.names), strict=True))
    left = {records.column, records.objects, *records.others}
    reserved = {records.kind, "file", *([collection.group] if collection.group else [])}
    seen: set[str] = set()
    further = 0
    for number, row in enumerate(records.rows(), 1):
        payloads = payloads_of(row[records.column])
        if records.most > 1 and not collection.group:
            further += len(payloads) - 1
            payloads = payloads[:1]
        cells = {
            (f"{titles[column]} (table)" if titles[column] in reserved else titles[column]): cell_text(value)
            for column, value in row.items()
            if column not in left
        }
        if collection.group:
            cells[collection.group] = str(number)
        for data, path in payloads:
            if not data:
                where = f"row {number}" + (f" ({path[-80:]})" if path else "")
                reason = "names a file that was not sent along" if path else "holds no picture or sound"
                collection.lost.append((where, reason))
                continue
            sniffed = sniff(data)
            name = unique_name(path, number, sniffed[1] if sniffed else "", seen)
            if collection.boxes is not None:
                size = hub_boxes.image_size(data)
                hub_boxes.add_boxes(collection.boxes, name, row[records.objects], form, size)
            yield MediaRow(Entry(name, len(data), data), cells)
    leave_out_further(records, collection, further)


def leave_out_further(records: Records, collection: Collection, count: int) -> None:
    """Pictures or sounds behind the first of a row, where only the first is wanted."""
    if count:
        sentence = ngettext(
            "%(count)s image or recording behind the first of its row was left out.",
            "%(count)s images or recordings behind the first of their row were left out.",
            count,
        )
        collection.left_out.append(LeftOut("further_media", count, sentence, records.name))


def cell_text(value: object) -> str | None:
    if isinstance(value, dict | list):
        return as_text(json.dumps(value, ensure_ascii=False, default=str))
    return as_text(value)


def unique_name(path: str, number: int, suffix: str, seen: set[str]) -> str:
    """The name that the cell gives, where no other row has it; a number otherwise."""
    name = " ".join(path.replace("\\", "/").rsplit("/", 1)[-1][-200:].split())
    if not name or name in seen:
        name = f"{number:06}{suffix}"
        count = 2
        while name in seen:
            name, count = f"{number:06}-{count}{suffix}", count + 1
    elif "." not in name:
        name += suffix
    seen.add(name)
    return name


def choose_box_form(records: Records, choices: Choices) -> tuple[str, Reading]:
    """What the four numbers are, and the reading that says it."""
    asked = choices.pick("boxes", hub_boxes.FORMS, records.name)
    samples = []
    for row in islice(records.rows(), 10 * SNIFFED):
        size = hub_boxes.image_size(payload_of(row[records.column])[0])
        samples += [(box, size) for _label, box in hub_boxes.boxes_of(row[records.objects]) or [] if box and size]
    form, confidence = hub_boxes.form_of_boxes(samples)
    labels = {
        hub_boxes.SIDES: _("left, top, width, height in pixels"),
        hub_boxes.CORNERS: _("left, top, right, bottom in pixels"),
        hub_boxes.SHARES: _("left, top, width, height as fractions of the image"),
    }
    chosen = asked or form
    sentence = _("Boxes in “%(column)s” are %(form)s.", column=records.objects, form=labels[chosen])
    others = [Choice(value, label) for value, label in labels.items() if value != chosen]
    return chosen, Reading(
        "boxes", chosen, sentence, others, 1.0 if asked else confidence, records.name, is_asked=asked is not None
    )


def column_reading(records: Records, choices: Choices) -> Reading:
    sentence = _("“%(column)s” is the input; other columns of images or audio are not kept.", column=records.column)
    is_asked = choices.get(WHAT, records.name) is not None
    others = [Choice(column, column) for column in records.others]
    return Reading(WHAT, records.column, sentence, others, 1.0 if is_asked else 0.8, records.name, is_asked=is_asked)


def list_reading(records: Records, asked: str | None) -> Reading:
    """What becomes of rows with several pictures or sounds."""
    chosen = asked or EACH
    labels = {EACH: _("A row for each image or recording"), FIRST: _("The first image or recording of each row")}
    sentences = {
        EACH: _(
            "“%(column)s” holds several in a row: each became a row with the other cells repeated; those of one row stay together",
            column=records.column,
        ),
        FIRST: _("“%(column)s” holds several in a row: the first was read", column=records.column),
    }
    other = FIRST if chosen == EACH else EACH
    confidence = 1.0 if asked else 0.7
    return Reading(LISTS, chosen, sentences[chosen], [Choice(other, labels[other])], confidence, records.name, is_asked=asked is not None)  # fmt: skip
