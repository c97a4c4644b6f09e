"""Names of values say what the value is: none is called by a word that fits every value."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources import nodes

ROOT = Path(__file__).resolve().parents[1]
WORLDS = ("trainer", "webapp", "serving", "sandbox", "benchmarks")
VAGUE = {
    "at": "index, position, created_at",
    "beside": "baselines, neighbours",
    "forget": "delete_expired, release",
    "found": "report, match, hits",
    "lap": "fold, substage",
    "look": "check_epoch, poll_requests",
    "one": "row, value, item",
    "rightness": "score",
    "said": "predicted, messages, sentence",
    "settle": "tune_threshold, verify_checksum",
    "there": "is_filled, attention_mask",
    "told": "reported, messages",
    "wanted_of": "build_targets",
    "wishes": "changes, fields",
}
"""Name: what to call such a value instead, say."""
WEIGHTS = {"trainer/families/image/points.py": "beside", "trainer/families/image/small_nets.py": "beside"}
"""Modules whose name stands in the weights of models that were packaged before."""
NAMED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler | ast.MatchAs | ast.MatchStar


def names(path: Path) -> Iterator[tuple[str, int]]:
    """(name, line) of all that is named in a file: variables, parameters, attributes that are set, functions and classes. Fields
    of a `TypedDict` are keys of files and answers, so they are left out."""
    keys: set[ast.AST] = set()
    for node in nodes(path):
        if isinstance(node, ast.Name | ast.Attribute):
            if isinstance(node.ctx, ast.Store) and node not in keys:
                yield node.id if isinstance(node, ast.Name) else node.attr, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, NAMED) and node.name:
            yield node.name, node.lineno
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname, node.lineno
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("TypedDict") for base in node.bases):
            keys |= {field.target for field in node.body if isinstance(field, ast.AnnAssign)}


def test_what_counts_as_a_name(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "import a as one\n"
        "def b(told, *said, at=1):\n"
        "    self.found = [there for there in told]\n"
        "    self.look()\n"
        "class C:\n"
        "    lap: int\n"
        "class D(TypedDict):\n"
        "    beside: int\n",
        "utf-8",
    )
    expected = {"one", "b", "told", "said", "at", "found", "there", "C", "lap", "D"}
    assert {name for name, _line in names(path)} == expected


@pytest.mark.parametrize("world", WORLDS)
def test_names_say_what_a_value_is(world: str) -> None:
    files = [path for path in sorted((ROOT / world).rglob("*.py")) if path.parent.name != "migrations"]
    vague = [
        f"{place}:{line} {name} (say {VAGUE[name]})"
        for path in files
        if (place := path.relative_to(ROOT).as_posix())
        for name, line in names(path)
        if name in VAGUE and WEIGHTS.get(place) != name
    ]
    assert files
    assert not vague, ", ".join(vague)
