"""Conversations and texts as tokens, and which of them are learned: one template for learning, testing and serving.

    <|begin|> <|user|> What is it? <|end|> <|assistant|> A kettle. <|end|>

What stands between the markers is encoded by itself, so that no text can pretend to be a marker. A pretrained model with a chat
template reads what that puts between messages (`trainer.writing.gaps`); one without reads the markers as plain text, and its own
begin and end.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trainer.conversations import UNLEARNED
from trainer.files import read_json
from trainer.writing.gaps import Gaps, Turn, fitted, gap, read_gaps

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER = "tokenizer.json"
BEGIN, END = "<|begin|>", "<|end|>"
ROLES = ("system", "user", "assistant", "tool")
MARKERS = {role: f"<|{role}|>" for role in ROLES}
SPECIAL = (BEGIN, END, *MARKERS.values())
ASSISTANT = "assistant"
HALF_CHARACTER = "\ufffd"


class Encoded(NamedTuple):
    """`learned[i]`: whether token i is learned; `start`: where the last answer begins."""

    ids: np.ndarray
    learned: np.ndarray
    start: int

    def cut(self, most: int) -> "Encoded":
        """At most so many tokens: as much of the last answer as fits into three quarters, and what stands right before it."""
        if len(self.ids) <= most:
            return self
        first = min(max(0, self.start - most // 4), len(self.ids) - most)
        window = slice(first, first + most)
        return Encoded(self.ids[window], self.learned[window], max(self.start - first, 1))


class Template:
    def __init__(
        self, tokenizer: "Tokenizer", begin: int | None, ends: Sequence[int], gaps: Gaps | None = None
    ) -> None:
        """`begin`: the token before everything; `ends`: those that end an answer, the first of them that which is learned; `gaps`:
        what stands between messages in place of the markers."""
        self.tokenizer, self.begin, self.gaps = tokenizer, begin, gaps or {}
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.encode_special_tokens = False
        self.between = {pair: self.encode(text) for pair, text in self.gaps.items()}
        self.ends = tuple(dict.fromkeys([*self.own_ends(), *ends]))
        tokenizer.encode_special_tokens = True
        self.markers = {role: self.marker(text) for role, text in MARKERS.items()}

    def own_ends(self) -> list[int]:
        """The special token that the template puts behind an answer, if it is one."""
        last = self.between.get("assistant>", [])[:1]
        return last if last and not self.decode(last) else []

    @classmethod
    def load(cls, folder: Path, gaps: Gaps | None = None) -> "Template":
        """That of a model's folder, with the gaps that are kept there unless others are given."""
        from tokenizers import Tokenizer

        config = read_json(folder / "config.json")
        ends = config.get("eos_token_id")
        listed = ends if isinstance(ends, list) else [] if ends is None else [ends]
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        return cls(tokenizer, config.get("bos_token_id"), listed, read_gaps(folder) if gaps is None else gaps)

    def marker(self, text: str) -> list[int]:
        own = self.tokenizer.token_to_id(text)
        return self.encode(f"{text}\n") if own is None else [own]

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        text: str = self.tokenizer.decode([int(each) for each in ids], skip_special_tokens=True)
        return text

    def shortened(self, text: str, most: int) -> str:
        """As much of a text's beginning as such a number of tokens holds, with what marks a message."""
        room = max(most - self.around, 1)
        ids = self.encode(text)
        return text if len(ids) <= room else self.decode(ids[:room]).rstrip(HALF_CHARACTER)

    @property
    def around(self) -> int:
        """Tokens of a conversation of one message and its answer apart from their texts."""
        if self.gaps:
            return len(self.gap("", "user")) + len(self.gap("user", ASSISTANT)) + len(self.closing)
        return len(self.opening) + len(self.markers["user"]) + len(self.markers[ASSISTANT]) + 2 * len(self.closing)

    def continued(self, before: Sequence[int] | np.ndarray, ids: Sequence[int] | np.ndarray) -> str:
        """What `ids` add to the text of the tokens before them."""
        context = [int(each) for each in before][-16:]
        return self.decode([*context, *(int(each) for each in ids)])[len(self.decode(context)) :]

    @property
    def opening(self) -> list[int]:
        return [] if self.begin is None else [self.begin]

    @property
    def closing(self) -> list[int]:
        return list(self.ends[:1])

    # Rows

    def conversation(self, turns: Sequence[Turn]) -> Encoded:
        """A conversation that ends with an answer: every answer is learned, with its end, unless its weight is 0."""
        turns = fitted(turns, self.gaps) if self.gaps else turns
        ids, learned, start = list[int](), list[bool](), 0
        before, was_learned = "", False
        for turn in turns:
            between = self.gap(before, turn["role"])
            content = self.encode(turn["content"])
            ends = self.closing_of(between) if was_learned else 0
            was_learned = is_learned(turn)
            start = len(ids) + len(between) if turn["role"] == ASSISTANT else start
            ids = [*ids, *between, *content]
            learned += [place < ends for place in range(len(between))] + [was_learned] * len(content)
            before = turn["role"]
        return Encoded(
            np.array([*ids, *self.closing], dtype=np.int64), np.array([*learned, *map(bool, self.ends[:1])]), start
        )

    def gap(self, before: str, after: str) -> list[int]:
        """The tokens between two messages, by the roles of both; nothing stands for the beginning."""
        if self.gaps:
            return self.encoded_gap(gap(before, after, self.gaps))
        return [*(self.closing if before else self.opening), *self.markers[after]]

    def encoded_gap(self, text: str) -> list[int]:
        return next(ids for pair, ids in self.between.items() if self.gaps[pair] == text)

    def closing_of(self, between: list[int]) -> int:
        """How many tokens behind an answer are its end, which is learned with it."""
        return next((place + 1 for place, token in enumerate(between) if token in self.ends), 0)

    def text(self, text: str) -> Encoded:
        """A text of a corpus: all of it is learned."""
        ids = [*self.opening, *self.encode(text), *self.closing]
        learned = np.ones(len(ids), dtype=bool)
        learned[0] = False  # there is nothing before it
        return Encoded(np.array(ids, dtype=np.int64), learned, 1)

    # Prompts

    def asked(self, turns: Sequence[Turn]) -> np.ndarray:
        """A conversation up to where the next answer begins."""
        turns = fitted(turns, self.gaps) if self.gaps else turns
        ids, before = list[int](), ""
        for turn in turns:
            ids, before = [*ids, *self.gap(before, turn["role"]), *self.encode(turn["content"])], turn["role"]
        return np.array([*ids, *self.gap(before, ASSISTANT)], dtype=np.int64)

    def begun(self, text: str) -> np.ndarray:
        """The beginning of a text, to be continued."""
        return np.array([*self.opening, *self.encode(text)] or self.encode("\n"), dtype=np.int64)


def is_learned(turn: Turn) -> bool:
    return turn["role"] == ASSISTANT and bool(turn["content"].strip()) and turn.get("weight") != UNLEARNED


def config_of(template: Template) -> dict[str, Any]:
    return {"bos_token_id": template.begin, "eos_token_id": list(template.ends)}
