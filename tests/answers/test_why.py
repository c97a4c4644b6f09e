"""What an answer depends on, as pages say it: in words with signs, bars that add up, marks that need no colour."""

import io
from typing import Any

import pytest
from PIL import Image

from trainer.engines.explanations import METHODS, UNITS
from webapp.answers import why
from webapp.answers.templatetags.why import weighed_regions, weighed_spans, weighed_words
from webapp.core.heat_picture import address_of, png


def word(text: str, start: int, weight: float) -> dict[str, Any]:
    return {"kind": "word", "text": text, "start": start, "end": start + len(text), "weight": weight}


def column(name: str, value: object, weight: float) -> dict[str, Any]:
    return {"kind": "column", "column": name, "value": value, "weight": weight}


def explanation(*parts: dict[str, Any], unit: str = "probability", **more: Any) -> dict[str, Any]:
    return {"method": "occlusion", "unit": unit, "calls": len(parts) + 1, "parts": list(parts), **more}


TEXT = "so <late> & slow"
SPOKEN = explanation(word("so", 0, 0.004), word("late", 4, 0.5), word("&", 10, -0.2), word("slow", 12, 0.0))


def test_every_method_and_unit_has_its_words() -> None:
    assert set(why.METHODS) == set(METHODS)
    assert set(why.UNITS) == set(UNITS)


def test_the_weightiest_words_are_listed_with_their_signs() -> None:
    listed = why.shown(SPOKEN).listed
    assert [(part.name, part.weight, part.speaks_for) for part in listed] == [
        ("late", "+50\u00a0%", True),
        ("&", "−20\u00a0%", False),
    ]
    assert [part.share for part in listed] == pytest.approx([100.0, 40.0])
    assert {part.start for part in listed} == {0.0}


def test_words_are_marked_in_the_text_and_escaped() -> None:
    drawn = weighed_words(TEXT, why.shown(SPOKEN))
    assert '<mark class="speaks" data-w="5" title="+50\u00a0%">late</mark>' in drawn
    assert '<mark class="against" data-w="2" title="−20\u00a0%">&amp;</mark>' in drawn
    assert drawn.count("<mark") == 2, "what hardly counts is left as it is"
    assert "so &lt;" in drawn
    assert drawn.endswith(" slow</p>")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (TEXT, TEXT),
        ({"context": "a long passage", "question": TEXT}, TEXT),
        ({"image": "data:image/png;base64,", "text": TEXT}, TEXT),
        ({"age": 3}, ""),
        (None, ""),
    ],
)
def test_words_are_found_in_the_input_that_they_are_of(value: object, text: str) -> None:
    assert why.source_of(value, SPOKEN["parts"]) == text
    assert "</p>" in weighed_words(value, why.shown(SPOKEN))


def test_a_waterfall_goes_from_the_base_to_the_answer() -> None:
    parts = [column("age", 21.0, -1.0), column("plan", "free", 2.0), column("calls", None, 0.0)]
    told = why.shown(explanation(*parts, unit="log_odds", base=-0.5, value=0.5), labels=2)
    assert [(part.name, part.value, part.weight) for part in told.listed] == [
        ("plan", "free", "+2"),
        ("age", "21", "−1"),
    ]
    assert (told.base, told.end) == ("−0.500 (38\u00a0%)", "0.500 (62\u00a0%)")
    assert [(part.start, part.share) for part in told.listed] == [(0.0, 100.0), (50.0, 50.0)]


def test_of_many_columns_those_left_out_are_one_step() -> None:
    parts = [column(f"c{number}", number, 1.0 + number) for number in range(12)]
    rest = {"kind": "rest", "count": 30, "weight": 0.5}
    told = why.shown(explanation(*parts, rest, unit="number", base=0.0, value=78.5))
    assert [part.name for part in told.listed][:2] == ["c11", "c10"]
    assert told.listed[-1].name == "34 others"
    assert told.listed[-1].weight == "+10.5"
    assert told.listed[-1].start + told.listed[-1].share == pytest.approx(100)
    assert told.end == "78.5", "a number needs no probability beside it"


def test_a_probability_beside_log_odds_is_for_two_labels_alone() -> None:
    assert why.in_words(0.0, "log_odds", 3) == "0"
    assert why.in_words(1e9, "log_odds", 2).endswith("(100\u00a0%)")
    assert why.in_words(None, "log_odds", 2) == ""


def test_an_answer_that_no_part_changes_has_nothing_listed() -> None:
    told = why.shown(explanation(word("so", 0, 0.0)))
    assert told.listed == []
    assert "<mark" not in weighed_words("so", told)
    assert why.shown(explanation(word("so", 0, 0.0004))).listed == [], "next to nothing"
    assert why.shown(explanation()).kinds == frozenset()


def test_regions_are_framed_where_the_model_sees_them() -> None:
    """The middle of a wide picture: the whole one is drawn larger than what is seen of it."""
    view = {"width": 200, "height": 200, "scaled": [256, 256], "stretched": False}
    parts = [
        {"kind": "region", "box": [0.5, 0.0, 0.5, 0.25], "weight": 0.4},
        {"kind": "region", "box": [0.0, 0.5, 0.5, 0.25], "weight": -0.4},
        {"kind": "region", "box": [0.0, 0.0, 0.5, 0.25], "weight": 0.001},
    ]
    told = why.shown(explanation(*parts, view=view))
    drawn = weighed_regions("", told)
    assert '<image data-own x="-28" y="-28" width="256" height="256" preserveAspectRatio="xMidYMid slice"/>' in drawn
    assert '<rect class="speaks" data-w="5" x="100" y="0" width="100" height="50">' in drawn
    assert '<rect class="against" data-w="5" x="0" y="100"' in drawn
    assert drawn.count("<rect") == 2
    assert told.listed[0].name == "75\u00a0% from the left, 12\u00a0% from the top"
    stretched = weighed_regions("data:image/png;base64,AA", told._replace(view=view | {"stretched": True}))
    assert 'href="data:image/png;base64,AA"' in stretched
    assert 'preserveAspectRatio="none"' in stretched


def test_parts_of_a_recording_go_up_or_down_from_the_middle() -> None:
    spans = [
        {"kind": "span", "start": 0.0, "end": 0.5, "weight": 0.2},
        {"kind": "span", "start": 0.5, "end": 1.0, "weight": -0.1},
    ]
    told = why.shown(explanation(*spans))
    drawn = weighed_spans(told)
    assert '<rect class="speaks" x="0" y="0" width="100" height="20"/>' in drawn
    assert '<rect class="against" x="100" y="20" width="100" height="10"/>' in drawn
    assert told.listed[0].name == "0 to 0.500 s"
    assert weighed_spans(why.shown(SPOKEN)) == ""
    assert weighed_regions("", why.shown(SPOKEN)) == ""


def test_a_heat_map_lies_over_the_picture_and_fills_the_strip_of_a_recording() -> None:
    regions = [
        {"kind": "region", "box": [0.0, 0.0, 0.5, 1.0], "weight": 0.75},
        {"kind": "region", "box": [0.5, 0.0, 0.5, 1.0], "weight": 0.25},
    ]
    view = {"width": 64, "height": 32, "scaled": [64, 32], "stretched": True}
    warm = {"method": "grad_cam", "unit": "heat", "heat": [[1.0, 0.0]]}
    told = why.shown(explanation(*regions, view=view) | warm)
    drawn = weighed_regions("", told)
    assert '<image class="heat" href="data:image/png;base64,' in drawn
    assert 'width="64" height="32" preserveAspectRatio="none"' in drawn
    assert "<rect" not in drawn
    assert told.method.startswith("Grad-CAM")
    assert [part.weight for part in told.listed] == ["75\u00a0%", "25\u00a0%"], "heat speaks neither for nor against"
    spans = [{"kind": "span", "start": 0.0, "end": 0.5, "weight": 1.0}]
    strip = weighed_spans(why.shown(explanation(*spans) | warm))
    assert 'width="200" height="40"' in strip
    assert "<rect" not in strip
    cold = why.shown(explanation(*regions, view=view) | warm | {"heat": [[0.0, 0.0]]})
    assert "heat" not in weighed_regions("", cold)


def test_heat_is_a_picture_that_any_reader_opens() -> None:
    heat = [[0.0, 0.5, 1.0], [1.0, 2.0, -1.0]]
    picture = Image.open(io.BytesIO(png(heat)))
    assert (picture.size, picture.mode) == ((3, 2), "RGBA")
    assert [picture.getpixel((x, 0))[3] for x in range(3)] == [0, 95, 190]
    assert picture.getpixel((1, 1)) == picture.getpixel((2, 0)), "never warmer than the warmest"
    assert address_of(heat).startswith("data:image/png;base64,iVBOR")


def judged(low: float, unit: str = "probability") -> dict[str, Any]:
    methods = [
        {"method": "shap", "area": 0.31, "gain": 0.19, "low": low, "high": 0.23},
        {"method": "lime", "area": 0.2, "gain": 0.08, "low": 0.05, "high": 0.12},
    ]
    return {"explanations": {"method": "shap", "rows": 80, "unit": unit, "random": 0.12, "methods": methods}}


def test_the_report_says_in_a_line_how_faithful_explanations_are() -> None:
    line = why.faithfulness(judged(0.15))
    assert line.startswith("Explanations: Exact SHAP values of the trees.")
    assert "On 80 test rows" in line
    assert "fall +19\u00a0% further" in line
    assert "(95 % interval +15\u00a0% to +23\u00a0%)" in line
    assert "could not be shown" in why.faithfulness(judged(-0.02))
    assert "fall +0.190 further" in why.faithfulness(judged(0.15, "number"))


def test_scores_that_have_a_scale_of_their_own_are_no_percentages() -> None:
    (part,) = why.shown(explanation(word("so", 0, 3.2)) | {"unit": "score"}).listed
    assert part.weight == "+3.20"


@pytest.mark.parametrize("report", [{}, {"explanations": None}, {"explanations": {"method": "shap", "rows": 0}}])
def test_a_report_without_the_test_says_nothing(report: dict[str, Any]) -> None:
    assert why.faithfulness(report) == ""


def test_a_method_of_a_newer_trainer_is_named_as_it_is() -> None:
    assert why.shown(explanation(word("so", 0, 1.0)) | {"method": "gradients", "unit": "joules"}).method == "gradients"
