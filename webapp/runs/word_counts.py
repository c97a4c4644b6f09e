"""Counted words beside trained models: where they do as well, they are what to deploy, and the report says so."""

from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from trainer import tasks
from trainer.tasks.text import WORDS_METHOD, WORDS_MODEL
from webapp.catalog.titles import method_title
from webapp.runs import verdicts
from webapp.runs.models import Run

BASELINES = ("tfidf_logistic", "tfidf_ridge")
"""What counts words among the baselines."""
AS_GOOD = ("not shown", "worse")
"""Outcomes of a trained model against counted words."""


class Advice(NamedTuple):
    """`run`: the run to share in place of this one; `step` {model, method, title}: what to train where there is none yet; neither
    where this run is the one."""

    sentence: str
    run: Run | None = None
    step: dict[str, str] | None = None


def advice(run: Run, report: dict[str, Any]) -> Advice | None:
    """What the page of a finished run says of word counts; None where there is nothing to say."""
    if run.has_leak or WORDS_METHOD not in {method.slug for method in tasks.get(run.task).methods}:
        return None
    if is_counted(run, report):
        return of_counted(run, report)
    counted = newest_counted(run)
    if counted is not None:
        if not is_as_good(run, counted):
            return None
        sentence = _(
            "%(run)s only counts words and is not measurably worse. It needs no pretrained model and far less memory."
        )
        return Advice(sentence % {"run": counted}, run=counted)
    if not loses_to_baseline(run):
        return None
    sentence = _(
        "Counted words are not measurably worse here. “Word counts” is trained in seconds and needs no pretrained model to answer."
    )
    return Advice(
        sentence, step={"model": WORDS_MODEL, "method": WORDS_METHOD, "title": method_title(run.task, WORDS_METHOD)}
    )


def is_counted(run: Run, report: dict[str, Any]) -> bool:
    """Whether the model of this run counts words: by its method, or as the step that won."""
    ladder = report.get("ladder")
    return run.method == WORDS_METHOD or (isinstance(ladder, dict) and ladder.get("winner") == WORDS_METHOD)


def of_counted(run: Run, report: dict[str, Any]) -> Advice | None:
    if not verdicts.beats_constant(run):
        return None
    if run.method != WORDS_METHOD:
        return Advice(
            _(
                "Word counts were kept: nothing larger was shown to be better. They are what to deploy: small, quick and without a pretrained model."
            )
        )
    against = run.against_best_run or {}
    if against.get("outcome") not in ("better", "not shown"):
        return None
    sentence = _("Not measurably worse than Run %(number)d, and far lighter: deploy this one.")
    return Advice(sentence % {"number": against["number"]})


def newest_counted(run: Run) -> Run | None:
    """A run on the same rows that counted words and can be shared."""
    alike = run.prototype.runs.filter(version_id=run.version_id, task=run.task, answer=run.answer, method=WORDS_METHOD)
    newest: Run | None = alike.scored().trusted().order_by("-number").first()
    return newest if newest is not None and verdicts.is_to_share(newest) else None


def is_as_good(run: Run, counted: Run) -> bool:
    """By the test of whichever of the two came later; else by that against the baseline which counts words."""
    own, others = run.against_best_run or {}, counted.against_best_run or {}
    if own.get("run") == counted.pk:
        return own.get("outcome") in AS_GOOD
    if others.get("run") == run.pk:
        return others.get("outcome") in ("better", "not shown")
    return loses_to_baseline(run)


def loses_to_baseline(run: Run) -> bool:
    """Whether the run is not shown to be better than counted words, the best of its baselines."""
    verdict = run.verdict or {}
    return verdict.get("against") in BASELINES and verdict.get("outcome") in AS_GOOD
