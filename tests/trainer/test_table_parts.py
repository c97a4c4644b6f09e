"""Models of tables part by part: columns as numbers beside scikit-learn and a dictionary, candidates, the net's loss beside
torch's, weights of labels, and what each column carries."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from torch.nn import functional

from trainer import tables
from trainer.answers.classes_statistics import areas
from trainer.families.table import net
from trainer.families.table.estimate import WARM_ROWS, warm_rows
from trainer.families.table.models import APART, LARGE, TREES, Boosting, Linear, Net, candidates, set_apart
from trainer.families.table.objective import TableObjective, importance, quality
from trainer.families.table.rows import SKEW, declared, distinct, tells_parts, weights_of
from trainer.families.table.search import folds_of, given_threshold, score

QUIET = lambda: None  # noqa: E731  what a fit calls after every round


def facts(features: int = 3, labels: tuple[str, ...] = ("no", "yes"), **more: Any) -> dict[str, Any]:
    """Of a table of numbers alone, in standard units already."""
    described = [
        {"column": f"c{number}", "name": f"c{number}", "kind": "number", "levels": 0} for number in range(features)
    ]
    return {
        "features": described,
        "columns": [{"name": f"c{number}", "kind": "number", "decimal": "."} for number in range(features)],
        "dropped": [],
        "answer": "class" if labels else "number",
        "labels": list(labels),
        "outputs": len(labels) if len(labels) > 2 else 1,
        "scales": tables.scales_of(described, np.random.default_rng(0).normal(size=(500, features))),
        "layers": [{"kind": "dense", "size": 8, "bias": True}, {"kind": "activation", "name": "relu"}],
        "epochs": 3,
        "calibration": {"scale": 1.0, "bias": 0.0},
        "decision": None,
        "headline": "roc_auc" if len(labels) == 2 else "accuracy",
    } | more  # fmt: skip


def clouds(rows: int, labels: int, seed: int = 0, features: int = 3) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, labels, rows)
    middles = np.random.default_rng(99).normal(size=(labels, features)) * 2
    return middles[truth] + generator.normal(size=(rows, features)), truth


# Columns as numbers


def test_equal_cells_are_read_once_and_missing_spellings_are_none() -> None:
    column = pa.chunked_array([["a", "n/a", None], ["b", "a", " NaN ", ""]], pa.string())
    cells, indices = distinct(column)
    assert [cells[place] for place in indices] == ["a", None, None, "b", "a", None, None]
    assert len(cells) == len({cell for cell in column.to_pylist() if cell is not None}) + 1


@pytest.mark.parametrize("chunks", [[], [[]], [[None, None]]])
def test_a_column_without_a_cell_is_read(chunks: list[list[None]]) -> None:
    cells, indices = distinct(pa.chunked_array(chunks, pa.string()))
    assert all(cells[place] is None for place in indices)


@pytest.mark.parametrize(
    ("name", "cells", "tells"),
    [
        ("split", ["train", "test", None], True),
        (" Subset ", ["Train", "DEV"], True),
        ("split", ["train", "other"], False),
        ("split", [None], False),
        ("part", ["train", "test"], False),
    ],
)
def test_a_column_that_only_says_the_parts_is_no_input(name: str, cells: list[str | None], tells: bool) -> None:
    assert tells_parts(name, cells) is tells


def test_a_form_field_says_what_a_column_holds_and_nothing_more() -> None:
    field = declared({"name": "age", "kind": "number", "decimal": ".", "min": 1.0, "max": 9.0, "typical": 5.0})
    assert field == {
        "name": "age",
        "kind": "number",
        "required": False,
        "min": 1.0,
        "max": 9.0,
        "typical": 5.0,
        "decimal": ".",
        "example": 5.0,
    }
    assert "levels" not in declared(
        {"name": "c", "kind": "category", "levels": ["a"], "choices": ["A"], "typical": "A"}
    )


@pytest.mark.parametrize(
    ("cells", "counts", "typical"),
    [
        (["1", "2", "3"], [1, 1, 1], 2.0),
        (["1", "2", "300"], [9, 1, 1], 1.0),
        (["1", "2", "300"], [1, 1, 9], 300.0),
        (["3", "1", "2", "x"], [1, 1, 2, 5], 2.0),
    ],
)
def test_the_typical_number_is_the_middle_row_s(cells: list[str], counts: list[int], typical: float) -> None:
    column = tables.learn_number(list(zip(cells, counts, strict=True)), cells, sum(counts))
    assert column is not None
    assert column["typical"] == typical


def test_nine_of_ten_rows_lie_between_what_is_kept_beside_the_ends() -> None:
    cells = [str(number) for number in range(1, 101)]
    column = tables.learn_number([(cell, 1) for cell in cells], cells, 100)
    assert column is not None
    assert [column[name] for name in ("min", "p5", "typical", "p95", "max")] == [1, 5, 50, 95, 100]


def test_scales_are_scikit_learn_s_and_gaps_are_marked() -> None:
    generator = np.random.default_rng(0)
    matrix = generator.normal(5, 3, (200, 2))
    matrix[::7, 1] = np.nan
    features = [{"column": name, "name": name, "kind": "number", "levels": 0} for name in "ab"]
    scales = tables.scales_of(features, matrix)
    scaler = StandardScaler().fit(matrix)
    assert scales["mean"] == pytest.approx(scaler.mean_)
    assert scales["spread"] == pytest.approx(scaler.scale_)
    scaled = tables.scaled(scales, matrix)
    assert scaled[:, :2] == pytest.approx(np.nan_to_num(scaler.transform(matrix)).clip(-8, 8))
    assert scaled[:, 2].tolist() == np.isnan(matrix[:, 1]).astype(float).tolist()


def test_a_constant_number_and_one_never_there_are_scaled_without_fault() -> None:
    features = [{"column": name, "name": name, "kind": "number", "levels": 0} for name in "ab"]
    matrix = np.column_stack([np.full(5, 7.0), np.full(5, np.nan)])
    scales = tables.scales_of(features, matrix)
    assert scales["spread"] == [1.0, 1.0]
    assert tables.scaled(scales, matrix).tolist() == [[0, 0, 1]] * 5


def test_levels_have_a_column_each_and_one_for_the_gap() -> None:
    features = [{"column": "c", "name": "c", "kind": "category", "levels": 3}]
    scales = tables.scales_of(features, np.array([[0.0], [2.0]]))
    expanded = tables.expanded(scales, np.array([[0.0], [1.0], [2.0], [np.nan]]))
    assert expanded.tolist() == np.eye(4).tolist()


# What is tried


@pytest.mark.parametrize(
    ("families", "rows", "names"),
    [
        (("linear",), 100, ["linear, strength 0.03", "linear, strength 0.3", "linear, strength 3"]),
        (("boosting",), LARGE - 1, ["small trees", "medium trees"]),
        (("boosting",), LARGE, ["medium trees", "large trees", "small trees"]),
        (("net", "linear"), 100, ["linear, strength 0.03", "linear, strength 0.3", "linear, strength 3", "small net"]),
        ((), 100, []),
    ],
)
def test_cheap_candidates_are_tried_first_and_wide_trees_on_many_rows(
    families: tuple[str, ...], rows: int, names: list[str]
) -> None:
    assert [candidate.name for candidate in candidates(families, rows)] == names


@pytest.mark.parametrize(("rows", "labelled"), [(7, True), (70, True), (70, False), (3, False), (1, True)])
def test_one_row_in_seven_of_each_label_says_when_to_stop(rows: int, labelled: bool) -> None:
    truth = np.arange(rows) % 2
    apart = set_apart(truth, labelled, 0)
    assert apart.sum() == len(range(APART // 2, rows, APART))
    assert not apart.all()
    if labelled and rows == 70:
        assert apart[truth == 0].sum() == 5
    assert np.array_equal(apart, set_apart(truth, labelled, 0))


@pytest.mark.parametrize(("rows", "count"), [(4, 2), (11, 2), (12, 3), (20, 5), (20_000, 5), (20_001, 3)])
def test_few_rows_and_very_many_have_fewer_folds(rows: int, count: int) -> None:
    folds = folds_of(np.arange(rows) % 2, True, 0)
    assert sorted(set(folds.tolist())) == list(range(count))


@pytest.mark.parametrize("labels", [1, 2, 5, 100])
def test_the_first_fit_sees_every_label_where_there_is_room(labels: int) -> None:
    truth = np.sort(np.random.default_rng(0).integers(0, labels, 1_000))
    warm = warm_rows(truth, True)
    assert warm.sum() == WARM_ROWS
    assert len(set(truth[warm])) == min(labels, WARM_ROWS)
    assert warm_rows(truth, False)[:WARM_ROWS].all()


@pytest.mark.parametrize(
    ("false_positive", "false_negative", "threshold"), [(1, 1, 0.5), (1, 9, 0.1), (3, 1, 0.75), (0, 1, 0)]
)
def test_the_threshold_of_true_probabilities_follows_the_costs(
    false_positive: float, false_negative: float, threshold: float
) -> None:
    params = SimpleNamespace(cost_false_positive=false_positive, cost_false_negative=false_negative)
    assert given_threshold(params) == pytest.approx(threshold)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("counts", "even"), [((50, 50), True), ((80, 11), True), ((80, 10), False), ((99, 1), False), ((5, 0), True)]
)
def test_rare_labels_weigh_more_from_eight_to_one_on(counts: tuple[int, int], even: bool) -> None:
    truth = np.repeat([0, 1], counts)
    said: list[str] = []
    rows = SimpleNamespace(is_class=True, truth=truth, labels=["a", "b"])
    weights = weights_of(SimpleNamespace(log=said.append), rows, np.arange(len(truth)))  # type: ignore[arg-type]
    assert weights.mean() == pytest.approx(1)
    assert (weights == 1).all() == even == (not said)
    if not even:
        assert max(counts) >= SKEW * min(counts)
        wanted = 1 / np.sqrt(np.array(counts)[truth])
        assert weights / weights[0] == pytest.approx(wanted / wanted[0])


# The models


@pytest.mark.parametrize("strength", [0.03, 3.0])
def test_the_linear_model_is_scikit_learn_s_over_the_expanded_columns(strength: float, tmp_path: Path) -> None:
    matrix, truth = clouds(200, 3)
    about = facts(labels=("a", "b", "c"))
    weights = np.random.default_rng(1).uniform(0.5, 2, 200)
    model = Linear(about, 1, 0).fit({"strength": strength}, (matrix, truth, weights), QUIET)
    features = tables.expanded(about["scales"], matrix)
    theirs = LogisticRegression(C=strength, max_iter=300).fit(features, truth, weights)
    assert model.raw(matrix) == pytest.approx(theirs.decision_function(features), abs=1e-6)
    model.save(tmp_path)
    sums = json.loads((tmp_path / "linear.json").read_text())
    assert features @ np.array(sums["weights"]) + sums["bias"] == pytest.approx(model.raw(matrix))
    number = Linear(facts(labels=()), 1, 0).fit({"strength": strength}, (matrix, matrix[:, 0] * 3, weights), QUIET)
    ridge = Ridge(alpha=1 / strength).fit(features, matrix[:, 0] * 3, weights)
    assert number.raw(matrix)[:, 0] == pytest.approx(ridge.predict(features))


@pytest.mark.parametrize("labels", [("no", "yes"), ("a", "b", "c"), ()])
def test_trees_are_written_and_read_as_they_answered(labels: tuple[str, ...], tmp_path: Path) -> None:
    from trainer import gbm

    matrix, truth = clouds(120, max(len(labels), 2))
    target = truth if labels else matrix[:, 0]
    model = Boosting(facts(labels=labels), 1, 0)
    model.fit(TREES["small trees"], (matrix, target, np.ones(120)), QUIET, rounds=8)
    outputs = model.raw(matrix)
    assert outputs.shape == (120, len(labels) if len(labels) > 2 else 1)
    model.save(tmp_path)
    booster = gbm.lightgbm().Booster(model_file=str(tmp_path / "model.txt"))
    again = booster.predict(matrix, raw_score=True, num_threads=1).reshape(120, -1)
    assert again == pytest.approx(outputs)
    assert model.raw(matrix, 3) != pytest.approx(outputs), "after three of its eight rounds"


def test_a_fit_that_is_to_end_ends() -> None:
    class Enough(Exception):  # noqa: N818
        pass

    def tell() -> None:
        raise Enough

    matrix, truth = clouds(100, 2)
    for model, settings in ((Linear, {"strength": 1}), (Boosting, TREES["small trees"]), (Net, {})):
        with pytest.raises(Enough):
            model(facts(), 1, 0).fit(settings, (matrix, truth, np.ones(100)), tell)


@pytest.mark.parametrize("labels", [("no", "yes"), ("a", "b", "c"), ()])
def test_the_loss_of_the_net_is_torch_s_by_the_rows_weights(labels: tuple[str, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(6, max(len(labels), 1) if len(labels) != 2 else 1, generator=generator)
    weights = torch.rand(6, generator=generator) + 0.5
    truth = torch.tensor([0, 1, 1, 0, 1, 0]) if labels else torch.randn(6, generator=generator)
    loss = net.loss_of(outputs, truth, facts(labels=labels), weights)
    if len(labels) == 2:
        wanted = functional.binary_cross_entropy_with_logits(outputs[:, 0], truth.float(), weight=weights)
    elif labels:
        wanted = (functional.cross_entropy(outputs, truth, reduction="none") * weights).mean()
    else:
        wanted = functional.smooth_l1_loss(outputs[:, 0], truth)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-6)


def test_the_net_of_numbers_answers_in_their_own_unit() -> None:
    """It learns in standard units; its last layer is brought back."""
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(300, 3))
    truth = 1_000 + 50 * matrix[:, 0]
    about = facts(labels=())
    first, epochs = net.fit(about, matrix, truth, np.ones(300), 30, 0, QUIET)
    outputs = net.raw(first, about, matrix)[:, 0]
    assert epochs == 30
    assert outputs.mean() == pytest.approx(1_000, rel=0.02)
    assert np.corrcoef(outputs, truth)[0, 1] > 0.9
    again, _epochs = net.fit(about, matrix, truth, np.ones(300), 30, 0, QUIET)
    assert net.raw(again, about, matrix)[:, 0] == pytest.approx(outputs), "one seed, one net"


@pytest.mark.parametrize("rows", [1, 255, 257])
def test_the_net_learns_from_any_number_of_rows(rows: int) -> None:
    """A last batch of one is left out, which batch norm could not take."""
    about = facts(layers=[{"kind": "dense", "size": 4, "bias": True}, {"kind": "norm"}])
    matrix, truth = clouds(rows, 2)
    model, _epochs = net.fit(about, matrix, truth, np.ones(rows), 1, 0, QUIET)
    assert np.isfinite(net.raw(model, about, matrix)).all()


# What each column carries


def objective_of(matrix: np.ndarray, truth: np.ndarray, labels: tuple[str, ...]) -> TableObjective:
    about = facts(labels=labels)
    model = Linear(about, 1, 0).fit({"strength": 1.0}, (matrix, truth, np.ones(len(truth))), QUIET)
    rows = SimpleNamespace(
        is_class=bool(labels),
        labels=list(labels),
        truth=truth,
        matrix=matrix,
        described=about["columns"],
        part=lambda _name: np.arange(len(truth)),
        features=lambda: about["features"],
    )
    return TableObjective(SimpleNamespace(params=None), rows, model)  # type: ignore[arg-type]


@pytest.mark.parametrize("labels", [("no", "yes"), ("a", "b", "c"), ()])
def test_importance_is_scikit_learn_s_by_permutation(labels: tuple[str, ...]) -> None:
    matrix, truth = clouds(600, max(len(labels), 2))
    matrix[:, 2] = np.random.default_rng(5).normal(size=600)
    target = truth if labels else 2 * matrix[:, 0] + 0.5 * matrix[:, 1]
    objective = objective_of(matrix, target, labels)
    entries = {
        entry["column"]: entry["permutation"] for entry in importance(objective.rows, objective, objective.model)
    }

    def scorer(_model: object, values: np.ndarray, _truth: np.ndarray) -> float:
        return quality(objective, values, target)

    theirs = permutation_importance(Ridge(), matrix, target, scoring=scorer, n_repeats=5, random_state=0)
    for number, value in enumerate(theirs.importances_mean):
        assert entries[f"c{number}"] == pytest.approx(value, rel=0.15, abs=0.06)
    assert max(entries, key=lambda name: entries[name]) == f"c{theirs.importances_mean.argmax()}"


def test_test_rows_of_one_label_alone_say_nothing_and_break_nothing() -> None:
    matrix, truth = clouds(100, 2)
    objective = objective_of(matrix, truth, ("no", "yes"))
    objective.rows.truth = np.zeros(100, dtype=int)
    entries = importance(objective.rows, objective, objective.model)
    assert [entry["permutation"] for entry in entries] == [0, 0, 0]
    assert areas(np.zeros(5, dtype=int), np.full((5, 2), 0.5))["roc_auc"] == 0.5


@pytest.mark.parametrize(
    ("labels", "perfect", "worst"), [(("no", "yes"), 1.0, 0.0), (("a", "b", "c"), 0.0, None), ((), 1.0, None)]
)
def test_candidates_are_ranked_so_that_more_is_better(
    labels: tuple[str, ...], perfect: float, worst: float | None
) -> None:
    truth = np.arange(30) % max(len(labels), 2)
    target = truth if labels else truth.astype(float)
    if len(labels) == 2:
        right = np.where(truth == 1, 9.0, -9.0)[:, None]
    elif labels:
        right = np.eye(len(labels))[truth] * 60
    else:
        right = target[:, None]
    about = facts(labels=labels)
    assert score(right, target, about) == pytest.approx(perfect, abs=1e-6)
    assert score(-right, target, about) < score(right * 0.01, target, about) <= score(right, target, about) + 1e-9
    if worst is not None:
        assert score(-right, target, about) == worst
