"""A sound model of transformers, or a small net over spectrograms, with one layer on top."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig

from trainer import answers
from trainer.errors import ModelError
from trainer.families.image.model import HEAD_CONFIG, HEAD_WEIGHTS
from trainer.families.image.small_nets import ScratchModel
from trainer.learning.heads import head_of, without_dropout
from trainer.learning.model import TrainableModel
from trainer.messages import _
from trainer.packaging.graphs import write_graph
from trainer.params import OptimisationParams
from trainer.sounds import WAVE, WHISPER, Hearing

ARGUMENTS = {WAVE: "input_values", WHISPER: "input_features"}
"""What an encoder calls its input, where not `input_values`."""


class ScratchSound(ScratchModel):
    """A small net over log-mel spectrograms: (batch, frames, mels, 1) bytes → (batch, outputs)."""

    reading = Hearing


class SoundModel(TrainableModel):
    """`outputs = head(mean over time(encoder(values)))`, values as `Hearing.values` gives them, in a batch."""

    def __init__(self, encoder: nn.Module, labels: list[str], hearing: Hearing, answer: str = "class") -> None:
        super().__init__()
        self.encoder, self.labels, self.hearing, self.answer = encoder, labels, hearing, answer
        self.argument = ARGUMENTS.get(hearing.kind, "input_values")
        self.encoder.eval()
        with torch.inference_mode():
            width = self.features(self.example(1)).shape[1]
        self.head = head_of(width, len(labels), answer)

    def example(self, batch: int = 2) -> Tensor:
        shape = self.hearing.shape if self.hearing.fixed else (self.hearing.rate,)
        return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(0))

    def features(self, values: Tensor) -> Tensor:
        """One vector a sound: (batch, features), float32."""
        encoded = self.encoder(**{self.argument: values})
        return encoded.last_hidden_state.mean(1).float()

    def forward(self, values: Tensor) -> Tensor:
        return self.head(self.features(values))

    def prepare_to_learn(self, params: OptimisationParams) -> None:
        hush(self.encoder)

    def save(self, folder: Path) -> None:
        """Encoder as `save_pretrained` lays it, head and preprocessing beside it."""
        folder.mkdir(parents=True, exist_ok=True)
        self.encoder.save_pretrained(folder, safe_serialization=True)
        self.hearing.save(folder)
        save_file(
            {name: value.detach().contiguous() for name, value in self.head.state_dict().items()}, folder / HEAD_WEIGHTS
        )
        (folder / HEAD_CONFIG).write_text(
            json.dumps({"answer": self.answer, "labels": self.labels}, ensure_ascii=False, indent=2), "utf-8"
        )

    @classmethod
    def load(cls, folder: Path, attention: str | None = None) -> "SoundModel":
        """A trained model from `artifact/model/`."""
        config = json.loads((folder / HEAD_CONFIG).read_text("utf-8"))
        hearing = Hearing.load(folder)
        answer = answers.of_file(config).key
        model = cls(load_encoder(folder, hearing, attention), config["labels"], hearing, answer)
        model.head.load_state_dict(load_file(folder / HEAD_WEIGHTS))
        return model.eval()


def hush(network: nn.Module) -> None:
    """No dropout and no masks inside; its ears, the convolutions over samples, stay as they are."""
    without_dropout(network)
    for name in ("layerdrop", "encoder_layerdrop", "decoder_layerdrop"):
        if hasattr(network.config, name):
            setattr(network.config, name, 0.0)
    network.config.apply_spec_augment = False
    if hasattr(network, "freeze_feature_encoder"):
        network.freeze_feature_encoder()


def load_encoder(folder: Path, hearing: Hearing, attention: str | None = None, *, fresh: bool = False) -> nn.Module:
    """The encoder in float32, from safetensors only and without any code of its own; `fresh`: with random weights."""
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        check_kind(config)
        extra = {"attn_implementation": attention} if attention else {}
        if config.model_type == "whisper":
            return whisper_encoder(folder, config, hearing, extra, fresh)
        if fresh:
            return AutoModel.from_config(config, **extra).float()
        options = {"local_files_only": True, "use_safetensors": True, "dtype": torch.float32}
        return AutoModel.from_pretrained(folder, config=config, **options, **extra)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            _("The base model cannot be loaded: %(error)s", error=str(error).splitlines()[0]),
            hint=_("Choose another one."),
        ) from error


def whisper_encoder(
    folder: Path, config: PretrainedConfig, hearing: Hearing, extra: dict[str, str], fresh: bool
) -> nn.Module:
    """The listening half of a Whisper, its 30 seconds shortened to those that are heard: time is proportional to them."""
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    options = {"local_files_only": True, "use_safetensors": True, "dtype": torch.float32} | extra
    if fresh:
        return WhisperEncoder(shortened(config, hearing)).float()
    if "WhisperEncoder" in (config.architectures or []):
        return WhisperEncoder.from_pretrained(folder, config=config, **options)
    encoder = AutoModel.from_pretrained(folder, config=config, **options).get_encoder()
    shortened(encoder.config, hearing)
    positions = encoder.config.max_source_positions
    encoder.embed_positions = nn.Embedding.from_pretrained(encoder.embed_positions.weight[:positions].clone())
    encoder.max_source_positions = positions
    return encoder


def shortened(config: PretrainedConfig, hearing: Hearing) -> PretrainedConfig:
    """Two frames are one position."""
    config.max_source_positions = min(config.max_source_positions, hearing.frames // 2)
    return config


def check_kind(config: PretrainedConfig) -> None:
    """Whether the model listens to sounds."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES as KNOWN

    if config.model_type not in KNOWN:
        raise ModelError(
            _(
                "The base model is of the kind %(model_type)s, which is not an audio model.",
                model_type=config.model_type,
            ),
            hint=_("Choose a model of the kinds wav2vec2, HuBERT, WavLM, AST or Whisper, or scratch:cnn-logmel."),
        )


def write_sound_graph(model: nn.Module, hearing: Hearing, target: Path) -> None:
    """A graph of `sound` → `logits`; that of a wave takes any length."""
    others = (
        () if hearing.fixed else tuple(torch.randn(3, samples) for samples in (hearing.rate // 2, 2 * hearing.rate))
    )
    write_graph(model, model.example(), target, "sound", others)
