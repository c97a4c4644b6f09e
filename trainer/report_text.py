"""The report of an artifact to read on a terminal: its model card and, of models that write, answers beside those of the base model."""

import json
from pathlib import Path
from typing import Any

from trainer.errors import UserError
from trainer.messages import _

ANSWERS = ("row", "base", "predicted", "truth", "rouge_l")
SHOWN = 24
"""Test rows."""
LONGEST = 200
"""Characters of a cell."""


def report_text(artifact: Path) -> str:
    """As Markdown; `UserError` for a folder without a report."""
    report = read_report(artifact)
    path = artifact / "README.md"
    card = path.read_text("utf-8").partition("## Use it without")[0].strip() if path.is_file() else ""
    return "\n\n".join(filter(None, [card, side_by_side(report)]))


def read_report(artifact: Path) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads((artifact / "report.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            _("%(artifact)s holds no report.", artifact=artifact),
            code="no_report",
            hint=_("Give an artifact's folder."),
        ) from error
    return report


def prompt_of(mistake: dict[str, Any]) -> str:
    """What was asked, under the name that the task has for it."""
    return str(next((mistake[key] for key in mistake if key not in ANSWERS), ""))


def side_by_side(report: dict[str, Any]) -> str:
    """A table of test prompts with the answers of the base model and of this one; nothing where none were written."""
    if not report.get("answers"):
        return ""
    sides = {"base": "base model", "predicted": "this model", "truth": "actual"}
    if not report["answers"]["base"]:
        del sides["base"]
    lines = [f"| row | prompt | {' | '.join(sides.values())} |", f"|---|---|{'---|' * len(sides)}"]
    for each in report["mistakes"][:SHOWN]:
        cells = [str(each["row"]), cell(prompt_of(each)), *(cell(each[side]) for side in sides)]
        lines.append(f"| {' | '.join(cells)} |")
    return "## Side by side\n\n" + "\n".join(lines)


def cell(text: str) -> str:
    short = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return short.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ⏎ ")
