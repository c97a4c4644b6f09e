"""Label Studio: JSON (a task with its answers), and JSON-MIN and CSV (a flat record an answer)."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from trainer.data.exports.base import Conversion, Export, most_have, one_or_list, parse_span
from trainer.data.exports.label_studio_parts import is_of_recording, pair_of_fields, preferred, recording_parts
from trainer.data.exports.spans import Span
from trainer.json_types import Json, JsonObject

SPANS = ("labels", "hypertextlabels", "paragraphlabels")
CHOICES = ("choices", "taxonomy", "pairwise", "ranker")
SHAPES = ("rectanglelabels", "polygonlabels", "ellipselabels", "keypointlabels", "brushlabels", "rectangle", "polygon", "ellipse", "keypoint", "brush", "videorectangle", "timeserieslabels", "timelinelabels")  # fmt: skip
VALUE_OF = {"rating": "rating", "number": "number", "datetime": "datetime", "textarea": "text", "pairwise": "selected"}
OWN_FIELDS = frozenset(
    {
        "id",
        "annotator",
        "annotation_id",
        "created_at",
        "updated_at",
        "lead_time",
        "agreement",
        "history",
        "completed_by",
    }
)


FLAT_KINDS = ("choices", "taxonomy", "rating", "number", "datetime", "selected", "ranker", "text")
"""Fields of the objects in a cell of the flat forms, by the control that wrote them."""
FLAT_COLUMNS = frozenset({"annotation_id", "annotator", "lead_time"})


def is_tasks(records: Sequence[JsonObject]) -> bool:
    return most_have(records, lambda record: isinstance(record.get("data"), dict) and answers_field(record) is not None, 0.5)  # fmt: skip


def answers_field(task: JsonObject) -> list[Json] | None:
    listed = task.get("annotations", task.get("completions"))
    return listed if isinstance(listed, list) else None


def usable_answers(task: JsonObject) -> list[JsonObject]:
    """Answers that were not skipped; only those that are called the truth where there are any."""
    answers = [answer for answer in answers_field(task) or [] if isinstance(answer, dict)]
    answers = [answer for answer in answers if not (answer.get("was_cancelled") or answer.get("skipped")) and isinstance(answer.get("result"), list)]  # fmt: skip
    return [answer for answer in answers if answer.get("ground_truth")] or answers


def values_of(answer: JsonObject) -> tuple[dict[str, list[Json]], list[Span], list[str]]:
    """({control: its values}, marked passages, kinds of regions that have no column) of an answer."""
    controls: dict[str, list[Json]] = defaultdict(list)
    spans: list[Span] = []
    others: list[str] = []
    for region in answer["result"]:
        value = region.get("value") if isinstance(region, dict) else None
        if not isinstance(value, dict):
            others.append("relations" if isinstance(region, dict) and region.get("type") == "relation" else "regions")
            continue
        if is_of_recording(region, value):
            continue
        kind, name = str(region.get("type") or ""), str(region.get("from_name") or region.get("type") or "label")
        if kind in SPANS or (kind not in CHOICES and "start" in value and any(key in value for key in SPANS)):
            spans += parse_passage(value)
        elif kind in SHAPES:
            others.append(kind)
        else:
            controls[name] += control_values(kind, value)
    return controls, spans, others


def parse_passage(value: JsonObject) -> list[Span]:
    offsets = value.get("globalOffsets")
    start, end = (offsets.get("start"), offsets.get("end")) if isinstance(offsets, dict) else (value.get("start"), value.get("end"))  # fmt: skip
    label = next((value[key] for key in SPANS if key in value), None)
    span = parse_span(start, end, label, value.get("text"))
    return [span] if span else []


def control_values(kind: str, value: JsonObject) -> list[Json]:
    """The answers of one control: choices as a list, a taxonomy's as paths."""
    held = value.get(VALUE_OF.get(kind, kind), value.get("choices"))
    if kind == "taxonomy" or (kind not in VALUE_OF and "taxonomy" in value):
        paths = value.get("taxonomy")
        return [" / ".join(map(str, path)) if isinstance(path, list) else path for path in paths or []]
    if kind == "textarea":
        return ["\n".join(map(str, held))] if isinstance(held, list) else [held]
    return list(held) if isinstance(held, list) else ([] if held is None else [held])


def prepare_tasks(records: Sequence[JsonObject], conversion: Conversion) -> None:
    """Which controls have several answers, how offsets are counted, and which columns are the text and the label."""
    samples, controls = [], defaultdict(list)
    for record in records:
        if not isinstance(record.get("data"), dict):
            continue
        for answer in usable_answers(record):
            values, spans, _others = values_of(answer)
            samples.append((find_text(record["data"], spans), spans))
            for name, held in values.items():
                controls[name].append(held)
    conversion.multiple = {name for name, lists in controls.items() if any(len(held) > 1 for held in lists)}
    conversion.decide_unit(samples)
    data = [joined_turns(record["data"]) for record in records if isinstance(record.get("data"), dict)]
    suggest_columns(conversion, data, {name: [held for held in lists if held] for name, lists in controls.items()})


def suggest_columns(conversion: Conversion, data: Sequence[JsonObject], controls: dict[str, list[Any]]) -> None:
    """Text and label where there is one text and one control of a few different answers."""
    text = longest_field(data)
    few = [
        name
        for name, held in controls.items()
        if held and len({str(value) for values in held for value in values}) <= max(2, 0.5 * len(held))
    ]
    texts = (
        [name for name in data[0] if all(isinstance(record.get(name), str) for record in data[:500])] if data else []
    )
    has_pair = any(all(value in ("left", "right") for value in held[0]) for held in controls.values() if held)
    has_pair = has_pair and (len(texts) > 1 or bool(data and pair_of_fields(data[0])))
    if text and len(few) == 1 and not has_pair:
        name = few[0] if few[0] != text else f"{few[0]} (label)"
        conversion.suggested = {"text": text, "labels" if few[0] in conversion.multiple else "label": name}


def longest_field(data: Sequence[JsonObject]) -> str | None:
    """The field with the longest text on average, of those that are not addresses of files."""
    lengths: dict[str, list[int]] = defaultdict(list)
    for record in data[:500]:
        for name, value in record.items():
            if isinstance(value, str) and not value.startswith(("/data/", "http://", "https://", "s3://", "gs://")):
                lengths[name].append(len(value))
    return max(lengths, key=lambda name: sum(lengths[name]) / len(lengths[name]), default=None)


def joined_turns(data: JsonObject) -> JsonObject:
    """The turns of a conversation ([{"author", "text"}]), as Paragraphs shows them, as a text with a line for each."""
    return {name: turns_text(value) if is_turns(value) else value for name, value in data.items()}


def is_turns(value: Json) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(turn, dict) and isinstance(turn.get("text"), str) for turn in value)
    )


def turns_text(turns: list[JsonObject]) -> str:
    speakers = [next((str(turn[key]) for key in SPEAKERS if turn.get(key)), "") for turn in turns]
    return "\n".join(
        f"{speaker}: {turn['text']}" if speaker else turn["text"] for speaker, turn in zip(speakers, turns, strict=True)
    )


SPEAKERS = ("author", "speaker", "role", "name", "from")


def find_text(data: JsonObject, spans: Sequence[Span]) -> str:
    """The text that the passages were marked in: the field that holds their words, else the longest."""
    texts = [
        value for value in data.values() if isinstance(value, str) and not isinstance(parse_cell(value), list | dict)
    ]
    texts.sort(key=len, reverse=True)
    words = [span.words for span in spans if span.words]
    return next((text for text in texts if all(word in text for word in words)), texts[0] if texts else "")


def convert_task(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    listed, data = answers_field(record), record.get("data")
    if listed is None or not isinstance(data, dict):
        conversion.leave_out("other", record)
        return
    data = joined_turns(data)
    answers = usable_answers(record)
    if not answers:
        conversion.leave_out("skipped" if listed or record.get("cancelled_annotations") else "unlabelled", record)
        return
    read = [values_of(answer) for answer in answers]
    names = list(dict.fromkeys(name for controls, _spans, _others in read for name in controls))
    columns: JsonObject = {}
    for name in names:
        held = [json.dumps(controls[name], ensure_ascii=False) for controls, _s, _o in read if controls.get(name)]
        if not held:
            continue
        best, share = conversion.vote(held)
        column = f"{name} (label)" if name in data else name
        columns[column] = one_or_list(json.loads(str(best)), name, conversion)
        if len(answers) > 1:
            columns[f"{column} agreement"] = round(share, 3)
    columns |= preferred(data, columns)
    conversion.passed_over.update(read[0][2])
    if parts := recording_parts(answers[0]):
        yield from (data | columns | part | {"id": record.get("id")} for part in parts)
        return
    spans = read[0][1]
    text = find_text(data, spans)
    has_spans = spans or any(kind in SPANS for kind in conversion.labels)
    if not columns and not has_spans and not read[0][2] and not answers[0]["result"]:
        if not conversion.telling and not conversion.suggested and text:
            yield from conversion.tag(text, [], data | {"id": record.get("id")})  # a text without any passage
        else:
            conversion.leave_out("unlabelled", record)
        return
    others = {name: value for name, value in data.items() if value != text or not spans} | columns
    if spans:
        yield from conversion.tag(text, spans, others | {"id": record.get("id")})
    else:
        yield others | {"id": record.get("id")}


# The flat forms


def is_flat(records: Sequence[JsonObject]) -> bool:
    return most_have(records, lambda record: {"annotation_id", "annotator"} <= set(record) or {"annotation_id", "lead_time"} <= set(record))  # fmt: skip


def parse_cell(value: Json) -> Json:
    """JSON that a cell of the CSV holds; anything else as it is."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            parsed: Json = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return parsed
    return value


def flat_values(record: JsonObject) -> tuple[dict[str, list[Json]], list[Span]]:
    """({control: values} of what was chosen in lists, marked passages) of a flat record."""
    controls: dict[str, list[Json]] = {}
    spans: list[Span] = []
    for name, cell in record.items():
        value = parse_cell(cell)
        if isinstance(value, dict) and isinstance(value.get("choices"), list):
            controls[name] = list(value["choices"])
        elif isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
            passages = [span for entry in value for span in parse_passage(entry)]
            spans += passages
            kind = next((kind for kind in FLAT_KINDS if not passages and any(kind in entry for entry in value)), None)
            if kind is not None:
                named = next((name for name, field in VALUE_OF.items() if field == kind), kind)
                controls[name] = [held for entry in value for held in control_values(named, entry)]
        elif isinstance(value, list) and value and all(isinstance(entry, list) for entry in value):
            controls[name] = [" / ".join(map(str, path)) for path in value]
    return controls, spans


def is_paths(value: Json) -> bool:
    """Choices or a taxonomy of which a person may choose several."""
    entries = value if isinstance(value, list) else [value]
    return any(isinstance(entry, dict) and ("choices" in entry or "taxonomy" in entry) for entry in entries)


def prepare_flat(records: Sequence[JsonObject], conversion: Conversion) -> None:
    read = [flat_values(record) for record in records]
    names = {name for controls, _spans in read for name, held in controls.items() if len(held) > 1}
    names |= {name for record in records for name in record if is_paths(parse_cell(record[name]))}
    conversion.multiple = names
    conversion.decide_unit((find_text(record, spans), spans) for record, (_c, spans) in zip(records, read, strict=True))
    fields = [name for name in dict.fromkeys(name for record in records for name in record) if name not in OWN_FIELDS]
    data = [{name: record.get(name) for name in fields if not isinstance(parse_cell(record.get(name)), list | dict)} for record in records]  # fmt: skip
    text = longest_field(data)
    controls = {
        name: [
            held.get(name) or [record[name]]
            for record, (held, _s) in zip(records, read, strict=True)
            if record.get(name)
        ]
        for name in fields
        if name != text and not any(spans for _controls, spans in read)
    }
    suggest_columns(conversion, data, controls)
    if "label" in conversion.suggested and conversion.suggested["label"] in names:
        conversion.suggested["labels"] = conversion.suggested.pop("label")


def convert_flat(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    controls, spans = flat_values(record)
    others = {name: value for name, value in record.items() if not (spans and isinstance(parse_cell(value), list))}
    others |= {name: one_or_list(values, name, conversion) for name, values in controls.items()}
    if not spans:
        yield others
        return
    text = find_text(record, spans)
    yield from conversion.tag(text, spans, {name: value for name, value in others.items() if value != text})


EXPORTS = (
    Export("label_studio", "Label Studio", is_tasks, convert_task, prepare_tasks),
    Export("label_studio_flat", "Label Studio", is_flat, convert_flat, prepare_flat),
)
