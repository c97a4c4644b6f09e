"""A run's folder is taken up again after an upgrade and a move, and never by another run."""

import json
from pathlib import Path
from typing import Any

import pytest

from trainer.errors import SpecError
from trainer.learning.run import claim
from trainer.spec import Spec


def spec(path: str = "/srv/one/datasets/abc/v2", **fields: Any) -> Spec:
    return Spec.model_validate({"version": 1, "task": "text-classification", "dataset": {"path": path}} | fields)


def began_with(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "began.json").read_text("utf-8"))


def test_a_folder_may_be_moved(tmp_path: Path) -> None:
    claim(spec(), tmp_path)
    claim(spec("/mnt/two/datasets/abc/v2", limits={"seconds": 5}), tmp_path)
    assert began_with(tmp_path)["dataset"]["path"] == "/srv/one/datasets/abc/v2", "as it was begun"


def test_a_field_added_since_has_its_default(tmp_path: Path) -> None:
    claim(spec(), tmp_path)
    began = began_with(tmp_path)
    del began["dataset"]["roles"]
    (tmp_path / "began.json").write_text(json.dumps(began))
    claim(spec(), tmp_path)
    assert began_with(tmp_path) == began, "nothing is written again"


@pytest.mark.parametrize("other", [spec("/srv/one/datasets/abc/v3"), spec(seed=1), spec(task="text-regression")])
def test_another_run_is_refused(other: Spec, tmp_path: Path) -> None:
    claim(spec(), tmp_path)
    with pytest.raises(SpecError):
        claim(other, tmp_path)


@pytest.mark.parametrize("field", ["model", "params"])
def test_what_a_run_builds_on_may_be_moved_but_not_exchanged(tmp_path: Path, field: str) -> None:
    def building_on(path: str) -> Spec:
        ref = f"artifact:{path}"
        return spec(**{field: ref if field == "model" else {"initial_weights": ref}})

    claim(building_on("/srv/one/runs/abc/artifact"), tmp_path)
    claim(building_on("/mnt/two/runs/abc/artifact"), tmp_path)
    with pytest.raises(SpecError) as refused:
        claim(building_on("/mnt/two/runs/xyz/artifact"), tmp_path)
    assert refused.value.code == "other_run"


def test_another_model_of_the_hub_is_another_run(tmp_path: Path) -> None:
    claim(spec(model="hub:one/model"), tmp_path)
    with pytest.raises(SpecError):
        claim(spec(model="hub:two/model"), tmp_path)
