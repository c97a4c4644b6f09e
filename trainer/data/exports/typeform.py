"""Answers to a form as Typeform's API has them: `items` of `answers`, each with its field and a value under the name of its type."""

from collections.abc import Iterator, Sequence

from trainer.data.exports.base import Conversion, Export, most_have
from trainer.json_types import Json, JsonObject

VALUES = (
    "text", "number", "boolean", "choice", "choices", "email", "date", "url", "file_url", "phone_number", "payment", "multi_format",
)  # fmt: skip
"""Types of answers, which are the keys of their values."""
REACHED = ("email", "phone_number", "url", "file_url", "payment")
"""How somebody is reached, or what they sent."""
TECHNICAL = ("landing_id", "token", "response_id", "landed_at", "submitted_at", "metadata", "calculated", "hidden")


def are_answers(value: Json) -> bool:
    return isinstance(value, list) and all(
        isinstance(answer, dict) and isinstance(answer.get("field"), dict) and isinstance(answer.get("type"), str)
        for answer in value
    )


def is_typeform(records: Sequence[JsonObject]) -> bool:
    """Whoever left at once has answered nothing."""
    return any(record.get("answers") for record in records) and most_have(
        records, lambda record: "landing_id" in record and are_answers(record.get("answers") or []), 0.9
    )


def answers_of(record: JsonObject) -> list[JsonObject]:
    """[] for a record of another form."""
    listed = record.get("answers")
    return [answer for answer in listed if isinstance(answer, dict)] if isinstance(listed, list) and are_answers(listed) else []  # fmt: skip


def value_of(answer: JsonObject) -> Json:
    """What was chosen by its name, several as a list; anything else as it is."""
    value = answer.get(str(answer.get("type")))
    if value is None:
        value = next((answer[name] for name in VALUES if name in answer), None)
    if not isinstance(value, dict):
        return value
    if "labels" in value or "ids" in value:
        return [*as_list(value.get("labels") or []), *([value["other"]] if value.get("other") else [])]
    return value.get("label") or value.get("other") or value


def name_of(field: JsonObject) -> str:
    """The question, as far as the answer says it: its title, else the name that its author gave it."""
    return str(field.get("title") or field.get("ref") or field.get("id") or "answer")


def convert(record: JsonObject, _conversion: Conversion) -> Iterator[JsonObject]:
    """A column for each question, behind what the form says of the visit; two answers to one question are a list."""
    if not are_answers(record.get("answers") or []):
        yield record
        return
    row: JsonObject = {key: value for key, value in record.items() if key != "answers"}
    for answer in answers_of(record):
        name, value = name_of(answer["field"]), value_of(answer)
        if name in row and name in TECHNICAL:
            name = f"{name} (2)"
        row[name] = value if name not in row else [*as_list(row[name]), *as_list(value)]
    yield row


def as_list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def prepare(records: Sequence[JsonObject], conversion: Conversion) -> None:
    """Who came, when and with what is no label unless somebody says so."""
    keys = {key for record in records for key, value in record.items() if not isinstance(value, dict)}
    inner = {
        f"{key}.{name}"
        for record in records
        for key in ("metadata", "calculated")
        if isinstance(record.get(key), dict)
        for name in record[key]
    }
    reached = {
        name_of(answer["field"]) for record in records for answer in answers_of(record) if answer.get("type") in REACHED
    }
    conversion.apart = frozenset((keys & set(TECHNICAL)) | inner | reached)


EXPORTS = (Export("typeform", "Typeform", is_typeform, convert, prepare),)
