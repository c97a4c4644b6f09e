"""What an encoder-decoder reads around a text, and what its answer begins with: the same in learning, testing and serving."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.files import read_json
from trainer.writing.gaps import Turn
from trainer.writing.prompts import TOKENIZER, Encoded, Template

if TYPE_CHECKING:
    from tokenizers import Tokenizer


WRITER = "target_tokenizer.json"


@dataclass(frozen=True)
class Frame:
    """`prefix`: words before the text; `before` and `after`: tokens around it; `start`: tokens that an answer begins with, which are
    given and not learned; `ends`: tokens that end one."""

    prefix: str = ""
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    start: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()

    def manifest(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, manifest: dict[str, Any]) -> "Frame":
        tokens = {name: tuple(manifest[name]) for name in ("before", "after", "start", "ends")}
        return cls(manifest["prefix"], **tokens)


class FramedTemplate(Template):
    """A template without roles: one text is read, and another one is written."""

    def __init__(self, tokenizer: "Tokenizer", frame: Frame, writer: "Tokenizer | None" = None) -> None:
        """`writer`: what cuts the texts that are written, where a model has another one for them; both count alike."""
        super().__init__(tokenizer, None, frame.ends)
        self.frame, self.writer = frame, writer or tokenizer
        self.writer.encode_special_tokens = True
        self.prefix = self.encode(frame.prefix) if frame.prefix else []

    @classmethod
    def framed(cls, folder: Path, frame: Frame) -> "FramedTemplate":
        """That of a model's folder."""
        read, written = read_tokenizers(folder)
        return cls(read, frame, written)

    def encode_written(self, text: str) -> list[int]:
        ids: list[int] = self.writer.encode(text, add_special_tokens=False).ids
        return ids

    @property
    def around(self) -> int:
        """Tokens of a text and its answer apart from what they say."""
        frame = self.frame
        return len(frame.before) + len(self.prefix) + len(frame.after) + len(frame.start) + len(self.closing)

    def asked(self, turns: Sequence[Turn]) -> np.ndarray:
        """The ids that are read of the last message's text."""
        frame, text = self.frame, turns[-1]["content"]
        ids = [*frame.before, *self.encode(frame.prefix + text), *frame.after]
        return np.array(ids, dtype=np.int64)

    def conversation(self, turns: Sequence[Turn]) -> Encoded:
        """The last message as it is written: all of it but how it begins is learned, with its end."""
        begun = len(self.frame.start)
        ids = [*self.frame.start, *self.encode_written(turns[-1]["content"]), *self.closing]
        learned = np.arange(len(ids)) >= begun
        return Encoded(np.array(ids, dtype=np.int64), learned, begun)


def read_tokenizers(folder: Path) -> "tuple[Tokenizer, Tokenizer]":
    """(of what is read, of what is written) by a model of this folder; mostly one is both."""
    from tokenizers import Tokenizer

    read = Tokenizer.from_file(str(folder / TOKENIZER))
    own = folder / WRITER
    return read, Tokenizer.from_file(str(own)) if own.exists() else read


def said_of(folder: Path, name: str) -> Any:  # noqa: ANN401
    """A setting of how a model writes: of generation_config.json, or else of config.json."""
    setting = read_json(folder / "generation_config.json").get(name)
    return read_json(folder / "config.json").get(name) if setting is None else setting
