"""Prodigy: records that were accepted, rejected or ignored, with marked passages, choices, or one label to agree with."""

import json
from collections.abc import Iterator, Sequence

from trainer.data.annotations import parse_numbers
from trainer.data.box_formats.geometry import bounds_of, flatten
from trainer.data.box_formats.json_base import parse_points
from trainer.data.exports.base import Conversion, Export, most_have, one_or_list
from trainer.data.exports.doccano import parse_any
from trainer.json_types import Json, JsonObject

OWN_FIELDS = frozenset({"spans", "tokens", "accept", "options", "answer", "_view_id", "_is_binary", "config", "_input_hash", "_task_hash", "_session_id", "_annotator_id", "_timestamp", "label", "text"})  # fmt: skip
MEDIA = ("path", "image", "audio", "video")
HASHES = frozenset({"_task_hash", "_input_hash"})
ANSWERS = {"reject": "rejected", "ignore": "ignored"}


def is_prodigy(records: Sequence[JsonObject]) -> bool:
    """By the fields of its own, else by spans or a choice beside an answer that is one of its three."""
    return most_have(records, lambda record: "answer" in record and (bool(HASHES & set(record)) or is_answered(record)))


def is_answered(record: JsonObject) -> bool:
    has_form = isinstance(record.get("spans"), list) or isinstance(record.get("accept"), list)
    return has_form and record.get("answer") in ("accept", *ANSWERS)


def prepare(records: Sequence[JsonObject], conversion: Conversion) -> None:
    """`labels`: those to agree with; a file that asks about one alone is of yes and no."""
    accepted = [record for record in records if record.get("answer") == "accept"]
    conversion.decide_unit((str(record.get("text") or ""), spans_of(record)) for record in accepted)
    conversion.labels.update(str(record["label"]) for record in records if record.get("label"))
    if any(isinstance(record.get("accept"), list) and len(record["accept"]) > 1 for record in accepted):
        conversion.multiple = {"label"}
    if any(isinstance(record.get("spans"), list) for record in accepted):
        return
    if not any(isinstance(record.get("text"), str) for record in accepted):
        return
    conversion.suggested = {"text": "text", "labels" if conversion.multiple else "label": "label"}


def spans_of(record: JsonObject) -> list:  # type: ignore[type-arg]
    listed = record.get("spans")
    return [span for entry in (listed if isinstance(listed, list) else []) if (span := parse_any(entry))]


def convert(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    answer = record.get("answer")
    shown = {name: record[name] for name in ("text", *MEDIA) if isinstance(record.get(name), str)}
    others = {name: value for name, value in record.items() if name not in OWN_FIELDS}
    is_binary = len(conversion.labels) == 1 and record.get("label") and not isinstance(record.get("spans"), list)
    if not shown:
        conversion.leave_out("other", record)
    elif answer == "reject" and is_binary:
        yield shown | {"label": f"not {record['label']}"} | others
    elif answer != "accept":
        conversion.leave_out(ANSWERS.get(str(answer), "unlabelled"), record)
    elif isinstance(record.get("accept"), list):
        if record["accept"]:
            yield shown | {"label": one_or_list(choices_of(record), "label", conversion)} | others
        else:
            conversion.leave_out("unlabelled", record)
    else:
        yield from convert_accepted(record, shown, others, conversion)


def convert_accepted(
    record: JsonObject, shown: JsonObject, others: JsonObject, conversion: Conversion
) -> Iterator[JsonObject]:
    """What was accepted besides choices: passages of a text, boxes of an image, one label, or a transcript."""
    text = record["text"] if isinstance(record.get("text"), str) else None
    has_spans = isinstance(record.get("spans"), list)
    if text is not None and (has_spans or "tokens" in record):
        yield from conversion.tag(text, spans_of(record), others)
    elif text is None and has_spans and isinstance(record.get("image"), str):
        yield from objects_of(record, conversion)
    elif record.get("label"):
        yield shown | {"label": record["label"]} | others
    elif text is None and has_spans and record["spans"]:
        conversion.leave_out("segments", {"id": record.get("_task_hash")})
    elif text is None and isinstance(record.get("transcript"), str):
        yield shown | others
    else:
        conversion.leave_out("unlabelled", record)


def objects_of(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    """A row with the boxes of an image that the record holds; one that only names its image is left out: the image is not there."""
    if not record["image"].startswith("data:"):
        conversion.leave_out("places", {"id": record["image"]})
        return
    objects = [made for span in record["spans"] if (made := object_of(span))]
    if len(objects) < len(record["spans"]):
        conversion.passed_over["boxes without a label or four numbers"] += len(record["spans"]) - len(objects)
    name = {"path": record["path"]} if isinstance(record.get("path"), str) else {}
    yield {"image": record["image"], "objects": json.dumps(objects, ensure_ascii=False)} | name


def object_of(span: Json) -> JsonObject | None:
    """A box or an outline in pixels, with its label; None for anything else."""
    if not isinstance(span, dict):
        return None
    points = parse_points(span.get("points"))
    box = parse_numbers([span.get(side) for side in ("x", "y", "width", "height")], 4) or bounds_of(points)
    label = str(span.get("label") or "").strip()
    if not box or not label:
        return None
    is_outline = span.get("type") in ("polygon", "freehand") and len(points) > 2
    return {"label": label, "box": box} | ({"segments": [flatten(points)]} if is_outline else {})


def choices_of(record: JsonObject) -> list[Json]:
    """The ids that were chosen; their texts where the ids are numbers."""
    options = record.get("options")
    texts = {str(o["id"]): o.get("text") for o in (options if isinstance(options, list) else []) if isinstance(o, dict) and "id" in o}  # fmt: skip
    return [texts.get(str(chosen)) or chosen if isinstance(chosen, int) else chosen for chosen in record["accept"]]


EXPORTS = (Export("prodigy", "Prodigy", is_prodigy, convert, prepare),)
