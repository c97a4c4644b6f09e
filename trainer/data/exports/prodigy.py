"""Prodigy: records that were accepted, rejected or ignored, with marked passages, choices, or one label to agree with."""

from collections.abc import Iterator, Sequence

from trainer.data.exports.base import Conversion, Export, most_have, one_or_list
from trainer.data.exports.doccano import parse_any
from trainer.json_types import Json, JsonObject

OWN_FIELDS = frozenset({"spans", "tokens", "accept", "options", "answer", "_view_id", "_is_binary", "config", "_input_hash", "_task_hash", "_session_id", "_annotator_id", "_timestamp", "label", "text"})  # fmt: skip
MEDIA = ("path", "image", "audio", "video")
ANSWERS = {"reject": "rejected", "ignore": "ignored"}


def is_prodigy(records: Sequence[JsonObject]) -> bool:
    return most_have(records, lambda record: "answer" in record and ("_task_hash" in record or "_input_hash" in record))


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
    text = record["text"] if isinstance(record.get("text"), str) else None
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
    elif text is not None and (isinstance(record.get("spans"), list) or "tokens" in record):
        yield from conversion.tag(text, spans_of(record), others)
    elif record.get("label"):
        yield shown | {"label": record["label"]} | others
    elif text is None and isinstance(record.get("spans"), list) and record["spans"]:
        conversion.leave_out("places", {"id": record.get("_task_hash")})
    elif text is None and isinstance(record.get("transcript"), str):
        yield shown | others
    else:
        conversion.leave_out("unlabelled", record)


def choices_of(record: JsonObject) -> list[Json]:
    """The ids that were chosen; their texts where the ids are numbers."""
    options = record.get("options")
    texts = {str(o["id"]): o.get("text") for o in (options if isinstance(options, list) else []) if isinstance(o, dict) and "id" in o}  # fmt: skip
    return [texts.get(str(chosen)) or chosen if isinstance(chosen, int) else chosen for chosen in record["accept"]]


EXPORTS = (Export("prodigy", "Prodigy", is_prodigy, convert, prepare),)
