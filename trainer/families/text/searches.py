"""Queries with the texts that answer them: one row a query, answered by a search among all texts."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from trainer.data.loading import Loaded
from trainer.engines.matching import Asked, Query
from trainer.errors import DataError
from trainer.families.text.pair_rows import POOL_TEXTS, Pairs, examples_of, vectors_of
from trainer.hardware import Device
from trainer.learning.baselines import Baseline
from trainer.learning.job import Job
from trainer.learning.passes import read_part
from trainer.learning.rows import Mix
from trainer.messages import _
from trainer.outputs import Outputs
from trainer.similarity.corpus import MOST_TEXTS, SHARES, USUAL_SHARE, Corpus, Found, best, blend
from trainer.similarity.measures import DEEPEST, ndcg
from trainer.similarity.reranking import BLENDS, DEPTH, reorder
from trainer.tasks.sentence_similarity import cut

if TYPE_CHECKING:
    from trainer.families.text.matcher import Matcher
    from trainer.families.text.reranker import Reranker

NEGATIVES = 3
"""Texts that do not answer, beside each that does, for a model that reads both at once."""
LEAST_TUNED = 10
"""Queries by which it is chosen how much words count."""


class Searches(Pairs):
    """`judged[row]`: {place of a text: how well it answers the query}, and `rejected[row]` places of texts that do not."""

    def __init__(
        self,
        loaded: Loaded,
        form: str,
        truth: np.ndarray,
        tokenizer: PreTrainedTokenizerFast,
        folder: Path,
        max_length: int,
    ) -> None:
        places = {text: place for place, text in enumerate(self.texts_of(loaded))}
        self.judged = []
        self.rejected: list[list[int]] = []
        by_query: dict[str, int] = {}
        is_kept = np.zeros(len(loaded.split), dtype=bool)
        thirds = loaded.values.get("third") or [""] * len(loaded.split)
        sides = zip(loaded.values["first"], loaded.values["second"], thirds, truth.tolist(), strict=True)
        for row, (query, answer, other, gain) in enumerate(sides):
            if query not in by_query:
                by_query[query] = len(self.judged)
                is_kept[row] = True
                self.judged.append({})
                self.rejected.append([])
            place = by_query[query]
            if gain > 0:
                self.judged[place][places[answer]] = float(gain)
            else:
                self.rejected[place].append(places[answer])
            if other:
                self.rejected[place].append(places[other])
        self.all_texts = self.texts_of(loaded)
        loaded.keep(is_kept)
        answered = np.array([bool(right) for right in self.judged])
        if not answered.any():
            raise DataError(
                _("No query has a text that answers it."), code="no_rows", hint=_("Check which columns were chosen.")
            )
        loaded.keep(answered)
        parted = zip(self.judged, self.rejected, strict=True)
        self.rejected = [[place for place in wrong if place not in right] for right, wrong in parted if right]
        self.judged = [right for right in self.judged if right]
        self.tuned_share: float | None = None
        self.candidates: dict[int, list[int]] = {}
        """{query that is learned from: places of what the first stage finds}, for a second one to learn from."""
        super().__init__(loaded, form, np.ones(len(self.judged)), tokenizer, folder, max_length)
        answers = [next(iter(right)) for right in self.judged]
        self.sides[1] = [self.tokens.place[text] for text in (list(self.searched)[place] for place in answers)]
        self.places = np.array([self.tokens.place[text] for text in self.searched], dtype=np.int64)
        """Of the texts to search, among all."""

    def texts_of(self, loaded: Loaded) -> dict[str, int]:
        """{text: its row} of all that is searched: what answers, what does not, and what stands alone."""
        places: dict[str, int] = {}
        columns = [loaded.columns[role] for role in ("second", "third") if role in loaded.columns]
        for name in columns:
            for row, text in enumerate(loaded.every.column(name).to_pylist(), 1):
                if text and text.strip():
                    places.setdefault(text, row)
        if len(places) > MOST_TEXTS:
            raise DataError(
                _(
                    "There are %(count)s texts to search, more than %(most)s.",
                    count=f"{len(places):,}",
                    most=f"{MOST_TEXTS:,}",
                ),
                code="too_many_texts",
                hint=_("Leave out texts that no query needs."),
            )
        return places

    def searched_texts(self, loaded: Loaded) -> dict[str, int]:
        return self.all_texts

    def learning_batch(
        self, rows: np.ndarray, device: torch.device, generator: np.random.Generator
    ) -> tuple[tuple[Tensor, ...], Mix | None]:
        """Each query with one of the texts that answer it and, where that is known, one that does not; for a model that reads both at
        once, with one that answers and some that do not, one after the other."""
        if self.reads_jointly:
            return self.joint(
                [pair for row in rows.tolist() for pair in self.drawn_pairs(row, generator)], device
            ), None
        self.drawn = [int(generator.choice(list(self.judged[row]))) for row in rows.tolist()]
        places = self.places[self.drawn]
        tensors = [*self.tokens.batch(self.sides[0][rows], device), *self.tokens.batch(places, device)]
        wrong = [self.rejected[row] for row in rows.tolist()]
        if all(wrong):
            tensors += self.tokens.batch(self.places[[int(generator.choice(own)) for own in wrong]], device)
        return tuple(tensors), None

    def drawn_pairs(self, row: int, generator: np.random.Generator) -> list[tuple[str, str]]:
        """The query with a text that answers it, then with others that the first stage takes for answers."""
        judged = self.judged[row]
        right = int(generator.choice(list(judged)))
        near = [*self.rejected[row], *(place for place in self.candidates.get(row, []) if place not in judged)]
        pool = near or [place for place in range(len(self.places)) if place not in judged] or [right]
        wrong = [int(place) for place in generator.choice(pool, NEGATIVES, replace=len(pool) < NEGATIVES)]
        return self.query_pairs(row, [right, *wrong])

    def query_pairs(self, row: int, places: list[int]) -> list[tuple[str, str]]:
        """A query with each of these texts."""
        return [(cut(self.firsts[row]), cut(self.tokens.texts[self.places[place]])) for place in places]

    def also_right(self, rows: np.ndarray) -> np.ndarray:
        drawn = self.drawn if len(self.drawn) == len(rows) else [next(iter(self.judged[row])) for row in rows.tolist()]
        return np.array([[place in self.judged[row] for place in drawn] for row in rows.tolist()])

    def input(self, row: int) -> Asked:
        return Query(cut(self.firsts[row]), DEEPEST)

    def shown(self, rows: np.ndarray) -> list[str]:
        return [self.firsts[row] for row in rows]

    def asked(self, rows: np.ndarray) -> dict[str, list[str]]:
        return {"first": self.shown(rows)}

    def examples(self, folder: Path) -> list[dict[str, Any]]:
        return examples_of(self.shown(self.part("test")))

    def simple_baselines(self) -> dict[str, Baseline]:
        return {"bm25": Baseline(self.by_words(self.part("test")))}

    def by_words(self, part: np.ndarray) -> np.ndarray:
        corpus = Corpus(list(self.searched), [], np.zeros((len(self.searched), 1), np.float32), self.words, 0.0)
        queries = self.shown(part)
        hits = corpus.search(np.zeros((len(queries), 1), np.float32), [cut(query) for query in queries], DEEPEST)
        return np.stack([own.places for own in hits])

    def held_out(self, model: "Matcher", part: np.ndarray, device: Device) -> Outputs:
        """How much words count is chosen for each half of these queries by the other half."""
        corpus, halves = self.corpus, (part[::2], part[1::2])
        assert corpus is not None, "it is ready"
        share, ranks = corpus.share, dict[int, np.ndarray]()
        for own, other in (halves, halves[::-1]):
            corpus.share = self.choose_share(model, other, corpus, device)
            if len(own):
                ranks |= dict(zip(own.tolist(), read_part(model, self, own, device), strict=True))
        corpus.share = share
        return np.stack([ranks[row] for row in part.tolist()])

    def ready(self, model: "Matcher", job: Job) -> None:
        """Read the texts, and choose how much words count by queries that were learned from or tuned with."""
        corpus = self.build_corpus(model, job.device)
        known = (
            self.known("validation")
            if len(self.known("validation")) >= LEAST_TUNED
            else self.known("train", "validation")
        )
        corpus.share = self.choose_share(model, known, corpus, job.device)
        if self.reads_jointly:
            every = self.known("train", "validation")
            hits = self.first_stage(model, every, job.device)
            self.candidates = dict(zip(every.tolist(), (own.places[:DEPTH].tolist() for own in hits), strict=True))

    def first_stage(self, model: "Matcher", part: np.ndarray, device: Device) -> list[Found]:
        """What vectors and words find for these queries."""
        assert self.corpus is not None, "it is ready"
        queries = vectors_of(model, self.tokens, self.sides[0][part], device)
        return self.corpus.search(queries, [cut(self.firsts[row]) for row in part.tolist()], DEEPEST)

    def relevances(self, model: "Matcher", row: int, hits: Found, device: Device) -> np.ndarray:
        """Of the first texts found for a query, by a model that reads both at once: (texts read,)."""
        pairs = self.query_pairs(row, hits.places[: self.depth].tolist())
        with torch.inference_mode(), device.autocast():
            return model.features(*self.joint(pairs, device.torch_device)).float().cpu().numpy()[:, 0]

    def choose_blend(self, model: "Matcher", device: Device) -> None:
        """The best nDCG@10 of the validation queries; the usual one where they are few."""
        known = self.known("validation")
        if len(known) < LEAST_TUNED:
            return
        model.eval()
        hits = self.first_stage(model, known, device)
        read = [self.relevances(model, row, own, device) for row, own in zip(known.tolist(), hits, strict=True)]
        gains = [
            np.mean(
                [
                    ndcg(reorder(own, relevances, blend).places[:10].tolist(), self.judged[row])
                    for own, relevances, row in zip(hits, read, known.tolist(), strict=True)
                ]
            )
            for blend in BLENDS
        ]
        cast("Reranker", model).blend = BLENDS[int(np.argmax(gains))]

    def choose_share(self, model: "Matcher", known: np.ndarray, corpus: Corpus, device: Device) -> float:
        """Of the vectors in a score: the best nDCG@10 of the `known` queries."""
        if len(known) < LEAST_TUNED:
            return USUAL_SHARE
        meaning = vectors_of(model, self.tokens, self.sides[0][known], device) @ corpus.vectors.T
        words = [corpus.words.scores(cut(self.firsts[row])) for row in known.tolist()]
        gains = [
            np.mean(
                [
                    ndcg(best(blend(own, counted, share), 10).places.tolist(), self.judged[row])
                    for own, counted, row in zip(meaning, words, known.tolist(), strict=True)
                ]
            )
            for share in SHARES
        ]
        smoothed = np.convolve(np.pad(gains, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
        return float(SHARES[int(np.argmax(smoothed))])

    def ranked(self, model: "Matcher", part: np.ndarray, device: Device, tell: Callable[[int], None]) -> Outputs | None:
        """(queries, ranks): places of the texts found, the best first; while the model learns, among a few texts."""
        if self.reads_jointly:
            return self.ranked_jointly(cast("Reranker", model), part, device, tell)
        queries = vectors_of(model, self.tokens, self.sides[0][part], device)
        if self.corpus is None:
            return self.ranked_in_pool(model, part, queries, device)
        texts = [cut(self.firsts[row]) for row in part.tolist()]
        hits = self.corpus.search(queries, texts, DEEPEST)
        tell(len(part))
        return np.stack([own.places for own in hits])

    def ranked_jointly(
        self, model: "Reranker", part: np.ndarray, device: Device, tell: Callable[[int], None]
    ) -> np.ndarray:
        """In two stages."""
        ranks = []
        for row, hits in zip(part.tolist(), self.first_stage(model, part, device), strict=True):
            ranks.append(reorder(hits, self.relevances(model, row, hits, device), model.blend).places)
            tell(len(ranks))
        return np.stack(ranks)

    def ranked_in_pool(self, model: "Matcher", part: np.ndarray, queries: np.ndarray, device: Device) -> np.ndarray:
        generator = np.random.default_rng(0)
        right = {place for row in part.tolist() for place in self.judged[row]}
        drawn = generator.permutation(len(self.places))[:POOL_TEXTS].tolist()
        pool = np.array(sorted(right.union(drawn)), dtype=np.int64)
        vectors = vectors_of(model, self.tokens, self.places[pool], device)
        return pool[np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :DEEPEST]]
