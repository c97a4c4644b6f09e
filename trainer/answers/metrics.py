"""What each metric is: the one place that knows. The site translates the titles. Light."""

from dataclasses import dataclass
from typing import Literal

from trainer.messages import gettext_noop

Form = Literal["share", "score", "size"]


@dataclass(frozen=True)
class Metric:
    """`form`: a share is shown in percent and differs by points, a score by three places, a size by three figures."""

    name: str
    title: str = ""
    """As a heading, marked for translation; empty: the name in words."""
    short: str = ""
    """An abbreviation, the same in every language …"""
    noun: str = ""
    """… or the word within a sentence, marked for translation."""
    form: Form = "share"
    lower_is_better: bool = False

    @property
    def within_sentence(self) -> str:
        return self.noun or self.short or self.name.replace("_", " ")


LISTED = (
    Metric("accuracy", gettext_noop("Accuracy"), noun=gettext_noop("accuracy")),
    Metric("roc_auc", gettext_noop("ROC AUC"), "ROC AUC"),
    Metric("map_50", gettext_noop("mAP@50"), "mAP@50"),
    Metric("wer", gettext_noop("Word error rate (lower is better)"), "WER", lower_is_better=True),
    Metric("r2", gettext_noop("R² (variance explained)"), "R²", form="score"),
    Metric("macro_f1", gettext_noop("Macro F1, each class counts equally"), "Macro F1"),
    Metric("f1", gettext_noop("F1"), "F1"),
    Metric("rmse", gettext_noop("Root mean squared error (lower is better)"), "RMSE", "", "size", True),
    Metric("mae", gettext_noop("Mean absolute error (lower is better)"), "MAE", "", "size", True),
    Metric("map", gettext_noop("mAP@50–95"), "mAP"),
    Metric("cer", gettext_noop("Character error rate (lower is better)"), "CER", lower_is_better=True),
    Metric("pr_auc", gettext_noop("PR AUC, precision over all thresholds"), "PR AUC"),
    Metric("micro_f1", gettext_noop("Micro F1"), "Micro F1"),
    Metric("entity_f1", gettext_noop("Entity F1"), "Entity F1"),
    Metric("exact_match", gettext_noop("Exact match"), noun=gettext_noop("exact match")),
    Metric("mean_average_precision"),
    Metric("precision"),
    Metric("recall"),
    Metric("recall_10"),
    Metric("ndcg_10"),
    Metric("rouge_1"),
    Metric("rouge_2"),
    Metric("rouge_l"),
    Metric("spearman", gettext_noop("Spearman correlation"), form="size"),
    Metric("pearson", gettext_noop("Pearson correlation"), form="size"),
    Metric("mse", form="size", lower_is_better=True),
    Metric("perplexity", gettext_noop("Perplexity (lower is better)"), form="size", lower_is_better=True),
    Metric("loss", gettext_noop("Loss (lower is better)"), form="size", lower_is_better=True),
    Metric("log_loss", gettext_noop("Log loss (lower is better)"), "", gettext_noop("log loss"), "size", True),
    Metric("learning_rate", gettext_noop("Learning rate"), form="size"),
)
"""Down to the loss in the order in which they tell how a run at work is doing."""
METRICS = {metric.name: metric for metric in LISTED}
SHARES = frozenset(metric.name for metric in LISTED if metric.form == "share")
LOWER_IS_BETTER = frozenset(metric.name for metric in LISTED if metric.lower_is_better)


def named(name: str) -> Metric:
    """The metric of this name; one that is not known here is a size."""
    return METRICS.get(name) or Metric(name, form="size")
