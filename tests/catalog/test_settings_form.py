"""The form of a task's settings, made from its schema: every bound in both directions, and what people really type."""

from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.utils import translation

from trainer import tasks
from webapp.catalog.forms import NumbersField, as_written, check_params, field_of, params_form, shown
from webapp.core.problems import Problem

SLUGS = [task.slug for task in tasks.all()]
INTEGER = {"type": "integer", "minimum": 1, "maximum": 10}
NUMBER = {"anyOf": [{"type": "number", "minimum": 0.5, "maximum": 2.5}, {"type": "null"}], "default": None}


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.mark.parametrize(
    ("schema", "typed", "read"),
    [
        (INTEGER, "1", 1), (INTEGER, " 10 ", 10), (INTEGER, "", None),
        (NUMBER, "0.5", 0.5), (NUMBER, "2.5", 2.5), (NUMBER, "", None),
        ({"type": "boolean", "default": True}, "true", True),
        ({"type": "boolean", "default": True}, "false", False),
        ({"type": "boolean", "default": True}, "", ""),
        ({"enum": ["adam", "sgd"]}, "sgd", "sgd"),
        ({"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]}, "", ""),
        ({"type": "array"}, "32, 64;128  7", [32, 64, 128, 7]),
        ({"type": "array"}, "0.5 1", [0.5, 1]),
        ({"type": "array"}, "", []),
        ({"type": "string"}, "<b>", "<b>"),
    ],
)  # fmt: skip
def test_what_is_typed_is_read(schema: dict[str, Any], typed: str, read: Any) -> None:
    assert field_of(schema).clean(typed) == read


@pytest.mark.parametrize(
    ("schema", "typed"),
    [
        (INTEGER, "0"), (INTEGER, "11"), (INTEGER, "1.5"), (INTEGER, "many"), (INTEGER, "9" * 5000),
        (NUMBER, "0.49"), (NUMBER, "2.51"), (NUMBER, "nan"), (NUMBER, "inf"), (NUMBER, "1,5"),
        ({"type": "boolean"}, "maybe"),
        ({"enum": ["adam", "sgd"]}, "rmsprop"),
        ({"type": "array"}, "32, many"), ({"type": "array"}, "1e3"), ({"type": "array"}, "1 " * 501),
        ({"type": "string"}, "x" * 501),
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_is_refused(schema: dict[str, Any], typed: str) -> None:
    with pytest.raises(forms.ValidationError):
        field_of(schema).clean(typed)


@pytest.mark.parametrize(
    ("default", "recommended"), [(None, "recommended"), (True, "recommended: yes"), (False, "recommended: no")]
)
def test_a_switch_names_what_is_recommended(default: bool | None, recommended: str) -> None:
    field = field_of({"type": "boolean", "default": default})
    assert isinstance(field, forms.ChoiceField)
    assert [str(label) for _value, label in field.choices] == [recommended, "Yes", "No"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "automatic"), ("", "automatic"), (0, "0"), (False, "False"), ([1, 2], "1, 2"), (0.5, "0.5")],
)
def test_an_empty_field_shows_what_it_stands_for(value: object, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize("slug", SLUGS)
def test_every_setting_of_every_task_has_a_field_and_may_stay_empty(slug: str) -> None:
    names = set(tasks.get(slug).params.model_json_schema()["properties"])
    form = params_form(slug, {})
    assert set(form.fields) == names
    assert form.is_valid(), form.errors
    assert all(str(field.label) for field in form.fields.values())
    assert 'name="param-' in form.as_p()


@pytest.mark.parametrize("slug", SLUGS)
def test_what_a_field_shows_is_read_back_as_the_same(slug: str) -> None:
    """A run that is opened again has its own settings in the form, and sends them as they were."""
    defaults = tasks.get(slug).params().model_dump()
    given = {name: value for name, value in defaults.items() if value not in (None, "", [], ())}
    form = params_form(slug, {f"param-{name}": as_written(value) for name, value in given.items()})
    assert form.is_valid(), form.errors
    read = {name: form.cleaned_data[name] for name in given}
    assert read == {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


@pytest.mark.parametrize(
    ("value", "written"), [(True, "true"), (False, "false"), ((1, 2.5), "1, 2.5"), (3, 3), ("a", "a")]
)
def test_a_value_as_its_field_writes_it(value: object, written: object) -> None:
    assert as_written(value) == written


def test_lists_are_read_whatever_stands_between_the_numbers() -> None:
    field = NumbersField(required=False)
    assert {tuple(field.clean(text)) for text in ("1,2", "1, 2", "1;2", "1\n2", " 1  2 ", "1,,2")} == {(1, 2)}
    with pytest.raises(forms.ValidationError, match="commas"):
        field.clean("1/2")


@pytest.mark.parametrize("slug", SLUGS)
def test_a_wrong_setting_is_named(slug: str) -> None:
    with pytest.raises(Problem) as refused:
        check_params(slug, {"no_such_setting": 1})
    assert (refused.value.code, refused.value.field) == ("bad_params", "no_such_setting")
    assert "no_such_setting" in refused.value.message
    assert check_params(slug, {}) == {}, "what was not set is not stored"


def test_a_setting_of_the_wrong_kind_names_the_first() -> None:
    with pytest.raises(Problem) as refused:
        check_params("text-classification", {"epochs": "many"})
    assert refused.value.field == "epochs"
