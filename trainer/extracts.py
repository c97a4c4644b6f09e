"""Summaries made of a text's own sentences. How many words of its summary a sentence has is a linear score of where it stands, how
near it is to the rest, and what it says (Edmundson 1969; Radev et al. 2004); those are chosen whose words make the highest F1
(ROUGE-L) that can be expected of them. Needs numpy alone."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from trainer.files import read_json, write_json
from trainer.text_scores import words_of

EXTRACTOR = "extractor.json"
MOST_SENTENCES = 200
"""Of a text, that are looked at; the beginning of a longer one."""
LONGEST_SENTENCE = 50_000
"""Characters of a sentence that are looked at."""
ALIKE = 0.95
"""Cosine from which a sentence says what one that was chosen before says."""
FEATURES = ("centre", "first", "early", "place", "is_first", "is_last", "words", "is_short")
MORE_FEATURES = ("length", "before", "is_question", "names", "likely", "likely_share")
"""Of the words that are compared (`trainer.text_scores.words_of`): how many, in twenties; those that stand before; whether it asks;
words that begin with a capital, the first aside, as a share; and how many are likely to stand in the summary, by how often they did
in the texts that were learned from, and as a share."""
SHORT_WORDS = 3
CLAUSE = re.compile(r"(?<=[,;:])\s+|(?<!\s)\s+[-–—]+\s+|(?<=[，；：])")
CLAUSE_WORDS = 8
SPEAKER = re.compile(r"[^\s:：]{1,20}(?: [^\s:：]{1,20}){0,2}(?::(?=\s)|：)")
"""At the beginning of a line: who says it."""
NAME = re.compile(r"(?<=\s)[^\W\d_]\w*")
UNBOUND = 1_000_000


def sentences_of(text: str) -> list[str]:
    """The sentences, or lines, of a text as they stand in it; at least one."""
    pieces = (piece for line in text.splitlines() for piece in pieces_of(line))
    return list(islice(pieces, MOST_SENTENCES)) or [text[:LONGEST_SENTENCE]]


@dataclass(frozen=True)
class Sentences:
    """`plain`: as they stand in a text; `speakers`: of a dialogue, what is to be written before a sentence that goes on in a turn, so
    that it is known who says it; empty for others."""

    plain: list[str]
    speakers: list[str]

    @property
    def named(self) -> list[str]:
        pairs = zip(self.speakers, self.plain, strict=True)
        return [f"{speaker} {sentence}" if speaker else sentence for speaker, sentence in pairs]

    def joined(self, places: Sequence[int]) -> str:
        """With a name once a turn."""
        named = self.named
        return " ".join(self.plain[place] if self.is_named(place, places) else named[place] for place in places)

    def is_named(self, place: int, places: Sequence[int]) -> bool:
        """Whether one of the same turn stands before it among these."""
        return any(before < place and all(self.speakers[before + 1 : place + 1]) for before in places)


def read_sentences(text: str, clauses: bool = False) -> Sentences:
    """Where most lines begin with a name, as in a dialogue, with the speakers. `clauses`: long sentences are cut at their commas."""
    cut = clauses_of if clauses else lambda sentence: [sentence]
    lines, room = [], MOST_SENTENCES
    for pieces in filter(None, map(pieces_of, text.splitlines())):
        lines.append([part for piece in pieces[: max(room, 1)] for part in cut(piece)])
        room -= len(lines[-1])
    names = [SPEAKER.match(line[0]) for line in lines]
    is_dialogue = len(lines) > 1 and 2 * sum(map(bool, names)) > len(lines)
    plain, speakers = [], []
    for line, name in zip(lines, names, strict=True):
        plain += line
        speakers += ["", *[name[0] if name and is_dialogue else ""] * (len(line) - 1)]
    return Sentences(plain[:MOST_SENTENCES] or [text[:LONGEST_SENTENCE]], speakers[:MOST_SENTENCES] or [""])


def pieces_of(line: str) -> list[str]:
    """Its sentences, of each the beginning; none of a line of blanks."""
    return [piece.strip()[:LONGEST_SENTENCE] for piece in split_line(line) if piece.strip()]


def clauses_of(sentence: str) -> list[str]:
    """Its parts between commas and dashes, of CLAUSE_WORDS at least, as they stand in it; the last has all that is beyond
    MOST_SENTENCES."""
    clauses, start, words = [], 0, [word.span() for word in re.finditer(r"\S+", sentence)]
    starts, ends = [first for first, _last in words], [last for _first, last in words]

    def words_between(first: int, last: int) -> int:
        """As `words_in`, without reading the part again."""
        return max(bisect_left(starts, last) - bisect_right(ends, first), (last - first) // 8)

    for mark in CLAUSE.finditer(sentence):
        if min(words_between(start, mark.start()), words_between(mark.end(), len(sentence))) >= CLAUSE_WORDS:
            clauses.append(sentence[start : mark.start()])
            start = mark.end()
        if len(clauses) == MOST_SENTENCES:
            break
    return [part.rstrip(" ,;:，；：") or part for part in [*clauses, sentence[start:]]]


def split_line(line: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+|(?<=[。！？])", line)


def words_in(sentence: str) -> int:
    """Words; in scripts without spaces about as many as there would be."""
    return max(len(sentence.split()), len(sentence) // 8)


def features_of(sentences: Sequence[str], vectors: np.ndarray) -> np.ndarray:
    """(sentences, FEATURES) by the sentences' vectors (sentences, width), each of length 1."""
    count = len(sentences)
    middle = vectors.mean(axis=0)
    middle /= max(float(np.linalg.norm(middle)), 1e-9)
    places = np.arange(count)
    words = np.array([words_in(sentence) for sentence in sentences])
    columns = [
        vectors @ middle,
        vectors @ vectors[0],
        1 / (1 + places),
        places / max(count - 1, 1),
        places == 0,
        places == count - 1,
        np.log1p(words),
        words < SHORT_WORDS,
    ]
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


def lengths_of(sentences: Sequence[str]) -> np.ndarray:
    """(sentences,): words that are compared, at least one each."""
    return np.array([max(len(words_of(sentence)), 1) for sentence in sentences], dtype=np.float64)


def more_features_of(sentences: Sequence[str], vectors: np.ndarray, rate: Callable[[str], float]) -> np.ndarray:
    """(sentences, FEATURES + MORE_FEATURES + width): with the vectors themselves, by which it is learned what belongs in a summary.
    `rate`: how likely a word of a text stands in its summary."""
    lengths, words = lengths_of(sentences), [words_of(sentence) for sentence in sentences]
    columns = [
        lengths / 20,
        np.log1p(np.cumsum(lengths) - lengths),
        [sentence.endswith(("?", "？")) for sentence in sentences],
        np.array([*map(names_in, sentences)]) / lengths,
        [sum(map(rate, sorted(set(own)))) for own in words],
        np.array([sum(map(rate, own)) for own in words]) / lengths,
    ]
    more = np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)
    return np.concatenate([features_of(sentences, vectors), more, vectors], axis=1)


def names_in(sentence: str) -> int:
    return sum(word[0].isupper() for word in NAME.findall(sentence))


class Extractor(Protocol):
    """Chooses the sentences of a summary."""

    @property
    def clauses(self) -> bool:
        """Whether what it chooses are parts of sentences."""
        ...

    def scores(self, sentences: Sentences, vectors: np.ndarray) -> np.ndarray:
        """(sentences,): by which they are chosen, of each alone."""
        ...

    def choose(self, sentences: Sentences, vectors: np.ndarray) -> list[int]:
        """Their places, in the order of the text; at least one."""
        ...

    def summary(self, sentences: Sentences, vectors: np.ndarray) -> str: ...

    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True)
class Best:
    """The sentences with the best scores. `weights` of FEATURES; `count`: most sentences of a summary, and `words`: most words, but
    for its first sentence."""

    weights: np.ndarray
    count: int
    words: int = UNBOUND
    clauses: bool = False

    def scores(self, sentences: Sentences, vectors: np.ndarray) -> np.ndarray:
        scores: np.ndarray = features_of(sentences.plain, vectors) @ self.weights
        return scores

    def choose(self, sentences: Sentences, vectors: np.ndarray) -> list[int]:
        """Those that do not say the same and have room."""
        chosen: list[int] = []
        room = self.words
        for place in np.argsort(-self.scores(sentences, vectors), kind="stable").tolist():
            if len(chosen) == self.count:
                break
            words = words_in(sentences.plain[place])
            if chosen and (words > room or is_said(vectors, chosen, place)):
                continue
            chosen.append(place)
            room -= words
        return sorted(chosen)

    def summary(self, sentences: Sentences, vectors: np.ndarray) -> str:
        return joined(sentences.plain, self.choose(sentences, vectors))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        weights = dict(zip(FEATURES, self.weights.tolist(), strict=True))
        write_json(
            folder / EXTRACTOR,
            {"weights": weights, "sentences": self.count, "words": self.words, "clauses": self.clauses},
        )


def first_sentences(count: int, clauses: bool) -> Best:
    """So many of them."""
    return Best(np.array([float(name == "early") for name in FEATURES]), count, clauses=clauses)


@dataclass(frozen=True)
class Expecting:
    """The sentences by which the highest F1 is expected. `weights` of `more_features_of` and `constant`: words of a sentence that
    stand in the summary; `usual`: words of a summary; `fade`: what of its words the next sentence still adds, times that of the one
    before, since sentences share them. `rates`: how often a word of a text stands in its summary; `rate` of others."""

    weights: np.ndarray
    constant: float
    usual: float
    fade: float
    rates: Mapping[str, float]
    rate: float
    clauses: bool = False

    def expected(self, named: Sequence[str], vectors: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """(sentences,): words of the summary, none at least and all of its own at most."""
        features = more_features_of(named, vectors, lambda word: self.rates.get(word, self.rate))
        words: np.ndarray = features @ self.weights + self.constant
        return words.clip(0, lengths)

    def scores(self, sentences: Sentences, vectors: np.ndarray) -> np.ndarray:
        """F1 that is expected of each alone."""
        lengths = lengths_of(sentences.named)
        scores: np.ndarray = 2 * self.expected(sentences.named, vectors, lengths) / (lengths + self.usual)
        return scores

    def choose(self, sentences: Sentences, vectors: np.ndarray) -> list[int]:
        lengths = lengths_of(sentences.named)
        return self.best(self.expected(sentences.named, vectors, lengths), lengths, vectors)

    def summary(self, sentences: Sentences, vectors: np.ndarray) -> str:
        return sentences.joined(self.choose(sentences, vectors))

    def best(self, expected: np.ndarray, lengths: np.ndarray, vectors: np.ndarray) -> list[int]:
        """One sentence after another, each the one that raises the expected F1 the most, until none does."""
        chosen: list[int] = []
        highest = shared = words = 0.0
        is_free = np.ones(len(lengths), dtype=bool)
        while is_free.any():
            figures = 2 * (shared + self.fade ** len(chosen) * expected) / (words + lengths + self.usual)
            place = int(np.where(is_free, figures, -1.0).argmax())
            if chosen and figures[place] <= highest:
                break
            is_free[place] = False
            if chosen and is_said(vectors, chosen, place):
                continue
            highest, shared = float(figures[place]), shared + self.fade ** len(chosen) * float(expected[place])
            words += float(lengths[place])
            chosen.append(place)
        return sorted(chosen)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        names = (*FEATURES, *MORE_FEATURES)
        weights = dict(zip(names, self.weights.tolist(), strict=False))
        facts = {
            "constant": self.constant,
            "usual": self.usual,
            "fade": self.fade,
            "rate": self.rate,
            "clauses": self.clauses,
        }
        learned = {"weights": weights, "vector": self.weights[len(names) :].tolist(), "rates": dict(self.rates)}
        write_json(folder / EXTRACTOR, facts | learned)


def load(folder: Path) -> Extractor:
    """Of a packaged model; those from before `Expecting` have the other kind."""
    facts = read_json(folder / EXTRACTOR)
    weights = facts["weights"]
    if "fade" not in facts:
        return Best(
            np.array([weights[name] for name in FEATURES]),
            facts["sentences"],
            facts["words"],
            facts.get("clauses", False),
        )
    every = [weights[name] for name in (*FEATURES, *MORE_FEATURES)] + facts["vector"]
    return Expecting(
        np.array(every), *(facts[name] for name in ("constant", "usual", "fade", "rates", "rate", "clauses"))
    )


def is_said(vectors: np.ndarray, chosen: list[int], place: int) -> bool:
    """Whether one that was chosen says what this one says."""
    return float((vectors[chosen] @ vectors[place]).max()) >= ALIKE


def joined(sentences: Sequence[str], places: Sequence[int]) -> str:
    return " ".join(sentences[place] for place in places)
