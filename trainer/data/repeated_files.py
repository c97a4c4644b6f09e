"""The same file sent twice, told by its content: it is read once."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from trainer.data.dataset import Dataset
from trainer.data.problems import problem
from trainer.data.readings import LeftOut
from trainer.messages import ngettext


def find_repeated(paths: Sequence[Path]) -> dict[int, int]:
    """{place of a file that is the same as an earlier one: place of that}. Only files of equal size are read for it."""
    by_size: dict[int, list[int]] = {}
    for place, path in enumerate(paths):
        if path.is_file() and (size := path.stat().st_size):
            by_size.setdefault(size, []).append(place)
    repeated = {}
    for places in by_size.values():
        first: dict[bytes, int] = {}
        for place in places if len(places) > 1 else ():
            with paths[place].open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").digest()
            if first.setdefault(digest, place) != place:
                repeated[place] = first[digest]
    return repeated


def tell_repeated(dataset: Dataset, repeated: Sequence[tuple[str, str]]) -> None:
    """Count the rows of files that were not read again. `repeated`: (name, the name of the same file that was read)."""
    rows = {str(entry["file"]): int(str(entry["count"])) for entry in dataset.left_out}
    rows |= {str(source["name"]): int(source.get("rows") or 0) for source in dataset.sources}
    for name, first in repeated:
        count = rows.get(first) or 1
        sentence = ngettext(
            "%(name)s is the same file as %(name2)s, so its %(count)s row was counted once.",
            "%(name)s is the same file as %(name2)s, so its %(count)s rows were counted once.",
            count,
            name=name,
            name2=first,
        )
        dataset.left_out.append(LeftOut("same_file", count, sentence, name).as_dict())
        dataset.problems.append(problem("left_out_files", "warning", sentence, examples=[name], count=count))
