"""Which steps the ladder (`trainer.learning.ladder`) can take, for whoever climbs it and for whoever says what it will cost."""

from typing import Any

from trainer.learning.family import NetworkFamily
from trainer.learning.job import Job
from trainer.learning.rows import Rows

BASELINE = "baseline"
CHEAP = ("zero-shot", "probe")
FEW = 32
"""Rows a label up to which few-shot learning takes the place of the whole model's."""


def rungs(job: Job, rows: Rows, family: NetworkFamily[Any, Any]) -> tuple[list[str], str | None]:
    """(the cheap steps, the last one) that this task, this model and these rows can take."""
    slugs = [method.slug for method in job.task.methods if not job.task.refusal(method.slug, job.spec.model)]
    cheap = [slug for slug in CHEAP if slug in slugs]
    if "zero-shot" in cheap and not family.names_labels(job, rows):
        cheap.remove("zero-shot")
    few = rows.is_class and len(rows.known("train", "validation")) <= FEW * len(rows.labels)
    wanted = ("scratch",) if job.spec.model.startswith("scratch:") else ("fewshot", "full") if few else ("full",)
    return cheap, next((slug for slug in wanted if slug in slugs), None)
