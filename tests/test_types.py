"""Parameters have real types: how many are bare `Any`, or have none, in each world."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources import nodes

ROOT = Path(__file__).resolve().parents[1]
WORLDS = ("trainer", "webapp", "serving", "sandbox")
BOUND = 0.02
"""Largest share of the parameters of a world."""


def parameters(path: Path) -> Iterator[ast.arg]:
    """Of every function of a file; without `self` and `cls`, and without `*args` and `**options`, which are passed on."""
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = node.args
            named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
            yield from (argument for argument in named if argument.arg not in ("self", "cls"))


def is_untyped(argument: ast.arg) -> bool:
    return argument.annotation is None or ast.unparse(argument.annotation).removeprefix("typing.") == "Any"


def test_what_counts_as_untyped(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("class A:\n    def b(self, c, d: Any, *e: Any, f: int, g: dict[str, Any]) -> None: ...\n", "utf-8")
    assert {argument.arg: is_untyped(argument) for argument in parameters(path)} == {
        "c": True,
        "d": True,
        "f": False,
        "g": False,
    }


@pytest.mark.parametrize("world", WORLDS)
def test_parameters_have_types(world: str) -> None:
    files = [path for path in sorted((ROOT / world).rglob("*.py")) if path.parent.name != "migrations"]
    every = [(path, argument) for path in files for argument in parameters(path)]
    untyped = [
        f"{path.relative_to(ROOT)}:{argument.lineno} {argument.arg}" for path, argument in every if is_untyped(argument)
    ]
    assert len(every) > 30
    share = len(untyped) / len(every)
    assert share <= BOUND, f"{share:.1%} of {len(every)}: " + ", ".join(untyped)
