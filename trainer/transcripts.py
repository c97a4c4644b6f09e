"""Speech as text: what a model writes with, how its answers are read, and how many words it gets wrong. Without torch."""

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

VOCABULARY, TOKENIZER = "vocab.json", "tokenizer.json"
BLANK, SPACE = "<pad>", "|"
APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'"})
FITS = 0.5
"""Share of the texts' characters that a model's own vocabulary must hold to be kept."""


def normalised(text: str) -> str:
    """As texts are compared: lower case, one space between words, no punctuation but an apostrophe within a word."""
    text = unicodedata.normalize("NFKC", text).translate(APOSTROPHES).lower()
    letters = "".join(
        character if character == "'" or unicodedata.category(character)[0] in "LMN" else " " for character in text
    )
    return " ".join(re.sub(r"(?<!\w)'|'(?!\w)", " ", letters).split())


@dataclass(frozen=True)
class Characters:
    """What a CTC model writes with; `symbols[i]` is that of output i, `<pad>` the blank and `|` the space."""

    symbols: tuple[str, ...]

    @property
    def blank(self) -> int:
        return self.symbols.index(BLANK)

    @property
    def upper(self) -> bool:
        letters = [symbol for symbol in self.symbols if len(symbol) == 1 and symbol.isalpha()]
        return bool(letters) and all(letter == letter.upper() for letter in letters)

    def cased(self, text: str) -> str:
        return normalised(text).upper() if self.upper else normalised(text)

    def encode(self, text: str) -> np.ndarray:
        index = {symbol: code for code, symbol in enumerate(self.symbols)}
        cells = [SPACE if character == " " else character for character in self.cased(text)]
        return np.array([index[cell] for cell in cells if cell in index], dtype=np.int64)

    def decode(self, ids: np.ndarray) -> str:
        """The likeliest symbol of each moment as a text: repeats are one, blanks are none (Graves et al. 2006).

        Ids below 0 are nothing: rounds of a run begun before answers could be of different lengths are filled with them.
        """
        ids = ids[ids >= 0].astype(np.int64)
        first = np.ones(len(ids), dtype=bool)
        first[1:] = ids[1:] != ids[:-1]
        written = [self.symbols[code] for code in ids[first].tolist()]
        return normalised("".join(" " if symbol == SPACE else symbol for symbol in written if len(symbol) == 1))

    def save(self, folder: Path) -> None:
        """As transformers' CTC tokenizers read it."""
        listed = {symbol: code for code, symbol in enumerate(self.symbols)}
        (folder / VOCABULARY).write_text(json.dumps(listed, ensure_ascii=False, indent=1), "utf-8")
        config = {"tokenizer_class": "Wav2Vec2CTCTokenizer", "pad_token": BLANK, "word_delimiter_token": SPACE}
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Characters | None":
        """A folder's; None where it has none of this form."""
        try:
            vocabulary = json.loads((folder / VOCABULARY).read_text("utf-8"))
            codes = {str(symbol): int(code) for symbol, code in vocabulary.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return None
        symbols = tuple(sorted(codes, key=lambda symbol: codes[symbol]))
        whole = sorted(codes.values()) == list(range(len(codes)))
        return cls(symbols) if whole and BLANK in symbols and SPACE in symbols else None

    @classmethod
    def of(cls, texts: Iterable[str], before: "Characters | None" = None) -> "Characters":
        """Those of the texts; added to a model's own where that holds most of them."""
        counts: dict[str, int] = {}
        for text in texts:
            for character in before.cased(text) if before else normalised(text):
                counts[character] = counts.get(character, 0) + 1
        counts.pop(" ", None)
        if before:
            missing = sorted(character for character in counts if character not in before.symbols)
            if sum(counts[character] for character in missing) <= (1 - FITS) * sum(counts.values()):
                return cls((*before.symbols, *missing))
            return cls.of(texts)
        return cls((BLANK, SPACE, *sorted(counts)))


class Pieces:
    """What a Whisper writes with."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))

    def encode(self, text: str) -> np.ndarray:
        text = " ".join(text.split())
        return np.array(self.tokenizer.encode(f" {text}", add_special_tokens=False).ids, dtype=np.int64)

    def decode(self, ids: np.ndarray) -> str:
        written = self.tokenizer.decode(ids[ids >= 0].astype(int).tolist(), skip_special_tokens=True)
        return " ".join(written.split())

    def find(self, token: str) -> int | None:
        return self.tokenizer.token_to_id(token)


Script = Characters | Pieces
"""What a model writes with: `encode` a text to ids, and `decode` them."""


# Errors


def errors(targets: list[str], predicted: list[str]) -> np.ndarray:
    """(rows, 4): wrong words, words, wrong characters, characters, of normalised texts (Levenshtein distances)."""
    pairs = [(normalised(target), normalised(answer)) for target, answer in zip(targets, predicted, strict=True)]
    return np.array([count_errors(target, answer) for target, answer in pairs], dtype=np.float64).reshape(-1, 4)


def count_errors(target: str, predicted: str) -> tuple[int, int, int, int]:
    import jiwer

    if not target:
        return len(predicted.split()), 0, len(predicted), 0
    words, letters = jiwer.process_words(target, predicted), jiwer.process_characters(target, predicted)
    wrong = [alignment.substitutions + alignment.deletions + alignment.insertions for alignment in (words, letters)]
    return wrong[0], len(target.split()), wrong[1], len(target)


def rates(error_counts: np.ndarray) -> dict[str, float]:
    """wer and cer of all rows together: wrong ones over those there are."""
    wrong_words, words, wrong_letters, letters = error_counts.sum(axis=0).tolist()
    return {"wer": wrong_words / max(words, 1), "cer": wrong_letters / max(letters, 1)}
