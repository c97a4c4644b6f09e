"""What a model card says: of the rows, the score with its interval, the baselines, and columns that decide alone."""

from typing import Any

import numpy as np
import pytest

from trainer.comparison import Comparison
from trainer.packaging import card
from trainer.verdict import describe_comparison, format_score

REPORT: dict[str, Any] = {
    "headline": {"name": "accuracy", "value": 0.9, "low": 0.8512, "high": 0.94},
    "interval": {"method": "wilson", "level": 0.95, "resamples": None},
    "metrics": {"accuracy": 0.9, "macro_f1": 0.88},
    "baselines": {"most_frequent": {"accuracy": 0.6, "macro_f1": 0.3, "label": "spam", "low": 0.5, "high": 0.7}},
    "verdict": {"sentence": "Better than the rest."},
    "learned": {"rows": 8000, "epochs": 3, "validation": 1000},
    "test_rows": 1000,
    "evaluation": {"kind": "split"},
}


def report(**changes: Any) -> dict[str, Any]:
    return REPORT | changes


@pytest.mark.parametrize(
    ("value", "metric", "signed", "wanted"),
    [
        (0.9123, "accuracy", False, "91.2"),
        (1.0, "accuracy", False, "100.0"),
        (0.0312, "accuracy", True, "+3.1"),
        (-0.0312, "accuracy", True, "-3.1"),
        (-0.0001, "accuracy", True, "0.0"),
        (-0.00001, "accuracy", False, "0.0"),
        (0.0, "accuracy", True, "0.0"),
        (0.87654, "r2", False, "0.877"),
        (1234.56, "rmse", False, "1.23e+03"),
        (0.00123456, "rmse", True, "+0.00123"),
        (0.123456, "no metric of ours", False, "0.123"),
    ],
)
def test_a_score_is_written_by_its_form_and_never_as_minus_nothing(
    value: float, metric: str, signed: bool, wanted: str
) -> None:
    assert format_score(value, metric, signed=signed) == wanted


@pytest.mark.parametrize(
    ("low", "high", "start"),
    [(0.01, 0.05, "Better than "), (-0.05, -0.01, "Worse than "), (-0.01, 0.05, "Not shown to be better than ")],
)
def test_a_verdict_is_as_sure_as_its_interval(low: float, high: float, start: str) -> None:
    compared = Comparison("accuracy", 1200, 0.9, 0.88, 0.02, low, high, 0.01, "bonett-price", None)
    sentence = describe_comparison(compared, "the most frequent answer")
    assert sentence.startswith(f"{start}the most frequent answer: accuracy 90.0% against 88.0% on 1,200 test rows")
    assert f"a difference of +2.0 points (95% interval {100 * low:+.1f} to {100 * high:+.1f})." in sentence


def test_a_number_s_verdict_has_no_points() -> None:
    compared = Comparison("r2", 50, 0.5, 0.25, 0.25, 0.1, 0.4, 0.0, "bootstrap", 500)
    assert "a difference of +0.250 (95% interval +0.100 to +0.400)" in describe_comparison(compared, "the mean")


def test_the_interval_says_how_it_was_made() -> None:
    assert card.interval_of(report()) == "The 95% confidence interval of accuracy is 85.1% to 94.0% (Wilson)."
    drawn = report(
        headline={"name": "rmse", "value": 1234.5, "low": 1000.0, "high": 1500.0},
        interval={"method": "bootstrap", "resamples": 2000},
    )
    assert "1e+03 to 1.5e+03 (bootstrap of 2,000 draws)" in card.interval_of(drawn)


def test_the_model_stands_in_a_table_with_its_baselines() -> None:
    sentence, empty, head, rule, model, baseline = card.comparison(report(), "accuracy", "macro_f1").split("\n")
    assert (sentence, empty) == ("Better than the rest.", "")
    assert head.startswith("| | accuracy | ")
    assert rule == "|---|---|---|"
    assert model == "| **this model** | 90.0% | 88.0% |"
    assert "“spam” | 60.0% | 30.0% |" in baseline


def test_without_a_verdict_the_table_stands_alone() -> None:
    lines = card.comparison(report(verdict=None, baselines={}), "accuracy").split("\n")
    assert lines == ["| | accuracy |", "|---|---|", "| **this model** | 90.0% |"]


def test_columns_that_decide_alone_are_named_and_break_no_table() -> None:
    told = card.comparison(report(leaks=[{"column": "paid|at"}, {"column": "closed"}]), "accuracy")
    assert "Alone “paid/at”, “closed” decides nearly every answer" in told


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, "8,000 learned from for 3 epochs, 1,000 for validation, 1,000 held out"),
        ({"learned": {"rows": 8000, "epochs": 1, "validation": 0}}, "8,000 learned from for 1 epoch, 1,000 held out"),
        ({"learned": {"rows": 80, "epochs": 0, "validation": 0}}, "80 learned from, 1,000 held out"),
        (
            {"evaluation": {"kind": "folds", "folds": 5}, "test_rows": 90, "learned": {"rows": 90, "epochs": 0}},
            "90, each tested on once in 5 rounds by a model that had not seen it; this model learned from all 90 of them.",
        ),
        (
            {"evaluation": {"kind": "folds", "folds": 5}, "test_rows": 90, "learned": {"rows": 90, "epochs": 4}},
            "learned from all 90 of them for 4 epochs, the median of what was best in the rounds.",
        ),
    ],
    ids=["three parts", "no validation", "no epochs", "rounds", "rounds with epochs"],
)
def test_rows_are_told_as_they_were_used(changes: dict[str, Any], wanted: str) -> None:
    assert wanted in card.rows_used(None, report(**changes))  # type: ignore[arg-type]


def test_a_percent_sign_goes_with_shares_alone() -> None:
    assert [card.written(0.5, metric) for metric in ("accuracy", "r2", "rmse")] == ["50.0%", "0.500", "0.5"]
    assert np.isnan(float(card.written(float("nan"), "rmse")))
