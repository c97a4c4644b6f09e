"""What models that compare texts learn by, beside sums by hand."""

import math

import numpy as np
import pytest
import torch

from trainer.families.text import pair_losses
from trainer.families.text.pair_losses import SHARPNESS, cosent, cosine, multiple_negatives, triplet, usual_loss
from trainer.similarity.forms import BINARY, GRADED, POSITIVES, TRIPLETS


def drawn(rows: int, texts: int = 2, seed: int = 0) -> torch.Tensor:
    """Vectors of length one, (rows, texts, 5)."""
    generator = torch.manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(rows, texts, 5, generator=generator, dtype=torch.float64), dim=-1)


def nothing_else(rows: int) -> torch.Tensor:
    """`same` where each second text answers its own row alone."""
    return torch.eye(rows, dtype=torch.bool)


def cosines_of(vectors: torch.Tensor) -> list[float]:
    return [float(np.dot(*row[:2])) for row in vectors.numpy()]


def test_every_two_pairs_are_to_be_in_the_order_of_their_scores() -> None:
    """CoSENT: log(1 + Σ exp(λ (cos of the lower score − cos of the higher)))."""
    vectors, shares = drawn(6), torch.tensor([0.0, 0.5, 1.0, 0.5, 0.2, 1.0])
    cosines = cosines_of(vectors)
    wrong = [
        math.exp(SHARPNESS * (cosines[low] - cosines[high]))
        for low in range(6)
        for high in range(6)
        if shares[high] > shares[low]
    ]
    assert cosent(vectors, shares).item() == pytest.approx(math.log1p(sum(wrong)))


def test_equal_scores_have_no_order_to_learn() -> None:
    vectors = drawn(4).requires_grad_()
    loss = cosent(vectors, torch.full((4,), 0.5))
    loss.backward()
    assert loss.item() == 0.0
    assert vectors.grad is not None
    assert vectors.grad.abs().sum() == 0


def test_a_cosine_is_to_be_the_share_itself() -> None:
    vectors, shares = drawn(4), torch.tensor([0.1, 0.9, 0.5, 1.0], dtype=torch.float64)
    wanted = np.mean((np.array(cosines_of(vectors)) - shares.numpy()) ** 2)
    assert cosine(vectors, shares).item() == pytest.approx(wanted)


def test_the_own_text_is_to_be_the_nearest_both_ways() -> None:
    vectors = drawn(5)
    firsts, seconds = vectors[:, 0].numpy(), vectors[:, 1].numpy()
    scores = SHARPNESS * firsts @ seconds.T
    forward = np.mean([np.log(np.exp(scores[row]).sum()) - scores[row, row] for row in range(5)])
    backward = np.mean([np.log(np.exp(scores[:, row]).sum()) - scores[row, row] for row in range(5)])
    loss = multiple_negatives(vectors, torch.ones(5, dtype=torch.bool), nothing_else(5))
    assert loss.item() == pytest.approx((forward + backward) / 2)


def test_third_texts_are_further_negatives_of_every_row() -> None:
    vectors, every = drawn(3, texts=3), torch.ones(3, dtype=torch.bool)
    with_thirds = multiple_negatives(vectors, every, nothing_else(3))
    firsts = vectors[:, 0].numpy()
    scores = SHARPNESS * np.concatenate([firsts @ vectors[:, 1].numpy().T, firsts @ vectors[:, 2].numpy().T], axis=1)
    forward = np.mean([np.log(np.exp(scores[row]).sum()) - scores[row, row] for row in range(3)])
    backward = np.mean([np.log(np.exp(scores[:, row]).sum()) - scores[row, row] for row in range(3)])
    assert with_thirds.item() == pytest.approx((forward + backward) / 2)


def test_a_text_that_also_answers_is_no_negative() -> None:
    """Two rows of one query: neither pushes the other's answer away."""
    vectors = drawn(3)
    same = nothing_else(3)
    same[0, 1] = same[1, 0] = True
    apart = [multiple_negatives(vectors[[row, 2]], torch.tensor([True, False]), nothing_else(2)) for row in (0, 1)]
    together = multiple_negatives(vectors, torch.tensor([True, True, False]), same)
    assert together.item() == pytest.approx(float(sum(apart)) / 2)


@pytest.mark.parametrize("loss", [multiple_negatives, lambda *each: triplet(*each, 0.3)], ids=["negatives", "triplet"])
def test_a_batch_without_a_pair_that_belongs_together_teaches_nothing(loss: object) -> None:
    vectors = drawn(3).requires_grad_()
    value = loss(vectors, torch.zeros(3, dtype=torch.bool), nothing_else(3))  # type: ignore[operator]
    value.backward()
    assert value.item() == 0.0
    assert vectors.grad is not None
    assert vectors.grad.abs().sum() == 0


def test_a_batch_of_one_row_is_a_finite_loss() -> None:
    vectors, one = drawn(1), torch.ones(1, dtype=torch.bool)
    assert multiple_negatives(vectors, one, nothing_else(1)).item() == pytest.approx(0.0, abs=1e-9)
    assert math.isfinite(triplet(vectors, one, nothing_else(1), 0.2).item())


def test_the_third_text_is_to_be_farther_by_a_margin() -> None:
    vectors = drawn(6, texts=3)
    near, far = (np.array([row[0] @ row[place] for row in vectors.numpy()]) for place in (1, 2))
    wanted = np.maximum(far - near + 0.25, 0).mean()
    loss = triplet(vectors, torch.ones(6, dtype=torch.bool), nothing_else(6), 0.25)
    assert loss.item() == pytest.approx(wanted)


def test_without_a_third_text_the_nearest_other_one_is_taken() -> None:
    vectors, every = drawn(5), torch.ones(5, dtype=torch.bool)
    same = nothing_else(5)
    same[0, 3] = True
    scores = vectors[:, 0].numpy() @ vectors[:, 1].numpy().T
    far = [max(scores[row, other] for other in range(5) if not same[row, other]) for row in range(5)]
    wanted = np.mean([max(far[row] - scores[row, row] + 0.1, 0) for row in range(5)])
    assert triplet(vectors, every, same, 0.1).item() == pytest.approx(wanted)


@pytest.mark.parametrize("step", [cosent, cosine])
def test_a_step_down_the_gradient_brings_a_wrong_pair_nearer(step: object) -> None:
    vectors = drawn(8, seed=3).requires_grad_()
    shares = torch.linspace(0, 1, 8, dtype=torch.float64)
    before = step(vectors, shares)  # type: ignore[operator]
    before.backward()
    assert vectors.grad is not None
    moved = torch.nn.functional.normalize(vectors.detach() - 0.01 * vectors.grad, dim=-1)
    assert step(moved, shares) < before  # type: ignore[operator]


def test_each_form_of_rows_has_its_loss() -> None:
    losses = [usual_loss(form) for form in (GRADED, BINARY, POSITIVES, TRIPLETS)]
    assert losses == ["cosent", "cosent", "multiple_negatives", "multiple_negatives"]
    assert all(callable(getattr(pair_losses, name)) for name in losses)
