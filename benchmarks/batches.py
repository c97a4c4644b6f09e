"""What packing texts into one row could save beside batches of like length, and when `torch.compile` would pay back.

    python benchmarks/batches.py [--sets ag_news …] [--rows 2000] [--no-compile]

Padding: the share of the tokens in a batch of 32 that are padding, for batches drawn at random, of like length as they are learned from,
and for few-shot batches read in two pieces. Packing could save no more than that. Compile: processor seconds of the first steps of
all-MiniLM-L6-v2 (which include compiling, also in other processes) and of a later one, with and without.
"""

import argparse
import csv
import os
import sys
import time
from pathlib import Path

import numpy as np
from _sets import data

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

SETS = {
    "ag_news": ("text_classification/ag_news_train.csv", "text"),
    "banking77": ("text_classification/banking77_train.csv", "text"),
    "chn_hotel": ("text_classification/chn_hotel_train.csv", "text"),
    "sms_spam": ("text_classification/sms_spam.csv", "text"),
    "goemotions": ("text_multilabel/goemotions_train.csv", "text"),
    "readability": ("text_regression/readability_train.csv", "excerpt"),
}
MODEL, BATCH, MOST = "bundled:all-MiniLM-L6-v2", 32, 128
LENGTHS = (16, 24, 32, 40)
"""Of the batches that are learned from in turn, as those of short texts."""


def padding(lengths: np.ndarray, batches: list[np.ndarray]) -> float:
    """Share of padding among the tokens of these batches of rows."""
    read = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    return 1 - sum(int(lengths[batch].sum()) for batch in batches) / read


def shares(name: str, count: int) -> str:
    from trainer import models
    from trainer.families.text import encoder
    from trainer.learning.rows import Rows

    path, column = SETS[name]
    with (data() / path).open(newline="", encoding="utf-8") as file:
        texts = [row[column] for row in csv.DictReader(file)][:count]
    backend = encoder.load_tokenizer(models.resolve(MODEL)).backend_tokenizer
    backend.no_padding()
    backend.enable_truncation(MOST)
    rows = Rows.__new__(Rows)  # its batches need nothing but lengths
    rows.lengths = np.array([len(each.ids) for each in backend.encode_batch_fast(texts)])
    every = np.arange(len(texts))
    shuffled = np.random.default_rng(0).permutation(every)
    drawn = [shuffled[start : start + BATCH] for start in range(0, len(every), BATCH)]
    pieces = [part for batch in drawn for part in np.array_split(batch[np.argsort(rows.lengths[batch])], 2)]
    paddings = [padding(rows.lengths, each) for each in (drawn, rows.training_batches(every, BATCH, 0, 0), pieces)]
    return f"| {name} | {rows.lengths.mean():.0f} | " + " | ".join(f"{share:.1%}" for share in paddings) + " |"


def spent() -> float:
    """Seconds of the processor, of this process and those that it started."""
    return sum(os.times()[:4])


def steps(is_compiled: bool) -> tuple[float, float]:
    """(seconds of the first turn over the lengths, seconds of one step in the third), of the processor."""
    import torch

    from trainer import models
    from trainer.events import silent
    from trainer.families.text import encoder
    from trainer.hardware import Device

    device = Device("cpu", 1, silent)
    model = device.place(encoder.fresh(models.resolve(MODEL), ["a", "b"], normalise=False, answer="class"))
    call = torch.compile(model, dynamic=True) if is_compiled else model
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, fused=True)
    turns = []
    for _turn in range(3):
        started = spent()
        for length in LENGTHS:
            ids = torch.randint(1_000, 20_000, (BATCH, length))
            with device.autocast():
                loss = call(ids, torch.ones_like(ids)).float().logsumexp(1).mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        turns.append(spent() - started)
    return turns[0], turns[-1] / len(LENGTHS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--no-compile", action="store_true")
    options = parser.parse_args()
    data()
    print(
        "| set | tokens a text | padding, drawn at random | of like length | two sorted pieces |\n|---|---|---|---|---|"
    )
    for name in options.sets:
        print(shares(name, options.rows), flush=True)
    if options.no_compile:
        return
    began = time.monotonic()
    (first, step), (first_compiled, step_compiled) = steps(False), steps(True)
    cost, gain = first_compiled - first, step - step_compiled
    after = f"pays back after {cost / gain:,.0f} steps" if gain > 0 else "never pays back"
    print(
        f"step {step * 1000:.0f} ms, compiled {step_compiled * 1000:.0f} ms; compiling {cost:.0f} s: {after}"
        f" ({time.monotonic() - began:.0f} s by the clock, load {os.getloadavg()[0]:.1f})"
    )


if __name__ == "__main__":
    main()
