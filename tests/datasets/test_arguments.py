"""What people write becomes a value of the trainer's command line, never one of its options, wherever it is passed on."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import things
from tests.documented import ROOT
from trainer.__main__ import parser
from webapp.accounts.models import Workspace
from webapp.datasets import reading
from webapp.datasets.models import DatasetVersion
from webapp.runs.access import fetching

HOSTILE = ("--out=elsewhere", "-x", "--", "-", "@elsewhere", "a\n--out=elsewhere", "'; rm -rf / #")

Words = Callable[[DatasetVersion, str], list[str]]


def version_of(workspace: Workspace) -> DatasetVersion:
    version = things.dataset(workspace).current
    assert version is not None
    return version


def asked(name: str, wrap: Callable[[str], Any] = str) -> Words:
    """The reader's arguments for a version with this in its request."""

    def words(version: DatasetVersion, value: str) -> list[str]:
        version.request = {name: wrap(value)}
        return reading.reader_arguments(version)

    return words


def listing(version: DatasetVersion, value: str) -> list[str]:
    version.request = {"sheet": value, "reading": {"addresses:image": "fetch", "header": value}}
    options = [word for word in reading.reader_arguments(version) if word.startswith(reading.LISTING_OPTIONS)]
    return ["addresses", "/uploads/rows.csv", "--out=/own/addresses.txt", *options]


def of_hub(version: DatasetVersion, value: str) -> list[str]:
    version.request = {"hub": value}
    return reading.file_arguments(version)


def as_written(value: str) -> str:
    return value


PASSED: dict[str, tuple[Words, str, Callable[[str], Any]]] = {
    "task": (asked("task"), "task", as_written),
    "sheet": (asked("sheet"), "sheet", as_written),
    "fixes": (asked("fixes", lambda value: [value]), "fix", lambda value: [value]),
    "columns": (asked("columns", lambda value: {value: value}), "columns", lambda value: {value: value}),
    "roles": (asked("roles", lambda value: {value: "ignore"}), "roles", lambda value: {value: "ignore"}),
    "split": (asked("split", lambda value: {"column": value}), "split", lambda value: {"column": value}),
    "reading": (
        asked("reading", lambda value: {f"dates:{value}": value}),
        "reading",
        lambda value: [f"dates:{value}={value}"],
    ),
    "a dataset of the hub": (of_hub, "name", lambda value: f"hub:{value}"),
    "a listing's sheet": (listing, "sheet", as_written),
    "a listing's reading": (listing, "reading", lambda value: ["addresses:image=fetch", f"header={value}"]),
    "a base model": (
        lambda _version, value: fetching(f"hub:{value}", "--no-wait"),
        "model",
        lambda value: f"hub:{value}",
    ),
}
"""What is passed on: its arguments, the option that it becomes, and the value that the trainer gets."""


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", PASSED)
def test_a_value_is_no_option(name: str, value: str, workspace: Workspace) -> None:
    words, option, expected = PASSED[name]
    version = version_of(workspace)
    version.sources = ["rows.csv"]
    usual = vars(parser().parse_args(words(version, "plain")))
    got = vars(parser().parse_args(words(version, value)))
    assert got[option] == expected(value)
    others = {key for key in got if got[key] != usual[key]} - {option, "sheet", "reading", "work"}
    assert others == set(), "nothing else was set by it"


def test_what_is_written_into_files_is_read_from_there_alone(workspace: Workspace) -> None:
    """Corrections, which may be long, go by a file of ours; a value that begins with @ is not taken for one."""
    version = version_of(workspace)
    version.sources = ["rows.csv"]
    version.request = {"changes": {"set": [{"row": 1, "column": "--out=x", "value": "@/etc/passwd"}]}}
    options = vars(parser().parse_args(reading.reader_arguments(version)))
    assert options["changes"] == version.request["changes"]


COMMAND = re.compile(
    r'(?<![\w\])])\[\s*"(inspect|fetch|fetch-model|fetch-media|sample|addresses|augment|estimate|run|export|propose|suggest|groups|compare|explain|robustness|insight|faithfulness|fetch-source|new-rows)"'
)
CALLERS = {
    "webapp/datasets/reading.py": {"inspect", "fetch", "sample", "addresses", "fetch-media"},
    "webapp/datasets/rereading.py": {"fetch-source", "new-rows"},
    "webapp/labelling/guiding.py": {"suggest"},
    "webapp/runs/access.py": {"fetch-model"},
    "webapp/runs/training.py": {"run"},
    "webapp/runs/searching.py": {"propose"},
    "webapp/runs/examining.py": {"export"},
    "webapp/endpoints/packaging.py": {"export"},
}
"""Where the site writes commands of the trainer. Those that are not in the table above name files of ours alone (`run`, `propose`,
`export`, `fetch-media`, `fetch-source`, `new-rows`, and the trials' `estimate` and `augment`), or one of our samples."""


def test_no_command_is_written_elsewhere() -> None:
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "webapp").rglob("*.py")):
        if commands := set(COMMAND.findall(path.read_text("utf-8"))):
            found[path.relative_to(ROOT).as_posix()] = commands
    assert found == CALLERS


@pytest.mark.parametrize("name", HOSTILE)
def test_a_sample_is_one_of_ours(name: str, workspace: Workspace) -> None:
    version = version_of(workspace)
    version.request = {"sample": name}
    with pytest.raises(KeyError):
        reading.file_arguments(version)


@pytest.mark.parametrize("name", HOSTILE)
def test_files_are_named_by_us(name: str, workspace: Workspace) -> None:
    """An upload keeps no name of its sender's that begins with a dash or leads elsewhere: arguments are whole paths."""
    version = version_of(workspace)
    version.sources = ["rows.csv"]
    for word in map(Path, reading.reader_arguments(version)[1:2]):
        assert word.is_absolute()
