"""Pretrained encoder-decoders that learn to write a text from another one: rows of two texts, and the model, of torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModelForSeq2SeqLM

from trainer.data.loading import Loaded
from trainer.errors import ModelError
from trainer.families.text import pieces
from trainer.families.text.frames import frame_of
from trainer.families.text.networks import Transformer
from trainer.families.text.packing import IGNORED
from trainer.families.text.templates import check_tokenizer
from trainer.families.text.text_to_text import TextToTextFamily, TextToTextRows
from trainer.families.text.writing_model import WritingModel, loaded_network
from trainer.families.text.writing_rows import WritingRows
from trainer.files import read_json
from trainer.learning.job import Job
from trainer.messages import _
from trainer.writing.encoder_decoders import is_encoder_decoder
from trainer.writing.frames import WRITER, FramedTemplate, read_tokenizers
from trainer.writing.prompts import TOKENIZER, Template


class EncoderDecoderRows(TextToTextRows):
    """`sources[row]` is read, `encoded[row]` is how its answer is written."""

    template: FramedTemplate

    def __init__(self, *args: Any) -> None:  # noqa: ANN401
        super().__init__(*args)
        self.read = [self.template.asked(turns) for turns in self.turns]
        self.lengths = self.lengths + np.array([len(ids) for ids in self.read])

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        """(what is read, which of it is there, targets): a row's answer begins with what is given."""
        read = [self.read[row] for row in rows.tolist()]
        written = [self.encoded[row].ids for row in rows.tolist()]
        source, attention_mask = stacked(read, 0)
        return source.to(device), attention_mask.to(device), stacked(written, IGNORED)[0].to(device)

    def learning_batch(
        self, rows: np.ndarray, device: torch.device, generator: np.random.Generator
    ) -> tuple[tuple[Tensor, ...], None]:
        return self.batch(rows, device), None

    def manifest(self) -> dict[str, Any]:
        return super().manifest() | {"frame": self.template.frame.manifest()}


def stacked(rows: Sequence[np.ndarray], padding: int) -> tuple[Tensor, Tensor]:
    """(ids, 1 where they are): each (rows, longest of them)."""
    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), padding, dtype=torch.int64)
    attention_mask = torch.zeros((len(rows), longest), dtype=torch.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row)], attention_mask[place, : len(row)] = torch.from_numpy(row), 1
    return ids, attention_mask


class EncoderDecoder(Transformer):
    """`body` is all of it but a last layer with weights of its own."""

    def scored(self, source: Tensor, attention_mask: Tensor, written: Tensor) -> Tensor:
        """(rows, length, vocabulary): of the token after each that is written."""
        scores: Tensor = self.network(
            input_ids=source, attention_mask=attention_mask, decoder_input_ids=written, use_cache=False
        ).logits
        return scores


class EncoderDecoderModel(WritingModel):
    template: FramedTemplate

    @property
    def network(self) -> EncoderDecoder:
        (network,) = self.whole
        assert isinstance(network, EncoderDecoder)
        return network

    def forward(self, source: Tensor, attention_mask: Tensor, targets: Tensor) -> Tensor:  # type: ignore[override]
        """(rows, 2): nats of what is written after its given beginning, and of how many tokens."""
        given = len(self.template.frame.start)
        labels = targets[:, given:]
        written = targets[:, :-1].clamp(min=0)  # what stands behind a row is seen by nothing
        scores = self.network.scored(source, attention_mask, written)[:, given - 1 :]
        asked = labels != IGNORED
        doubt = self.smoothing if self.training else 0.0
        nats = nn.functional.cross_entropy(
            scores[asked].float(), labels[asked], reduction="none", label_smoothing=doubt
        )
        rows = asked.nonzero()[:, 0]
        summed = torch.zeros(len(source), device=source.device).index_add(0, rows, nats)
        return torch.stack([summed, asked.sum(1).float()], dim=1)

    def features(self, *inputs: Tensor) -> Tensor:
        return self(*inputs)

    def greedy(self, prompts: Sequence[np.ndarray], most: int) -> list[np.ndarray]:
        """To each text that is read the likeliest token each time, until an end, so many tokens or the last position."""
        whole, device = self.network.network, next(self.parameters()).device
        source, attention_mask = (values.to(device) for values in stacked(prompts, 0))
        start, ends = self.template.frame.start, torch.tensor(self.template.ends, device=device)
        unread, past = torch.tensor([start] * len(prompts), device=device), None
        ended = torch.zeros(len(prompts), dtype=torch.bool, device=device)
        written = np.full((len(prompts), 0), IGNORED)
        with torch.inference_mode():
            encoded = whole.get_encoder()(input_ids=source, attention_mask=attention_mask)
            for _number in range(min(most, self.network.positions - len(start))):
                read = {"encoder_outputs": encoded, "attention_mask": attention_mask, "past_key_values": past}
                output = whole(decoder_input_ids=unread, use_cache=True, **read)
                past, token = output.past_key_values, output.logits[:, -1].argmax(1)
                ended |= torch.isin(token, ends)
                if ended.all():
                    break
                written = np.concatenate([written, torch.where(ended, IGNORED, token).cpu().numpy()[:, None]], axis=1)
                unread = token[:, None]
        return [row[row != IGNORED] for row in written]

    def save(self, folder: Path) -> None:
        super().save(folder)
        if not (folder / TOKENIZER).exists():
            self.template.tokenizer.save(str(folder / TOKENIZER))
        if self.template.writer is not self.template.tokenizer:
            self.template.writer.save(str(folder / WRITER))

    @classmethod
    def of(cls, folder: Path, template: Template) -> EncoderDecoderModel:
        return cls(EncoderDecoder(loaded_network(AutoModelForSeq2SeqLM, folder)), template, folder)


def own_tokenizers(folder: Path) -> tuple[Tokenizer, Tokenizer]:
    """(of what is read, of what is written): those of tokenizer.json, or of SentencePiece's files; `ModelError`."""
    if (folder / TOKENIZER).exists():
        return read_tokenizers(folder)
    try:
        tokenizers = pieces.tokenizers_of(folder)
    except (OSError, ValueError, LookupError, StopIteration) as error:
        raise ModelError(
            _("The base model cannot be loaded: %(error)s", error=str(error)[:200]), hint=_("Choose another model.")
        ) from error
    if tokenizers is None:
        check_tokenizer(folder)
    assert tokenizers is not None
    return tokenizers


class EncoderDecoderFamily(TextToTextFamily):
    """Summaries and translations, by a decoder or by an encoder-decoder."""

    def template_of(self, job: Job, folder: Path) -> Template:
        if not is_encoder_decoder(read_json(folder / "config.json")):
            return super().template_of(job, folder)
        read, written = own_tokenizers(folder)
        return FramedTemplate(read, frame_of(folder, read, job.task.slug, job.params), written)

    def rows_of(self, job: Job, loaded: Loaded, template: Template, folder: Path) -> WritingRows:
        if not isinstance(template, FramedTemplate):
            return super().rows_of(job, loaded, template, folder)
        return EncoderDecoderRows(loaded, template, folder, self.longest(job, folder), job.task.roles[0].name)

    def tell_template(self, job: Job, rows: WritingRows) -> None:
        """An encoder-decoder reads a text, and no messages."""
        if not isinstance(rows, EncoderDecoderRows):
            super().tell_template(job, rows)

    def model_of(self, rows: WritingRows) -> WritingModel:
        kind = EncoderDecoderModel if isinstance(rows, EncoderDecoderRows) else WritingModel
        return kind.of(rows.folder, rows.template)

    def native(self, folder: Path) -> str:
        is_pair = is_encoder_decoder(read_json(folder / "config.json"))
        return "encoder-decoder" if is_pair else super().native(folder)
