"""What an answer to a picture depends on, as a heat map by the trained network: for the command line, since serving has no torch.

- `grad_cam`, of convolutional nets: the last map of features, each channel weighed by the mean gradient of the answer's output by
  it; what speaks against the answer is cut off (Selvaraju et al. 2017).
- `attention_rollout`, of vision transformers with a token that sums up: how much of each patch reaches it when the attentions of all
  layers, averaged over heads and mixed half and half with the way around each, are multiplied (Abnar and Zuidema 2020). It says
  where the network looks, whatever the answer.

The heat of a region is its share of the heat of the picture.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.engines.explanations import AGNOSTIC, Parts, Weighed
from trainer.engines.image import ImageEngine
from trainer.families.image.model import CLS, TRANSFORMERS, PictureModel, VisionModel
from trainer.families.image.pictures import load

GRAD_CAM, ROLLOUT = "grad_cam", "attention_rollout"
AROUND = 0.5
"""Of what a layer passes on, the part that goes around its attention."""


class HeatEngine(ImageEngine):
    """The packaged model, beside the network that it was packaged from."""

    weighed_by_parts = (*AGNOSTIC, GRAD_CAM, ROLLOUT)

    def open(self, threads: int | None) -> None:
        super().open(threads)
        self.network = load(self.artifact / "model", "eager").eval()
        method = method_of(self.network)
        self.methods = (*ImageEngine.methods, *([method] if method else []))

    def weigh(self, method: str, value: np.ndarray, parts: Parts[np.ndarray]) -> Weighed:
        if method not in (GRAD_CAM, ROLLOUT):
            return super().weigh(method, value, parts)
        pixels = torch.from_numpy(value.copy())[None]
        if method == ROLLOUT:
            heat = rollout(self.network, pixels)
        else:
            direction = self.scoring.direction(self.outputs([value])[0], self.manifest)
            heat = grad_cam(self.network, pixels, torch.from_numpy(direction).float())
        return Weighed(heat_of_regions(heat, [part["box"] for part in parts.described]), "share", 1)


def method_of(network: PictureModel) -> str:
    """The heat map that there is of a network; "" for none."""
    kind = network.encoder.config.model_type if isinstance(network, VisionModel) else ""
    if kind in CLS:
        return ROLLOUT
    if kind in TRANSFORMERS:
        return ""
    return GRAD_CAM if feature_map(network, network.example(1))[1] is not None else ""


def feature_map(network: PictureModel, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
    """(outputs, the last map of features with more than one place (1, channels, height, width)); None where there is none."""
    maps: list[Tensor] = []

    def note(_module: nn.Module, _inputs: Any, made: Any) -> None:  # noqa: ANN401  as torch gives it
        if isinstance(made, Tensor) and made.ndim == 4 and made.shape[2] * made.shape[3] > 1 and made.requires_grad:
            maps.append(made)

    hooks = [module.register_forward_hook(note) for module in network.modules() if module is not network]
    try:
        with torch.enable_grad():
            outputs = network(pixels).float()
    finally:
        for hook in hooks:
            hook.remove()
    return outputs, maps[-1] if maps else None


def grad_cam(network: PictureModel, pixels: Tensor, direction: Tensor) -> Tensor:
    """(height, width) of the map of features, 0 and more."""
    outputs, features = feature_map(network, pixels)
    if features is None:
        return torch.zeros(1, 1)
    (gradients,) = torch.autograd.grad(outputs[0] @ direction, features)
    channels = gradients.mean((2, 3), keepdim=True)
    return (channels * features).sum(1)[0].relu().detach()


def rollout(network: PictureModel, pixels: Tensor) -> Tensor:
    """(height, width) of the patches."""
    if not isinstance(network, VisionModel):
        return torch.zeros(1, 1)
    with torch.no_grad():
        seen = network.encoder(pixel_values=network.normalised(pixels), output_attentions=True, **network.fits)
    reached: Tensor | None = None
    for attention in seen.attentions:
        mixed = (1 - AROUND) * attention[0].float().mean(0) + AROUND * torch.eye(attention.shape[-1])
        mixed = mixed / mixed.sum(-1, keepdim=True)
        reached = mixed if reached is None else mixed @ reached
    if reached is None:
        return torch.zeros(1, 1)
    height, width = patches_of(network, tuple(pixels.shape[1:3]))
    return reached[0, -height * width :].reshape(height, width)


def patches_of(network: VisionModel, size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of patches; what other tokens there are stands before them."""
    patch = network.encoder.config.patch_size
    sides = (patch, patch) if isinstance(patch, int) else tuple(patch)
    return size[0] // sides[0], size[1] // sides[1]


def heat_of_regions(heat: Tensor, boxes: list[list[float]], side: int = 224) -> np.ndarray:
    """The share of the heat in each box [x, y, width, height], in shares of the picture; zeros where nothing is warm."""
    fine = functional.interpolate(heat[None, None].float(), (side, side), mode="bilinear", align_corners=False)[0, 0]
    total = float(fine.sum())
    if not math.isfinite(total) or total <= 0:
        return np.zeros(len(boxes))
    edges = [[round(x * side), round(y * side), round((x + w) * side), round((y + h) * side)] for x, y, w, h in boxes]
    return np.array([float(fine[top:bottom, left:right].sum()) / total for left, top, right, bottom in edges])
