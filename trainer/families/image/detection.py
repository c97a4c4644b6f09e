"""Finding objects: pictures with boxes, any detector of transformers, scored by average precision."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModelForObjectDetection

from trainer import boxes, point_net
from trainer.average_precision import Objects
from trainer.boxes import THRESHOLD, corners
from trainer.data.loading import Loaded
from trainer.engines.detection import Picture, upright_size
from trainer.errors import DataError, ModelError
from trainer.events import Emit
from trainer.families.image.model import PictureModel
from trainer.families.image.pictures import Pictures, PixelFamily, Pixels, decoded
from trainer.families.image.points import PointDetector, SmallBackbone, is_points
from trainer.families.media import common
from trainer.families.media.store import Store
from trainer.files import read_json
from trainer.learning.baselines import Baseline
from trainer.learning.job import Job
from trainer.learning.rows import Mix
from trainer.learning.supervised import SupervisedFamily
from trainer.messages import _
from trainer.packaging.graphs import write_graph
from trainer.pictures import Preprocess
from trainer.tasks.object_detection import DetectionParams

SOFTMAX_MODELS = ("detr", "yolos", "table-transformer")
"""Detectors with a class for “nothing”; all others score each class by itself."""
SIDE = 640
"""Pixels a side where neither the model nor the user says."""
GREY = 114.0
DETR_DEFAULTS = {
    "epochs": 30,
    "batch_size": 8,
    "learning_rate": 5e-5,
    "head_learning_rate": 5e-4,
    "patience": 8,
    "zoom": 0.0,
}
POINT_DEFAULTS = {"batch_size": 8, "learning_rate": 5e-4, "head_learning_rate": 2e-3, "zoom": 0.4}
POINT_ROWS = 6_000
"""That a point detector sees in all: its epochs are this over the rows."""


class Scenes(Pictures):
    """Pictures and the boxes in them: `boxes[i]` (objects, 4) as centre x, centre y, width, height, shares of the
    picture; `kinds[i]` (objects,) indices of labels, -1 for one that the rows to learn from do not have."""

    read_batch = 8

    def __init__(
        self,
        params: DetectionParams,
        objects: list[list[dict[str, Any]]],
        loaded: Loaded,
        labels: list[str],
        folder: Path,
        store: Store[Pixels],
        places: np.ndarray,
    ) -> None:
        super().__init__(loaded, labels, None, folder, store, places)
        self.params = params
        self.threshold = THRESHOLD
        self.sizes = [upright_size(self.path(row)) for row in range(len(objects))]
        index = {label: code for code, label in enumerate(self.labels)}
        self.boxes = [shares(listed, size) for listed, size in zip(objects, self.sizes, strict=True)]
        self.kinds = [np.array([index.get(entry["label"], -1) for entry in row], dtype=np.int64) for row in objects]

    def learning_batch(
        self, rows: np.ndarray, device: torch.device, generator: np.random.Generator
    ) -> tuple[tuple[Any, ...], Mix | None]:
        """(pixels, targets): mirrored and relit at random, the boxes with them."""
        (pixels,) = self.batch(rows, device)
        targets = []
        zooms = zoomed(len(rows), self.params.zoom or 0.0, generator)
        for index, row in enumerate(rows):
            learned = self.kinds[row] >= 0
            places, kinds = self.boxes[row][learned].copy(), self.kinds[row][learned]
            if self.params.flip and generator.random() < 0.5:
                pixels[index] = pixels[index].flip(1)
                places[:, 0] = 1 - places[:, 0]
            if self.params.zoom:
                places, seen = boxes.crop_boxes(places, *zooms[index])
                places, kinds = places[seen], kinds[seen]
            targets.append(
                {
                    "class_labels": torch.from_numpy(kinds).to(device),
                    "boxes": torch.from_numpy(places).float().to(device),
                }
            )
        if self.params.zoom:
            pixels = warp(pixels.float(), zooms)
        if self.params.brightness:
            low, high = 1 - self.params.brightness, 1 + self.params.brightness
            gain = torch.from_numpy(generator.uniform(low, high, (len(rows), 1, 1, 1))).float().to(device)
            pixels = (pixels * gain).clamp(0, 255)
        return (pixels, targets), None

    def input(self, row: int) -> Picture:
        return Picture(self.pixels(np.array([row]))[0], self.sizes[row])

    def manifest(self) -> dict[str, Any]:
        return super().manifest() | {"threshold": self.threshold}

    def objects(self, rows: np.ndarray) -> list[Objects]:
        """What is in these pictures, corners as shares of the picture."""
        return [Objects(corners(self.boxes[row]), self.kinds[row], np.ones(len(self.boxes[row]))) for row in rows]


def zoomed(rows: int, most: float, generator: np.random.Generator) -> np.ndarray:
    """(rows, 3): what part of the picture is seen, in shares of its sides, and where its middle is."""
    seen = np.exp(generator.uniform(np.log(1 - most), np.log(1 + most), rows))
    off = generator.uniform(-0.5, 0.5, (rows, 2)) * np.abs(1 - seen)[:, None]
    return np.concatenate([seen[:, None], 0.5 + off], axis=1)


def warp(pixels: Tensor, zooms: np.ndarray) -> Tensor:
    """(rows, height, width, channels) as seen through these windows; grey where there is no picture."""
    seen, x, y = torch.from_numpy(zooms).float().to(pixels.device).unbind(1)
    zero = torch.zeros_like(seen)
    places = torch.stack([torch.stack([seen, zero, 2 * x - 1], 1), torch.stack([zero, seen, 2 * y - 1], 1)], 1)
    values = pixels.permute(0, 3, 1, 2) - GREY
    grid = nn.functional.affine_grid(places, list(values.shape), align_corners=False)
    moved = nn.functional.grid_sample(values, grid, padding_mode="zeros", align_corners=False)
    return (moved + GREY).permute(0, 2, 3, 1)


def shares(objects: list[dict[str, Any]], size: tuple[int, int]) -> np.ndarray:
    """Boxes [left, top, width, height] in pixels → centre and size as shares of a picture of `size`."""
    corner_boxes = np.array([entry["box"] for entry in objects], dtype=np.float64).reshape(-1, 4) / np.array(
        [*size, *size]
    )
    return np.concatenate([corner_boxes[:, :2] + corner_boxes[:, 2:] / 2, corner_boxes[:, 2:]], axis=1)


def preprocess_of(folder: Path, side: int | None) -> Preprocess:
    """Stretched to a square: boxes are shares of the picture, so they need not know its shape."""
    if not is_detector(folder):
        side = (side or point_net.SIDE) // point_net.LARGEST_STRIDE * point_net.LARGEST_STRIDE
        preprocess = Preprocess.load(folder) if folder.name else Preprocess(side, side)
        return replace(preprocess, height=side, width=side, shortest=None, stretched=None)
    preprocess = Preprocess.load(folder)
    whole = preprocess.shortest is None and preprocess.stretched is None and preprocess.height == preprocess.width
    side = side or (preprocess.height if whole else SIDE)
    return replace(preprocess, height=side, width=side, shortest=None, stretched=None)


def is_detector(folder: Path) -> bool:
    """Whether the base model is a detector of transformers; otherwise it is a picture encoder, or nothing yet."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES as KNOWN

    return bool(folder.name) and read_json(folder / "config.json").get("model_type") in KNOWN


def pretrained(rows: Scenes) -> "DetectionModel":
    """The pretrained detector, its last layers new where the number of labels differs."""
    names = dict(enumerate(rows.labels))
    try:
        detector, loaded = AutoModelForObjectDetection.from_pretrained(
            rows.folder,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            id2label=names,
            label2id={name: code for code, name in names.items()},
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ModelError(
            _("The base model cannot be loaded: %(error)s", error=str(error).splitlines()[0]),
            hint=_("Choose another one."),
        ) from error
    new = [key if isinstance(key, str) else key[0] for key in (*loaded["mismatched_keys"], *loaded["missing_keys"])]
    return DetectionModel(detector, rows.labels, rows.preprocess, tuple(f"detector.{key}" for key in new))


class DetectionModel(PictureModel):
    """Pixels → (batch, queries, labels + 4): scores, then centre and size as shares."""

    def __init__(
        self, detector: nn.Module, labels: list[str], preprocess: Preprocess, new_layers: tuple[str, ...] = ()
    ) -> None:
        super().__init__(labels, preprocess)
        self.detector, self.new_layers = detector, new_layers or ("detector.none",)

    def forward(self, pixels: Tensor) -> Tensor:
        detected = self.detector(pixel_values=self.normalised(pixels).contiguous())
        logits = detected.logits.float()
        softmax = self.detector.config.model_type in SOFTMAX_MODELS
        scores = logits.softmax(-1)[..., :-1] if softmax else logits.sigmoid()
        return torch.cat([scores, detected.pred_boxes.float()], dim=-1)

    def features(self, pixels: Tensor) -> Tensor:
        """What an estimate times: all of it."""
        return self(pixels)

    def loss(self, pixels: Tensor, targets: list[dict[str, Tensor]]) -> Tensor:
        """As the architecture defines it: answers are matched to objects, then named and placed."""
        return self.detector(pixel_values=self.normalised(pixels).contiguous(), labels=targets).loss

    def save(self, folder: Path) -> None:
        self.detector.save_pretrained(folder, safe_serialization=True)
        self.preprocess.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "DetectionModel":
        detector = AutoModelForObjectDetection.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, attn_implementation="eager"
        )
        labels = [detector.config.id2label[code] for code in range(detector.config.num_labels)]
        return cls(detector, labels, Preprocess.load(folder)).eval()


def scores_in_order(outputs: np.ndarray) -> np.ndarray:
    """Of a detector's answers, best first and without their places: where two score the same, a rounding decides which of
    them is taken."""
    return np.sort(outputs[..., :-4], axis=1)


class DetectionFamily(PixelFamily[Scenes, PictureModel]):
    def prepare(self, job: Job) -> Scenes:
        fresh = job.spec.model.startswith("scratch:")
        if fresh:
            point_net.check(job.spec.model)
        if not fresh and job.spec.method == "scratch":
            raise ModelError(
                _("From scratch is for the small detector."),
                hint=_("Choose scratch:%(name)s, or full.", name=point_net.NAME),
            )
        folder = common.base(job)
        loaded = job.load_rows()
        store, places = decoded(job, loaded, preprocess_of(folder, job.params.resolution))
        objects = [json.loads(cell) if cell else [] for cell in loaded.answers]
        labels = sorted({entry["label"] for row in loaded.part("train") for entry in objects[row]})
        if not labels:
            raise DataError(
                _("No training image has a box."), code="no_boxes", hint=_("Check which column holds the boxes.")
            )
        rows = Scenes(job.params, objects, loaded, labels, folder, store, places)
        job.tell_rows(rows, f"{sum(map(len, objects)):,} boxes")
        return rows

    def baselines(self, job: Job, rows: Scenes) -> dict[str, Baseline]:
        """Always the mean box of every label that was learned from."""
        known, test = rows.known("train", "validation"), rows.part("test")
        every = np.concatenate([rows.boxes[row] for row in known])
        kinds = np.concatenate([rows.kinds[row] for row in known])
        labels = len(rows.labels)
        means = [every[kinds == label].mean(0) if (kinds == label).any() else np.zeros(4) for label in range(labels)]
        is_learned = np.diag([float((kinds == label).any()) for label in range(labels)])
        always = np.concatenate([is_learned, np.stack(means)], axis=1)
        return {"mean_box": Baseline(np.tile(always, (len(test), 1, 1)))}

    def build(self, job: Job, rows: Scenes) -> PictureModel:
        if is_detector(rows.folder):
            common.fill_settings(job, **DETR_DEFAULTS)
            rows.params = job.params
            return pretrained(rows)
        epochs = int(np.clip(round(POINT_ROWS / max(len(rows.part("train")), 1)), 12, 80))
        common.fill_settings(job, **POINT_DEFAULTS, epochs=epochs, patience=max(8, epochs // 4))
        rows.params = job.params
        if rows.folder.name:
            return PointDetector.of(rows.folder, rows.labels, rows.preprocess)
        return PointDetector(SmallBackbone(), rows.labels, rows.preprocess)

    def write_onnx(self, folder: Path, target: Path) -> None:
        model = PointDetector.load(folder) if is_points(folder) else DetectionModel.load(folder)
        write_graph(model, model.example(), target, compared=scores_in_order)

    def estimate(self, job: Job, emit: Emit) -> dict[str, Any]:
        """By its batches alone: what decoding takes is little beside what a detector computes."""
        return SupervisedFamily.estimate(self, job, emit)

    def quantises(self, folder: Path) -> bool:
        return False
