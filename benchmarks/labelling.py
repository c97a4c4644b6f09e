"""A scripted person labels a set whose labels are hidden, asked in the mixed order and at random: accuracy on the official test by
number of labels, and whether the test that the queue draws tells it truly.

    python benchmarks/labelling.py [--set banking77] [--labels 400 1000] [--seeds 5] [--first 0] [--cache FOLDER]

The person answers by the hidden labels. After every ten labels the model is fitted again and the order is worked out anew, as on the
site (`trainer suggest`, without its process and files). Both ways learn with the same model from as many labels; one in ten of them
is kept for the test, and learned from by neither.
"""

import argparse
import csv
import os
import random
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from _sets import data

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.data.inspect import inspect
from trainer.data.pool import is_drawn_for_test, keys_to_divide
from trainer.intervals import wilson_interval
from trainer.labelling import asking
from trainer.labelling.classifier import Space, fit
from trainer.labelling.request import Request
from trainer.labelling.rows import UNLABELLED, PartlyLabelled, read_rows
from trainer.labelling.vectors import vectors_of

TEN, SPAM_TEST = 10, 1_000
LABELS = {"banking77": [400, 1000], "sms_spam": [100], "cats_dogs": [30]}


def texts_of(name: str) -> tuple[list[list[str]], list[list[str]]]:
    """(rows to label, rows of the official test) as [text, label]; sms_spam has no official test, so a thousand rows are drawn."""
    folder = data("text_classification")

    def read(file: str) -> list[list[str]]:
        with (folder / file).open(newline="", encoding="utf-8") as opened:
            return [[row["text"], row["label"]] for row in csv.DictReader(opened)]

    if name == "banking77":
        return read("banking77_train.csv"), read("banking77_test.csv")
    rows = read(f"{name}.csv")
    random.Random(0).shuffle(rows)
    return rows[SPAM_TEST:], rows[:SPAM_TEST]


def vectors(rows: list[list[str]], folder: Path, name: str) -> tuple[PartlyLabelled, np.ndarray, list[str]]:
    """(the rows without their labels, their vectors, their hidden labels)."""
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([text, ""] for text, _label in rows)
    columns = {"text": "text", "label": "label"}
    inspect([folder / f"{name}.csv"], folder / name, task="text-classification", columns=columns)
    read = read_rows(Request(version=folder / name))
    known = vectors_of(read, Path(os.environ["MAQUETTE_CACHE"]), folder)
    assert known is not None, "there is an encoder for texts"
    hidden = [rows[number][1] for number in read.numbers]
    return read, known.matrix, hidden


def pictures(folder: Path) -> tuple[PartlyLabelled, np.ndarray, list[str]]:
    """The same of the photos of cats_dogs, which are in folders named by their labels."""
    inspect([data("image_classification") / "cats_dogs.zip"], folder / "pictures", task="image-classification")
    read = read_rows(Request(version=folder / "pictures"))
    known = vectors_of(read, Path(os.environ["MAQUETTE_CACHE"]), folder)
    assert known is not None, "there is a pretrained model for images in MAQUETTE_MODELS_DIR"
    read.is_reserved = is_drawn_for_test(keys_to_divide(read.dataset).texts, read.dataset.split_spec.seed)[read.numbers]
    return read, known.matrix, [read.labels[code] for code in read.codes]


def halves(hidden: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Places to label and places to test on, of a set without an official test."""
    order = np.random.default_rng(seed).permutation(len(hidden))
    return np.sort(order[: len(hidden) // 2]), np.sort(order[len(hidden) // 2 :])


def of_pictures(counts: list[int], seeds: range) -> None:
    """Each seed divides the photos anew: one half is labelled, the other tested on."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("MAQUETTE_CACHE", str(Path(folder) / "cache"))
        rows, matrix, given = pictures(Path(folder))
    labels = sorted(set(given))
    codes = np.array([labels.index(name) for name in given])
    scores: dict[bool, list[float]] = {True: [], False: []}
    for seed in seeds:
        own, others = halves(codes, seed)
        space = Space.of(np.concatenate([matrix[own], matrix[others]]))
        half = replace(rows)
        half.keep(own)
        person = Person(half, codes[own], labels)
        test = space.unit[len(own) :], codes[others]
        for is_mixed, shares in scores.items():
            figures = label(person, Space(space.unit[: len(own)], {}), counts, seed, test, is_mixed)
            shares.append(figures[-1][0])
        print(f"seed {seed} mixed {scores[True][-1]:.3f} random {scores[False][-1]:.3f}", flush=True)
    for is_mixed, shares in scores.items():
        name = "mixed" if is_mixed else "random"
        print(f"{counts[-1]} labels, {name}: {np.mean(shares):.3f} ({min(shares):.3f} to {max(shares):.3f})")


def names_of(rows: PartlyLabelled, folder: Path) -> dict[str, np.ndarray]:
    """The vectors of the labels' names: a label is known by its name once a row of it was met."""
    known = vectors_of(rows, Path(os.environ["MAQUETTE_CACHE"]), folder)
    return known.names if known else {}


class Person:
    """Who answers by the hidden labels; `rows` are what the site knows by now."""

    def __init__(self, rows: PartlyLabelled, hidden: np.ndarray, labels: list[str]) -> None:
        self.start = rows
        self.hidden, self.labels = hidden, labels
        self.drawn = rows.is_reserved.copy()
        self.reset()

    def reset(self) -> None:
        count = len(self.start.numbers)
        self.rows = PartlyLabelled(
            self.start.dataset, self.start.numbers, self.start.keys, np.full(count, UNLABELLED), self.labels,
            np.full(count, -1), np.zeros(count, bool), self.drawn.copy(), np.ones(count, bool),
        )  # fmt: skip
        self.done = 0

    def answer(self, place: int) -> None:
        rows = self.rows
        rows.codes[place], rows.decided[place] = self.hidden[place], self.done
        rows.is_test[place], rows.is_reserved[place], rows.is_asked[place] = self.drawn[place], False, False
        self.done += 1


def label(
    person: Person, space: Space, counts: list[int], seed: int, test: tuple[np.ndarray, np.ndarray], is_mixed: bool
) -> list[tuple[float, float, int]]:
    """(accuracy on the official test, accuracy on the test drawn by the queue, its rows) at each of these counts."""
    person.reset()
    unit = space.unit
    at_random = iter(np.random.default_rng(seed).permutation(len(unit)).tolist())
    corrected, figures = None, []
    while person.done < max(counts):
        rows = person.rows
        model = fit(space, rows.learned, rows.codes, rows.labels) if is_mixed else None
        order = asking.order_rows(rows, unit, model, corrected, TEN, seed) if is_mixed else []
        places = [place for place, _reason in order] or [next(at_random) for _number in range(TEN)]
        suggested = model.predict(unit[places]) if model else np.full(TEN, UNLABELLED)
        for place, code in zip(places, suggested, strict=True):
            person.answer(place)
            corrected = place if model and code != person.hidden[place] else corrected
        if person.done in counts:
            model = fit(space, rows.learned, rows.codes, rows.labels)
            assert model is not None
            own = model.predict(unit[rows.tested]) == rows.codes[rows.tested]
            figures.append((float((model.predict(test[0]) == test[1]).mean()), float(own.mean()), len(own)))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="banking77", choices=tuple(LABELS))
    parser.add_argument("--labels", type=int, nargs="*")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    counts = options.labels or LABELS[options.set]
    if options.set == "cats_dogs":
        of_pictures(counts, range(options.first, options.first + options.seeds))
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MAQUETTE_CACHE"] = str(options.cache or Path(folder) / "cache")
        train, test = texts_of(options.set)
        rows, matrix, hidden = vectors(train, Path(folder), "train")
        _rows, test_matrix, test_labels = vectors(test, Path(folder), "test")
        rows.labels, rows.codes = sorted(set(hidden)), np.arange(len(hidden)) % len(set(hidden))
        names = names_of(rows, Path(folder))
    labels = sorted({*hidden, *test_labels})
    codes = {name: code for code, name in enumerate(labels)}
    every = Space.of(np.concatenate([matrix, test_matrix]), names)
    dense = asking.density(every.unit, np.arange(len(matrix)))  # the same at every step
    asking.density = lambda unit, places: dense[places]
    person = Person(rows, np.array([codes[name] for name in hidden]), labels)
    official = every.unit[len(matrix) :], np.array([codes[name] for name in test_labels])
    report(
        person,
        Space(every.unit[: len(matrix)], every.names),
        official,
        counts,
        range(options.first, options.first + options.seeds),
    )


def report(
    person: Person, space: Space, official: tuple[np.ndarray, np.ndarray], counts: list[int], seeds: range
) -> None:
    scores: dict[bool, list[list[tuple[float, float, int]]]] = {True: [], False: []}
    for seed in seeds:
        for is_mixed, runs in scores.items():
            started = time.monotonic()
            runs.append(label(person, space, counts, seed, official, is_mixed))
            text = ", ".join(f"{figure[0]:.3f}" for figure in runs[-1])
            print(
                f"seed {seed} {'mixed ' if is_mixed else 'random'} {text}  {time.monotonic() - started:.0f} s",
                flush=True,
            )
    for index, count in enumerate(counts):
        means = {is_mixed: float(np.mean([run[index][0] for run in runs])) for is_mixed, runs in scores.items()}
        tests = [run[index] for run in scores[True] if run[index][2]]
        ends = [(low, high) for _own, value, size in tests for low, high in [wilson_interval(value, size)]]
        inside = sum(low <= own <= high for (own, _value, _size), (low, high) in zip(tests, ends, strict=True))
        print(
            f"{count} labels: mixed {means[True]:.3f}, random {means[False]:.3f}, {means[True] - means[False]:+.3f}; "
            f"the official score lies in the interval of the drawn test in {inside} of {len(tests)}"
        )


if __name__ == "__main__":
    main()
