"""Every metric by its name: those of the kinds of answers, and those that are of no kind yet. The site translates the titles. Light."""

from functools import cache

from trainer import answers
from trainer.answers.base import Answer, Metric
from trainer.messages import gettext_noop

OTHERS = (
    Metric("f1", gettext_noop("F1")),
    Metric("entity_f1", gettext_noop("Entity F1"), "Entity F1"),
    Metric("exact_match", gettext_noop("Exact match"), noun=gettext_noop("exact match")),
    Metric("precision"),
    Metric("recall"),
    Metric("recall_10"),
    Metric("ndcg_10"),
    Metric("rouge_1"),
    Metric("rouge_2"),
    Metric("rouge_l"),
    Metric("spearman", gettext_noop("Spearman correlation"), form="size"),
    Metric("mse", form="size", lower_is_better=True),
    Metric("perplexity", gettext_noop("Perplexity (lower is better)"), form="size", lower_is_better=True),
    Metric("loss", gettext_noop("Loss (lower is better)"), form="size", lower_is_better=True),
    Metric("learning_rate", gettext_noop("Learning rate"), form="size", leads=False),
)


@cache
def by_name() -> dict[str, Metric]:
    """{name: metric}, those of a kind first."""
    own = {metric.name: metric for answer in answers.kinds().values() for metric in answer.metrics}
    return own | {metric.name: metric for metric in OTHERS if metric.name not in own}


@cache
def owners() -> dict[str, Answer]:
    """{metric: the kind of answer that it is of}."""
    return {metric.name: answer for answer in answers.kinds().values() for metric in answer.metrics}


def named(name: str) -> Metric:
    """The metric of this name; one that is not known here is a size."""
    return by_name().get(name) or Metric(name, form="size")
