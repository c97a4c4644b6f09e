"""Every export of a labelling tool that is a list of records, and the reading of records by the first that knows them."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from trainer.data.exports import argilla, brat, doccano, label_studio, messengers, prodigy, spacy
from trainer.data.exports.base import Conversion, Export
from trainer.data.exports.spans import UNITS
from trainer.data.readings import Choices
from trainer.data.tables.table import Table
from trainer.json_types import Json, JsonObject

RECORDS_AHEAD = 2_000
"""Records by which an export is recognised, and its columns and offsets are decided."""
EXPORTS: tuple[Export, ...] = (
    *brat.EXPORTS,
    *label_studio.EXPORTS,
    *prodigy.EXPORTS,
    *argilla.EXPORTS,
    *messengers.EXPORTS,
    *spacy.EXPORTS,
    *doccano.EXPORTS,
)


def convert_records(table: Table, numbered: Iterable[tuple[int, Json]], choices: Choices) -> Iterable[tuple[int, Json]]:
    """The records of a file as rows where they are an export of a labelling tool, else as they are. `numbered`: (line or number,
    value). What was read how is told to the table once the last has passed."""
    stream = iter(numbered)
    ahead: list[tuple[int, Json]] = []
    for pair in stream:
        ahead.append(pair)
        if len(ahead) >= RECORDS_AHEAD:
            break
    records = [value for _number, value in ahead if isinstance(value, dict)]
    export = find_export(records)
    if export is None:
        return chain(ahead, stream)
    conversion = Conversion(export.title, table.name)
    export.prepare(records, conversion)
    if unit := choices.pick("offsets", UNITS, table.name):
        conversion.unit, conversion.is_unit_asked = unit, True
    table.details["export"] = export.slug
    table.suggested = conversion.suggested
    return convert(chain(ahead, stream), export, conversion, table)


def find_export(records: list[JsonObject]) -> Export | None:
    return next((export for export in EXPORTS if records and export.recognise(records)), None)


def convert(
    numbered: Iterable[tuple[int, Json]], export: Export, conversion: Conversion, table: Table
) -> Iterator[tuple[int, Json]]:
    for number, value in numbered:
        if isinstance(value, dict):
            for row in export.convert(value, conversion):
                yield number, row
        else:
            yield number, value
    table.readings += conversion.readings()
    table.left_out += conversion.all_left_out()


def unwrap_document(value: Json) -> Json:
    """Lists of [text, {"entities": …}], as spaCy's are, and spaCy's documents of paragraphs, as lists of records; any other
    document as it is."""
    value = messengers.telegram_chats(value)
    listed: Any = value
    if isinstance(value, dict) and isinstance(value.get("annotations"), list) and "images" not in value:
        listed = value["annotations"]
    if not isinstance(listed, list) or not listed:
        return value
    pairs = [entry for entry in listed if entry]
    if pairs and all(is_pair(entry) for entry in pairs[:100]):
        return [pair_record(entry) for entry in pairs]
    if all(isinstance(entry, dict) and isinstance(entry.get("paragraphs"), list) for entry in listed[:100]):
        records = [record for entry in listed for record in paragraph_records(entry)]
        return records or value
    return value


def is_pair(entry: Json) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == 2
        and isinstance(entry[0], str)
        and isinstance(entry[1], dict)
        and bool({"entities", "cats"} & set(entry[1]))
    )


def pair_record(entry: Json) -> Json:
    if not is_pair(entry) or not isinstance(entry, list):
        return None  # reported as no object
    return {"text": entry[0]} | {name: value for name, value in entry[1].items() if name in ("entities", "cats")}


def paragraph_records(entry: Json) -> list[Json]:
    """Tokens and tags (BILUO) of each sentence of a document of spaCy 2."""
    records: list[Json] = []
    for paragraph in entry.get("paragraphs", []) if isinstance(entry, dict) else []:
        sentences = paragraph.get("sentences") if isinstance(paragraph, dict) else None
        for sentence in sentences if isinstance(sentences, list) else []:
            tokens = [token for token in sentence.get("tokens", []) if isinstance(token, dict) and "orth" in token]
            if tokens and all("ner" in token for token in tokens):
                tags = [from_biluo(str(token["ner"])) for token in tokens]
                records.append({"tokens": [str(token["orth"]) for token in tokens], "tags": tags})
    return records


def from_biluo(tag: str) -> str:
    """B-, I-, L- (last), U- (only) → B-, I-."""
    begin, dash, label = tag.partition("-")
    return ({"L": "I", "U": "B"}.get(begin, begin) + dash + label) if dash else "O"
