"""doccano: classes, marked passages or texts as answers, and the same forms as other tools write them (text with [start, end, label])."""

from collections import Counter
from collections.abc import Iterator, Sequence

from trainer.data.exports.base import Conversion, Export, most_have, one_or_list, parse_span
from trainer.data.exports.spans import Span
from trainer.json_types import Json, JsonObject

TEXT = ("text", "data", "content", "sentence", "document")
ANSWERS = ("label", "labels", "entities", "spans", "annotations", "ents", "tokens")
STARTS, ENDS, LABELS = ("start_offset", "start", "begin"), ("end_offset", "end"), ("label", "type", "tag", "entity", "entity_group", "label_", "entityLabel")  # fmt: skip
LONG_ANSWER = 40
"""Characters of a label on average from which labels are texts: translations and summaries."""


FILES = ("filename", "file_name", "image", "audio")


def text_of(record: JsonObject) -> str | None:
    return next((record[name] for name in TEXT if isinstance(record.get(name), str)), None)


def spans_of(record: JsonObject) -> list[Span] | None:
    """Marked passages of a record; None where it has none of their forms. An empty list of answers may be of any form."""
    empty: list[Span] | None = None
    for name in ANSWERS:
        listed = record.get(name)
        if isinstance(listed, dict) and isinstance(listed.get("entities"), list):
            listed = listed["entities"]
        if not isinstance(listed, list):
            continue
        if not listed:
            empty = []
            continue
        spans = [parse_any(entry) for entry in listed]
        if all(span is not None for span in spans):
            return [span for span in spans if span is not None]
    return empty


def parse_any(entry: Json) -> Span | None:
    """[start, end, label], or an object of these."""
    if isinstance(entry, list) and len(entry) >= 3:
        return parse_span(entry[0], entry[1], entry[2]) if isinstance(entry[0], int | float) else None
    if not isinstance(entry, dict):
        return None
    start, end, label = (next((entry[key] for key in keys if key in entry), None) for keys in (STARTS, ENDS, LABELS))
    words = entry.get("text", entry.get("word"))
    return parse_span(start, end, label, words)


def is_marked(records: Sequence[JsonObject]) -> bool:
    if not most_have(records, lambda record: text_of(record) is not None and spans_of(record) is not None):
        return False
    return any(spans_of(record) for record in records) and not any("_task_hash" in record for record in records)


def prepare_marked(records: Sequence[JsonObject], conversion: Conversion) -> None:
    conversion.decide_unit((text_of(record) or "", spans_of(record) or []) for record in records)


def convert_marked(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    text, spans = text_of(record), spans_of(record)
    if text is None or spans is None:
        conversion.leave_out("other", record)
        return
    if isinstance(record.get("relations"), list) and record["relations"]:
        conversion.passed_over["relations"] += len(record["relations"])
    others = {
        name: value for name, value in record.items() if name not in (*ANSWERS, "relations", *TEXT, "tokens", "tags")
    }
    yield from conversion.tag(text, spans, others)


def is_labelled(records: Sequence[JsonObject]) -> bool:
    """Texts with a list of labels under `label`, as doccano writes them; other lists of labels are what they are."""
    has_form = most_have(
        records,
        lambda record: (
            (text_of(record) is not None or any(isinstance(record.get(name), str) for name in FILES))
            and isinstance(record.get("label"), list)
            and all(isinstance(label, str | int) for label in record["label"])
        ),
    )
    return has_form and any(record["label"] for record in records if isinstance(record.get("label"), list))


def prepare_labelled(records: Sequence[JsonObject], conversion: Conversion) -> None:
    listed = [record["label"] for record in records if isinstance(record.get("label"), list)]
    counts = Counter(str(label) for labels in listed for label in labels)
    total = sum(counts.values())
    is_text = sum(len(label) * count for label, count in counts.items()) > LONG_ANSWER * total or (
        total > 20 and len(counts) > 0.5 * total
    )
    text = next((name for name in TEXT if isinstance(records[0].get(name), str)), None)
    is_text = is_text or (text is None and len(counts) == total > 2)
    if is_text:
        conversion.labels["target" if text else "text"] = 1
        if text:
            conversion.suggested = {"source": text, "target": "target"}
        return
    if any(len(labels) > 1 for labels in listed):
        conversion.multiple = {"label"}
    if text is not None:
        conversion.suggested = {"text": text, "labels" if conversion.multiple else "label": "label"}


def convert_labelled(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    labels = record.get("label")
    others = {name: value for name, value in record.items() if name != "label"}
    if not isinstance(labels, list):
        conversion.leave_out("other", record)
    elif not labels:
        conversion.leave_out("unlabelled", record)
    elif conversion.labels["target"]:
        conversion.passed_over["other answers"] += len(labels) - 1
        yield others | {"target": labels[0]}
    elif conversion.labels["text"]:  # what is said in a recording, or shown in an image
        yield others | {"text": labels[0]}
    else:
        yield others | {"label": one_or_list(labels, "label", conversion)}


EXPORTS = (
    Export("doccano", "doccano", is_marked, convert_marked, prepare_marked),
    Export("doccano_labels", "doccano", is_labelled, convert_labelled, prepare_labelled),
)
