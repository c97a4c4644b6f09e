"""Answers that are marked in something: passages in texts and boxes in pictures, scored by hand and beside scikit-learn."""

import json
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from trainer.answers.base_scoring import scoring_of
from trainer.answers.objects_scoring import best_threshold
from trainer.answers.objects_scoring import report as boxes_report
from trainer.answers.spans_scoring import report as spans_report
from trainer.average_precision import Objects, average_precision, matched_counts
from trainer.boxes import above, listed
from trainer.tagging.scores import counted, passages, rates

TEXTS = ["Anna flew to Rome", "Bo met Cy in Oslo", "nothing here"]


def marked(*entities: tuple[int, int, str], score: float = 1.0, text: str = "") -> list[dict[str, Any]]:
    return [
        {"start": start, "end": end, "label": label, "text": text[start:end], "score": score}
        for start, end, label in entities
    ]


TRUE = [
    marked((0, 4, "person"), (13, 17, "place")),
    marked((0, 2, "person"), (7, 9, "person"), (13, 17, "place")),
    marked(),
]
FOUND = [
    marked((0, 4, "person"), (13, 17, "person")),
    marked((0, 2, "person"), (3, 9, "person"), (13, 17, "place")),
    marked((0, 7, "thing")),
]


def spans() -> dict[str, Any]:
    return spans_report(TEXTS, TRUE, FOUND, ["person", "place"], [5, 6, 7])


# Passages


def test_passages_are_scored_as_a_list_of_pairs_by_scikit_learn() -> None:
    """Each passage of either side is one thing that is there or not, and found or not."""
    every = sorted(
        {(row, *each) for side in (TRUE, FOUND) for row, cell in enumerate(side) for each in passages(cell)}, key=str
    )
    there, own = ([each[1:] in passages(side[each[0]]) for each in every] for side in (TRUE, FOUND))
    precision, recall, f1, _support = precision_recall_fscore_support(there, own, average="binary")
    wanted = {"entity_precision": precision, "entity_recall": recall, "entity_f1": f1}
    assert spans()["metrics"] == pytest.approx(wanted)
    assert rates(*counted(list(map(passages, TRUE)), list(map(passages, FOUND))).sum(0)) == pytest.approx(wanted)


def test_every_type_has_its_own_figures_also_one_that_was_only_found() -> None:
    per_class = {row["label"]: row for row in spans()["per_class"]}
    assert list(per_class) == ["person", "place"]
    assert per_class["person"] == pytest.approx(
        {"label": "person", "rows": 3, "precision": 2 / 4, "recall": 2 / 3, "f1": 4 / 7}
    )
    assert per_class["place"] == pytest.approx(
        {"label": "place", "rows": 2, "precision": 1, "recall": 0.5, "f1": 2 / 3}
    )
    unseen = spans_report(["a b"], [marked((0, 1, "new"))], [[]], ["old"], [1])
    assert [(row["label"], row["rows"], row["recall"]) for row in unseen["per_class"]] == [("new", 1, 0), ("old", 0, 1)]


def test_what_stands_for_what_is_told_once_for_each_error() -> None:
    report = spans()
    assert report["errors"] == {"type": 1, "bounds": 1, "invented": 1}
    assert report["confusion"] == [
        {"truth": "place", "predicted": "person", "count": 1},
        {"truth": "", "predicted": "thing", "count": 1},
    ]
    assert report["test_entities"] == 5


def test_mistakes_are_the_texts_with_the_most_errors_in_words() -> None:
    first = spans()["mistakes"][0]
    assert (first["row"], first["text"]) == (5, TEXTS[0])
    assert (first["truth"], first["predicted"]) == ("Anna (person), Rome (place)", "Anna (person), Rome (person)")
    assert [mistake["kinds"] for mistake in spans()["mistakes"]] == [["type"], ["bounds"], ["invented"]]
    assert spans()["mistakes"][2]["truth"] == "–"


def test_a_text_without_passages_in_which_none_is_found_is_right() -> None:
    report = spans_report(["a", "b"], [[], []], [[], []], ["x"], [1, 2])
    assert report["metrics"]["entity_f1"] == 1.0
    assert (report["mistakes"], report["errors"], report["confusion"]) == ([], {}, [])


def test_passages_kept_as_json_are_compared_by_place_and_label_alone() -> None:
    scoring = scoring_of("spans")
    first, second = (scoring.stored([marked((0, 4, "person"), score=score, text=TEXTS[0])], {}) for score in (0.9, 0.4))
    assert first != second
    assert scoring.agreement(first, second, []) == 1.0
    assert scoring.agreement(first, scoring.stored([[]], {}), []) == 0.0
    assert scoring.score(scoring.stored(FOUND, {}), scoring.stored(TRUE, {}), []) == pytest.approx(
        spans()["metrics"]["entity_f1"]
    )


def test_a_word_left_out_costs_the_scores_of_what_is_no_longer_found() -> None:
    text = "Anna and Anna in Rome"
    whole = [*marked((0, 4, "person"), (9, 13, "person"), score=0.5, text=text), *marked((17, 21, "place"), text=text)]
    moved = marked((4, 8, "person"), (13, 17, "place"), score=0.5, text=" in Anna and Rome"[1:].ljust(30))
    moved = [each | {"text": words} for each, words in zip(moved, ("Anna", "Rome"), strict=True)]
    falls = scoring_of("spans").falls([whole, whole, moved, []], {})
    assert falls.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("metric", ["entity_f1", "entity_precision", "entity_recall"])
def test_a_text_counted_twice_is_two_texts(metric: str) -> None:
    scoring = scoring_of("spans")
    truth, found = list(map(passages, TRUE)), list(map(passages, FOUND))
    cells = scoring.cells(metric, truth, (found, found), [])
    assert cells.first is cells.second
    twice = scoring.cells(metric, [*truth, truth[1]], ([*found, found[1]], [*truth, truth[1]]), [])
    weighed = cells.measure(cells.first, np.array([1.0, 2.0, 1.0]))
    assert weighed == pytest.approx(twice.measure(twice.first, np.ones(4)))
    assert twice.measure(twice.second, np.ones(4)) == 1.0


# Boxes


def boxes(*entries: tuple[float, float, float, float, int, float]) -> Objects:
    array = np.array([entry[:4] for entry in entries], dtype=float).reshape(-1, 4)
    labels, scores = (np.array([entry[place] for entry in entries]) for place in (4, 5))
    return Objects(array, labels.astype(int), scores.astype(float))


CUP, PLATE = 0, 1
SEEN = [boxes((0, 0, 0.5, 0.5, CUP, 1), (0.5, 0.5, 1, 1, PLATE, 1)), boxes((0, 0, 1, 1, CUP, 1)), boxes()]
GIVEN = [
    boxes((0, 0, 0.5, 0.5, CUP, 0.9), (0.5, 0.5, 1, 1, CUP, 0.6)),
    boxes((0, 0, 1, 0.4, CUP, 0.8)),
    boxes((0.1, 0.1, 0.2, 0.2, PLATE, 0.3)),
]
SIZES = [(100, 200)] * 3


def test_precision_and_recall_are_of_what_is_shown_and_average_precision_of_all() -> None:
    report = boxes_report(SEEN, GIVEN, ["cup", "plate"], SIZES, ["a.png", "b.png", "c.png"], [1, 2, 3], 0.7)
    cup, plate = report["per_class"]
    assert (cup["rows"], cup["precision"], cup["recall"]) == (2, 0.5, 0.5)
    assert (plate["rows"], plate["precision"], plate["recall"], plate["map"]) == (1, 0.0, 0.0, 0.0)
    assert report["metrics"]["map_50"] == pytest.approx(average_precision(SEEN, GIVEN, 2).map_50)
    assert report["threshold"] == 0.7


def test_the_pictures_with_the_most_wrong_come_first_in_their_own_pixels() -> None:
    report = boxes_report(SEEN, GIVEN, ["cup", "plate"], SIZES, ["a.png", "b.png", "c.png"], [1, 2, 3], 0.5)
    told = [(mistake["row"], mistake["missed"], mistake["extra"]) for mistake in report["mistakes"]]
    assert told == [(1, 1, 1), (2, 1, 1)]
    assert report["mistakes"][1]["predicted"] == [{"label": "cup", "score": 0.8, "box": [0.0, 0.0, 100.0, 80.0]}]


def test_the_threshold_has_the_best_f1_of_all_that_are_tried() -> None:
    generator = np.random.default_rng(0)
    answers = [
        boxes(*((0, 0, 0.5, 0.5, CUP, score) if score > 0.55 else (0.6, 0.6, 0.9, 0.9, CUP, score) for score in row))
        for row in generator.uniform(0, 1, (12, 3))
    ]
    truth = [boxes((0, 0, 0.5, 0.5, CUP, 1)) for _picture in range(12)]
    best = best_threshold(truth, answers, 1)

    def f1(threshold: float) -> float:
        right, shown, actual = matched_counts(truth, [above(each, threshold) for each in answers], CUP)
        return 2 * right / max(shown + actual, 1)

    tried = [round(0.1 + 0.05 * step, 2) for step in range(17)]
    assert f1(best) == max(map(f1, tried))
    assert best == min(threshold for threshold in tried if f1(threshold) == f1(best))


def test_nothing_anywhere_still_has_a_threshold() -> None:
    assert 0.1 <= best_threshold([boxes()], [boxes()], 1) <= 0.9


def test_two_detectors_agree_by_what_both_found() -> None:
    scoring = scoring_of("objects")
    labels = ["cup", "plate"]
    first, second = (scoring.stored([listed(each, labels, (10, 10)) for each in side], {}) for side in (SEEN, GIVEN))
    assert scoring.agreement(first, first, labels) == 1.0
    assert scoring.agreement(second, first, labels) == pytest.approx(2 * 1 / (4 + 3))
    assert scoring.agreement(["[]"], ["[]"], labels) == 1.0
    assert scoring.score(first, first, labels) == 1.0


@pytest.mark.parametrize("metric", ["map_50", "map"])
def test_detectors_of_other_scales_are_compared_as_average_precision_says(metric: str) -> None:
    """Scores are ranked over all pictures, which changes no order and so no average precision."""
    scoring, labels = scoring_of("objects"), ["cup", "plate"]
    faint = [Objects(each.boxes, each.labels, each.scores / 1000) for each in GIVEN]
    cells = scoring.cells(metric, SEEN, (GIVEN, faint), labels)
    once = np.ones(len(SEEN))
    wanted = getattr(average_precision(SEEN, GIVEN, 2), metric)
    assert cells.measure(cells.first, once) == pytest.approx(wanted)
    assert cells.measure(cells.second, once) == pytest.approx(wanted)
    mixed = np.where([True, False, True], cells.first, cells.second)
    assert cells.measure(mixed, once) == pytest.approx(wanted)


def test_a_picture_that_is_not_drawn_does_not_count() -> None:
    cells = scoring_of("objects").cells("map_50", SEEN, (GIVEN, GIVEN), ["cup", "plate"])
    some = cells.measure(cells.first, np.array([1, 0, 0]))
    assert some == pytest.approx(average_precision(SEEN[:1], GIVEN[:1], 2).map_50)


def test_labels_that_another_model_does_not_know_are_no_object_of_any() -> None:
    read = scoring_of("objects").read_truth([json.dumps([{"label": "fork", "box": [1, 2, 3, 4]}])], ["cup"])
    assert read[0].labels.tolist() == [-1]
    assert read[0].boxes.tolist() == [[1, 2, 4, 6]]
    assert average_precision(read, read, 1).counts.tolist() == [0]
