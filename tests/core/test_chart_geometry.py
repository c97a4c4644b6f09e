"""Where charts put what they draw: axes that tell the truth, whatever the numbers are."""

import itertools
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from webapp.answers.templatetags.answers import number_range, scatter, worst_pair
from webapp.core import charts


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


def tree(text: str) -> ET.Element:
    return ET.fromstring(text)


@pytest.mark.parametrize(
    ("end", "unit", "labels"),
    [
        (4, "epochs", ["0", "1", "2", "3", "4 epochs"]),
        (10, "", ["0", "2", "4", "6", "8", "10"]),
        (9, "", ["0", "3", "6", "9"]),
        (7, "steps", ["0", "3.5", "7 steps"]),
        (2.5, "epochs", ["0", "1.25", "2.5 epochs"]),
        (0.5, "", ["0", "0.25", "0.5"]),
        (1_000_000, "steps", ["0", "250,000", "500,000", "750,000", "1,000,000 steps"]),
    ],
)
def test_every_label_below_is_the_true_value_of_its_place(end: float, unit: str, labels: list[str]) -> None:
    marks = charts.axis_x(end, unit)
    assert [text for _mark, text in marks] == labels
    gaps = {round(right - left, 9) for (left, _), (right, _) in itertools.pairwise(marks)}
    assert len(gaps) == 1, "labels stand at equal distances"


@pytest.mark.parametrize(
    "ends",
    [(0, 1), (0, 1e-6), (0, 1e9), (-3, -1), (-0.5, 0.5), (5, 5), (-5, -5), (0.97, 0.98), (1e6, 1e6 + 3)],
)
def test_ticks_hold_what_they_are_of_and_are_few(ends: tuple[float, float]) -> None:
    marks = charts.ticks(*ends)
    assert marks[0] <= ends[0]
    assert marks[-1] >= ends[1] - 1e-9
    assert 2 <= len(marks) <= 5
    assert marks == sorted(set(marks))


@pytest.mark.parametrize(
    ("marks", "labels"),
    [
        ([0, 0.5, 1.0], ["1.0", "0.5", "0"]),
        ([0, 1000, 2000], ["2,000", "1,000", "0"]),
        ([0.2, 0.225, 0.25], ["0.250", "0.225", "0.200"]),
        ([-2.0, -1.0, 0.0], ["0", "-1", "-2"]),
        ([0, 0.0001, 0.0002], ["0.0002", "0.0001", "0"]),
    ],
)
def test_labels_on_the_left_have_the_digits_of_their_step(marks: list[float], labels: list[str]) -> None:
    assert charts.axis_y(marks, None) == labels
    assert charts.axis_y(marks, lambda value: f"<{value:g}>")[0] == f"<{marks[-1]:g}>"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (100, "100"), (1 / 3, "0.33"), (12.5, "12.5"), (1234567.891, "1234567.89"), (-2.004, "-2")],
)
def test_coordinates_are_no_language_s_own(value: float, text: str) -> None:
    with translation.override("de"):
        assert charts.format_coordinate(value) == text


def test_a_running_mean_begins_where_the_curve_does_and_follows_it() -> None:
    assert charts.running_mean([]) == []
    assert charts.running_mean([(0, 3.0)]) == [(0, pytest.approx(3.0))]
    constant = charts.running_mean([(step, 2.0) for step in range(50)])
    assert all(y == pytest.approx(2.0) for _x, y in constant)
    jump = charts.running_mean([(step, 0.0 if step < 10 else 1.0) for step in range(60)])
    assert jump[9][1] == 0
    assert 0 < jump[10][1] < jump[20][1] < jump[59][1] < 1


@pytest.mark.parametrize(
    "points",
    [
        [], [(0, 1)], [(0, -5), (1, -2)], [(0, 0), (1, 0)], [(0, 1e12), (1, -1e12)], [(3, 1), (1, 2)],
        [(step, math.sin(step)) for step in range(10_000)], [(0, math.nan), (1, None), ("a", 2)], [(True, 1)],
    ],
)  # fmt: skip
def test_whatever_the_values_are_a_line_stays_in_its_frame(points: list[Any]) -> None:
    figure = tree(charts.line_chart([charts.Series("a", points)], title="t", sentence="s"))
    numbers = [float(n) for path in figure.iter("path") for n in re.findall(r"-?[\d.]+", path.get("d", ""))]
    assert all(-0.01 <= number <= 100.01 for number in numbers)
    assert len(figure.findall("ol")) == 2


def test_a_single_point_is_seen() -> None:
    """A path of one point alone draws nothing."""
    figure = tree(charts.line_chart([charts.Series("a", [(1, 1)])], title="t", sentence="s"))
    assert figure.find("svg/path").get("d") == "M100,0 100,0"  # type: ignore[union-attr]


def test_beyond_a_dozen_points_the_noise_is_thin() -> None:
    for count, classes in ((charts.NOISY - 1, [""]), (charts.NOISY, ["raw", ""])):
        chart = tree(charts.metric_chart("loss", {"train": [(step, 1.0) for step in range(count)]}, title="Loss"))
        assert [path.get("class") for path in chart.findall("svg/path")] == classes


def test_a_metric_that_is_better_when_less_is_drawn_from_zero() -> None:
    chart = tree(charts.metric_chart("wer", {"validation": [(1, 0.9), (2, 0.8)]}, title="Errors"))
    assert [item.text for item in chart.find("ol") or []][-1] in ("0", "0\u00a0%")
    sentence = chart.find("svg").get("aria-label")  # type: ignore[union-attr]
    assert sentence.replace("\u00a0", " ") == "Errors: validation went from 90.0 % to 80.0 %."  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("value", "low", "high", "place"),
    [(0.5, None, None, "50%"), (-1, None, None, "0%"), (7, None, None, "100%"), (0.0, 0.0, 0.0, "0%")],
)
def test_a_strip_keeps_its_dot_between_its_ends(
    value: float, low: float | None, high: float | None, place: str
) -> None:
    drawn = tree(charts.strip(value, low, high))
    assert drawn.find("circle").get("cx") == place  # type: ignore[union-attr]
    band = drawn.find("rect")
    assert (band is None) is (low is None)
    if band is not None:
        assert band.get("width") == "0.6%", "an interval of no width is still seen"


def test_a_strip_of_no_score_is_an_empty_line() -> None:
    drawn = tree(charts.strip(None))
    assert [child.tag for child in drawn] == ["line"]


@pytest.mark.parametrize("segments", [[], [("k1", 0)], [("k1", 2)], [("k1", -1), ("k2", 0.5)], [("k", 1 / 3)] * 3])
def test_bars_never_leave_their_box(segments: list[tuple[str, float]]) -> None:
    rects = tree(charts.bars(segments)).findall("rect")
    ends = [float(rect.get("x", "")[:-1]) + float(rect.get("width", "")[:-1]) for rect in rects]
    assert all(end <= 100.01 for end in ends)
    assert all(float(rect.get("width", "")[:-1]) >= 0 for rect in rects)


# Of answers


def test_a_scatter_of_nothing_one_and_many() -> None:
    assert scatter([]) == ""
    assert scatter([[math.nan, 1], [None, 2]]) == ""  # type: ignore[list-item]
    for pairs, count in (([[3, 3]], 1), ([[n, -n] for n in range(5_000)], 500)):
        drawn = tree(scatter(pairs))
        dots = drawn.findall("svg/circle")
        assert len(dots) == count
        assert all(-0.01 <= float(dot.get(axis, "")) <= 200.01 for dot in dots for axis in ("cx", "cy"))
        assert f"{count} test rows" in drawn.find("svg").get("aria-label", "")  # type: ignore[union-attr]


TRUTH = {"truth": {"low": 0, "high": 10}}


@pytest.mark.parametrize(
    ("answer", "report", "ends"),
    [
        ({"value": 5, "low": 4, "high": 6}, TRUTH, ["0", "10"]),
        ({"value": 50, "low": 40, "high": 60}, TRUTH, ["0", "60"]),
        ({"value": -5, "low": -9, "high": -1}, TRUTH, ["-9", "10"]),
        ({"value": 5, "low": None, "high": None}, TRUTH, None),
        ({"value": 5}, TRUTH, None),
        ({"value": 5, "low": 4, "high": 6}, {}, None),
        ({"value": 3, "low": 3, "high": 3}, {"truth": {"low": 3, "high": 3}}, None),
    ],
)
def test_the_range_of_a_number(answer: dict[str, Any], report: dict[str, Any], ends: list[str] | None) -> None:
    drawn = number_range(answer, report)
    if ends is None:
        assert drawn == ""
    else:
        assert [span.text for span in tree(drawn).findall("span/span")] == ends


def test_the_pair_that_is_confused_most() -> None:
    def row(label: str, *counts: int, hit: int) -> dict[str, Any]:
        return {"label": label, "cells": [{"count": n, "hit": index == hit} for index, n in enumerate(counts)]}

    matrix = {"labels": ["a", "b"], "rows": [row("a", 90, 2, hit=0), row("b", 5, 20, hit=1)]}
    assert worst_pair(matrix) == {"count": 5, "total": 25, "truth": "b", "answer": "a"}
    assert worst_pair({"labels": ["a"], "rows": [row("a", 3, hit=0)]}) is None
    assert worst_pair({}) is None
