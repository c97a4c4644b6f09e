"""Rows of a training as what reads their cells sees and changes them."""

from typing import Any, Protocol

import numpy as np

from trainer.data.problems import Problem


class LoadedRows(Protocol):
    """What is filled in of `trainer.data.loading.Loaded`, which imports those that do it."""

    values: dict[str, list[Any]]
    """By role."""
    row_numbers: list[int]
    """As people count them, from 1."""
    columns: dict[str, str]
    """{role: column}."""
    problems: list[Problem]
    answer: str
    """The role that is predicted."""

    @property
    def answers(self) -> list[Any]: ...

    def keep(self, is_kept: np.ndarray) -> None: ...
