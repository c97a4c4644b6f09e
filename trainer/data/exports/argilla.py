"""Argilla: records of version 2 with the responses of several people, the flat form of its datasets, and records of version 1."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from trainer.data.exports.base import Conversion, Export, most_have, one_or_list
from trainer.data.exports.doccano import parse_any
from trainer.data.exports.spans import Span
from trainer.json_types import Json, JsonObject

# Version 2: {"id", "fields": {…}, "responses": {question: [{"value", "user_id", "status"?}]}, "suggestions": {…}}


def is_records(records: Sequence[JsonObject]) -> bool:
    return most_have(records, lambda record: isinstance(record.get("fields"), dict) and "responses" in record)


def responses_of(record: JsonObject) -> dict[str, list[Json]]:
    """{question: what people answered}, of answers that were sent off."""
    answers: dict[str, list[Json]] = defaultdict(list)
    responses = record.get("responses")
    if isinstance(responses, dict):
        for question, listed in responses.items():
            for answer in listed if isinstance(listed, list) else [listed]:
                if isinstance(answer, dict) and answer.get("status", "submitted") == "submitted" and "value" in answer:
                    answers[question].append(answer["value"])
    for response in responses if isinstance(responses, list) else []:
        values = response.get("values") if isinstance(response, dict) else None
        if isinstance(values, dict) and response.get("status", "submitted") == "submitted":
            for question, answer in values.items():
                answers[question].append(answer.get("value") if isinstance(answer, dict) else answer)
    return answers


# The flat form: columns "label.responses", "label.responses.users", "label.responses.status", "label.suggestion"


def is_flat(records: Sequence[JsonObject]) -> bool:
    return most_have(
        records, lambda record: any(name.endswith(".responses") for name in record) or bool(feedback_answers(record))
    )


def flat_answers(record: JsonObject) -> dict[str, list[Json]]:
    answers = {}
    for name, values in record.items():
        if not name.endswith(".responses"):
            continue
        statuses = record.get(f"{name}.status")
        listed = values if isinstance(values, list) else []
        states = (
            statuses if isinstance(statuses, list) and len(statuses) == len(listed) else ["submitted"] * len(listed)
        )
        answers[name.removesuffix(".responses")] = [v for v, state in zip(listed, states, strict=True) if state == "submitted"]  # fmt: skip
    return answers


def feedback_answers(record: JsonObject) -> dict[str, list[Json]]:
    """Those of version 1.x's FeedbackDataset: a list of {"user_id", "value", "status"} beside "<question>-suggestion"."""
    answers: dict[str, list[Json]] = {}
    for name, listed in record.items():
        if f"{name}-suggestion" not in record or not isinstance(listed, list):
            continue
        given = [answer for answer in listed if isinstance(answer, dict) and "value" in answer]
        answers[name] = [answer["value"] for answer in given if answer.get("status", "submitted") == "submitted"]
    return answers


def read(record: JsonObject) -> tuple[JsonObject, dict[str, list[Json]]]:
    """(fields, {question: answers}) of a record of either form."""
    if isinstance(record.get("fields"), dict):
        return record["fields"] | {"id": record.get("id")}, responses_of(record)
    answers = flat_answers(record) or feedback_answers(record)
    fields = {
        name: value
        for name, value in record.items()
        if name not in answers
        and not any(
            name.startswith((f"{question}.responses", f"{question}.suggestion", f"{question}-suggestion"))
            for question in answers
        )
    }
    return fields, answers


def as_spans(value: Json) -> list[Span]:
    spans = [parse_any(entry) for entry in value] if isinstance(value, list) else []
    return [span for span in spans if span]


def prepare(records: Sequence[JsonObject], conversion: Conversion) -> None:
    samples = []
    for record in records:
        fields, answers = read(record)
        for question, values in answers.items():
            for value in values:
                if isinstance(value, list) and not as_spans(value):
                    conversion.multiple.add(question)
                conversion.labels[question] += 1
                samples.append((text_field(fields), as_spans(value)))
    conversion.decide_unit(samples)
    if len(conversion.labels) == 1 and not any(spans for _text, spans in samples):
        question = next(iter(conversion.labels))
        name = next(
            (name for name, value in read(records[0])[0].items() if value == text_field(read(records[0])[0])), "text"
        )
        conversion.suggested = {"text": name, "labels" if conversion.multiple else "label": question}


def text_field(fields: JsonObject) -> str:
    return max((value for value in fields.values() if isinstance(value, str)), key=len, default="")


def convert(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    fields, answers = read(record)
    answers = {question: values for question, values in answers.items() if values}
    status = str(record.get("status") or record.get("_status") or "").lower()
    if not answers:
        conversion.leave_out("discarded" if status == "discarded" else "unlabelled", record)
        return
    columns: JsonObject = {}
    spans: list[Span] | None = None
    for question, values in answers.items():
        best, share = conversion.vote(values)
        if as_spans(best):
            spans = as_spans(best)
            continue
        columns[question] = one_or_list(best, question, conversion) if isinstance(best, list) else best
        if len(values) > 1:
            columns[f"{question} agreement"] = round(share, 3)
    if spans is None:
        yield fields | columns
        return
    text = text_field(fields)
    yield from conversion.tag(text, spans, {name: value for name, value in fields.items() if value != text} | columns)


# Version 1: {"text" or "inputs", "prediction", "annotation", "annotation_agent", "status"}


def is_version_1(records: Sequence[JsonObject]) -> bool:
    return most_have(records, lambda record: {"annotation", "status"} <= set(record) and ("annotation_agent" in record or "prediction" in record))  # fmt: skip


def prepare_1(records: Sequence[JsonObject], conversion: Conversion) -> None:
    conversion.decide_unit((text_1(record), spans_1(record)) for record in records)
    if any(isinstance(record.get("annotation"), list) and not spans_1(record) for record in records):
        conversion.multiple = {"label"}
    if not any(spans_1(record) for record in records):
        conversion.suggested = {"text": "text", "labels" if conversion.multiple else "label": "label"}


def text_1(record: JsonObject) -> str:
    inputs = record.get("inputs")
    return str(record.get("text") or (text_field(inputs) if isinstance(inputs, dict) else ""))


def spans_1(record: JsonObject) -> list[Span]:
    """["LABEL", start, end], with a score behind it or without."""
    listed = record.get("annotation")
    listed = listed if isinstance(listed, list) else []
    entries = [[entry[1], entry[2], entry[0]] for entry in listed if isinstance(entry, list) and len(entry) >= 3]
    return [span for entry in entries if (span := parse_any(entry))]


def convert_1(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    text, status, annotation = text_1(record), str(record.get("status")), record.get("annotation")
    if status == "Discarded" or annotation is None:
        conversion.leave_out("discarded" if status == "Discarded" else "unlabelled", record)
    elif spans := spans_1(record):
        yield from conversion.tag(text, spans, {"id": record.get("id")})
    elif isinstance(annotation, list) and not annotation and "tokens" in record:
        yield from conversion.tag(text, [], {"id": record.get("id")})
    else:
        label = one_or_list(annotation, "label", conversion) if isinstance(annotation, list) else annotation
        yield {"text": text, "label": label, "id": record.get("id")}


EXPORTS = (
    Export("argilla", "Argilla", is_records, convert, prepare),
    Export("argilla_flat", "Argilla", is_flat, convert, prepare),
    Export("argilla_1", "Argilla", is_version_1, convert_1, prepare_1),
)
