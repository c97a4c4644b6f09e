"""The part of the train page that chooses which settings a search tries, made from what the task declares for the method."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from trainer import tasks
from trainer.errors import SpecError
from trainer.hyperparameters import space
from trainer.params import Params
from trainer.spec import MOST_TRIALS
from webapp.core.sentences import translated
from webapp.runs.searches import MOST_AT_ONCE, USUAL_TRIALS

PREFIX = "search"


class SearchForm(forms.Form):
    """How many trials; the settings are fields `on-NAME`, `low-NAME` and `high-NAME`, or `choices-NAME`."""

    trials = forms.IntegerField(label=gettext_lazy("Trials"), min_value=1, max_value=MOST_TRIALS, required=False)
    at_once = forms.IntegerField(label=gettext_lazy("At once"), min_value=1, max_value=MOST_AT_ONCE, required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        params: type[Params],
        offered: dict[str, dict[str, Any]],
        titles: dict[str, str],
    ) -> None:
        super().__init__(data, prefix=PREFIX)
        self.params, self.offered, self.titles = params, offered, titles
        self.fields["trials"].widget.attrs["placeholder"] = str(USUAL_TRIALS)
        self.fields["at_once"].widget.attrs["placeholder"] = "1"
        for name, declared in offered.items():
            self.add_setting(name, declared)

    def add_setting(self, name: str, declared: dict[str, Any]) -> None:
        title = self.titles[name]
        is_on = forms.BooleanField(label=title, required=False, initial=bool(declared.get("usual")))
        self.fields[f"on-{name}"] = is_on
        if declared.get("choices"):
            self.fields[f"choices-{name}"] = forms.CharField(
                label=_("Choices of “%(title)s”") % {"title": title},
                required=False,
                max_length=300,
                initial=", ".join(map(str, declared["choices"])),
            )
            return
        for end, label in (("low", _("Lowest “%(title)s”")), ("high", _("Highest “%(title)s”"))):
            field = forms.FloatField(label=label % {"title": title}, required=False, initial=declared[end])
            field.widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
            self.fields[f"{end}-{name}"] = field

    @property
    def rows(self) -> list[dict[str, Any]]:
        """[{on, low, high, choices}]: the bound fields of each setting."""
        names = ("on", "low", "high", "choices")
        return [
            {part: self[f"{part}-{name}"] for part in names if f"{part}-{name}" in self.fields} for name in self.offered
        ]

    def clean(self) -> dict[str, Any]:
        """What a search would refuse is told beside the field."""
        for name, given in self.space().items():
            field = f"{'choices' if 'choices' in given else 'low'}-{name}"
            if "low" in given and given["low"] >= given["high"]:
                self.add_error(field, _("The first value must be below the second."))
                continue
            try:
                space.dimension(self.params, name, given)
            except SpecError as error:
                self.add_error(field, translated(error.as_dict()))
        return self.cleaned_data

    def space(self) -> dict[str, dict[str, Any]]:
        """What is to be searched, as a request would write it; a cleaned form's."""
        values = self.cleaned_data
        return {
            name: self.setting(name, declared) for name, declared in self.offered.items() if values.get(f"on-{name}")
        }

    def setting(self, name: str, declared: dict[str, Any]) -> dict[str, Any]:
        values = self.cleaned_data
        if declared.get("choices"):
            parts = [part.strip() for part in (values.get(f"choices-{name}") or "").split(",") if part.strip()]
            return {"choices": [read(part) for part in parts] or declared["choices"]}
        low, high = (values.get(f"{end}-{name}") for end in ("low", "high"))
        ends = {"low": declared["low"] if low is None else low, "high": declared["high"] if high is None else high}
        return ends | ({"log": True} if declared.get("log") else {})


def read(text: str) -> Any:
    """A choice as it is meant: a number, yes or no, or a name."""
    if text in ("true", "false"):
        return text == "true"
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() and "." not in text else value


def form_of(slug: str, method: str) -> Callable[..., SearchForm]:
    """The form class for a task's method, for `shown_form`."""
    task = tasks.get(slug)
    offered = space.offered(task, method)
    titles = {name: _(str(task.params.model_fields[name].title or name)) for name in offered}

    def make(data: Mapping[str, Any] | None = None) -> SearchForm:
        return SearchForm(data, params=task.params, offered=offered, titles=titles)

    return make
