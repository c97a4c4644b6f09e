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
from trainer.families.text.languages import find_unread
from trainer.families.text.taggers import IGNORED, Graph, Tagger
from trainer.families.text.unit_net import UnitNet
from trainer.learning.baselines import Baseline
from trainer.learning.job import Job
from trainer.learning.objective import Fit
from trainer.learning.rows import Mix, Rows, truth_of
from trainer.learning.supervised import SupervisedFamily
from trainer.messages import Message
from trainer.outputs import Outputs
from trainer.packaging.graphs import write_transformer
from trainer.params import FineTuningParams
from trainer.tagging import net
from trainer.tagging.net import Vocabulary
from trainer.tagging.readers import UNIT_KIND, kind_of
from trainer.tagging.subwords import Subwords
from trainer.tagging.units import Passage, tags_of, units_of

EXAMPLES, EXAMPLE_CHARACTERS = 8, 200
SMOOTHING = 0.1
"""Added to each tag's count of a word."""
HIDDEN_SHARE = 0.05
NOWHERE = 20.0
"""The score of being outside, where every unit is."""
NET_ROWS, NET_EPOCHS, NET_PATIENCE = 80_000, (12, 40), 6
"""Rows that the small net sees in all, within so many epochs."""


class Marked(Rows):
    """Texts, their units and the tags of these. How a model sees the units, the two below say."""

    input_name = "text"
    work_unit = "units"

    def __init__(self, loaded: Loaded, labels: list[str], lengths: np.ndarray | None = None) -> None:
        self.texts: list[str] = loaded.values["tokens"]
        self.units = [units_of(text) for text in self.texts]
        index = {label: place for place, label in enumerate(labels)}
        self.tags = [
            np.array(tags_of(units, passages_in(cell), index), dtype=np.int64)
            for units, cell in zip(self.units, loaded.answers, strict=True)
        ]
        super().__init__(loaded, labels, None, lengths)

    def seen(self, row: int) -> np.ndarray:
        """(units,): which of them the model is shown."""
        return np.ones(len(self.tags[row]), dtype=bool)

    def targets(self, rows: np.ndarray) -> np.ndarray:
        """(rows, most units): tags; IGNORED beyond a row's units and where a unit is not seen."""
        targets = np.full((len(rows), max(1, *(len(self.tags[row]) for row in rows))), IGNORED, dtype=np.int64)
        for place, row in enumerate(rows):
            targets[place, : len(self.tags[row])] = np.where(self.seen(row), self.tags[row], IGNORED)
        return targets

    def input(self, row: int) -> str:
        return self.texts[row]

    def inputs(self, rows: np.ndarray) -> list[Any]:
        return self.shown(rows)

    def shown(self, rows: np.ndarray) -> list[str]:
        return [self.texts[row] for row in rows]

    def manifest(self) -> dict[str, Any]:
        """`examples_checked`: no example holds personal data, as far as the rules of `trainer.data.privacy` find it."""
        return {"examples_checked": True}

    def examples(self, folder: Path) -> list[dict[str, Any]]:
        """A few test texts of middling length in which something is marked, none with personal data."""
        hints = guess_hints("text", pa.chunked_array([pa.array(self.texts, pa.string())]))
        examples: list[dict[str, Any]] = []
        for row in sorted(
            self.part("test"), key=lambda row: (not self.tags[row].any(), abs(len(self.texts[row]) - 80))
        ):
            text = self.texts[row].strip()
            if text and len(text) <= EXAMPLE_CHARACTERS and not find_spans(text, hints):
                label = ", ".join(dict.fromkeys(passage.label for passage in passages_in(self.loaded.answers[row])))
                examples.append({"input": text, "label": label})
            if len(examples) >= EXAMPLES:
                break
        return examples


class SubwordRows(Marked):
    """As windows of sub-words, for a text encoder."""

    def __init__(
        self, loaded: Loaded, labels: list[str], tokenizer: PreTrainedTokenizerFast, folder: Path, max_length: int
    ) -> None:
        self.tokenizer, self.folder, self.max_length = tokenizer, folder, max_length
        self.subwords = Subwords(tokenizer.backend_tokenizer, max_length, tokenizer.pad_token_id or 0)
        self.encoded = self.subwords.encode(loaded.values["tokens"])
        super().__init__(loaded, labels, np.array([sum(map(len, each.windows)) for each in self.encoded]))

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        """(ids, mask) of the windows of these rows, and where in them the units are."""
        arrays = self.subwords.batch([self.encoded[row] for row in rows])
        return tuple(torch.from_numpy(array).to(device) for array in arrays)

    def seen(self, row: int) -> np.ndarray:
        return self.encoded[row].place >= 0

    def manifest(self) -> dict[str, Any]:
        return super().manifest() | {"max_length": self.max_length}

    def card_facts(self) -> list[str]:
        return [f"Texts longer than {self.max_length} tokens are read in parts that overlap."]


class UnitRows(Marked):
    """As the small net sees them; what it knows comes from the rows to learn from."""

    def __init__(self, loaded: Loaded, labels: list[str]) -> None:
        super().__init__(loaded, labels)
        learned = [self.texts[row] for part in ("train", "validation") for row in self.part(part)]
        self.vocabulary = Vocabulary.of(learned)
        self.encoded = [self.vocabulary.encode(text) for text in self.texts]
        self.lengths = np.array([max(1, len(units)) for units in self.units])

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        """As `trainer.tagging.net.batch` gives them."""
        arrays = net.batch([self.encoded[row] for row in rows])
        return tuple(torch.from_numpy(arrays[name]).to(device) for name in net.INPUTS)

    def learning_batch(
        self, rows: np.ndarray, device: torch.device, generator: np.random.Generator
    ) -> tuple[tuple[Tensor, ...], Mix | None]:
        """Some units are made unknown, so that their neighbours and characters are learned from."""
        units, *others = self.batch(rows, device)
        hidden = torch.from_numpy(generator.random(tuple(units.shape)) < HIDDEN_SHARE).to(device)
        return (units.masked_fill(hidden & (units > 0), net.UNKNOWN), *others), None


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


class TaggingFamily(SupervisedFamily[Marked, Tagger | UnitNet]):
    def prepare(self, job: Job) -> Marked:
        loaded = job.load_rows()
        labels, _truth = truth_of(job.task, loaded)
        if job.spec.model.startswith("scratch:"):
            net.check(job.spec.model)
            rows: Marked = UnitRows(loaded, labels)
            job.params = of_net(job.params, len(rows.part("train")))
        else:
            folder = job.model_folder(job.spec.model)
            tokenizer = encoder.load_tokenizer(folder)
            rows = SubwordRows(loaded, labels, tokenizer, folder, encoder.longest(folder, job.params.max_length))
        job.tell_rows(rows, f"{np.mean([len(units) for units in rows.units]):.0f} units a text")
        if unread := find_unread(job.task, job.spec.model, rows.texts):
            job.warn("unread_language", unread.message, unread.hint)
        return rows

    def baselines(self, job: Job, rows: Marked) -> dict[str, Baseline]:
        train, test = rows.known("train", "validation"), rows.part("test")
        return {"frequent_tags": Baseline(frequent_tags(rows, train, test))}

    def fit(self, slug: str) -> Fit:
        return tag_probe.fit if slug == "probe" else super().fit(slug)

    def constant(self, rows: Marked, known: np.ndarray) -> Outputs:
        """Every unit is outside."""
        outside = np.zeros(2 * len(rows.labels) + 1, dtype=np.float32)
        outside[0] = NOWHERE
        return [np.tile(outside, (max(1, len(rows.tags[row])), 1)) for row in known]

    def unread(self, job: Job, rows: Marked) -> Message | None:
        unread = find_unread(job.task, job.spec.model, rows.texts)
        return unread.message if unread else None

    def build(self, job: Job, rows: Marked) -> Tagger | UnitNet:
        if isinstance(rows, UnitRows):
            return UnitNet(rows.vocabulary, rows.labels)
        return Tagger(encoder.load_encoder(rows.folder), rows.labels)

    def save(self, model: Tagger | UnitNet, rows: Marked, folder: Path) -> None:
        if isinstance(model, UnitNet):
            model.save(folder)
        elif isinstance(rows, SubwordRows):
            model.save(folder, rows.tokenizer, rows.max_length)

    def quantises(self, folder: Path) -> bool:
        """The small net is convolutions, which lose much and gain nothing."""
        return kind_of(folder) != UNIT_KIND

    def write_onnx(self, folder: Path, target: Path) -> None:
        if kind_of(folder) == UNIT_KIND:
            UnitNet.load(folder).write_onnx(target)
            return
        model = Tagger.load(folder, attention="eager")
        ids = torch.arange(18).view(2, 9)  # small, as a vocabulary may be
        axes = {0: "batch", 1: "length"}
        named = {"input_ids": axes, "attention_mask": axes}
        write_transformer(Graph(model).eval(), model.encoder.config, (ids, torch.ones_like(ids)), named, target)


def of_net(params: FineTuningParams, rows: int) -> FineTuningParams:
    """The settings that suit the small net, where nobody has chosen: it knows nothing before and needs more passes."""
    usual = {"epochs": int(np.clip(round(NET_ROWS / max(rows, 1)), *NET_EPOCHS)), "patience": NET_PATIENCE}
    chosen = params.model_fields_set - ({"epochs"} if params.epochs is None else set())
    return params.model_copy(update={name: value for name, value in usual.items() if name not in chosen})
