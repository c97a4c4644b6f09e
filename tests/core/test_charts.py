"""Charts are SVG whose numbers sit in attributes; what a person wrote comes out escaped."""

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest
from django.utils import translation

from webapp.core import charts

HOSTILE = '<script>alert("1")</script>'


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0, 1.38, [0, 0.5, 1.0, 1.5]),
        (0.5, 1, [0.4, 0.6, 0.8, 1.0]),
        (0, 0, [0, 0.5, 1.0]),
        (0, 2750, [0, 1000, 2000, 3000]),
    ],
)
def test_ticks_are_round_and_hold_the_values(low: float, high: float, found: list[float]) -> None:
    assert charts.ticks(low, high) == found


def tree(text: str) -> ET.Element:
    return ET.fromstring(text)


def test_a_line_chart_draws_every_series_within_its_frame() -> None:
    series = [charts.Series("one", [(0, 1.4), (1, 0.7), (2, 0.3)]), charts.Series("two", [(1, 0.9)], "two")]
    found = tree(charts.line_chart(series, title="Loss", sentence="It fell.", end=4, unit="epochs", now=2))
    svg = found.find("svg")
    assert svg.get("aria-label") == "It fell."
    paths = svg.findall("path")
    assert len(paths) == 2
    numbers = [float(part) for path in paths for dot in path.get("d")[1:].split() for part in dot.split(",")]
    assert all(0 <= number <= 100 for number in numbers)
    assert svg.find("line[@class='now']").get("x1") == "50"
    assert [li.text for li in found.findall("ol")[1]] == ["0", "1", "2", "3", "4 epochs"]


def test_a_chart_of_nothing_is_still_a_chart() -> None:
    found = tree(charts.metric_chart("loss", {}, title="Loss"))
    assert "nothing measured yet" in found.find("svg").get("aria-label")


def test_values_that_are_no_numbers_are_left_out() -> None:
    assert charts.clean([(0, 1), (1, math.nan), (2, None), (3, math.inf), (4, 2)]) == [(0.0, 1.0), (4.0, 2.0)]


def test_a_noisy_curve_is_drawn_twice_and_named_once() -> None:
    points = [(step / 10, 1.0 + step % 2) for step in range(40)]
    found = tree(charts.metric_chart("loss", {"train": points}, title="Loss"))
    assert [path.get("class") for path in found.findall("svg/path")] == ["raw", ""]
    assert len(found.findall("figcaption/span")) == 1


def test_a_share_is_drawn_in_percent_and_never_beyond_all() -> None:
    found = tree(charts.metric_chart("accuracy", {"validation": [(1, 0.68), (2, 0.879)]}, title="Right"))
    labels = [li.text.replace("\u00a0", " ") for li in found.find("ol")]
    assert labels[0] == "100 %"
    assert labels[-1] == "60 %"


def test_history_is_split_into_curves() -> None:
    history = [
        {"name": "loss", "split": "train", "step": 10, "epoch": 0.5, "value": 1.0},
        {"name": "loss", "split": "train", "step": 20, "epoch": None, "value": 0.5},
        {"name": "accuracy", "split": "validation", "step": 20, "epoch": 1.0, "value": 0.8},
    ]
    assert charts.curves_of(history, "loss") == {"train": [(0.5, 1.0), (20, 0.5)]}


def test_bars_fill_at_most_the_whole() -> None:
    found = tree(charts.bars([("k1", 0.8), ("k2", 0.5)], label="told"))
    assert [(one.get("x"), one.get("width")) for one in found] == [("0%", "80%"), ("80%", "20%")]
    assert found.get("role") == "img"


def test_a_strip_zooms_between_its_ends() -> None:
    found = tree(charts.strip(0.9, 0.88, 0.92, tick=0.85, ends=(0.8, 1.0)))
    assert found.find("circle").get("cx") == "50%"
    assert found.find("rect").get("x") == "40%"
    assert found.find("line[@class='tick']").get("x1") == "25%"


def test_columns_stack_and_say_their_sum() -> None:
    found = tree(
        charts.stacked_columns(
            [("1 Nov", [1.0, 0.5]), ("2 Nov", [0.0, 0.0])],
            kinds=[("k1", "hosting"), ("k2", "training")],
            title="By day",
            sentence="told",
            format_value=lambda value: f"${value:.2f}",
            labels=["1 Nov", "2"],
        )
    )
    assert [title.text for title in found.iter("title")] == ["1 Nov: $1.50"]


def test_what_a_person_wrote_is_escaped() -> None:
    drawn = [
        charts.bars([(HOSTILE, 0.5)], label=HOSTILE),
        charts.key("k1", HOSTILE),
        charts.line_chart([charts.Series(HOSTILE, [(0, 1), (1, 2)])], title=HOSTILE, sentence=HOSTILE),
    ]
    assert all("<script" not in text for text in drawn)
