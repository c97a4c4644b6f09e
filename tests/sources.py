"""Source files as trees, each parsed once by a process: tests that read them run in one (`tests.scheduling`)."""

import ast
from functools import cache
from pathlib import Path


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All of a file's tree."""
    return tuple(ast.walk(tree(path)))
