"""Scores in words: what is a share has its percent sign, what is none has none, and what is not there says nothing."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from webapp.core import scores


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("accuracy", 0.9134, "91.3 %"), ("accuracy", 1, "100.0 %"), ("wer", 1.25, "125.0 %"), ("r2", 0.84, "0.84"),
        ("r2", -0.5, "-0.5"), ("r2", 1.0, "1"), ("rmse", 1234.5, "1,234"), ("brand_new", 0.5, "0.500"),
        ("accuracy", None, "–"), ("accuracy", math.nan, "–"), ("rmse", math.inf, "–"), ("r2", "a", "–"),
    ],
)  # fmt: skip
def test_a_value(name: str, value: object, shown: str) -> None:
    assert plain(scores.scored(value, name)) == shown


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (None, ""), ({}, ""),
        ({"name": "accuracy", "value": 0.913}, "91.3 % accuracy"),
        ({"name": "wer", "value": 0.1}, "10.0 % word error rate"),
        ({"name": "r2", "value": 0.84}, "R² 0.84"),
        ({"name": "accuracy", "value": math.nan}, "– accuracy"),
    ],
)  # fmt: skip
def test_a_headline(head: dict[str, Any] | None, words: str) -> None:
    assert plain(scores.score_words(head)) == words


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (None, ""), ({}, ""), ({"metric": "accuracy", "low": 0.9}, ""), ({"low": math.nan, "high": 1}, ""),
        ({"metric": "accuracy", "low": 0.95, "high": 0.99}, "95–99 % accuracy"),
        ({"metric": "accuracy", "low": 0.991, "high": 0.994}, "99 % accuracy"),
        ({"low": 0.5, "high": 0.75}, "50–75 % accuracy"),
        ({"metric": "r2", "low": 0.81, "high": 0.86}, "R² 0.81–0.86"),
    ],
)  # fmt: skip
def test_what_is_expected(expected: dict[str, Any] | None, words: str) -> None:
    assert plain(scores.range_words(expected)) == words


@pytest.mark.parametrize(
    ("name", "value", "is_at_ceiling"),
    [
        ("accuracy", 1, True), ("accuracy", 0.9996, True), ("accuracy", 0.9994, False), ("r2", 1.0, True),
        ("wer", 0, True), ("wer", 0.001, False), ("rmse", 0, True), ("rmse", 2.0, False), ("perplexity", 1.0, False),
        ("accuracy", None, False), ("accuracy", math.nan, False),
    ],
)  # fmt: skip
def test_where_no_model_can_be_better(name: str, value: float | None, is_at_ceiling: bool) -> None:
    assert scores.is_at_ceiling({"name": name, "value": value}) is is_at_ceiling
    assert not scores.is_at_ceiling(None)


@pytest.mark.parametrize(
    ("head", "ends"),
    [
        (None, ""), ({"name": "accuracy"}, ""), ({"name": "accuracy", "low": 0.8}, ""),
        ({"name": "accuracy", "low": 0.8, "high": math.nan}, ""), ({"name": "accuracy", "low": 0.8, "high": 1}, "80.0–100.0 %"),
        ({"name": "rmse", "low": 1.5, "high": 20}, "1.50–20"), ({"name": "r2", "low": 0.8, "high": 0.8}, "0.8–0.8"),
    ],
)  # fmt: skip
def test_an_interval(head: dict[str, Any] | None, ends: str) -> None:
    assert plain(scores.score_interval(head)) == ends


def test_baselines_without_this_metric_are_left_out() -> None:
    baselines = {
        "a": {"accuracy": 0.5},
        "b": {"f1": 0.5},
        "c": None,
        "d": {"accuracy": math.nan},
        "e": {"accuracy": "0.25"},
    }
    assert scores.baseline_scores(baselines, "accuracy") == {"a": 0.5, "e": 0.25}
    assert scores.baseline_scores(None, "accuracy") == {}


def test_the_best_of_none_one_and_equals() -> None:
    def head(value: float | None) -> dict[str, Any]:
        return {"name": "accuracy", "value": value}

    assert scores.best_first([], head) == []
    assert scores.best_first([None], head) == [None]
    pairs = [("first", 0.5), ("second", 0.5), ("nan", math.nan), ("best", 0.9)]
    ranked = scores.best_first(pairs, lambda pair: head(pair[1]))
    assert [name for name, _value in ranked] == ["best", "first", "second", "nan"], "equals stay in their order"


@pytest.mark.parametrize("name", ["brand_new_metric", "", "a b"])
def test_a_metric_that_nobody_described_has_a_name(name: str) -> None:
    assert scores.metric_title(name) == scores.readable(name)
    assert scores.metric_name(name) == scores.readable(name).lower()
    assert not scores.rises("wer")
    assert scores.rises("accuracy")
