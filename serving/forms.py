"""Predictions asked with a form (multipart/form-data): files, or an input of several fields."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import orjson
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from serving.problems import Problem

MAX_PARTS = 256
FILE = "file"
HINT = "Send each picture or sound as a form field `file`: curl -F file=@photo.jpg."


class InputField(TypedDict, total=False):
    """What a model reads, by its manifest: the name of a column and what is in it (text, number, category, image, audio)."""

    name: str
    kind: str


@dataclass
class Form:
    files: list[bytes] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return 1 if self.fields else len(self.files)

    def inputs(self, columns: Sequence[InputField]) -> list[object]:
        """Each file is an input; with other fields beside it, all of them are one, by the names of the model's inputs."""
        if not self.fields:
            return list(self.files)
        kinds = {column["name"]: column.get("kind", "") for column in columns}
        unknown = next((name for name in self.fields if name not in kinds), None)
        if unknown is not None:
            raise bad_form(f"This model has no input “{unknown[:80]}”.")
        if len(self.files) > 1:
            raise bad_form("Fields describe one input, so one file goes with them.")
        medium = next((name for name, kind in kinds.items() if kind in ("image", "audio")), None)
        if self.files and medium is None:
            raise bad_form("This model reads no file.")
        row: dict[str, object] = {name: parse_value(text, kinds[name]) for name, text in self.fields.items()}
        if self.files and medium is not None:
            row[medium] = self.files[0]
        return [row] if len(kinds) > 1 or medium is None else list(row.values())


def parse_value(text: str, kind: str) -> str | float | None:
    """A field's text, as a number where the model's input is one; nothing written is a missing value. What JSON has no number for
    (nan, 1_000) stays text, as the JSON of a request would have it."""
    if not text.strip():
        return None
    if kind != "number":
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) and "_" not in text else text


def is_form(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "multipart/form-data"


def bad_form(detail: str) -> Problem:
    return Problem(422, "bad_form", detail, HINT)


def parse_form(body: bytes, content_type: str, limit: int) -> Form:
    """Of a body that is all here, with at most `limit` files; `Problem` 422."""
    boundary = parse_options_header(content_type)[1].get("boundary", "")
    form = Form()
    try:
        read_parts(PushMultipartParser(boundary, max_segment_count=MAX_PARTS, strict=True), body, form)
    except (MultipartError, UnicodeDecodeError, ValueError) as error:
        raise bad_form("The form cannot be read.") from error
    if not form.files and not form.fields:
        raise bad_form("The form holds no file.")
    if len(form.files) > limit:
        sentence = f"At most {limit} inputs fit into one request; there are {len(form.files)}."
        raise Problem(422, "too_many_inputs", sentence, "Send several requests.")
    return form


def read_parts(parser: PushMultipartParser, body: bytes, form: Form) -> None:
    """`artifact` and `engine` of the internal call are fields as well; the caller takes them out."""
    parts: list[bytes] = []
    segment: MultipartSegment | None = None
    with parser:
        for event in [*parser.parse(body), *parser.parse(b"")]:
            if isinstance(event, MultipartSegment):
                segment, parts = event, []
            elif event:
                parts.append(bytes(event))
            elif segment is not None:
                add_part(form, segment, b"".join(parts))
                segment = None


def add_part(form: Form, segment: MultipartSegment, content: bytes) -> None:
    if segment.name == FILE or segment.filename is not None:
        form.files.append(content)
    else:
        form.fields[segment.name] = content.decode()


@dataclass(frozen=True)
class Question:
    """A request's body: a form, or the list of inputs with the other fields of the JSON beside it."""

    values: Form | list[object]
    fields: dict[str, object] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Of inputs."""
        return self.values.count if isinstance(self.values, Form) else len(self.values)

    def inputs(self, columns: Sequence[InputField]) -> list[object]:
        """As an engine reads them; `columns` are those of its manifest."""
        return self.values.inputs(columns) if isinstance(self.values, Form) else self.values


def parse_question(body: bytes, content_type: str, limit: int) -> Question:
    """JSON with a list `inputs` of 1 to `limit`, or a form; `Problem` 422."""
    if is_form(content_type):
        return Question(parse_form(body, content_type, limit))
    example = 'Send {"inputs": ["a text"]}, or a form with a field `file`.'
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(422, "bad_json", "The request is not valid JSON.", example) from error
    inputs = fields.get("inputs") if isinstance(fields, dict) else None
    if not isinstance(inputs, list):
        raise Problem(422, "no_inputs", "`inputs` must be a list.", example)
    if not inputs:
        raise Problem(422, "no_inputs", "`inputs` is empty.", example)
    if len(inputs) > limit:
        sentence = f"At most {limit} inputs fit into one request; there are {len(inputs)}."
        raise Problem(422, "too_many_inputs", sentence, "Send several requests.")
    return Question(inputs, fields)
