"""Annotations say something: a parameter is `Any` only where a library's own are."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.sources import tree

SITE = Path(__file__).resolve().parents[2] / "webapp"
MOST = 0.02


def parameters(module: ast.AST) -> Iterator[ast.arg]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            yield from (argument for argument in named if argument.arg not in ("self", "cls"))
            yield from (argument for argument in (node.args.vararg, node.args.kwarg) if argument)


def test_few_parameters_take_anything() -> None:
    files = [path for path in SITE.rglob("*.py") if "migrations" not in path.parts]
    every = [argument for path in files for argument in parameters(tree(path))]
    hollow = [argument for argument in every if argument.annotation and ast.unparse(argument.annotation) == "Any"]
    assert len(every) > 1000
    assert len(hollow) / len(every) < MOST
