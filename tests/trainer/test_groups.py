"""Groups of test rows: how rows are divided, each group's score beside scikit-learn's, and gaps that are claimed only where
chance is excluded."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import fisher_exact
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error, r2_score, roc_auc_score

from tests.trainer import command
from tests.trainer.test_side_by_side import CASES
from trainer import answers
from trainer.answers.metrics import named
from trainer.errors import UserError
from trainer.group_scores import LEAST_ROWS, Figure, Found, described, find_groups, gap_of
from trainer.groups import MOST_GROUPS, NEITHER, by_column, split_by
from trainer.intervals import wilson_interval
from trainer.text_scores import count

RANDOM = np.random.default_rng(7)


def version(folder: Path, kinds: dict[str, str] | None = None, **columns: Sequence[Any]) -> Path:
    """A dataset version of these columns: what reading it needs."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: list(cells) for name, cells in columns.items()}), folder / "data.parquet")
    profile = [{"name": name, "kind": (kinds or {}).get(name, "category")} for name in columns]
    (folder / "profile.json").write_text(json.dumps({"columns": profile}), "utf-8")
    return folder


def artifact(folder: Path, truth: Sequence[Any], labels: Sequence[str] = (), **columns: Sequence[Any]) -> Path:
    """Of a model that was tested on the rows 1, 2, 3 … of a version, with its answers in `columns`."""
    folder.mkdir(parents=True, exist_ok=True)
    table = {"row": range(1, len(truth) + 1), "truth": truth, **columns}
    pq.write_table(pa.table({name: list(cells) for name, cells in table.items()}), folder / "predictions.parquet")
    (folder / "manifest.json").write_text(json.dumps({"labels": list(labels)}), "utf-8")
    return folder


def found(
    tmp: Path,
    kind: str,
    metric: str,
    by: Sequence[Any] | np.ndarray,
    asked: str = "by",
    positive: str = "",
    **given: Any,
) -> Found:
    data = version(tmp / "version", by=[str(cell) for cell in by])
    columns = json.loads((data / "profile.json").read_text("utf-8"))["columns"]
    return find_groups(artifact(tmp / "artifact", **given), data, columns, kind, metric, asked, positive)


def by_name(of: Found) -> dict[str | None, Any]:
    return {group.name: group for group in of.groups}


# How rows are divided


def test_values_are_groups_the_largest_first() -> None:
    division = by_column(["b", "a", " b", "1.0", "1", None, "n/a"], {}, is_number=False)
    assert division.names == ["1", "b", None, "a"]
    assert division.places == [1, 3, 1, 0, 0, 2, 2]


def test_of_many_values_the_largest_are_groups_and_the_rest_are_counted() -> None:
    cells = [f"customer {place}" for place in range(MOST_GROUPS + 5) for _time in range(MOST_GROUPS + 5 - place)]
    division = by_column(cells, {}, is_number=False)
    assert division.names == [f"customer {place}" for place in range(MOST_GROUPS)]
    assert division.others == 5
    assert division.places.count(NEITHER) == sum(range(1, 6))


def test_many_numbers_are_four_bands() -> None:
    cells = [*(f"{number},0" for number in range(100)), None]
    division = by_column(cells, {"decimal": ","}, is_number=True)
    assert division.names == ["0 – 24", "25 – 49", "50 – 74", "75 – 99", None]
    assert [division.places.count(place) for place in range(5)] == [25, 25, 25, 25, 1]


def test_bands_of_equal_numbers_fall_together() -> None:
    division = by_column(["0"] * 90 + [str(number) for number in range(1, 21)], {}, is_number=True)
    assert division.names == ["0", "1 – 20"]
    assert [division.places.count(place) for place in range(2)] == [90, 20]
    assert by_column(["", ""], {}, is_number=True).names == [None]


def test_rows_are_taken_by_their_numbers(tmp_path: Path) -> None:
    data = version(tmp_path, city=["a", "b", "c", "d"], age=["1", "2", "", "4"])
    columns = [{"name": "city", "kind": "category"}, {"name": "age", "kind": "number"}]
    division = split_by(data, columns, [4, 2, 3], "city")
    assert [division.names[place] for place in division.places] == ["d", "b", "c"]
    division = split_by(data, columns, [4, 2, 3], "age < 3")
    assert division.names == ["age < 3", "not (age < 3)"]
    assert division.places == [1, 0, NEITHER]


@pytest.mark.parametrize(
    ("by", "code"), [("town", "unknown_column"), ("age <", "bad_condition"), ("city", "rows_gone")]
)
def test_what_cannot_be_divided(by: str, code: str, tmp_path: Path) -> None:
    data = version(tmp_path, city=["a"], age=["1"])
    columns = [{"name": name, "kind": "category"} for name in ("city", "age")]
    with pytest.raises(UserError) as refused:
        split_by(data, columns, [9], by)
    assert refused.value.code == code


# Each group's score is what scikit-learn computes of its rows


def answered(rows: int, sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(truth, probabilities of "bad" and "good"): better on one side than on the other."""
    truth = RANDOM.random(rows) < 0.4
    good = np.where(truth, 0.65, 0.35) + RANDOM.normal(0, np.where(sides, 0.1, 0.4), rows)
    good = np.clip(good, 0.01, 0.99)
    return np.where(truth, "good", "bad"), np.column_stack([1 - good, good])


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "roc_auc"])
def test_classes_are_scored_as_scikit_learn_does(metric: str, tmp_path: Path) -> None:
    sides = RANDOM.random(240) < 0.6
    truth, chances = answered(240, sides)
    predicted = np.where(chances[:, 1] > 0.5, "good", "bad")
    given: dict[str, Any] = {
        "truth": truth,
        "labels": ["bad", "good"],
        "predicted": predicted,
        "probabilities": chances.tolist(),
    }
    groups = by_name(found(tmp_path, "class", metric, sides, **given))
    for side in (True, False):
        own = sides == side
        expected = {
            "accuracy": accuracy_score(truth[own], predicted[own]),
            "macro_f1": f1_score(truth[own], predicted[own], average="macro"),
            "roc_auc": roc_auc_score(truth[own] == "good", chances[own, 1]),
        }[metric]
        score = groups[str(side)].score
        assert groups[str(side)].rows == score.rows == own.sum()
        assert score.value == pytest.approx(expected)
        assert score.low <= score.value <= score.high


@pytest.mark.parametrize("metric", ["r2", "mae"])
def test_numbers_are_scored_as_scikit_learn_does(metric: str, tmp_path: Path) -> None:
    sides = np.arange(120) % 3 == 0
    truth = RANDOM.normal(50, 10, 120)
    predicted = truth + RANDOM.normal(0, np.where(sides, 1, 8))
    made = found(tmp_path, "number", metric, sides, truth=truth, predicted=predicted)
    expected = {"r2": r2_score, "mae": mean_absolute_error}[metric]
    for side in (True, False):
        assert by_name(made)[str(side)].score.value == pytest.approx(
            expected(truth[sides == side], predicted[sides == side])
        )
    assert made.gap is not None
    assert made.gap.is_shown
    assert made.groups[made.gap.first].name == "True", "the better one, also where less is better"
    assert made.gap.value == pytest.approx(
        abs(expected(truth[sides], predicted[sides]) - expected(truth[~sides], predicted[~sides]))
    )


def kept(kind: str) -> tuple[str, dict[str, Any]]:
    """(metric, columns of predictions.parquet) of 40 rows, of which the first half is answered better."""
    truth, good, worse = CASES[kind]
    metric, predicted = answers.get(kind).metrics[0].name, [good] * 20 + [worse] * 20
    columns: dict[str, Any] = {"truth": [truth] * 40, "predicted": predicted}
    if kind == "number":
        metric = "mae"
    elif kind == "similarity":
        metric = "ndcg_10"
    elif kind == "rewriting":
        columns["counts"] = count(columns["truth"], predicted).tolist()
    elif kind == "completion":
        columns["figures"] = [[10.0, 5.0, 10.0]] * 20 + [[20.0, 5.0, 10.0]] * 20
    elif kind == "objects":
        columns["detections"] = predicted
    labels = {"class": ["late", "lost", "other"], "labels": ["a", "b"], "objects": ["cat"]}.get(kind, [])
    return metric, columns | {"labels": labels}


@pytest.mark.parametrize("kind", answers.kinds())
def test_every_kind_of_answer_has_groups(kind: str, tmp_path: Path) -> None:
    metric, columns = kept(kind)
    made = found(tmp_path, kind, metric, ["first"] * 20 + ["second"] * 20, **columns)
    assert [group.rows for group in made.groups] == [20, 20]
    assert made.gap is not None
    assert (made.groups[made.gap.first].name, made.gap.is_shown) == ("first", True), described(made)
    assert made.gap.low <= made.gap.value <= made.gap.high
    assert made.gap.p < 0.05
    assert json.loads(json.dumps(described(made)))["gap"]["verdict"] == "gap"


# What is not judged


def test_thin_groups_are_named_and_not_judged(tmp_path: Path) -> None:
    by = ["many"] * 30 + ["few"] * (LEAST_ROWS - 1)
    labels = ["a", "b", "c"]
    made = found(tmp_path, "class", "accuracy", by, truth=["a"] * len(by), predicted=["a"] * len(by), labels=labels)
    assert made.gap is None
    few = by_name(made)["few"]
    assert (few.rows, few.score, few.reason) == (LEAST_ROWS - 1, None, "few_rows")
    assert by_name(made)["many"].score == Figure(1.0, *wilson_interval(1.0, 30), 30)


def test_rows_of_one_answer_have_no_curve(tmp_path: Path) -> None:
    by, truth = ["x"] * 30 + ["y"] * 30, ["a", "b"] * 15 + ["a"] * 30
    chances = [[0.5, 0.5]] * 60
    given: dict[str, Any] = {"truth": truth, "labels": ["a", "b"], "predicted": truth, "probabilities": chances}
    made = found(tmp_path, "class", "roc_auc", by, **given)
    assert (by_name(made)["y"].reason, by_name(made)["x"].reason) == ("one_answer", "")


@pytest.mark.parametrize("metric", ["roc_auc", "pr_auc", "r2", "pearson", "spearman", "similarity_pearson", "pair_auc"])
def test_the_metrics_that_set_answers_against_each_other(metric: str) -> None:
    assert named(metric).contrasts


@pytest.mark.parametrize("lacks", ["predictions.parquet", "manifest.json", "column"])
def test_answers_that_were_not_kept(lacks: str, tmp_path: Path) -> None:
    data = version(tmp_path / "version", by=["a"] * 30)
    made = artifact(tmp_path / "artifact", ["a"] * 30, ["a", "b"], predicted=["a"] * 30)
    if lacks != "column":
        (made / lacks).unlink()
    with pytest.raises(UserError) as refused:
        find_groups(made, data, [{"name": "by", "kind": "category"}], "class", "roc_auc", "by")
    assert refused.value.code == "answers_gone"


# Gaps


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((10, 10), (0, 10), 0.6075, 1.0)],
)
def test_the_interval_is_newcombes(first: tuple[int, int], second: tuple[int, int], low: float, high: float) -> None:
    """Newcombe 1998, table II, method 10."""
    hits = np.repeat([1.0, 0.0, 1.0, 0.0], [first[0], first[1] - first[0], second[0], second[1] - second[0]])
    places = np.repeat([0, 1], [first[1], second[1]])
    figures = {
        place: Figure(right / rows, *wilson_interval(right / rows, rows), rows)
        for place, (right, rows) in enumerate((first, second))
    }
    gap = gap_of(figures, lambda dealt: [hits[dealt == 0].mean(), hits[dealt == 1].mean()], places, 500, 0)
    assert gap is not None
    assert (gap.low, gap.high) == (pytest.approx(low, abs=2e-4), pytest.approx(high, abs=2e-4))


def test_the_permutation_finds_the_p_of_fisher() -> None:
    """For two groups of one size both count the same tables."""
    for first, second in ((18, 9), (20, 14), (12, 11)):
        hits = np.repeat([1.0, 0.0, 1.0, 0.0], [first, 30 - first, second, 30 - second])
        places = np.repeat([0, 1], 30)
        figures = {place: Figure(right / 30, 0, 1, 30) for place, right in enumerate((first, second))}

        def scores(dealt: np.ndarray, hits: np.ndarray = hits) -> list[float]:
            return [hits[dealt == 0].mean(), hits[dealt == 1].mean()]

        gap = gap_of(figures, scores, places, 4000, 1)
        expected = fisher_exact([[first, 30 - first], [second, 30 - second]]).pvalue
        assert gap is not None
        assert gap.p == pytest.approx(expected, abs=0.25 * expected + 0.01)


def test_equal_groups_are_seldom_told_apart() -> None:
    """Also where the best and the worst of five are looked at, which a plain interval of two would call apart far more often."""
    generator, shown, plain = np.random.default_rng(3), 0, 0
    places = np.repeat(range(5), 40)
    for _time in range(200):
        hits = (generator.random(200) < 0.8).astype(float)

        def scores(dealt: np.ndarray, hits: np.ndarray = hits) -> list[float]:
            return [hits[dealt == place].mean() for place in range(5)]

        figures = {place: Figure(value, *wilson_interval(value, 40), 40) for place, value in enumerate(scores(places))}
        gap = gap_of(figures, scores, places, 200, 0)
        assert gap is not None
        shown += gap.is_shown
        top, bottom = max(figures.values()), min(figures.values())
        plain += top.value - bottom.value > np.hypot(top.value - top.low, bottom.high - bottom.value)
    assert shown <= 0.08 * 200
    assert plain > 3 * shown


# Two classes


def test_rates_are_those_of_the_confusion(tmp_path: Path) -> None:
    sides = RANDOM.random(300) < 0.5
    truth = np.where(RANDOM.random(300) < 0.5, "good", "bad")
    flipped = RANDOM.random(300) < np.where(sides, 0.1, 0.35)
    predicted = np.where(flipped, np.where(truth == "good", "bad", "good"), truth)
    given: dict[str, Any] = {"truth": truth, "labels": ["bad", "good"], "predicted": predicted}
    made = found(tmp_path, "class", "accuracy", sides, positive="good", **given)
    assert made.positive == "good"
    rates: dict[bool, dict[str, float]] = {}
    for side in (True, False):
        own, good = sides == side, truth == "good"
        chosen = predicted == "good"
        rates[side] = {
            "selection_rate": chosen[own].mean(),
            "true_positive_rate": chosen[own & good].mean(),
            "false_positive_rate": chosen[own & ~good].mean(),
        }
        told = by_name(made)[str(side)].rates
        assert {name: rate.value for name, rate in told.items()} == pytest.approx(rates[side])
        assert told["true_positive_rate"].rows == (own & good).sum()
    for name, gap in made.gaps.items():
        assert gap is not None
        assert gap.value == pytest.approx(abs(rates[True][name] - rates[False][name]))
    odds = max(made.gaps[name].value for name in ("true_positive_rate", "false_positive_rate"))  # type: ignore[union-attr]
    assert described(made)["equalised_odds"] == pytest.approx(odds)


def test_the_rarer_class_is_the_positive_one_and_either_tells_the_same_gap(tmp_path: Path) -> None:
    truth = (["bad"] + ["good"] * 3) * 20
    predicted = (["bad"] + ["good"] * 3) * 10 + ["good"] * 40
    given: dict[str, Any] = {"truth": truth, "labels": ["bad", "good"], "predicted": predicted}
    by = ["x"] * 40 + ["y"] * 40
    rarer, other = (found(tmp_path, "class", "accuracy", by, positive=label, **given) for label in ("", "good"))
    assert (rarer.positive, other.positive) == ("bad", "good")
    assert rarer.gaps["selection_rate"].value == other.gaps["selection_rate"].value == 0.25  # type: ignore[union-attr]
    assert rarer.gaps["true_positive_rate"] is None, "fewer than twenty rows of a group are bad"
    assert described(rarer)["equalised_odds"] is None


def test_other_answers_have_no_rates(tmp_path: Path) -> None:
    truth, by = ["a", "b", "c"] * 20, ["x", "y"] * 30
    made = found(tmp_path, "class", "accuracy", by, truth=truth, labels=["a", "b", "c"], predicted=truth)
    assert (made.positive, described(made)["rates"], described(made)["equalised_odds"]) == (None, {}, None)
    given: dict[str, Any] = {"truth": ["a", "b"] * 30, "labels": ["a", "b"], "predicted": ["a"] * 60}
    with pytest.raises(UserError) as refused:
        found(tmp_path, "class", "accuracy", by, positive="c", **given)
    assert refused.value.code == "unknown_label"


# The command


def test_the_command(tmp_path: Path) -> None:
    by, truth = ["x"] * 30 + ["y"] * 30, ["a", "b"] * 30
    predicted = truth[:30] + ["a"] * 30
    data = version(tmp_path / "version", by=by)
    made = artifact(tmp_path / "artifact", truth, ["a", "b"], predicted=predicted)
    manifest = {"version": 1, "task": "text-classification", "labels": ["a", "b"], "files": {}}
    (made / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    (made / "report.json").write_text(json.dumps({"headline": {"name": "accuracy", "value": 0.75}}), "utf-8")
    status, events = command.call(tmp_path, "groups", made, data, "--by", "by", "--positive", "a")
    assert status == 0
    told = events[-1]
    assert (told["type"], told["by"], told["metric"], told["positive"]) == ("result", "by", "accuracy", "a")
    assert {group["name"]: group["score"]["value"] for group in told["groups"]} == {"x": 1.0, "y": 0.5}
    assert told["gap"]["verdict"] == "gap"
    assert told["rates"]["selection_rate"]["first"] == "y"
    status, events = command.call(tmp_path, "groups", made, data, "--by", "town")
    assert (status, events[-1]["code"]) == (2, "unknown_column")
