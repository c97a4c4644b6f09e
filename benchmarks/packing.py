"""Packing: tokens a second of learning with and without it, on rows of very different lengths, in one run.

    python benchmarks/packing.py [tinyshakespeare alpaca assistant] [--steps 12] [--model scratch:gpt]

Steps of one epoch are timed in turn, spread over it: rows of like length side by side with padding (`packing: off`), packed (`on`),
and rows in any order side by side, which is what padding costs where nothing is done about it. Both clocks are told: on a busy
machine that of the processor says more.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _sets import data

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer.events import silent
from trainer.families.text.writing import WritingFamily
from trainer.learning.fine_tuning import FineTuning
from trainer.learning.job import Job
from trainer.learning.objective import objective_of
from trainer.spec import Spec

PARTS = {"tinyshakespeare": "corpus", "alpaca": "text2text", "assistant": "chat"}


def rows_of(name: str) -> list[dict[str, Any]]:
    """Paragraphs of a corpus, instructions, or conversations."""
    folder = data(PARTS[name])
    if name == "tinyshakespeare":
        text = "".join(path.read_text("utf-8") for path in sorted(folder.glob("*shakespeare*.txt")))
        return [{"text": paragraph} for paragraph in text.split("\n\n") if paragraph.strip()]
    file = "alpaca_en.jsonl" if name == "alpaca" else "assistant_en_train.jsonl"
    return [json.loads(line) for line in (folder / file).read_text("utf-8").splitlines()]


class Way:
    """One way to lay the rows of a step, timed step by step."""

    def __init__(self, spec: Spec, folder: Path, steps: int, is_mixed: bool = False) -> None:
        self.job = Job(spec, folder, silent)
        family = WritingFamily()
        self.rows = family.prepare(self.job)
        model = self.job.device.place(family.build(self.job, self.rows))
        self.tuning = FineTuning(self.job, model, self.rows, objective_of(self.job, self.rows))
        batches = self.mixed() if is_mixed else self.tuning.batches()
        self.cells = sum(self.cells_of(batch) for batch in batches)
        self.batches = [batches[place] for place in np.linspace(0, len(batches) - 1, steps).astype(int)]
        self.largest = max(map(self.cells_of, batches))
        self.clock = self.processor = 0.0
        self.tokens = 0
        model.train()
        self.tuning.learn(self.batches[0], np.random.default_rng(0))

    def mixed(self) -> list[np.ndarray]:
        order = np.random.default_rng(0).permutation(self.tuning.train)
        return [order[start : start + self.tuning.size] for start in range(0, len(order), self.tuning.size)]

    def cells_of(self, batch: np.ndarray) -> int:
        """Tokens and padding of a step."""
        lengths = self.rows.lengths[batch]
        return int(lengths.sum()) if self.rows.packing else int(lengths.max() * len(lengths))

    def step(self, number: int) -> None:
        clock, processor = time.perf_counter(), time.process_time()
        self.tuning.learn(self.batches[number], np.random.default_rng(number))
        self.clock += time.perf_counter() - clock
        self.processor += time.process_time() - processor
        self.tokens += int(self.rows.lengths[self.batches[number]].sum())

    def row(self, name: str) -> str:
        every = int(self.rows.lengths[self.tuning.train].sum())
        return (
            f"  {name}: {self.tokens / self.processor:,.0f} tokens a second of the processor, {self.tokens / self.clock:,.0f} by the "
            f"clock; {1 - every / self.cells:.1%} padding, at most {self.largest:,} tokens a step"
        )


def measure(name: str, model: str, steps: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "rows.jsonl"
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows_of(name)), "utf-8")
        method = "scratch" if model.startswith("scratch:") else "lora"

        def way(folder: str, packing: str, is_mixed: bool = False) -> Way:
            fields = {"task": "text-generation", "dataset": {"path": str(path)}, "model": model, "method": method}
            spec = Spec.model_validate(fields | {"params": {"packing": packing, "epochs": 1}})
            return Way(spec, Path(place) / folder, steps, is_mixed)

        makers: dict[str, Callable[[], Way]] = {
            "rows of like length, padded": lambda: way("off", "off"),
            "packed": lambda: way("on", "on"),
            "rows in any order, padded": lambda: way("mixed", "off", is_mixed=True),
        }
        ways = {title: make() for title, make in makers.items()}
        for number in range(steps):
            for each in ways.values():
                each.step(number)
        some = next(iter(ways.values()))
        lengths = some.rows.lengths[some.tuning.train]
        print(
            f"{name}: {len(lengths):,} rows of {lengths.min()} to {lengths.max()} tokens (mean {lengths.mean():.0f}), {model}, "
            f"{steps} steps of {some.tuning.size} rows each on {some.job.device.name}, load {os.getloadavg()[0]:.1f}"
        )
        for title, each in ways.items():
            print(each.row(title), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(PARTS))
    parser.add_argument("--model", default="scratch:gpt")
    parser.add_argument("--steps", type=int, default=12)
    chosen = parser.parse_args()
    for each in chosen.sets:
        measure(each, chosen.model, chosen.steps)
