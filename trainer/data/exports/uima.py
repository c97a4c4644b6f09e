"""Documents of UIMA, which `uima_files` gathers: passages of one type become tags; sentences of WebAnno TSV have theirs already."""

from collections import Counter
from collections.abc import Iterator, Sequence

from trainer.data.exports.base import Conversion, Export, parse_span
from trainer.data.exports.spans import Span
from trainer.json_types import Json, JsonObject

NAMED = "NamedEntity"
LABELS = ("value", "label", "identifier", "PosValue", "category")


def is_uima(records: Sequence[JsonObject]) -> bool:
    """Whether all are as `uima_files` writes them; a field `cas` of people's own may be the number of a substance."""
    return all("document" in record and (is_cas(record) or is_sentence(record)) for record in records)


def is_cas(record: JsonObject) -> bool:
    cas = record.get("cas")
    return isinstance(cas, dict) and isinstance(cas.get("text"), str) and is_marked(cas.get("marks"))


def is_marked(marks: Json) -> bool:
    return isinstance(marks, list) and all(isinstance(mark, list) and len(mark) > 3 for mark in marks)


def is_sentence(record: JsonObject) -> bool:
    return isinstance(record.get("webanno"), dict)


def prepare(records: Sequence[JsonObject], conversion: Conversion) -> None:
    """`labels`: the type of which most is marked comes first, named entities before all."""
    counts = Counter(str(mark[0]) for record in records for mark in marks_of(record) if label_of(mark))
    conversion.labels = Counter({NAMED: 1} if NAMED in counts else dict(counts.most_common(1)))
    conversion.decide_unit(
        (str(record["cas"]["text"]), spans_of(record, conversion)) for record in records if is_cas(record)
    )


def marks_of(record: JsonObject) -> list[list[Json]]:
    return list(record["cas"]["marks"]) if is_cas(record) else []


def label_of(mark: list[Json]) -> str:
    features = mark[3] if isinstance(mark[3], dict) else {}
    named = next((str(features[name]) for name in LABELS if features.get(name)), "")
    return named or next((str(value) for value in features.values() if value), "")


def spans_of(record: JsonObject, conversion: Conversion) -> list[Span]:
    marks = [mark for mark in marks_of(record) if mark[0] in conversion.labels]
    return [span for mark in marks if (span := parse_span(mark[1], mark[2], label_of(mark)))]


def convert(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    others: JsonObject = {name: record[name] for name in ("document", "split") if name in record}
    if is_sentence(record):
        yield record["webanno"] | others
        return
    if not is_cas(record):  # a later record of another form
        yield record
        return
    for mark in marks_of(record):
        if mark[0] not in conversion.labels:
            conversion.passed_over[str(mark[0])] += 1
    yield from conversion.tag(str(record["cas"]["text"]), spans_of(record, conversion), others)


EXPORTS = (Export("inception", "INCEpTION (UIMA)", is_uima, convert, prepare),)
