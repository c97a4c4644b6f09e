"""The remaining time that people are shown: what is forecast, without its jumps. The site uses the same, begun with its
estimate."""

import math
import time
from collections.abc import Callable

SETTLING_SECONDS = (1.5, 10.0)
"""After so long, two thirds of a changed forecast are shown: a third of the forecast, between these bounds, so that what
is nearly done is soon told so."""


class Remaining:
    """Keeps the moment at which a run is thought to end, begun with its estimate, and moves it slowly towards what the
    trainer forecasts; so minutes do not become seconds and minutes again while a model is loaded.

    `likely`: seconds of the run by its estimate, if there is one. `clock`: monotonic seconds.
    """

    def __init__(self, likely: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.seen_at = clock()
        self.ends_at = self.seen_at + likely if likely else None

    def update(self, forecast: float | None) -> float | None:
        """Seconds left to show, by the newest forecast of them."""
        now = self.clock()
        if forecast is None:
            return None if self.ends_at is None else round(max(self.ends_at - now, 0.0), 1)
        if self.ends_at is None:
            self.ends_at = now + forecast
        shortest, longest = SETTLING_SECONDS
        settling = min(max(forecast / 3, shortest), longest)
        weight = 1 - math.exp(-(now - self.seen_at) / settling)
        self.ends_at += weight * (now + forecast - self.ends_at)
        self.seen_at = now
        seconds = self.ends_at - now
        return round(seconds if seconds > 0 else forecast, 1)
