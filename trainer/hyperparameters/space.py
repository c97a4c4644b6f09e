"""Which settings of a task a search tries, and between which bounds: from the task's own declaration.

Light: standard library and pydantic, since the site reads it too.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from trainer.errors import SpecError
from trainer.messages import _
from trainer.params import Params, check_params
from trainer.tasks.base import Task

MOST_DIMENSIONS, MOST_CHOICES = 20, 20
Given = Mapping[str, Mapping[str, Any]]
"""{setting: {low, high, log} or {choices}}."""


@dataclass(frozen=True)
class Dimension:
    """One setting that is searched: one of `choices` where there are any, else from `low` to `high`."""

    name: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    choices: tuple[Any, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        if self.choices:
            return {"choices": list(self.choices)}
        return {"low": self.low, "high": self.high, "log": self.log}


def offered(task: type[Task], method: str) -> dict[str, dict[str, Any]]:
    """{setting: {low, high, log, choices, usual}} of those that this method learns by, as their fields declare it."""
    declared = {
        name: field.json_schema_extra["search"]
        for name, field in task.params.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and isinstance(field.json_schema_extra.get("search"), dict)
    }
    return {
        name: {key: value for key, value in search.items() if key != "methods"}
        for name, search in declared.items()
        if isinstance(search, dict) and method in cast(list[str], search["methods"])
    }


def usual(task: type[Task], method: str) -> dict[str, dict[str, Any]]:
    """The space where nobody chooses one."""
    named = offered(task, method)
    return {
        name: {key: value for key, value in each.items() if key != "usual"}
        for name, each in named.items()
        if each.get("usual")
    }


def can_search(task: type[Task], method: str) -> bool:
    """Whether this method has settings that are worth a search."""
    return bool(offered(task, method))


def dimensions(
    task: type[Task], method: str, bounds: Given | None = None, fixed: Mapping[str, Any] | None = None
) -> list[Dimension]:
    """The space to search, checked. `fixed`: settings of all trials. Raises `SpecError` with the setting that is wrong."""
    space = bounds if bounds is not None else usual(task, method)
    if not space:
        raise SpecError(
            _("There is no setting to search."),
            code="bad_space",
            hint=_("Choose at least one setting.")
            if can_search(task, method)
            else _("The method “%(method)s” has no settings worth a search. Choose another method.", method=method),
        )
    if len(space) > MOST_DIMENSIONS:
        raise SpecError(
            _("A search over %(count)s settings cannot find anything.", count=len(space)),
            code="bad_space",
            hint=_("Search at most %(most)s of them.", most=MOST_DIMENSIONS),
        )
    both = sorted(set(space) & set(fixed or {}))
    if both:
        raise SpecError(
            _("%(name)s is both given and searched.", name=both[0]),
            code="bad_space",
            hint=_("Leave it out of one of the two."),
        )
    return [dimension(task.params, name, each) for name, each in space.items()]


def dimension(params: type[Params], name: str, bounds: Mapping[str, Any]) -> Dimension:
    unknown = set(bounds) - {"low", "high", "log", "choices", "usual"}
    if name not in params.model_fields or unknown:
        raise wrong(
            name,
            _("there is no setting of this name.") if not unknown else _("%(key)s is unknown.", key=min(unknown)[:80]),
        )
    if bounds.get("choices") is not None:
        return of_choices(params, name, bounds["choices"])
    low, high, log = number(bounds.get("low")), number(bounds.get("high")), bool(bounds.get("log"))
    if low is None or high is None:
        raise wrong(name, _("low and high, or choices, are missing."))
    if not low < high:
        raise wrong(name, _("low must be below high."))
    if log and low <= 0:
        raise wrong(name, _("on a logarithmic scale, low must be above 0."))
    whole = is_whole(params, name)
    if whole and (low != int(low) or high != int(high)):
        raise wrong(name, _("low and high must be whole numbers."))
    for bound in (low, high):
        check_params(params, {name: int(bound) if whole else bound})
    return Dimension(name, int(low) if whole else low, int(high) if whole else high, log, whole)


def of_choices(params: type[Params], name: str, choices: object) -> Dimension:
    if not isinstance(choices, list | tuple) or not 2 <= len(choices) <= MOST_CHOICES:
        raise wrong(name, _("give 2 to %(most)s choices.", most=MOST_CHOICES))
    if not all(isinstance(choice, str | int | float | bool) or choice is None for choice in choices):
        raise wrong(name, _("a choice is a number, a text, or true or false."))
    for choice in choices:
        check_params(params, {name: choice})
    if len({repr(choice) for choice in choices}) < len(choices):
        raise wrong(name, _("a choice is there twice."))
    return Dimension(name, choices=tuple(choices))


def wrong(name: str, why: str) -> SpecError:
    return SpecError(
        _("search.space.%(name)s: %(why)s", name=name[:80], why=why),
        code="bad_space",
        hint=_('Write {"low": 0.00001, "high": 0.001, "log": true} or {"choices": [16, 32]}.'),
    )


def number(value: object) -> float | None:
    """A finite number as it is, None for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value if abs(value) <= sys.float_info.max else None  # an int that no float holds is compared all the same


def is_whole(params: type[Params], name: str) -> bool:
    schema = params.model_json_schema()["properties"][name]
    kinds = {part.get("type") for part in schema.get("anyOf", [schema])}
    return "integer" in kinds and "number" not in kinds


def recommended(params: type[Params], space: list[Dimension]) -> dict[str, Any]:
    """The usual values of those settings that have one within the space: what the first trial tries."""
    values: dict[str, Any] = {}
    for each in space:
        default = params.model_fields[each.name].default
        as_number = number(default)
        is_within = as_number is not None and each.low <= as_number <= each.high
        if default in each.choices or (is_within and not each.choices):
            values[each.name] = default
    return values
