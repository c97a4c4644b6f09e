"""Attempts at training a run without a trainer: on a clock of the test's own, and ended as a process would end them."""

from collections.abc import Callable
from decimal import Decimal

from webapp.runs.models import Run
from webapp.runs.training import Training


def training(clock: Callable[[], float]) -> type[Training]:
    """Training whose seconds are those of `clock`."""

    class Timed(Training):
        def __init__(self, row: Run, lease: str, gpus: list[int], money: Decimal) -> None:
            super().__init__(row, lease, gpus, money, clock)

    return Timed


def end(attempt: Training, status: int) -> None:
    """What comes of the attempt when its trainer ends with this exit status."""

    def do() -> None:
        attempt.conclude(status)

    attempt.do = do  # type: ignore[method-assign]
    attempt.run()
