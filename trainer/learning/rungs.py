"""Which steps the ladder (`trainer.learning.ladder`) can take, for whoever climbs it and for whoever says what it will cost."""

from dataclasses import dataclass
from typing import Any

from trainer.answers.metrics import named
from trainer.learning.family import NetworkFamily
from trainer.learning.job import Job
from trainer.learning.rows import Rows
from trainer.messages import _
from trainer.verdict import format_score

BASELINE, WORDS = "baseline", "words"
CHEAP = ("zero-shot", WORDS, "probe")
FEW = 32
"""Rows a label up to which few-shot learning takes the place of the whole model's."""


@dataclass
class Step:
    """`score`: by the run's headline metric on `rows` that it did not learn from; `difference` and `outcome`: beside `against`, the best step
    before it; `cost`: in the unit of the price per hour, None where there is no price."""

    method: str
    seconds: float
    score: float | None = None
    rows: int = 0
    cost: float | None = None
    against: str | None = None
    difference: dict[str, float] | None = None
    outcome: str | None = None
    note: str = ""


def rungs(job: Job, rows: Rows, family: NetworkFamily[Any, Any]) -> tuple[list[str], str | None]:
    """(the cheap steps, the last one) that this task, this model and these rows can take."""
    offered = [method.slug for method in job.task.methods]
    slugs = [slug for slug in offered if slug == WORDS or not job.task.refusal(slug, job.spec.model)]
    cheap = [slug for slug in CHEAP if slug in slugs]
    if "zero-shot" in cheap and not family.names_labels(job, rows):
        cheap.remove("zero-shot")
    few = rows.is_class and len(rows.known("train", "validation")) <= FEW * len(rows.labels)
    methods = ("fewshot", "full") if few else ("full",)
    return cheap, next((slug for slug in methods if slug in slugs), None)


def prepared_for(job: Job) -> str:
    """The method for which a run's rows are read: that of a ladder's last step."""
    return "full" if job.spec.method == "best" else job.spec.method


def sentence_of(step: Step, metric: str) -> str:
    """For the log."""
    shown = "" if step.score is None else format_score(step.score, metric)
    facts = {
        "method": step.method,
        "score": shown,
        "metric": named(metric).within_sentence,
        "seconds": f"{step.seconds:.1f}",
    }
    if step.difference is None:
        return _("Step %(method)s: %(metric)s %(score)s on held-out rows, %(seconds)s s.", **facts)
    low, high = (format_score(step.difference[end], metric, signed=True) for end in ("low", "high"))
    return _(
        "Step %(method)s: %(metric)s %(score)s on held-out rows, %(seconds)s s; against %(against)s a difference between %(low)s and %(high)s.",
        **facts,
        against=step.against,
        low=low,
        high=high,
    )
