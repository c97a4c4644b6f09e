"""Packaging: the graph agrees with the trained model, and int8 is served only where it is good enough."""

import errno
import json
import shutil
from pathlib import Path

import pytest

from tests.serving import tiny
from trainer.engines import open_engine
from trainer.errors import ModelError
from trainer.packaging import export as packaging


def silent(*_args: object, **_fields: object) -> None:
    pass


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny.build(tmp_path_factory.mktemp("run"))
    packaging.export(folder, emit=silent)
    return folder


def test_agrees_with_the_trained_model(artifact: Path) -> None:
    found = json.loads((artifact / "onnx" / "export.json").read_text())
    assert found["agreement_fp32"] == 1.0
    assert found["agreement_int8"] > 0.9
    assert found["rows"] == 60
    assert set(found["bytes"]) == {"fp32", "int8"}
    assert found["reason"].endswith(".")


def test_the_manifest_names_what_was_packaged(artifact: Path) -> None:
    files = json.loads((artifact / "manifest.json").read_text())["files"]
    assert {"onnx/model.fp32.onnx", "onnx/model.int8.onnx", "onnx/export.json"} <= set(files)
    for engine in ("onnx-fp32", "onnx-int8"):
        open_engine(artifact, engine, verify=True)


@pytest.mark.parametrize(("right", "engine"), [(0.996, "onnx-int8"), (0.99, "onnx-fp32")])
def test_int8_must_not_lose_half_a_point(
    artifact: Path, monkeypatch: pytest.MonkeyPatch, right: float, engine: str
) -> None:
    """The scores alone are put in: which rows a rounding flips cannot be arranged."""

    def score(_engine: object, name: str, _saved: object, found: dict[str, object]) -> None:
        found[f"accuracy_{name}"] = right if name == "int8" else 1.0
        found[f"agreement_{name}"] = right if name == "int8" else 1.0
        found["bytes"] |= {name: 1}  # type: ignore[operator]

    monkeypatch.setattr(packaging, "score", score)
    found = packaging.choose(artifact, None, int8=True)
    assert found["engine"] == engine
    assert ("float32 is served" in found["reason"]) == (engine == "onnx-fp32")


@pytest.mark.parametrize("step", ["note_files", "choose"])
def test_what_is_cut_off_does_not_pass_for_a_package(
    artifact: Path, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, or whoever is killed, wherever that happens: there is no export.json before all that it speaks of."""
    folder = Path(shutil.copytree(artifact, tmp_path / "artifact"))

    def full(*_args: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(packaging, step, full)
        with pytest.raises(OSError, match="No space"):
            packaging.export(folder, emit=silent)
    assert not (folder / "onnx" / "export.json").exists()
    packaging.export(folder, emit=silent)
    open_engine(folder, verify=True)
    assert not list(folder.rglob("*.part"))


def test_without_predictions_and_without_int8(tmp_path: Path) -> None:
    folder = tiny.build(tmp_path, rows=0)
    assert packaging.export(folder, emit=silent, formats=("onnx",))["engine"] == "onnx-fp32"
    assert not (folder / "onnx" / "model.int8.onnx").exists()


def test_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        packaging.export(tmp_path, emit=silent)
