"""Forms of the data page."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from trainer.suggestion import SHAPES, first_fit, possible
from webapp.catalog.words import role_title, task_title, trainable
from webapp.datasets.models import DatasetVersion

FOLDS = 5


def offered_tasks(version: DatasetVersion) -> list[str]:
    """The tasks that the file can be and that can be trained, and the one that it is now."""
    now = version.suggestion.get("task")
    can_be = possible(version.columns)
    return [slug for slug in SHAPES if slug == now or (slug in can_be and trainable(slug))]


class MappingForm(forms.Form):
    """Which column plays which role in a task; filled with the reader's guess. `task` is one of `offered_tasks`."""

    task = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, version: DatasetVersion, data: Any = None, task: str = "") -> None:
        self.offered = offered_tasks(version)
        suggestion = version.suggestion
        wanted = [(data or {}).get("task"), task, suggestion.get("task"), *self.offered]
        self.chosen = next((slug for slug in wanted if slug in self.offered), "")
        super().__init__(data, initial={"task": self.chosen})
        if self.chosen:
            self.add_roles(version, suggestion)

    def add_roles(self, version: DatasetVersion, suggestion: dict[str, Any]) -> None:
        names = [column["name"] for column in version.columns]
        is_current = self.chosen == suggestion.get("task")
        known = suggestion.get("columns", {}) if is_current else first_fit(version.columns, self.chosen) or {}
        needed = SHAPES[self.chosen].roles
        for role in known or needed:
            self.fields[f"role-{role}"] = forms.ChoiceField(
                label=role_title(role),
                choices=[("", _("Choose a column")), *((name, name) for name in names)],
                initial=known.get(role, ""),
                required=role in needed,
                error_messages={"required": _("Choose a column.")},
            )

    @property
    def tasks(self) -> list[tuple[str, str]]:
        return [(slug, task_title(slug)) for slug in self.offered]

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or {}
        if asked.get("task") != self.chosen:
            self.add_error(None, _("This file cannot be used for that task."))
        taken: dict[str, str] = {}
        for field, name in list(asked.items()):
            if field.startswith("role-") and name:
                if name in taken:
                    self.add_error(field, _("This column is chosen twice."))
                taken[name] = field
        return asked

    def columns(self) -> dict[str, str]:
        return {name[5:]: value for name, value in self.cleaned_data.items() if name.startswith("role-") and value}


class SplitForm(forms.Form):
    """How the rows that test a model are put aside; filled with how it was done."""

    HOW = (
        ("chance", _("By chance")),
        ("group", _("By chance, but rows that belong together stay together")),
        ("time", _("The newest rows are the test")),
        ("folds", _("In five rounds, each testing on another fifth: for few rows")),
    )
    how = forms.ChoiceField(label=_("How"), choices=HOW)
    group = forms.ChoiceField(
        label=_("Rows belong together by"), required=False, help_text=_("A customer, a patient, a conversation …")
    )
    time = forms.ChoiceField(
        label=_("Their date is in"),
        required=False,
        help_text=_("Tests as in life: learned from the past, asked later."),
    )
    test = forms.IntegerField(
        label=_("Percent to test on"), min_value=5, max_value=50, help_text=_("A fifth is usual.")
    )
    seed = forms.IntegerField(
        label=_("Number of the draw"),
        min_value=0,
        max_value=2**31 - 1,
        help_text=_("The same number draws the same rows again."),
    )

    def __init__(self, version: DatasetVersion, data: Any = None) -> None:
        wanted = version.split.get("wanted") or {}
        initial = {
            "how": next((how for how in ("folds", "group", "time") if wanted.get(how)), "chance"),
            "group": wanted.get("group"),
            "time": wanted.get("time"),
            "test": round(100 * wanted.get("test", 0.2)),
            "seed": version.split.get("seed") or 0,
        }
        super().__init__(data, initial=initial, prefix="split")
        dates = [column["name"] for column in version.columns if column["kind"] == "date"]
        names = [column["name"] for column in version.columns]
        self.fields["group"].choices = [("", _("Choose a column")), *((name, name) for name in names)]
        self.fields["time"].choices = [("", _("Choose a column")), *((name, name) for name in dates or names)]

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or {}
        how = asked.get("how")
        if how in ("group", "time") and not asked.get(how):
            self.add_error(how, _("Choose a column for it."))
        return asked

    def wanted(self) -> dict[str, Any]:
        """The reader's `split`, without what is usual."""
        asked = self.cleaned_data
        split = {"test": asked["test"] / 100, "seed": asked["seed"]}
        usual = {"test": 0.2, "seed": 0}
        chosen = {name: value for name, value in split.items() if value != usual[name]}
        if asked["how"] == "folds":
            return chosen | {"folds": FOLDS}
        return chosen | ({asked["how"]: asked[asked["how"]]} if asked["how"] != "chance" else {})
