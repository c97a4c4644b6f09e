"""Figures as sentences say them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import translation

from webapp.core import formats
from webapp.core.templatetags.maquette import whole_words

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("0.0213", "$0.02"),
        (Decimal("0"), "$0.00"),
        ("0.00001", "under $0.0001"),
        ("0.005", "$0.005"),
        ("0.00124", "$0.0012"),
        ("0.00999", "$0.01"),
        (12, "$12.00"),
        ("41234.5", "$41,234.50"),
        (None, "–"),
        ("lots", "–"),
        ("NaN", "–"),
    ],
)
def test_money(value: object, said: str) -> None:
    assert formats.money(value) == said


def test_money_in_other_currencies() -> None:
    assert formats.money("3.5", "EUR") == "€3.50"
    assert formats.money("3.5", "CHF") == "3.50 CHF"
    assert formats.money("0.001", "CHF") == "0.001 CHF"


def test_round_sums_lose_their_zeros_and_prices_have_two_digits() -> None:
    assert formats.money_round("60.00") == "$60"
    assert formats.money_round("60.5") == "$60.50"
    assert formats.price("0.08925") == "$0.089"
    assert formats.price("0.02080") == "$0.021"
    assert formats.price("0.80480") == "$0.80"
    assert formats.price("0.0042") == "$0.0042"
    assert formats.price("0") == "$0.00"
    assert formats.exact("0.08925") == "0.08925"
    assert formats.exact("60") == "60.00"
    assert formats.price("2") == "$2.00"


@pytest.mark.parametrize(("value", "said"), [(0.9134, "91.3 %"), (0, "0.0 %"), (1, "100.0 %"), (None, "–"), ("", "–")])
def test_percent(value: object, said: str) -> None:
    assert formats.percent(value).replace("\u00a0", " ") == said


@pytest.mark.parametrize(
    ("seconds", "measured", "estimated"),
    [
        (1.84, "1.8 s", "2 s"),
        (21.2, "21 s", "20 s"),
        (59.7, "1 min 0 s", "about 1 min"),
        (232, "3 min 52 s", "about 4 min"),
        (7500, "2 h 5 min", "about 2.1 h"),
        (None, "–", "–"),
    ],
)
def test_durations(seconds: float | None, measured: str, estimated: str) -> None:
    assert formats.duration(seconds) == measured
    assert formats.about(seconds) == estimated


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(10, "less than a minute"), (61, "about 1 minute"), (290, "about 5 minutes"), (9000, "about 2 hours")],
)
def test_remaining(seconds: float, said: str) -> None:
    assert formats.remaining(seconds) == said


def test_clock_size_count_and_figures() -> None:
    assert [formats.clock(x) for x in (8, 362, 3849)] == ["0:08", "6:02", "1:04:09"]
    assert [formats.size(x).replace("\u00a0", " ") for x in (612, 612_000, 9_400_000, 24e9)] == [
        "612 B",
        "612 KB",
        "9.4 MB",
        "24 GB",
    ]
    assert formats.count(3042) == "3,042"
    assert [formats.short_count(x).replace("\u00a0", " ") for x in (22_713_216, 117_654_272, 8.2e9)] == [
        "22.7 M",
        "118 M",
        "8.2 B",
    ]
    assert [formats.figure(x) for x in (0.4483, 1.5, 118.4, 4.0, 0.00006, 0)] == [
        "0.448",
        "1.50",
        "118",
        "4",
        "6.0e-05",
        "0",
    ]


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=4), "4 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=30), "yesterday"),
        (timedelta(days=4), "19 Nov"),
        (timedelta(days=400), "19 Oct 2025"),
    ],
)
def test_ago(passed: timedelta, said: str) -> None:
    assert formats.ago(NOW - passed, NOW) == said


@pytest.mark.parametrize(
    ("form", "english", "chinese"),
    [
        ("day", "19 Nov", "11月19日"),
        ("day and year", "19 Nov 2026", "2026年11月19日"),
        ("month", "November 2026", "2026年11月"),
        ("short month", "Nov", "11月"),
        ("weekday", "Thursday 19 November", "11月19日 星期四"),
    ],
)
def test_dates_have_the_order_of_the_language(form: str, english: str, chinese: str) -> None:
    for language, said in (("en", english), ("zh-hans", chinese)):
        with translation.override(language):
            assert formats.dated(date(2026, 11, 19), form) == said


def test_ago_reads_what_json_holds() -> None:
    assert formats.ago("2026-11-23T13:56:00Z", NOW) == "4 minutes ago"
    assert formats.ago("sometime", NOW) == "–"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a short one", "a short one"),
        ("I was charged twice, nobody answers", "I was charged twice…"),
        ("exactly twenty chars more", "exactly twenty chars…"),
        ("我被收了两次费用但是没有人回答我的问题请帮忙", "我被收了两次费用但是没有人回答我的问题请…"),
    ],
)
def test_an_example_is_cut_between_words(text: str, shown: str) -> None:
    assert whole_words(text, 20) == shown
