"""What a base model's licence forbids, or asks for, as far as its identifier says: told before training and before sharing.

Identifiers are those of the hub's model cards (SPDX's in small letters, and the hub's own for community licences). This is no
legal advice: what is told says where to look.
"""

import json
import re
from pathlib import Path

from trainer.messages import gettext_noop

NOTES = {
    "commercial": gettext_noop("Its licence forbids commercial use: do not sell this model, or use it in a business."),
    "sharing": gettext_noop("Its licence forbids passing on changed versions: a trained model must stay with you."),
    "terms": gettext_noop(
        "Its licence has terms of use of its own (what it may be used for, how it is named): read them before you share a model."
    ),
    "unknown": gettext_noop("Its licence is unknown: ask its authors before you share or sell a trained model."),
}
"""{code: what is told}."""
FORBID = ("commercial", "sharing")
"""Of these, what forbids a use."""
UNKNOWN = {"", "other", "unknown", "unknown licence", "see the base model"}
FREE = re.compile(r"apache|mit\b|bsd|isc\b|cc0|unlicense|cc-by(-sa)?-\d|\bl?gpl|agpl|mpl|odc|cdla|^own$|^–$")
TERMS = re.compile(
    r"llama|gemma|openrail|bigscience|bigcode|creativeml|community|deepfloyd|falcon|tongyi|qwen|apple-a|nvidia"
)
OWN = "own"
"""Of a model that nobody else's weights are in."""
CARD = "README.md"
FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*$", re.DOTALL | re.MULTILINE)
LINE = re.compile(r"^licen[cs]e(_name)?:\s*['\"]?([^'\"\n#]+)", re.MULTILINE)
LONGEST = 100
"""Characters of an identifier."""


def restrictions(licence: str) -> list[str]:
    """Keys of NOTES, in their order; none of a licence that lets a trained model be used, shared and sold."""
    name = licence.strip().lower().replace(" ", "-").replace("_", "-")
    if licence.strip().lower() in UNKNOWN:
        return ["unknown"]
    restricted = {
        "commercial": bool(re.search(r"-nc\b|non-?commercial|research", name)),
        "sharing": bool(re.search(r"-nd\b|no-?deriv", name)),
        "terms": bool(TERMS.search(name)),
    }
    codes = [code for code, holds in restricted.items() if holds]
    return codes if codes or FREE.search(name) else ["unknown"]


def notes(licence: str) -> list[str]:
    """The English sentences of `restrictions`."""
    return [NOTES[code] for code in restrictions(licence)]


def licence_in(folder: Path) -> str:
    """The identifier that a model's card names, from the front matter of README.md; empty where there is none."""
    try:
        text = (folder / CARD).read_text("utf-8")[:50_000]
    except (OSError, ValueError):
        return ""
    front = FRONT.match(text)
    lines = {bool(line[1]): line[2].strip() for line in LINE.finditer(front[1])} if front else {}
    named, own = lines.get(True, ""), lines.get(False, "")
    return (named if named and own.lower() in UNKNOWN else own)[:LONGEST]


def licence_of_artifact(artifact: Path) -> str | None:
    """That of the model that a run began with, as its manifest has it; None where it says nothing of it."""
    try:
        licence = json.loads((artifact / "manifest.json").read_text("utf-8")).get("licence")
    except (OSError, ValueError, AttributeError):
        return None
    return str(licence) if licence is not None else None
