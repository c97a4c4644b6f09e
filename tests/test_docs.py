"""The documents keep up: whatever a user can set, call, hear or be told is written down, and what is written down exists.

A name that fails here is either missing from a page in docs/ (write it there) or stale in one (mend it).
"""

import argparse
import re
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from tests.documented import (
    PAGES,
    ROOT,
    all_names,
    backticked,
    codes,
    event_types,
    everything_written,
    first_cells,
    make_targets,
    own_commands,
    page_text,
)
from trainer import tasks
from trainer.__main__ import parser

ELSEWHERE = {"accuracy_fp32", "cancellation_date", "license_name"}
"""Names that the sources build from parts, fields of the hub, and columns of somebody’s table in an example."""
METHODS = "GET|POST|PUT|PATCH|DELETE"
on_every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def trainer_commands() -> set[str]:
    actions = [one for one in parser()._actions if isinstance(one, argparse._SubParsersAction)]
    return set(actions[0].choices)


@cache
def routes() -> frozenset[tuple[str, str]]:
    """(method, address) of the API, parameters as {}."""
    from webapp.api.urls import api

    paths = api.get_openapi_schema()["paths"].items()
    return frozenset((method.upper(), re.sub(r"{\w+}", "{}", path)) for path, methods in paths for method in methods)


def calls_in(text: str) -> set[tuple[str, str]]:
    """(method, address) wherever a page names them together; parameters, however named, as {}, the query left out."""
    found = set(re.findall(rf"\b({METHODS}) (/api/v1/[\w{{}}/-]*)", text))
    return {(method, re.sub(r"{\w+}", "{}", path)) for method, path in found}


# What is offered is written down


def test_every_picture_is_shown() -> None:
    pictures = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "screenshots").iterdir()}
    shown = everything_written()
    assert {path for path in pictures if path not in shown and path.removeprefix("docs/") not in shown} == set()


def test_every_call_of_the_api_has_a_line() -> None:
    assert routes() - calls_in(page_text(ROOT / "docs/api.md")) == set()


def test_every_code_is_explained() -> None:
    written = {word for page in PAGES for word in first_cells(page)}
    assert sorted(codes() - written) == []


def test_every_event_is_described() -> None:
    assert event_types() - first_cells(ROOT / "docs/architecture.md") == set()


def test_every_command_of_the_trainer_is_described() -> None:
    assert trainer_commands() - first_cells(ROOT / "docs/trainer.md") == set()


def test_every_task_has_a_section() -> None:
    trained = {task.slug for task in tasks.all()}
    assert {slug for slug in trained if f"## {slug}\n" not in page_text(ROOT / "docs/tasks.md")} == set()


def test_every_command_of_the_site_is_described() -> None:
    assert {name for name in own_commands() if f"manage.py {name}" not in everything_written()} == set()


def test_every_target_of_make_is_described() -> None:
    assert {name for name in make_targets() if f"make {name}" not in everything_written()} == set()


# What is written down exists


@on_every_page
def test_commands_exist(page: Path) -> None:
    text = page_text(page)
    assert set(re.findall(r"python -m trainer ([a-z]\w*)", text)) - trainer_commands() == set()
    assert set(re.findall(r"manage\.py ([a-z]\w*)", text)) - set(get_commands()) == set()
    named = set(re.findall(r"(?:`|^|&& |: )make ([a-z][\w-]*)", text, re.M))
    assert named - make_targets() == set()


@on_every_page
def test_calls_exist(page: Path) -> None:
    assert calls_in(page_text(page)) - routes() == set()


@on_every_page
def test_addresses_lead_somewhere(page: Path) -> None:
    addresses = {re.sub(r"{\w+}", "1", path) for path in re.findall(r"(/api/v1/[\w{}/.-]*\w}?)", page_text(page))}
    for address in addresses:
        try:
            found = resolve(address)
        except Resolver404:
            pytest.fail(address)
        assert getattr(found.func, "__name__", "") != "no_such_call", address


@on_every_page
def test_links_and_paths_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:)([^)#\s]+)", page_text(page))
    assert [link for link in links if not (page.parent / link).exists()] == []
    folders = "trainer|webapp|serving|tests|benchmarks|docs|deploy|requirements|static|templates|locale|\\.ci"
    paths = {name for text in backticked(page) for name in re.findall(rf"(?<![\w/])((?:{folders})/[\w./-]+)", text)}
    assert [path for path in sorted(paths) if not (ROOT / path.rstrip(".")).exists()] == []


@on_every_page
def test_anchors_are_headings(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", page_text(page)):
        text = page_text((page.parent / target).resolve() if target else page)
        headings = {
            re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
            for title in re.findall(r"^#+ (.+)$", text, re.M)
        }
        assert anchor in headings, f"{target}#{anchor}"


@on_every_page
def test_names_exist(page: Path) -> None:
    """Settings, fields, codes and functions: a word with an underscore that no source holds is stale."""
    words = {
        word for text in backticked(page) for word in re.findall(r"(?<![\w./:-])[A-Za-z]+(?:_[A-Za-z0-9]+)+", text)
    }
    assert sorted(words - all_names() - ELSEWHERE) == []


@on_every_page
def test_modules_and_their_functions_exist(page: Path) -> None:
    """`trainer.learning.run.run`: the module is a file, and the name is in it."""
    dotted = {
        name
        for text in backticked(page)
        for name in re.findall(r"(?<![\w/])(?:trainer|webapp|serving)(?:\.\w+)+", text)
    }
    dotted = {name for name in dotted if not name.endswith((".py", ".log"))}
    for name in sorted(dotted):
        parts = name.split(".")
        at = next((at for at in range(len(parts), 0, -1) if file_of(parts[:at])), 0)
        module = file_of(parts[:at])
        assert module, name
        assert at >= len(parts) - 2, name
        for own in parts[at:]:
            assert re.search(rf"\b{own}\b", module.read_text("utf-8")), name


def file_of(parts: list[str]) -> Path | None:
    path = ROOT.joinpath(*parts)
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()), None)


def test_the_table_of_codes_holds_no_others() -> None:
    page = page_text(ROOT / "docs/errors.md")
    listed = {code for row in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page, re.M) for code in re.findall(r"\w+", row)}
    assert listed - codes() == set()
