"""What the trainer says, in the reader's language (see `trainer/messages.py`)."""

from typing import Any

from django.utils.translation import get_language, gettext, ngettext

from webapp.core.problems import Problem

JOINS = {"zh-hans": {" ": "", ", ": "、", "; ": "；"}}
"""How parts are joined where that differs from English."""


def translated(entry: dict[str, Any] | Problem | None, name: str = "message") -> str:
    """The sentence under `name` of a problem, an error or an event. English, as it came, for one that has no translation."""
    entry = entry.as_dict() if isinstance(entry, Problem) else entry or {}
    english = str(entry.get(name) or "")
    source = (entry.get("i18n") or {}).get(name)
    try:
        return render(source) if isinstance(source, dict) else english
    except (KeyError, TypeError, ValueError, AttributeError):
        return english


def problem_of_error(error: dict[str, Any], kind: type[Problem] = Problem, **options: Any) -> Problem:
    """An error that a row keeps, or the trainer raised, to be raised for the reader."""
    return kind(translated(error), code=error["code"], hint=translated(error, "hint"), **options)


def render(source: object) -> str:
    """Raises `KeyError` for a template that is not translated: what is formatted is a template of ours and no other."""
    if not isinstance(source, dict):
        return str(source)
    if "parts" in source:
        join = str(source["join"])
        join = JOINS.get(get_language() or "", {}).get(join, join)
        return join.join(render(part) for part in source["parts"])
    text, plural = source["text"], source.get("plural")
    template = ngettext(text, plural, source["count"]) if plural else gettext(text)
    if template in (text, plural):
        raise KeyError(text)
    values = source.get("values")
    return template % {name: render(value) for name, value in values.items()} if values else template


def error_of(outcome: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a trainer's last event when it is an error: {code, message, hint, i18n?}."""
    error: dict[str, Any] = {name: outcome.get(name, "") for name in ("code", "message", "hint")}
    return error | ({"i18n": outcome["i18n"]} if isinstance(outcome.get("i18n"), dict) else {})
