"""Forms of the data page."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from trainer.suggestion import SHAPES
from webapp.catalog.words import role_title, task_title
from webapp.datasets.models import DatasetVersion

FOLDS = 5


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
