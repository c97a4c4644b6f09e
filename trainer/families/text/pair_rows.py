"""Rows of texts that belong together as tokens: pairs with a score, or queries with the texts that answer them."""

import copy
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from trainer.data.loading import Loaded
from trainer.data.personal import find_spans
from trainer.data.privacy import guess_hints
from trainer.engines.matching import Asked, Pair
from trainer.hardware import Device
from trainer.learning.baselines import MOST_BASELINE_ROWS, Baseline
from trainer.learning.job import Job
from trainer.learning.passes import read_part
from trainer.learning.rows import Rows
from trainer.outputs import Outputs
from trainer.similarity import forms
from trainer.similarity.bm25 import WordIndex, alike
from trainer.similarity.corpus import Corpus
from trainer.similarity.forms import Scale, scale_of
from trainer.similarity.reranking import DEPTH, read_pairs
from trainer.tasks.sentence_similarity import cut, shown_pair

if TYPE_CHECKING:
    from trainer.families.text.matcher import Matcher

EXAMPLES, EXAMPLE_CHARACTERS = 8, 200
READ_TEXTS = 32
POOL_TEXTS = 400
"""Among how many texts those of the validation queries are looked for while a model learns, besides those that answer them."""


class Tokens:
    """Texts by their place, each encoded once."""

    def __init__(self, texts: Iterable[str], tokenizer: PreTrainedTokenizerFast, max_length: int) -> None:
        self.texts = list(dict.fromkeys(texts))
        self.place = {text: place for place, text in enumerate(self.texts)}
        self.pad = tokenizer.pad_token_id or 0
        shortened = [cut(text) for text in self.texts]
        self.ids: list[list[int]] = (
            tokenizer(shortened, truncation=True, max_length=max_length)["input_ids"] if shortened else []
        )
        self.lengths = np.array([len(ids) for ids in self.ids], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.texts)

    def batch(self, places: Sequence[int] | np.ndarray, device: torch.device) -> tuple[Tensor, Tensor]:
        """(ids, mask) of these texts."""
        encoded = [self.ids[place] for place in places]
        padded = np.full((len(encoded), max(2, *map(len, encoded), 2)), self.pad, dtype=np.int64)
        mask = np.zeros_like(padded)
        for index, ids in enumerate(encoded):
            padded[index, : len(ids)], mask[index, : len(ids)] = ids, 1
        return torch.from_numpy(padded).to(device), torch.from_numpy(mask).to(device)


def vectors_of(
    model: "Matcher",
    tokens: Tokens,
    places: np.ndarray,
    device: Device,
    tell: Callable[[int, int], None] = lambda _done, _all: None,
) -> np.ndarray:
    """(places, features) float32."""
    vectors = np.zeros((len(places), model.encoder.config.hidden_size), dtype=np.float32)
    order = np.argsort(-tokens.lengths[places], kind="stable")
    model.eval()
    with torch.inference_mode(), device.autocast():
        for start in range(0, len(order), READ_TEXTS):
            part = order[start : start + READ_TEXTS]
            vectors[part] = model.vectors(*tokens.batch(places[part], device.torch_device)).float().cpu().numpy()
            tell(min(start + READ_TEXTS, len(order)), len(order))
    return vectors


class Pairs(Rows):
    """Two texts a row. `truth`: their score, or 1 where the rows have none."""

    input_name = "text"
    work_unit = "tokens"
    reads_jointly = False
    """Whether both texts of a row are read at once (`reranker`)."""
    depth = DEPTH
    """Texts of a first stage that are then read beside the query."""
    judged: list[dict[int, float]]
    """Of rows that are answered by a search: {place of a text: how well it answers}."""

    def __init__(
        self,
        loaded: Loaded,
        form: str,
        truth: np.ndarray,
        tokenizer: PreTrainedTokenizerFast,
        folder: Path,
        max_length: int,
    ) -> None:
        self.form, self.tokenizer, self.folder, self.max_length = form, tokenizer, folder, max_length
        self.scale: Scale = scale_of(truth) if form == forms.GRADED else Scale(0.0, 1.0)
        self.firsts, self.seconds = loaded.values["first"], loaded.values["second"]
        self.searched = self.searched_texts(loaded)
        """{text: its row}, of those that a search goes through."""
        self.tokens = Tokens([*self.searched, *self.firsts], tokenizer, max_length)
        self.sides = np.array([[self.tokens.place[text] for text in side] for side in (self.firsts, self.seconds)])
        self.corpus: Corpus | None = None
        super().__init__(loaded, [], truth, self.tokens.lengths[self.sides].sum(axis=0))

    def searched_texts(self, loaded: Loaded) -> dict[str, int]:
        places: dict[str, int] = {}
        for first, second, row in zip(self.firsts, self.seconds, loaded.row_numbers, strict=True):
            places.setdefault(first, row)
            places.setdefault(second, row)
        return places

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        """(ids, mask) of the first texts, then of the second; or (ids, mask, types) of both together."""
        if self.reads_jointly:
            return self.joint([(cut(self.firsts[row]), cut(self.seconds[row])) for row in rows.tolist()], device)
        return tuple(tensor for side in self.sides for tensor in self.tokens.batch(side[rows], device))

    def joint(self, pairs: list[tuple[str, str]], device: torch.device) -> tuple[Tensor, ...]:
        """(ids, mask, types), each (pairs, length)."""
        backend = self.tokenizer.backend_tokenizer
        backend.no_padding()
        backend.enable_truncation(self.max_length)
        return tuple(torch.from_numpy(array).to(device) for array in read_pairs(backend, pairs, self.tokens.pad))

    def apart(self) -> Self:
        """The same rows, whose texts are read one by one."""
        plain = copy.copy(self)
        plain.reads_jointly, plain.corpus = False, None
        return plain

    def choose_blend(self, model: "Matcher", device: Device) -> None:
        """How much the second stage of a search counts."""

    def input(self, row: int) -> Asked:
        return Pair(cut(self.firsts[row]), cut(self.seconds[row]))

    def shown(self, rows: np.ndarray) -> list[str]:
        return [shown_pair(self.firsts[row], self.seconds[row]) for row in rows]

    def asked(self, rows: np.ndarray) -> dict[str, list[str]]:
        sides = {"first": self.firsts, "second": self.seconds}
        return {name: [texts[row] for row in rows] for name, texts in sides.items()}

    def manifest(self) -> dict[str, Any]:
        """`inputs`: a query is asked; `examples_checked` as `trainer.families.text.texts` has it."""
        return {
            "max_length": self.max_length,
            "examples_checked": True,
            "form": self.form,
            "scale": list(self.scale),
            "inputs": [{"name": "query", "kind": "query"}],
        }

    def card_facts(self) -> list[str]:
        return [
            f"Texts longer than {self.max_length} tokens are cut.",
            f"The artifact holds the {len(self.searched):,} texts that it searches; whoever may ask it can read them.",
        ]

    def examples(self, folder: Path) -> list[dict[str, Any]]:
        """A few first texts of the test rows to search by, none with personal data."""
        return examples_of([self.firsts[row] for row in self.part("test").tolist()])

    def shares(self, rows: np.ndarray) -> np.ndarray:
        """The scores of these rows as shares of their scale."""
        return np.asarray((self.truth[rows] - self.scale.low) / ((self.scale.high - self.scale.low) or 1.0))

    def also_right(self, rows: np.ndarray) -> np.ndarray:
        """(rows, rows): whether the second text of another row belongs to the first of this, as far as is known."""
        firsts, seconds = self.sides[:, rows]
        same = (firsts[:, None] == firsts[None, :]) | (seconds[:, None] == seconds[None, :])
        return same | (firsts[:, None] == seconds[None, :])

    def simple_baselines(self) -> dict[str, Baseline]:
        """Always the mean score, and how many words the texts share."""
        known, test = self.known("train", "validation"), self.part("test")
        started = time.monotonic()
        texts = [text for side in (self.firsts, self.seconds) for text in (side[row] for row in known.tolist())]
        firsts, seconds = ([cut(side[row]) for row in test.tolist()] for side in (self.firsts, self.seconds))
        shared = alike(firsts, seconds, texts[:MOST_BASELINE_ROWS])[:, None]
        counted = Baseline(shared, seconds=round(time.monotonic() - started, 2))
        return self.scoring.constant(self.truth[known], len(test), []) | {"words_cosine": counted}

    def held_out(self, model: "Matcher", part: np.ndarray, device: Device) -> Outputs:
        """The outputs of rows by which this model is compared with others."""
        return read_part(model, self, part, device)

    def by_words(self, part: np.ndarray) -> np.ndarray:
        """Of rows that are answered by a search, the texts found by their words alone."""
        raise NotImplementedError

    def ready(self, model: "Matcher", job: Job) -> None:
        """Before a model that has learned is asked."""
        self.build_corpus(model, job.device)

    def build_corpus(
        self, model: "Matcher", device: Device, tell: Callable[[int, int], None] = lambda _done, _all: None
    ) -> Corpus:
        """The texts to search, by this model's vectors."""
        texts = list(self.searched)
        places = np.array([self.tokens.place[text] for text in texts], dtype=np.int64)
        vectors = vectors_of(model, self.tokens, places, device, tell)
        self.corpus = Corpus(texts, list(self.searched.values()), vectors, self.words)
        return self.corpus

    @property
    def words(self) -> WordIndex:
        if not hasattr(self, "_words"):
            self._words = WordIndex.of(self.searched)
        return self._words


def examples_of(texts: Sequence[str]) -> list[dict[str, Any]]:
    hints = guess_hints("text", pa.chunked_array([pa.array(list(texts), pa.string())]))
    examples: dict[str, dict[str, Any]] = {}
    for text in sorted(texts, key=lambda text: abs(len(text) - 60)):
        shown = text.strip()
        if shown and len(shown) <= EXAMPLE_CHARACTERS and shown not in examples and not find_spans(shown, hints):
            examples[shown] = {"input": shown, "label": ""}
        if len(examples) >= EXAMPLES:
            break
    return list(examples.values())
