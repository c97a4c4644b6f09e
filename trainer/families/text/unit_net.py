"""The small net for passages (`trainer.tagging.net`), of torch."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from trainer.families.text.taggers import IGNORED
from trainer.learning.model import TrainableModel
from trainer.packaging.graphs import capture, check_graph, trace
from trainer.tagging import net
from trainer.tagging.net import Vocabulary
from trainer.tagging.path import allowed, start_scores
from trainer.tagging.readers import CONFIG, UNIT_KIND, write_config

WEIGHTS = "model.safetensors"


class Block(nn.Module):
    """A residual layer: what is beyond the end of a text is kept at 0, so that a text is seen alike in every batch."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(net.WIDTH)
        self.conv = nn.Conv1d(net.WIDTH, net.WIDTH, net.KERNEL, padding=dilation, dilation=dilation)
        self.dropout = nn.Dropout(net.DROPOUT)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """(texts, units, WIDTH), mask (texts, units, 1)."""
        around = self.conv((self.norm(hidden) * mask).transpose(1, 2)).transpose(1, 2)
        return (hidden + self.dropout(nn.functional.gelu(around))) * mask


class UnitNet(TrainableModel):
    """(texts, most units, …) as `trainer.tagging.net.batch` gives them → scores (texts, most units, tags)."""

    new_layers = ("",)
    transitions: nn.Parameter

    def __init__(self, vocabulary: Vocabulary, labels: list[str]) -> None:
        super().__init__()
        self.vocabulary, self.labels = vocabulary, labels
        tags = 2 * len(labels) + 1
        self.units = nn.Embedding(len(vocabulary.units) + 2, net.UNIT_WIDTH, padding_idx=0)
        self.pairs = nn.Embedding(net.PAIR_BUCKETS + 1, net.PAIR_WIDTH, padding_idx=0)
        self.characters = nn.Embedding(len(vocabulary.characters) + 2, net.CHARACTER_WIDTH, padding_idx=0)
        self.spelling = nn.Conv1d(net.CHARACTER_WIDTH, net.SPELLING_WIDTH, net.KERNEL, padding=net.KERNEL // 2)
        self.shapes = nn.Embedding(net.SHAPE_COUNT, net.SHAPE_WIDTH, padding_idx=0)
        seen = net.UNIT_WIDTH + net.PAIR_WIDTH + net.SPELLING_WIDTH + net.SHAPE_WIDTH
        self.dropout = nn.Dropout(net.DROPOUT)
        self.enter = nn.Linear(seen, net.WIDTH)
        self.blocks = nn.ModuleList([Block(dilation) for dilation in net.DILATIONS])
        self.head = nn.Linear(net.WIDTH, tags)
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.register_buffer("allowed", torch.from_numpy(allowed(tags)), persistent=False)
        self.register_buffer("start", torch.from_numpy(start_scores(tags)), persistent=False)

    def follows(self) -> np.ndarray:
        """Scores for one tag after another (tags, tags)."""
        transitions: np.ndarray = self.transitions.detach().float().cpu().numpy()
        return transitions

    def features(self, units: Tensor, pairs: Tensor, characters: Tensor, shapes: Tensor) -> Tensor:
        """(texts, most units, WIDTH)."""
        mask = (units > 0).unsqueeze(-1).to(self.head.weight.dtype)
        spelled = self.spelling(self.characters(characters).flatten(0, 1).transpose(1, 2))
        is_filled = (characters > 0).flatten(0, 1).unsqueeze(1)
        spelled = spelled.masked_fill(~is_filled, -1e4).amax(2).unflatten(0, units.shape[:2])
        parts = (self.units(units), self.pairs(pairs), nn.functional.relu(spelled), self.shapes(shapes))
        hidden = self.enter(self.dropout(torch.cat(parts, -1))) * mask
        for block in self.blocks:
            hidden = block(hidden, mask)
        return hidden

    def forward(self, units: Tensor, pairs: Tensor, characters: Tensor, shapes: Tensor) -> Tensor:
        return self.head(self.dropout(self.features(units, pairs, characters, shapes)))

    def tag_loss(self, scores: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        """Negative logarithm of the probability of the right tags, a unit; targets (texts, most units)."""
        mask = targets != IGNORED
        return (self.every_path(scores, mask) - self.right_path(scores, targets.clamp(min=0), mask)).sum() / mask.sum()

    def every_path(self, scores: Tensor, mask: Tensor) -> Tensor:
        """(texts,): the logarithm of the sum over all tags that may be (forward algorithm)."""
        matrix = self.transitions + self.allowed
        value = scores[:, 0] + self.start
        for place in range(1, scores.shape[1]):
            after = torch.logsumexp(value.unsqueeze(2) + matrix, 1) + scores[:, place]
            value = torch.where(mask[:, place, None], after, value)
        return torch.where(mask[:, 0], torch.logsumexp(value, 1), torch.zeros_like(value[:, 0]))

    def right_path(self, scores: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        """(texts,): the score of the right tags."""
        own = (scores.gather(2, targets.unsqueeze(2)).squeeze(2) * mask).sum(1)
        steps = self.transitions[targets[:, :-1], targets[:, 1:]]
        return own + (steps * mask[:, 1:]).sum(1)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: value.detach().contiguous() for name, value in self.state_dict().items()}, folder / WEIGHTS)
        known = {"units": self.vocabulary.units, "characters": self.vocabulary.characters}
        config = {"kind": UNIT_KIND, "answer": "spans", "labels": self.labels, "follows": self.follows().tolist()}
        write_config(folder, config | known)

    @classmethod
    def load(cls, folder: Path) -> "UnitNet":
        config = json.loads((folder / CONFIG).read_text("utf-8"))
        model = cls(Vocabulary(config["units"], config["characters"]), config["labels"])
        model.load_state_dict(load_file(folder / WEIGHTS))
        return model.eval()

    def write_onnx(self, target: Path) -> None:
        """A graph of any number of texts of any length."""
        example = net.batch([self.vocabulary.encode(text) for text in ("a b c d e f g", "h i j")])
        arguments = tuple(torch.from_numpy(example[name]) for name in net.INPUTS)
        axes = {name: {0: "batch", 1: "length"} for name in net.INPUTS}
        ways: tuple[Callable[..., None], ...] = (trace, capture)
        for write in ways:
            try:
                write(self, arguments, axes, target)
                check_graph(self, dict(zip(axes, arguments, strict=True)), target, np.asarray)
            except Exception:
                if write is ways[-1]:
                    raise
            else:
                return
