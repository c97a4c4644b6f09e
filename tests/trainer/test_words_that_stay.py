"""Columns of words, names and codes that have a number in them, in ten languages: they stay what they are; where a number may be meant,
it is told with the other reading."""

import pytest

from tests.trainer.test_column_questions import read
from trainer.columns import guess_kind
from trainer.counted_words import COUNTS, NAMES, OPEN, verdict
from trainer.day_times import on_the_clock
from trainer.number_forms import found_unit
from trainer.numerals import number_of

LABELS = """
3-1|2-0|0-0; 3:1|2:0|0:0; 2022-23|2023-24|2024-25; 2022/23|2023/24; 18-24|25-34|45+; 18 bis 24|25 bis 34|über 65; 18-24岁|25-34岁|65岁以上; 1st|2nd|3rd; 1er|2e|3e; 1º|2º|3ª;
第一|第二|第三; 第1|第2|第3; Q1|Q2|Q3; 1Q|2Q|3Q; 一季度|二季度|第三季度; 12 Monkeys|21 Grams|50 Cent|7 up; Size 10|Size 12|Size 8; EU 42|EU 38; 2XL|3XL|4XL; 32x34|34x34; 36 R|38 R|40 L; 75B|80C;
1.2.3|1.2.4|2.0.1; v1|v2; Python 2|Python 3; 1+|2+|1|2-; A+|B-|C; Stufe 1|Stufe 2; 1st year|2nd year; 1 BHK|2 BHK|3 BHK; 3室2厅|2室1厅; 2 door|4 door; 2-door|4-door; 4WD|2WD|AWD; 4x4|6x4; 2D|3D; 2G|3G|4G|5G;
1080p|720p; type 1|type 2; Stage 1|Stage 2; 1a|2b; 1st dose|2nd dose; 一星|三星|五星; 三国|一般|五星; 好评|中评; 一|二|三; 一百|二百; 万科|千里|百度; 1班|2班; 一年级|二年级; 1级|2级; 1类|2类; 1号线|2号线; 一线城市|二线城市;
1階|2階; 1年生|2年生; 1等|2等; 1丁目|2丁目; 1部|2部; 20代|30代|40代; 80后|90后|00后; 1학년|2학년; 1층|2층; 1호선|2호선; 1등급|2등급; 1반|2반; 1. Klasse|2. Klasse; 1. Schicht|2. Schicht; ab 12|ab 16|ab 18; FSK 12|FSK 16;
moins de 18|18-25|plus de 65; Mon|Tue; Jan|Feb; 1月|2月; 周一|星期三; yes|no; sì|no; 9-12|12-15; 9am-12pm|12pm-3pm; 1st shift|2nd shift; <10k|10k-50k|>50k; <=50K|>50K; $|$$|$$$; *|**|***; 1 - disagree|5 - agree;
1 (very bad)|5 (very good); 1 Very bad|5 Very good; 1=yes|2=no; 1 agree|2 agree; A+|O-; +|-; ++|--; Channel 4|Channel 5; 4-4-2|4-3-3; 5 Main St|12 Main St|7 Main St; Apt 5|Apt 12; No. 5|No. 12; #5|#12; A-12|B-13; 100-A|101-A|102-A;
100 A|101 A|102 A; 10 A|12 B; 1️⃣|2️⃣|3️⃣; I|II|IV; one|two|three; eins|zwei; un|deux; A1|B2; Category 1|Category 2; 100m|100m hurdles; Net 30|Net 60; Top 10|Top 100; Total 1|Total 2; Score 1|Score 2; Price 1|Price 2; Canal+|Disney+; 1 p|2 p;
CD4+|CD8+; 13 Pro|12 Pro|11 Pro; Windows 10|Windows 11; 10 Home|11 Home; 1st ed.|2nd ed.; 1 Lesson|2 Lesson; 2-way|4-way; 1v1|5v5; Part 1|Part 2; 16:9 wide|4:3; 20/20|20/40; 120/80|130/85; 10 x 20|30 x 40; 0x1F|0x2A; LH 123|UA 456;
I-95|I-80; 1234 AB|5678 AB; 123-45-6789|987-65-4321; 6-4 6-3|7-5 6-2; 1 класс|2 класс; 1 этаж|2 этаж; 1 курс|2 курс; да|нет; 1 klasa|2 klasa; tak|nie; 1. sınıf|2. sınıf; 1 sınıf|2 sınıf; evet|hayır; 1 piano|2 piano; 1 étage|2 étage;
1re classe|2e classe; 1º ano|2º ano; 1 grado|2 grado; 1 ESO|2 ESO; 1 havo|2 havo; groep 1|groep 2; الصف 1|الصف 2; कक्षा 1|कक्षा 2; ชั้น 1|ชั้น 2; 1) step|2) step; 1. e4|2. e4; nur 5|nur 10
"""


@pytest.mark.parametrize("cells", [case.strip().split("|") for case in LABELS.split(";")], ids=" ".join)
def test_labels_with_numbers_in_them_stay_labels(cells: list[str]) -> None:
    assert guess_kind(cells * 12, len(set(cells)), 12 * len(cells)) in ("category", "boolean")


NOUNS = ("apples", "bananas", "cherries", "figs", "grapes", "honey")


@pytest.mark.parametrize(
    "cells",
    [
        [f"{n % 5 + 1} stars, {NOUNS[n % 6]} {n} days late" for n in range(40)],
        [f"Rating: {n % 5 + 1}, the {NOUNS[n % 6]} was bad" for n in range(40)],
        [f"Only {n} days until {NOUNS[n % 6]}!" for n in range(40)],
        [f"{n} {NOUNS[n % 6].title()} Street" for n in range(40)],
        [f"{n} Main Street" for n in range(40)],
        [f"{n % 9} cups {NOUNS[n % 6]}" for n in range(40)],
        [f"from ${n} to ${n + 5}: buy {NOUNS[n % 6]} now" for n in range(40)],
        [f"030 {123_400 + n}" for n in range(40)],
        [f"+1 555 {1200 + n}" for n in range(40)],
        [f"{n % 8}-{n % 5}" for n in range(40)],
        [f"{n}. e4" for n in range(40)],
        [f"{n}中学" for n in range(40)],
        [f"中山路{n}号" for n in range(40)],
        [f"{n}번" for n in range(40)],
    ],
    ids=lambda cells: str(cells[7]),
)
def test_texts_and_codes_with_numbers_in_them_stay_words(cells: list[str]) -> None:
    assert guess_kind(cells, len(set(cells)), len(cells)) in ("text", "id", "category")


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["1 guest", "2 guests"], COUNTS), (["30 days late", "60 days late"], COUNTS), (["4 stars", "5 stars"], COUNTS), (["3星", "5星"], COUNTS), (["1.5 baths", "2 baths"], COUNTS),
        (["3 Zimmer", "1 Zimmer"], COUNTS), (["10 kişi", "1 kişi"], COUNTS), (["1,234 widget", "2 widget"], COUNTS), (["4/5", "3/5"], COUNTS), (["Rating: 1", "Rating: 2"], COUNTS),
        (["Age 59", "Age 7"], OPEN), (["4 cyl", "6 cyl"], OPEN), (["1/12", "2/12"], OPEN), (["1 класс", "2 класс"], NAMES), (["5 Main St", "7 Main St"], NAMES), (["from 5", "from 10"], NAMES),
    ],
)  # fmt: skip
def test_what_words_around_numbers_are(cells: list[str], found: str) -> None:
    assert verdict(cells, found_unit(cells)) == found


@pytest.mark.parametrize(
    ("cells", "name", "kind", "chosen", "other", "is_doubt"),
    [
        (["4 cyl", "6 cyl", "8 cyl"], "x", "category", "text", "cyl", True),
        ([f"{n} widget" for n in range(40)], "x", "number", "widget", "text", True),
        (["1 класс", "2 класс"], "x", "category", "text", "класс", False),
        (["4K", "8K"], "x", "number", "number", "text", True),
        (["1.9", "1.10", "2.0"], "app version", "category", "text", "number", True),
        (["32W", "34W"], "x", "number", "W", "text", False),
        (["Age 59", "Age 7"], "x", "number", "age …", "text", True),
    ],
)
def test_each_doubt_has_the_other_reading(
    cells: list[str], name: str, kind: str, chosen: str, other: str, is_doubt: bool
) -> None:
    _made, profile, readings = read(cells, name)
    told = readings["unit"]
    assert (profile["kind"], told["chosen"], told["others"], told["doubt"]) == (kind, chosen, [other], is_doubt)
    _made, profile, readings = read(cells, name, unit=other)
    told = readings["unit"]
    assert (told["chosen"], told["others"], told["asked"]) == (other, [chosen], True)
    assert (profile["kind"] == "number") is (other != "text")
    _made, profile, _readings = read(cells, name, unit=chosen)
    assert profile["kind"] == kind


def test_points_are_no_time_and_a_move_is_no_power_of_ten() -> None:
    assert on_the_clock("5点") == "5点"
    assert number_of("1. e4") is None
    assert number_of("1.2E5") == 120_000


def test_codes_of_two_parts_have_no_ranges_to_doubt() -> None:
    _made, profile, readings = read([f"{a}-{b}" for a in range(8) for b in range(8)])
    assert (profile["kind"], "ranges" in readings, profile.get("ranges")) == ("id", False, None)
