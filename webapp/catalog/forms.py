"""Forms generated from a task's parameter schema, so that a new task brings its own."""

from typing import Any

from django import forms
from pydantic import ValidationError

from trainer import tasks
from webapp.core.problems import Problem


def field_of(schema: dict[str, Any]) -> forms.Field:
    """One form field for one property of a JSON schema: bounds, choices, title and help are the schema's."""
    options = {"label": schema.get("title", ""), "help_text": schema.get("description", ""), "required": False}
    kinds = {part.get("type") for part in schema.get("anyOf", [schema])}
    if "enum" in schema:
        return forms.ChoiceField(choices=[(value, value) for value in schema["enum"]], **options)
    bounds = {"min_value": schema.get("minimum"), "max_value": schema.get("maximum")}
    if "boolean" in kinds:
        return forms.NullBooleanField(**options)
    if "integer" in kinds:
        return forms.IntegerField(**bounds, **options)
    if "number" in kinds:
        return forms.FloatField(**bounds, **options)
    return forms.CharField(max_length=500, **options)


def params_form(task: str, data: Any = None) -> forms.Form:
    """An unbound or bound form of a task's settings, each named `param-<name>`, empty meaning the recommended value."""
    properties = tasks.get(task).params.model_json_schema()["properties"]
    form = forms.Form(data, prefix="param")
    for name, schema in properties.items():
        field = field_of(schema)
        default = schema.get("default")
        field.widget.attrs["placeholder"] = "" if default is None else str(default)
        form.fields[name] = field
    return form


def check_params(task: str, params: dict[str, Any]) -> dict[str, Any]:
    """The settings as the task's own model reads them; `Problem` names the one that is wrong."""
    try:
        return tasks.get(task).params.model_validate(params).model_dump(exclude_unset=True)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise Problem(
            f"params.{name}: {first['msg']}.", code="bad_params", hint="See GET /api/v1/tasks for the bounds."
        ) from error
