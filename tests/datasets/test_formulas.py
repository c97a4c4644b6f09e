"""Cells of a downloaded CSV that a spreadsheet would run, however they hide it."""

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import things
from webapp.accounts.models import Workspace
from webapp.datasets import exports

RUN = ["=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1+1", "－1+1", "＠SUM(1)"]
HIDDEN = ["\ufeff=1+1", "\u200b=1+1", "\u200b\u2060＝1+1", "\u202e=1", "\u00ad-1+1"]
SPLIT = {"a;=1+1": "a;'=1+1", "a;＝1;+2": "a;'＝1;'+2", "a;\u200b=1": "a;'\u200b=1", ";=1": ";'=1"}
PLAIN = ["-5", "+1.5e3", "hello", "a - b", "x = y", "a; b", "1;2", "", "\u200bhello", "it's", "2026-01-01"]


@pytest.fixture
def written(workspace: Workspace, tmp_path: Path) -> list[str]:
    cells = [*RUN, *HIDDEN, *SPLIT, *PLAIN]
    version = things.dataset(workspace, files=True).versions.get()
    table = pa.table({"text": cells})
    pq.write_table(table, version.folder / "data.parquet")
    pq.write_table(pa.table({"split": ["train"] * len(cells)}), version.folder / "split.parquet")
    version.profile = {"columns": [{"name": "text", "kind": "text"}]}
    version.save()
    exports.export(version, "csv", tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        return [row[0] for row in csv.reader(file)][1:]


def test_what_would_run_gets_an_apostrophe(written: list[str]) -> None:
    assert written[: len(RUN) + len(HIDDEN)] == [f"'{cell}" for cell in (*RUN, *HIDDEN)]


def test_also_behind_a_semicolon(written: list[str]) -> None:
    start = len(RUN) + len(HIDDEN)
    assert dict(zip(SPLIT, written[start : start + len(SPLIT)], strict=True)) == SPLIT


def test_everything_else_stays(written: list[str]) -> None:
    assert written[-len(PLAIN) :] == PLAIN


@pytest.mark.parametrize(
    ("name", "safe"), [("=x", "'=x"), ("\u200b＝x", "'\u200b＝x"), ("a;=x", "a;'=x"), ("text", "text")]
)
def test_names_of_columns_too(name: str, safe: str) -> None:
    assert exports.make_unique([name], plain=True) == [safe]
    assert exports.make_unique([name], plain=False) == [name]
