"""What is left out is never only an info: whoever looks at the warnings alone has seen all of it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import trainer
from trainer.data.inspect import inspect

LOST = re.compile(r"not be used|not used|left out|not read|could not be|skipped|removed|dropped", re.IGNORECASE)
ROOT = Path(trainer.__file__).parent


def words_of(node: ast.AST) -> str:
    """Every constant text inside an expression."""
    return " ".join(
        part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )


def infos(path: Path) -> Iterator[tuple[str, str]]:
    """(code, what its message says) of each problem that is an info."""
    for function in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(function, ast.FunctionDef):
            continue
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and words_of(node.func) == ""]
        for call in calls:
            is_problem = isinstance(call.func, ast.Name) and call.func.id == "problem" and len(call.args) > 2
            if not is_problem or not (isinstance(call.args[1], ast.Constant) and call.args[1].value == "info"):
                continue
            said = call.args[2]
            if isinstance(said, ast.Name):
                made = [
                    node.value
                    for node in ast.walk(function)
                    if isinstance(node, ast.Assign)
                    and node.lineno < call.lineno
                    and ast.unparse(node.targets[0]) == said.id
                ]
                said = made[-1] if made else said
            yield words_of(call.args[0]), words_of(said)


def test_no_info_says_that_something_is_left_out() -> None:
    listed = [entry for path in sorted((ROOT / "data").rglob("*.py")) for entry in infos(path)]
    assert len(listed) >= 6
    assert [entry for entry in listed if LOST.search(entry[1])] == []


LINES = [f"my order number {n} has not come,{'ab'[n % 2]}" for n in range(60)]
LEAVING = {
    "blank cells": ["text,label", *LINES, ",", '"",""'],
    "no text": ["text,label", *LINES, ",a"],
    "no label": ["text,label", *LINES, "where is it now,"],
    "too many fields": ["text,label", *LINES, "a,b,c,d"],
    "titles": ["Our report of May", "for all of us", "", "text,label", *LINES],
    "totals": ["text,label", *LINES, "", "Total,", "Page 1 of 1"],
    "comments": ["# of a tool", "text,label", *LINES],
    "header again": ["text,label", *LINES, "text,label", "one more order,a"],
}


@pytest.mark.parametrize("case", LEAVING)
def test_a_file_that_loses_something_warns(case: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\n".join(LEAVING[case]))
    result = inspect([tmp_path / "a.csv"], tmp_path / "v1")
    parts = pq.read_table(tmp_path / "v1" / "split.parquet").column("split").to_pylist()
    unused = sum(part in (None, "pool") for part in parts)
    told = [
        problem for problem in result["problems"] if problem["severity"] != "info" and problem["code"] != "small_test"
    ]
    blank = case == "blank cells" and not unused  # a line of nothing but commas is blank
    assert unused or result["left_out"] or blank
    assert bool(told) != blank
