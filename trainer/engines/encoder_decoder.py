"""Summaries and translations by a model that reads a text whole and writes another, without torch."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from trainer.engines.text_to_text import TextToTextEngine
from trainer.engines.writing import Prompt
from trainer.writing.drafts import Draft, finished
from trainer.writing.encoder_decoders import load
from trainer.writing.frames import WRITER, Frame, FramedTemplate
from trainer.writing.network import Answering


class EncoderDecoderEngine(TextToTextEngine):
    """`Prompt.ids` is what is read; `scored` the whole of a right answer, as it is written."""

    template: FramedTemplate

    @property
    def shared(self) -> None:
        """It is tuned as a whole, and kept as one."""

    def open(self, threads: int | None) -> None:
        folder = self.artifact / "model"
        self.network = load(folder)
        self.template = FramedTemplate.framed(folder, Frame.of(self.manifest["frame"]))
        self.max_length: int = self.manifest["max_length"]
        self.most = self.manifest["most_tokens"]

    def other_files(self) -> tuple[Path, ...]:
        writer = self.artifact / "model" / WRITER
        return (*super().other_files(), *((writer,) if writer.exists() else ()))

    def reader(self, prompt: Prompt) -> Answering:
        return self.network.of(prompt.ids)

    def begin(self, prompt: Prompt) -> Draft:
        start = np.array(self.template.frame.start, dtype=np.int64)
        return Draft(self.reader(prompt), self.template, start, prompt.options, start[:0])

    def drafted(self, inputs: Sequence[Prompt]) -> list[Draft]:
        drafts = [self.begin(prompt) for prompt in inputs]
        finished(self.network.writer, drafts)
        return drafts

    def answer_bytes(self, prompt: Prompt) -> int:
        return self.reader(prompt).cache_bytes(len(self.template.frame.start) + prompt.options.most)

    def figures(self, prompt: Prompt) -> np.ndarray:
        nats = self.reader(prompt).nats(prompt.scored, prompt.start) if prompt.start else np.zeros(0)
        return np.array([nats.sum(), len(nats), prompt.characters], dtype=np.float64)

    def falls(self, value: Prompt, others: Iterable[Prompt]) -> np.ndarray:
        answer = np.array([*self.template.frame.start, *self.drafted([value])[0].written], dtype=np.int64)
        return np.array([self.nats_of(prompt, answer) for prompt in others]) - self.nats_of(value, answer)

    def nats_of(self, prompt: Prompt, answer: np.ndarray) -> float:
        return float(self.reader(prompt).nats(answer, len(self.template.frame.start)).sum())
