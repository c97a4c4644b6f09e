"""What a model answered, cut to what a judgement keeps and said in a few words."""

from typing import Any

from django.utils.translation import gettext as _

from webapp.core.words import figure

SHOWN_CLASSES, KEPT_OBJECTS, KEPT_TEXT = 5, 20, 2_000


def shortened(output: dict[str, Any]) -> dict[str, Any]:
    """The part of an answer that is kept with a judgement."""
    found = dict(output)
    if "scores" in found:
        found["scores"] = found["scores"][:SHOWN_CLASSES]
    if "objects" in found:
        found["objects"] = found["objects"][:KEPT_OBJECTS]
    if "text" in found:
        found["text"] = str(found["text"])[:KEPT_TEXT]
    return found


def said(output: Any) -> str:
    """An answer in a few words: a label, a number, a text, or how many of what."""
    if not isinstance(output, dict):
        return str(output)
    if "label" in output:
        return str(output["label"])
    if "value" in output:
        return figure(output["value"])
    if "objects" in output:
        return counted(output["objects"])
    return str(output.get("text", "")).strip() or _("no words recognized")


def counted(objects: list[dict[str, Any]]) -> str:
    """“2 × cat, 1 × dog”, in the order of their scores."""
    counts: dict[str, int] = {}
    for one in objects:
        counts[one["label"]] = counts.get(one["label"], 0) + 1
    return ", ".join(f"{count} × {label}" for label, count in counts.items()) or _("nothing recognized")
