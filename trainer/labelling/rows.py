"""A version's rows that can be answered, with the labels that they have by now, those that are in no version yet included."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer.columns import canonical_label
from trainer.data.dataset import Dataset
from trainer.data.pool import PERSON, is_drawn_for_test, keys_to_divide, pool_rows, takes_test
from trainer.data.row_keys import shuffle_keys
from trainer.data.version import read_version
from trainer.labelling.request import DecisionIn, Request

MOST_ROWS = 20_000
"""That are looked at; of more without a label, so many are drawn."""
UNLABELLED, LATER = -1, np.iinfo(np.int64).max


@dataclass
class PartlyLabelled:
    """One entry a row. `numbers`: from 0, in the version; `codes`: of `labels`, UNLABELLED for none; `decided`: the place of its
    decision among those that are pending, -1 for a label of the version; `is_test`: it has a label and is tested on;
    `is_reserved`: it has none, and joins the test once it has; `is_asked`: it has none, and nobody has skipped it or left it out."""

    dataset: Dataset
    numbers: np.ndarray
    keys: np.ndarray
    codes: np.ndarray
    labels: list[str]
    decided: np.ndarray
    is_test: np.ndarray
    is_reserved: np.ndarray
    is_asked: np.ndarray

    @property
    def learned(self) -> np.ndarray:
        """Places of the rows that are learned from, those decided last at the end."""
        rows = np.flatnonzero((self.codes != UNLABELLED) & ~self.is_test)
        return rows[np.argsort(self.decided[rows], kind="stable")]

    @property
    def tested(self) -> np.ndarray:
        return np.flatnonzero(self.is_test)

    @property
    def asked(self) -> np.ndarray:
        return np.flatnonzero(self.is_asked)

    def keep(self, places: np.ndarray) -> None:
        """Leave out all other rows."""
        for name in ("numbers", "keys", "codes", "decided", "is_test", "is_reserved", "is_asked"):
            setattr(self, name, getattr(self, name)[places])


def read_rows(request: Request) -> PartlyLabelled:
    """The rows of the version, a sample where they are many."""
    dataset = read_version(Path(request.version), None, None)
    keys = dataset.mapped_keys
    codes = np.where(keys.usable, keys.codes, UNLABELLED).astype(np.int64)
    decided = np.full(dataset.rows, -1, dtype=np.int64)
    unlabelled, tested = pool_rows(dataset), dataset.split == "test"
    groups = keys_to_divide(dataset).texts
    drawn = takes_test(dataset) & is_drawn_for_test(groups, dataset.split_spec.seed)
    labels = list(keys.labels)
    sources = given(request.decisions, codes, decided, labels, unlabelled)
    people = np.zeros(dataset.rows, dtype=bool)
    people[[row for row, source in sources.items() if source == PERSON]] = True
    rows = np.flatnonzero(unlabelled | (codes != UNLABELLED))
    chosen = sample_of(rows, codes, keys.texts, request.seed)
    made = PartlyLabelled(
        dataset, chosen, keys.texts[chosen], codes[chosen], labels, decided[chosen],
        (tested | (people & drawn))[chosen], (drawn & (codes == UNLABELLED))[chosen],
        (unlabelled & (codes == UNLABELLED))[chosen],
    )  # fmt: skip
    skipped = [decision.row - 1 for decision in request.decisions if decision.value is None]
    made.is_asked &= ~np.isin(made.numbers, skipped)
    return made


def given(
    decisions: list[DecisionIn], codes: np.ndarray, decided: np.ndarray, labels: list[str], unlabelled: np.ndarray
) -> dict[int, str]:
    """Set what was decided about rows of the pool; {row: source}."""
    places = {label: code for code, label in enumerate(labels)}
    sources: dict[int, str] = {}
    for order, decision in enumerate(decisions):
        row = decision.row - 1
        if decision.value is None or not 0 <= row < len(codes) or not unlabelled[row]:
            continue
        label = canonical_label(decision.value)
        if label not in places:
            places[label] = len(labels)
            labels.append(label)
        codes[row], decided[row], sources[row] = places[label], order, decision.source
    return sources


def sample_of(rows: np.ndarray, codes: np.ndarray, keys: np.ndarray, seed: int) -> np.ndarray:
    """MOST_ROWS of them, in the order of the file: those with a label first, the others as a hash of their content draws them,
    so that the same ones are drawn next time."""
    if len(rows) <= MOST_ROWS:
        return rows
    order = np.lexsort((shuffle_keys(keys[rows], seed), codes[rows] == UNLABELLED))
    return np.sort(rows[order[:MOST_ROWS]])
