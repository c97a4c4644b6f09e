"""Cells into numbers, the same in learning and answering; thresholds by cost; calibration."""

import random
from types import SimpleNamespace

import numpy as np
import pytest

from trainer import columns, tables
from trainer.families.table import search
from trainer.families.table.models import Net, set_apart
from trainer.tasks.table import families_of


@pytest.mark.parametrize(
    ("cell", "decimal", "value"),
    [
        ("1,234.5", ".", 1234.5),
        ("1.234,5", ",", 1234.5),
        ("€ 12", ".", 12),
        ("(3)", ".", -3),
        ("12 %", ".", 12),
        ("1 234", ".", 1234),
        ("nan", ".", None),
        ("1_000", ".", None),
        ("1e999", ".", None),
        ("abc", ".", None),
    ],
)
def test_numbers(cell: str, decimal: str, value: float | None) -> None:
    assert tables.number_of(cell, decimal) == value


def test_decimal_commas_are_found() -> None:
    assert columns.guess_decimal(["1,5", "2,25", "7"]) == ","
    assert columns.guess_decimal(["1,234", "2.5"]) == "."


def test_odd_cells_never_break_a_column() -> None:
    generator = random.Random(1)
    odd = [None, "", " ", "∞", "\x00", "−5", "١٢", "2024-02-30", "(", "%", "1,2,3", "🦊", "[1]", "nan", "x" * 999]
    for _draw in range(300):
        cells = [generator.choice(odd) for _cell in range(generator.randint(1, 30))]
        cells = [tables.cell_of(cell) for cell in cells]
        found, why = tables.learn("c", cells, np.ones(len(cells), dtype=int))
        assert (found is None) == bool(why)
        if found:
            encoded = tables.encode_column(found, cells)
            assert encoded.shape == (len(cells), len(tables.features_of(found)))
            assert not np.isinf(encoded).any()


def test_identifiers_and_constants_are_left_out() -> None:
    numbers = [str(at) for at in range(60)]
    assert "only numbers or names" in tables.learn("row", numbers, np.ones(60, dtype=int))[1]
    assert "in every row" in tables.learn("c", ["a"], np.array([60]))[1]


def test_an_unknown_level_is_rare_and_a_gap_is_a_gap() -> None:
    column, _why = tables.learn("c", ["Yes", "no"], np.array([30, 30]))
    assert column is not None
    found = tables.encode([column], [{"c": "yes"}, {"c": "other"}, {}])
    assert found[1, 0] == 0
    assert found[0, 0] > 0
    assert np.isnan(found[2, 0])


def test_a_dear_miss_lowers_the_threshold() -> None:
    generator = np.random.default_rng(0)
    sure = generator.uniform(0, 0.6, 4000)
    truth = (generator.uniform(size=4000) < sure).astype(int)
    costs = SimpleNamespace(cost_false_positive=1.0, cost_false_negative=20.0)
    found = search.decide(np.stack([1 - sure, sure], 1), truth, costs, ["no", "fraud"], 1)
    assert found["positive"] == "fraud"
    assert found["threshold"] < 0.2
    assert found["expected_cost"] < found["expected_cost_at_half"] / 2


def test_calibration_mends_what_is_too_sure() -> None:
    generator = np.random.default_rng(0)
    margin = generator.normal(size=(4000, 1))
    truth = (generator.uniform(size=4000) < 1 / (1 + np.exp(-margin[:, 0]))).astype(int)
    found = search.calibrate(margin * 5, truth, {"labels": ["a", "b"]})
    assert 0.15 < found["scale"] < 0.25


def test_the_small_net_is_not_stopped_by_the_rows_it_is_judged_by() -> None:
    """Whatever the held rows say, the net is the same: other rows, set apart from those to learn from, ended its learning."""
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(60, 2))
    truth = (matrix[:, 0] > 0).astype(np.int64)
    features = [{"column": name, "name": name, "kind": "number"} for name in "ab"]
    facts = {
        "labels": ["n", "y"],
        "features": features,
        "outputs": 1,
        "epochs": 20,
        "scales": tables.scales_of(features, matrix),
        "layers": [{"kind": "dense", "size": 4, "bias": True}],
    }
    answers = [
        Net(facts, 1, 0).fit({}, (matrix, truth, np.ones(60)), lambda: None, (matrix[:20], held))
        for held in (truth[:20], 1 - truth[:20])
    ]
    assert answers[0].rounds == answers[1].rounds
    assert answers[0].raw(matrix).tolist() == answers[1].raw(matrix).tolist()
    apart = set_apart(truth, True, 0)
    assert 6 <= apart.sum() <= 12
    assert len(set(truth[apart].tolist())) == 2


def test_the_model_may_name_the_kind() -> None:
    assert families_of("auto", "scratch:auto") == ("linear", "boosting", "net")
    assert families_of("auto", "scratch:linear") == ("linear",)
    assert families_of("net", "scratch:lightgbm") == ("net",)


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("2024-02-29T13:30:00", (2024, 2, 3, 13)),
        ("9999-12-31T23:59:59.9999999", (9999, 12, 4, 23)),
        ("9999-12-31T23:59:59-12:00", (9999, 12, 4, 23)),
        ("0001-01-01T00:00:00+05:00", (1, 1, 0, 0)),
        ("29/02/2024", (2024, 2, 3, 0)),
        ("soon", None),
    ],
)
def test_every_date_has_its_parts_up_to_the_ends_of_the_calendar(cell: str, parts: tuple[int, ...] | None) -> None:
    """They come from anybody who fills in a demo's form."""
    (row,) = tables.encode_column({"name": "day", "kind": "date", "form": "iso"}, [cell])
    if parts is None:
        assert np.isnan(row).all()
    else:
        assert row[:4].tolist() == list(parts)


@pytest.mark.parametrize("cell", ["1.7e308", "-1.7e308"])
def test_the_largest_numbers_leave_means_and_spreads_finite(cell: str) -> None:
    description = {"name": "c", "kind": "number", "decimal": "."}
    matrix = tables.encode_column(description, [cell, cell, "1", None])
    scales = tables.scales_of(tables.features_of(description), matrix)
    assert np.isfinite([*scales["mean"], *scales["spread"]]).all()
    assert np.isfinite(tables.scaled(scales, matrix)).all()
