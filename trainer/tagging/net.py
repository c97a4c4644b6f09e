"""The small net for passages: how it sees units, and what can be told of it before anything is built. Needs numpy alone.

A unit is seen as itself, as a pair with the one before it, by its characters and by its shape. Dilated convolutions look at
the units around it (Strubell et al. 2017, here with residual layers), and a conditional random field weighs which tag follows
which (Lafferty et al. 2001). `trainer.families.text.unit_net` makes it of torch.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from trainer.errors import ModelError
from trainer.messages import _, gettext_noop
from trainer.tagging.units import units_of

NAME, TITLE = "cnn-crf", gettext_noop("Small net on words and characters")
UNITS, PAIRS, CHARACTERS, SHAPES = "units", "pairs", "characters", "shapes"
INPUTS = (UNITS, PAIRS, CHARACTERS, SHAPES)
UNIT_WIDTH, PAIR_WIDTH, CHARACTER_WIDTH, SPELLING_WIDTH, SHAPE_WIDTH = 96, 64, 24, 48, 8
WIDTH, KERNEL, DILATIONS = 192, 3, (1, 2, 4, 8)
DROPOUT = 0.3
MOST_CHARACTERS = 12
"""Of a unit, that it is spelled by."""
PAIR_BUCKETS = 2**14
"""Pairs share places by their hash."""
PADDING, UNKNOWN = 0, 1
LEAST_SEEN = 2
"""A unit that was seen less often is unknown, so that unknown ones are learned too."""
MOST_UNITS = 30_000
SHAPE_COUNT = 8
USUAL_UNITS, USUAL_CHARACTERS, USUAL_LENGTH, USUAL_TAGS = 3_000, 500, 32, 17
Arrays = dict[str, np.ndarray]


class Vocabulary:
    """What the net knows: units in lower case and characters, each by its place from 2 on."""

    def __init__(self, units: Sequence[str], characters: Sequence[str]) -> None:
        self.units, self.characters = list(units), list(characters)
        self.unit_ids = {unit: place + 2 for place, unit in enumerate(self.units)}
        self.character_ids = {character: place + 2 for place, character in enumerate(self.characters)}

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Vocabulary":
        """That of the texts to learn from, the commonest first."""
        units: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        for text in texts:
            words = [text[start:end] for start, end in units_of(text)]
            units.update(word.lower() for word in words)
            characters.update("".join(words))
        known = [unit for unit, count in units.most_common(MOST_UNITS) if count >= LEAST_SEEN]
        return cls(known, [character for character, count in characters.most_common(MOST_UNITS) if count >= LEAST_SEEN])

    def encode(self, text: str) -> Arrays:
        """{units (n,), pairs (n,), characters (n, MOST_CHARACTERS), shapes (n,)} of the n units of a text."""
        words = [text[start:end] for start, end in units_of(text)]
        lower = [word.lower() for word in words]
        characters = np.zeros((len(words), MOST_CHARACTERS), dtype=np.int64)
        for place, word in enumerate(words):
            spelled = [self.character_ids.get(character, UNKNOWN) for character in word[:MOST_CHARACTERS]]
            characters[place, : len(spelled)] = spelled
        return {
            UNITS: np.array([self.unit_ids.get(word, UNKNOWN) for word in lower], dtype=np.int64),
            PAIRS: np.array([pair_id(*pair) for pair in zip(["", *lower], lower, strict=False)], dtype=np.int64),
            CHARACTERS: characters,
            SHAPES: np.array([shape_of(word) for word in words], dtype=np.int64),
        }


def pair_id(before: str, unit: str) -> int:
    return 1 + zlib.crc32(f"{before}\0{unit}".encode("utf-8", "surrogatepass")) % PAIR_BUCKETS


def shape_of(word: str) -> int:
    """1 to 7: capitals, a capital first, mixed, letters with digits, digits, a sign, anything else."""
    if not word[:1].isalnum():
        return 6
    if any(map(str.isdigit, word)):
        return 5 if word.isdigit() else 4
    if word.islower() or not (word.isupper() or word[:1].isupper() or word.lower() != word):
        return 7
    return 1 if word.isupper() and len(word) > 1 else 2 if word[:1].isupper() else 3


def batch(encoded: Sequence[Arrays]) -> Arrays:
    """Arrays of several texts, padded to the longest: (texts, most units, …)."""
    longest = max(1, *(len(each[UNITS]) for each in encoded))
    padded: Arrays = {}
    for name in INPUTS:
        inner = (MOST_CHARACTERS,) if name == CHARACTERS else ()
        padded[name] = np.zeros((len(encoded), longest, *inner), dtype=np.int64)
        for row, each in enumerate(encoded):
            padded[name][row, : len(each[name])] = each[name]
    return padded


def check(ref: str) -> None:
    if ref.removeprefix("scratch:") != NAME:
        raise ModelError(
            _("There is no small net “%(ref)s” for passages.", ref=ref), hint=_("Write scratch:%(name)s.", name=NAME)
        )


def describe(ref: str) -> dict[str, Any]:
    """The layers with shapes and weights, as `trainer.nets.describe` gives them, of a usual vocabulary and text."""
    check(ref)
    seen = UNIT_WIDTH + PAIR_WIDTH + SPELLING_WIDTH + SHAPE_WIDTH
    spelling = USUAL_CHARACTERS * CHARACTER_WIDTH + (CHARACTER_WIDTH * KERNEL + 1) * SPELLING_WIDTH
    tables = USUAL_UNITS * UNIT_WIDTH + PAIR_BUCKETS * PAIR_WIDTH + SHAPE_COUNT * SHAPE_WIDTH + spelling
    layers = [layer("dense", [WIDTH, USUAL_LENGTH], tables + (seen + 1) * WIDTH, size=WIDTH, bias=True)]
    for _dilation in DILATIONS:
        weights = WIDTH * WIDTH * KERNEL + WIDTH
        layers.append(layer("norm", [WIDTH, USUAL_LENGTH], 2 * WIDTH))
        layers.append(layer("conv", [WIDTH, USUAL_LENGTH], weights, channels=WIDTH, kernel=KERNEL, stride=1, bias=True))
        layers.append(layer("activation", [WIDTH, USUAL_LENGTH], 0, name="gelu"))
        layers.append(layer("dropout", [WIDTH, USUAL_LENGTH], 0, share=DROPOUT))
    weights = (WIDTH + 1) * USUAL_TAGS + USUAL_TAGS**2
    layers.append(layer("dense", [USUAL_TAGS, USUAL_LENGTH], weights, size=USUAL_TAGS, bias=True, output=True))
    return {
        "model": f"scratch:{NAME}",
        "title": TITLE,
        "input": [seen, USUAL_LENGTH],
        "outputs": USUAL_TAGS,
        "layers": layers,
        "parameters": sum(entry["parameters"] for entry in layers),
    }


def layer(kind: str, shape: list[int], parameters: int, **facts: object) -> dict[str, Any]:
    return {"kind": kind, **facts, "shape": shape, "parameters": parameters}
