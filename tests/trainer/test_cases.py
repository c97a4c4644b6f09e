"""The cases of the shared folder: files as people really have them, each read rightly or at least acceptably."""

import json
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.trainer.data_files import SHARED
from trainer.data.inspect import inspect
from trainer.errors import UserError

CASES = Path(os.environ.get("MAQUETTE_CASES") or SHARED / "data" / "cases")
LISTED: list[dict[str, Any]] = json.loads((CASES / "cases.json").read_text("utf-8")) if CASES.is_dir() else []
WORST: frozenset[str] = frozenset()
"""Cases that are not at their best level yet, a line each: whoever mends one removes its line."""


def outcome_of(case: dict[str, Any], out: Path) -> dict[str, Any]:
    """What `inspect` made of the files: its result, or its error, and the folder."""
    files = [CASES / case["id"] / name for name in case["files"]]
    try:
        return inspect(files, out) | {"status": "ready", "out": out, "error": None}
    except UserError as error:
        return {"status": "failed", "error": error.as_dict(), "problems": [], "columns": [], "labels": []}


def sentences(outcome: dict[str, Any]) -> str:
    """Everything that is said to people, in small letters."""
    fields = [outcome["error"] or {}, *outcome["problems"], *outcome.get("reading", []), *outcome.get("left_out", [])]
    fields += [problem["fix"] for problem in outcome["problems"] if problem.get("fix")]
    fields.append(outcome.get("suggestion") or {})
    said = [str(field.get(name) or "") for field in fields for name in ("message", "hint", "label", "sentence")]
    return "\n".join(said + [str(example) for field in fields for example in field.get("examples") or []]).lower()


def cells_of(outcome: dict[str, Any], column: str) -> list[str]:
    return [cell or "" for cell in pq.read_table(outcome["out"] / "data.parquet").column(column).to_pylist()]


def within(value: float, wanted: float | list[float]) -> bool:
    return wanted[0] <= value <= wanted[1] if isinstance(wanted, list) else value == wanted


def overlap(one: list[float], other: list[float]) -> float:
    """Intersection over union of two boxes [x, y, width, height]."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    both = max(width, 0) * max(height, 0)
    return both / (one[2] * one[3] + other[2] * other[3] - both)


def boxes_differ(case: dict[str, Any], outcome: dict[str, Any], wanted: dict[str, Any]) -> str:
    names, boxes = cells_of(outcome, "file"), cells_of(outcome, "objects")
    read = {Path(name).name: json.loads(cell or "[]") for name, cell in zip(names, boxes, strict=True)}
    labels = sorted({box["label"] for listed in read.values() for box in listed})
    if labels != sorted(wanted["labels"]):
        return f"labels {labels}"
    for name, truth in case["truth"].items():
        for label, *box in truth:
            if not any(one["label"] == label and overlap(one["box"], box) > 0.8 for one in read.get(name, [])):
                return f"{name} lacks {label} {box}: {read.get(name)}"
        if len(read[name]) != len(truth):
            return f"{name} has {len(read[name])} boxes"
    return ""


def difference(case: dict[str, Any], outcome: dict[str, Any], right: dict[str, Any]) -> str:
    """What about an outcome is not as one of the case's right ones says; "" where all is."""
    if right.get("status", outcome["status"]) != outcome["status"]:
        return f"is {outcome['status']}: {outcome['error']}"
    if "error_any" in right and (outcome["error"] or {}).get("code") not in right["error_any"]:
        return f"error {outcome['error']}"
    if "says_any" in right and not any(words.lower() in sentences(outcome) for words in right["says_any"]):
        return f"says none of {right['says_any']}"
    if outcome["status"] != "ready":
        return ""
    suggestion, columns = outcome["suggestion"], {column["name"]: column for column in outcome["columns"]}
    labels = [entry["label"] for entry in outcome["labels"]]
    codes = {problem["code"] for problem in outcome["problems"]}
    split = outcome["split"]
    checks = {
        "task": lambda wanted: suggestion["task"] == wanted,
        "rows": lambda wanted: within(outcome["rows"], wanted),
        "columns": lambda wanted: all(suggestion["columns"].get(role) in (name if isinstance(name, list) else [name]) for role, name in wanted.items()),
        "labels": lambda wanted: outcome["label_total"] == wanted,
        "label_names": lambda wanted: sorted(labels) == sorted(wanted),
        "label_has": lambda wanted: set(wanted) <= set(labels),
        "label_lacks": lambda wanted: not set(wanted) & set(labels),
        "column_names_has": lambda wanted: all(any(name in column for column in columns) for name in wanted),
        "kinds": lambda wanted: all(columns[name]["kind"] == kind for name, kind in wanted.items()),
        "distinct": lambda wanted: all(within(columns[name]["distinct"], number) for name, number in wanted.items()),
        "problems_any": lambda wanted: bool(codes & set(wanted)),
        "problems_none": lambda wanted: not codes & set(wanted),
        "split": lambda wanted: all(split[name] == part if isinstance(part, bool) else within(split[name], part) for name, part in wanted.items()),
        "cells": lambda wanted: all(sum(one["has"] in cell for cell in cells_of(outcome, one["at"])) == one["times"] for one in wanted),
        "boxes": lambda wanted: not boxes_differ(case, outcome, wanted),
    }  # fmt: skip
    known = {"level", "status", "error_any", "says_any", "dates", "cells_lack"}
    assert set(right) - known <= set(checks), f"{case['id']} asks for {set(right) - known - set(checks)}"
    for name, check in checks.items():
        if name in right and not check(right[name]):
            details = {"columns": list(columns), "labels": labels[:8], "split": split, "rows": outcome["rows"]}
            return f"{name} is not {right[name]}: {suggestion['task']} {suggestion['columns']} {codes} {details}"
    return ""


@pytest.mark.skipif(not LISTED, reason="needs shared/data/cases")
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=case["id"],
            marks=[pytest.mark.xfail(strict=True, reason="not at its best yet")] if case["id"] in WORST else [],
        )
        for case in LISTED
    ],
)
def test_a_case_is_read_at_its_best(case: dict[str, Any], tmp_path: Path) -> None:
    outcome = outcome_of(case, tmp_path / "v1")
    differences = [difference(case, outcome, right) for right in case["right"]]
    level = next(
        (right["level"] for right, reason in zip(case["right"], differences, strict=True) if not reason), "wrong"
    )
    assert level == "best", f"{level}: {differences}\n{sentences(outcome)[:1500]}"
