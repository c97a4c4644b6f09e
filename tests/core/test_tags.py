"""Template tags: what they draw, and that nothing they are given gets out unescaped."""

from collections.abc import Iterator

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import translation

from webapp.core.icons import GLYPHS, ICONS
from webapp.core.templatetags import maquette
from webapp.runs.templatetags import training

HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


def render(source: str, **context: str) -> str:
    return Template("{% load maquette training %}" + source).render(Context(context))


@pytest.mark.parametrize("name", ICONS)
def test_every_icon_is_hidden_or_named(name: str) -> None:
    assert 'aria-hidden="true"' in render("{% icon name %}", name=name)
    assert 'role="img" aria-label="Copy"' in render('{% icon name "Copy" %}', name=name)


@pytest.mark.parametrize("kind", [*GLYPHS, "unknown"])
def test_every_sculpture_stands_on_its_plinth(kind: str) -> None:
    drawn = render('{% glyph kind "live" %}', kind=kind)
    assert 'data-state="live"' in drawn
    assert "plinth" in drawn


@pytest.mark.parametrize(
    "source",
    [
        "{% icon 'plus' text %}",
        "{% glyph text text text %}",
        "{% bar 0.5 text text %}",
        "{% bars text 1 whole=2 label=text %}",
        "{% key text text %}",
        "{% strip 0.5 css=text %}",
        "{{ text|stage_title }}",
        "{{ text|example_text }}",
        "{{ text|money }}",
        "{% with text|in_two as said %}{{ said.title }}{% endwith %}",
    ],
)
def test_hostile_text_stays_text(source: str) -> None:
    assert "<script" not in render(source, text=HOSTILE)


def test_bars_share_a_whole() -> None:
    drawn = render('{% bars "k1" 70 "k2" 10 whole=100 %}')
    assert 'width="70%"' in drawn
    assert 'x="70%" width="10%"' in drawn


@pytest.mark.parametrize(("part", "level"), [(0, 0), (1, 1), (50, 4), (99, 7), (100, 7)])
def test_heat_goes_from_one_to_seven(part: int, level: int) -> None:
    assert maquette.heat(part, 100) == level


@pytest.mark.parametrize(
    ("text", "title", "rest"),
    [
        ("41 rows repeat a text. Copies flatter.", "41 rows repeat a text", "Copies flatter."),
        ("Every row is “a”: at least two are needed.", "Every row is “a”", "At least two are needed."),
        ("Only 1.5 of it.", "Only 1.5 of it", ""),
    ],
)
def test_a_message_is_cut_after_its_first_clause(text: str, title: str, rest: str) -> None:
    assert maquette.in_two(text) == {"title": title, "rest": rest}


class Page:
    def __init__(self, number: int, pages: int) -> None:
        self.number, self.pages = number, pages


@pytest.mark.parametrize(
    ("number", "pages", "shown"),
    [(1, 1, [1]), (1, 9, [1, 2, None, 9]), (5, 9, [1, None, 4, 5, 6, None, 9]), (2, 3, [1, 2, 3])],
)
def test_pagers_name_the_ends_and_the_neighbours(number: int, pages: int, shown: list[int | None]) -> None:
    assert maquette.page_numbers(Page(number, pages)) == shown


def test_a_query_keeps_what_it_does_not_change() -> None:
    request = RequestFactory().get("/", {"search": "a&b", "page": "3"})
    assert render("{% query page=4 %}", request=request) == "?search=a%26b&amp;page=4"
    assert render('{% query search="" %}', request=request) == "?page=3"


def test_live_curves_end_where_the_run_is_thought_to_end() -> None:
    live = {
        "stages": [{"name": "train", "state": "now", "fraction": 0.5}],
        "curves": {"loss": {"train": [(0, 2.0), (1, 1.5), (2, 1.0)]}, "accuracy": {"validation": [(1, 0.7), (2, 0.8)]}},
        "without_epochs": [],
    }
    loss, accuracy = training.live_charts(live)
    assert "4 epochs" in loss
    assert 'class="now" x1="50"' in loss
    assert "went from 70.0" in accuracy
    assert training.best_so_far(live) == {"name": "accuracy", "value": 0.8, "at": 2, "points": 2}


def test_words_that_differ_are_marked() -> None:
    source = "{% load answers %}{{ said|mark_differences:truth }}"
    assert render(source, said="The cat, sat", truth="the cat sat") == "The cat, sat"
    assert render(source, said="a bat sat", truth="a cat sat") == 'a <mark class="against">bat</mark> sat'
    assert "<script>" not in render(source, said=HOSTILE, truth="x")
    assert render(source, said="", truth="x") == ""
