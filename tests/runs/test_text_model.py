"""The second model of a run over pictures with texts: named by reference or by an own run, never by a path."""

from decimal import Decimal
from typing import Any

import pytest

from tests import things
from webapp.accounts.models import Workspace
from webapp.core.problems import Problem
from webapp.datasets.models import DatasetVersion
from webapp.runs.actions import settings_of, spec_of
from webapp.runs.models import Run

pytestmark = pytest.mark.django_db


COLUMNS = {"image": "note", "text": "text", "label": "label"}


def settings_with(version: DatasetVersion, ref: str) -> dict[str, Any]:
    version.profile = version.profile | {"suggestion": version.suggestion | {"columns": COLUMNS}}
    body = {"task": "image-text-classification", "model": "scratch:cnn-64-128-1024", "method": "scratch"}
    return settings_of(version, body | {"params": {"text_model": ref}})


@pytest.fixture
def own(workspace: Workspace, settings: Any, tmp_path: Any) -> Run:
    """A finished run over texts."""
    settings.MAQUETTE_DATA = tmp_path
    run = things.run(things.prototype(workspace))
    (run.artifact / "model").mkdir(parents=True)
    (run.artifact / "model" / "model.safetensors").write_bytes(b"")
    return run


def test_an_own_run_and_a_reference_are_taken(own: Run) -> None:
    fields = settings_with(own.version, f"artifact:{own.pk}")
    assert spec_of(own.version, fields, Decimal(1))["params"]["text_model"] == f"artifact:{own.artifact}"
    fields = settings_with(own.version, "bundled:all-MiniLM-L6-v2")
    assert spec_of(own.version, fields, Decimal(1))["params"]["text_model"] == "bundled:all-MiniLM-L6-v2"


@pytest.mark.parametrize("ref", ["artifact:/etc", "artifact:../x", "local:../x", "scratch:cnn-64-128-1024", "x"])
def test_a_path_is_refused(own: Run, ref: str) -> None:
    with pytest.raises(Problem) as caught:
        settings_with(own.version, ref)
    assert caught.value.code == "bad_model"


def test_anothers_run_is_not_there(own: Run) -> None:
    stranger = things.prototype(Workspace.objects.create(name="other"))
    with pytest.raises(Problem, match="no finished run"):
        settings_with(stranger.dataset.current, f"artifact:{own.pk}")
