"""What the sources offer and what the documents name, for `tests/test_docs.py`."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests import sources

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("webapp", "trainer", "serving")
PAGES = (*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md")
CODE = re.compile(r"[a-z][a-z0-9_]*")


# Sources


@cache
def trees() -> dict[Path, ast.Module]:
    """Every module of the three rooms, migrations left out."""
    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")) if "migrations" not in path.parts]
    return {path: sources.tree(path) for path in paths}


@cache
def nodes() -> tuple[ast.AST, ...]:
    return tuple(node for path in trees() for node in sources.nodes(path))


def calls() -> Iterator[tuple[str, ast.Call]]:
    """(name of the function or method called, the call)."""
    for node in nodes():
        if isinstance(node, ast.Call):
            named = node.func
            yield (named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")), node


def text_of(node: ast.AST | None) -> str:
    """A string that stands in the source, or the constant of a module by that name; "" for anything else."""
    if isinstance(node, ast.Name):
        return constants().get(node.id, "")
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@cache
def constants() -> dict[str, str]:
    """Strings that modules give a name in capitals, one or several in a line."""
    found = {}
    for line in (line for tree in trees().values() for line in tree.body if isinstance(line, ast.Assign)):
        names, values = elements(line.targets[0]), elements(line.value)
        for name, value in zip(names, values, strict=False):
            text = isinstance(value, ast.Constant) and isinstance(value.value, str)
            if text and isinstance(name, ast.Name) and name.id.isupper():
                found[name.id] = value.value
    return found


def elements(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def event_types() -> set[str]:
    """Types of the trainer's events, by the calls that emit them."""
    return {text_of(call.args[0]) for name, call in calls() if name == "emit" and call.args} - {""}


@cache
def codes() -> frozenset[str]:
    """Codes of errors, warnings and problems with data, wherever one is written down."""
    found = set()
    for name, call in calls():
        found |= {text_of(keyword.value) for keyword in call.keywords if keyword.arg == "code"}
        if name in ("warn", "problem") and call.args:
            found.add(text_of(call.args[0]))
        if name.lower() == "problem" and len(call.args) > 1 and is_status(call.args[0]):
            found.add(text_of(call.args[1]))
        if name == "check_choice":
            found.add(f"bad_{text_of(call.args[0])}")  # a filter's value
    for node in nodes():
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            found |= {text_of(value) for key, value in pairs if text_of(key) == "code"}
        if isinstance(node, ast.ClassDef):
            found |= class_codes(node)
    return frozenset(code for code in found if CODE.fullmatch(code))


def is_status(node: ast.AST) -> bool:
    """A number, or `error.status`."""
    return isinstance(node, ast.Attribute) or (isinstance(node, ast.Constant) and isinstance(node.value, int))


def class_codes(node: ast.ClassDef) -> set[str]:
    """`code = "…"` and `status, code = 403, "…"` of a class."""
    found = set()
    for line in node.body:
        if isinstance(line, ast.Assign):
            target, value = line.targets[0], line.value
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = list(zip(target.elts, value.elts, strict=True))
            else:
                pairs = [(target, value)]
            found |= {text_of(own) for name, own in pairs if isinstance(name, ast.Name) and name.id == "code"}
    return found


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text("utf-8"), re.M))


def own_commands() -> set[str]:
    """Of `manage.py`, ours alone."""
    paths = (ROOT / "webapp").glob("*/management/commands/*.py")
    return {path.stem for path in paths if not path.stem.startswith("_")}


@cache
def all_names() -> frozenset[str]:
    """Words of the sources, with what they are made of between underscores left together: `low_high` also in `_low_high`."""
    words = set(re.findall(r"\w+", all_text()))
    return frozenset(words | {word.strip("_") for word in words})


def all_text() -> str:
    """Whatever a name in a document may come from."""
    kept = {".py", ".js", ".html", ".txt", ".yml", ".toml", ".css", ".svg", ""}
    folders = [*ROOMS, "templates", "static", "deploy", "benchmarks", "requirements", "tests"]
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    paths += [path for path in ROOT.iterdir() if path.is_file()]
    return "\n".join(path.read_text("utf-8", "replace") for path in paths if path.suffix in kept)


# Documents


@cache
def page_text(path: Path) -> str:
    return path.read_text("utf-8")


def everything_written() -> str:
    return "\n".join(page_text(path) for path in PAGES)


def backticked(path: Path) -> set[str]:
    """What stands between single backticks in a line; blocks of code left out."""
    prose = re.sub(r"^```.*?^```", "", page_text(path), flags=re.M | re.S)
    return set(re.findall(r"`([^`\n]+)`", prose))


def first_cells(path: Path) -> set[str]:
    """Names in the first cells of the page's tables."""
    cells = re.findall(r"^\| ([^|]+) \|", page_text(path), re.M)
    return {word for cell in cells for word in re.findall(r"[\w-]+", cell)}
