"""What writes speech down: models with one output a moment (CTC), made by others or small and new, and Whispers.

Each maps sounds to ids when asked, (batch, moments) or of each as many as it writes, and has a `loss`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoModelForCTC

from trainer.engines.speech import frames_a_piece
from trainer.errors import ModelError
from trainer.families.audio.model import hush
from trainer.files import read_json
from trainer.learning.model import TrainableModel
from trainer.messages import _
from trainer.packaging.graphs import write_graph
from trainer.params import OptimisationParams
from trainer.sounds import BUCKET_SECONDS, Hearing
from trainer.speech_net import DROPOUT, KERNEL, LAYERS, STRIDE, WIDTH
from trainer.transcripts import VOCABULARY, Characters, Script

KIND = "maquette-speech"
"""`model_type` in config.json of the small net."""
WEIGHTS, CONFIG = "model.safetensors", "config.json"
OFFLINE = {"local_files_only": True, "use_safetensors": True, "dtype": torch.float32}


class Speaking(TrainableModel):
    """What every one has."""

    hearing: Hearing
    script: Script

    def writes(self) -> dict[str, Any]:
        """What the engine must know to write: how its answers begin and end, and how long they may be."""
        return {}

    def loss(self, sounds: Tensor, targets: list[np.ndarray]) -> Tensor:
        raise NotImplementedError


class Ctc(Speaking):
    """One distribution over the characters a moment (Graves et al. 2006)."""

    script: Characters
    encoder: nn.Module
    head: nn.Linear

    def __init__(self, hearing: Hearing, script: Characters) -> None:
        super().__init__()
        self.hearing, self.script = hearing, script

    def logits(self, sounds: Tensor) -> Tensor:
        """(batch, moments, symbols)."""
        raise NotImplementedError

    def features(self, sounds: Tensor) -> Tensor:
        """What an estimate times: all of it."""
        return self.logits(sounds)

    def forward(self, sounds: Tensor) -> Tensor:
        with torch.autocast(sounds.device.type, enabled=False):
            return self.logits(sounds).argmax(2)

    def loss(self, sounds: Tensor, targets: list[np.ndarray]) -> Tensor:
        scores = self.logits(sounds).float().log_softmax(2).transpose(0, 1)
        moments = torch.full((len(targets),), scores.shape[0], dtype=torch.long)
        lengths = torch.tensor([len(ids) for ids in targets], dtype=torch.long)
        labels = torch.from_numpy(np.concatenate(targets)).to(scores.device)
        blank = self.script.blank
        return nn.functional.ctc_loss(scores, labels, moments, lengths, blank, zero_infinity=True)

    def example(self, batch: int, seconds: float) -> Tensor:
        raise NotImplementedError

    def write_onnx(self, target: Path) -> None:
        """A graph of `sound` → `logits` of any length."""
        others = tuple(self.example(3, seconds) for seconds in (0.5, 2.0))
        write_graph(Logits(self).eval(), self.example(2, 1.0), target, "sound", others)


class Logits(nn.Module):
    def __init__(self, model: Ctc) -> None:
        super().__init__()
        self.model = model

    def forward(self, sounds: Tensor) -> Tensor:
        return self.model.logits(sounds)


class PretrainedCtc(Ctc):
    """wav2vec2, HuBERT, WavLM and their like: samples → characters."""

    def __init__(self, network: nn.Module, hearing: Hearing, script: Characters) -> None:
        super().__init__(hearing, script)
        self.whole = (network,)  # in a tuple, so that its parts are registered once
        self.encoder, self.head = network.base_model, network.lm_head
        self.eval()

    def logits(self, sounds: Tensor) -> Tensor:
        return self.head(self.encoder(sounds).last_hidden_state)

    def example(self, batch: int, seconds: float) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        pieces = round(np.ceil(seconds / BUCKET_SECONDS))
        return torch.randn(batch, pieces * int(BUCKET_SECONDS * self.hearing.rate), generator=generator)

    def prepare_to_learn(self, params: OptimisationParams) -> None:
        hush(self.encoder)

    def save(self, folder: Path) -> None:
        (network,) = self.whole
        network.lm_head = self.head
        network.config.vocab_size, network.config.pad_token_id = len(self.script.symbols), self.script.blank
        network.save_pretrained(folder, safe_serialization=True)
        self.hearing.save(folder)
        self.script.save(folder)

    @classmethod
    def of(cls, folder: Path, hearing: Hearing, script: Characters) -> "PretrainedCtc":
        """A pretrained model that writes `script`; what its head knows of it is kept."""
        before = Characters.load(folder)
        try:
            network, loading = AutoModelForCTC.from_pretrained(folder, **OFFLINE, output_loading_info=True)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise unloadable(error) from error
        if not isinstance(getattr(network, "lm_head", None), nn.Linear):
            kind = network.config.model_type
            raise ModelError(
                _("The base model writes in a way not known here (%(kind)s).", kind=kind), hint=_("Choose another one.")
            )
        old = network.lm_head
        fresh = any("lm_head" in str(key) for key in loading["missing_keys"])
        codes = {} if fresh or before is None else {symbol: code for code, symbol in enumerate(before.symbols)}
        network.lm_head = nn.Linear(old.in_features, len(script.symbols))
        with torch.no_grad():
            for code, symbol in enumerate(script.symbols):
                if symbol in codes:
                    network.lm_head.weight[code] = old.weight[codes[symbol]]
                    network.lm_head.bias[code] = old.bias[codes[symbol]]
        return cls(network, hearing, script)

    @classmethod
    def load(cls, folder: Path, attention: str | None = None) -> "PretrainedCtc":
        extra = {"attn_implementation": attention} if attention else {}
        network = AutoModelForCTC.from_pretrained(folder, **OFFLINE, **extra)
        return cls(network, Hearing.load(folder), characters_of(folder))


class ScratchCtc(Ctc):
    """`trainer.speech_net`: spectrograms (batch, frames, mels, 1) bytes → characters."""

    def __init__(self, hearing: Hearing, script: Characters) -> None:
        super().__init__(hearing, script)
        sizes = (hearing.mels, *[WIDTH] * len(STRIDE))
        blocks = []
        for before, after, stride in zip(sizes, sizes[1:], STRIDE, strict=False):
            blocks += [nn.Conv1d(before, after, KERNEL, stride, KERNEL // 2, bias=False), nn.BatchNorm1d(after)]
            blocks += [nn.GELU(), nn.Dropout(DROPOUT)]
        self.encoder = nn.Sequential(*blocks)
        self.memory = nn.GRU(WIDTH, WIDTH, LAYERS, batch_first=True, bidirectional=True, dropout=DROPOUT)
        self.head = nn.Linear(2 * WIDTH, len(script.symbols))
        self.eval()

    def logits(self, sounds: Tensor) -> Tensor:
        levels = sounds.squeeze(3).float() * self.hearing.factor[0] + self.hearing.shift[0]
        moments = self.encoder(levels.transpose(1, 2)).transpose(1, 2)
        with torch.autocast(sounds.device.type, enabled=False):
            return self.head(self.memory(moments.float())[0])

    def example(self, batch: int, seconds: float) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        frames = round(np.ceil(seconds / BUCKET_SECONDS)) * frames_a_piece(self.hearing)
        return torch.randint(0, 256, (batch, frames, self.hearing.mels, 1), generator=generator, dtype=torch.uint8)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: value.detach().contiguous() for name, value in self.state_dict().items()}, folder / WEIGHTS)
        (folder / CONFIG).write_text(json.dumps({"model_type": KIND, "width": WIDTH, "layers": LAYERS}), "utf-8")
        self.hearing.save(folder)
        self.script.save(folder)

    @classmethod
    def of(cls, folder: Path, hearing: Hearing, script: Characters) -> "ScratchCtc":
        """A trained net that goes on with other texts: the head's rows of characters that both know are kept."""
        model, given, before = cls(hearing, script), load_file(folder / WEIGHTS), Characters.load(folder)
        rows = {symbol: code for code, symbol in enumerate(before.symbols if before else ())}
        own = model.state_dict()
        for code, symbol in enumerate(script.symbols):
            if symbol in rows:
                for name in ("head.weight", "head.bias"):
                    own[name][code] = given[name][rows[symbol]]
        model.load_state_dict(given | {name: own[name] for name in ("head.weight", "head.bias")})
        return model

    @classmethod
    def load(cls, folder: Path, attention: str | None = None) -> "ScratchCtc":
        model = cls(Hearing.load(folder), characters_of(folder))
        model.load_state_dict(load_file(folder / WEIGHTS))
        return model.eval()


def characters_of(folder: Path) -> Characters:
    """Those that a trained model writes with; `ModelError` where its folder does not say."""
    characters = Characters.load(folder)
    if characters is None:
        raise unloadable(ValueError(f"{VOCABULARY} is missing or damaged"))
    return characters


def kind_of(folder: Path) -> str:
    return read_json(folder / CONFIG).get("model_type", "")


def unloadable(error: Exception) -> ModelError:
    words = str(error).splitlines()[0] if str(error) else type(error).__name__
    return ModelError(_("The base model cannot be loaded: %(words)s", words=words), hint=_("Choose another one."))
