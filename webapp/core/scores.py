"""Scores of every kind of task: which of two is better, what a metric is called, and how its value reads."""

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from webapp.core.words import MISSING, figure, number, percent, points, with_percent

SHARES = frozenset(
    (
        "accuracy", "macro_f1", "micro_f1", "f1", "entity_f1", "exact_match", "roc_auc", "pr_auc", "map_50", "map",
        "mean_average_precision", "wer", "cer", "precision", "recall", "recall_10", "ndcg_10", "rouge_1", "rouge_2", "rouge_l",
    )
)  # fmt: skip
"""Metrics shown in percent."""
POINTS = SHARES
"""Metrics whose differences are percentage points."""
LOWER_IS_BETTER = frozenset(("wer", "cer", "rmse", "mae", "mse", "loss", "log_loss", "perplexity"))
SHORT = {
    "r2": "R²", "roc_auc": "ROC AUC", "pr_auc": "PR AUC", "map_50": "mAP@50", "map": "mAP", "f1": "F1", "macro_f1": "Macro F1",
    "micro_f1": "Micro F1", "entity_f1": "Entity F1", "rmse": "RMSE", "mae": "MAE", "wer": "WER", "cer": "CER",
}  # fmt: skip

LEADING = ("accuracy", "roc_auc", "map_50", "wer", "r2", "macro_f1", "f1", "rmse", "mae", "loss")
"""Which metric tells how a run at work is doing, the first that it has."""

Scored = TypeVar("Scored")
TITLES: dict[str, Callable[[], str]] = {
    "accuracy": lambda: _("Accuracy"),
    "macro_f1": lambda: _("Macro F1, each class counts equally"),
    "f1": lambda: _("F1"),
    "roc_auc": lambda: _("ROC AUC"),
    "pr_auc": lambda: _("PR AUC, precision over all thresholds"),
    "log_loss": lambda: _("Log loss (lower is better)"),
    "loss": lambda: _("Loss (lower is better)"),
    "learning_rate": lambda: _("Learning rate"),
    "r2": lambda: _("R² (variance explained)"),
    "rmse": lambda: _("Root mean squared error (lower is better)"),
    "mae": lambda: _("Mean absolute error (lower is better)"),
    "map_50": lambda: _("mAP@50"),
    "map": lambda: _("mAP@50–95"),
    "wer": lambda: _("Word error rate (lower is better)"),
    "cer": lambda: _("Character error rate (lower is better)"),
    "exact_match": lambda: _("Exact match"),
    "perplexity": lambda: _("Perplexity (lower is better)"),
    "micro_f1": lambda: _("Micro F1"),
    "entity_f1": lambda: _("Entity F1"),
    "spearman": lambda: _("Spearman correlation"),
    "pearson": lambda: _("Pearson correlation"),
}


def rank(value: float, metric: str) -> float:
    """A value of a metric on a scale on which greater is better. Everything that compares scores compares these."""
    return -value if metric in LOWER_IS_BETTER else value


def rank_of(headline: dict[str, Any] | None) -> float | None:
    """`rank` of a headline {name, value}; None where it has no finite value."""
    value = number((headline or {}).get("value"))
    known = value is not None and math.isfinite(value)
    return rank(value, str((headline or {}).get("name", ""))) if known and value is not None else None


def is_at_ceiling(headline: dict[str, Any] | None) -> bool:
    """Whether no model can be shown to score higher: all right, or no error, as far as the score is told."""
    name, value = str((headline or {}).get("name", "")), number((headline or {}).get("value"))
    if value is None:
        return False
    if name in LOWER_IS_BETTER and name != "perplexity":
        return value <= 0
    return name in SHARES | {"r2"} and round(value, 3) >= 1


def best_first(items: Iterable[Scored], headline: Callable[[Scored], dict[str, Any] | None]) -> list[Scored]:
    """Items of ONE metric in the order of their scores, the best first; those without a score last."""
    ranks = [(rank_of(headline(item)), item) for item in items]
    ranked = sorted((pair for pair in ranks if pair[0] is not None), key=lambda pair: -(pair[0] or 0.0))
    return [item for _rank, item in ranked] + [item for rank, item in ranks if rank is None]


def metric_title(name: str) -> str:
    word = TITLES.get(name)
    return str(word()) if word else readable(name)


def metric_name(name: str) -> str:
    """A metric within a sentence: “accuracy”, “R²”."""
    words = {"accuracy": _("accuracy"), "exact_match": _("exact match"), "log_loss": _("log loss")}
    return words.get(name) or SHORT.get(name) or readable(name).lower()


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


def score_words(head: dict[str, Any] | None) -> str:
    """A headline in a few words after a number: “91.3 % accuracy”, “R² 0.84”."""
    if not head:
        return ""
    name, value = head["name"], head["value"]
    if name == "accuracy":
        return _("%(share)s accuracy") % {"share": percent(value)}
    if name == "wer":
        return _("%(share)s word error rate") % {"share": percent(value)}
    return f"{SHORT.get(name, readable(name))} {scored(value, name)}"


def range_words(expected: dict[str, Any] | None) -> str:
    """{metric, low, high} in words: “95–99 % accuracy”, “R² 0.81–0.86”."""
    low, high = (number((expected or {}).get(end)) for end in ("low", "high"))
    if expected is None or low is None or high is None:
        return ""
    metric = str(expected.get("metric") or "accuracy")
    if metric not in SHARES:
        return f"{metric_name(metric)} {scored(low, metric)}–{scored(high, metric)}"
    ends = f"{100 * low:.0f}–{percent(high, 0)}" if round(100 * low) < round(100 * high) else percent(high, 0)
    return _("%(range)s %(metric)s") % {"range": ends, "metric": metric_name(metric)}


def score_ends(head: dict[str, Any] | None) -> str:
    """The interval of a headline without its unit: “80.1–92.3”."""
    if not head or number(head.get("low")) is None or number(head.get("high")) is None:
        return ""
    name = head["name"]
    ends = [points(head[end]) if name in SHARES else scored(head[end], name) for end in ("low", "high")]
    return f"{ends[0]}–{ends[1]}"


def score_interval(head: dict[str, Any] | None) -> str:
    """The interval of a headline with its unit: “80.1–92.3 %”."""
    ends = score_ends(head)
    return with_percent(ends) if ends and head and head["name"] in SHARES else ends


def strip_ends(values: Iterable[Any], metric: str) -> tuple[float, float]:
    """Where the strips of scores beside each other begin and end: shares from the tenth below the worst of them, so that
    96 and 99 % are told apart; what is better when lower from 0."""
    known = [value for given in values if (value := number(given)) is not None and math.isfinite(value)]
    if metric in LOWER_IS_BETTER:
        return 0.0, max([*known, 1e-9]) * 1.05
    if metric in SHARES or metric == "r2":
        return max(-1.0, math.floor(10 * min([*known, 0.9]) + 1e-9) / 10), 1.0
    return min([0.0, *known]), max([*known, 1e-9]) * 1.05


def baseline_scores(baselines: dict[str, Any] | None, metric: str) -> dict[str, float]:
    """{key: value} of the baselines that have this metric."""
    found = {key: number(scores.get(metric)) for key, scores in (baselines or {}).items() if isinstance(scores, dict)}
    return {key: value for key, value in found.items() if value is not None}
