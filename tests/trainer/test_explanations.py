"""What an answer depends on: exact values against brute force, the methods that ask again, and their bounds."""

import itertools
import math
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer import small_tables
from trainer import tables, tasks
from trainer.engines import explanations
from trainer.engines.explanations import AGNOSTIC, MOST_PARTS, Parts, Weighed, explained, lime, occlusion, word_parts
from trainer.engines.image import region_parts
from trainer.engines.table import TableEngine
from trainer.errors import DataError
from trainer.inference import check_method

ASKED = {"age": 22, "since": "2021-03-15", "plan": "monthly", "calls": 3}


# Trees and sums, exactly


def expected_by_cover(node: dict[str, Any], row: np.ndarray, known: Collection[int]) -> float:
    """A tree's output where only the features of `known` are known: at others both ways, by their share of the rows."""
    if "leaf_value" in node:
        return float(node["leaf_value"])
    sides = node["left_child"], node["right_child"]
    if node["split_feature"] in known:
        return expected_by_cover(sides[0 if goes_left(node, row[node["split_feature"]]) else 1], row, known)
    counts = [side.get("internal_count", side.get("leaf_count")) for side in sides]
    values = [expected_by_cover(side, row, known) for side in sides]
    return sum(count * value for count, value in zip(counts, values, strict=True)) / sum(counts)


def goes_left(node: dict[str, Any], value: float) -> bool:
    if node["decision_type"] == "==":
        return not math.isnan(value) and str(int(value)) in str(node["threshold"]).split("||")
    return bool(node["default_left"]) if math.isnan(value) else value <= node["threshold"]


def brute_force(engine: TableEngine, matrix: np.ndarray) -> np.ndarray:
    """(features + 1,): Shapley values of the sum of the trees by all sets of features (Lundberg et al. 2020, algorithm 1)."""
    trees = [tree["tree_structure"] for tree in engine.booster.dump_model()["tree_info"]]  # type: ignore[attr-defined]
    features = range(matrix.shape[1])

    def value(known: Collection[int]) -> float:
        return sum(expected_by_cover(tree, matrix[0], known) for tree in trees)

    every = {
        known: value(known) for size in range(len(features) + 1) for known in itertools.combinations(features, size)
    }
    values = np.zeros(len(features) + 1)
    for known, worth in every.items():
        share = (
            math.factorial(len(known)) * math.factorial(len(features) - len(known) - 1)
            if len(known) < len(features)
            else 0
        )
        for feature in set(features) - set(known):
            more = every[tuple(sorted((*known, feature)))]
            values[feature] += share / math.factorial(len(features)) * (more - worth)
    values[-1] = every[()]
    return values


def test_the_values_of_trees_are_shapley_values(tmp_path: Path) -> None:
    engine = small_tables.build(tmp_path, "lightgbm", 1)
    for row in small_tables.rows(1)[:2]:
        matrix = engine.matrix([row])
        assert engine.tree_values(matrix)[0] == pytest.approx(brute_force(engine, matrix), abs=1e-6)


@pytest.mark.parametrize("kind", ["lightgbm", "linear"])
@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_contributions_lead_from_the_base_to_the_answer(kind: str, outputs: int, tmp_path: Path) -> None:
    engine = small_tables.build(tmp_path, kind, outputs)
    for row in [ASKED, *small_tables.rows(2)[:12]]:
        explanation = engine.explain(row)
        logits = engine.outputs([row])[0]
        top = logits.argmax()
        wanted = logits[top] if outputs == 1 else logits[top] - np.delete(logits, top).mean()
        assert explanation["method"] == ("shap" if kind == "lightgbm" else "sums")
        assert explanation["unit"] == ("number" if outputs == 1 else "log_odds")
        assert explanation["value"] == pytest.approx(wanted, abs=1e-3)
        added = explanation["base"] + sum(part["weight"] for part in explanation["parts"])
        assert added == pytest.approx(wanted, abs=1e-3)
        assert [part["column"] for part in explanation["parts"]] == list(row)
        assert [part["value"] for part in explanation["parts"]] == list(row.values())


def test_a_row_of_typical_values_is_its_own_base(tmp_path: Path) -> None:
    engine = small_tables.build(tmp_path, "linear", 2)
    explanation = engine.explain(engine.warm_input())
    assert {part["weight"] for part in explanation["parts"]} == {0.0}
    assert explanation["base"] == explanation["value"]


@pytest.mark.parametrize("kind", ["lightgbm", "linear"])
def test_behind_a_threshold_the_less_likely_label_is_explained(kind: str, tmp_path: Path) -> None:
    engine = small_tables.build(tmp_path / "half", kind, 2)
    positive = int(engine.outputs([ASKED])[0].argmin())
    decision = {"positive_index": positive, "threshold": 0.0}
    always = small_tables.build(tmp_path / "always", kind, 2, decision=decision)
    assert always.predict([ASKED])[0]["label"] == engine.labels[positive]
    for method in engine.methods:
        usual = [part["weight"] for part in engine.explain(ASKED, method)["parts"]]
        turned = [part["weight"] for part in always.explain(ASKED, method)["parts"]]
        assert turned == pytest.approx([-weight for weight in usual], abs=2e-4), method


@pytest.mark.parametrize("method", ["shap", "occlusion", "lime"])
def test_each_method_finds_what_the_rows_were_made_by(method: str, tmp_path: Path) -> None:
    engine = small_tables.build(tmp_path, "lightgbm", 1)
    weights = {part["column"]: part["weight"] for part in engine.explain({**ASKED, "age": 79}, method)["parts"]}
    assert abs(weights["age"]) > max(abs(weights["since"]), abs(weights["calls"]))


def test_columns_expand_in_the_order_that_is_told() -> None:
    features = [{"kind": "number"}, {"kind": "category", "levels": 2}, {"kind": "number"}]
    matrix = np.array([[1.0, 1, np.nan], [3.0, 2, 5.0]])
    scales = tables.scales_of(features, matrix)
    assert tables.expanded_from(scales) == [0, 2, 2, 1, 1, 1]
    assert tables.expanded(scales, matrix).shape == (2, 6)


# Asking again


class Sum:
    """A model whose answer is a sum of the words that it knows."""

    WORTH = {"late": 2.0, "refund": 1.0, "thanks": -1.5}

    def answer(self, text: str) -> float:
        return sum(self.WORTH.get(word, 0.0) for word in text.split())

    def falls(self, value: str, others: Iterable[str]) -> np.ndarray:
        return np.array([self.answer(value) - self.answer(other) for other in others])


@pytest.mark.parametrize("method", explanations.AGNOSTIC.values())
def test_the_weights_of_a_sum_are_its_terms(method: Any) -> None:
    text = "my parcel is late so refund me thanks"
    weighed = method(text, word_parts(text, str), Sum().falls, "score")
    wanted = [Sum.WORTH.get(word, 0.0) for word in text.split()]
    assert weighed.weights == pytest.approx(wanted, abs=0.15)
    assert weighed.calls > len(wanted)


@pytest.mark.parametrize("method", explanations.AGNOSTIC.values())
def test_what_has_no_parts_has_no_weights(method: Any) -> None:
    weighed = method(" ", word_parts(" ", str), Sum().falls, "score")
    assert explained("occlusion", [], weighed) == {"method": "occlusion", "unit": "score", "calls": 0, "parts": []}


def test_two_words_that_say_the_same_are_found_together_only_by_lime() -> None:
    """Leaving out one of them changes nothing; random sets leave out both."""

    def falls(value: str, others: Iterable[str]) -> np.ndarray:
        return np.array([float("late" not in other and "slow" not in other) for other in others])

    text = "it is late and slow"
    parts = word_parts(text, str)
    assert occlusion(text, parts, falls, "score").weights.tolist() == [0.0] * 5
    weights = lime(text, parts, falls, "score").weights
    assert min(weights[[2, 4]]) > max(weights[[0, 1, 3]])


def test_masks_are_the_same_each_time_and_leave_out_something() -> None:
    masks = explanations.draw_masks(7, 30)
    assert (masks == explanations.draw_masks(7, 30)).all()
    assert masks.sum(1).min() >= 1
    assert set(masks.sum(1).tolist()) == set(range(1, 8))


# Parts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Where is it?", ["Where", "is", "it", "?"]),
        ("包裹没到", ["包", "裹", "没", "到"]),
        ("iPhone 没到", ["iPhone", "没", "到"]),
        ("  ", []),
    ],
)
def test_words_stand_where_they_are_told(text: str, words: list[str]) -> None:
    parts = word_parts(text, str)
    assert [part["text"] for part in parts.described] == words
    assert all(text[part["start"] : part["end"]] == part["text"] for part in parts.described)
    assert parts.without(range(len(words))).strip() == ""


def test_words_are_left_out_together() -> None:
    parts = word_parts("a bb, ccc", str)
    assert parts.without([3, 0]) == "bb,"
    assert parts.without([]) == "a bb, ccc"


def test_a_long_text_is_divided_into_runs_of_words() -> None:
    text = " ".join(f"word{number}" for number in range(1_000))
    parts = word_parts(text, str, 12)
    assert len(parts.described) == 12
    assert " ".join(part["text"] for part in parts.described) == text, "all of it is explained"
    assert len(word_parts(text, str).described) == MOST_PARTS


@pytest.mark.parametrize(("most", "count"), [(120, 49), (30, 25), (4, 4), (1, 4)])
def test_regions_cover_a_picture(most: int, count: int) -> None:
    pixels = np.full((30, 50, 3), 9, dtype=np.uint8)
    parts = region_parts(pixels, np.zeros(3), lambda painted: painted, most)
    assert len(parts.described) == count
    assert not parts.without(range(count)).any()
    assert sum(part["box"][2] * part["box"][3] for part in parts.described) == pytest.approx(1, abs=0.01)
    assert (parts.without([0])[-1, -1] == 9).all()
    assert (pixels == 9).all(), "the picture itself is left as it is"


# The form and its bounds


def test_of_very_many_parts_the_weightiest_are_told_and_the_rest_as_one() -> None:
    weights = np.arange(200, dtype=float)
    described: list[dict[str, Any]] = [{"kind": "column", "column": str(number)} for number in range(200)]
    told = explained("shap", described, Weighed(weights, "number", 1, 5.0))
    assert [part["column"] for part in told["parts"][:-1]] == [str(number) for number in range(80, 200)]
    assert told["parts"][-1] == {"kind": "rest", "count": 80, "weight": float(sum(range(80)))}
    assert told["value"] == 5.0 + weights.sum()


@pytest.mark.parametrize(
    ("unit", "weight", "told"),
    [("number", 0.00001234567, 0.0000123457), ("number", 1234567.8, 1234570.0), ("probability", 0.00001, 0.0)],
)
def test_numbers_of_any_size_keep_their_digits(unit: str, weight: float, told: float) -> None:
    (part,) = explained("lime", [{"kind": "column"}], Weighed(np.array([weight]), unit, 1))["parts"]
    assert part["weight"] == told


class Clock:
    """Stands still but for answers, which take so many seconds each; `first`: of the first one."""

    def __init__(self, each: float, first: float | None = None) -> None:
        self.each, self.first, self.now, self.calls = each, each if first is None else first, 0.0, 0

    def perf_counter(self) -> float:
        return self.now

    def answer(self) -> None:
        self.calls += 1
        self.now += self.first if self.calls == 1 else self.each


@pytest.mark.parametrize(
    ("method", "each"),
    [(method, each) for method in ("occlusion", "lime") for each in (1e-9, 0.001, 0.01, 0.02, 0.05, 0.1)]
    + [("occlusion", 0.2), ("occlusion", 0.5)],
)
def test_a_slow_model_is_asked_about_fewer_parts(monkeypatch: pytest.MonkeyPatch, method: str, each: float) -> None:
    clock = Clock(each)
    monkeypatch.setattr(explanations, "time", clock)
    parts = explanations.parts_allowed(method, clock.answer, 1.0)
    made = Parts([{"kind": "word"}] * parts, lambda places: len(places))

    def falls(_value: int, others: Iterable[int]) -> np.ndarray:
        return np.array([0.1 for _other in others])

    asked = AGNOSTIC[method](0, made, falls, "probability").calls
    assert asked * each <= (1.0 if parts > explanations.FEWEST_PARTS else explanations.PATIENCE), (parts, asked)
    assert (parts == MOST_PARTS) == (each < 0.005)


@pytest.mark.parametrize(("method", "each"), [("occlusion", 0.7), ("lime", 0.2), ("lime", 60.0)])
def test_a_model_that_is_too_slow_is_not_explained(monkeypatch: pytest.MonkeyPatch, method: str, each: float) -> None:
    clock = Clock(each)
    monkeypatch.setattr(explanations, "time", clock)
    with pytest.raises(DataError) as raised:
        explanations.parts_allowed(method, clock.answer, 1.0)
    assert raised.value.code == "no_explanation"
    assert clock.calls == 2


def test_a_first_answer_that_is_slow_counts_little(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(0.01, first=5.0)
    monkeypatch.setattr(explanations, "time", clock)
    assert explanations.parts_allowed("occlusion", clock.answer, 1.0) > 50


def test_without_a_limit_nothing_is_timed() -> None:
    assert explanations.parts_allowed("lime", lambda: pytest.fail("timed"), None) == MOST_PARTS


def test_the_method_of_the_artifact_is_taken_where_the_model_has_it(tmp_path: Path) -> None:
    engine = small_tables.build(tmp_path, "lightgbm", 2)
    assert engine.method == "shap"
    engine.manifest["explained_by"] = "lime"
    assert engine.explain(ASKED)["method"] == "lime"
    engine.manifest["explained_by"] = "scores"
    assert engine.explain(ASKED)["method"] == "shap"


def test_an_unknown_method_is_refused_with_those_there_are(tmp_path: Path) -> None:
    engine = small_tables.build(tmp_path, "linear", 1)
    check_method(engine, "lime")
    with pytest.raises(DataError) as refused:
        check_method(engine, "shap")
    assert refused.value.code == "no_explanation"
    assert "sums, occlusion, lime" in refused.value.hint


@pytest.mark.parametrize("task", tasks.all(), ids=lambda task: task.slug)
def test_methods_and_units_are_those_of_the_form(task: Any) -> None:
    from trainer.answers.base_scoring import scoring_of
    from trainer.dotted import load_class
    from trainer.engines import Engine

    for path in (task.engine, *task.native_engines.values()):
        assert set(load_class(path, Engine).methods) <= set(explanations.METHODS)
    scoring = scoring_of(task.answer)
    assert {scoring.falls_in, scoring.sums_in} <= set(explanations.UNITS)


def test_batches_of_what_is_made_when_it_is_asked() -> None:
    assert list(explanations.batched(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert isinstance(Parts([], lambda _places: "").without([]), str)
