"""Conversations and texts as tokens, and which of them are learned: one template for learning, testing and serving.

    <|begin|> <|user|> What is it? <|end|> <|assistant|> A kettle. <|end|>

What stands between the markers is encoded by itself, so that no text can pretend to be a marker. A pretrained model that has
no such tokens reads the markers as plain text, and its own begin and end.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trainer.files import read_json

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER = "tokenizer.json"
BEGIN, END = "<|begin|>", "<|end|>"
ROLES = ("system", "user", "assistant", "tool")
MARKERS = {role: f"<|{role}|>" for role in ROLES}
SPECIAL = (BEGIN, END, *MARKERS.values())
ASSISTANT = "assistant"
HALF_CHARACTER = "\ufffd"
Turn = Mapping[str, str]
"""{role, content} of a message."""


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
        kept = slice(first, first + most)
        return Encoded(self.ids[kept], self.learned[kept], max(self.start - first, 1))


class Template:
    def __init__(self, tokenizer: "Tokenizer", begin: int | None, ends: Sequence[int]) -> None:
        """`begin`: the token before everything; `ends`: those that end an answer, the first of them that which is learned."""
        self.tokenizer, self.begin, self.ends = tokenizer, begin, tuple(ends)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.encode_special_tokens = True
        self.markers = {role: self.marker(text) for role, text in MARKERS.items()}

    @classmethod
    def load(cls, folder: Path) -> "Template":
        """That of a model's folder."""
        from tokenizers import Tokenizer

        config = read_json(folder / "config.json")
        ends = config.get("eos_token_id")
        listed = ends if isinstance(ends, list) else [] if ends is None else [ends]
        return cls(Tokenizer.from_file(str(folder / TOKENIZER)), config.get("bos_token_id"), listed)

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
        """A conversation that ends with an answer: every answer is learned, with its end."""
        ids, learned, start = self.opening, [False] * len(self.opening), 0
        for turn in turns:
            marker = self.markers[turn["role"]]
            content = [*self.encode(turn["content"]), *self.closing]
            is_answer = turn["role"] == ASSISTANT
            start = len(ids) + len(marker) if is_answer else start
            ids = [*ids, *marker, *content]
            learned += [False] * len(marker) + [is_answer] * len(content)
        return Encoded(np.array(ids, dtype=np.int64), np.array(learned), start)

    def text(self, text: str) -> Encoded:
        """A text of a corpus: all of it is learned."""
        ids = [*self.opening, *self.encode(text), *self.closing]
        learned = np.ones(len(ids), dtype=bool)
        learned[0] = False  # there is nothing before it
        return Encoded(np.array(ids, dtype=np.int64), learned, 1)

    # Prompts

    def asked(self, turns: Sequence[Turn]) -> np.ndarray:
        """A conversation up to where the next answer begins."""
        ids = self.opening
        for turn in turns:
            ids = [*ids, *self.markers[turn["role"]], *self.encode(turn["content"]), *self.closing]
        return np.array([*ids, *self.markers[ASSISTANT]], dtype=np.int64)

    def begun(self, text: str) -> np.ndarray:
        """The beginning of a text, to be continued."""
        return np.array([*self.opening, *self.encode(text)] or self.encode("\n"), dtype=np.int64)


def config_of(template: Template) -> dict[str, Any]:
    return {"bos_token_id": template.begin, "eos_token_id": list(template.ends)}
