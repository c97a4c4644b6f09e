"""How good a model of several labels, or of a number, is already, where a pretrained encoder reads the rows."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.data_files import picture, zipped
from trainer.data.inspect import inspect
from trainer.labelling.suggest import suggest

ROWS = 60
WORDS = ("lovely", "rude")


@pytest.fixture(autouse=True)
def tiny_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, models: Path) -> None:
    monkeypatch.setattr("trainer.models.BUNDLED", {})
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", str(models))
    monkeypatch.setenv("MAQUETTE_CACHE", str(tmp_path / "cache"))


def score_of(version: Path, out: Path, decisions: Sequence[dict[str, Any]] = ()) -> tuple[str, dict[str, Any]]:
    """(what the rows are read by, the score) of rows that all have an answer, in the version or by these decisions."""
    out.mkdir()
    (out / "request.json").write_text(json.dumps({"version": str(version), "decisions": decisions}), "utf-8")
    result = suggest(out / "request.json", out)
    json.dumps(result, allow_nan=False)
    assert result["labels"] == ROWS
    return result["vectors"], result["score"]


def texts(folder: Path, column: str, cells: list[str]) -> Path:
    lines = [f"{WORDS[row % 2]} staff {row},{cell}" for row, cell in enumerate(cells)]
    (folder / "a.csv").write_text("\n".join([f"text,{column}", *lines]), "utf-8")
    return folder / "a.csv"


def pictures(folder: Path, column: str, cells: list[str]) -> Path:
    lines = "\n".join([f"image,{column}", *(f"{row}.png,{cell}" for row, cell in enumerate(cells))])
    files = {f"{row}.png": picture(row + (row % 2) * 200 * 256) for row in range(len(cells))}
    return zipped(folder / "a.zip", files | {"labels.csv": lines.encode()})


NUMBERS = [str(100 * (row % 2) + row / 10) for row in range(ROWS)]
SEVERAL = [f'"[""{WORDS[row % 2]}"", ""{"ab"[row % 3 == 0]}""]"' for row in range(ROWS)]


@pytest.mark.parametrize(
    ("task", "column", "made", "cells", "metric"),
    [
        ("text-regression", "target", texts, NUMBERS, "r2"),
        ("image-regression", "target", pictures, NUMBERS, "r2"),
        ("multilabel-classification", "labels", texts, SEVERAL, "micro_f1"),
    ],
)
def test_an_encoder_reads_the_rows(
    tmp_path: Path, task: str, column: str, made: Any, cells: list[str], metric: str
) -> None:
    role = "text" if made is texts else "image"
    inspect([made(tmp_path, column, cells)], tmp_path / "v1", task=task, columns={role: role, column: column})
    reader, score = score_of(tmp_path / "v1", tmp_path / "out")
    assert reader.startswith("local:tiny")
    assert score["name"] == metric
    assert score["value"] > 0.5


def test_names_of_cells_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cells of several labels are no labels, and a probe takes no names."""
    monkeypatch.setattr("trainer.labelling.vectors.as_texts", None)
    cells = [*SEVERAL[:50], *[""] * 10]
    columns = {"text": "text", "labels": "labels"}
    inspect([texts(tmp_path, "labels", cells)], tmp_path / "v1", task="multilabel-classification", columns=columns)
    decisions = [{"row": row + 1, "value": json.dumps([WORDS[row % 2], "late"])} for row in range(50, 60)]
    assert score_of(tmp_path / "v1", tmp_path / "out", decisions)[1]["rows"]
