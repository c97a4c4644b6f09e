"""Recordings that get what is said in them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.labelling.finished import check_suggestions, hears
from tests.labelling.kinds import Labelled, of_dataset
from tests.labelling.rows import as_dataset
from tests.trainer.data_files import sound, zipped
from trainer.data.inspect import inspect
from webapp.accounts.models import User, Workspace
from webapp.labelling.models import Decision

ClientOf = Callable[[User], Client]
ROWS = 12


@pytest.fixture
def it(user: User, workspace: Workspace, client_of: ClientOf, api_of: ClientOf, tmp_path: Path) -> Labelled:
    files = {f"clips/{n}.wav": sound(n + 1) for n in range(ROWS + 3)}
    lines = [f"clips/{n}.wav,{f'this is sentence number {n} of it' if n < ROWS else ''}" for n in range(ROWS + 3)]
    files["metadata.csv"] = "\n".join(["file_name,text", *lines]).encode()
    inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "sounds")
    dataset = as_dataset(workspace, user, tmp_path / "sounds")
    shutil.copytree(tmp_path / "sounds", dataset.versions.get().folder)
    made = of_dataset(dataset, user, client_of(user), api_of(user))
    assert (made.version.suggestion["task"], made.version.split["pool"]) == ("speech-recognition", 3)
    return made


def test_what_is_said_becomes_a_version_and_undo_gives_the_old_one(it: Labelled) -> None:
    page = it.page()
    assert 'aria-label="Sound of row 13"' in page
    assert '<textarea id="answer" name="value"' in page
    it.decide(13, value=" good \n morning,  Ada ")
    assert it.ask("labelling")["advice"].endswith("37 more.")
    assert it.undo()["value"] == "good morning, Ada"
    assert it.done().sha256 == it.version.sha256
    it.decide(14, value="good evening می\u200cروم")
    made = it.done()
    assert it.cells(made, "text")[12:] == ["", "good evening می\u200cروم", ""]
    assert made.split["pool"] == 2


def test_two_people_and_a_newer_version_lose_nothing(it: Labelled, workspace: Workspace, api_of: ClientOf) -> None:
    it.check_shared(it.by(workspace, api_of), 13, "good morning", "good night", "text", "good morning")


@pytest.mark.parametrize("value", ["", " \n ", "...", "n/a", "x" * 10_000, "a\x07b", "a\u202eb", 3, ["good"], {"a": 1}])
def test_what_is_no_text_is_told(value: Any, it: Labelled) -> None:
    problem = it.send([{"row": 13, "value": value}], 422)
    assert problem["code"] in ("bad_label", "invalid")
    assert problem["hint"]
    assert not Decision.objects.exists()


def test_a_finished_run_suggests_what_is_said(it: Labelled) -> None:
    hears(it, ["g", "o", "<pad>", "o", "d", "|", "d", "a", "y"])
    assert check_suggestions(it, "good evening") == "good day"
