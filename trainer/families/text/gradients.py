"""What an answer to a text depends on, by the gradients of the trained network: for the command line, since serving has no torch.

- `integrated_gradients`: the mean gradient on the straight way from a text without words to this one, times what the words add to
  it (Sundararajan et al. 2017). The text without words has padding in their place. The weights add up to how far the answer's
  output lies above that of the text without words, up to the error of the sum over `STEPS` places.
- `gradient_shap`: the same from texts without words under noise, at random places of the way (Lundberg and Lee 2017; Erion et al.
  2021).
"""

import numpy as np
import torch
from torch import Tensor

from trainer.engines.explanations import AGNOSTIC, Parts, Weighed
from trainer.engines.text import TextEngine
from trainer.families.text.encoder import EncoderClassifier

METHODS = ("integrated_gradients", "gradient_shap")
STEPS, DRAWS = 32, 32
NOISE = 0.5
"""Of the baselines of `gradient_shap`, in standard deviations of the word vectors."""


class GradientEngine(TextEngine):
    """The packaged model, beside the network that it was packaged from."""

    methods = ("occlusion", "lime", *METHODS)
    weighed_by_parts = (*AGNOSTIC, *METHODS)

    def open(self, threads: int | None) -> None:
        super().open(threads)
        self.network = EncoderClassifier.load(self.artifact / "model").eval()
        self.words = self.network.encoder.get_input_embeddings()

    def weigh(self, method: str, value: str, parts: Parts[str]) -> Weighed:
        if method not in METHODS:
            return super().weigh(method, value, parts)
        encoding = self.tokenizer.encode(value)
        by_token = self.token_weights(method, value, encoding.ids, encoding.special_tokens_mask)
        starts = [part["start"] for part in parts.described]
        weights = np.zeros(len(starts))
        for weight, (start, end) in zip(by_token, encoding.offsets, strict=True):
            if end > start and starts:
                weights[max(int(np.searchsorted(starts, start, side="right")) - 1, 0)] += weight
        return Weighed(weights, self.scoring.sums_in, STEPS if method == METHODS[0] else DRAWS)

    def token_weights(self, method: str, value: str, ids: list[int], special: list[int]) -> np.ndarray:
        """(tokens,): what each adds to the output that says the answer."""
        direction = torch.from_numpy(self.scoring.direction(self.outputs([value])[0], self.manifest)).float()
        tokens = torch.tensor([ids])
        with torch.no_grad():
            vectors = self.words(tokens)[0]
            blank = self.words(torch.full_like(tokens, self.network.encoder.config.pad_token_id or 0))[0]
        empty = torch.where(torch.tensor(special)[:, None] == 1, vectors, blank)
        starts, places = self.ways(method, empty, len(ids))
        changed = starts + places[:, None, None] * (vectors - starts)
        gradients = self.gradients(tokens, changed, direction)
        return np.asarray(((vectors - starts) * gradients).sum(-1).mean(0).double())

    def ways(self, method: str, empty: Tensor, tokens: int) -> tuple[Tensor, Tensor]:
        """(where each way begins (count, tokens, features), how far on it one looks (count,))."""
        if method == "integrated_gradients":
            return empty.expand(STEPS, -1, -1), (torch.arange(STEPS) + 0.5) / STEPS
        generator = torch.Generator().manual_seed(0)
        spread = NOISE * float(self.words.weight.detach().std())
        noise = spread * torch.randn(DRAWS, *empty.shape, generator=generator)
        return empty + noise, torch.rand(DRAWS, generator=generator)

    def gradients(self, tokens: Tensor, changed: Tensor, direction: Tensor) -> Tensor:
        """(count, tokens, features): of the answer's output by the word vectors, where these are as given."""
        given = changed.detach().requires_grad_(True)
        hook = self.words.register_forward_hook(lambda *_call: given)
        try:
            ids = tokens.expand(len(given), -1)
            outputs = self.network(ids, torch.ones_like(ids))
            (gradient,) = torch.autograd.grad((outputs.float() @ direction).sum(), given)
        finally:
            hook.remove()
        return gradient
