"""Conversations and texts as tokens, and the models that learn to write them on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from trainer.data.conversation_rows import TURNS, WRITTEN
from trainer.data.loading import Loaded
from trainer.data.personal import find_spans
from trainer.data.privacy import guess_hints
from trainer.data.problems import join_names
from trainer.engines.writing import Prompt
from trainer.errors import ModelError
from trainer.families.media.common import fill_settings
from trainer.families.text.languages import find_unread
from trainer.families.text.networks import RECURRENT
from trainer.families.text.templates import learned_template, template_of
from trainer.families.text.writing_model import IGNORED, WritingModel, check_architecture
from trainer.files import read_json
from trainer.learning.baselines import Baseline
from trainer.learning.job import Job
from trainer.learning.passes import read_part
from trainer.learning.rows import Digest, Mix, Rows
from trainer.learning.supervised import SupervisedFamily
from trainer.messages import _, ngettext
from trainer.outputs import Outputs
from trainer.tasks.text_generation import SCRATCH_MODELS, beginning, shown_prompt
from trainer.writing.decoder import engine_of
from trainer.writing.decoders import positions_of
from trainer.writing.figures import FIGURES
from trainer.writing.prompts import Template
from trainer.writing.sampling import Options

ASKED, ASKED_TOKENS = 24, 64
"""Test rows that the model writes an answer to, and tokens of each."""
EXAMPLES, EXAMPLE_CHARACTERS = 4, 600
READ_NUMBERS = 2**26
"""Scores that are held at once where rows are only read."""
SMALL_WEIGHTS = 5_000_000
"""Below, a model learns at the rate of small ones."""
SCRATCH_ROWS, PRETRAINED_ROWS = 40_000, 6_000
"""Rows that are learned from in all, within so many epochs."""

GPT_SIZES, RECURRENT_SIZES = (4, 192), (2, 384)
"""(layers, width) where nobody chose them."""


class WritingRows(Rows):
    """`encoded[i]`: row i as the template has it, cut to `max_length` where it is read."""

    input_name = "prompt"
    work_unit = "tokens"
    most_compared = ASKED

    def __init__(self, loaded: Loaded, template: Template, folder: Path, max_length: int) -> None:
        self.template, self.folder, self.max_length = template, folder, max_length
        self.turns = self.turns_of(loaded)
        written: list[str] = loaded.values[WRITTEN]
        answers = ({"role": "assistant", "content": text} for text in written)
        pairs = list(zip(self.turns, answers, strict=True))
        self.whole = [
            template.conversation([*turns, last]) if turns else template.text(last["content"]) for turns, last in pairs
        ]
        self.encoded = [each.cut(max_length) for each in self.whole]
        self.is_cut = np.array([len(whole.ids) > max_length for whole in self.whole])
        self.characters = [self.count_characters(row, text) for row, text in enumerate(written)]
        self.learned_tokens = np.array([each.learned.sum() for each in self.encoded])
        self.read_batch = int(np.clip(READ_NUMBERS // (max_length * template.tokenizer.get_vocab_size()), 1, 32))
        super().__init__(loaded, [], None, np.array([len(each.ids) for each in self.encoded]))

    def turns_of(self, loaded: Loaded) -> list[list[dict[str, str]]]:
        """What stands before each answer."""
        turns: list[list[dict[str, str]]] = loaded.values[TURNS]
        return turns

    def count_characters(self, row: int, text: str) -> int:
        """Of the answer, as far as it is read."""
        encoded = self.encoded[row]
        return len(self.template.decode(encoded.ids[encoded.start :])) if self.is_cut[row] else len(text)

    @property
    def is_chat(self) -> bool:
        return any(self.turns)

    # As tensors

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        """(ids, targets): the last answer of each row is asked for."""
        read = [self.encoded[row] for row in rows.tolist()]
        return padded([(each.ids, np.arange(len(each.ids)) >= each.start) for each in read], device)

    def learning_batch(
        self, rows: np.ndarray, device: torch.device, generator: np.random.Generator
    ) -> tuple[tuple[Tensor, ...], Mix | None]:
        """(ids, targets): every answer of a conversation is learned; of a text that is too long another part each time."""
        return padded([self.window(row, generator) for row in rows.tolist()], device), None

    def window(self, row: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        if self.turns[row] or not self.is_cut[row]:
            return self.encoded[row].ids, self.encoded[row].learned
        whole = self.whole[row]
        first = int(generator.integers(0, len(whole.ids) - self.max_length + 1))
        part = slice(first, first + self.max_length)
        return whole.ids[part], whole.learned[part]

    # As people and serving see them

    def asked_rows(self) -> list[int]:
        """The test rows that the model writes to."""
        return [int(row) for row in self.part("test")[:ASKED]]

    def asked_of(self, row: int) -> dict[str, Any]:
        """What is asked of them, as an engine takes it."""
        turns = self.turns[row]
        asked = {"messages": turns} if turns else {"text": beginning(self.loaded.values[WRITTEN][row])}
        return asked | {"max_tokens": ASKED_TOKENS}

    def input(self, row: int) -> Prompt:
        if row not in self.asked_rows():
            return Prompt(np.zeros(1, dtype=np.int64), Options(0))
        asked = self.asked_of(row)
        ids = self.template.asked(asked["messages"]) if self.turns[row] else self.template.begun(asked["text"])
        room = max(self.max_length - ASKED_TOKENS, self.max_length // 2)
        return Prompt(ids[-room:], Options(ASKED_TOKENS), continues=not self.turns[row])

    def written(self, rows: np.ndarray, outputs: Outputs) -> list[str]:
        texts = []
        for row, output in zip(rows.tolist(), outputs, strict=True):
            ids = output[FIGURES:].astype(np.int64)
            before = [] if self.turns[row] else list(self.template.begun(beginning(self.loaded.values[WRITTEN][row])))
            texts.append(self.template.continued(before, ids) if len(ids) else "")
        return texts

    def learned_text(self) -> str:
        learned = self.known("train")[:5_000]
        return "\n".join(self.loaded.values[WRITTEN][row] for row in learned)

    def shown(self, rows: np.ndarray) -> list[str]:
        return [shown_prompt(self.turns[row], self.loaded.values[WRITTEN][row]) for row in rows]

    def asked(self, rows: np.ndarray) -> dict[str, list[str]]:
        """The shown prompts, and what the model was asked as JSON, where it was."""
        asked = set(self.asked_rows())
        cells = [json.dumps(self.asked_of(row), ensure_ascii=False) if row in asked else "" for row in rows.tolist()]
        return {"prompt": self.shown(rows), "asked": cells}

    def fingerprint(self, digest: Digest, rows: np.ndarray) -> None:
        for row in rows:
            digest.update(self.encoded[row].ids.tobytes())

    def manifest(self) -> dict[str, Any]:
        """`examples_checked`: no example holds personal data, as far as the rules of `trainer.data.privacy` find it."""
        fields = [{"name": "text", "kind": "text", "long": True}]
        form = "chat" if self.is_chat else "corpus"
        return {"form": form, "max_length": self.max_length, "examples_checked": True, "inputs": fields}

    def card_facts(self) -> list[str]:
        facts = [f"Rows longer than {self.max_length} tokens are cut; an answer and its prompt have to fit into them."]
        if self.is_chat:
            facts.append(
                "Only the answers of a conversation are learned, not what was asked. Roles are marked "
                + ("by the base model's chat template." if self.template.gaps else "as `<|user|>`.")
            )
        return facts

    def examples(self, folder: Path) -> list[dict[str, Any]]:
        return short_examples(self, self.loaded.values[WRITTEN])


def short_examples(rows: Rows, written: list[str]) -> list[dict[str, Any]]:
    """A few short test prompts without personal data."""
    hints = guess_hints("text", pa.chunked_array([pa.array(rows.shown(np.arange(rows.count)), pa.string())]))
    found: dict[str, str] = {}
    for row in rows.part("test").tolist():
        prompt, answer = rows.shown(np.array([row]))[0], written[row]
        if prompt.strip() and len(prompt) <= EXAMPLE_CHARACTERS and not find_spans(prompt, hints):
            found.setdefault(prompt, answer[:EXAMPLE_CHARACTERS])
        if len(found) >= EXAMPLES:
            break
    return [{"input": prompt, "label": answer} for prompt, answer in found.items()]


def padded(rows: list[tuple[np.ndarray, np.ndarray]], device: torch.device) -> tuple[Tensor, Tensor]:
    """(ids, targets), each (rows, longest of them), of rows of (ids, whether each is learned)."""
    longest = max(len(ids) for ids, _learned in rows)
    made = np.zeros((2, len(rows), longest), dtype=np.int64)
    made[1] = IGNORED
    for place, (ids, learned) in enumerate(rows):
        made[0, place, : len(ids)] = ids
        made[1, place, : len(ids)] = np.where(learned, ids, IGNORED)
    ids, targets = torch.from_numpy(made).to(device)
    return ids, targets


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
                    "%(count)s rows are longer than %(max_length)s tokens: only a part of each is read at a time: row %(rows)s.",
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

    def rows_of(self, job: Job, loaded: Loaded, template: Template, folder: Path) -> WritingRows:
        return WritingRows(loaded, template, folder, self.longest(job, folder))

    def longest(self, job: Job, folder: Path) -> int:
        """Tokens of a row: what was set, as far as a pretrained model has positions."""
        most: int = job.params.max_length
        if job.spec.model.startswith("scratch:"):
            return most
        return min(most, positions_of(read_json(folder / "config.json"), most))

    def model_of(self, rows: WritingRows) -> WritingModel:
        """The pretrained one that the rows are for."""
        return WritingModel.of(rows.folder, rows.template)

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
            return fresh(job, rows, GPT_SIZES)
        model = self.model_of(rows)
        is_small = sum(value.numel() for value in model.parameters()) < SMALL_WEIGHTS
        rate = (5e-3 if is_small else 5e-4) if job.spec.method == "lora" else (1e-3 if is_small else 5e-5)
        epochs = int(np.clip(round(PRETRAINED_ROWS / learned), 2, 15))
        fill_settings(job, epochs=epochs, batch_size=16, learning_rate=rate, head_learning_rate=rate, patience=2)
        return model

    def save(self, model: WritingModel, rows: WritingRows, folder: Path) -> None:
        model.save(folder)

    def native(self, folder: Path) -> str:
        return engine_of(read_json(folder / "config.json"))

    def write_onnx(self, folder: Path, target: Path) -> None:
        raise ModelError(_("This model is served from its own weights."), hint=_("Take its folder `model`."))


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
