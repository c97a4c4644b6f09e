"""Columns of a mark and blanks, such as an x where a customer agreed: yes and no."""

from collections.abc import Sequence
from itertools import islice

import pyarrow.compute as pc

from trainer.columns import is_missing
from trainer.data.dataset import Dataset
from trainer.data.label_columns import replace_cells
from trainer.data.readings import Choice, Choices, Reading, readings_as_json
from trainer.messages import _

SAMPLE, GLANCE = 2_000, 100
LIKELY = 0.85
MARKS = frozenset({"x", "✓", "✔", "☑", "✅", "*", "•", "checked"})
KEEP = "keep"


def read_marks(dataset: Dataset, choices: Choices) -> None:
    """Read them as yes and no, and tell it (`marks:COLUMN`)."""
    readings: list[Reading] = []
    for name in dataset.names:
        if name not in dataset.kinds and may_be_marked(dataset.column(name).slice(0, GLANCE).to_pylist()):
            cells = (cell.strip() for cell in dataset.column(name).slice(0, 4 * SAMPLE).to_pylist() if cell)
            present = list(islice((cell for cell in cells if not is_missing(cell)), SAMPLE))
            reading = read_marked(dataset, name, present, choices)
            readings += [reading] if reading else []
    dataset.readings += readings_as_json(readings)


def may_be_marked(cells: Sequence[str | None]) -> bool:
    """Whether the first cells are one mark at most."""
    written = {cell.strip().lower() for cell in cells if cell and not is_missing(cell)}
    return len(written) < 2 and written <= MARKS


def read_marked(dataset: Dataset, name: str, cells: Sequence[str], choices: Choices) -> Reading | None:
    """An x or a tick in some cells, and nothing in the others."""
    written = {cell.lower() for cell in cells}
    if len(written) != 1 or not written <= MARKS:
        return None
    filled = pc.fill_null(dataset.column(name), "")
    if not pc.any(pc.equal(pc.utf8_trim_whitespace(filled), "")).as_py():
        return None
    asked = choices.pick("marks", ("yes-no", KEEP), column=name)
    (mark,) = written
    label = _("Keep “%(mark)s” and the blanks as they are", mark=mark)
    yes = Choice("yes-no", _("Read “%(mark)s” as yes and a blank as no", mark=mark))
    if asked == KEEP:
        sentence = _("“%(column)s” is kept as it is written", column=name)
        return Reading("marks", KEEP, sentence, [yes], 1.0, column=name, is_asked=True)
    dataset.table = dataset.table.set_column(dataset.names.index(name), name, filled)
    replace_cells(dataset, name, lambda cell: "yes" if cell.strip() else "no")
    sentence = _("“%(column)s”: “%(mark)s” is read as yes, and a blank as no", column=name, mark=mark)
    confidence = 1.0 if asked else LIKELY
    return Reading("marks", "yes-no", sentence, [Choice(KEEP, label)], confidence, column=name, is_asked=bool(asked))
