"""Columns that decide the answer alone: a threshold, a value, a gap; and no alarm where nothing of the kind is there."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from tests.trainer import command
from tests.trainer.data_files import TABLES
from trainer import leaks
from trainer.data.inspect import inspect
from trainer.data.profiling import profile_column


def found(answers: list[Any], **columns: list[Any]) -> list[dict[str, Any]]:
    table = pa.table(
        {name: pa.array([None if one is None else str(one) for one in cells]) for name, cells in columns.items()}
    )
    kinds = {name: profile_column(name, table.column(name))["kind"] for name in table.column_names}
    if isinstance(answers[0], str):
        labels = sorted(set(answers))
        return leaks.find_leaks(table, kinds, np.array([labels.index(one) for one in answers]), labels)
    return leaks.find_leaks(table, kinds, np.array(answers, dtype=float), None)


def names(told: list[dict[str, Any]]) -> list[str]:
    return [one["column"] for one in told]


def test_a_threshold_on_a_number_decides() -> None:
    random = np.random.default_rng(0)
    refunded = [0.0 if n % 3 else float(random.integers(1, 400)) for n in range(150)]
    status = ["refunded" if amount else "paid" for amount in refunded]
    total = random.integers(400, 900, 150).tolist()
    told = found(status, total=total, refunded_amount=[f"${one:,.2f}" for one in refunded])
    assert names(told) == ["refunded_amount"]
    assert told[0]["rule"].startswith("refunded_amount > ")
    assert told[0]["rule"].endswith(": refunded")
    assert told[0]["score"] == 1


def test_thresholds_part_more_than_two_labels() -> None:
    points = [n * 7 % 100 for n in range(300)]
    grade = ["low" if one < 40 else "middle" if one < 75 else "high" for one in points]
    assert names(found(grade, points=points, noise=[n * 31 % 17 for n in range(300)])) == ["points"]


def test_whether_there_is_a_value_decides() -> None:
    left = ["yes" if n % 4 == 0 else "no" for n in range(120)]
    day = [f"2026-0{1 + n % 9}-{10 + n % 15}" if one == "yes" else None for n, one in enumerate(left)]
    note = [f"said goodbye for reason {n}" if one == "yes" else None for n, one in enumerate(left)]
    assert sorted(names(found(left, cancelled_on=day, note=note))) == ["cancelled_on", "note"]


def test_one_value_that_stands_for_one_of_several_labels() -> None:
    state = ["paid", "open", "refunded", "paid", "open"] * 40
    refund = [0 if one != "refunded" else 10 + n % 7 for n, one in enumerate(state)]
    assert names(found(state, refund=refund, size=[n % 13 for n in range(200)])) == ["refund"]


def test_a_number_that_is_the_answer_in_another_unit() -> None:
    random = np.random.default_rng(0)
    price = random.lognormal(5, 1, 200)
    told = found(price.tolist(), cents=(price * 100).round(), rooms=random.integers(1, 9, 200), root=np.sqrt(price))
    assert "cents" in names(told)
    assert "rooms" not in names(told)


def test_a_number_that_is_a_code_decides() -> None:
    """No threshold parts the states 1 to 6 of which 1, 3 and 5 are a yes."""
    random = np.random.default_rng(0)
    code = random.integers(1, 7, 240)
    left = ["yes" if one % 2 else "no" for one in code]
    told = found(left, status_code=code, size=random.integers(1, 7, 240))
    assert names(told) == ["status_code"]
    assert told[0]["score"] == 1
    grade = [("low", "middle", "high")[one % 3] for one in code]
    assert names(found(grade, status_code=code)) == ["status_code"]
    rate = [(3.5, 1.0, 9.0, 2.0, 7.0, 0.5)[one - 1] for one in code]  # no line, and no order
    assert names(found(rate, status_code=code, size=random.normal(size=240).tolist())) == ["status_code"]


def test_a_code_of_one_of_several_labels() -> None:
    state = ["paid", "open", "refunded", "paid", "open"] * 40
    code = [7 if one == "refunded" else (1, 3, 9, 12)[n % 4] for n, one in enumerate(state)]
    assert names(found(state, code=code, size=[n % 13 for n in range(200)])) == ["code"]


def test_more_than_twenty_labels() -> None:
    random = np.random.default_rng(0)
    kind = random.integers(0, 30, 900)
    answers = [f"label {one:02d}" for one in kind]
    names_of = [f"k{(one * 7) % 30}" for one in kind]
    told = found(answers, name=names_of, code=(kind * 11) % 30, word=random.choice(["a", "b", "c"], 900).tolist())
    assert sorted(names(told)) == ["code", "name"]


@pytest.mark.parametrize("rows", [30, 40, 49])
def test_a_small_table_is_looked_at_strictly(rows: int) -> None:
    random = np.random.default_rng(rows)
    left = ["yes" if n % 3 == 0 else "no" for n in range(rows)]
    refund = [float(random.integers(50, 90)) if one == "yes" else 0.0 for one in left]
    reason = [f"r{n % 3}" if one == "yes" else None for n, one in enumerate(left)]
    nearly = [one if n else 80.0 for n, one in enumerate(refund)]
    nearly[1] = 80.0  # one row tells otherwise
    assert sorted(names(found(left, refund=refund, reason=reason, nearly=nearly))) == ["reason", "refund"]


def test_what_is_not_looked_at_is_said() -> None:
    kinds = {f"c{n}": "number" for n in range(3)}
    few = leaks.describe_unchecked(kinds, np.arange(29) % 2, ["a", "b"])
    assert few == [
        "Columns that decide the answer alone were not looked for: that takes 30 rows of labels with 8 rows each, there are 29."
    ]
    assert leaks.describe_unchecked(kinds, np.arange(20.0), None)[0].endswith("that takes 30 rows, there are 20.")
    rare = np.concatenate([np.arange(80) % 2, [2] * 3, [3] * 7])
    assert leaks.describe_unchecked(kinds, rare, ["a", "b", "c", "d"])[0].startswith("2 labels have fewer than 8 rows")
    wide = {f"c{n}": "number" for n in range(301)}
    assert leaks.describe_unchecked(wide, np.arange(80) % 2, ["a", "b"]) == [
        "Of 301 columns the first 300 were looked at for one that decides the answer alone."
    ]
    assert leaks.describe_unchecked(kinds, np.arange(80) % 2, ["a", "b"]) == []


def test_the_data_page_says_what_was_not_looked_at(tmp_path: Path) -> None:
    rows = [f"{n * 37 % 90},{n * 13 % 50},{'no' if n % 3 else 'yes'}" for n in range(24)]
    (tmp_path / "a.csv").write_text("\n".join(["age,refund,returned", *rows]))
    told = inspect([tmp_path / "a.csv"], tmp_path / "v1")
    problem = next(one for one in told["problems"] if one["code"] == "leakage_not_looked_for")
    assert problem["severity"] == "info"
    assert "there are 24" in problem["message"]


@pytest.mark.parametrize(("rows", "labels"), [*product([30, 40, 50, 120], [2, 3]), (600, 2)])
def test_noise_raises_no_alarm(rows: int, labels: int) -> None:
    random = np.random.default_rng(rows)
    answers = [f"label {one}" for one in random.integers(0, labels, rows)]
    columns: dict[str, list[Any]] = {f"number {n}": random.normal(size=rows).tolist() for n in range(60)}
    columns |= {f"word {n}": random.choice(["a", "b", "c", "d"], rows).tolist() for n in range(40)}
    columns |= {f"code {n}": random.integers(0, 5, rows).tolist() for n in range(40)}
    assert found(answers, **columns) == []
    assert found(random.normal(size=rows).tolist(), **columns) == []


def test_a_few_rows_of_a_label_raise_no_alarm() -> None:
    answers = ["yes" if n < 4 else "no" for n in range(80)]
    assert found(answers, amount=[1000 - n for n in range(80)]) == []


def test_petals_are_no_leak() -> None:
    from sklearn.datasets import load_iris

    flowers = load_iris()
    columns = {name: flowers.data[:, at].tolist() for at, name in enumerate(flowers.feature_names)}
    assert found([str(flowers.target_names[one]) for one in flowers.target], **columns) == []


@pytest.mark.skipif(not TABLES.exists(), reason="no reference data")
@pytest.mark.parametrize(
    ("file", "target"),
    [
        ("titanic.csv", "Survived"),
        ("telco_churn.csv", "Churn"),
        ("german_credit.csv", None),
        ("california_housing.csv", None),
    ],
)
def test_real_tables_raise_no_alarm(file: str, target: str | None, tmp_path: Path) -> None:
    columns = {"target": target} if target else None
    told = inspect([TABLES / file], tmp_path / "v1", columns=columns)
    assert not [one["message"] for one in told["problems"] if one["code"] == "leakage"]


def test_the_data_page_asks_and_takes_it_out(tmp_path: Path) -> None:
    rows = [f"{n * 37 % 90},{n % 50 if n % 3 == 0 else 0},{'no' if n % 3 else 'yes'}" for n in range(1, 200)]
    (tmp_path / "a.csv").write_text("\n".join(["age,refund,returned", *rows]))
    told = inspect([tmp_path / "a.csv"], tmp_path / "v1")
    problem = next(one for one in told["problems"] if one["code"] == "leakage")
    assert problem["examples"] == ["refund"]
    assert "Was it known" in problem["message"]
    mended = inspect([tmp_path / "v1"], tmp_path / "v2", fixes=["drop_leaking_columns"])
    assert "refund" not in {one["name"] for one in mended["columns"]}


def test_a_run_says_which_column_decided(models: Path, tmp_path: Path) -> None:
    rows = [
        {"age": n * 37 % 90, "refund": n % 50 + 1 if n % 3 == 0 else 0, "target": "no" if n % 3 else "yes"}
        | {"case": f"no {n % 19}" if n % 3 else f"yes {n // 3 % 9}"}  # more than a fifth of the rows learned from
        for n in range(160)
    ]
    fields = {"task": "tabular-classification", "model": "scratch:auto", "method": "linear"}
    spec = command.write_spec(tmp_path, rows, **fields)
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    warned = [one for one in events if one["type"] == "warning" and one["code"] == "leakage"]
    assert [one["message"].split("“")[1].split("”")[0] for one in warned] == ["refund", "case"]
    on_page = inspect([tmp_path / "data.jsonl"], tmp_path / "v1")["problems"]
    assert next(one["examples"] for one in on_page if one["code"] == "leakage") == ["refund", "case"]
    report = json.loads((tmp_path / "out" / "artifact" / "report.json").read_text("utf-8"))
    assert [(one["column"], one["score"]) for one in report["leaks"]] == [("refund", 1.0), ("case", 1.0)]
    assert report["leaks_not_looked_at"] == []
    assert "“refund”, “case”" in (tmp_path / "out" / "artifact" / "README.md").read_text("utf-8")
