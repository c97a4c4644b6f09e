"""The fields of a page for what a model reads: their kinds by what an artifact declares, and what is sent and kept of them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests import things
from tests.trainer.data_files import picture, sound
from webapp.accounts.models import Workspace
from webapp.core.problems import Problem
from webapp.runs import inputs
from webapp.runs.inputs import (
    KEPT_BYTES,
    SHOWN_BYTES,
    Field,
    button,
    field_of,
    filled,
    hint_of,
    input_of,
    of_media,
    of_text,
    texts_of,
)
from webapp.runs.models import Run
from webapp.runs.storage import local


def declared(kind: str, **more: Any) -> Field:
    return field_of(2, {"name": "x", "kind": kind, **more}, single=False)


@pytest.mark.parametrize(
    ("declaration", "control"),
    [
        ({"kind": "number"}, "number"),
        ({"kind": "number", "choices": [1, 2]}, "choice"),
        ({"kind": "category", "values": ["a", "b"]}, "choice"),
        ({"kind": "category", "values": []}, "line"),
        ({"kind": "boolean", "categories": ["yes", "no"]}, "choice"),
        ({"kind": "date"}, "date"),
        ({"kind": "date", "example": "2024-05-06 10:30:00"}, "moment"),
        ({"kind": "date", "example": "2024-05-06 00:00:00"}, "date"),
        ({"kind": "text"}, "line"),
        ({"kind": "text", "long": True}, "text"),
        ({"kind": "image"}, "image"),
        ({"kind": "query"}, "query"),
        ({"kind": "id"}, "line"),
        ({}, "line"),
    ],
)
def test_a_control_by_what_a_column_holds(declaration: dict[str, Any], control: str) -> None:
    assert field_of(2, {"name": "x", **declaration}, single=False).kind == control


@pytest.mark.parametrize(("kind", "own"), [("text", "text"), ("image", "file"), ("audio", "file"), ("query", "text")])
def test_what_a_model_reads_alone_has_a_name_of_its_own_in_the_form(kind: str, own: str) -> None:
    assert field_of(0, {"name": "x", "kind": kind}, single=True).id == own
    assert field_of(3, {"name": "x", "kind": kind}, single=False).id == "in-3"


@pytest.mark.parametrize(
    ("declaration", "hint"),
    [
        ({"min": 1, "max": 20}, "1 to 20 in the rows"),
        ({"low": 0.5, "high": 2.25}, "0.5 to 2.25 in the rows"),
        ({"min": 0.5, "max": 2.25, "decimal": ","}, "0,5 to 2,25 in the rows"),
        ({"min": 1}, ""),
        ({"min": "a", "max": "b"}, ""),
        ({}, ""),
    ],
)
def test_the_bounds_of_a_number_are_told_as_the_column_writes_them(declaration: dict[str, Any], hint: str) -> None:
    assert hint_of(declaration) == hint


@pytest.mark.parametrize(
    ("kind", "more", "example", "value"),
    [
        ("number", {}, 1.5, "1.5"),
        ("number", {"decimal": ","}, 1.5, "1,5"),
        ("date", {}, "2024-05-06", "2024-05-06"),
        ("date", {"form": "%d/%m/%Y"}, "27/10/2024", "2024-10-27"),
        ("date", {}, "no date", ""),
        ("date", {"example": "2024-05-06 10:30:00"}, "2024-05-06 10:30:00", "2024-05-06T10:30"),
        ("text", {}, "文本 <b>", "文本 <b>"),
        ("text", {}, None, ""),
    ],
)
def test_a_field_begins_with_its_example_as_browsers_take_it(
    kind: str, more: dict[str, Any], example: Any, value: Any
) -> None:
    field = declared(kind, **({"example": example} | more))
    assert field.value == value
    (again,) = filled([declared(kind, **more)], {"in-2": example} if example is not None else {})
    assert again.value == value or "example" in more


# What is sent


@pytest.mark.parametrize(
    ("kind", "decimal", "text", "value"),
    [
        ("number", ".", "3.5", 3.5),
        ("number", ".", "1.200,50", "1.200,50"),
        ("number", ",", "3.5", "3.5"),
        ("number", "", "3", "3"),
        ("number", ".", "", None),
        ("number", ".", "nan", "nan"),
        ("text", ".", "", ""),
        ("query", ".", "", ""),
        ("line", ".", "", None),
        ("choice", ".", "red", "red"),
    ],
)
def test_what_was_written_goes_on_as_it_is_but_for_plain_numbers(
    kind: str, decimal: str, text: str, value: object
) -> None:
    made = of_text(Field("in-0", "x", kind, "X", decimal=decimal), text)
    assert (made.value, made.stored) == (value, text)


def test_a_small_picture_is_kept_whole_and_shown_with_its_size() -> None:
    content = picture(size=(24, 16))
    made = of_media(content, "image", "cat.png")
    address = "data:image/png;base64," + base64.b64encode(content).decode()
    assert (made.value, made.stored) == (address, address)
    assert made.media == [
        {"kind": "image", "name": "cat.png", "bytes": len(content), "width": 24, "height": 16, "address": address}
    ]


@pytest.mark.parametrize(
    ("content", "kind", "is_kept", "is_shown"),
    [
        (sound(3), "audio", True, True),
        (picture() + bytes(KEPT_BYTES), "image", False, True),
        (picture() + bytes(SHOWN_BYTES), "image", False, False),
        (sound(3), "image", False, False),
        (b"<svg onload=alert(1)>", "image", False, False),
    ],
    ids=["a small sound", "a larger picture", "a large picture", "a sound for a picture", "no picture"],
)
def test_what_is_large_or_of_another_kind_is_kept_by_its_name_alone(
    content: bytes, kind: str, is_kept: bool, is_shown: bool
) -> None:
    made = of_media(content, kind, "x" * 300)
    (preview,) = made.media
    assert (made.stored == made.value, preview["address"] == made.value) == (is_kept, is_shown)
    assert is_kept or made.stored.startswith("x" * 120 + ", ")
    assert len(preview["name"]) == 120


def test_texts_of_fields_leave_files_out_and_gaps_blank() -> None:
    fields = [
        Field("in-0", "size", "number", "Size"),
        Field("in-1", "photo", "image", "Photo"),
        Field("in-2", "note", "line", "Note"),
    ]
    assert texts_of(fields, {"size": 0, "photo": "a.png"}) == {"in-0": 0, "in-2": ""}


@pytest.mark.parametrize(
    ("example", "value", "shown"),
    [
        ("a text", "a text", {"text": "a text", "media": None, "row": False}),
        ({"input": {"size": 2}, "label": "big"}, {"size": 2}, {"text": "big", "media": None, "row": True}),
        ({"text": "old form"}, "old form", {"text": "old form", "media": None, "row": False}),
        (
            {"input": "a.png", "target": 3, "thumb": "data:x"},
            "a.png",
            {"text": "a.png", "media": None, "row": False, "thumb": "data:x"},
        ),
        ({}, None, {"text": "", "row": False}),
    ],
)
def test_an_example_of_any_artifact_is_a_button(example: Any, value: Any, shown: dict[str, Any]) -> None:
    assert input_of(example) == value
    assert button("0", example, None).items() >= ({"key": "0"} | shown).items()


# An artifact


@pytest.fixture
def run(workspace: Workspace) -> Run:
    made = things.run(things.prototype(workspace))
    folder = local(made)
    folder.mkdir(parents=True, exist_ok=True)
    declaration = [
        {"name": "size", "kind": "number", "decimal": "."},
        {"name": "colour", "kind": "category", "values": ["red", "blue"]},
    ]
    (folder / "manifest.json").write_text(json.dumps({"inputs": declaration}))
    (folder / "examples.json").write_text(json.dumps([{"input": {"size": 2, "colour": "red"}, "label": "a"}]))
    made.task = "tabular-classification"
    return made


def test_a_row_is_read_from_a_form_by_the_columns_names(run: Run) -> None:
    made = inputs.read(run, {"in-0": " 2.5 ", "in-1": "blue"}, {})
    assert made.value == {"size": 2.5, "colour": "blue"}
    assert (json.loads(made.stored), made.texts) == (made.value, {"in-0": "2.5", "in-1": "blue"})


def test_a_row_with_nothing_in_it_is_refused_with_a_next_step(run: Run) -> None:
    with pytest.raises(Problem) as refused:
        inputs.read(run, {"in-0": " ", "in-1": ""}, {})
    assert refused.value.hint == "Write something first."


def test_the_example_of_a_button_fills_the_form(run: Run) -> None:
    assert inputs.example_texts(run, "0") == {"in-0": 2, "in-1": "red"}
    assert inputs.try_it(run)["fields"][0].value == 2


@pytest.mark.parametrize("index", ["1", "-1", "x", "", "9" * 30, "0.0"])
def test_an_example_that_there_is_not_is_refused(run: Run, index: str) -> None:
    with pytest.raises(Problem) as refused:
        inputs.example_values(run, index)
    assert refused.value.code == "no_example"


@pytest.mark.parametrize("name", ["../manifest.json", "/etc/passwd", "..", "", "gone.png", "media/../../secret"])
def test_no_file_outside_the_artifact_is_an_example(run: Run, name: str) -> None:
    Path(local(run).parent / "secret").write_text("x")
    with pytest.raises(Problem) as refused:
        inputs.artifact_file(run, name)
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("declaration", "slider", "usual"),
    [
        (
            {"min": 18, "max": 97, "p5": 21, "p95": 74.4, "typical": 41},
            ("18", "97", "1", "41"),
            ("21", "74", "1", "41"),
        ),
        (
            {"min": 0.031, "max": 1.213, "p5": 0.0512, "p95": 1.166, "typical": 0.4},
            ("0.031", "1.213", "0.01", "0.4"),
            ("0.051", "1.2", "0.01", "0.4"),
        ),
        ({"min": -5, "max": 0}, ("-5", "0", "0.01", "-2.5"), None),
        ({"min": 7, "max": 7, "p5": 7, "p95": 7}, None, None),
        ({}, None, None),
    ],
)
def test_sliders_reach_over_the_rows_and_visitors_over_nine_of_ten(
    declaration: dict[str, Any], slider: tuple[str, ...] | None, usual: tuple[str, ...] | None
) -> None:
    field = field_of(0, {"name": "x", "kind": "number", **declaration}, single=False)
    assert (field.slider, field.usual) == (slider, usual)
    assert field_of(0, {"name": "x", "kind": "category", **declaration}, single=False).slider is None
