"""spaCy: documents as `doc.to_json()` and a DocBin have them: a text with `ents`, `cats`, or both."""

from collections.abc import Iterator, Sequence

from trainer.data.exports.base import Conversion, Export, most_have
from trainer.data.exports.doccano import parse_any
from trainer.data.exports.spans import Span
from trainer.json_types import JsonObject

OWN_FIELDS = frozenset({"text", "ents", "cats", "tokens", "sents", "spans"})
SURE = 0.5


def is_document(record: JsonObject) -> bool:
    return isinstance(record.get("text"), str) and (isinstance(record.get("ents"), list) or is_hard(record.get("cats")))


def is_hard(cats: object) -> bool:
    """Whether categories are said to be so or not, rather than likely."""
    return isinstance(cats, dict) and bool(cats) and all(value in (0, 1) for value in cats.values())


def recognise(records: Sequence[JsonObject]) -> bool:
    return most_have(records, is_document)


def chosen_of(record: JsonObject) -> list[str]:
    cats = record.get("cats")
    if not isinstance(cats, dict):
        return []
    return [name for name, value in cats.items() if isinstance(value, int | float) and value > SURE]


def spans_of(record: JsonObject) -> list[Span]:
    listed = record.get("ents")
    return [span for entry in (listed if isinstance(listed, list) else []) if (span := parse_any(entry))]


def prepare(records: Sequence[JsonObject], conversion: Conversion) -> None:
    """`labels`: how many records have passages, and how many have categories."""
    spans = [spans_of(record) for record in records]
    conversion.labels["ents"] = sum(map(bool, spans))
    conversion.labels["cats"] = sum(bool(record.get("cats")) for record in records)
    if conversion.labels["ents"]:
        conversion.decide_unit((str(record.get("text")), some) for record, some in zip(records, spans, strict=True))
    if any(len(chosen_of(record)) > 1 for record in records):
        conversion.multiple = {"label"}
    if not conversion.labels["ents"]:
        conversion.suggested = {"text": "text", "labels" if conversion.multiple else "label": "label"}


def convert(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    others = {name: value for name, value in record.items() if name not in OWN_FIELDS}
    if isinstance(record.get("spans"), dict) and record["spans"]:
        conversion.passed_over["spans"] += 1
    chosen = chosen_of(record)
    if conversion.labels["cats"]:
        others["label"] = chosen if conversion.multiple else next(iter(chosen), None)
    if not conversion.labels["ents"]:
        if chosen or (conversion.multiple and record.get("cats")):
            yield {"text": record.get("text")} | others
        else:
            conversion.leave_out("unlabelled", record)
    elif isinstance(record.get("ents"), list):
        yield from conversion.tag(str(record.get("text") or ""), spans_of(record), others)
    else:
        conversion.leave_out("unlabelled", record)


EXPORTS = (Export("spacy", "spaCy", recognise, convert, prepare),)
