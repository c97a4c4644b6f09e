"""Columns of texts in a table as numbers, the same where a model learns and where it answers. Needs numpy alone, and ONNX Runtime
where vectors are read.

A text is read in two ways, of which a column uses one or both (`reads` in its description): by its counted words, whose linear
score says which answer they speak for (`trainer.words`), and by the vector of a frozen encoder, reduced to such a score as well.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainer.words import SETTINGS, WEIGHTS, WordModel

WORDS, VECTORS = "words", "vectors"
"""Ways to read a text, as `reads` in a column's description names them."""
FOLDER, REDUCTION = "texts", "reduction.npz"
ENCODER, GRAPH, TOKENIZER = "encoder", "model.onnx", "tokenizer.json"
"""The folder of the encoder in a model's folder, and its files."""
Embed = Callable[[Sequence[str]], np.ndarray]
"""Texts → their vectors, (texts, width) float32."""


@dataclass
class Reduction:
    """`(vectors - mean) @ components`: `mean` (width,), `components` (width, scores), float32."""

    mean: np.ndarray
    components: np.ndarray

    def reduce(self, vectors: np.ndarray) -> np.ndarray:
        """(texts, width) → (texts, scores)."""
        reduced: np.ndarray = (vectors - self.mean) @ self.components
        return reduced


@dataclass
class TextReader:
    """One column's texts as numbers, in the order of `names_of` its description."""

    words: WordModel | None = None
    reduction: Reduction | None = None

    def encode(self, texts: Sequence[str], embed: Embed | None = None) -> np.ndarray:
        """(texts, features): scores by words, scores by vectors, and how many words there are."""
        parts = [self.words.outputs(texts)] if self.words else []
        if self.reduction is not None:
            assert embed is not None, "an encoder is there where vectors are read"
            parts.append(self.reduction.reduce(embed(texts)))
        lengths = np.array([[float(len(text.split()))] for text in texts]).reshape(-1, 1)
        return np.concatenate([*parts, lengths], axis=1)

    def save(self, folder: Path) -> None:
        if self.words is not None:
            self.words.save(folder)
        if self.reduction is not None:
            folder.mkdir(parents=True, exist_ok=True)
            arrays = {"mean": self.reduction.mean, "components": self.reduction.components}
            np.savez(folder / REDUCTION, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, folder: Path, reads: Sequence[str]) -> "TextReader":
        reader = cls(WordModel.load(folder) if WORDS in reads else None)
        if VECTORS in reads:
            with np.load(folder / REDUCTION, allow_pickle=False) as arrays:
                reader.reduction = Reduction(arrays["mean"], arrays["components"])
        return reader


def names_of(description: Mapping[str, Any]) -> list[str]:
    """What each number of a column of texts is called."""
    scores = [f"{way}: {label}" if label else way for way in description["reads"] for label in description["scores"]]
    return [*scores, "length"]


def is_read(description: Mapping[str, Any]) -> bool:
    """Whether a column's texts are read by a `TextReader`, and not by their commonest words alone."""
    return bool(description.get("reads"))


def folder_of(model: Path, description: Mapping[str, Any]) -> Path:
    """Where a column's reader is kept in the model's folder."""
    return model / FOLDER / str(description["folder"])


def files_of(model: Path, columns: Sequence[Mapping[str, Any]]) -> list[Path]:
    """The files of all columns' readers."""
    files = {WORDS: (SETTINGS, WEIGHTS), VECTORS: (REDUCTION,)}
    encoder = [model / ENCODER / name for name in (GRAPH, TOKENIZER)] if needs_encoder(columns) else []
    return encoder + [
        folder_of(model, column) / name
        for column in columns
        if is_read(column)
        for way in column["reads"]
        for name in files[way]
    ]


def needs_encoder(columns: Sequence[Mapping[str, Any]]) -> bool:
    return any(VECTORS in column.get("reads", ()) for column in columns)


def load_readers(model: Path, columns: Sequence[Mapping[str, Any]]) -> dict[str, TextReader]:
    """{column: its reader}."""
    return {
        column["name"]: TextReader.load(folder_of(model, column), column["reads"])
        for column in columns
        if is_read(column)
    }


def encode_texts(
    reader: TextReader, description: Mapping[str, Any], cells: Sequence[str | None], embed: Embed | None = None
) -> np.ndarray:
    """(cells, features), nan where a cell is missing; equal texts are read once."""
    texts = list(dict.fromkeys(cell for cell in cells if cell is not None))
    encoded = np.full((len(cells), len(names_of(description))), np.nan)
    if texts:
        places = {text: place for place, text in enumerate(texts)}
        filled = [row for row, cell in enumerate(cells) if cell is not None]
        encoded[filled] = reader.encode(texts, embed)[[places[str(cells[row])] for row in filled]]
    return encoded
