"""Whispers: an encoder listens to a spectrogram of fixed length, a decoder writes one token after another."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import WhisperForConditionalGeneration

from trainer.engines import open_session
from trainer.engines.speech import DECODER
from trainer.errors import ModelError
from trainer.families.audio.ctc import OFFLINE, Speaking, unloadable
from trainer.families.audio.model import hush
from trainer.files import read_json
from trainer.messages import _
from trainer.packaging.graphs import trace, write_graph
from trainer.params import OptimisationParams
from trainer.sounds import Hearing
from trainer.transcripts import TOKENIZER, Pieces
from trainer.writing.beams import written
from trainer.writing.speech_decoder import unsupported

IGNORED = -100
ENGLISH_ONLY = 51_864
"""Vocabulary of the Whispers that know no other language."""
LANGUAGE = re.compile(r"<\|([a-z]{2,3})\|>")
FEWEST_TOKENS = 16
KEPT = (TOKENIZER, "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt", "added_tokens.json", "normalizer.json", "generation_config.json")  # fmt: skip


class Whisper(Speaking):
    """`encoder` is the whole of it but the last layer, which shares its weights with the first of the decoder."""

    script: Pieces
    new_layers = ("none.",)

    def __init__(self, network: nn.Module, hearing: Hearing, source: Path) -> None:
        super().__init__()
        self.hearing, self.script, self.source = hearing, Pieces(source), source
        self.whole = (network,)  # in a tuple, so that its parts are registered once
        self.encoder = network.model
        self.config = network.config
        self.prefix = [self.config.decoder_start_token_id]
        self.positions, self.smoothing = FEWEST_TOKENS, 0.0
        self.beams, self.has_learned = 1, False
        """`beams`: with which it answers once it has learned; validation is greedy."""
        self.eval()

    @property
    def answers_slower(self) -> bool:  # type: ignore[override]
        return self.beams > 1

    def writes(self) -> dict[str, Any]:
        writes = {"positions": self.positions, "prefix": self.prefix, "end": self.config.eos_token_id}
        return writes | ({"beams": self.beams} if self.beams > 1 else {})

    @property
    def room(self) -> int:
        """Tokens that can be written after the prefix."""
        return self.config.max_target_positions - len(self.prefix) - 1

    def begin(self, language: str, sounds: Tensor, longest: int) -> None:
        """Fix what every text begins with, and how long one may be: twice the longest of the rows."""
        languages = {} if self.english_only() else self.languages()
        if languages:
            if language and language not in languages:
                raise ModelError(_("The base model knows no language “%(language)s”.", language=language), hint=_("It knows %(names)s.", names=', '.join(sorted(languages))))  # fmt: skip
            self.prefix.append(languages[language] if language else self.language_of(sounds, list(languages.values())))
            self.prefix += [token for token in [self.script.find("<|transcribe|>")] if token is not None]
        self.prefix += [token for token in [self.script.find("<|notimestamps|>")] if token is not None]
        self.positions = min(self.room, max(FEWEST_TOKENS, 2 * longest))

    def english_only(self) -> bool:
        multilingual = read_json(self.source / "generation_config.json").get("is_multilingual")
        return self.config.vocab_size == ENGLISH_ONLY if multilingual is None else not multilingual

    def languages(self) -> dict[str, int]:
        """Code → token."""
        vocabulary = self.script.tokenizer.get_vocab(with_added_tokens=True)
        return {match[1]: token_id for token, token_id in vocabulary.items() if (match := LANGUAGE.fullmatch(token))}

    def language_of(self, sounds: Tensor, tokens: list[int]) -> int:
        """The language that the model hears in most of a few sounds."""
        with torch.inference_mode():
            encoded = self.encoder.encoder(sounds).last_hidden_state
            begun = torch.full((len(sounds), 1), self.prefix[0], device=sounds.device)
            scores = self.score(self.encoder.decoder(input_ids=begun, encoder_hidden_states=encoded).last_hidden_state)
        return tokens[int(scores[:, -1, tokens].float().log_softmax(1).sum(0).argmax())]

    def score(self, hidden: Tensor) -> Tensor:
        (network,) = self.whole
        return network.proj_out(hidden)

    def features(self, sounds: Tensor) -> Tensor:
        """What an estimate times: all of it."""
        return self(sounds)

    def forward(self, sounds: Tensor) -> list[Tensor]:
        """The ids that are written to each sound, as many as it takes."""
        with torch.autocast(sounds.device.type, enabled=False):
            encoded = self.encoder.encoder(sounds).last_hidden_state
            writes = self.writes() if self.has_learned else self.writes() | {"beams": 1}
            return [torch.from_numpy(ids) for ids in written(Following(self, encoded), len(sounds), writes)]

    def loss(self, sounds: Tensor, targets: list[np.ndarray]) -> Tensor:
        """Cross entropy of each token after those before it; the prefix is given, not learned."""
        end, given = self.config.eos_token_id, len(self.prefix)
        texts = [[*self.prefix, *ids[: self.room - 1].tolist(), end] for ids in targets]
        width = max(map(len, texts))
        tokens = torch.full((len(texts), width), end)
        labels = torch.full((len(texts), width), IGNORED)
        for row, text in enumerate(texts):
            tokens[row, : len(text)] = torch.tensor(text)
            labels[row, given : len(text)] = torch.tensor(text[given:])
        tokens, labels = tokens[:, :-1].to(sounds.device), labels[:, 1:].to(sounds.device)
        encoded = self.encoder.encoder(sounds).last_hidden_state
        hidden = self.encoder.decoder(
            input_ids=tokens, encoder_hidden_states=encoded, use_cache=False
        ).last_hidden_state
        scores = self.score(hidden).float()
        doubt = self.smoothing if self.training else 0.0
        options = {"ignore_index": IGNORED, "label_smoothing": doubt}
        return nn.functional.cross_entropy(scores.flatten(0, 1), labels.flatten(), **options)

    def prepare_to_learn(self, params: OptimisationParams) -> None:
        hush(self.encoder)
        self.smoothing, self.has_learned = params.label_smoothing, False

    def prepare_to_answer(self) -> None:
        self.has_learned = True

    def save(self, folder: Path) -> None:
        (network,) = self.whole
        network.save_pretrained(folder, safe_serialization=True)
        for name in KEPT:
            if (self.source / name).exists():
                shutil.copyfile(self.source / name, folder / name)
        self.hearing.save(folder)

    @classmethod
    def of(cls, folder: Path, hearing: Hearing, attention: str | None = None) -> "Whisper":
        """A pretrained one whose 30 seconds are shortened to those that are heard: time is proportional to them."""
        extra = {"attn_implementation": attention} if attention else {}
        try:
            network = WhisperForConditionalGeneration.from_pretrained(folder, **OFFLINE, **extra)
        except (OSError, ValueError, KeyError) as error:
            raise unloadable(error) from error
        encoder, positions = network.model.encoder, hearing.frames // 2
        if positions < network.config.max_source_positions:
            encoder.embed_positions = nn.Embedding.from_pretrained(encoder.embed_positions.weight[:positions].clone())
            encoder.max_source_positions = network.config.max_source_positions = positions
        return cls(network, hearing, folder)

    @classmethod
    def load(cls, folder: Path, attention: str | None = None) -> "Whisper":
        return cls.of(folder, Hearing.load(folder), attention)

    def write_onnx(self, target: Path) -> None:
        """A graph of `sound` → what was heard. What writes is computed from the weights (`trainer.writing.speech_decoder`), or where
        that knows not all of it, a second graph."""
        sounds = torch.randn(2, *self.hearing.shape, generator=torch.Generator().manual_seed(0))
        write_graph(Listening(self).eval(), sounds, target, "sound")
        if unsupported(self.config.to_dict()):
            self.write_decoder(sounds, target.with_name(DECODER))

    def write_decoder(self, sounds: Tensor, target: Path) -> None:
        """A graph of what was `encoded` and the `tokens` so far → scores of the next one."""
        writing = Writing(self).eval()
        with torch.inference_mode():
            encoded = self.encoder.encoder(sounds).last_hidden_state
        tokens = torch.arange(8).reshape(2, 4)
        axes = {"heard": {0: "batch"}, "tokens": {0: "batch", 1: "length"}}
        trace(writing, (encoded.clone(), tokens), axes, target)
        check(writing, encoded, target)


class Following:
    """A `trainer.writing.beams.Step` of the network's own decoder, which reads no token twice."""

    def __init__(self, model: Whisper, encoded: Tensor) -> None:
        self.model, self.encoded, self.past = model, encoded, None

    def __call__(self, tokens: np.ndarray, before: np.ndarray) -> np.ndarray:
        if len(before) != len(self.encoded) or (before != np.arange(len(before))).any():
            self.follow(torch.from_numpy(before).to(self.encoded.device))
        new = torch.from_numpy(tokens if self.past is None else tokens[:, -1:]).to(self.encoded.device)
        options = {"past_key_values": self.past, "use_cache": True}
        decoded = self.model.encoder.decoder(input_ids=new, encoder_hidden_states=self.encoded, **options)
        self.past = decoded.past_key_values
        scores: np.ndarray = self.model.score(decoded.last_hidden_state[:, -1]).float().cpu().numpy()
        return scores

    def follow(self, before: Tensor) -> None:
        self.encoded = self.encoded.index_select(0, before)
        if self.past is not None:
            self.past.reorder_cache(before)


class Listening(nn.Module):
    def __init__(self, model: Whisper) -> None:
        super().__init__()
        self.encoder = model.encoder.encoder

    def forward(self, sounds: Tensor) -> Tensor:
        return self.encoder(sounds).last_hidden_state


class Writing(nn.Module):
    def __init__(self, model: Whisper) -> None:
        super().__init__()
        self.decoder, self.last = model.encoder.decoder, model.whole[0].proj_out

    def forward(self, encoded: Tensor, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        later = torch.full((length, length), torch.finfo(encoded.dtype).min).triu(1)
        mask = later[None, None].expand(tokens.shape[0], 1, length, length)  # a ready one: making it cannot be traced
        options = {"encoder_hidden_states": encoded, "attention_mask": mask, "use_cache": False}
        decoded = self.decoder(input_ids=tokens, **options)
        return self.last(decoded.last_hidden_state[:, -1])


def check(writing: Writing, encoded: Tensor, path: Path) -> None:
    """Whether texts of other lengths, and single ones, are answered alike."""
    session = open_session(path)
    for rows, length in ((1, 1), (2, 7)):
        tokens = torch.arange(rows * length).reshape(rows, length)
        with torch.inference_mode():
            right = writing(encoded[:rows], tokens).numpy()
        scores = session.run(None, {"heard": encoded[:rows].numpy(), "tokens": tokens.numpy()})[0]
        if not np.allclose(scores, right, rtol=1e-2, atol=1e-2 * (np.abs(right).mean() + 1e-6)):
            raise ModelError(_("The packaged model and the trained one disagree."), hint=_("Report this."))
