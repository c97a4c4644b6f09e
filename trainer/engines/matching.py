"""How alike texts are, and search among those that the artifact holds, by `tokenizers`, numpy and ONNX Runtime alone."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.answers.similarity_reports import search_report
from trainer.engines import Engine, open_session
from trainer.engines.explanations import MOST_PARTS, Parts, word_parts
from trainer.engines.text import open_tokenizer, padded
from trainer.errors import DataError
from trainer.json_types import JsonObject
from trainer.messages import _
from trainer.outputs import Outputs
from trainer.similarity.corpus import FILES, Corpus, Found
from trainer.similarity.forms import BINARY, GRADED, SEARCHED
from trainer.similarity.measures import DEEPEST
from trainer.similarity.reranking import DEPTH, GRAPH, read_pairs, reorder

if TYPE_CHECKING:
    from trainer.data.loading import Loaded

CONFIG = "matching.json"
USUAL_MATCHES = 10
PIECE = 16
"""Texts read together."""


class Pair(NamedTuple):
    first: str
    second: str


class Query(NamedTuple):
    text: str
    top: int


class Embedded(NamedTuple):
    text: str


Asked = Pair | Query | Embedded
Answers = list[JsonObject]


def texts_of(value: Asked) -> tuple[str, ...]:
    return (value.first, value.second) if isinstance(value, Pair) else (value.text,)


class MatchingEngine(Engine[Asked, Answers]):
    """`answered`: as they are served."""

    embeds = True

    def __init__(
        self, artifact: Path, manifest: JsonObject, engine: str | None, threads: int | None, *, verify: bool = False
    ) -> None:
        super().__init__(artifact, manifest, engine, threads, verify=verify)
        folder = self.artifact / "model"
        self.settings = json.loads((folder / CONFIG).read_text("utf-8"))
        self.tokenizer = open_tokenizer(folder / "tokenizer.json", self.settings["max_length"])
        second = self.path.with_name(GRAPH)
        self.reranker = open_session(second, threads) if second.exists() else None
        self.takes_types = self.reranker is not None and len(self.reranker.get_inputs()) > 2
        self.corpus = Corpus.load(folder)
        self.bytes += self.corpus.bytes + (second.stat().st_size if self.reranker is not None else 0)

    def other_files(self) -> tuple[Path, ...]:
        folder = self.artifact / "model"
        second = self.path.with_name(GRAPH)
        return (*(folder / name for name in (CONFIG, "tokenizer.json", *FILES)), *([second] if second.exists() else []))

    def warm_input(self) -> Asked:
        return Query("a", 1)

    def warm(self) -> None:
        self.predict([self.warm_input()])

    def read(self, value: object) -> Asked:
        self.check(value)
        if isinstance(value, dict):
            if "first" in value:
                return Pair(str(value["first"]), str(value["second"]))
            if "embed" in value:
                return Embedded(str(value["embed"]))
            return Query(str(value["query"]), int(value.get("top", USUAL_MATCHES)))
        return Query(str(value), USUAL_MATCHES)

    def vectors(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """((texts, features), tokens of each)."""
        encoded = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts))]
        order = sorted(range(len(encoded)), key=lambda place: len(encoded[place]))
        vectors: list[np.ndarray] = [np.zeros(0)] * len(encoded)
        for start in range(0, len(order), PIECE):
            part = order[start : start + PIECE]
            rows = self.session.run(None, padded([encoded[place] for place in part]))[0]
            for place, row in zip(part, rows, strict=True):
                vectors[place] = row
        return np.stack(vectors), np.array([len(ids) for ids in encoded])

    def answered(self, inputs: Sequence[Asked]) -> Answers:
        texts = list(dict.fromkeys(text for value in inputs for text in texts_of(value)))
        vectors, lengths = self.vectors(texts)
        place = {text: index for index, text in enumerate(texts)}
        queries = [value for value in inputs if isinstance(value, Query)]
        asked = np.array([place[query.text] for query in queries], dtype=np.int64)
        most = max((query.top for query in queries), default=0)
        hits = iter(self.searched_for(vectors[asked], [query.text for query in queries], most) if queries else [])
        answers: Answers = []
        for value in inputs:
            if isinstance(value, Query):
                answers.append({"matches": self.matches(next(hits), value.top)})
            elif isinstance(value, Pair):
                if self.reranker is not None:
                    answers.append({"score": self.joint_score(value)})
                    continue
                cosine = float(vectors[place[value.first]] @ vectors[place[value.second]])
                answers.append({"score": self.similarity_of(cosine)})
            else:
                answers.append(
                    {"embedding": vectors[place[value.text]].tolist(), "tokens": int(lengths[place[value.text]])}
                )
        return answers

    def searched_for(self, vectors: np.ndarray, queries: list[str], most: int) -> list[Found]:
        """In two stages, where there is a second one."""
        if self.reranker is None:
            return self.corpus.search(vectors, queries, most)
        hits = self.corpus.search(vectors, queries, max(most, DEPTH))
        return [self.reordered(*each) for each in zip(queries, hits, strict=True)]

    def reordered(self, query: str, hits: Found) -> Found:
        relevances = self.relevances([(query, self.corpus.texts[place]) for place in hits.places[:DEPTH].tolist()])
        return reorder(hits, relevances, self.settings["blend"])

    def relevances(self, pairs: list[tuple[str, str]]) -> np.ndarray:
        """(pairs,) logits of the model that reads both texts at once."""
        assert self.reranker is not None, "there is a second stage"
        order = sorted(range(len(pairs)), key=lambda place: len(pairs[place][1]))
        logits = np.zeros(len(pairs))
        for start in range(0, len(order), PIECE):
            part = order[start : start + PIECE]
            read = read_pairs(self.tokenizer, [pairs[place] for place in part])
            types = {"token_type_ids": read.types} if self.takes_types else {}
            feed = {"input_ids": read.ids, "attention_mask": read.mask, **types}
            logits[part] = self.reranker.run(None, feed)[0][:, 0]
        return logits

    def joint_score(self, pair: Pair) -> float:
        low, high = self.settings["scale"]
        (logit,) = np.clip(self.relevances([(pair.first, pair.second)]), -60, 60)
        return float(low + (high - low) / (1 + np.exp(-logit)))

    def similarity_of(self, cosine: float) -> float:
        """On the scale of the rows learned from."""
        value = cosine * self.settings["slope"] + self.settings["shift"]
        if self.settings["form"] == BINARY:
            return float(1 / (1 + np.exp(-np.clip(value, -60, 60))))
        if self.settings["form"] == GRADED:
            low, high = self.settings["scale"]
            return float(np.clip(value, low, high))
        return float(value)

    def matches(self, hits: Found, top: int) -> list[JsonObject]:
        return [
            {"text": self.corpus.texts[place], "row": self.corpus.rows[place], "score": round(float(score), 4)}
            for place, score in zip(hits.places[:top].tolist(), hits.scores[:top].tolist(), strict=True)
        ]

    def outputs(self, inputs: Sequence[Asked]) -> Outputs:
        """Of pairs (inputs, 1)."""
        return np.array([[answer.get("score", 0.0)] for answer in self.answered(inputs)])

    def order(self, inputs: Sequence[Asked]) -> list[int]:
        return sorted(range(len(inputs)), key=lambda row: sum(map(len, texts_of(inputs[row]))))

    def report(self, rows: "Loaded", outputs: Outputs, shown: list[str]) -> JsonObject:
        if self.settings["form"] in SEARCHED:
            return self.searched(rows)
        answers = [{"score": float(value)} for value in np.asarray(outputs)[:, 0]]
        return self.scoring.report(rows.answers, answers, self.labels, shown, rows.row_numbers, "text")

    def searched(self, rows: "Loaded") -> JsonObject:
        """Of the queries of other rows, by the texts of this artifact that answer them; `DataError` where it has none."""
        place = {text: index for index, text in enumerate(self.corpus.texts)}
        gains = rows.values.get("score") or [1.0] * len(rows.row_numbers)
        judged: dict[str, dict[int, float]] = {}
        numbers: dict[str, int] = {}
        sides = zip(rows.values["first"], rows.values["second"], gains, rows.row_numbers, strict=True)
        for query, text, gain, number in sides:
            if text in place and float(gain) > 0:
                judged.setdefault(query, {})[place[text]] = float(gain)
                numbers.setdefault(query, number)
        if not judged:
            raise DataError(
                _("None of these texts is among those that the model searches."),
                code="no_rows",
                hint=_("Check the file, or train again with these texts."),
            )
        queries = list(judged)
        hits = self.searched_for(self.vectors(queries)[0], queries, DEEPEST)
        ranked = [own.places.tolist() for own in hits]
        row_numbers = [numbers[query] for query in queries]
        return search_report(list(judged.values()), ranked, queries, row_numbers, self.corpus.texts)

    def parts(self, value: Asked, most: int = MOST_PARTS) -> Parts[Asked]:
        """Words of a query, or of a pair's first text; `DataError` for a text whose vector is asked."""
        if isinstance(value, Embedded):
            raise DataError(_("A vector has no explanation."), code="no_explanation", hint=_("Ask a query or a pair."))

        def rebuilt(text: str) -> Asked:
            if isinstance(value, Pair):
                return value._replace(first=text)
            return value._replace(text=text)

        return word_parts(texts_of(value)[0], rebuilt, most)
