"""A light detector over any picture encoder with feature maps, or over a small net: objects as points.

Every cell of a feature map says how much it is the middle of an object of each label, and how far the object's four
sides are away (Zhou et al. 2019, “Objects as Points”; trained as in Liu et al. 2020, “Training-Time-Friendly Network”).
It learns from some hundred pictures on a processor, where detectors that match queries need many thousands.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from trainer.errors import ModelError
from trainer.families.image.model import PictureModel, load_encoder
from trainer.families.image.small_nets import Residual
from trainer.messages import _
from trainer.pictures import Preprocess
from trainer.point_net import NAME, SIZES, STRIDE, WIDTH

CONFIG, WEIGHTS = "points.json", "points.safetensors"
QUERIES = 300
"""Objects that an answer has at most."""
RARE = -2.19
"""The bias with which a cell begins: one in ten is a middle."""
SPREAD = 0.54 / 6
"""Of the blob around a middle, in shares of the object's sides."""
NEAR = 0.1
"""Of the blob's height: cells from there on learn where the sides are."""
STEPS = 4.0
"""Cells that a side is away where the net says one."""
SIDES_WEIGHT = 5.0


class SmallBackbone(nn.Module):
    """Feature maps at strides 8, 16, 32 of a residual net that has learned nothing."""

    channels = SIZES[1:]

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, SIZES[0], 3, 2, 1, bias=False), nn.BatchNorm2d(SIZES[0], momentum=0.1), nn.ReLU()
        )
        stages, before = [], SIZES[0]
        for channels in SIZES:
            layer = {"channels": channels, "stride": 2, "norm": True, "activation": "relu"}
            stages.append(Residual(layer, before))
            before = channels
        self.stages = nn.ModuleList(stages)

    def forward(self, values: Tensor) -> list[Tensor]:
        values, maps = self.stem(values), []
        for stage in self.stages:
            values = stage(values)
            maps.append(values)
        return maps[1:]


class EncoderBackbone(nn.Module):
    """The last feature map of each size of a pretrained encoder, from large to small."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder.to(memory_format=torch.channels_last)
        self.places: list[int] = []
        self.channels: tuple[int, ...] = ()

    def find_maps(self, values: Tensor) -> None:
        """Find the maps of cells of STRIDE pixels and more by a first picture; `ModelError` for an encoder that has none."""
        try:
            with torch.inference_mode():
                maps = self.maps(values)
        except ValueError:  # a transformer that takes pictures of one size alone
            maps = ()
        side = values.shape[2]
        by_size = {
            level.shape[2]: index
            for index, level in enumerate(maps)
            if level.ndim == 4 and side / level.shape[2] >= STRIDE
        }
        if not by_size or max(by_size) * STRIDE * 2 < side:
            raise ModelError(
                _("This image model gives no feature maps, which finding objects needs."),
                hint=_(
                    "Choose a MobileNet, ResNet, ConvNeXT or EfficientNet, a detector, or scratch:%(name)s.", name=NAME
                ),
            )
        self.places = [by_size[size] for size in sorted(by_size, reverse=True)]
        self.channels = tuple(maps[index].shape[1] for index in self.places)

    def maps(self, values: Tensor) -> Sequence[Tensor]:
        encoded = self.encoder(pixel_values=values, output_hidden_states=True)
        return getattr(encoded, "reshaped_hidden_states", None) or encoded.hidden_states or ()

    def forward(self, values: Tensor) -> list[Tensor]:
        maps = self.maps(values)
        return [maps[index] for index in self.places]


class PointDetector(PictureModel):
    """Pixels → (batch, QUERIES, labels + 4): scores, then centre and size as shares, of the surest middles in the order of
    their cells, which no rounding changes; zeros where there are fewer."""

    new_layers: tuple[str, ...] = ("beside.", "mixed.", "heat.", "sides.")

    def __init__(self, backbone: nn.Module, labels: list[str], preprocess: Preprocess) -> None:
        super().__init__(labels, preprocess)
        self.backbone = backbone
        if isinstance(backbone, EncoderBackbone):
            backbone.find_maps(self.normalised(self.example(1)))
        else:
            self.new_layers = (*self.new_layers, "backbone.")
        self.beside = nn.ModuleList(nn.Conv2d(channels, WIDTH, 1) for channels in backbone.channels)
        self.mixed = block(WIDTH)
        self.heat = nn.Sequential(block(WIDTH), nn.Conv2d(WIDTH, len(labels), 1))
        self.sides = nn.Sequential(block(WIDTH), nn.Conv2d(WIDTH, 4, 1))
        nn.init.constant_(self.heat[-1].bias, RARE)
        self.to(memory_format=torch.channels_last)

    def maps(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, labels, rows, columns) logits, and distances of left, top, right, bottom in cells."""
        values = self.normalised(pixels)
        size = (values.shape[2] // STRIDE, values.shape[3] // STRIDE)
        levels = zip(reversed(self.backbone(values)), reversed(self.beside), strict=True)  # the coarsest first
        coarsest, lateral = next(levels)
        total = lateral(coarsest)
        for level, lateral in levels:
            finer = lateral(level)
            total = finer + functional.interpolate(total, size=finer.shape[2:], mode="nearest")
        if tuple(total.shape[2:]) != size:
            total = functional.interpolate(total, size=size, mode="bilinear", align_corners=False)
        values = self.mixed(total)
        return self.heat(values).float(), functional.softplus(self.sides(values).float()) * STEPS

    def features(self, pixels: Tensor) -> Tensor:
        """What an estimate times: all of it."""
        return self(pixels)

    def forward(self, pixels: Tensor) -> Tensor:
        heat, sides = self.maps(pixels)
        rows, columns = heat.shape[2:]
        heat = heat.sigmoid()
        peaks = heat * (functional.max_pool2d(heat, 3, 1, 1) == heat)
        scores = peaks.flatten(2).transpose(1, 2)
        cells = rows * columns
        best, cell = scores.amax(2).topk(min(QUERIES, cells), dim=1)
        cell = torch.where(best > 0, cell, cells).sort(dim=1).values
        is_peak, cell = (cell < cells)[:, :, None], cell.clamp(max=cells - 1)
        scores = scores.gather(1, cell[:, :, None].expand(-1, -1, scores.shape[2]))
        away = sides.flatten(2).transpose(1, 2).gather(1, cell[:, :, None].expand(-1, -1, 4))
        x, y = (cell % columns) + 0.5, torch.div(cell, columns, rounding_mode="floor") + 0.5
        left, top, right, bottom = x - away[..., 0], y - away[..., 1], x + away[..., 2], y + away[..., 3]
        boxes = [
            (left + right) / 2 / columns,
            (top + bottom) / 2 / rows,
            (right - left) / columns,
            (bottom - top) / rows,
        ]
        return torch.cat([scores, torch.stack(boxes, dim=2)], dim=2) * is_peak

    def loss(self, pixels: Tensor, targets: list[dict[str, Tensor]]) -> Tensor:
        heat, sides = self.maps(pixels)
        built = [build_targets(target, heat.shape[1:], heat.device) for target in targets]
        blobs = torch.stack([parts[0] for parts in built])
        return focal(heat, blobs) + SIDES_WEIGHT * giou_loss(sides, built)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        own = {name: value for name, value in self.state_dict().items() if not name.startswith("backbone.encoder.")}
        save_file({name: value.detach().contiguous() for name, value in own.items()}, folder / WEIGHTS)
        self.preprocess.save(folder)
        pretrained = isinstance(self.backbone, EncoderBackbone)
        if pretrained:
            self.backbone.encoder.to(memory_format=torch.contiguous_format)
            self.backbone.encoder.save_pretrained(folder, safe_serialization=True)
            self.backbone.encoder.to(memory_format=torch.channels_last)
        else:
            (folder / "config.json").write_text(json.dumps({"model_type": f"maquette-{NAME}"}), "utf-8")
        config = {"labels": self.labels, "pretrained": pretrained}
        (folder / CONFIG).write_text(json.dumps(config, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "PointDetector":
        """A trained model from `artifact/model/`."""
        labels = json.loads((folder / CONFIG).read_text("utf-8"))["labels"]
        model = cls(backbone_of(folder), labels, Preprocess.load(folder))
        model.load_state_dict(load_file(folder / WEIGHTS), strict=False)
        return model.eval()

    @classmethod
    def of(cls, folder: Path, labels: list[str], preprocess: Preprocess) -> "PointDetector":
        """Over a pretrained encoder, or a trained detector whose layers for other labels are new."""
        model = cls(backbone_of(folder), labels, preprocess)
        if is_points(folder):
            own, given = model.state_dict(), load_file(folder / WEIGHTS)
            fitting = {name: value for name, value in given.items() if own[name].shape == value.shape}
            model.load_state_dict(fitting, strict=False)
        return model


def backbone_of(folder: Path) -> nn.Module:
    if is_points(folder) and not json.loads((folder / CONFIG).read_text("utf-8"))["pretrained"]:
        return SmallBackbone()
    return EncoderBackbone(load_encoder(folder)).eval()


def is_points(folder: Path) -> bool:
    return (folder / CONFIG).is_file()


def block(width: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width, momentum=0.1), nn.ReLU())


def build_targets(target: dict[str, Tensor], shape: Sequence[int], device: torch.device) -> tuple[Tensor, ...]:
    """For one picture (blobs (labels, rows, columns), cells (n,), distances (n, 4), weights (n,)).

    A blob is 1 in the cell of an object's middle and falls off by the object's size. A cell belongs to the smallest
    object whose blob covers it; each object weighs by the logarithm of its size.
    """
    labels, rows, columns = shape
    boxes, kinds = target["boxes"], target["class_labels"]
    blobs = torch.zeros(labels, rows, columns, device=device)
    if not len(boxes):
        none = torch.zeros(0, device=device)
        return blobs, none.long(), none.view(0, 4), none
    scale = torch.tensor([columns, rows, columns, rows], device=device)
    middle_x, middle_y, wide, tall = (boxes * scale).unbind(1)
    x, y = torch.arange(columns, device=device), torch.arange(rows, device=device)
    at_x, at_y = middle_x.floor().clamp(0, columns - 1), middle_y.floor().clamp(0, rows - 1)
    spread_x, spread_y = (SPREAD * wide).clamp(min=0.3), (SPREAD * tall).clamp(min=0.3)
    along = torch.exp(-((x - at_x[:, None]) ** 2) / (2 * spread_x[:, None] ** 2))
    down = torch.exp(-((y - at_y[:, None]) ** 2) / (2 * spread_y[:, None] ** 2))
    every = down[:, :, None] * along[:, None, :]
    for label in kinds.unique().tolist():
        blobs[label] = every[kinds == label].amax(0)
    area = wide * tall
    owner = torch.where(every > NEAR, area[:, None, None], torch.inf).flatten(1).min(0)
    cells = owner.values.isfinite().nonzero()[:, 0]
    owners = owner.indices[cells]
    corners = torch.stack([middle_x - wide / 2, middle_y - tall / 2, middle_x + wide / 2, middle_y + tall / 2], dim=1)
    cell_x, cell_y = cells % columns + 0.5, cells // columns + 0.5
    left, top, right, bottom = corners[owners].unbind(1)
    distances = torch.stack([cell_x - left, cell_y - top, right - cell_x, bottom - cell_y], dim=1)
    near = every.flatten(1)[owners, cells]
    total = torch.zeros(len(boxes), device=device).index_add_(0, owners, near)
    weights = near / total[owners] * (1 + area.clamp(min=1).log())[owners]
    return blobs, cells, distances, weights


def focal(heat: Tensor, blobs: Tensor) -> Tensor:
    """Cross-entropy that counts sure cells little and cells near a middle less (Zhou et al. 2019), a middle."""
    right = blobs.eq(1)
    probability = heat.sigmoid()
    hits = -functional.logsigmoid(heat) * (1 - probability) ** 2 * right
    not_there = -functional.logsigmoid(-heat) * probability**2 * (1 - blobs) ** 4 * ~right
    return (hits.sum() + not_there.sum()) / right.sum().clamp(min=1)


def giou_loss(sides: Tensor, targets: list[tuple[Tensor, ...]]) -> Tensor:
    """One minus the generalised overlap (Rezatofighi et al. 2019) of boxes about the same cells, by their weights."""
    predicted = torch.cat(
        [
            distances.flatten(1)[:, cells].T
            for distances, (_blobs, cells, _far, _weight) in zip(sides, targets, strict=True)
        ]
    )
    actual = torch.cat([far for _blobs, _cells, far, _weight in targets])
    weights = torch.cat([weight for *_rest, weight in targets])
    if not len(weights):
        return sides.sum() * 0
    actual = actual.clamp(min=0.01)
    least, most = torch.minimum(predicted, actual), torch.maximum(predicted, actual)

    def area(away: Tensor) -> Tensor:
        return (away[:, 0] + away[:, 2]) * (away[:, 1] + away[:, 3])

    both = area(least)
    either = area(predicted) + area(actual) - both
    around = area(most)
    overlap = both / either.clamp(min=1e-6) - (around - either) / around.clamp(min=1e-6)
    return ((1 - overlap) * weights).sum() / weights.sum().clamp(min=1e-6)
