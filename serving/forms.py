"""Predictions asked with a form (multipart/form-data): files, or an input of several fields."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from serving.problems import Problem

MOST_PARTS = 256
FILE = "file"
HINT = "Send each picture or sound as a form field `file`: curl -F file=@photo.jpg."


@dataclass
class Form:
    files: list[bytes] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return 1 if self.fields else len(self.files)

    def inputs(self, names: list[dict[str, Any]]) -> list[Any]:
        """Each file is an input; with other fields beside it, all of them are one, by the names of the model's inputs."""
        if not self.fields:
            return list(self.files)
        known = {one["name"]: one for one in names}
        unknown = next((name for name in self.fields if name not in known), None)
        if unknown is not None:
            raise bad_form(f"This model has no input “{unknown[:80]}”.")
        if len(self.files) > 1:
            raise bad_form("Fields describe one input, so one file goes with them.")
        medium = next((one["name"] for one in names if one.get("kind") in ("image", "audio")), None)
        if self.files and medium is None:
            raise bad_form("This model reads no file.")
        found: dict[str, Any] = {name: value_of(text, known[name]) for name, text in self.fields.items()}
        if self.files and medium is not None:
            found[medium] = self.files[0]
        return [found] if len(names) > 1 or medium is None else list(found.values())


def value_of(text: str, column: dict[str, Any]) -> Any:
    """A field's text, as a number where the model's input is one; nothing written is a missing value."""
    if not text.strip():
        return None
    if column.get("kind") != "number":
        return text
    try:
        return float(text)
    except ValueError:
        return text


def is_form(content_type: bytes) -> bool:
    return content_type.partition(b";")[0].strip().lower() == b"multipart/form-data"


def bad_form(detail: str) -> Problem:
    return Problem(422, "bad_form", detail, HINT)


def parse_form(body: bytes, content_type: bytes, most: int) -> Form:
    """Of a body that is all here, with at most `most` files; `Problem` 422."""
    boundary = parse_options_header(content_type.decode("latin-1"))[1].get("boundary", "")
    form = Form()
    try:
        read_parts(PushMultipartParser(boundary, max_segment_count=MOST_PARTS, strict=True), body, form)
    except (MultipartError, UnicodeDecodeError, ValueError) as error:
        raise bad_form("The form cannot be read.") from error
    if not form.files and not form.fields:
        raise bad_form("The form holds no file.")
    if len(form.files) > most:
        sentence = f"At most {most} inputs fit into one request; there are {len(form.files)}."
        raise Problem(422, "too_many_inputs", sentence, "Send several requests.")
    return form


def read_parts(parser: PushMultipartParser, body: bytes, form: Form) -> None:
    """`artifact` and `engine` of the internal call are fields as well; the caller takes them out."""
    parts: list[bytes] = []
    segment: Any = None
    with parser:
        for event in [*parser.parse(body), *parser.parse(b"")]:
            if isinstance(event, MultipartSegment):
                segment, parts = event, []
            elif event:
                parts.append(bytes(event))
            elif segment is not None:
                keep(form, segment, b"".join(parts))
                segment = None


def keep(form: Form, segment: Any, content: bytes) -> None:
    if segment.name == FILE or segment.filename is not None:
        form.files.append(content)
    else:
        form.fields[segment.name] = content.decode()


def parse_inputs(body: bytes, content_type: bytes, most: int) -> dict[str, Any]:
    """JSON with a list `inputs` of 1 to `most`, or a form as `{"form": Form}`; `Problem` 422."""
    if is_form(content_type):
        return {"form": parse_form(body, content_type, most)}
    example = 'Send {"inputs": ["a text"]}, or a form with a field `file`.'
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(422, "bad_json", "The request is not valid JSON.", example) from error
    inputs = asked.get("inputs") if isinstance(asked, dict) else None
    if not isinstance(inputs, list):
        raise Problem(422, "no_inputs", "`inputs` must be a list.", example)
    if not inputs:
        raise Problem(422, "no_inputs", "`inputs` is empty.", example)
    if len(inputs) > most:
        sentence = f"At most {most} inputs fit into one request; there are {len(inputs)}."
        raise Problem(422, "too_many_inputs", sentence, "Send several requests.")
    found: dict[str, Any] = asked
    return found
