"""Scores of every kind of task in words: what a metric is called, and how its value reads."""

from typing import Any

from django.utils.translation import gettext as _

from webapp.core.words import MISSING, figure, number, percent

SHARES = frozenset(
    ("accuracy", "macro_f1", "f1", "exact_match", "roc_auc", "pr_auc", "map_50", "map", "wer", "cer", "precision", "recall")
)  # fmt: skip
"""Metrics shown in percent."""
LOWER_IS_BETTER = frozenset(("wer", "cer", "rmse", "mae", "loss", "log_loss", "perplexity"))
SHORT = {"r2": "R²", "roc_auc": "ROC-AUC", "pr_auc": "PR-AUC", "map_50": "mAP50", "map": "mAP", "f1": "F1", "macro_f1": "F1", "rmse": "RMSE", "mae": "MAE"}  # fmt: skip

LEADING = ("accuracy", "roc_auc", "map_50", "wer", "r2", "macro_f1", "f1", "rmse", "mae", "loss")
"""Which metric tells how a run at work is doing, the first that it has."""

TITLES = {
    "accuracy": lambda: _("Right answers"),
    "macro_f1": lambda: _("Macro F1, each label counted equally"),
    "f1": lambda: _("F1"),
    "roc_auc": lambda: _("ROC-AUC, pairs put in the right order"),
    "pr_auc": lambda: _("PR-AUC, precision over all thresholds"),
    "log_loss": lambda: _("Log loss, lower is better"),
    "loss": lambda: _("Loss, lower is better"),
    "learning_rate": lambda: _("Learning rate"),
    "r2": lambda: _("R², share of the differences explained"),
    "rmse": lambda: _("Root mean square error, lower is better"),
    "mae": lambda: _("Off by on average, lower is better"),
    "map_50": lambda: _("mAP50, objects found at half overlap"),
    "map": lambda: _("mAP50-95, objects found and well framed"),
    "wer": lambda: _("Words wrong, lower is better"),
    "cer": lambda: _("Characters wrong, lower is better"),
    "exact_match": lambda: _("Exactly right"),
    "perplexity": lambda: _("Perplexity, lower is better"),
}


def metric_title(name: str) -> str:
    word = TITLES.get(name)
    return str(word()) if word else readable(name)


def readable(name: str) -> str:
    return name.replace("_", " ").capitalize()


def scored(value: Any, name: str) -> str:
    """A metric's value as people read it: a share in percent, another figure as it is."""
    found = number(value)
    if found is None:
        return MISSING
    if name in SHARES:
        return percent(found)
    return f"{found:.3f}".rstrip("0").rstrip(".") if name == "r2" else figure(found)


def rank(head: dict[str, Any]) -> float:
    """Greater is better, whatever the metric."""
    return -head["value"] if head["name"] in LOWER_IS_BETTER else head["value"]


def score_words(head: dict[str, Any] | None) -> str:
    """A headline in a few words after a number: “91.3 % right”, “R² 0.84”."""
    if not head:
        return ""
    name, value = head["name"], head["value"]
    if name == "accuracy":
        return _("%(share)s right") % {"share": percent(value)}
    if name == "wer":
        return _("%(share)s of words right") % {"share": percent(max(0.0, 1 - value))}
    return f"{SHORT.get(name, readable(name))} {scored(value, name)}"


def score_ends(head: dict[str, Any] | None) -> str:
    """The interval of a headline without its unit: “80.1 to 92.3”."""
    if not head or number(head.get("low")) is None or number(head.get("high")) is None:
        return ""
    name = head["name"]
    ends = [scored(head[end], name).replace("\u00a0%", "") for end in ("low", "high")]
    return _("%(low)s to %(high)s") % {"low": ends[0], "high": ends[1]}
