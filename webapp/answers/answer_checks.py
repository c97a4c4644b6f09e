"""What was checked of the texts that a model wrote to test prompts, in words."""

import json
from typing import Any

from django.utils.translation import gettext as _

from webapp.core.formats import count, percent

Report = dict[str, Any]


def titles() -> dict[str, str]:
    return {
        "length": _("Characters (median)"),
        "repeating": _("Repeat themselves"),
        "language": _("In the language of the actual answer"),
        "copied": _("50 characters of a training row, of the long ones"),
        "json": _("Valid JSON"),
        "schema": _("Match the schema of the training answers"),
    }


def context(report: Report) -> dict[str, Any]:
    """What the templates of the run page need of it."""
    schema = (report.get("answers") or {}).get("schema")
    return {
        "answer_checks": rows_of(report),
        "report_schema": json.dumps(schema, indent=1, ensure_ascii=False) if schema else "",
    }


def rows_of(report: Report) -> list[dict[str, str]]:
    """{title, model, base, truth} of each check, as the page shows them."""
    known = titles()
    listed = (report.get("answers") or {}).get("checks", [])
    return [
        {"title": known[each["name"]]} | {side: shown(each["name"], each[side]) for side in ("model", "base", "truth")}
        for each in listed
        if each["name"] in known
    ]


def shown(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    return count(round(value)) if name == "length" else percent(value)
