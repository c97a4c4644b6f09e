"""What no database stores is taken out of a JSON value; everything else stays as it is."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests import things
from webapp.accounts.models import Workspace
from webapp.core.storable import storable
from webapp.core.trainer_process import last_words, parse
from webapp.datasets.models import Status
from webapp.datasets.reading import Reading


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("a\x00b", "ab"),
        ("half \ud83d of a pair", "half  of a pair"),
        ("whole \N{GRINNING FACE}", "whole \N{GRINNING FACE}"),
        ({"k\x00": ["\x00", {"x": "\x00y"}]}, {"k": ["", {"x": "y"}]}),
        ([1, 1.5, True, None, float("nan"), float("-inf")], [1, 1.5, True, None, None, None]),
    ],
)
def test_storable(value: Any, stored: Any) -> None:
    assert storable(value) == stored


def test_an_event_of_the_trainer_is_storable() -> None:
    assert parse('{"type": "error", "message": "a\\u0000b"}') == {"type": "error", "message": "ab"}


def test_a_profile_with_zero_bytes_becomes_a_version(workspace: Workspace) -> None:
    """Postgres refused it, and the dataset said that it was being read for five minutes."""
    version = things.dataset(workspace, ready=False, files=True).latest
    assert version
    profile = things.PROFILE | {"labels": [{"label": "a\x00b", "count": 3}]}
    problem = {"code": "odd", "severity": "info", "message": "\x00odd", "fix": None}
    (version.folder / "profile.json").write_text(json.dumps(profile))
    (version.folder / "problems.json").write_text(json.dumps([problem]))
    reading = Reading.begin(version, None)
    assert reading
    made = version.folder.with_name("made")
    version.folder.rename(made)
    reading.keep(made)
    version.refresh_from_db()
    assert version.status == Status.READY
    assert version.profile["labels"] == [{"label": "ab", "count": 3}]
    assert version.problems[0]["message"] == "odd"


def test_what_people_read_names_no_folder_of_the_machine(tmp_path: Path) -> None:
    data, code = settings.MAQUETTE_DATA, settings.BASE_DIR
    said = parse(
        json.dumps({"type": "error", "message": f"FileNotFoundError: '{data}/runs/a/x' by {code}/trainer/x.py"})
    )
    assert said == {"type": "error", "message": "FileNotFoundError: 'data/runs/a/x' by maquette/trainer/x.py"}
    result = {"type": "result", "artifact": f"{data}/runs/a/artifact"}
    assert parse(json.dumps(result)) == result, "what the site itself reads stays"
    log = tmp_path / "stderr.log"
    log.write_text(f'File "{code}/trainer/run.py", line 3')
    assert last_words(log) == 'File "maquette/trainer/run.py", line 3'
