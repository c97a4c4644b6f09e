"""No module needs itself: not at its top, and not through an import that stands inside a function or for types alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.sources import nodes

ROOT = Path(__file__).resolve().parents[1]
WORLDS = ("trainer", "serving", "webapp", "sandbox")
Graph = dict[str, set[str]]


def modules(worlds: tuple[str, ...]) -> dict[str, Path]:
    """Every module by its dotted name; a package by that of its folder."""
    found = {}
    for world in worlds:
        for path in sorted((ROOT / world).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of every import of a file, wherever it stands; the name is empty for `import module`."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)


def graph(worlds: tuple[str, ...]) -> Graph:
    known = modules(worlds)
    found: Graph = {}
    for module, path in known.items():
        targets = ((f"{name}.{member}" if f"{name}.{member}" in known else name) for name, member in imported(path))
        found[module] = {target for target in targets if target in known and target != module}
    return found


def circles(edges: Graph) -> list[list[str]]:
    """The strongly connected components of more than one module (Tarjan 1972)."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(module: str) -> None:
        index[module] = lowest[module] = len(index)
        stack.append(module)
        for target in edges[module]:
            if target not in index:
                visit(target)
                lowest[module] = min(lowest[module], lowest[target])
            elif target in stack:
                lowest[module] = min(lowest[module], index[target])
        if lowest[module] == index[module]:
            component = stack[stack.index(module) :]
            del stack[-len(component) :]
            if len(component) > 1:
                found.append(sorted(component))

    for module in edges:
        if module not in index:
            visit(module)
    return found


def test_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert circles({"a": {"b"}, "b": set(), "c": {"a", "b"}}) == []


def test_there_are_no_circles() -> None:
    edges = graph(WORLDS)
    assert len(edges) > 100
    assert circles(edges) == []


def reached(edges: Graph, start: str) -> set[str]:
    """Every module that `start` needs, directly or not."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for target in edges[waiting.pop()] - found:
            found.add(target)
            waiting.append(target)
    return found


def test_declarations_do_not_know_what_learns() -> None:
    """Tasks and kinds of answers name families, engines and objectives by dotted path; nothing of these is imported."""
    edges = graph(WORLDS)
    heavy = ("trainer.learning", "trainer.families", "trainer.packaging", "trainer.engines", "trainer.data")
    declared = [module for module in edges if module.startswith("trainer.tasks")]
    assert declared
    for module in [*declared, "trainer.answers"]:
        assert not [name for name in reached(edges, module) if name.startswith(heavy)], module


def test_the_loops_know_no_family() -> None:
    edges = graph(WORLDS)
    for module in edges:
        if module.startswith("trainer.learning"):
            assert not [name for name in reached(edges, module) if name.startswith("trainer.families")], module
