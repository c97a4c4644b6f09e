"""What models that compare texts learn by. Vectors are (batch, k, hidden) of length one: first, second, and perhaps third texts."""

import torch
from torch import Tensor

from trainer.similarity.forms import BINARY, GRADED, TRIPLETS

SHARPNESS = 20.0
"""By which cosines are multiplied: the inverse of a temperature of 0.05."""
USUAL = {GRADED: "cosent", BINARY: "cosent", TRIPLETS: "multiple_negatives"}


def usual_loss(form: str) -> str:
    return USUAL.get(form, "multiple_negatives")


def cosines(vectors: Tensor) -> Tensor:
    """(batch,) of first and second texts."""
    return (vectors[:, 0] * vectors[:, 1]).sum(-1)


def cosent(vectors: Tensor, shares: Tensor) -> Tensor:
    """Of any two pairs the one with the higher score should have the higher cosine (CoSENT, Su 2022)."""
    alike = cosines(vectors) * SHARPNESS
    differences = alike[None, :] - alike[:, None]
    is_above = shares[:, None] > shares[None, :]
    wrong = differences.masked_fill(~is_above, float("-inf")).flatten()
    return torch.logsumexp(torch.cat([wrong.new_zeros(1), wrong]), dim=0)


def cosine(vectors: Tensor, shares: Tensor) -> Tensor:
    """The squared distance of the cosine from the score, as a share of its scale."""
    return ((cosines(vectors) - shares) ** 2).mean()


def multiple_negatives(vectors: Tensor, is_alike: Tensor, same: Tensor) -> Tensor:
    """Of all second (and third) texts of a batch, the row's own second is to be the nearest to the first, and the other way
    round (Henderson et al. 2017). `same` (batch, batch): second texts that also answer a row, which are no negatives."""
    firsts, seconds = vectors[:, 0], vectors[:, 1]
    others = vectors[:, 2:].flatten(0, 1)
    own = torch.eye(len(firsts), dtype=torch.bool, device=firsts.device)
    scores = (firsts @ seconds.T * SHARPNESS).masked_fill(same & ~own, float("-inf"))
    rows = torch.nonzero(is_alike).flatten()
    if not len(rows):
        return scores.sum() * 0
    target = torch.arange(len(firsts), device=firsts.device)[rows]
    forward = torch.cat([scores, firsts @ others.T * SHARPNESS], dim=1)[rows]
    backward = scores.T[rows]
    loss = torch.nn.functional.cross_entropy
    return (loss(forward, target) + loss(backward, target)) / 2


def triplet(vectors: Tensor, is_alike: Tensor, same: Tensor, margin: float) -> Tensor:
    """The own second text nearer than any other of the batch, or the third where there is one, by a margin (Schroff et al. 2015)."""
    firsts, seconds = vectors[:, 0], vectors[:, 1]
    near = cosines(vectors)
    if vectors.shape[1] > 2:
        far = (firsts * vectors[:, 2]).sum(-1)
    else:
        own = torch.eye(len(firsts), dtype=torch.bool, device=firsts.device)
        far = (firsts @ seconds.T).masked_fill(same | own, -1.0).max(dim=1).values
    over = torch.relu(far - near + margin)[is_alike]
    return over.mean() if len(over) else near.sum() * 0
