"""What each column holds: its kind, its gaps, its lengths, and how often each label occurs."""

from typing import Any, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.columns import ColumnProfile, guess_kind
from trainer.data.cells import count_marks, is_missing_mask
from trainer.data.problems import EXAMPLES, shorten
from trainer.data.row_keys import Keys
from trainer.dates import guess_form as guess_date_form
from trainer.number_forms import guess_form
from trainer.numerals import is_nothing

SAMPLE_CELLS, DATED_CELLS = 2_000, 500
MAX_LABELS, MAX_LABEL_CHARACTERS = 1_000, 1_000_000
"""At most so many labels, and characters of them, go into a profile, which pages and programs read as a whole."""
SLICE_ROWS = 50_000
FEW = 0.2
"""Share of different values below which those of the next rows are counted before they become strings."""
EMPTY_LIST = r"^\s*\[\s*\]\s*$"
"""A conversation of no messages, which is none."""


def profile_column(name: str, column: pa.ChunkedArray, read_as: dict[str, Any] | None = None) -> ColumnProfile:
    """What the column holds; its kind by a sample of its cells, all else by all of them, a slice at a time. `read_as`: what
    of its writing somebody has chosen."""
    sample: list[str] = []
    hashes: list[np.ndarray] = []
    lengths: list[np.ndarray] = []
    is_repeated = False
    for start in range(0, len(column), SLICE_ROWS):
        cells = column.slice(start, SLICE_ROWS)
        is_missing = is_missing_mask(cells)
        present = cells.filter(pc.invert(is_missing)) if pc.any(is_missing).as_py() else cells
        sample += present.slice(0, SAMPLE_CELLS - len(sample)).to_pylist()
        values = (present.unique() if is_repeated else present).to_pylist()
        hashes.append(np.unique(np.fromiter(map(hash, values), np.int64, len(values))))
        is_repeated = len(hashes[-1]) < FEW * len(present)
        lengths.append(pc.utf8_length(present).to_numpy())
    size = np.concatenate(lengths) if lengths else np.array([])
    seen = np.sort(np.concatenate(hashes)) if hashes else np.array([])
    distinct = int((seen[1:] != seen[:-1]).sum()) + 1 if len(seen) else 0
    profile: ColumnProfile = {
        "name": name,
        "kind": guess_kind(sample, distinct, len(size), name, chosen_form(sample, read_as)),
        "missing": len(column) - len(size),
        "there": len(size),
        "distinct": distinct,
        "examples": [shorten(value) for value in dict.fromkeys(sample)][:EXAMPLES],
    }
    if profile["kind"] == "messages":
        without = int(pc.sum(pc.match_substring_regex(column, EMPTY_LIST)).as_py() or 0)
        profile["missing"], profile["there"] = profile["missing"] + without, len(size) - without
    add_form(profile, sample, read_as)
    if profile["kind"] in ("number", "id") and len(size) > len(sample) and not (read_as or {}).get("decimal"):
        settle_decimal(profile, column)
    if len(size):
        least, median, p95, most = map(int, np.percentile(size, [0, 50, 95, 100]))
        profile["length"] = {
            "mean": round(float(size.mean()), 1),
            "min": least,
            "median": median,
            "p95": p95,
            "max": most,
        }
    return profile


def settle_decimal(profile: ColumnProfile, column: pa.ChunkedArray) -> None:
    """The decimal mark by all cells, where they are more than were looked at."""
    commas, dots = count_marks(column)
    if commas > dots:
        profile["decimal"] = ","
    elif dots > commas:
        profile.pop("decimal", None)


def chosen_form(sample: list[str], read_as: dict[str, Any] | None) -> dict[str, Any] | None:
    """How the numbers are written by what was chosen and, for the rest, by the cells; None where nothing was."""
    if not read_as:
        return None
    return {**guess_form([cell.strip() for cell in sample], is_number="ranges" not in read_as), **read_as}


def add_form(profile: ColumnProfile, sample: list[str], read_as: dict[str, Any] | None) -> None:
    """How the column is written, as far as that is not the usual."""
    if read_as:
        profile["read_as"] = read_as
    if profile["kind"] in ("number", "id"):
        form = chosen_form(sample, read_as) or guess_form(
            [cell.strip() for cell in sample if not is_nothing(cell.strip())], is_number=profile["kind"] == "number"
        )
        if form["decimal"] == ",":
            profile["decimal"] = ","
        if form["unit"]:
            profile["unit"] = form["unit"]
        if form["ranges"] and profile["kind"] == "number":
            profile["ranges"] = True
    elif profile["kind"] == "date":
        written = (read_as or {}).get("form") or guess_date_form([cell.strip() for cell in sample[:DATED_CELLS]])
        if written:
            profile["form"] = written


class LabelCount(TypedDict):
    """A label and its rows."""

    label: str
    count: int


class LabelCounts(TypedDict):
    """`labels`: the commonest; `label_total`: how many labels there are; `label_rows`: rows that have one."""

    labels: list[LabelCount]
    label_total: int
    label_rows: int


def label_counts(keys: Keys | None) -> LabelCounts:
    """As profile.json has them; of no keys, none."""
    counts = keys.counts(usable_only=False) if keys is not None else np.array([], dtype=int)
    names = keys.labels if keys is not None else []
    listed: list[LabelCount] = []
    characters = 0
    for code in np.argsort(-counts, kind="stable")[:MAX_LABELS].tolist():
        characters += len(names[code])
        if not counts[code] or (listed and characters > MAX_LABEL_CHARACTERS):
            break
        listed.append({"label": names[code], "count": int(counts[code])})
    return {
        "labels": listed,
        "label_total": int((counts > 0).sum()),
        "label_rows": int(counts.sum()),
    }
