"""What an answer depends on, as pages show it; the form that serving gives is in docs/serving.md."""

import itertools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.core.formats import MISSING, figure, number, percent

Explanation = Mapping[str, Any]
SHOWN = 8
"""Parts that are listed, the weightiest first; the others as one in a waterfall."""
LEVELS = 5
"""Of how strongly a part is marked."""
LEAST_SHARE, LEAST = 0.1, 0.001
"""Of the weightiest part, and of a probability, below which a word or a region is not marked."""
MOST_REGIONS = 3
"""That are listed: the picture shows them all."""
METHODS = {
    "shap": gettext_lazy("Exact SHAP values of the trees"),
    "sums": gettext_lazy("Exact terms of a linear model"),
    "scores": gettext_lazy("The scores by which sentences were chosen"),
    "occlusion": gettext_lazy("Occlusion: each part left out in turn"),
    "lime": gettext_lazy("LIME: many random parts left out together"),
    "grad_cam": gettext_lazy("Grad-CAM: which of the network’s last features speak for the answer"),
    "attention_rollout": gettext_lazy("Attention rollout: where the network looks, whatever the answer"),
}
NAMES = {
    "shap": gettext_lazy("SHAP"),
    "sums": gettext_lazy("Terms of the model"),
    "scores": gettext_lazy("Scores"),
    "occlusion": gettext_lazy("Occlusion"),
    "lime": gettext_lazy("LIME"),
    "grad_cam": gettext_lazy("Grad-CAM"),
    "attention_rollout": gettext_lazy("Attention rollout"),
}
"""Of the methods, on buttons."""
UNITS = {
    "probability": gettext_lazy("How far the probability of the answer falls without the part."),
    "score": gettext_lazy("How much of the answer’s score the part carries."),
    "share": gettext_lazy("How much of the text changes without the part."),
    "number": gettext_lazy("What the part adds to the number."),
    "log_odds": gettext_lazy(
        "What the part adds to the chances of the answer (log odds): above 0 for it, below 0 against it."
    ),
    "nats": gettext_lazy("How much less likely the answer is without the part, in nats."),
    "heat": gettext_lazy("How much of all the heat lies there: the warmer, the more it counts."),
}
PERCENTS = ("probability", "share", "heat")


class Part(NamedTuple):
    """`level`: 0 (not marked) to LEVELS; `weight` in words with its sign; `start` and `share` (0 to 100) place its bar."""

    name: str
    value: str
    weight: str
    speaks_for: bool
    level: int
    start: float
    share: float


class Why(NamedTuple):
    """`parts` as serving gave them; `listed` the weightiest; `base` and `end` in words where they lead from one to the other."""

    method: str
    unit: str
    kinds: frozenset[str]
    parts: list[dict[str, Any]]
    listed: list[Part]
    base: str
    end: str
    view: dict[str, Any]
    weights_in: str
    """The unit's code."""
    heat: list[list[float]]
    """Rows from the top, 0 to 1, of methods that give a map; of a recording one row."""
    others: list[tuple[str, str]]
    """Methods by which this answer can be explained too, each with its name."""


def shown(explanation: Explanation, labels: int = 0) -> Why:
    """`labels`: of how many the answer is one, 0 where it is not a label."""
    unit = str(explanation["unit"])
    least = LEAST if unit in PERCENTS else 0.0
    parts = [part if abs(part["weight"]) >= least else part | {"weight": 0.0} for part in explanation["parts"]]
    listed = waterfall(explanation) if "base" in explanation else strongest(parts, unit)
    return Why(
        str(METHODS.get(explanation["method"], explanation["method"])),
        str(UNITS.get(unit, "")),
        frozenset(part["kind"] for part in parts),
        parts,
        listed,
        in_words(explanation.get("base"), unit, labels),
        in_words(explanation.get("value"), unit, labels),
        dict(explanation.get("view") or {}),
        unit,
        heat_of(explanation),
        [
            (method, str(NAMES.get(method, method)))
            for method in explanation.get("methods") or ()
            if method != explanation["method"]
        ],
    )


def heat_of(explanation: Explanation) -> list[list[float]]:
    """None where nothing is warm."""
    heat: list[list[float]] = explanation.get("heat") or []
    return heat if any(cell > 0 for row in heat for cell in row) else []


def in_words(value: object, unit: str, labels: int) -> str:
    """Where a waterfall begins or ends; with two labels the probability beside its log odds. Empty where there is none."""
    parsed = number(value)
    if parsed is None:
        return ""
    if unit != "log_odds" or labels != 2:
        return amount(parsed, unit)
    return f"{amount(parsed, unit)} ({percent(1 / (1 + math.exp(-max(min(parsed, 60.0), -60.0))), 0)})"


def signed(weight: float, unit: str) -> str:
    """With a sign where it says for or against; heat has none."""
    if unit == "heat":
        return amount(weight, unit)
    return f"{'+' if weight > 0 else '−' if weight < 0 else ''}{amount(abs(weight), unit)}"


def amount(weight: float, unit: str) -> str:
    if unit in PERCENTS:
        return percent(weight, 0 if abs(weight) >= 0.1 else 1)
    return figure(weight).replace("-", "−")


def level(weight: float, most: float) -> int:
    share = abs(weight) / most if most else 0.0
    return math.ceil(LEVELS * min(share, 1.0)) if share >= LEAST_SHARE else 0


def most_of(parts: list[dict[str, Any]]) -> float:
    return max((abs(part["weight"]) for part in parts if part["kind"] != "rest"), default=0.0)


def by_weight(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that weigh something, the weightiest first; what is told as one last."""
    weighing = [part for part in parts if part["weight"]]
    return sorted(weighing, key=lambda part: (part["kind"] == "rest", -abs(part["weight"])))


def strongest(parts: list[dict[str, Any]], unit: str) -> list[Part]:
    """With bars from 0, as long as the weight beside the greatest one."""
    most = most_of(parts)
    shown = MOST_REGIONS if any(part["kind"] == "region" for part in parts) else SHOWN
    listed = [part for part in by_weight(parts) if level(part["weight"], most)][:shown]
    return [drawn(part, unit, most, 0.0, 100 * abs(part["weight"]) / most) for part in listed]


def waterfall(explanation: Explanation) -> list[Part]:
    """With bars from where the part before it ended, between the least and the greatest sum on the way."""
    parts, unit = by_weight(explanation["parts"]), str(explanation["unit"])
    steps = parts[:SHOWN]
    if len(parts) > SHOWN:
        left = parts[SHOWN:]
        count = sum(part.get("count", 1) for part in left)
        steps = [*steps, {"kind": "rest", "count": count, "weight": sum(part["weight"] for part in left)}]
    sums = [float(explanation["base"])]
    for part in steps:
        sums.append(sums[-1] + part["weight"])
    low, span = min(sums), (max(sums) - min(sums)) or 1.0
    most = most_of(steps)
    starts = [100 * (min(before, after) - low) / span for before, after in itertools.pairwise(sums)]
    return [
        drawn(part, unit, most, start, 100 * abs(part["weight"]) / span)
        for part, start in zip(steps, starts, strict=True)
    ]


def drawn(part: dict[str, Any], unit: str, most: float, start: float, share: float) -> Part:
    weight = float(part["weight"])
    value = cell_in_words(part.get("value")) if part["kind"] == "column" else ""
    return Part(name_of(part), value, signed(weight, unit), weight > 0, level(weight, most), start, share)


def cell_in_words(value: object) -> str:
    if value in (None, ""):
        return MISSING
    return f"{value:.10g}" if isinstance(value, float) else str(value)[:80]


def name_of(part: dict[str, Any]) -> str:
    """What a part is called: the word, the column, where the region lies, the seconds."""
    kind = part["kind"]
    if kind == "word":
        return str(part["text"])[:80]
    if kind == "column":
        return str(part["column"])
    if kind == "span":
        return _("%(start)s to %(end)s s") % {"start": figure(part["start"]), "end": figure(part["end"])}
    if kind == "rest":
        return _("%(count)s others") % {"count": part["count"]}
    x, y, width, height = part["box"]
    place = {"across": percent(x + width / 2, 0), "down": percent(y + height / 2, 0)}
    return _("%(across)s from the left, %(down)s from the top") % place


def faithfulness(report: Mapping[str, Any]) -> str:
    """What the deletion test (`trainer.faithfulness`) says of the usual method, in a line; empty where it was not made."""
    tested = report.get("explanations") or {}
    usual = next((each for each in tested.get("methods", []) if each["method"] == tested.get("method")), None)
    if usual is None:
        return ""
    unit = str(tested["unit"])
    result = {
        "method": METHODS.get(usual["method"], usual["method"]),
        "rows": tested["rows"],
        **{name: signed(usual[name], unit) for name in ("gain", "low", "high")},
    }
    sentence = (
        _(
            "Explanations: %(method)s. On %(rows)s test rows, leaving out first what they name makes the answer fall %(gain)s "
            "further than leaving out parts at random (95 %% interval %(low)s to %(high)s)."
        )
        if usual["low"] > 0
        else _(
            "Explanations: %(method)s. On %(rows)s test rows they could not be shown to name what counts better than chance: "
            "%(gain)s (95 %% interval %(low)s to %(high)s)."
        )
    )
    return sentence % result


def source_of(value: object, parts: list[dict[str, Any]]) -> str:
    """The text of an input that the words of an explanation stand in; empty where none is it."""
    words = [part for part in parts if part["kind"] == "word"]
    texts = [value] if isinstance(value, str) else list(value.values()) if isinstance(value, dict) else []
    fitting = (
        text
        for text in texts
        if isinstance(text, str) and words and all(text[word["start"] : word["end"]] == word["text"] for word in words)
    )
    return next(fitting, "")
