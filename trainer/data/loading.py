"""The rows of a training: from a version folder or straight from a file, by the same code."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainer.columns import canonical_label
from trainer.data.profiling import FEWEST_ROWS
from trainer.errors import DataError, SpecError
from trainer.spec import DatasetSpec


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
    needed = [role.name for role in getattr(task, "roles", ()) if role.required] or ["text", "label"]
    slug = getattr(task, "slug", None) or "text-classification"
    loaded = load_version(path, dataset, needed, slug) if path.is_dir() else load_files(path, dataset, needed, slug)
    check(loaded)
    return loaded


def load_version(folder: Path, dataset: DatasetSpec, needed: list[str], task: str) -> Loaded:
    """A version as it was frozen; under other columns than its own it is divided anew."""
    import pyarrow.parquet as pq

    if dataset.test_path:
        raise SpecError(
            "dataset.test_path goes with a plain file; a dataset version has its test rows already.",
            hint="Leave test_path out, or name the files themselves.",
        )
    profile = read_profile(folder)
    own = profile["suggestion"]["columns"] if profile["suggestion"]["task"] == task else {}
    columns = own | dataset.columns
    check_roles(columns, needed, [column["name"] for column in profile["columns"]])
    if columns != own:
        from trainer.data.inspect import read_version

        return from_content(read_version(folder, columns, dataset.split, task))
    try:
        table = pq.read_table(folder / "data.parquet", columns=list(dict.fromkeys(columns.values())))
        split = pq.read_table(folder / "split.parquet").column("split")
    except (OSError, ValueError) as error:
        raise DataError(
            f"The dataset version in {folder.name} is damaged.", code="damaged", hint="Upload the file again."
        ) from error
    return usable(table, columns, np.array([part or "" for part in split.to_pylist()], dtype="U10"), [])


def read_profile(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "profile.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder.name} is no dataset version.",
            code="no_file",
            hint="Name a folder that `inspect` wrote, or a file.",
        ) from error


def check_roles(columns: dict[str, str], needed: list[str], names: list[str]) -> None:
    for role in needed:
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


def load_files(path: Path, dataset: DatasetSpec, needed: list[str], task: str) -> Loaded:
    """A plain file, and perhaps a fixed test file, read and split in memory by the code that `inspect` uses."""
    from trainer.data.content import read_files

    files = [path] + ([Path(dataset.test_path)] if dataset.test_path else [])
    fixed: list[str | None] | None = [None, "test"] if dataset.test_path else None
    content = read_files(files, columns=dataset.columns or None, split=dataset.split, fixed=fixed, task=task)
    check_roles(content.roles, needed, content.names)
    return from_content(content)


def from_content(content: Any) -> Loaded:
    return usable(content.table, content.roles, content.split, list(content.problems))


def usable(table: Any, columns: dict[str, str], split: np.ndarray, problems: list[dict[str, Any]]) -> Loaded:
    """Keep the rows that have a part, which are those that have everything; say how many have not."""
    import pyarrow as pa

    kept = np.flatnonzero(split != "")
    dropped = len(split) - len(kept)
    if dropped:
        message = f"{dropped:,} of {len(split):,} rows lack a text or a label and are not used."
        problems.append({"code": "unusable_rows", "severity": "warning", "message": message, "count": dropped})
    rows = pa.array(kept, pa.int64())
    values = {role: table.column(name).take(rows).to_pylist() for role, name in columns.items()}
    if "label" in values:
        values["label"] = [canonical_label(label) for label in values["label"]]
    values = {role: ["" if cell is None else cell for cell in cells] for role, cells in values.items()}
    return Loaded(values, split[kept], (kept + 1).tolist(), columns, problems)


def check(loaded: Loaded) -> None:
    labels = loaded.values["label"]
    if not labels:
        raise DataError("No row has both a text and a label.", code="no_rows", hint="Check which columns were chosen.")
    counts = Counter(labels)
    if len(counts) < 2:
        raise DataError(
            f"Every row has the label “{labels[0]}”.", code="one_class", hint="Add rows of at least one other label."
        )
    if len(labels) < FEWEST_ROWS:
        raise DataError(
            f"{len(labels)} rows are too few to learn from.",
            code="too_few_rows",
            hint="Fifty a label is a start, a few hundred is good.",
        )
    if max(counts.values()) < 2:
        raise DataError(
            "Every label occurs only once.", code="all_unique_label", hint="Check which column was chosen as the label."
        )
    check_parts(loaded)


def check_parts(loaded: Loaded) -> None:
    labels = loaded.values["label"]
    learned = {labels[row] for row in loaded.part("train")}
    if len(learned) < 2:
        raise DataError(
            "The rows to learn from have only one label.", code="one_class", hint="Add rows, or change the split."
        )
    if not len(loaded.part("test")):
        raise DataError(
            "No row is left to test on.", code="no_test_rows", hint="Add rows, or raise dataset.split.test."
        )
    unseen = sorted({labels[row] for row in loaded.part("test")} - learned)
    if unseen:
        message = f"{len(unseen)} labels of the test rows never occur in the rows to learn from: {listing(unseen)}."
        loaded.problems.append(
            {"code": "unseen_labels", "severity": "warning", "message": message, "count": len(unseen)}
        )
