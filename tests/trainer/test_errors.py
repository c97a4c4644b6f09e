"""What a user gets wrong is answered with exit 2, a code, a sentence and a next step."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer import command
from trainer.tasks.text_classification import TextClassification

SAMPLE = TextClassification.sample()

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no such field": ({"colour": "red"}, "bad_spec"),
    "no such task": ({"task": "fortune-telling"}, "bad_task"),
    "no such method": ({"method": "magic"}, "bad_method"),
    "no such parameter": ({"params": {"epoch": 3}}, "bad_params"),
    "a parameter out of bounds": ({"params": {"epochs": 0}}, "bad_params"),
    "no model reference": ({"model": "tiny"}, "bad_model"),
    "no such local model": ({"model": "local:none"}, "bad_model"),
    "a local model outside": ({"model": "local:../../etc"}, "bad_model"),
    "no such bundled model": ({"model": "bundled:none"}, "bad_model"),
    "no hub in reach": ({"model": "hub:nobody/nothing"}, "bad_model"),
    "no artifact": ({"model": "artifact:/nowhere"}, "bad_model"),
    "no such device": ({"hardware": {"device": "abacus"}}, "bad_spec"),
    "no such file": ({"dataset": {"path": "/nowhere.csv"}}, "no_file"),
}


def check(code: int, events: list[dict[str, Any]]) -> dict[str, Any]:
    """The error, if it is one that a user can act on."""
    assert code == 2
    error = events[-1]
    assert error["type"] == "error"
    assert error["message"].endswith(".")
    assert error["hint"].endswith((".", "}"))
    return error


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_specification(models: Path, tmp_path: Path, case: str) -> None:
    fields, wanted = WRONG[case]
    spec = command.write_spec(tmp_path, SAMPLE, **fields)
    assert check(*command.call(models, "run", spec, "--out", tmp_path / "out"))["code"] == wanted


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([], {"empty", "no_rows", "empty_file"}),
        ([row | {"label": "same"} for row in SAMPLE], {"one_class"}),
        (SAMPLE[:3], {"too_few_rows", "one_class"}),
        ([{"number": at, "size": at * 2} for at in range(40)], {"no_column", "no_text_column", "bad_columns"}),
    ],
    ids=["empty", "one label", "few rows", "no text"],
)
def test_data_that_cannot_be_learned_from(
    models: Path, tmp_path: Path, rows: list[dict[str, Any]], wanted: set[str]
) -> None:
    spec = command.write_spec(tmp_path, rows, task="text-classification")
    error = check(*command.call(models, "run", spec, "--out", tmp_path / "out"))
    assert error["code"] in wanted


@pytest.mark.parametrize("text", [None, "{", "[]", '{"dataset": {}}'], ids=["none", "cut", "list", "no path"])
def test_a_specification_that_is_none(models: Path, tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "spec.json"
    if text is not None:
        path.write_text(text, "utf-8")
    assert check(*command.call(models, "run", path, "--out", tmp_path / "out"))["code"] == "bad_spec"


@pytest.mark.parametrize("name", ["predict", "explain", "bench", "export", "evaluate"])
def test_no_artifact(models: Path, tmp_path: Path, name: str) -> None:
    more = {"predict": ["--input", tmp_path / "in"], "explain": ["--input", tmp_path / "in"], "evaluate": [tmp_path]}
    (tmp_path / "in").write_text("a text\n", "utf-8")
    check(*command.call(models, name, tmp_path / "nothing", *more.get(name, [])))


def test_pickled_weights_are_refused(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "pickled"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}), "utf-8")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    spec = command.write_spec(tmp_path, SAMPLE, model="local:pickled")
    error = check(*command.call(tmp_path / "models", "run", spec, "--out", tmp_path / "out"))
    assert "safetensors" in error["message"]
