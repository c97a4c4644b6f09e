"""Forms of the data page."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from trainer import tasks
from webapp.datasets.models import DatasetVersion


class MappingForm(forms.Form):
    """Which task, and which column plays which role; filled with the reader's guess."""

    def __init__(self, version: DatasetVersion, data: Any = None) -> None:
        super().__init__(data)
        names = [column["name"] for column in version.columns]
        suggestion = version.suggestion
        chosen = (data or {}).get("task") or suggestion.get("task") or tasks.all()[0].slug
        self.fields["task"] = forms.ChoiceField(
            label=_("Task"), choices=[(task.slug, task.title) for task in tasks.all()], initial=chosen
        )
        for role in tasks.get(chosen).roles:
            self.fields[f"role-{role.name}"] = forms.ChoiceField(
                label=role.title,
                help_text=role.help,
                choices=[("", _("Choose a column")), *((name, name) for name in names)],
                initial=suggestion.get("columns", {}).get(role.name, ""),
                required=role.required,
            )

    def columns(self) -> dict[str, str]:
        return {name[5:]: value for name, value in self.cleaned_data.items() if name.startswith("role-") and value}
