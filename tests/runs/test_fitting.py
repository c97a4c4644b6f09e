"""Nets and models that no machine here could hold are refused before they are queued."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.catalog import hardware
from webapp.core.problems import Problem
from webapp.datasets.models import DatasetVersion
from webapp.runs.fitting import check_memory
from webapp.runs.models import Estimate, Run

GIB = 1024**3
LARGE = {"sizes": "-".join(["8192"] * 12), "resolution": 1024, "batch_size": 1024}


@pytest.fixture
def version(workspace: Workspace) -> DatasetVersion:
    version = things.dataset(workspace).current
    version.profile["suggestion"] = {"task": "image-classification", "columns": {"image": "text", "label": "label"}}
    version.save()
    return version


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What workers have announced."""
    devices = [{"kind": "cpu", "index": 0, "name": "2 cores", "memory_total_bytes": 16 * GIB}]
    monkeypatch.setattr(hardware, "workers", lambda: [{"host": "here", "devices": devices}])
    return devices


def fields(**changed: Any) -> dict[str, Any]:
    usual = {
        "task": "image-classification",
        "model": "scratch:mlp-128",
        "method": "scratch",
        "params": {},
        "hardware": "cpu",
    }
    return usual | changed


@pytest.mark.parametrize(
    "params",
    [
        LARGE,
        {"sizes": "8192", "resolution": 1024},
        {"sizes": "-".join(["8192"] * 12), "resolution": 256},
        {"sizes": "64-64", "resolution": 1024, "batch_size": 1024},
    ],
)
def test_too_large_a_net_is_refused(version: DatasetVersion, params: dict[str, Any]) -> None:
    model = "scratch:cnn-32-64-128" if params["sizes"] == "64-64" else "scratch:mlp-128"
    with pytest.raises(Problem, match=r"training it takes at least .* there are 17.GB here") as problem:
        check_memory(version, fields(model=model, params=params))
    assert problem.value.code == "exceeds_memory"


@pytest.mark.parametrize("params", [{}, {"sizes": "1024-1024"}, {"sizes": "256", "resolution": 64, "batch_size": 1024}])
def test_what_fits_is_not(version: DatasetVersion, params: dict[str, Any], machine: list[dict[str, Any]]) -> None:
    check_memory(version, fields(params=params))
    machine[0]["memory_total_bytes"] = 2**20
    with pytest.raises(Problem, match=r"of memory, and there are 1.0.MB here"):
        check_memory(version, fields(params=params))


def test_a_gpu_counts_where_it_is_wanted(version: DatasetVersion, machine: list[dict[str, Any]]) -> None:
    wanted = fields(params={"sizes": "8192", "resolution": 384})
    machine.append({"kind": "gpu", "index": 0, "name": "GPU", "memory_total_bytes": 80 * GIB})
    with pytest.raises(Problem):
        check_memory(version, wanted)
    check_memory(version, wanted | {"hardware": "gpu"})


def test_a_net_for_tables_and_a_base_model(version: DatasetVersion, machine: list[dict[str, Any]]) -> None:
    machine[0]["memory_total_bytes"] = GIB
    table = {"task": "tabular-classification", "model": "scratch:table-net", "method": "net"}
    with pytest.raises(Problem, match="weights"):
        check_memory(version, fields(**table, params={"sizes": LARGE["sizes"]}))
    text = fields(task="text-classification", model="bundled:all-MiniLM-L6-v2", method="full")
    with pytest.raises(Problem, match="Training this model takes about"):
        check_memory(version, text)
    check_memory(version, text | {"method": "probe"})


def test_nothing_is_queued(version: DatasetVersion, user: User, api_of: Callable[[User], Client]) -> None:
    body = {"dataset": version.dataset_id, "model": "scratch:mlp-128", "method": "scratch", "params": LARGE}
    for path in ("runs", "estimates"):
        answer = api_of(user).post(f"/api/v1/{path}", json.dumps(body), content_type="application/json")
        assert answer.status_code == 422, answer.content
        assert answer.json()["code"] == "exceeds_memory"
        assert "9.3\xa0B weights" in answer.json()["detail"]
    assert not Run.objects.exists()
    assert not Estimate.objects.exists()
