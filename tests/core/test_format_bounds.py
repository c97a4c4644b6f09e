"""Figures at the bounds where they change their form, and what is not a figure at all."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone, translation

from webapp.core import formats
from webapp.core.templatetags import maquette

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
FILTERS = (
    formats.money, formats.money_round, formats.price, formats.percent, formats.points, formats.count, formats.short_count,
    formats.figure, formats.size, formats.duration, formats.about, formats.remaining, formats.clock,
)  # fmt: skip
"""Every filter that takes a number."""


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize("show", FILTERS, ids=lambda show: show.__name__)
@pytest.mark.parametrize("value", [None, "", "a lot", "<b>", math.nan, math.inf, -math.inf, "nan", [], {}])
def test_what_is_no_number_is_a_dash(show: Callable[[object], str], value: object) -> None:
    """A model that diverged answers NaN: the page says that there is no figure, and is still a page."""
    assert show(value) == formats.MISSING


def test_an_integer_beyond_all_floats_is_no_number() -> None:
    assert formats.number(10**400) is None
    assert formats.number("1e999") is None
    assert formats.number(10**300) == 1e300


@pytest.mark.parametrize(
    ("bytes_", "shown"),
    [
        (0, "0 B"), (999, "999 B"), (999.4, "999 B"), (999.5, "1 KB"), (1000, "1 KB"), (999_499, "999 KB"),
        (999_500, "1.0 MB"), (9_949_999, "9.9 MB"), (9_950_000, "10 MB"), (999_500_000, "1.0 GB"), (9.95e9, "10 GB"),
        (999.5e9, "1.0 TB"), (4e15, "4000.0 TB"),
    ],
)  # fmt: skip
def test_sizes_turn_to_the_next_unit_where_they_would_show_a_thousand(bytes_: float, shown: str) -> None:
    assert plain(formats.size(bytes_)) == shown


@pytest.mark.parametrize(
    ("parameters", "shown"),
    [
        (0, "0"), (999, "999"), (1000, "1.0 k"), (99_949, "99.9 k"), (99_950, "100 k"), (999_499, "999 k"),
        (999_500, "1.0 M"), (1_000_000, "1.0 M"), (99_960_000, "100 M"), (999_600_000, "1.0 B"), (70e9, "70.0 B"),
    ],
)  # fmt: skip
def test_parameters_turn_likewise(parameters: float, shown: str) -> None:
    assert plain(formats.short_count(parameters)) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1_000_000, "1,000,000"), (1234.5, "1,234"), (99.96, "100.0"), (10.04, "10.0"), (9.994, "9.99"), (1.005, "1.00"),
        (0.001, "0.001"), (0.00099, "9.9e-04"), (-0.00006, "-6.0e-05"), (-0.5, "-0.500"), (-3, "-3"), ("2.50", "2.50"),
    ],
)  # fmt: skip
def test_figures_keep_three_digits(value: object, shown: str) -> None:
    assert formats.figure(value) == shown


@pytest.mark.parametrize(
    ("seconds", "measured", "estimated", "left"),
    [
        (0, "0.0 s", "1 s", "less than a minute"),
        (9.9, "9.9 s", "10 s", "less than a minute"),
        (10, "10 s", "10 s", "less than a minute"),
        (49.9, "50 s", "50 s", "less than a minute"),
        (50, "50 s", "50 s", "about 1 minute"),
        (56.9, "57 s", "55 s", "about 1 minute"),
        (57, "57 s", "about 1 min", "about 1 minute"),
        (59.4, "59 s", "about 1 min", "about 1 minute"),
        (3599.4, "59 min 59 s", "about 60 min", "about 60 minutes"),
        (3599.5, "1 h 0 min", "about 60 min", "about 60 minutes"),
        (5399, "1 h 29 min", "about 90 min", "about 90 minutes"),
        (5400, "1 h 30 min", "about 1.5 h", "about 2 hours"),
        (7200, "2 h 0 min", "about 2 h", "about 2 hours"),
        (1_000_000, "277 h 46 min", "about 277.8 h", "about 278 hours"),
    ],
)
def test_times_at_their_bounds(seconds: float, measured: str, estimated: str, left: str) -> None:
    assert formats.duration(seconds) == measured
    assert formats.about(seconds) == estimated
    assert formats.remaining(seconds) == left


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (59.4, "0:59"), (59.5, "1:00"), (3599, "59:59"), (3600, "1:00:00"), (360_000, "100:00:00")],
)
def test_a_stopwatch(seconds: float, shown: str) -> None:
    assert formats.clock(seconds) == shown


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        (timedelta(seconds=-30), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=23, minutes=59), "23 hours ago"),
        (timedelta(days=1), "yesterday"),
        (timedelta(days=2), "21 Nov"),
    ],
)
def test_how_long_ago_at_the_bounds(passed: timedelta, shown: str) -> None:
    assert formats.ago(NOW - passed, NOW) == shown


def test_a_moment_is_shown_in_the_time_of_the_site() -> None:
    """An hour before midnight in London is the next day in Shanghai."""
    late = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    with timezone.override("Asia/Shanghai"):
        assert formats.day(late, NOW) == "1 Jan"
        assert formats.time_of_day(late) == "07:30"
    with timezone.override("UTC"):
        assert formats.day(late, NOW) == "31 Dec 2025"
    assert formats.day(date(2026, 1, 2), NOW) == "2 Jan", "a day has no hour to shift"
    assert formats.time_of_day(date(2026, 1, 2)) == formats.time_of_day("soon") == formats.MISSING
    assert formats.as_moment("2026-11-23T14:00:00") == NOW, "without a zone it is UTC"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (Decimal("60.00"), "60.00"), (Decimal("0.08920"), "0.0892"), (Decimal("1E+3"), "1000.00"), ("0.1", "0.10"), (0, "0.00"),
        ("a", ""), (None, ""), ("NaN", ""), ("Infinity", ""),
    ],
)  # fmt: skip
def test_an_amount_in_a_field_keeps_what_was_typed(typed: object, shown: str) -> None:
    assert formats.exact(typed) == shown


@pytest.mark.parametrize(
    ("language", "minutes", "percent"),
    [("en", "about 1 minute", "91.3\u00a0%"), ("zh-hans", "约 1 分钟", "91.3%")],
)
def test_the_other_language_has_its_own_words_and_sign(language: str, minutes: str, percent: str) -> None:
    with translation.override(language):
        assert formats.remaining(60).replace(" ", "") == minutes.replace(" ", "")
        assert plain(formats.percent(0.913)).replace(" ", "") == plain(percent).replace(" ", "")


@pytest.mark.parametrize(
    ("part", "whole", "share"),
    [(1, 4, 0.25), (3, 0, 0), (None, 3, 0), (3, None, 0), ("2", "8", 0.25), (math.nan, 1, 0)],
)
def test_a_share_of_nothing_is_nothing(part: object, whole: object, share: float) -> None:
    assert maquette.share_of(part, whole) == share


def test_money_is_subtracted_exactly() -> None:
    assert maquette.minus(Decimal("0.3"), "0.1") == Decimal("0.2")
    assert maquette.minus(None, "2") == Decimal(-2)
    assert maquette.high_mark("60.00") == "50.00"
    assert maquette.high_mark(None) == "0.00"


@pytest.mark.parametrize("holder", [None, 3, [], {}, {"a": 1}, "ab"])
def test_what_is_not_there_is_none(holder: object) -> None:
    assert maquette.get(holder, "zz") is None  # type: ignore[arg-type]
    assert maquette.get(holder, 9) is None  # type: ignore[arg-type]
