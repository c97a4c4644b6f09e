"""Texts with passages marked in them, as units with tags."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from trainer.data.loading import Loaded
from trainer.data.personal import find_spans
from trainer.data.privacy import guess_hints
from trainer.families.text import encoder, tag_probe
from trainer.families.text.taggers import IGNORED, Graph, Tagger
from trainer.learning.baselines import Baseline
from trainer.learning.job import Job
from trainer.learning.objective import Fit
from trainer.learning.rows import Digest, Rows, truth_of
from trainer.learning.supervised import SupervisedFamily
from trainer.packaging.graphs import write_transformer
from trainer.tagging.subwords import Subwords
from trainer.tagging.units import Passage, tags_of, units_of

EXAMPLES, EXAMPLE_CHARACTERS = 8, 200
SMOOTHING = 0.1
"""Added to each tag's count of a word."""


class Marked(Rows):
    """Texts as windows of sub-words, and the tags of their units."""

    input_name = "text"
    work_unit = "units"

    def __init__(
        self, loaded: Loaded, labels: list[str], tokenizer: PreTrainedTokenizerFast, folder: Path, max_length: int
    ) -> None:
        self.texts: list[str] = loaded.values["tokens"]
        self.tokenizer, self.folder, self.max_length = tokenizer, folder, max_length
        self.units = [units_of(text) for text in self.texts]
        index = {label: place for place, label in enumerate(labels)}
        self.tags = [
            np.array(tags_of(units, passages_in(cell), index), dtype=np.int64)
            for units, cell in zip(self.units, loaded.answers, strict=True)
        ]
        self.subwords = Subwords(tokenizer.backend_tokenizer, max_length, tokenizer.pad_token_id or 0)
        self.encoded = self.subwords.encode(self.texts)
        lengths = np.array([sum(map(len, each.windows)) for each in self.encoded])
        super().__init__(loaded, labels, None, lengths)

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        """(ids, mask) of the windows of these rows, and where in them the units are."""
        arrays = self.subwords.batch([self.encoded[row] for row in rows])
        return tuple(torch.from_numpy(array).to(device) for array in arrays)

    def targets(self, rows: np.ndarray) -> np.ndarray:
        """(rows, most units): tags; IGNORED beyond a row's units and where a unit has no sub-word."""
        targets = np.full((len(rows), max(1, *(len(self.tags[row]) for row in rows))), IGNORED, dtype=np.int64)
        for place, row in enumerate(rows):
            seen = self.encoded[row].place >= 0
            targets[place, : len(self.tags[row])] = np.where(seen, self.tags[row], IGNORED)
        return targets

    def input(self, row: int) -> str:
        return self.texts[row]

    def inputs(self, rows: np.ndarray) -> list[Any]:
        return self.shown(rows)

    def shown(self, rows: np.ndarray) -> list[str]:
        return [self.texts[row] for row in rows]

    def fingerprint(self, digest: Digest, rows: np.ndarray) -> None:
        digest.update(f"units {self.max_length};".encode())
        super().fingerprint(digest, rows)

    def manifest(self) -> dict[str, Any]:
        """`examples_checked`: no example holds personal data, as far as the rules of `trainer.data.privacy` find it."""
        return {"max_length": self.max_length, "examples_checked": True}

    def card_facts(self) -> list[str]:
        return [f"Texts longer than {self.max_length} tokens are read in parts that overlap."]

    def examples(self, folder: Path) -> list[dict[str, Any]]:
        """A few test texts of middling length in which something is marked, none with personal data."""
        hints = guess_hints("text", pa.chunked_array([pa.array(self.texts, pa.string())]))
        found: list[dict[str, Any]] = []
        for row in sorted(
            self.part("test"), key=lambda row: (not self.tags[row].any(), abs(len(self.texts[row]) - 80))
        ):
            text = self.texts[row].strip()
            if text and len(text) <= EXAMPLE_CHARACTERS and not find_spans(text, hints):
                label = ", ".join(dict.fromkeys(passage.label for passage in passages_in(self.loaded.answers[row])))
                found.append({"input": text, "label": label})
            if len(found) >= EXAMPLES:
                break
        return found


def passages_in(cell: str) -> list[Passage]:
    return [Passage(each["start"], each["end"], each["label"]) for each in json.loads(cell)]


def frequent_tags(rows: Marked, train: np.ndarray, test: np.ndarray) -> list[np.ndarray]:
    """Of the test rows the logarithms of how often each unit had each tag in the rows learned from, (units, tags)."""
    tags = 2 * len(rows.labels) + 1
    counts: dict[str, Counter[int]] = {}
    for row in train.tolist():
        for (start, end), tag in zip(rows.units[row], rows.tags[row].tolist(), strict=True):
            counts.setdefault(rows.texts[row][start:end].lower(), Counter())[tag] += 1
    outputs = []
    for row in test.tolist():
        scores = np.full((len(rows.units[row]), tags), SMOOTHING, dtype=np.float32)
        for place, (start, end) in enumerate(rows.units[row]):
            for tag, count in counts.get(rows.texts[row][start:end].lower(), Counter({0: 1})).items():
                scores[place, tag] += count
        outputs.append(np.log(scores / scores.sum(axis=1, keepdims=True)))
    return outputs


class TaggingFamily(SupervisedFamily[Marked, Tagger]):
    def prepare(self, job: Job) -> Marked:
        loaded = job.load_rows()
        labels, _truth = truth_of(job.task, loaded)
        folder = job.model_folder(job.spec.model)
        tokenizer = encoder.load_tokenizer(folder)
        rows = Marked(loaded, labels, tokenizer, folder, encoder.longest(folder, job.params.max_length))
        job.tell_rows(rows, f"{np.mean([len(units) for units in rows.units]):.0f} units a text")
        return rows

    def baselines(self, job: Job, rows: Marked) -> dict[str, Baseline]:
        train, test = rows.known("train", "validation"), rows.part("test")
        return {"frequent_tags": Baseline(frequent_tags(rows, train, test))}

    def fit(self, slug: str) -> Fit:
        return tag_probe.fit if slug == "probe" else super().fit(slug)

    def build(self, job: Job, rows: Marked) -> Tagger:
        return Tagger(encoder.load_encoder(rows.folder), rows.labels)

    def save(self, model: Tagger, rows: Marked, folder: Path) -> None:
        model.save(folder, rows.tokenizer, rows.max_length)

    def write_onnx(self, folder: Path, target: Path) -> None:
        model = Tagger.load(folder, attention="eager")
        ids = torch.arange(18).view(2, 9)  # small, as a vocabulary may be
        axes = {0: "batch", 1: "length"}
        named = {"input_ids": axes, "attention_mask": axes}
        write_transformer(Graph(model).eval(), model.encoder.config, (ids, torch.ones_like(ids)), named, target)
