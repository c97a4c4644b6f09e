"""The heat maps of `trainer.engines.heat` by the trained network with exact gradients: for the command line, of models that were
packaged without them. Serving has no torch.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainer.engines.heat import AROUND, GRAD_CAM, ROLLOUT
from trainer.engines.image import ImageEngine
from trainer.families.image.model import PictureModel, VisionModel, heat_of, patches_of
from trainer.families.image.pictures import load


class NetworkEngine(ImageEngine):
    """The packaged model, beside the network that it was packaged from."""

    def open(self, threads: int | None) -> None:
        super().open(threads)
        self.network = load(self.artifact / "model", "eager").eval()
        method = method_of(self.network)
        self.methods = (*ImageEngine.methods, *([method] if method else []))

    def heat(self, method: str, value: np.ndarray) -> np.ndarray:
        pixels = torch.from_numpy(value.copy())[None]
        if method == ROLLOUT:
            return rollout(self.network, pixels).numpy()
        direction = self.scoring.direction(self.outputs([value])[0], self.manifest)
        return grad_cam(self.network, pixels, torch.from_numpy(direction).float()).numpy()


def method_of(network: PictureModel) -> str:
    """The heat map that there is of a network; "" for none."""
    method = heat_of(network)
    return "" if method == GRAD_CAM and feature_map(network, network.example(1))[1] is None else method


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
