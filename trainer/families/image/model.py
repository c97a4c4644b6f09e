"""A picture model of transformers with one layer on top: behind every method, behind training and export."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig

from trainer import answers
from trainer.engines import open_session
from trainer.engines.heat import GRAD_CAM, ROLLOUT
from trainer.errors import ModelError
from trainer.learning.heads import head_of, without_dropout
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.messages import _
from trainer.packaging.export import quiet
from trainer.packaging.graphs import write_graph
from trainer.packaging.heat import write_heat
from trainer.params import OptimisationParams
from trainer.pictures import Preprocess

HEAD_WEIGHTS, HEAD_CONFIG = "head.safetensors", "head.json"
CLS = frozenset(["vit", "deit", "dinov2", "dinov2_with_registers", "dinov3_vit", "vit_msn", "ijepa"])
"""Whose first token is the summary; others have a pooled output, or are averaged."""
WITHOUT_POOLER = frozenset(["vit", "deit", "vit_msn", "ijepa"])
TRANSFORMERS = CLS | {"beit", "data2vec-vision", "swin", "swinv2", "pvt", "pvt_v2"}


CACHE_BATCH = 4
"""Pictures that ONNX Runtime is given at once: what passes between the layers of so few stays in the processor's cache."""


class Reading(Protocol):
    """What makes bytes (height, width, channels) of a file: `trainer.pictures.Preprocess`, of sounds `trainer.sounds.Hearing`."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def channels(self) -> int: ...

    @property
    def factor(self) -> tuple[float, ...]:
        """The model sees a byte times this, plus `shift`: one for every channel, or one for all."""
        ...

    @property
    def shift(self) -> tuple[float, ...]: ...

    def save(self, folder: Path) -> None: ...

    @classmethod
    def load(cls, folder: Path) -> Self: ...


class PictureModel(TrainableModel):
    """What the picture models share: pixels (batch, height, width, channels) of 0 to 255 → (batch, outputs).

    Pixels last in memory are what convolutions on a processor like best, and bytes are a quarter of the floats to move.
    """

    head: nn.Linear

    def __init__(self, labels: list[str], preprocess: Reading, answer: str = "class") -> None:
        super().__init__()
        self.labels, self.preprocess, self.answer = labels, preprocess, answer
        channels = preprocess.channels
        for name in ("factor", "shift"):
            values = torch.tensor(getattr(preprocess, name), dtype=torch.float32).expand(channels)
            self.register_buffer(name, values.clone(), persistent=False)

    def normalised(self, pixels: Tensor) -> Tensor:
        """(batch, channels, height, width) float32, channels last in memory."""
        return (pixels.float() * self.factor + self.shift).permute(0, 3, 1, 2)

    def example(self, batch: int = 2) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        return torch.randint(0, 256, (batch, *self.preprocess.shape), generator=generator, dtype=torch.uint8)

    def features(self, pixels: Tensor) -> Tensor:
        raise NotImplementedError

    def reader(self, job: Job) -> Callable[[Tensor], Tensor]:
        """The quickest way to the features of many pictures."""
        quick = None if job.device.count else quick_features(self, job.out)
        return quick or self.features

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(self.features(pixels))


class VisionModel(PictureModel):
    """`outputs = head(dropout(pool(encoder(pixels))))`; `answer`: the kind of its answers (`trainer.answers`)."""

    def __init__(
        self,
        encoder: nn.Module,
        labels: list[str],
        preprocess: Preprocess,
        *,
        dropout: float = 0.0,
        answer: str = "class",
    ) -> None:
        super().__init__(labels, preprocess, answer)
        self.encoder = encoder.to(memory_format=torch.channels_last)
        self.dropout = nn.Dropout(dropout)
        kind = encoder.config.model_type
        self.first_token = kind in CLS
        self.fits = {"interpolate_pos_encoding": True} if self.stretches(encoder, preprocess) else {}
        self.encoder.eval()
        with torch.inference_mode():
            width = self.features(torch.zeros(1, *preprocess.shape, dtype=torch.uint8)).shape[1]
        self.head = head_of(width, len(labels), answer)

    @staticmethod
    def stretches(encoder: nn.Module, preprocess: Preprocess) -> bool:
        """Whether places were learned for another number of pixels than are given."""
        import inspect

        can_stretch = "interpolate_pos_encoding" in inspect.signature(encoder.forward).parameters
        size = getattr(encoder.config, "image_size", None)
        own = (size, size) if isinstance(size, int) else tuple(size or ())
        return can_stretch and own != (preprocess.height, preprocess.width)

    def features(self, pixels: Tensor) -> Tensor:
        """One vector a picture: (batch, features), float32."""
        encoded = self.encoder(pixel_values=self.normalised(pixels), **self.fits)
        if self.first_token:
            return encoded.last_hidden_state[:, 0].float()
        pooled = getattr(encoded, "pooler_output", None)
        if pooled is not None:
            return pooled.flatten(1).float()
        hidden = encoded.last_hidden_state
        return (hidden.flatten(2).mean(2) if hidden.ndim == 4 else hidden.mean(1)).float()

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(self.dropout(self.features(pixels)))

    def prepare_to_learn(self, params: OptimisationParams) -> None:
        without_dropout(self.encoder)

    def save(self, folder: Path) -> None:
        """Encoder as `save_pretrained` lays it, head and preprocessing beside it."""
        folder.mkdir(parents=True, exist_ok=True)
        self.encoder.to(memory_format=torch.contiguous_format).save_pretrained(folder, safe_serialization=True)
        self.preprocess.save(folder)
        head = {name: value.detach().contiguous() for name, value in self.head.state_dict().items()}
        save_file(head, folder / HEAD_WEIGHTS)
        (folder / HEAD_CONFIG).write_text(
            json.dumps({"answer": self.answer, "labels": self.labels}, ensure_ascii=False, indent=2), "utf-8"
        )
        self.encoder.to(memory_format=torch.channels_last)

    @classmethod
    def load(cls, folder: Path, attention: str | None = None) -> "VisionModel":
        """A trained model from `artifact/model/`."""
        config = json.loads((folder / HEAD_CONFIG).read_text("utf-8"))
        answer = answers.of_file(config).key
        model = cls(load_encoder(folder, attention), config["labels"], Preprocess.load(folder), answer=answer)
        model.head.load_state_dict(load_file(folder / HEAD_WEIGHTS))
        return model.eval()


def load_encoder(folder: Path, attention: str | None = None, *, fresh: bool = False) -> nn.Module:
    """The encoder in float32, from safetensors only and without any code of its own; `fresh`: with random weights."""
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        check_kind(config)
        extra: dict[str, Any] = {"add_pooling_layer": False} if config.model_type in WITHOUT_POOLER else {}
        if attention:
            extra["attn_implementation"] = attention
        if fresh:
            return AutoModel.from_config(config, **extra).float()
        return AutoModel.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            **extra,
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            _("The base model cannot be loaded: %(error)s", error=str(error).splitlines()[0]),
            hint=_("Choose another one."),
        ) from error


def check_kind(config: PretrainedConfig) -> None:
    """Whether the model looks at pictures and nothing else."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES as KNOWN

    if config.model_type not in KNOWN:
        raise ModelError(
            _(
                "The base model is of the kind %(model_type)s, which is not an image model.",
                model_type=config.model_type,
            ),
            hint=_(
                "Choose a picture model such as ViT, DINOv2, Swin, ConvNeXT, ResNet or MobileNet, or scratch:cnn-64-128-1024."
            ),
        )


def heat_of(network: PictureModel) -> str:
    """By what kind of heat map its answers can be explained; "" for none. A convolutional net may still have no map of features."""
    kind = network.encoder.config.model_type if isinstance(network, VisionModel) else ""
    if kind in CLS:
        return ROLLOUT
    return "" if kind in TRANSFORMERS else GRAD_CAM


def patches_of(network: VisionModel, size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of patches of a picture of this (height, width); what other tokens there are stands before them."""
    patch = network.encoder.config.patch_size
    sides = (patch, patch) if isinstance(patch, int) else tuple(patch)
    return size[0] // sides[0], size[1] // sides[1]


def write_network_heat(network: PictureModel, graph: Path) -> None:
    """What the `graph` of the network tells for heat maps, where it has any."""
    method = heat_of(network)
    if method:
        size = network.preprocess.shape[0], network.preprocess.shape[1]
        patches = patches_of(network, size) if isinstance(network, VisionModel) and method == ROLLOUT else (0, 0)
        write_heat(graph, network.example(1).numpy(), method, patches)


def quick_features(model: PictureModel, folder: Path) -> Callable[[Tensor], Tensor] | None:
    """The features by ONNX Runtime, which runs convolutions several times faster than torch on a processor.

    None where the graph cannot be had, or answers otherwise.
    """
    path = folder / "features.onnx"
    pixels = model.example(3)
    try:
        with quiet():
            write_graph(Features(model).eval(), pixels[:2], path)
        session = open_session(path)
        with torch.inference_mode():
            right = model.features(pixels).numpy()
        features = session.run(None, {"pixels": pixels.numpy()})[0]
    except Exception:  # whatever an exporter cannot do with an architecture: torch can
        return None
    finally:
        path.unlink(missing_ok=True)
    if not np.allclose(features, right, rtol=1e-2, atol=1e-2 * (np.abs(right).mean() + 1e-6)):
        return None

    def read(pixels: Tensor) -> Tensor:
        arrays = np.array_split(pixels.numpy(), -(-len(pixels) // CACHE_BATCH))
        return torch.from_numpy(np.concatenate([session.run(None, {"pixels": part})[0] for part in arrays]))

    return read


class Features(nn.Module):
    def __init__(self, model: PictureModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model.features(pixels)
