"""Rasa's examples with an intent and entities, which `rasa_files` gathers, and as its JSON and Dialogflow's have them."""

from collections.abc import Iterator, Sequence

from trainer.data.exports.base import Conversion, Export, most_have
from trainer.data.exports.doccano import parse_any
from trainer.data.exports.spans import Span
from trainer.json_types import JsonObject


def is_rasa(records: Sequence[JsonObject]) -> bool:
    """As `write_records` makes them, or Rasa's and Dialogflow's JSON of examples."""
    return most_have(
        records,
        lambda record: (
            isinstance(record.get("text"), str) and "intent" in record and isinstance(record.get("entities"), list)
        ),
    )


def spans_of(record: JsonObject) -> list[Span]:
    return [span for entry in record.get("entities") or [] if (span := parse_any(entry))]


def prepare(records: Sequence[JsonObject], conversion: Conversion) -> None:
    """`labels`: how many records have entities."""
    conversion.labels["entities"] = sum(bool(spans_of(record)) for record in records)
    conversion.decide_unit(
        (record["text"], spans_of(record)) for record in records if isinstance(record.get("text"), str)
    )
    conversion.suggested = {"text": "text", "label": "intent"}


def convert(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    text, kind = record.get("text"), record.get("rasa", "intent")
    if not isinstance(text, str) or not text.strip():
        conversion.leave_out("blank", record)
    elif kind != "intent":
        conversion.passed_over[f"{kind} {record['intent']}"] += 1
    elif conversion.labels["entities"]:
        others = {name: value for name, value in record.items() if name not in ("text", "entities", "rasa")}
        yield from conversion.tag(text, spans_of(record), others)
    else:
        yield {name: value for name, value in record.items() if name not in ("entities", "rasa")}


EXPORTS = (Export("rasa", "Rasa", is_rasa, convert, prepare),)
