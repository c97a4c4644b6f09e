"""Forms generated from a task's parameter schema, so that a new task brings its own."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from pydantic import ValidationError

from trainer import tasks
from webapp.core.problems import Problem


class NumbersField(forms.CharField):
    """A list of numbers as a person writes it: “32, 64, 128”."""

    def to_python(self, value: object) -> Any:
        texts = [part for part in re.split(r"[\s,;]+", super().to_python(value) or "") if part]
        try:
            return [float(part) if "." in part else int(part) for part in texts]
        except ValueError as error:
            raise forms.ValidationError(_("Write numbers with commas between them, such as 32, 64, 128.")) from error


def field_of(schema: dict[str, Any]) -> forms.Field:
    """One form field for one property of a JSON schema: bounds, choices, title and help are the schema's."""
    label, description = (_(schema[name]) if schema.get(name) else "" for name in ("title", "description"))
    options: dict[str, Any] = {"label": label, "help_text": description, "required": False}
    kinds = {part.get("type") for part in schema.get("anyOf", [schema])}
    listed = next((part["enum"] for part in [schema, *schema.get("anyOf", [])] if "enum" in part), None)
    if listed:
        return forms.ChoiceField(choices=[("", _("recommended")), *((value, value) for value in listed)], **options)
    parts = [schema, *schema.get("anyOf", [])]
    bounds: dict[str, Any] = {
        f"{name[:3]}_value": next((part[name] for part in parts if name in part), None)
        for name in ("minimum", "maximum")
    }
    if "array" in kinds:
        return NumbersField(max_length=500, **options)
    if "boolean" in kinds:
        return forms.TypedChoiceField(choices=yes_or_no(schema), coerce=lambda text: text == "true", **options)
    if "integer" in kinds:
        return forms.IntegerField(**bounds, **options)
    if "number" in kinds:
        return forms.FloatField(**bounds, **options)
    return forms.CharField(max_length=500, **options)


def yes_or_no(schema: dict[str, Any]) -> list[tuple[str, str]]:
    """Empty means the recommended one, which is named where it does not depend on the data."""
    default = schema.get("default")
    word = _("recommended") if default is None else _("recommended: yes") if default else _("recommended: no")
    return [("", word), ("true", _("Yes")), ("false", _("No"))]


def shown(default: object) -> str:
    if isinstance(default, list | tuple):
        return ", ".join(map(str, default))
    return _("automatic") if default in (None, "") else str(default)


def as_written(value: object) -> Any:
    """A setting's value as its field shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def params_form(task: str, data: Mapping[str, Any] | None = None) -> forms.Form:
    """An unbound or bound form of a task's settings, each named `param-<name>`, empty meaning the recommended value."""
    properties = tasks.get(task).params.model_json_schema()["properties"]
    form = forms.Form(data, prefix="param")
    for name, schema in properties.items():
        field = field_of(schema)
        default = schema.get("default")
        field.widget.attrs["placeholder"] = shown(default)
        field.widget.attrs |= {"data-expert": ""} if schema.get("expert") else {}
        form.fields[name] = field
    return form


def is_expert(field: forms.BoundField) -> bool:
    """Whether it is a setting of the optimization itself, as `trainer.params.expert` marks them."""
    return "data-expert" in field.field.widget.attrs


def check_params(task: str, params: dict[str, Any]) -> dict[str, Any]:
    """The settings as the task's own model reads them; `Problem` names the one that is wrong."""
    try:
        return tasks.get(task).params.model_validate(params).model_dump(exclude_unset=True)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise Problem(
            f"params.{name}: {first['msg']}.",
            code="bad_params",
            hint="See GET /api/v1/tasks for the bounds.",
            field=str(first["loc"][0]) if first["loc"] else "",
        ) from error
