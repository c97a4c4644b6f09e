"""Conversations and texts as tokens, and the models that learn to write them on."""

from pathlib import Path
from typing import Any

import numpy as np

from trainer.data.conversation_rows import WRITTEN
from trainer.data.loading import Loaded
from trainer.data.problems import join_names
from trainer.errors import ModelError
from trainer.families.media.common import fill_settings
from trainer.families.text.languages import find_unread
from trainer.families.text.networks import RECURRENT
from trainer.families.text.preferences import PreferenceRows
from trainer.families.text.templates import learned_template, template_of
from trainer.families.text.writing_model import WritingModel, check_architecture
from trainer.families.text.writing_rows import WritingRows
from trainer.files import read_json, sha256
from trainer.learning import fine_tuning, lora, qlora
from trainer.learning.baselines import Baseline
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import Fit, Learned, Objective
from trainer.learning.passes import read_part
from trainer.learning.rows import Rows
from trainer.learning.supervised import SupervisedFamily
from trainer.messages import _, ngettext
from trainer.packaging.base_licence import licence_of
from trainer.packaging.ollama import MODELFILE, modelfile
from trainer.tasks.methods import DPO, QLORA
from trainer.tasks.text_generation import SCRATCH_MODELS
from trainer.writing.decoder import engine_of
from trainer.writing.decoders import positions_of
from trainer.writing.prompts import Template
from trainer.writing.shared import ADAPTER
from trainer.writing.weights import WEIGHTS

SMALL_WEIGHTS = 5_000_000
"""Below, a model learns at the rate of small ones."""
SCRATCH_ROWS, PRETRAINED_ROWS = 40_000, 6_000
"""Rows that are learned from in all, within so many epochs."""

GPT_SIZES, RECURRENT_SIZES = (4, 192), (2, 384)
"""(layers, width) where nobody chose them."""


class WritingFamily(SupervisedFamily[WritingRows, WritingModel]):
    def prepare(self, job: Job) -> WritingRows:
        if message := job.task.refusal(job.spec.method, job.spec.model):
            raise ModelError(message, hint=_("Choose scratch:%(name)s, or the method full.", name="gpt"))
        is_fresh = job.spec.model.startswith("scratch:")
        if is_fresh and job.spec.model not in SCRATCH_MODELS:
            names = ", ".join(SCRATCH_MODELS)
            raise ModelError(_("There is no such small net."), hint=_("Choose one of: %(names)s.", names=names))
        folder = Path() if is_fresh else job.model_folder(job.spec.model)
        if not is_fresh:
            check_architecture(folder, job.task.architectures)
        loaded = job.load_rows()
        template = (
            learned_template(loaded, job.params.vocabulary, job.params.tokens)
            if is_fresh
            else self.template_of(job, folder)
        )
        rows = self.rows_of(job, loaded, template, folder)
        kind, _colon, name = job.spec.model.partition(":")
        rows.base = name.partition("@")[0] if kind in ("hub", "local") else None
        rows.is_quantized = job.spec.method == QLORA.slug
        rows.licence = licence_of(job.spec.model, job.task.models)
        job.tell_rows(rows, f"{rows.lengths.mean():.0f} tokens a row")
        self.tell_template(job, rows)
        if unread := find_unread(job.task, job.spec.model, loaded.values[WRITTEN]):
            job.warn("unread_language", unread.message, unread.hint)
        if cut := int(rows.is_cut.sum()):
            cut_rows = join_names([str(number) for number in rows.numbers(np.flatnonzero(rows.is_cut))])
            job.warn(
                "cut_texts",
                ngettext(
                    "%(count)s row is longer than %(max_length)s tokens: only a part of it is read at a time: row %(rows)s.",
                    "%(count)s rows are longer than %(max_length)s tokens: only a part of each is read at a time: rows %(rows)s.",
                    cut,
                    max_length=rows.max_length,
                    rows=cut_rows,
                ),
                _("Raise params.max_length to read more."),
            )
        return rows

    def template_of(self, job: Job, folder: Path) -> Template:
        return template_of(folder)

    def tell_template(self, job: Job, rows: WritingRows) -> None:
        """Between the messages of which template the model will read, where it has been pretrained."""
        if job.spec.model.startswith("scratch:") or not rows.is_chat:
            return
        if rows.template.gaps:
            job.log(_("Messages stand in the model’s own chat template, in learning and answering alike."))
            return
        job.warn(
            "no_chat_template",
            _("The base model has no chat template that can be used: roles are marked as <|user|> and <|assistant|>."),
            _("Choose a model that has learned conversations; the names of many end in Instruct or Chat."),
        )

    def fit(self, slug: str) -> Fit:
        return learn_preferences if slug == DPO.slug else super().fit(slug)

    def rows_of(self, job: Job, loaded: Loaded, template: Template, folder: Path) -> WritingRows:
        kind = PreferenceRows if job.spec.method == DPO.slug else WritingRows
        return kind(loaded, template, folder, self.longest(job, folder))

    def longest(self, job: Job, folder: Path) -> int:
        """Tokens of a row: what was set, as far as a pretrained model has positions."""
        most: int = job.params.max_length
        if job.spec.model.startswith("scratch:"):
            return most
        return min(most, positions_of(read_json(folder / "config.json"), most))

    def model_of(self, rows: WritingRows) -> WritingModel:
        """The pretrained one that the rows are for."""
        model = WritingModel.of(rows.folder, rows.template)
        if rows.is_quantized:
            qlora.pack(model)
        return model

    def baselines(self, job: Job, rows: WritingRows) -> dict[str, Baseline]:
        simple = {"token_frequencies": frequencies(rows)}
        if not job.spec.model.startswith("scratch:"):
            model = job.device.place(self.model_of(rows))
            simple["untrained"] = Baseline(read_part(model, rows, rows.part("test"), job.device))
        return simple

    def build(self, job: Job, rows: WritingRows) -> WritingModel:
        learned = max(len(rows.part("train")), 1)
        if job.spec.model.startswith("scratch:"):
            epochs = int(np.clip(round(SCRATCH_ROWS / learned), 3, 40))
            rate = fresh_rate(job)
            fill_settings(job, epochs=epochs, batch_size=16, learning_rate=rate, head_learning_rate=rate, patience=4)
            model = fresh(job, rows, GPT_SIZES)
            rows.packing = is_packing(job, model)
            return model
        model = self.model_of(rows)
        is_small = sum(value.numel() for value in model.parameters()) < SMALL_WEIGHTS
        rate = pretrained_rate(job, is_small)
        epochs = int(np.clip(round(PRETRAINED_ROWS / learned), 2, 15))
        fill_settings(job, epochs=epochs, batch_size=16, learning_rate=rate, head_learning_rate=rate, patience=2)
        rows.packing = is_packing(job, model)
        return model

    def save(self, model: WritingModel, rows: WritingRows, folder: Path) -> None:
        model.save(folder)
        model.save_adapter(folder.parent / ADAPTER, rows.base)
        if model.adapter is not None and (rows.folder / WEIGHTS).is_file():
            rows.base_sha256 = sha256(rows.folder / WEIGHTS)
        if text := modelfile(folder, rows):
            (folder.parent / MODELFILE).write_text(text, "utf-8")

    def native(self, folder: Path) -> str:
        return engine_of(read_json(folder / "config.json"))

    def write_onnx(self, folder: Path, target: Path) -> None:
        raise ModelError(_("This model is served from its own weights."), hint=_("Take its folder `model`."))


def is_packing(job: Job, model: WritingModel) -> bool:
    """Whether the rows of a step are learned in one sequence, for which the model is made ready. On its own, on a processor, where
    it was measured to be quicker; not for pairs of answers, nor for nets that are read word for word."""
    chosen = job.params.packing
    if chosen == "off" or (chosen == "auto" and job.device.count):
        return False
    if job.spec.method != DPO.slug and model.pack():
        return True
    if chosen == "on":
        job.warn(
            "no_packing",
            _("Rows cannot be packed here: the rows of a step are learned side by side."),
            _("LSTM, GRU and the method dpo learn without packing."),
        )
    return False


def pretrained_rate(job: Job, is_small: bool) -> float:
    """Learning rate, where nobody chose one. Preferences need a lower one: both answers are likely before, and stay so."""
    rate = (5e-3 if is_small else 5e-4) if lora.is_meant(job) else (1e-3 if is_small else 5e-5)
    return rate / 5 if job.spec.method == DPO.slug else rate


def learn_preferences(
    job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None
) -> Learned:
    """By adapters or by every weight."""
    learn = lora.fit if lora.is_meant(job) else fine_tuning.fit
    return learn(job, model, rows, objective, epochs)


def fresh(job: Job, rows: WritingRows, sizes: tuple[int, int]) -> WritingModel:
    """A small net with random weights. `sizes`: (layers, width) of the GPT, where nothing else was chosen."""
    kind = job.spec.model.removeprefix("scratch:")
    layers, width = RECURRENT_SIZES if kind in RECURRENT else sizes
    fill_settings(job, layers=layers, width=width)
    chosen = {"layers": job.params.layers, "width": job.params.width, "positions": rows.max_length}
    if kind in RECURRENT:
        return WritingModel.recurrent(kind, rows.template, **chosen)
    return WritingModel.fresh(rows.template, **chosen)


def fresh_rate(job: Job) -> float:
    """Learning rate of a small net, where nobody chose one."""
    return 4e-3 if job.spec.model.removeprefix("scratch:") in RECURRENT else 2e-3


def frequencies(rows: WritingRows) -> Baseline:
    """Each token by how often it stands in the answers that were learned from, whatever stands before it."""
    counts = np.ones(rows.template.tokenizer.get_vocab_size())
    for row in rows.known("train").tolist():
        encoded = rows.encoded[row]
        np.add.at(counts, encoded.ids[encoded.learned], 1)
    nats = -np.log(counts / counts.sum())
    outputs = []
    for row in rows.part("test").tolist():
        answer = rows.encoded[row].ids[rows.encoded[row].start :]
        outputs.append(np.array([nats[answer].sum(), len(answer), rows.characters[row]]))
    return Baseline(outputs)
