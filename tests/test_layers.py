"""Who may import whom: the worlds, and the apps from left to right."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.sources import nodes

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"torch", "transformers", "pandas", "PIL"}
FORBIDDEN = {
    "webapp": HEAVY,
    "trainer": {"django", "celery", "redis", "webapp", "serving"},
    "serving": {"django", "torch", "transformers", "webapp"},
    "sandbox": {"django", "torch", "transformers", "redis", "webapp", "trainer", "serving", "psutil", "pydantic"},
}
APPS = [
    "core",
    "answers",
    "accounts",
    "costs",
    "catalog",
    "datasets",
    "prototypes",
    "labelling",
    "runs",
    "endpoints",
    "pages",
    "api",
    "host",
]
"""Each may import those to its left."""
BY_NAME = re.compile(r"webapp\.([a-z]+)\.[\w.]+")
LIGHT = {
    "allowance",
    "answers",
    "architectures",
    "licences",
    "cache",
    "columns",
    "comparison",
    "conversations",
    "dates",
    "numerals",
    "errors",
    "events",
    "gpus",
    "shares",
    "conditions",
    "group_scores",
    "groups",
    "hyperparameters.space",
    "disk",
    "judging.journal",
    "judging.questions",
    "report_text",
    "label_lists",
    "machine",
    "paths",
    "messages",
    "named_columns",
    "params",
    "personal_data",
    "problem_details",
    "remaining",
    "reporting",
    "roles",
    "samples",
    "source_addresses",
    "tested_rows",
    "spec",
    "suggestion",
    "tagging.schemes",
    "tagging.units",
    "tasks",
    "__version__",
}
"""What of the trainer the site may import."""


def imports(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, wherever it stands, with the names taken from it."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(path.relative_to(ROOT).parts[: -node.level]) if node.level else ""
            module = ".".join(part for part in (package, node.module) if part)
            yield from (f"{module}.{alias.name}" for alias in node.names)


FILES = [path for world in FORBIDDEN for path in sorted((ROOT / world).rglob("*.py"))]


MOST_LINES = 400
"""Of a source file: a longer one holds two things."""


def test_no_file_is_long() -> None:
    long = {path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {path: lines for path, lines in long.items() if lines > MOST_LINES} == {}


def test_there_is_something_to_check() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(FORBIDDEN)
    assert {path.name for path in (ROOT / "webapp").iterdir() if (path / "apps.py").exists()} == set(APPS)


@pytest.mark.parametrize("world", FORBIDDEN)
def test_the_worlds_stay_apart(world: str) -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in FILES
        if path.relative_to(ROOT).parts[0] == world
        for name in imports(path)
        if name.split(".")[0] in FORBIDDEN[world]
    }
    assert not wrong


@pytest.mark.parametrize("app", APPS)
def test_apps_depend_leftwards(app: str) -> None:
    right = set(APPS[APPS.index(app) + 1 :])
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / "webapp" / app).rglob("*.py")
        for name in imports(path)
        if name.startswith("webapp.") and name.split(".")[1] in right
    }
    assert not wrong


@cache
def relations_from(app: str) -> set[str]:
    """The names under which the rows of other apps know those of `app`, as its models declare them."""
    path = ROOT / "webapp" / app / "models.py"
    calls = (node for node in (nodes(path) if path.exists() else ()) if isinstance(node, ast.Call))
    keywords = (word for call in calls for word in call.keywords)
    names = {
        word.value.value for word in keywords if word.arg == "related_name" and isinstance(word.value, ast.Constant)
    }
    return {str(name) for name in names if "+" not in str(name)}


def dodges(path: Path, right: set[str]) -> Iterator[str]:
    """What leads from a file to an app on its right without an import: a dotted name that is imported later, or a relation
    whose name is no other's too."""
    left = set(APPS) - right
    relations = set().union(*map(relations_from, right)).difference(dir(dict), *map(relations_from, left))
    for node in nodes(path):
        if isinstance(node, ast.Constant) and (name := BY_NAME.fullmatch(str(node.value))) and name[1] in right:
            yield f"{path.relative_to(ROOT)}:{node.lineno} names {name[0]}"
        elif isinstance(node, ast.Attribute) and node.attr in {*relations, "related_model"}:
            yield f"{path.relative_to(ROOT)}:{node.lineno} reads .{node.attr}"


@pytest.mark.parametrize("app", APPS)
def test_no_app_is_reached_behind_the_back_of_imports(app: str) -> None:
    right = set(APPS[APPS.index(app) + 1 :])
    assert not [dodge for path in (ROOT / "webapp" / app).rglob("*.py") for dodge in dodges(path, right)]


def test_a_dodge_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "relations_from", lambda app: {"runs"} if app == "runs" else set())
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    path = tmp_path / "views.py"
    path.write_text(
        '"""See `webapp.runs.models`."""\nimport_string("webapp.runs.models.Run")\nprototype.runs.count()\n', "utf-8"
    )
    assert list(dodges(path, {"runs"})) == ["views.py:2 names webapp.runs.models.Run", "views.py:3 reads .runs"]


def test_the_site_imports_only_light_parts_of_the_trainer() -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / "webapp").rglob("*.py")
        for name in imports(path)
        if name.startswith("trainer.") and not LIGHT & {name.split(".")[1], ".".join(name.split(".")[1:3])}
    }
    assert not wrong
