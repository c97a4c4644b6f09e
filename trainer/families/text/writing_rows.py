"""Conversations and texts as tokens: what is learned of them, and what is asked of the test rows."""

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
from trainer.engines.writing import Prompt
from trainer.families.text.packing import IGNORED, balance
from trainer.learning.rows import Digest, Mix, Rows
from trainer.outputs import Outputs
from trainer.tasks.text_generation import beginning, shown_prompt
from trainer.writing.figures import FIGURES
from trainer.writing.prompts import Template
from trainer.writing.sampling import Options
from trainer.writing.schemas import schema_of

ASKED, ASKED_TOKENS, MOST_JSON_TOKENS = 24, 64, 256
"""Test rows that the model writes an answer to, and tokens of each; of JSON, which is nothing if it is cut, as many as those
that were learned have, within a limit."""
MOST_LEARNED = 5_000
"""Answers that others are compared with."""
EXAMPLES, EXAMPLE_CHARACTERS = 4, 600
READ_NUMBERS = 2**26
"""Scores that are held at once where rows are only read."""


class WritingRows(Rows):
    """`encoded[i]`: row i as the template has it, cut to `max_length` where it is read."""

    base: str | None = None
    """The name of the base model, None where it has no public one."""
    licence = ""
    """Of the base model."""
    is_quantized = False
    """Whether the base model is held in four bits while it is learned over."""
    packing = False
    """Whether the rows of a step are learned in one sequence (`trainer.families.text.packing`)."""
    base_sha256 = ""
    """Of its weights, where the model is those with an adapter added."""
    input_name = "prompt"
    work_unit = "tokens"
    most_compared = ASKED

    def __init__(self, loaded: Loaded, template: Template, folder: Path, max_length: int) -> None:
        self.template, self.folder, self.max_length = template, folder, max_length
        self.turns = self.turns_of(loaded)
        self.answers_to_learn = answers_to_learn(loaded)
        self.most_asked = most_asked(template, self.answers_to_learn, max_length)
        """Tokens of an answer to a test row."""
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
    ) -> tuple[tuple[Any, ...], Mix | None]:
        """(ids, targets): every answer of a conversation is learned; of a text that is too long another part each time."""
        read = [self.window(row, generator) for row in rows.tolist()]
        return apart(read) if self.packing else padded(read, device), None

    def training_batches(self, rows: np.ndarray, size: int, seed: int, epoch: int) -> list[np.ndarray]:
        """Packed, steps need no rows of like length: they are of about as many tokens each instead."""
        if not self.packing:
            return super().training_batches(rows, size, seed, epoch)
        return balance(self.lengths, rows, size, np.random.default_rng([seed, epoch]))

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
        return asked | {"max_tokens": self.most_asked}

    def input(self, row: int) -> Prompt:
        if row not in self.asked_rows():
            return Prompt(np.zeros(1, dtype=np.int64), Options(0))
        return self.prompt_of(row)

    def prompt_of(self, row: int) -> Prompt:
        """What is asked of any row."""
        asked = self.asked_of(row)
        ids = self.template.asked(asked["messages"]) if self.turns[row] else self.template.begun(asked["text"])
        room = max(self.max_length - self.most_asked, self.max_length // 2)
        return Prompt(ids[-room:], Options(self.most_asked), continues=not self.turns[row])

    def sampled(self) -> tuple[str, Prompt] | None:
        held = self.part("validation")
        if not len(held):
            return None
        row = int(held[0])
        shown = self.turns[row][-1]["content"] if self.turns[row] else beginning(self.loaded.values[WRITTEN][row])
        return shown, self.prompt_of(row)

    def written(self, rows: np.ndarray, outputs: Outputs) -> list[str]:
        texts = []
        for row, output in zip(rows.tolist(), outputs, strict=True):
            ids = output[FIGURES:].astype(np.int64)
            before = [] if self.turns[row] else list(self.template.begun(beginning(self.loaded.values[WRITTEN][row])))
            texts.append(self.template.continued(before, ids) if len(ids) else "")
        return texts

    def learned_text(self) -> str:
        return "\n".join([self.loaded.values[WRITTEN][row] for row in self.known("train")[:MOST_LEARNED]])

    def learned_answers(self) -> list[str]:
        return self.answers_to_learn

    def limited(self, row: int) -> str:
        text: str = self.loaded.values[WRITTEN][row]
        if not self.turns[row]:
            text = text[len(beginning(text)) :]
        return self.template.decode(self.template.encode(text)[: self.prompt_of(row).options.most])

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
        base = {"base_sha256": self.base_sha256} if self.base_sha256 else {}
        return base | {"form": form, "max_length": self.max_length, "examples_checked": True, "inputs": fields}

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


def answers_to_learn(loaded: Loaded) -> list[str]:
    """The first answers that are not tested on; in a cross-validation, where each is learned from too, of all."""
    rows = np.arange(len(loaded.split)) if loaded.folds is not None else np.flatnonzero(loaded.split == "train")
    return [loaded.values[WRITTEN][row] for row in rows[:MOST_LEARNED]]


def most_asked(template: Template, answers: list[str], max_length: int) -> int:
    """Tokens of an answer to a test row."""
    if schema_of(answers) is None:
        return ASKED_TOKENS
    longest = max(len(template.encode(text)) for text in answers) + 1
    return int(np.clip(longest, ASKED_TOKENS, max(min(MOST_JSON_TOKENS, max_length // 2), ASKED_TOKENS)))


def short_examples(rows: Rows, written: list[str]) -> list[dict[str, Any]]:
    """A few short test prompts without personal data."""
    hints = guess_hints("text", pa.chunked_array([pa.array(rows.shown(np.arange(rows.count)), pa.string())]))
    examples: dict[str, str] = {}
    for row in rows.part("test").tolist():
        prompt, answer = rows.shown(np.array([row]))[0], written[row]
        if prompt.strip() and len(prompt) <= EXAMPLE_CHARACTERS and not find_spans(prompt, hints):
            examples.setdefault(prompt, answer[:EXAMPLE_CHARACTERS])
        if len(examples) >= EXAMPLES:
            break
    return [{"input": prompt, "label": answer} for prompt, answer in examples.items()]


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


def apart(rows: list[tuple[np.ndarray, np.ndarray]]) -> tuple[list[Tensor], list[Tensor]]:
    """(ids, targets), each (length,) for each row, of rows of (ids, whether each is learned)."""
    ids = [torch.from_numpy(np.asarray(row, dtype=np.int64)) for row, _learned in rows]
    targets = [
        row.masked_fill(torch.from_numpy(~learned), IGNORED) for row, (_ids, learned) in zip(ids, rows, strict=True)
    ]
    return ids, targets
