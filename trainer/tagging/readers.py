"""How a model for passages reads texts, by what its folder says; the same where it learns and where it answers. Without torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from trainer.files import read_json
from trainer.tagging import net
from trainer.tagging.net import Vocabulary
from trainer.tagging.subwords import Subwords, picked
from trainer.tagging.units import units_of

CONFIG = "tagging.json"
"""In the artifact's model/: {kind, max_length, follows}."""
UNIT_KIND = "units"
Arguments = dict[str, np.ndarray]


class Reader(Protocol):
    """`follows`: scores for one tag after another, where the model has learned some."""

    follows: np.ndarray | None

    def arguments(self, texts: Sequence[str]) -> tuple[Arguments, np.ndarray, list[int]]:
        """(the graph's arguments, which of its outputs belong to which unit, how many units each text has)."""
        ...

    def picked(self, scores: np.ndarray, picks: np.ndarray) -> np.ndarray:
        """The graph's output as (texts, most units, tags)."""
        ...


class SubwordReader:
    def __init__(self, subwords: Subwords, follows: np.ndarray | None = None) -> None:
        self.subwords, self.follows = subwords, follows

    def arguments(self, texts: Sequence[str]) -> tuple[Arguments, np.ndarray, list[int]]:
        ids, mask, picks = self.subwords.batch(self.subwords.encode(texts))
        return {"input_ids": ids, "attention_mask": mask}, picks, [len(units_of(text)) for text in texts]

    def picked(self, scores: np.ndarray, picks: np.ndarray) -> np.ndarray:
        return picked(scores, picks)


class UnitReader:
    def __init__(self, vocabulary: Vocabulary, follows: np.ndarray | None = None) -> None:
        self.vocabulary, self.follows = vocabulary, follows

    def arguments(self, texts: Sequence[str]) -> tuple[Arguments, np.ndarray, list[int]]:
        encoded = [self.vocabulary.encode(text) for text in texts]
        return net.batch(encoded), np.zeros(0), [len(each[net.UNITS]) for each in encoded]

    def picked(self, scores: np.ndarray, picks: np.ndarray) -> np.ndarray:
        return scores


def open_reader(folder: Path) -> Reader:
    """That of an artifact's model/."""
    config = read_json(folder / CONFIG)
    follows = np.array(config["follows"], dtype=np.float32) if config.get("follows") else None
    if config["kind"] == UNIT_KIND:
        return UnitReader(Vocabulary(config["units"], config["characters"]), follows)
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return SubwordReader(Subwords(tokenizer, config["max_length"]), follows)


def write_config(folder: Path, config: dict[str, Any]) -> None:
    (folder / CONFIG).write_text(json.dumps(config, ensure_ascii=False), "utf-8")


def kind_of(folder: Path) -> str:
    """How the model of an artifact's model/ sees texts: units, or subwords."""
    return str(read_json(folder / CONFIG).get("kind", ""))
