"""A request's body by itself: forms and JSON as the inputs of a model, and each that is none refused with what to send."""

import json
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from serving.forms import MAX_PARTS, InputField, is_form, parse_form, parse_question, parse_value
from serving.problems import Problem

JSON = "application/json"
Part = tuple[str, str | None, bytes]
"""(name, name of the file or None, content)."""


def body_of(parts: list[Part]) -> tuple[bytes, str]:
    """(a form's body, its content type)."""
    boundary = uuid.UUID(int=len(parts)).hex
    body = b""
    for name, filename, content in parts:
        head = f'Content-Disposition: form-data; name="{name}"' + (
            f'; filename="{filename}"' if filename is not None else ""
        )
        body += f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


COLUMNS: list[InputField] = [{"name": "size", "kind": "number"}, {"name": "colour", "kind": "category"}]
PICTURE: list[InputField] = [{"name": "image", "kind": "image"}]
BOTH: list[InputField] = [*PICTURE, {"name": "text", "kind": "text"}]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some.lists(some.binary(max_size=40).filter(lambda data: b"--" not in data), min_size=1, max_size=5))
def test_files_come_as_they_were_sent_and_in_order(contents: list[bytes]) -> None:
    form = parse_form(*body_of([("file", f"{n}.png", content) for n, content in enumerate(contents)]), limit=5)
    assert form.files == contents
    assert (form.count, form.inputs(PICTURE)) == (len(contents), contents)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("3.5", "number", 3.5),
        (" 3 ", "number", 3.0),
        ("-1e3", "number", -1000.0),
        ("1,5", "number", "1,5"),
        ("nan", "number", "nan"),
        ("Infinity", "number", "Infinity"),
        ("1e999", "number", "1e999"),
        ("1_000", "number", "1_000"),
        ("$5", "number", "$5"),
        ("", "number", None),
        (" \n", "text", None),
        ("3.5", "category", "3.5"),
        (" 文本 ", "text", " 文本 "),
    ],
)
def test_a_field_is_a_number_only_where_json_has_one(text: str, kind: str, value: object) -> None:
    assert parse_value(text, kind) == value


def test_fields_are_one_row_by_the_names_of_the_columns() -> None:
    form = parse_form(*body_of([("size", None, b"2"), ("colour", None, "rød".encode())]), limit=1)
    assert form.inputs(COLUMNS) == [{"size": 2.0, "colour": "rød"}]


def test_a_picture_with_a_text_is_one_input() -> None:
    form = parse_form(*body_of([("file", "a.png", b"\x89PNG"), ("text", None, b"hello")]), limit=1)
    assert form.inputs(BOTH) == [{"image": b"\x89PNG", "text": "hello"}]
    assert form.count == 1


@pytest.mark.parametrize(
    ("parts", "columns", "detail"),
    [
        ([("weight", None, b"2")], COLUMNS, "This model has no input “weight”."),
        ([("x" * 300, None, b"2")], COLUMNS, f"This model has no input “{'x' * 80}”."),
        (
            [("text", None, b"a"), ("file", "a", b"1"), ("file", "b", b"2")],
            BOTH,
            "Fields describe one input, so one file goes with them.",
        ),
        ([("size", None, b"2"), ("file", "a", b"1")], COLUMNS, "This model reads no file."),
    ],
)
def test_what_the_model_does_not_read_is_refused(parts: list[Part], columns: list[InputField], detail: str) -> None:
    form = parse_form(*body_of(parts), limit=9)
    with pytest.raises(Problem) as refused:
        form.inputs(columns)
    assert (refused.value.status, refused.value.code, refused.value.detail) == (422, "bad_form", detail)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
        (body_of([("file", "a", b"1")])[0][:-4], "multipart/form-data; boundary=" + uuid.UUID(int=1).hex),
        (body_of([("file", "a", b"1")])[0], "multipart/form-data"),
        (body_of([("size", None, b"\xff\xfe")])[0], "multipart/form-data; boundary=" + uuid.UUID(int=1).hex),
        body_of([("file", "a", b"")] * (MAX_PARTS + 1)),
        (b"--x--\r\n", "multipart/form-data; boundary=x"),
    ],
    ids=["nothing", "no end", "cut short", "no boundary", "no text", "too many parts", "no part"],
)
def test_a_broken_form_is_a_problem_with_a_next_step(body: bytes, content_type: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_question(body, content_type, limit=9)
    assert (refused.value.status, refused.value.code) == (422, "bad_form")
    assert "curl -F" in str(refused.value.hint)


@pytest.mark.parametrize("count", [1, 3, 4])
def test_so_many_inputs_and_no_more_fit_in_either_form(count: int) -> None:
    sent = [(json.dumps({"inputs": ["a"] * count}).encode(), JSON), body_of([("file", "a", b"1")] * count)]
    for body, content_type in sent:
        if count <= 3:
            assert parse_question(body, content_type, limit=3).count == count
            continue
        with pytest.raises(Problem, match="At most 3 inputs fit into one request; there are 4") as refused:
            parse_question(body, content_type, limit=3)
        assert refused.value.code == "too_many_inputs"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b'{"inputs": [NaN]}', "bad_json"),
        (b"\xff", "bad_json"),
        (b"[" * 100_000, "bad_json"),
        (b"[1]", "no_inputs"),
        (b'"inputs"', "no_inputs"),
        (b"null", "no_inputs"),
        (b'{"inputs": "a"}', "no_inputs"),
        (b'{"inputs": []}', "no_inputs"),
        (b'{"input": ["a"]}', "no_inputs"),
    ],
)
def test_json_without_inputs_is_refused_with_an_example(body: bytes, code: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_question(body, JSON, limit=3)
    assert (refused.value.status, refused.value.code) == (422, code)
    assert '{"inputs": ["a text"]}' in str(refused.value.hint)


def test_other_fields_of_the_json_stay_beside_the_inputs() -> None:
    question = parse_question(b'{"inputs": [{"size": 2}, null, "x"], "explain": true}', JSON, limit=3)
    assert question.inputs(COLUMNS) == [{"size": 2}, None, "x"]
    assert question.fields["explain"] is True


@pytest.mark.parametrize(
    ("content_type", "says"),
    [
        ("multipart/form-data; boundary=x", True),
        (" Multipart/Form-Data ", True),
        ("multipart/mixed; boundary=x", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_a_form_is_known_by_its_content_type(content_type: str, says: bool) -> None:
    assert is_form(content_type) == says
