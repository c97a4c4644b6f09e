"""The rows of a training: from a version folder or straight from a file, by the same code."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainer.columns import canonical_label, is_missing
from trainer.errors import DataError
from trainer.spec import DatasetSpec

FEWEST_ROWS = 10


@dataclass
class Loaded:
    """Usable rows only. `values[role][i]` belongs to `split[i]` and to `row_numbers[i]`, counted from 1 in the file."""

    values: dict[str, list[str]]
    split: np.ndarray
    row_numbers: list[int]
    columns: dict[str, str]
    problems: list[dict[str, Any]]

    def part(self, name: str) -> np.ndarray:
        """Indices of the rows of one part."""
        return np.flatnonzero(self.split == name)


def load(dataset: DatasetSpec, task: Any = None) -> Loaded:
    """Rows, roles and split of a specification's dataset; `DataError` when nothing can be learned from them."""
    path = Path(dataset.path)
    loaded = load_version(path, dataset) if path.is_dir() else load_file(path, dataset)
    check(loaded)
    return loaded


def load_version(folder: Path, dataset: DatasetSpec) -> Loaded:
    import pyarrow.parquet as pq

    try:
        profile = json.loads((folder / "profile.json").read_text("utf-8"))
    except FileNotFoundError as error:
        raise DataError(
            f"{folder} is no dataset version.", code="no_file", hint="Give a folder that `inspect` wrote."
        ) from error
    columns = dataset.columns or (profile.get("suggestion") or {}).get("columns") or {}
    check_roles(columns, [column["name"] for column in profile["columns"]])
    table = pq.read_table(folder / "data.parquet", columns=list(dict.fromkeys(columns.values())))
    split = pq.read_table(folder / "split.parquet").column("split").to_pylist()
    cells = {role: table.column(name).to_pylist() for role, name in columns.items()}
    return usable(cells, columns, np.array([part or "" for part in split], dtype="U10"))


def check_roles(columns: dict[str, str], names: list[str]) -> None:
    for role in ("text", "label"):
        if role not in columns:
            raise DataError(
                f"No column was found for the {role}.",
                code="no_column",
                hint=f"Name one in dataset.columns; there are: {listing(names)}.",
            )
    for role, name in columns.items():
        if name not in names:
            raise DataError(
                f"There is no column “{name}” for the {role}.", code="no_column", hint=f"There are: {listing(names)}."
            )


def listing(names: list[str]) -> str:
    return ", ".join(names[:20]) + (" …" if len(names) > 20 else "")


def usable(cells: dict[str, list[str | None]], columns: dict[str, str], split: np.ndarray) -> Loaded:
    """Keep the rows that have everything and a part; say how many have not."""
    texts, labels = cells["text"], cells["label"]
    kept = [
        row for row in range(len(texts)) if split[row] and (texts[row] or "").strip() and not is_missing(labels[row])
    ]
    dropped = len(texts) - len(kept)
    problems = []
    if dropped:
        message = f"{dropped} of {len(texts)} rows lack a text or a label and are not used."
        problems.append({"code": "unusable_rows", "severity": "warning", "message": message, "count": dropped})
    values = {"text": [str(texts[row]) for row in kept], "label": [canonical_label(str(labels[row])) for row in kept]}
    return Loaded(values, split[kept], [row + 1 for row in kept], columns, problems)


def load_file(path: Path, dataset: DatasetSpec) -> Loaded:
    """A plain file, read and split in memory as `inspect` would."""
    from trainer.data.inspect import read_files

    files = [path] + ([Path(dataset.test_path)] if dataset.test_path else [])
    fixed = [None, "test"] if dataset.test_path else None
    content = read_files(files, columns=dataset.columns or None, split=dataset.split, fixed=fixed)
    if not content.roles:
        check_roles({}, content.names)
    cells = {role: content.column(name) for role, name in content.roles.items()}
    loaded = usable(cells, content.roles, np.array([part or "" for part in content.split], dtype="U10"))
    loaded.problems += content.bad_rows_problem()
    return loaded


def check(loaded: Loaded) -> None:
    labels = loaded.values["label"]
    train = loaded.part("train")
    if not labels:
        raise DataError("No row has both a text and a label.", code="no_rows", hint="Check which columns were chosen.")
    if len(set(labels)) < 2:
        raise DataError(
            f"Every row has the label “{labels[0]}”.", code="one_class", hint="Add rows of at least one other label."
        )
    if len(labels) < FEWEST_ROWS:
        raise DataError(
            f"{len(labels)} rows are too few to learn from.",
            code="too_few_rows",
            hint="Fifty a label is a start, a few hundred is good.",
        )
    if len({labels[row] for row in train}) < 2:
        raise DataError(
            "The rows to learn from have only one label.", code="one_class", hint="Add rows, or change the split."
        )
    if not len(loaded.part("test")):
        raise DataError(
            "No row is left to test on.", code="no_test_rows", hint="Add rows, or raise dataset.split.test."
        )
    unseen = sorted({labels[row] for row in loaded.part("test")} - {labels[row] for row in train})
    if unseen:
        message = f"{len(unseen)} labels of the test rows never occur in the rows to learn from: {listing(unseen)}."
        loaded.problems.append(
            {"code": "unseen_labels", "severity": "warning", "message": message, "count": len(unseen)}
        )
