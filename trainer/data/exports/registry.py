"""Every export of a labelling tool that is a list of records, and the reading of records by the first that knows them."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from trainer.data.exports import (
    app_store,
    argilla,
    assistants,
    brat,
    conversations,
    doccano,
    label_studio,
    messengers,
    prodigy,
    rasa,
    spacy,
    typeform,
    uima,
)
from trainer.data.exports.base import Conversion, Export
from trainer.data.exports.spans import UNITS
from trainer.data.readings import Choices
from trainer.data.tables.table import Table
from trainer.json_types import Json, JsonObject

RECORDS_AHEAD = 2_000
"""Records by which an export is recognised, and its columns and offsets are decided."""
EXPORTS: tuple[Export, ...] = (
    *brat.EXPORTS,
    *uima.EXPORTS,
    *rasa.EXPORTS,
    *label_studio.EXPORTS,
    *prodigy.EXPORTS,
    *argilla.EXPORTS,
    *messengers.EXPORTS,
    *app_store.EXPORTS,
    *typeform.EXPORTS,
    *assistants.EXPORTS,
    *conversations.EXPORTS,
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
    table.suggested, table.apart = conversion.suggested, conversion.apart
    return convert(chain(ahead, stream), export, conversion, table)


def find_export(records: list[JsonObject]) -> Export | None:
    return next((export for export in EXPORTS if records and export.recognise(records)), None)


def convert(
    numbered: Iterable[tuple[int, Json]], export: Export, conversion: Conversion, table: Table
) -> Iterator[tuple[int, Json]]:
    for number, value in numbered:
        if isinstance(value, dict):
            conversion.number = number
            for row in export.convert(value, conversion):
                yield number, row
        else:
            yield number, value
    table.readings += conversion.readings()
    table.left_out += conversion.all_left_out()


def unwrap_document(value: Json) -> Json:
    """Lists of [text, {"entities": …}], as spaCy's are, and spaCy's documents of paragraphs, as lists of records; any other
    document as it is."""
    value = app_store.feed_entries(messengers.telegram_chats(value))
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
    """A document of spaCy 2: a text with its entities and categories for each paragraph, or tokens and tags (BILUO) for each sentence."""
    records: list[Json] = []
    for paragraph in entry.get("paragraphs", []) if isinstance(entry, dict) else []:
        if not isinstance(paragraph, dict):
            continue
        listed = paragraph.get("sentences")
        sentences = [tokens_of(sentence) for sentence in (listed if isinstance(listed, list) else [])]
        categories = categories_of(paragraph.get("cats"))
        tagged = [tokens for tokens in sentences if tokens and all("ner" in token for token in tokens)]
        if isinstance(paragraph.get("entities"), list) or (
            categories and not any(is_marked(tokens) for tokens in tagged)
        ):
            text = paragraph.get("raw") or " ".join(str(token["orth"]) for tokens in sentences for token in tokens)
            entities = {"ents": paragraph["entities"]} if isinstance(paragraph.get("entities"), list) else {}
            records.append({"text": text} | entities | ({"cats": categories} if categories else {}))
            continue
        label = {"label": [name for name, value in categories.items() if value > 0.5]} if categories else {}
        for tokens in tagged:
            tags = [from_biluo(str(token["ner"])) for token in tokens]
            records.append({"tokens": [str(token["orth"]) for token in tokens], "tags": tags} | label)
    return records


def tokens_of(sentence: Json) -> list[JsonObject]:
    listed = sentence.get("tokens") if isinstance(sentence, dict) else None
    return [
        token for token in (listed if isinstance(listed, list) else []) if isinstance(token, dict) and "orth" in token
    ]


def is_marked(tokens: list[JsonObject]) -> bool:
    return any(str(token["ner"]) not in ("O", "-", "") for token in tokens)


def categories_of(listed: Json) -> dict[str, float]:
    """{name: value} of [{"label", "value"}]."""
    some = [
        entry for entry in (listed if isinstance(listed, list) else []) if isinstance(entry, dict) and "label" in entry
    ]
    return {str(entry["label"]): float(entry["value"]) for entry in some if isinstance(entry.get("value"), int | float)}


def from_biluo(tag: str) -> str:
    """B-, I-, L- (last), U- (only) → B-, I-."""
    begin, dash, label = tag.partition("-")
    return ({"L": "I", "U": "B"}.get(begin, begin) + dash + label) if dash else "O"
