"""What each column is for: identifiers are left out by default, what is ignored is neither learned from nor asked for, and
group and time divide the rows."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from trainer.data.inspect import inspect
from trainer.data.loading import load
from trainer.errors import UserError
from trainer.families.table.rows import TableRows
from trainer.learning.run import claim
from trainer.spec import DatasetSpec, Spec
from trainer.tasks import get

ROWS = 120


def table(path: Path) -> Path:
    generator = np.random.default_rng(0)
    lines = ["order_id,zip,customer,day,size,note,returned"]
    for n in range(ROWS):
        size = generator.integers(5, 900)
        day = f"2026-0{1 + n % 6}-1{n % 9}"
        note = "paid" if n % 3 else "open"
        back = "yes" if (size > 500) ^ (n % 7 == 0) else "no"
        lines.append(f"A{n:05},0{1000 + n % 9},c{n // 4},{day},${size}.00,{note},{back}")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.fixture
def version(tmp_path: Path) -> Path:
    inspect([table(tmp_path / "orders.csv")], tmp_path / "v1")
    return tmp_path / "v1"


def suggestion(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "profile.json").read_text("utf-8"))["suggestion"]


def rows_of(dataset: DatasetSpec) -> TableRows:
    loaded = load(dataset, get("tabular-classification"))
    labels = sorted(set(loaded.answers))
    rows = TableRows(loaded, labels, np.array([labels.index(answer) for answer in loaded.answers]))
    rows.describe_columns()
    return rows


def inputs_of(dataset: DatasetSpec) -> list[str]:
    """The columns that a model would learn from, and a demo ask for."""
    return [one["name"] for one in rows_of(dataset).manifest()["inputs"]]


def test_every_column_has_a_role(version: Path) -> None:
    assert suggestion(version)["roles"] == {
        "order_id": "id",
        "zip": "input",
        "customer": "input",
        "day": "input",
        "size": "input",
        "note": "input",
        "returned": "answer",
    }
    assert "order_id" not in inputs_of(DatasetSpec(path=str(version)))


def test_what_is_ignored_is_neither_learned_from_nor_asked_for(version: Path) -> None:
    inspect([version], version.with_name("v2"), roles={"note": "ignore", "customer": "id"})
    assert inputs_of(DatasetSpec(path=str(version.with_name("v2")))) == ["zip", "day", "size"]
    assert set(rows_of(DatasetSpec(path=str(version.with_name("v2")))).dropped) == {"order_id", "customer", "note"}
    later = version.with_name("v3")
    inspect([version.with_name("v2")], later, roles={"note": "input"}, fixes=["drop_duplicates"])
    assert inputs_of(DatasetSpec(path=str(later))) == ["zip", "day", "size", "note"]


def test_an_identifier_is_read_where_somebody_says_so(version: Path, tmp_path: Path) -> None:
    path = tmp_path / "numbered.csv"
    rows = [f"{n},{n * 37 % 100},{'a' if n > 60 else 'b'}" for n in range(ROWS)]
    path.write_text("\n".join(["row,x,label", *rows]) + "\n")
    spec = {"path": str(path), "columns": {"target": "label"}}
    assert inputs_of(DatasetSpec.model_validate(spec)) == ["x"]
    assert inputs_of(DatasetSpec.model_validate(spec | {"roles": {"row": "input"}})) == ["row", "x"]


def parts_of(folder: Path) -> list[str | None]:
    return pq.read_table(folder / "split.parquet").column("split").to_pylist()


def test_the_rows_tested_on_stay_when_a_column_is_ignored(version: Path) -> None:
    """Runs before and after are compared on the same rows; what is predicted, or goes by groups, divides anew."""
    found = parts_of(version)
    steps: list[dict[str, Any]] = [
        {"roles": {"customer": "ignore"}},
        {"roles": {"customer": "input", "zip": "ignore"}},
        {"columns": {"target": "returned"}, "roles": {"note": "ignore"}},
        {"fixes": ["drop_identifier_columns"]},
        {"changes": {"set": [{"row": 3, "column": "size", "value": "$7.00"}]}},
        {"roles": {"size": "ignore"}},
    ]
    for number, step in enumerate(steps, 2):
        folder = version.with_name(f"v{number}")
        told = inspect([version.with_name(f"v{number - 1}")], folder, **step)
        assert parts_of(folder) == found, step
        assert told["split"]["how"].startswith("drawn")
    for name, step in {"answer": {"roles": {"note": "answer"}}, "group": {"roles": {"customer": "group"}}}.items():
        inspect([version], version.with_name(name), **step)
        assert parts_of(version.with_name(name)) != found, name
    redrawn = version.with_name("seed")
    inspect([version], redrawn, roles={"customer": "ignore"}, split={"seed": 5})
    assert parts_of(redrawn) != found


def test_rows_that_become_copies_stay_where_they_are_and_are_told(version: Path) -> None:
    later = version.with_name("v2")
    left_out = dict.fromkeys(("zip", "customer", "day", "size"), "ignore")
    problems = {one["code"]: one for one in inspect([version], later, roles=left_out)["problems"]}
    assert parts_of(later) == parts_of(version)
    assert problems["duplicates_across_split"]["fix"]["action"] == "drop_duplicates"
    assert "one side" not in problems["duplicates"]["message"]


def test_a_group_stays_together_and_is_no_input(version: Path) -> None:
    grouped = version.with_name("v2")
    found = inspect([version], grouped, roles={"customer": "group"})
    assert found["split"]["how"] == "by group"
    cells = pq.read_table(grouped / "data.parquet").column("customer").to_pylist()
    parts = pq.read_table(grouped / "split.parquet").column("split").to_pylist()
    assert len(set(zip(cells, parts, strict=True))) == len(set(cells))
    assert "customer" not in inputs_of(DatasetSpec(path=str(grouped)))
    drawn = inspect([grouped], version.with_name("v3"), split={})
    assert drawn["suggestion"]["roles"]["customer"] == "input"
    assert drawn["split"]["how"] != "by group"
    again = inspect([grouped], version.with_name("v4"), roles={"customer": "input"})
    assert again["split"]["how"] != "by group"


def test_the_newest_are_tested_on_by_the_column_of_time(version: Path) -> None:
    found = inspect([version], version.with_name("v2"), roles={"day": "time", "customer": "group"})
    assert found["split"]["how"] == "by time"
    assert found["suggestion"]["roles"] | {"day": "time", "customer": "group"} == found["suggestion"]["roles"]


def test_a_split_by_a_column_gives_it_its_role(version: Path) -> None:
    found = inspect([version], version.with_name("v2"), split={"group": "customer"})
    assert found["suggestion"]["roles"]["customer"] == "group"


def test_another_answer(version: Path) -> None:
    found = inspect([version], version.with_name("v2"), roles={"note": "answer"})
    assert found["suggestion"]["columns"] == {"target": "note"}
    assert found["suggestion"]["roles"]["returned"] == "input"
    assert [one["label"] for one in found["labels"]] == ["paid", "open"]


def test_a_run_by_itself_takes_roles(tmp_path: Path) -> None:
    spec = Spec.model_validate({"dataset": {"path": str(table(tmp_path / "a.csv")), "roles": {"note": "ignore"}}})
    assert "note" not in inputs_of(spec.dataset)


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ({"nowhere": "ignore"}, "no column"),
        ({"note": "banana"}, "is not a role"),
        ({"note": "group", "customer": "group"}, "only one"),
        ({"note": "answer", "zip": "answer"}, "only one"),
    ],
)
def test_roles_without_sense_are_refused(roles: dict[str, str], words: str, version: Path) -> None:
    with pytest.raises(UserError, match=words):
        inspect([version], version.with_name("v2"), roles=roles)
    assert not version.with_name("v2").exists()


def test_a_run_begun_before_there_were_roles_goes_on(tmp_path: Path) -> None:
    spec = Spec.model_validate({"dataset": {"path": "a.csv"}})
    claim(spec, tmp_path)
    began = json.loads((tmp_path / "began.json").read_text("utf-8"))
    del began["dataset"]["roles"]
    (tmp_path / "began.json").write_text(json.dumps(began), "utf-8")
    claim(spec, tmp_path)
    assert json.loads((tmp_path / "began.json").read_text("utf-8")) == began
