"""Pictures with texts, and late fusion: one layer over what a picture model sees and a text model reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from trainer.families.image import pictures
from trainer.families.image.model import PictureModel
from trainer.families.image.pictures import Pictures, PixelFamily
from trainer.families.image.small_nets import is_net
from trainer.families.media import common
from trainer.families.text import encoder, texts
from trainer.families.text.encoder import EncoderClassifier
from trainer.families.text.rows import compute_baselines
from trainer.families.text.texts import Texts
from trainer.learning.baselines import Baseline
from trainer.learning.fine_tuning import default_epochs
from trainer.learning.heads import head_of
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.rows import Digest, Mix, digest_weights
from trainer.packaging.graphs import write_checked
from trainer.params import OptimisationParams
from trainer.tasks.image_text_classification import BUNDLED_TEXT_MODEL

PICTURE, TEXT = "picture", "text"
"""Folders of the two models in an artifact's `model/`."""
DROPOUT = 0.1
AXES = {
    "pixels": {0: "batch"},
    "input_ids": {0: "batch", 1: "length"},
    "attention_mask": {0: "batch", 1: "length"},
}
TRANSFORMER_DEFAULTS = {"batch_size": 32, "learning_rate": 1e-4, "head_learning_rate": 3e-3, "patience": 2}
CONVOLUTION_DEFAULTS = {"batch_size": 32, "learning_rate": 1e-4, "head_learning_rate": 1e-3, "patience": 3}
"""The picture's convolutions learn at the new layer's rate: ten times that of the text's attention."""
NET_EPOCHS = 2
"""Times as many where the picture's side begins with random weights."""


class Pairs(Pictures):
    """Pictures with their texts; batches are of texts of nearly one length."""

    work_unit = "tokens"

    def __init__(self, pictures: Pictures, texts: Texts) -> None:
        super().__init__(
            pictures.loaded, pictures.labels, pictures.truth, pictures.folder, pictures.store, pictures.places
        )
        self.augmentation, self.texts, self.lengths = pictures.augmentation, texts, texts.lengths

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        """(pixels, ids, mask)."""
        return *super().batch(rows, device), *self.texts.batch(rows, device)

    def learning_batch(
        self, rows: np.ndarray, device: torch.device, generator: np.random.Generator
    ) -> tuple[tuple[Tensor, ...], Mix | None]:
        pixels = torch.from_numpy(self.pixels(rows)).to(device)
        return (self.augmentation(pixels, generator), *self.texts.batch(rows, device)), None

    def input(self, row: int) -> object:
        return super().input(row), self.texts.texts[row]

    def asked(self, rows: np.ndarray) -> dict[str, list[str]]:
        return super().asked(rows) | self.texts.asked(rows)

    def fingerprint(self, digest: Digest, rows: np.ndarray) -> None:
        super().fingerprint(digest, rows)
        digest_weights(digest, self.texts.folder)
        self.texts.fingerprint(digest, rows)

    def manifest(self) -> dict[str, Any]:
        inputs = [{"name": "image", "kind": "image"}, {"name": "text", "kind": "text", "long": True}]
        return super().manifest() | self.texts.manifest() | {"inputs": inputs}

    def card_facts(self) -> list[str]:
        return super().card_facts() + self.texts.card_facts()

    def example(self, row: int, file: str) -> dict[str, Any]:
        text = self.texts.texts[row]
        return super().example(row, file) | {"input": {"image": file, "text": text}, "text": text}


def folders(job: Job) -> tuple[Path, Path]:
    """(of the picture model, of the text model): a run of this task that is gone on from brings both."""
    picture = common.base(job)
    own = picture.parent / TEXT
    if job.params.text_model is None and job.spec.model.startswith("artifact:") and (own / "config.json").is_file():
        return picture, own
    common.fill_settings(job, text_model=BUNDLED_TEXT_MODEL)
    return picture, job.model_folder(job.params.text_model)


class FusionModel(TrainableModel):
    """`outputs = head(dropout([picture's vector, text's vector]))`.

    Made of two whole models. A layer over two vectors side by side is the sum of a layer over each, so each is kept
    with its share of it: as a model of its own, that any other run can begin with.
    """

    def __init__(self, picture: PictureModel, text: EncoderClassifier) -> None:
        super().__init__()
        self.labels, self.new_layers = picture.labels, ("head.",)
        self.width = picture.head.in_features
        self.head = head_of(self.width + text.head.in_features, len(self.labels), picture.answer)
        with torch.no_grad():
            self.head.weight.copy_(torch.cat([picture.head.weight, text.head.weight], dim=1))
            self.head.bias.copy_(picture.head.bias + text.head.bias)
        del picture.head, text.head
        self.encoder = nn.ModuleDict({PICTURE: picture, TEXT: text})
        self.dropout = nn.Dropout(DROPOUT)

    def features(self, pixels: Tensor, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Both vectors of a row side by side: (batch, features), float32."""
        return torch.cat(
            [self.encoder[PICTURE].features(pixels), self.encoder[TEXT].features(input_ids, attention_mask)], dim=1
        )

    def forward(self, pixels: Tensor, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.head(self.dropout(self.features(pixels, input_ids, attention_mask)))

    def reader(self, job: Job) -> Callable[..., Tensor]:
        """The quickest way to the features of many rows."""
        read_pixels, read_text = self.encoder[PICTURE].reader(job), self.encoder[TEXT].features
        return lambda pixels, ids, mask: torch.cat([read_pixels(pixels), read_text(ids, mask).float()], dim=1)

    def prepare_to_learn(self, params: OptimisationParams) -> None:
        for model in self.encoder.values():
            model.prepare_to_learn(params)

    def save(self, folder: Path, tokenizer: PreTrainedTokenizerFast, max_length: int) -> None:
        """Each model in its folder, with its share of the head; the bias is the picture's."""
        picture, text = self.encoder[PICTURE], self.encoder[TEXT]
        picture.head, text.head = (nn.Linear(*self.head.weight.shape[::-1]) for _ in range(2))
        weights = self.head.weight.detach().split([self.width, self.head.in_features - self.width], dim=1)
        for model, weight, bias in zip(
            (picture, text), weights, (self.head.bias.detach(), torch.zeros_like(self.head.bias)), strict=True
        ):
            model.head.weight, model.head.bias = nn.Parameter(weight), nn.Parameter(bias)
        picture.save(folder / PICTURE)
        text.save(folder / TEXT, tokenizer, max_length)
        del picture.head, text.head

    @classmethod
    def load(cls, folder: Path, attention: str | None = None) -> "FusionModel":
        """A trained model from `artifact/model/`."""
        picture = pictures.load(folder / PICTURE, attention)
        return cls(picture, EncoderClassifier.load(folder / TEXT, attention or "sdpa")).eval()


def tokens(length: int) -> tuple[Tensor, Tensor]:
    """(ids, mask) of two texts, one of them half as long; small ids, as a vocabulary may be."""
    mask = torch.ones(2, length, dtype=torch.long)
    mask[1, length // 2 :] = 0
    return torch.arange(2 * length).view(2, length), mask


class FusionFamily(PixelFamily[Pairs, FusionModel]):
    def prepare(self, job: Job) -> Pairs:
        folder, texts_folder = folders(job)
        loaded = job.load_rows()
        own = pictures.pictures_of(job, folder, loaded)
        rows = Pairs(own, texts.texts_of(job, texts_folder, loaded))
        job.tell_rows(
            rows,
            f"{rows.preprocess.width} × {rows.preprocess.height} pixels a picture, {rows.lengths.mean():.0f} tokens a text",
        )
        return rows

    def baselines(self, job: Job, rows: Pairs) -> dict[str, Baseline]:
        """The commonest answer, the texts alone and the pictures alone: whether it takes both."""
        simple = pictures.compute_baselines(job, rows)
        if any(text.strip() for text in rows.texts.shown(rows.known("train", "validation"))):
            simple = compute_baselines(job, rows.texts) | simple
        return simple

    def build(self, job: Job, rows: Pairs) -> FusionModel:
        """Both pretrained encoders under one new head; a small net, or with `scratch` any, sees with random weights."""
        fresh = job.spec.method == "scratch" or job.spec.model.startswith("scratch:")
        is_transformer = bool(rows.folder.name) and not is_net(rows.folder) and pictures.is_transformer(rows.folder)
        settings = TRANSFORMER_DEFAULTS if is_transformer else CONVOLUTION_DEFAULTS
        if fresh:
            settings = settings | {"epochs": NET_EPOCHS * default_epochs(len(rows.part("train"))), "patience": 6}
        common.fill_settings(job, **settings)
        picture = pictures.build_model(job, rows)
        text = encoder.fresh(
            rows.texts.folder, rows.labels, normalise=job.spec.method == "probe", answer=rows.answer.key
        )
        model = FusionModel(picture, text)
        if not is_transformer:
            model.new_layers = ("head.", f"encoder.{PICTURE}.")
        return model

    def write_onnx(self, folder: Path, target: Path) -> None:
        model = FusionModel.load(folder, attention="eager")
        pixels = model.encoder[PICTURE].example()
        write_checked(model, (pixels, *tokens(9)), AXES, target, tuple((pixels, *tokens(length)) for length in (4, 17)))

    def save(self, model: FusionModel, rows: Pairs, folder: Path) -> None:
        model.save(folder, rows.texts.tokenizer, rows.texts.max_length)

    def quantises(self, folder: Path) -> bool:
        """Always: what reads the text is a transformer, and convolutions are spared."""
        return True
