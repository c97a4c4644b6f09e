"""A model's outputs: one array with an entry a row, or a list of arrays where the rows' answers are of different lengths."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

Outputs = np.ndarray | Sequence[np.ndarray]


def gathered(rows: Iterable[np.ndarray]) -> Outputs:
    """The outputs of single rows as those of all: (rows, …), or a list where they differ in shape."""
    parts = [np.asarray(row) for row in rows]
    alike = len({part.shape for part in parts}) == 1
    return np.stack(parts) if alike else parts


def joined(parts: Iterable[Outputs]) -> Outputs:
    """The outputs of several batches as those of all their rows."""
    batches = list(parts)
    arrays = [batch for batch in batches if isinstance(batch, np.ndarray)]
    if len(arrays) == len(batches) and len({array.shape[1:] for array in arrays}) == 1:
        return np.concatenate(arrays)
    return gathered(row for batch in batches for row in batch)


def packed(outputs: Outputs) -> dict[str, np.ndarray]:
    """{outputs} as `np.savez` keeps them; of a list also the `lengths` that its rows have along their first axis."""
    if isinstance(outputs, np.ndarray):
        return {"outputs": outputs}
    lengths = np.array([len(row) for row in outputs], dtype=np.int64)
    return {"outputs": np.concatenate(list(outputs)) if len(outputs) else np.zeros(0), "lengths": lengths}


def unpacked(arrays: Mapping[str, np.ndarray]) -> Outputs:
    """What was `packed`."""
    if "lengths" not in arrays:
        return arrays["outputs"]
    lengths = arrays["lengths"]
    return np.split(arrays["outputs"], np.cumsum(lengths)[:-1]) if len(lengths) else []
