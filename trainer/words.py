"""Texts as counts of their words or characters (TF-IDF), under one linear layer: how they are read, by training and by serving
alike. Needs numpy alone.

A term is one or two words, or a few characters in a row. Of each text a term weighs `1 + log(count)`, times how rare the term is
(`idf`), all brought to length one (Salton and Buckley 1988). Because the layer is linear, what it answers is a sum over the terms
of a text, and each word's part of it is exact.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

SETTINGS, WEIGHTS = "words.json", "words.npz"
WORD = re.compile(r"\w+|[^\w\s]")
BLANKS = re.compile(r"\s+")
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
"""Characters of scripts that part no words by blanks: Thai, Lao, Burmese, Khmer, kana, Han."""
PIECE = re.compile(f"{UNSPACED.pattern}|(?:(?!{UNSPACED.pattern})\\w)+|[^\\w\\s]")
"""What an explanation weighs: a word or a sign; a character where words are not parted."""


class Terms(NamedTuple):
    """Which terms texts are counted by: `words` in a row, and `characters` in a row; (0, 0) for none."""

    words: tuple[int, int]
    characters: tuple[int, int]


class Span(NamedTuple):
    term: str
    start: int
    end: int


def lowered(text: str) -> str:
    """In small letters, character by character, so that places stay those of the text."""
    small = text.lower()
    if len(small) == len(text):
        return small
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def spans_of(text: str, terms: Terms) -> Iterator[Span]:
    """Every term of a text with where it stands (it may cover what is between two words)."""
    small = lowered(text)
    low, high = terms.words
    if high:
        places = [match.span() for match in WORD.finditer(small)]
        names = [small[start:end] for start, end in places]
        for size in range(low, high + 1):
            for first in range(len(places) - size + 1):
                last = first + size - 1
                yield Span(" ".join(names[first : last + 1]), places[first][0], places[last][1])
    low, high = terms.characters
    if high:
        marked = BLANKS.sub(lambda match: " " * len(match[0]), small)
        for size in range(low, high + 1):
            for start in range(len(marked) - size + 1):
                piece = marked[start : start + size]
                if "  " not in piece and piece.strip():
                    yield Span(f"\x01{piece}", start, start + size)


def names_of(text: str, terms: Terms) -> Iterator[str]:
    """The terms alone, which is quicker."""
    small = lowered(text)
    low, high = terms.words
    if high:
        names = WORD.findall(small)
        for size in range(low, high + 1):
            if size == 1:
                yield from names
            else:
                yield from map(" ".join, zip(*(names[start:] for start in range(size)), strict=False))
    low, high = terms.characters
    if high:
        marked = BLANKS.sub(lambda match: " " * len(match[0]), small)
        for size in range(low, high + 1):
            for start in range(len(marked) - size + 1):
                piece = marked[start : start + size]
                if "  " not in piece and piece.strip():
                    yield f"\x01{piece}"


def shown_term(term: str) -> str:
    """A term as people read it."""
    return term.removeprefix("\x01")


def is_spaced(texts: Sequence[str], sample: int = 1_000) -> bool:
    """Whether most texts part their words by blanks."""
    some = texts[:sample]
    unspaced = sum(2 * len(UNSPACED.findall(text)) > len(text.replace(" ", "")) for text in some)
    return 2 * unspaced <= len(some)


class Counted(NamedTuple):
    """Texts as a sparse matrix by rows (CSR): row i has `values[starts[i]:starts[i + 1]]` in the columns `places` of the same."""

    starts: np.ndarray
    places: np.ndarray
    values: np.ndarray


@dataclass
class Vocabulary:
    """The terms that are counted, and how rare each is: `idf` (terms,) float32."""

    terms: Terms
    names: list[str]
    idf: np.ndarray

    def __post_init__(self) -> None:
        self.index = {name: place for place, name in enumerate(self.names)}

    @classmethod
    def learn(cls, texts: Iterable[str], terms: Terms, most: int, least: int = 1) -> "Vocabulary":
        """The commonest terms of these texts, at most so many, each in at least so many texts."""
        seen: Counter[str] = Counter()
        count = 0
        for text in texts:
            seen.update(set(names_of(text, terms)))
            count += 1
        ranked = sorted(
            ((name, number) for name, number in seen.items() if number >= least), key=lambda pair: (-pair[1], pair[0])
        )
        names = sorted(name for name, _number in ranked[:most])
        numbers = np.array([seen[name] for name in names], dtype=np.float64)
        return cls(terms, names, (1 + np.log((1 + count) / (1 + numbers))).astype(np.float32))

    def weigh(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """(places of the terms of a text, how much each weighs); their squares add up to 1."""
        counts = Counter(place for name in names_of(text, self.terms) if (place := self.index.get(name)) is not None)
        places = np.fromiter(counts.keys(), dtype=np.int64, count=len(counts))
        weights = (1 + np.log(np.fromiter(counts.values(), dtype=np.float64, count=len(counts)))) * self.idf[places]
        length = np.sqrt((weights**2).sum())
        return places, weights / length if length else weights

    def count(self, texts: Iterable[str]) -> Counted:
        weighed = [self.weigh(text) for text in texts]
        starts = np.cumsum([0, *(len(places) for places, _weights in weighed)])
        if not weighed:
            return Counted(starts, np.zeros(0, dtype=np.int64), np.zeros(0))
        places, values = (np.concatenate(parts) for parts in zip(*weighed, strict=True))
        return Counted(starts, places, values)


@dataclass
class WordModel:
    """`outputs = counts @ weight + bias`: `weight` (terms, outputs) and `bias` (outputs,), float32."""

    vocabulary: Vocabulary
    weight: np.ndarray
    bias: np.ndarray

    def outputs(self, texts: Sequence[str]) -> np.ndarray:
        """(texts, outputs)."""
        answers = np.tile(self.bias.astype(np.float64), (len(texts), 1))
        for row, text in enumerate(texts):
            places, weights = self.vocabulary.weigh(text)
            answers[row] += weights @ self.weight[places]
        return answers

    def contributions(self, text: str, direction: np.ndarray) -> list[tuple[int, int, float]]:
        """(start, end, part) of each word or sign of a text: what it adds to `outputs @ direction`. All parts and that of the bias
        add up to it. A term of several words is shared out evenly among its characters."""
        places, weights = self.vocabulary.weigh(text)
        worth = dict(zip(places.tolist(), (weights * (self.weight[places] @ direction)).tolist(), strict=True))
        known_spans = [
            (span, place)
            for span in spans_of(text, self.vocabulary.terms)
            if (place := self.vocabulary.index.get(span.term)) in worth
        ]
        times = Counter(place for _span, place in known_spans)
        owner, pieces = owners_of(text)
        parts = np.zeros(len(pieces))
        for span, place in known_spans:
            covered = owner[span.start : span.end]
            covered = covered[covered >= 0]
            np.add.at(parts, covered, worth[place] / times[place] / len(covered))
        return [(start, end, part) for (start, end), part in zip(pieces, parts.tolist(), strict=True)]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        facts = {"terms": self.vocabulary.terms._asdict(), "names": self.vocabulary.names}
        (folder / SETTINGS).write_text(json.dumps(facts, ensure_ascii=False), "utf-8")
        np.savez(folder / WEIGHTS, allow_pickle=False, idf=self.vocabulary.idf, weight=self.weight, bias=self.bias)

    @classmethod
    def load(cls, folder: Path) -> "WordModel":
        facts = json.loads((folder / SETTINGS).read_text("utf-8"))
        with np.load(folder / WEIGHTS, allow_pickle=False) as arrays:
            idf, weight, bias = (arrays[name] for name in ("idf", "weight", "bias"))
        terms = Terms(*(tuple(facts["terms"][name]) for name in Terms._fields))
        return cls(Vocabulary(terms, facts["names"], idf), weight, bias)


def owners_of(text: str) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """(for each character the piece that it is in, -1 between pieces; where the pieces stand)."""
    pieces = [match.span() for match in PIECE.finditer(text)]
    owner = np.full(len(text), -1, dtype=np.int64)
    for place, (start, end) in enumerate(pieces):
        owner[start:end] = place
    return owner, pieces
