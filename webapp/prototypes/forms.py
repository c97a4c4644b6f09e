"""Forms of the data page."""

from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext_lazy as _

from trainer import tasks
from trainer.columns import ColumnProfile
from trainer.roles import ANSWER, INPUT, ROLES, SPLITTING
from trainer.spec import FOLD_COUNT
from trainer.suggestion import first_fit, possible
from webapp.catalog.titles import column_role_title, role_title, task_title, trainable
from webapp.datasets.models import DatasetVersion

MOST_COLUMNS = 200
"""Columns of a table whose role can be chosen on the page; the API takes any."""


def offered_tasks(version: DatasetVersion) -> list[str]:
    """The tasks that the file can be and that can be trained, and the one that it is now."""
    now = version.suggestion.get("task")
    can_be = possible(version.columns)
    return [slug for slug in tasks.shapes() if slug == now or (slug in can_be and trainable(slug))]


class MappingForm(forms.Form):
    """Which column plays which role in a task; filled with the reader's guess. `task` is one of `offered_tasks`."""

    task = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, version: DatasetVersion, data: Mapping[str, Any] | None = None, task: str = "") -> None:
        self.offered = offered_tasks(version)
        suggestion = version.suggestion
        candidates = [(data or {}).get("task"), task, suggestion.get("task"), *self.offered]
        self.chosen = next((slug for slug in candidates if slug in self.offered), "")
        super().__init__(data, initial={"task": self.chosen})
        if self.chosen:
            self.add_roles(version, suggestion)

    def add_roles(self, version: DatasetVersion, suggestion: dict[str, Any]) -> None:
        is_current = self.chosen == suggestion.get("task")
        self.known = suggestion.get("columns", {}) if is_current else first_fit(version.columns, self.chosen) or {}
        if tasks.shapes()[self.chosen].reads:
            self.add_task_columns([column["name"] for column in version.columns])
            return
        self.named = version.columns[:MOST_COLUMNS]
        self.roles_before = version.roles if is_current else version.roles_under(self.chosen, self.known)
        choices = [(role, column_role_title(role)) for role in ROLES]
        for place, column in enumerate(self.named):
            self.fields[f"use-{place}"] = forms.ChoiceField(
                label=column["name"], choices=choices, initial=self.roles_before.get(column["name"], INPUT)
            )

    def add_task_columns(self, names: list[str]) -> None:
        needed = tasks.shapes()[self.chosen].roles
        for role in self.known or needed:
            self.fields[f"role-{role}"] = forms.ChoiceField(
                label=role_title(role),
                choices=[("", _("Choose a column")), *((name, name) for name in names)],
                initial=self.known.get(role, ""),
                required=role in needed,
                error_messages={"required": _("Choose a column.")},
            )

    @property
    def tasks(self) -> list[tuple[str, str]]:
        return [(slug, task_title(slug)) for slug in self.offered]

    @property
    def is_table(self) -> bool:
        return bool(self.chosen) and not tasks.shapes()[self.chosen].reads

    @property
    def uses(self) -> list[tuple[BoundField, ColumnProfile]]:
        """The fields of a table's columns, each with its column of the profile."""
        return [(self[f"use-{place}"], column) for place, column in enumerate(self.named if self.is_table else [])]

    def clean(self) -> dict[str, Any]:
        fields = super().clean() or {}
        if fields.get("task") != self.chosen:
            self.add_error(None, _("This file cannot be used for this task."))
        elif self.is_table:
            self.clean_uses(fields)
        else:
            self.clean_columns(fields)
        return fields

    def clean_columns(self, fields: dict[str, Any]) -> None:
        taken: dict[str, str] = {}
        for field, name in list(fields.items()):
            if field.startswith("role-") and name:
                if name in taken:
                    self.add_error(field, _("This column is selected twice."))
                taken[name] = field

    def clean_uses(self, fields: dict[str, Any]) -> None:
        """One answer, and at most one group and one time: of two, the one chosen last has it, and the other becomes an
        input."""
        for role in (ANSWER, *SPLITTING):
            places = [place for place in range(len(self.named)) if fields.get(f"use-{place}") == role]
            fresh = [place for place in places if self.roles_before.get(self.named[place]["name"]) != role]
            if len(places) > 1 and len(fresh) == 1:
                for place in set(places) - set(fresh):
                    fields[f"use-{place}"] = INPUT
            elif len(places) > 1:
                self.add_error(f"use-{places[-1]}", _("Only one column can be this."))
            elif not places and role == ANSWER and not self.errors:
                self.add_error(None, _("Choose the column to predict: set it to Answer."))

    def columns(self) -> dict[str, str]:
        """{role of the task: column}."""
        if self.is_table:
            answer = next(name for name, role in self.asked_roles().items() if role == ANSWER)
            return {tasks.shapes()[self.chosen].answer: answer}
        return {name[5:]: value for name, value in self.cleaned_data.items() if name.startswith("role-") and value}

    def asked_roles(self) -> dict[str, str]:
        return {column["name"]: self.cleaned_data[f"use-{place}"] for place, column in enumerate(self.named)}

    def roles(self) -> dict[str, str]:
        """{column: role} of a table's columns whose role was changed; the answer is told by `columns`."""
        if not self.is_table:
            return {}
        roles = self.asked_roles()
        return {name: role for name, role in roles.items() if role not in (ANSWER, self.roles_before.get(name))}


class PrototypeForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    summary = forms.CharField(
        label=_("Description"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": _("Sorts customer messages by topic")}),
        help_text=_("Shown on its card, and on new demos below the title."),
    )


def choice_field(form: forms.Form, name: str) -> forms.ChoiceField:
    return cast(forms.ChoiceField, form.fields[name])


class SplitForm(forms.Form):
    """How the rows that test a model are put aside; filled with how it was done."""

    HOW = (
        ("chance", _("Random, stratified")),
        ("group", _("Random, keeping groups together")),
        ("time", _("By time: test on the newest rows")),
        ("folds", _("5-fold cross-validation, for small datasets")),
    )
    how = forms.ChoiceField(label=_("Method"), choices=HOW)
    group = forms.ChoiceField(
        label=_("Group column"),
        required=False,
        help_text=_("Rows with the same value stay in the same split: a customer, a patient, a conversation…"),
    )
    time = forms.ChoiceField(
        label=_("Date column"),
        required=False,
        help_text=_("Trains on the past and tests on what came later."),
    )
    test = forms.IntegerField(label=_("Test share, in percent"), min_value=5, max_value=50, help_text=_("Usually 20."))
    seed = forms.IntegerField(
        label=_("Random seed"),
        min_value=0,
        max_value=2**31 - 1,
        help_text=_("The same seed gives the same split."),
    )

    def __init__(self, version: DatasetVersion, data: Mapping[str, Any] | None = None) -> None:
        split = version.split.get("wanted") or {}
        initial = {
            "how": next((how for how in ("folds", "group", "time") if split.get(how)), "chance"),
            "group": split.get("group"),
            "time": split.get("time"),
            "test": round(100 * split.get("test", 0.2)),
            "seed": version.split.get("seed") or 0,
        }
        super().__init__(data, initial=initial, prefix="split")
        dates = [column["name"] for column in version.columns if column["kind"] == "date"]
        names = [column["name"] for column in version.columns]
        choice_field(self, "group").choices = [("", _("Choose a column")), *((name, name) for name in names)]
        choice_field(self, "time").choices = [("", _("Choose a column")), *((name, name) for name in dates or names)]

    def clean(self) -> dict[str, Any]:
        fields = super().clean() or {}
        how = fields.get("how")
        if how in ("group", "time") and not fields.get(how):
            self.add_error(how, _("Choose a column."))
        return fields

    def wanted(self) -> dict[str, Any]:
        """The reader's `split`, without what is usual."""
        fields = self.cleaned_data
        split = {"test": fields["test"] / 100, "seed": fields["seed"]}
        usual = {"test": 0.2, "seed": 0}
        chosen = {name: value for name, value in split.items() if value != usual[name]}
        if fields["how"] == "folds":
            return chosen | {"folds": FOLD_COUNT}
        return chosen | ({fields["how"]: fields[fields["how"]]} if fields["how"] != "chance" else {})
