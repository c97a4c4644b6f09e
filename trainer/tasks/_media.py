"""What learning from pictures and from sounds has in common."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from trainer.data.loading import check_parts, listing
from trainer.errors import DataError, ModelError
from trainer.estimating import measure

ROOM = 2 << 30
"""Bytes of disk that are left free."""
CHUNK = 256
"""Files decoded before the next are begun: what is in memory at once."""
KEPT = "*.decoded"
NOUNS = {"image": "pictures", "audio": "sounds"}


def make_room(folder: Path, needed: int) -> bool:
    """Remove what was decoded longest ago, as far as needed."""
    oldest = sorted(folder.glob(KEPT), key=lambda path: path.stat().st_mtime)
    while shutil.disk_usage(folder).free < needed + ROOM and oldest:
        oldest.pop(0).unlink(missing_ok=True)
    return shutil.disk_usage(folder).free >= needed + ROOM


def warn_no_room(job: Any, noun: str) -> None:
    job.warn(
        "no_cache_room",
        f"The disk has no room for the decoded {noun}, so they are decoded again in every pass, which takes longer.",
        "Free some space for the next run.",
    )


def told(job: Any, found: Iterable[Any], total: int, unit: str) -> Iterable[Any]:
    for done, one in enumerate(found, 1):
        yield one
        if done % CHUNK == 0:
            job.progress(done, total, unit=unit)
            job.check_stop()


def leave_out(job: Any, loaded: Any, lost: dict[str, str], role: str) -> None:
    """Rows whose picture or sound cannot be used, told by number; `DataError` when too little is left."""
    if not lost:
        return
    names = loaded.values[role]
    rows = [loaded.row_numbers[at] for at, name in enumerate(names) if name in lost]
    first = next(name for name in names if name in lost)
    job.warn(
        "corrupt_media",
        f"{len(rows):,} {NOUNS[role]} cannot be used and are left out: row {listing([str(row) for row in rows])}."
        f" The first of them {lost[first]}.",
        "Replace or remove them.",
    )
    loaded.keep(np.array([name not in lost for name in names]))
    if not loaded.row_numbers or not len(loaded.part("train")):
        raise DataError(f"None of the {NOUNS[role]} is left to learn from.", code="no_rows", hint="Upload them again.")
    check_parts(loaded, "class" if loaded.answer == "label" else "number")


def settle(job: Any, **chosen: Any) -> None:
    """Fill in the settings that were left to us, so that the manifest tells what was used."""
    open_ones = {name: value for name, value in chosen.items() if getattr(job.params, name) is None}
    job.params = job.params.model_copy(update=open_ones)


def estimate(job: Any, emit: Any) -> dict[str, Any]:
    """As for other tasks, with what decoding every file once takes, from the few that the trial decoded."""
    seen: list[Any] = []
    found = measure(job, emit, seen.append)
    store = seen[0].store
    every = len(store.paths) * store.seconds / max(store.decoded, 1)
    found["likely_seconds"] += every
    found["fixed_seconds"] = round(found["fixed_seconds"] + every, 1)
    return found


def needs_pretrained(ref: str) -> ModelError:
    return ModelError(
        f"{ref} has learned nothing yet, so there is nothing to build on.",
        hint="Choose the method scratch, or another model.",
    )
