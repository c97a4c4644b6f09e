"""A row for each item and annotator: the votes on an item become one row with the majority's label and the share that chose it."""

import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.columns import is_missing
from trainer.data.cells import is_missing_mask
from trainer.data.dataset import Dataset
from trainer.data.label_columns import LABEL_NAME
from trainer.data.readings import Choice, Choices, LeftOut, Reading, readings_as_json
from trainer.messages import Message, _, ngettext

MAJORITY, APART, DROP_TIES = "majority", "apart", "drop_ties"
LABELS = {
    MAJORITY: _("One row for each item, with the majority's label"),
    DROP_TIES: _("The same, without items on which the votes are equal"),
    APART: _("A row for each vote"),
}
ANNOTATOR = re.compile(r"(annotator|worker|rater|coder|judge|labell?er|reviewer|annotated[ _]by|completed[ _]by)([ _-]?(id|name|no|number))?", re.IGNORECASE)  # fmt: skip
ITEM = re.compile(r"(item|task|doc|document|example|sample|sentence|text|comment|tweet|question|unit|image|file|hit|post|id)([ _-]?(id|no|number))?", re.IGNORECASE)  # fmt: skip
MIN_VOTES = 1.5
"""Rows of an item on average."""


def join_votes(dataset: Dataset, choices: Choices) -> np.ndarray | None:
    """The rows that stay, of a table of votes that were joined; None for any other. What was read how goes to the readings."""
    columns = find_columns(dataset)
    if columns is None:
        return None
    annotator, item, label = columns
    asked = choices.pick("annotators", LABELS)
    chosen = asked or MAJORITY
    codes = number_items(dataset.column(item))
    others = [Choice(other, text) for other, text in LABELS.items() if other != chosen]
    confidence = 1.0 if asked else 0.85
    if chosen == APART:
        dataset.group = item
        sentence: Message = _(
            "A row for each vote of “%(annotator)s”; votes on one item stay on one side of the split",
            annotator=annotator,
        )
        dataset.readings += readings_as_json(
            [Reading("annotators", APART, sentence, others, confidence, is_asked=True)]
        )
        return None
    votes: dict[int, list[str]] = {}
    for code, cell in zip(codes.tolist(), dataset.column(label).to_pylist(), strict=True):
        if cell is not None and not is_missing(cell):
            votes.setdefault(code, []).append(cell)
    counted = {code: Counter(cells).most_common(2) for code, cells in votes.items()}
    ties = {code for code, best in counted.items() if len(best) > 1 and best[0][1] == best[1][1]}
    _unique, first = np.unique(codes, return_index=True)
    rows = np.sort(first)
    if chosen == DROP_TIES and ties:
        rows = rows[[int(codes[row]) not in ties for row in rows]]
        count = int(np.isin(codes, list(ties)).sum())
        left_out_sentence = ngettext(
            "%(count)s vote on items without a majority.", "%(count)s votes on items without a majority.", count
        )
        dataset.left_out.append(LeftOut("ties", count, left_out_sentence).as_dict())
    best = [counted.get(int(codes[row])) for row in rows]
    labels = [top[0][0] if top else None for top in best]
    shares = [
        f"{top[0][1] / len(votes[int(codes[row])]):.3g}" if top else None for top, row in zip(best, rows, strict=True)
    ]
    before = dataset.rows
    table = dataset.table.take(pa.array(rows, pa.int64()))
    place = table.column_names.index(label)
    table = table.set_column(place, label, pa.chunked_array([pa.array(labels, pa.string())]))
    name = f"{label} agreement"
    name = name if name not in table.column_names else f"{name} (2)"
    dataset.table = table.append_column(name, pa.chunked_array([pa.array(shares, pa.string())])).drop_columns(
        [annotator]
    )
    sentence = _(
        "%(votes)s votes on %(items)s items joined by “%(item)s”: the majority's label; on %(ties)s items the votes are equal",
        votes=f"{before:,}",
        items=f"{len(first):,}",
        item=item,
        ties=f"{len(ties):,}",
    )
    dataset.readings += readings_as_json(
        [Reading("annotators", chosen, sentence, others, confidence, is_asked=asked is not None)]
    )
    return rows


def number_items(items: pa.ChunkedArray) -> np.ndarray:
    """(rows,) the item of each row as a number; a row that names none is an item of its own, below zero."""
    joined = items.combine_chunks()
    joined = joined if isinstance(joined, pa.Array) else pa.concat_arrays(joined.chunks)
    codes: np.ndarray = joined.dictionary_encode().indices.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    is_nameless = is_missing_mask(items).to_numpy()
    codes[is_nameless] = -1 - np.arange(is_nameless.sum())
    return codes


def find_columns(dataset: Dataset) -> tuple[str, str, str] | None:
    """(annotator, item, label), where each annotator has said of an item at most once, and items come several times."""
    names = [name for name in dataset.names if name not in dataset.kinds]
    annotator = next((name for name in names if ANNOTATOR.fullmatch(name.strip())), None)
    label = next((name for name in names if LABEL_NAME.search(name.strip().lower()) and name != annotator), None)
    if annotator is None or label is None or dataset.rows < 6:
        return None
    people = int(pc.count_distinct(dataset.column(annotator)).as_py())
    if not 2 <= people <= 0.5 * dataset.rows:
        return None
    for item in [name for name in names if ITEM.fullmatch(name.strip())]:
        if item in (annotator, label):
            continue
        count = int(pc.count_distinct(dataset.column(item)).as_py())
        pairs = dataset.table.select([item, annotator]).group_by([item, annotator]).aggregate([]).num_rows
        if count >= 2 and dataset.rows >= MIN_VOTES * count and pairs >= 0.98 * dataset.rows:
            return annotator, item, label
    return None
