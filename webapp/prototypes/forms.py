"""Forms of the data page."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from trainer.suggestion import SHAPES
from webapp.catalog.words import role_title, task_title
from webapp.datasets.models import DatasetVersion


class MappingForm(forms.Form):
    """Which task, and which column plays which role; filled with the reader's guess."""

    def __init__(self, version: DatasetVersion, data: Any = None) -> None:
        super().__init__(data)
        names = [column["name"] for column in version.columns]
        suggestion = version.suggestion
        chosen = (data or {}).get("task") or suggestion.get("task")
        if chosen not in SHAPES:
            chosen = "text-classification"
        self.fields["task"] = forms.ChoiceField(
            label=_("Task"), choices=[(slug, task_title(slug)) for slug in SHAPES], initial=chosen
        )
        known = suggestion.get("columns", {}) if chosen == suggestion.get("task") else {}
        for role in known or SHAPES[chosen].roles:
            self.fields[f"role-{role}"] = forms.ChoiceField(
                label=role_title(role),
                choices=[("", _("Choose a column")), *((name, name) for name in names)],
                initial=known.get(role, ""),
                required=role in SHAPES[chosen].roles,
            )

    def columns(self) -> dict[str, str]:
        return {name[5:]: value for name, value in self.cleaned_data.items() if name.startswith("role-") and value}
