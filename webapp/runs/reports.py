"""What the results page shows, from the artifact's report."""

import json
from typing import Any

from webapp import answers as presentations
from webapp.core.files import files_below
from webapp.core.scores import is_at_ceiling, strip_ends
from webapp.runs import baselines, candidates, ladder, results, verdicts, word_counts
from webapp.runs.models import Run
from webapp.runs.storage import local

MISTAKES = 8
SIBLINGS = 3


def context(run: Run, run_report: dict[str, Any]) -> dict[str, Any]:
    """From the run's report, `run_report`: report, title (the verdict, else the score), score (the score in words, where the title is the verdict), verdict
    {outcome, detail}, tone and is_recommended (see `verdicts`), comparison (against the best earlier run), next (what to try, unless it is better), words (see `word_counts.advice`), presentation (of its kind of
    answer) and what its templates need, siblings, compared (baselines), ends (of the strips), metrics
    (but the headline), candidates (see `candidates.compared`), ladder (see `ladder.of_report`), is_like_baseline (a linear model beside a linear baseline),
    at_ceiling (no model can score higher), mistakes, files."""
    head, presentation = run.headline or {}, presentations.of_task(run.task)
    others = run.prototype.runs.filter(version=run.version, task=run.task, metric=run.metric).exclude(pk=run.pk)
    siblings = list(others.scored().best_first().select_related("version")[:SIBLINGS])
    bases = baselines.listed(run_report.get("baselines") or run.baselines, run.metric)
    scored = (head, *bases, *(sibling.headline or {} for sibling in siblings))
    values = [entry.get(key) for entry in scored for key in ("value", "low", "high")]
    title, verdict = verdicts.title(run), verdicts.of_run(run)
    return {
        "report": run_report,
        "presentation": presentation,
        "title": title or results.sentence(run, run_report),
        "score": results.below_verdict(run, run_report) if title else "",
        "verdict": verdict,
        "candidates": candidates.compared(run_report, run.task),
        "ladder": ladder.of_report(run, run_report),
        "is_like_baseline": candidates.is_like_baseline(run_report, verdict),
        "at_ceiling": is_at_ceiling(head),
        "tone": verdicts.tone(run),
        "is_recommended": verdicts.is_recommended(run),
        "detail": verdicts.detail(run),
        "comparison": verdicts.compare_with_best(run),
        "next": None if verdicts.is_better(run) else verdicts.next_step(run),
        "words": word_counts.advice(run, run_report),
        "siblings": siblings,
        "compared": bases,
        "ends": strip_ends(values, run.metric),
        "metrics": results.other_metrics(run_report, head),
        "mistakes": [results.shown_mistake(run, mistake) for mistake in run_report.get("mistakes", [])[:MISTAKES]],
        **presentation.context(run_report),
        "files": files(run),
        "examples": examples(run),
    }


def examples(run: Run) -> list[Any]:
    try:
        examples: list[Any] = json.loads((local(run) / "examples.json").read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return examples


def files(run: Run) -> list[dict[str, Any]]:
    listed = sorted((path, facts.st_size) for path, facts in files_below(local(run)))
    return [{"name": str(path.relative_to(run.artifact)), "bytes": size} for path, size in listed]
