"""Is a finished run any good? Against the best simple baseline, as the trainer tested it, and against the prototype's best
earlier run; in words, with what to try next where it is not better."""

import logging
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from trainer.answers.baselines import constants
from trainer.answers.metrics import named
from trainer.tested_rows import have_same_rows
from webapp.core.formats import figure, number, percent
from webapp.core.scores import best_first, is_at_ceiling, metric_name, rank, score_words, scored
from webapp.runs import baselines, storage
from webapp.runs.models import Estimate, Run

log = logging.getLogger(__name__)
OUTCOMES = ("better", "not shown", "worse")
NOT_COMPARABLE = "not comparable"


# Computed once, when a run has finished


def against_best_run(run: Run, headline: dict[str, Any] | None, *, is_near: bool = False) -> dict[str, Any] | None:
    """{run, number, metric, outcome, difference, rows, sentence}: a finished run beside the best earlier one of its
    prototype, by a paired test on their test rows; None for the first run.

    Runs on the same version are preferred: their test rows are the same. Where the rows differ, `outcome` is "not
    comparable" and `difference` None. None as well where nothing can be said: for a metric without a paired test, and
    where answers were not kept or cannot be read; with `is_near` where the other's files would have to be fetched first.
    """
    metric = str((headline or {}).get("name") or "")
    criteria = {"task": run.task, "answer": run.answer, "metric": metric}
    earlier = run.prototype.runs.filter(number__lt=run.number, **criteria).scored().trusted()
    same = earlier.filter(version_id=run.version_id)
    other = same.best_first().first() or earlier.best_first().first()
    if other is None or (is_near and not storage.is_here(other)):
        return None
    result = {"run": other.pk, "number": other.number, "metric": metric}
    artifacts = (run.artifact, storage.local(other))
    same_rows = have_same_rows(*artifacts, same_version=other.version_id == run.version_id)
    if same_rows is False:
        sentence = f"Not comparable with run {other.number}: it was tested on other rows."
        return result | {"outcome": NOT_COMPARABLE, "difference": None, "rows": 0, "sentence": sentence}
    comparison = compare_artifacts(metric, *artifacts) if same_rows else None
    if comparison is None:
        return None
    relation = {"better": "Better than", "worse": "Worse than", "not shown": "Not shown to differ from"}[
        comparison.outcome
    ]
    sentence = f"{relation} run {other.number} on the same {comparison.rows} test rows."
    return result | {
        "outcome": comparison.outcome,
        "difference": comparison.difference,
        "rows": comparison.rows,
        "sentence": sentence,
    }


def near_best_run(run: Run, headline: dict[str, Any] | None) -> dict[str, Any] | None:
    """It for a run that is about to end, so that its page has it from the first; None where that would have to wait for a bucket. A
    comparison that fails is logged and changes nothing."""
    try:
        return against_best_run(run, headline, is_near=True)
    except Exception:
        log.exception("run %s could not be compared with an earlier one", run.pk)
        return None


def keep_against_best_run(run: Run) -> None:
    """Compute and store it for a run that has ended well; a comparison that fails is logged and changes nothing."""
    try:
        comparison = against_best_run(run, run.headline)
        if comparison:
            Run.objects.filter(pk=run.pk).update(against_best_run=comparison)
    except Exception:
        log.exception("run %s could not be compared with an earlier one", run.pk)


def compare_artifacts(metric: str, first: Path, second: Path) -> Any:
    """The trainer's `Comparison` of two artifacts; numpy is loaded where one is made, not by every page."""
    from trainer import comparison

    return comparison.compare_artifacts(metric, first, second)


# In words


def of_run(run: Run) -> dict[str, Any] | None:
    """{against, outcome, difference} of a finished run. For reports of before there was a test: where the score is not even
    above the best baseline's, that is said; anything else would be a claim, so None."""
    verdict = run.verdict or {}
    if verdict.get("outcome") in OUTCOMES and verdict.get("against"):
        return verdict
    head = run.headline or {}
    metric, value = str(head.get("name") or ""), number(head.get("value"))
    key = baselines.best(run.baselines, metric)
    if key is None or value is None:
        return None
    simple = float(run.baselines[key][metric])
    gained = rank(value, metric) - rank(simple, metric)
    if gained > 0:
        return None
    return {"against": key, "outcome": "not shown", "difference": {"value": gained, "low": None, "high": None}}


def is_better(run: Run) -> bool:
    """Whether anything speaks against showing this model to people: only where a baseline is known to be as good."""
    verdict = of_run(run)
    return verdict is None or verdict["outcome"] == "better"


def beats_constant(run: Run) -> bool:
    """Whether the run has a higher score than one answer for all rows."""
    metric = str((run.headline or {}).get("name") or "")
    given = [run.baselines[name][metric] for name in constants() if metric in run.baselines.get(name, {})]
    return run.rank is not None and all(run.rank > rank(value, metric) for value in given)


def title(run: Run) -> str:
    """The headline of a run's page; empty where nothing was compared."""
    verdict, head = of_run(run), run.headline or {}
    if run.has_leak and head:
        return _("%(score)s, but one column decides alone") % {"score": score_words(head)}
    if not verdict:
        return ""
    simple = run.baselines.get(verdict["against"]) or {}
    values = {
        "score": score_words(head),
        "baseline": baselines.title(verdict["against"], simple),
        "other": scored(simple.get(head["name"]), head["name"]),
    }
    if verdict["outcome"] == "better":
        return _("%(score)s: better than %(baseline)s (%(other)s)") % values
    if verdict["outcome"] == "worse":
        return _("%(score)s: worse than %(baseline)s (%(other)s)") % values
    return _("%(score)s: not shown to be better than %(baseline)s (%(other)s)") % values


def for_strangers(run: Run) -> str:
    """The footer of a demo: no boast for a model that does not beat a simple baseline."""
    head = run.headline or {}
    if run.has_leak:
        return _("An early prototype. Check every answer.")
    if not is_better(run):
        return _("An early prototype, not shown to be better than a simple baseline. Check every answer.")
    if named(str(head.get("name"))).counts_rows:
        score = {"score": score_words(head)}
        return _("A prototype: %(score)s on held-out data. Check what matters.") % score
    return _("A prototype: check what matters.")


def difference_words(difference: dict[str, Any] | None, metric: str) -> str:
    """“+4.2 points (95 % CI 0.1 to 8.3)”, in the metric's own unit where that is no share."""
    value, low, high = (number((difference or {}).get(name)) for name in ("value", "low", "high"))
    if value is None:
        return ""
    text = signed(value, metric)
    if named(metric).is_share:
        text = _("%(number)s points") % {"number": text}
    if low is None or high is None:
        return text
    ends = {"shown": text, "level": percent(0.95, 0), "low": signed(low, metric), "high": signed(high, metric)}
    return _("%(shown)s (%(level)s CI %(low)s to %(high)s)") % ends


def signed(value: float, metric: str) -> str:
    text = f"{100 * abs(value):.1f}" if named(metric).is_share else figure(abs(value))
    if not float(text.replace(",", "")):
        return "0"
    return ("+" if value > 0 else "−") + text


def detail(run: Run) -> str:
    """The sentence below the headline: by how much, and how sure that is."""
    verdict, metric = of_run(run), str((run.headline or {}).get("name") or "")
    if not verdict or not run.verdict or run.has_leak:
        return ""
    by = difference_words(verdict.get("difference"), metric)
    values = {"metric": metric_name(metric), "difference": by}
    if verdict["outcome"] == "better":
        return _("Paired on the same test rows: %(difference)s in %(metric)s. The difference is real.") % values
    if verdict["outcome"] == "worse":
        return _("Paired on the same test rows: %(difference)s in %(metric)s. The baseline is better.") % values
    return _("Paired on the same test rows: %(difference)s in %(metric)s, which can be chance.") % values


def compare_with_best(run: Run) -> dict[str, Any] | None:
    """{outcome, sentence, run, instead} against the best earlier run, for the page; `run` is None once that one was deleted,
    `instead` is the run to share in place of a worse one."""
    comparison = run.against_best_run
    if not comparison:
        return None
    values = {
        "run": _("Run %(number)d") % {"number": comparison["number"]},
        "difference": difference_words(comparison.get("difference"), comparison["metric"]),
    }
    sentence = {
        "better": _("Better than %(run)s, your best earlier run: %(difference)s."),
        "worse": _("Worse than %(run)s, your best earlier run: %(difference)s."),
        "not shown": _("No difference shown from %(run)s, your best earlier run: %(difference)s."),
        NOT_COMPARABLE: _("Not comparable with %(run)s, your best earlier run: it was tested on other rows."),
    }[comparison["outcome"]]
    other = run.prototype.runs.filter(pk=comparison["run"]).first()
    instead = other if other and comparison["outcome"] == "worse" and is_to_share(other) else None
    result = {"outcome": comparison["outcome"], "sentence": sentence % values, "instead": instead}
    return result | {"run": other.pk if other else None}


def is_to_share(run: Run) -> bool:
    return run.has_model and not run.has_leak


def tone(run: Run) -> str:
    """How the panel of the verdict looks: the outcome against the baseline, or `care` where that is better and yet the model
    is not the one to share."""
    outcome = (of_run(run) or {}).get("outcome") or "none"
    return "care" if outcome in ("better", "none") and not is_recommended(run) else outcome


def is_recommended(run: Run) -> bool:
    """Whether sharing this run is the next thing to do: nothing decides alone, and neither a baseline nor an earlier run is
    known to be as good or better."""
    return not run.has_leak and is_better(run) and (run.against_best_run or {}).get("outcome") != "worse"


# What to try


def tried(run: Run) -> set[tuple[str, str]]:
    """(model, method) of the finished runs on these rows."""
    runs = run.prototype.runs.filter(version_id=run.version_id, task=run.task, status="succeeded")
    return set(runs.values_list("model", "method"))


def next_step(run: Run) -> dict[str, Any] | None:
    """{model, method, title, expected} of what promises most and was not tried: the best measured expectation above this
    run's score, else the task's recommended model by the method that the train page recommends, then by the usual one; None
    where nothing is left, and where no model can score higher."""
    from webapp.runs.base_models import ARTIFACT, default_method, recommended

    if is_at_ceiling(run.headline):
        return None
    done = tried(run)
    metric = str((run.headline or {}).get("name") or "")
    measured = [
        estimate
        for estimate in run.version.estimates.filter(result__isnull=False).order_by("-created_at")
        if estimate.spec.get("task") == run.task
        and expected_score(estimate).get("metric") == metric
        and not estimate.spec["model"].startswith(ARTIFACT)  # stored as a path, which is not for people
        and (estimate.spec["model"], estimate.spec["method"]) not in done
    ]
    if measured:
        best = best_first(measured, lambda estimate: {"name": metric, "value": middle(expected_score(estimate))})[0]
        expected = expected_score(best)
        if rank(middle(expected), metric) > (run.rank if run.rank is not None else float("-inf")):
            return step(run.task, best.spec["model"], best.spec["method"], expected)
    model, method = recommended(run.task, run.workspace)
    if model is None:
        return None
    untried = [candidate for candidate in (method, default_method(run.task, model)) if (model, candidate) not in done]
    return step(run.task, model, untried[0], expected_of(measured, model, untried[0])) if untried else None


def expected_score(estimate: Estimate) -> dict[str, Any]:
    """{metric, low, high} that the trial expects; empty where it expects nothing."""
    return (estimate.result or {}).get("expected") or {}


def expected_of(estimates: list[Estimate], model: str, method: str) -> dict[str, Any] | None:
    """What the newest of these estimates expects of a model and a method."""
    matching = (
        estimate for estimate in estimates if (estimate.spec["model"], estimate.spec["method"]) == (model, method)
    )
    return next((expected_score(estimate) for estimate in matching), None)


def middle(expected: dict[str, Any]) -> float:
    return (float(expected["low"]) + float(expected["high"])) / 2


def step(task: str, model: str, method: str, expected: dict[str, Any] | None) -> dict[str, Any]:
    from webapp.catalog.titles import recipe_title

    return {"model": model, "method": method, "title": recipe_title(task, model, method), "expected": expected}
