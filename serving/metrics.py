"""Prometheus figures of this process, in its text format."""

from collections import Counter
from typing import TYPE_CHECKING

from trainer import decoding

if TYPE_CHECKING:
    from serving.memory import Inputs
    from serving.pool import Pool

BOUNDS_MS = (2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)


class Metrics:
    def __init__(self) -> None:
        self.answers: Counter[int] = Counter()
        self.slow: Counter[float] = Counter()
        self.rows = 0
        self.total_ms = 0.0
        self.timed = 0

    def answered(self, status: int) -> None:
        self.answers[status] += 1

    def predicted(self, rows: int, ms: float) -> None:
        self.rows += rows
        self.timed += 1
        self.total_ms += ms
        self.slow[next((bound for bound in BOUNDS_MS if ms <= bound), float("inf"))] += 1

    def render(self, pool: "Pool", inputs: "Inputs", usage_waiting: int) -> bytes:
        batchers = [model.batcher for model in pool.models.values()]
        lines = [
            "# TYPE maquette_serving_requests_total counter",
            *(
                f'maquette_serving_requests_total{{status="{status}"}} {n}'
                for status, n in sorted(self.answers.items())
            ),
            *single("rows_total", "counter", self.rows),
            *single("models", "gauge", len(pool.models)),
            *single("models_bytes", "gauge", pool.bytes),
            *single("models_evicted_total", "counter", pool.evicted),
            *single("rows_waiting", "gauge", sum(batcher.rows for batcher in batchers)),
            *single("answers_writing", "gauge", sum(model.writers.count for model in pool.models.values())),
            *single("requests_reading", "gauge", pool.reading),
            *single("bodies_bytes", "gauge", inputs.bodies.used),
            *single("decoding_bytes", "gauge", decoding.budget.used),
            *single("decoded_bytes", "gauge", inputs.arrays.used),
            *single("usage_waiting", "gauge", usage_waiting),
            "# TYPE maquette_serving_predict_milliseconds histogram",
            *self.histogram(),
        ]
        return "\n".join([*lines, ""]).encode()

    def histogram(self) -> list[str]:
        name, total = "maquette_serving_predict_milliseconds", 0
        lines = []
        for bound in (*BOUNDS_MS, float("inf")):
            total += self.slow[bound]
            lines.append(f'{name}_bucket{{le="{"+Inf" if bound == float("inf") else bound}"}} {total}')
        return [*lines, f"{name}_sum {self.total_ms:.1f}", f"{name}_count {self.timed}"]


def single(name: str, kind: str, value: float) -> tuple[str, str]:
    return f"# TYPE maquette_serving_{name} {kind}", f"maquette_serving_{name} {value}"
