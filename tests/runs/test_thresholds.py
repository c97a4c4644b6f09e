"""The confidence threshold on a run's page: begun where it was chosen, proved on the test rows, its axis sane."""

import re
from typing import Any

import pytest
from django.template import Context, Template

from webapp.runs import thresholds

OLD = {
    "test_rows": 100,
    "thresholds": [
        {"threshold": 0.0, "answered": 100, "right": 90},
        {"threshold": 0.7, "answered": 80, "right": 76},
        {"threshold": 0.95, "answered": 0, "right": 0},
    ],
}
NEW = {
    "test_rows": 100,
    "thresholds": [
        {"threshold": 0.0, "answered": 100, "right": 90, "low": 0.836, "validation": {"answered": 50, "right": 45}},
        {"threshold": 0.45, "answered": 90, "right": 85, "low": 0.889, "validation": {"answered": 46, "right": 44}},
        {"threshold": 0.7, "answered": 80, "right": 79, "low": 0.9398, "validation": {"answered": 40, "right": 40}},
    ],
    "threshold_choice": [
        {"target": 0.9, "threshold": 0.0, "validation": {}, "test": {}},
        {"target": 0.95, "threshold": 0.45, "validation": {}, "test": {}},
        {"target": 0.99, "threshold": None, "validation": None, "test": None},
    ],
    "threshold_source": {"kind": "out-of-fold", "rows": 50},
}


def plain(text: str) -> str:
    return text.replace("\xa0", " ")


def test_an_older_report_begins_near_seventy_percent() -> None:
    chosen = thresholds.outcome_at(OLD)
    assert (chosen["index"], chosen["right"], chosen["wrong"], chosen["left"], chosen["missed"]) == (1, 76, 4, 20, 6)
    assert plain(chosen["sentence"]) == "At 70 %: answers 80 % of rows, 95 % of them right."
    assert chosen["rest"] == "6 of the 20 sent to a human would have been wrong."
    assert (chosen["choices"], chosen["source"]) == ([], "")
    assert plain(thresholds.outcome_at(OLD, "9")["sentence"]) == "At 95 %: answers none of the test rows."
    assert thresholds.outcome_at({}) == {}


def test_it_begins_where_validation_chose_and_tells_the_bound_of_the_test() -> None:
    chosen = thresholds.outcome_at(NEW)
    assert chosen["threshold"] == 0.45
    assert plain(chosen["sentence"]) == "At 45 %: answers 90 % of rows; at least 88 % right (95 % confidence)."
    assert [(one["target"], one["index"]) for one in chosen["choices"]] == [(0.9, 0), (0.95, 1)]
    assert chosen["source"] == "Chosen on 50 out-of-fold answers; the figures are those of the test rows."


def test_under_folds_only_what_was_chosen_is_proved() -> None:
    """The pooled rows are those that the threshold was chosen on, so their bound proves nothing."""
    folds = NEW | {
        "evaluation": {"kind": "folds", "folds": 5},
        "threshold_choice": [
            {"target": 0.9, "threshold": 0.0, "validation": {}, "test": {"answered": 98, "right": 88, "low": 0.833}},
            {"target": 0.95, "threshold": 0.45, "validation": {}, "test": {"answered": 84, "right": 78, "low": 0.864}},
            {"target": 0.99, "threshold": 0.45, "validation": {}, "test": {"answered": 50, "right": 49, "low": 0.909}},
        ],
    }
    chosen = thresholds.outcome_at(folds)
    assert (chosen["answered"], chosen["right"], chosen["left"], chosen["missed"]) == (84, 78, 16, 4)
    assert plain(chosen["sentence"]) == "At 45 %: answers 84 % of rows; at least 86 % right (95 % confidence)."
    elsewhere = thresholds.outcome_at(folds, "2")
    assert plain(elsewhere["sentence"]) == "At 70 %: answers 80 % of rows, 99 % of them right."
    assert elsewhere["missed"] == 9
    assert [one["low"] for one in chosen["points"]] == [0.833, 0.864, None]
    assert chosen["all_right"] == 90
    unchosen = thresholds.outcome_at(folds | {"threshold_choice": []}, "1")
    assert unchosen["low"] is None


def test_under_folds_a_threshold_that_a_round_did_not_find_answers_as_at_that_mark() -> None:
    folds = NEW | {
        "evaluation": {"kind": "folds", "folds": 5},
        "threshold_choice": [{"target": 0.95, "threshold": 0.0, "validation": {}, "test": None}],
    }
    chosen = thresholds.outcome_at(folds)
    assert plain(chosen["sentence"]) == "At 0 %: answers 100 % of rows, 90 % of them right."
    assert chosen["rest"] == ""


def test_a_bound_is_never_rounded_up() -> None:
    chosen = {"target": 0.99, "threshold": 0.7, "validation": {}, "test": {}}
    report = NEW | {"threshold_choice": [chosen]}
    assert "at least 93\xa0% right" in thresholds.outcome_at(report, "2")["sentence"]


def test_dragging_until_enough_is_promised_proves_nothing() -> None:
    """Reports of before had a bound at every mark; only that of a threshold that validation chose is one."""
    elsewhere = thresholds.outcome_at(NEW, "2")
    assert elsewhere["low"] is None
    assert plain(elsewhere["sentence"]) == "At 70 %: answers 80 % of rows, 99 % of them right."
    assert [one["low"] for one in elsewhere["points"]] == [0.836, 0.889, None]
    assert not any(one["low"] for one in thresholds.outcome_at(NEW | {"threshold_choice": []})["points"])


@pytest.mark.parametrize("report", [OLD, NEW, NEW | {"thresholds": [one | {"right": one["answered"]} for one in NEW["thresholds"]]}])  # fmt: skip
def test_the_axis_ends_at_all(report: dict[str, Any]) -> None:
    """A model that was right on every row had an axis up to 200 %."""
    source = "{% load results %}{% threshold_chart report.thresholds report.test_rows 0.5 %}"
    drawn = Template(source).render(Context({"report": report}))
    marks = [int(number) for number in re.findall(r"<li>(\d+)\xa0%</li>", drawn.partition("</ol>")[0])]
    assert marks[0] == 100
    assert marks == sorted(marks, reverse=True)
    assert marks[-1] <= 90
