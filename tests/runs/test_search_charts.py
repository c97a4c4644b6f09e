"""The pictures of a search: where each trial lies, the best so far, and which settings are drawn."""

import math
import re
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as some

from webapp.runs import search_pictures
from webapp.runs.models import Run, Search, Status
from webapp.runs.search_pictures import importance_words, scores_chart, share_of, shown, slice_chart, slices, values_of

POINT = re.compile(r'<path class="point ([^"]*)" d="M([-\d.]+),([-\d.]+)h0"><title>([^<]*)</title>')
LINE = re.compile(r'<path class="two" d="([^"]*)"/>')


def trial(number: int, value: float | None, status: str = Status.SUCCEEDED, **params: Any) -> Run:
    return Run(trial=number, status=status, params=params, validation=None if value is None else {"value": value})


def trials(*values: float | None) -> list[Run]:
    return [trial(number, value) for number, value in enumerate(values, 1)]


def best_line(chart: str) -> list[float]:
    """The heights that the line of the best so far goes through, from 100 at the bottom of the picture to 0."""
    found = LINE.search(chart)
    assert found
    return [float(y) for y in re.findall(r"(?:,|V)([-\d.]+)", found[1])]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some.lists(some.integers(0, 100).map(lambda share: share / 100), min_size=2, max_size=15))
def test_the_best_so_far_is_a_running_maximum(values: list[float]) -> None:
    chart = str(scores_chart(trials(*values), "accuracy"))
    heights = best_line(chart)
    assert heights == sorted(heights, reverse=True), "a score that is better is higher, which is less in a picture"
    points = [float(y) for _css, _x, y, _title in POINT.findall(chart)]
    assert heights == pytest.approx([min(points[: place + 1]) for place in range(len(points))])
    assert all(0 <= y <= 100 for y in points)


def test_of_an_error_the_least_is_the_best() -> None:
    chart = str(scores_chart(trials(3.0, 1.0, 2.0), "mae"))
    points = [float(y) for _css, _x, y, _title in POINT.findall(chart)]
    assert best_line(chart) == pytest.approx([points[0], points[1], points[1]])


def test_a_pruned_trial_is_drawn_and_never_the_best() -> None:
    chart = str(scores_chart([*trials(0.5, 0.6), trial(3, 0.9, Status.PRUNED)], "accuracy"))
    assert [css for css, *_rest in POINT.findall(chart)] == ["", "", "raw"]
    assert "the best of 3 is 60" in chart


@pytest.mark.parametrize("values", [(), (0.5,), (None, 0.5), (math.nan, 0.5), (math.inf, math.nan)])
def test_one_score_is_no_picture(values: tuple[float | None, ...]) -> None:
    assert scores_chart(trials(*values), "accuracy") is None
    assert scores_chart(trials(0.1, 0.2), None) is None


def test_all_equal_scores_are_drawn_on_one_line() -> None:
    points = POINT.findall(str(scores_chart(trials(0.5, 0.5, 0.5), "accuracy")))
    assert len({y for _css, _x, y, _title in points}) == 1
    across = [float(x) for _css, x, _y, _title in points]
    assert across == sorted(across)
    assert 0 < across[0] < across[-1] < 100


def test_scores_that_no_number_can_be_are_left_out() -> None:
    runs = trials(0.5, math.nan, None, 0.7)
    assert [run.trial for run, _value in values_of(runs)] == [1, 4]


# Settings


BOUNDS = {"low": 1e-5, "high": 1e-1, "log": True}


@pytest.mark.parametrize(
    ("value", "bounds", "share"),
    [
        (1e-3, BOUNDS, 0.5),
        (1e-5, BOUNDS, 0.0),
        (0, BOUNDS, None),
        ("1e-3", BOUNDS, None),
        (None, BOUNDS, None),
        (5, {"low": 0, "high": 10}, 0.5),
        ("b", {"choices": ["a", "b", "c"]}, 0.5),
        ("d", {"choices": ["a", "b", "c"]}, None),
        (True, {"choices": [False, True]}, 1.0),
    ],
)
def test_a_value_lies_between_its_bounds(value: object, bounds: dict[str, Any], share: float | None) -> None:
    found = share_of(value, bounds)
    assert found == (share if share is None else pytest.approx(share))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some.floats(1e-6, 1e6), some.floats(1.001, 1e6), some.booleans(), some.floats(0, 1))
def test_shares_are_from_nothing_to_one_and_in_order(low: float, factor: float, is_log: bool, part: float) -> None:
    bounds = {"low": low, "high": low * factor, "log": is_log}
    value = low * factor**part
    found = share_of(value, bounds)
    assert found is not None
    assert -1e-9 <= found <= 1 + 1e-9
    assert found == pytest.approx(part, abs=1e-6) if is_log else found <= part + 1e-9


def test_a_chart_of_a_setting_names_its_ends_and_leaves_out_what_has_no_place() -> None:
    runs = [trial(1, 0.5, rate=1e-4), trial(2, 0.7, rate=1e-2), trial(3, 0.6, rate=None)]
    chart = str(slice_chart("rate", "Learning rate", BOUNDS, values_of(runs), "accuracy"))
    assert len(POINT.findall(chart)) == 2
    assert "Learning rate 0.0001" in chart
    assert "1e-05" in chart
    assert "0.1" in chart


def test_what_a_setting_is_called_is_text_and_no_markup() -> None:
    runs = [trial(number, 0.5, kind="<b>x</b>") for number in range(1, 4)]
    chart = str(slice_chart("kind", "<script>", {"choices": ["<b>x</b>", "y"]}, values_of(runs), "accuracy"))
    assert "<script>" not in chart
    assert "<b>x" not in chart


def test_the_most_important_settings_are_drawn_and_no_more_than_four() -> None:
    space = {name: {"low": 0, "high": 1} for name in "abcdef"}
    search = Search(space=space, importance={"f": 0.6, "c": 0.4})
    runs = [trial(number, number / 10, **dict.fromkeys("abcdef", 0.5)) for number in range(1, 5)]
    charts = slices(search, runs, "accuracy", {name: f"Setting {name}" for name in space})
    assert [re.findall(r"Setting (\w)", str(chart))[0] for chart in charts] == ["f", "c", "a", "b"]
    assert slices(search, runs[:2], "accuracy", {}) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "yes"), (False, "no"), (0.0001234, "0.000123"), (16, "16"), (None, "–"), ("adamw", "adamw")],
)
def test_values_as_a_table_shows_them(value: object, text: str) -> None:
    assert shown(value) == text


def test_words_are_said_in_chinese() -> None:
    importance = [{"title": "学习率", "formatted": "60 %"}]
    assert importance_words(importance) == "“学习率” explains 60 % of the differences between the scores."
    assert importance_words([]) == ""
    with translation.override("zh-hans"):
        assert search_pictures.shown(True) == "是"
        assert "explains" not in importance_words(importance)
