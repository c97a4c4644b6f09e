"""Functions of raw outputs that several parts need. Numpy alone."""

import numpy as np
from numpy.typing import DTypeLike


def softmax(scores: np.ndarray, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Shares along the last axis, which add up to 1. `dtype`: in which they are reckoned and come back."""
    shifted = scores.astype(dtype, copy=False) - scores.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    shares: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
    return shares
