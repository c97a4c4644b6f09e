"""Texts as batches of tokens of nearly one length, so that little is computed on padding."""

import copy
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from trainer.data.loading import Loaded
from trainer.errors import SpecError
from trainer.events import Emit
from trainer.families.text import counting, encoder, labels
from trainer.families.text.languages import find_unread
from trainer.families.text.rows import TextRows, compute_baselines
from trainer.families.text.vocabulary import tell_unknown
from trainer.learning import zero_shot
from trainer.learning.baselines import Baseline
from trainer.learning.family import Way
from trainer.learning.fewshot import MANY_LABELS
from trainer.learning.job import Job
from trainer.learning.passes import read_part
from trainer.learning.rows import Digest, Mix, Rows, truth_of
from trainer.learning.supervised import SupervisedFamily
from trainer.messages import Message, _
from trainer.packaging.graphs import write_transformer
from trainer.robustness.texts import with_slips
from trainer.tasks.text import WORDS_MODEL
from trainer.words import WEIGHTS

MOST_NAMED = 50
"""Labels that an error lists."""
MOST_ZERO_SHOT = 2_000
"""Test rows up to which the nearest label name is a baseline: the model reads each of them for it."""
OF_ONE_LENGTH = ("probe", "fewshot", "zero-shot")
"""Methods by which vectors are brought to one length."""
SLIPPED_SHARE = 0.5
"""Of the texts of a step, that have slips."""
CUT_SHARE = 0.02
"""Of the texts, above which it is told that they are cut."""


class Texts(TextRows):
    """Token ids of every text, cut to `max_length`."""

    work_unit = "tokens"

    def __init__(
        self,
        loaded: Loaded,
        labels: list[str],
        truth: np.ndarray,
        tokenizer: PreTrainedTokenizerFast,
        folder: Path,
        max_length: int,
    ) -> None:
        texts: list[str] = loaded.values["text"]
        self.tokenizer, self.folder, self.max_length = tokenizer, folder, max_length
        self.ids = self.encoded(texts)
        self.pad = tokenizer.pad_token_id or 0
        self.slips = 0.0
        """Share of the letters that are wrong where texts are learned from with slips."""
        super().__init__(loaded, labels, truth, texts, np.array([len(ids) for ids in self.ids]))

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        """(ids, mask), each (rows, longest of these rows)."""
        return self.padded([self.ids[row] for row in rows], device)

    def learning_batch(
        self, rows: np.ndarray, device: torch.device, generator: np.random.Generator
    ) -> tuple[tuple[Tensor, ...], Mix | None]:
        """Half of the texts with slips, others each time."""
        if not self.slips:
            return self.batch(rows, device), None
        ids, slipped = [self.ids[row] for row in rows], np.flatnonzero(generator.random(len(rows)) < SLIPPED_SHARE)
        worse = self.encoded([with_slips(self.texts[rows[place]], self.slips, generator) for place in slipped])
        for place, each in zip(slipped, worse, strict=True):
            ids[place] = each
        return self.padded(ids, device), None

    def made_worse(self, rows: np.ndarray) -> tuple[Rows, np.ndarray] | None:
        if not self.slips:
            return None
        generator = np.random.default_rng(0)
        return self.followed_by([with_slips(self.texts[row], self.slips, generator) for row in rows], self.truth[rows])

    def encoded(self, texts: list[str]) -> list[np.ndarray]:
        """The token ids of each text, cut."""
        backend = self.tokenizer.backend_tokenizer
        backend.no_padding()
        backend.enable_truncation(self.max_length)
        return [np.array(encoding.ids, dtype=np.int64) for encoding in backend.encode_batch_fast(texts)]

    def followed_by(self, texts: list[str], truth: np.ndarray) -> tuple["Texts", np.ndarray]:
        """(these rows with further ones behind them that belong to no part of the split, which those are)."""
        more, ids = copy.copy(self), self.encoded(texts)
        more.ids = [*self.ids, *ids]
        more.lengths = np.concatenate([self.lengths, [len(each) for each in ids]])
        more.truth = np.concatenate([self.truth, truth])
        return more, len(self.ids) + np.arange(len(ids))

    def padded(self, texts: list[np.ndarray], device: torch.device) -> tuple[Tensor, Tensor]:
        """(ids, mask), each (texts, longest of them)."""
        longest = max(len(ids) for ids in texts)
        padded = np.full((len(texts), longest), self.pad, dtype=np.int64)
        mask = np.zeros((len(texts), longest), dtype=np.int64)
        for index, ids in enumerate(texts):
            padded[index, : len(ids)] = ids
            mask[index, : len(ids)] = 1
        return torch.from_numpy(padded).to(device), torch.from_numpy(mask).to(device)

    def fingerprint(self, digest: Digest, rows: np.ndarray) -> None:
        digest.update(f"{self.max_length};".encode())
        super().fingerprint(digest, rows)

    def manifest(self) -> dict[str, Any]:
        """`examples_checked`: no example holds personal data, as far as the rules of `trainer.data.privacy` find it."""
        return {"max_length": self.max_length, "examples_checked": True}

    def card_facts(self) -> list[str]:
        return [f"Texts longer than {self.max_length} tokens are cut."]


def texts_of(job: Job, folder: Path, loaded: Loaded) -> Texts:
    """The rows' texts as tokens; many that are cut are told."""
    names, truth = truth_of(job.task, loaded)
    tokenizer = encoder.load_tokenizer(folder)
    max_length = encoder.longest(folder, job.params.max_length)
    rows = Texts(loaded, names, truth, tokenizer, folder, max_length)
    cut = int((rows.lengths >= max_length).sum())
    if cut > CUT_SHARE * len(rows.lengths):
        job.warn(
            "cut_texts",
            _(
                "%(cut)s texts are longer than %(max_length)s tokens and are cut.",
                cut=f"{cut:,}",
                max_length=max_length,
            ),
            _("Raise params.max_length to read more."),
        )
    return rows


def label_texts(job: Job, rows: Texts) -> list[str] | None:
    """What stands for each label in `zero-shot`; None where the labels are not words and are not described.

    Raises `SpecError` where a description is of a label that the rows do not have.
    """
    if not rows.is_class:
        return None
    descriptions = getattr(job.params, "label_descriptions", None) or {}
    if unknown := sorted(descriptions.keys() - set(rows.labels)):
        raise SpecError(
            _("params.label_descriptions describes “%(label)s”, which is not a label of these rows.", label=unknown[0]),
            code="bad_params",
            hint=_("The labels are: %(labels)s.", labels=", ".join(rows.labels[:MOST_NAMED])),
        )
    return labels.texts_of(rows.labels, descriptions)


class TextFamily(SupervisedFamily[Texts, encoder.EncoderClassifier]):
    def prepare(self, job: Job) -> Texts:
        """Rows of a task that reads `text`."""
        rows = texts_of(job, job.model_folder(job.spec.model), job.load_rows())
        rows.slips = getattr(job.params, "slips", 0.0)
        job.tell_rows(rows, f"{rows.lengths.mean():.0f} tokens a text")
        if unread := find_unread(job.task, job.spec.model, rows.texts):
            job.warn("unread_language", unread.message, unread.hint)
        else:
            tell_unknown(job, rows.tokenizer, rows.texts)
        return rows

    def run(self, job: Job) -> dict[str, Any]:
        return counting.WordsFamily().run(job) if job.spec.method == "words" else super().run(job)

    def estimate(self, job: Job, emit: Emit) -> dict[str, Any]:
        return counting.WordsFamily().estimate(job, emit) if job.spec.method == "words" else super().estimate(job, emit)

    def native(self, folder: Path) -> str | None:
        return "words" if (folder / WEIGHTS).exists() else None

    def baselines(self, job: Job, rows: Texts) -> dict[str, Baseline]:
        return compute_baselines(job, rows) | self.zero_shot(job, rows)

    def zero_shot(self, job: Job, rows: Texts) -> dict[str, Baseline]:
        """The nearest label name, where the model is one that knows words and the names are."""
        test = rows.part("test")
        if "zero-shot" not in {method.slug for method in job.task.methods} or not 0 < len(test) <= MOST_ZERO_SHOT:
            return {}
        if label_texts(job, rows) is None:
            return {}
        started = time.monotonic()
        model = job.device.place(encoder.fresh(rows.folder, rows.labels, normalise=True, answer=rows.answer.key))
        vectors = self.label_vectors(job, model, rows)
        assert vectors is not None, "there are texts for the labels"
        with torch.no_grad():
            model.head.weight.copy_(zero_shot.USUAL_SCALE * vectors)
            model.head.bias.zero_()
        outputs = read_part(model, rows, test, job.device)
        return {"zero_shot": Baseline(outputs, seconds=round(time.monotonic() - started, 2))}

    def way(self, slug: str, job: Job, rows: Texts) -> Way:
        if slug != "words":
            return super().way(slug, job, rows)
        counted = counting.CountedTexts(rows.loaded, rows.labels, rows.truth)
        return Way(counting.WordsFamily(), counted, counting.fit, WORDS_MODEL)

    def unread(self, job: Job, rows: Texts) -> Message | None:
        unread = find_unread(job.task, job.spec.model, rows.texts)
        return unread.message if unread else None

    def names_labels(self, job: Job, rows: Texts) -> bool:
        return label_texts(job, rows) is not None

    def named(self, job: Job, rows: Texts) -> tuple[Rows, np.ndarray]:
        texts = label_texts(job, rows)
        return super().named(job, rows) if texts is None else rows.followed_by(texts, np.arange(len(rows.labels)))

    def label_vectors(self, job: Job, model: encoder.EncoderClassifier, rows: Texts) -> Tensor | None:
        texts = label_texts(job, rows)
        if texts is None:
            return None
        model.eval()
        parts, encoded = [], rows.encoded(texts)
        with torch.no_grad(), job.device.autocast():
            for start in range(0, len(encoded), rows.read_batch):
                inputs = rows.padded(encoded[start : start + rows.read_batch], job.device.torch_device)
                parts.append(model.features(*inputs).float())
        return torch.nn.functional.normalize(torch.cat(parts), dim=1)

    def build(self, job: Job, rows: Texts) -> encoder.EncoderClassifier:
        """The pretrained encoder under a new head. Where vectors are compared, they are brought to one length. A frozen encoder's
        last layer is made for what texts mean; how they are written, on which numbers depend, is in the layers before it."""
        all_layers = job.spec.method == "probe" and rows.answer.one_output
        normalise = job.spec.method in OF_ONE_LENGTH and not all_layers
        layers = encoder.ALL_LAYERS if all_layers else encoder.LAST_LAYER
        model = encoder.fresh(rows.folder, rows.labels, normalise=normalise, answer=rows.answer.key, layers=layers)
        if job.spec.method == "full" and rows.is_class and len(rows.labels) > MANY_LABELS:
            model.learn_directions()
        return model

    def write_onnx(self, folder: Path, target: Path) -> None:
        model = encoder.EncoderClassifier.load(folder, attention="eager")
        ids = torch.arange(18).view(2, 9)  # small, as a vocabulary may be
        axes = {0: "batch", 1: "length"}
        arguments = (ids, torch.ones_like(ids))
        write_transformer(model, model.encoder.config, arguments, {"input_ids": axes, "attention_mask": axes}, target)

    def save(self, model: encoder.EncoderClassifier, rows: Texts, folder: Path) -> None:
        model.save(folder, rows.tokenizer, rows.max_length)
