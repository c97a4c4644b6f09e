"""One function says which of two scores is better, whatever the metric."""

import math
import subprocess

import pytest
from django.conf import settings
from django.utils.translation import override

from trainer import tasks
from trainer.answers import metrics
from trainer.answers.baselines import constants, title_of
from webapp.core import formats, scores

LOWER = ("wer", "cer", "rmse", "mae", "log_loss", "perplexity", "loss")
HIGHER = ("accuracy", "macro_f1", "f1", "roc_auc", "pr_auc", "r2", "exact_match", "map_50", "map", "bleu", "rouge_l")


@pytest.mark.parametrize("metric", LOWER)
def test_less_is_better(metric: str) -> None:
    assert scores.rank(0.1, metric) > scores.rank(0.9, metric)
    heads = [{"name": metric, "value": value} for value in (0.4, 0.1, 0.9)]
    assert [head["value"] for head in scores.best_first(heads, lambda head: head)] == [0.1, 0.4, 0.9]
    assert "lower is better" in scores.metric_title(metric)


@pytest.mark.parametrize("metric", HIGHER)
def test_more_is_better(metric: str) -> None:
    assert scores.rank(0.9, metric) > scores.rank(0.1, metric)
    heads = [{"name": metric, "value": value} for value in (0.4, None, 0.1, 0.9)]
    assert [head["value"] for head in scores.best_first(heads, lambda head: head)] == [0.9, 0.4, 0.1, None]


@pytest.mark.parametrize("headline", [None, {}, {"name": "wer", "value": None}, {"name": "wer", "value": math.nan}])
def test_no_score_has_no_rank(headline: dict[str, object] | None) -> None:
    assert scores.rank_of(headline) is None


def test_only_this_module_knows_the_direction_of_a_metric() -> None:
    found = subprocess.run(
        ["git", "grep", "-lE", "lower_is_better", "--", "webapp"], cwd=settings.BASE_DIR, capture_output=True, text=True
    )
    files = [path for path in found.stdout.split() if "/migrations/" not in path]
    assert files == ["webapp/core/scores.py"]


@pytest.mark.parametrize(
    ("values", "metric", "ends"),
    [
        ([0.97, 0.93, 0.35], "accuracy", (0.3, 1.0)),
        ([0.99, 0.98], "accuracy", (0.9, 1.0)),
        ([0.2, 0.8], "wer", (0.0, 0.84)),
        ([-0.31, 0.5], "r2", (-0.4, 1.0)),
        ([4.0, 2.0], "rmse", (0.0, 4.2)),
        ([None], "accuracy", (0.9, 1.0)),
    ],
)
def test_strips_start_below_the_worst(values: list[float], metric: str, ends: tuple[float, float]) -> None:
    assert scores.strip_ends(values, metric) == pytest.approx(ends)


def test_every_metric_and_baseline_that_the_trainer_reports_is_described() -> None:
    reported = {name for task in tasks.all() for name in task.metrics}
    assert reported <= set(metrics.owners()), "two models can be compared by each"
    assert all(metrics.named(name).title for name in reported)
    assert all(title_of(key) for key in constants())


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_score_and_its_interval_have_one_percent_sign(language: str) -> None:
    """Languages set the sign with or without a space; all that is told of one score must do it alike."""
    head = {"name": "accuracy", "value": 0.9, "low": 0.8, "high": 1.0}
    with override(language):
        sign = formats.percent(0.9).removeprefix("90.0")
        assert scores.score_ends(head) == "80.0–100.0"
        assert scores.score_interval(head) == f"80.0–100.0{sign}"
        assert f"90.0{sign}" in scores.score_words(head)


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(0.9091, 0.98, "0.909–0.980"), (0.8, 0.86, "0.80–0.86"), (-0.0001, 1.0, "0–1"), (-0.25, 0.5, "-0.25–0.50")],
)
def test_both_ends_of_a_range_have_as_many_decimals(low: float, high: float, shown: str) -> None:
    assert scores.score_ends({"name": "r2", "value": 0.5, "low": low, "high": high}) == shown
