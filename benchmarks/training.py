"""Our `full` fine-tuning beside the stock transformers `Trainer`: same model, rows, batch size and epochs.

    python benchmarks/training.py [--rows N] [--epochs N] [--data train.csv --test test.csv]

Prints the rows a second and the test accuracy of both and the ratio of the speeds. Each runs in a process of its own, one
after the other, so that neither has the other's threads or memory. The time is that of the training loop alone: for the
stock one `train_runtime`, for ours the steps and the one reading of the tuning rows that each epoch ends with.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("MAQUETTE_SHARED") or ROOT.parent / "shared") / "data" / "text_classification"
BATCH, LENGTH = 32, 128
MODEL = "bundled:all-MiniLM-L6-v2"
WANTED_RATIO, WANTED_LOSS = 2.0, 0.005


def read(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


def stock(folder: Path, epochs: int) -> dict[str, Any]:
    """transformers' own Trainer with its default arguments and padding collator."""
    import numpy as np
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
    )

    sys.path.insert(0, str(ROOT))
    from trainer import models

    base = models.resolve(MODEL)
    train, test = read(folder / "train.csv"), read(folder / "test.csv")
    labels = sorted({label for _text, label in train})
    index = {label: index for index, label in enumerate(labels)}
    tokenizer = AutoTokenizer.from_pretrained(base)

    def encode(rows: list[tuple[str, str]]) -> list[dict[str, Any]]:
        return [
            {**tokenizer(text, truncation=True, max_length=LENGTH), "labels": index.get(label, -1)}
            for text, label in rows
        ]

    arguments = TrainingArguments(
        output_dir=str(folder / "stock"),
        num_train_epochs=epochs,
        per_device_train_batch_size=BATCH,
        report_to="none",
        disable_tqdm=True,
    )
    trainer = Trainer(
        model=AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(labels)),
        args=arguments,
        train_dataset=encode(train),
        data_collator=DataCollatorWithPadding(tokenizer),
    )
    seconds = trainer.train().metrics["train_runtime"]
    known = [(text, label) for text, label in test if label in index]
    logits = trainer.predict(encode(known)).predictions
    right = int((np.argmax(logits, 1) == [index[label] for _text, label in known]).sum())
    return {"seconds": seconds, "rows_per_second": len(train) * epochs / seconds, "accuracy": right / len(test)}


def ours(folder: Path, epochs: int) -> dict[str, Any]:
    """`python -m trainer run` with its defaults; the training stage's time."""
    spec = {
        "dataset": {
            "path": str(folder / "train.csv"),
            "test_path": str(folder / "test.csv"),
            "columns": {"text": "text", "label": "label"},
            "split": {"validation": 0.02},
        },
        "model": MODEL,
        "method": "full",
        "params": {"epochs": epochs, "batch_size": BATCH, "max_length": LENGTH, "patience": 100},
    }
    path = folder / "spec.json"
    path.write_text(json.dumps(spec), "utf-8")
    command = [sys.executable, "-m", "trainer", "run", str(path), "--out", str(folder / "ours")]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    seconds = next(
        event["seconds"] for event in events if event.get("name") == "train" and event.get("state") == "done"
    )
    message = next(event["message"] for event in events if " training rows, " in event.get("message", ""))
    rows = int(message.split()[0].replace(",", ""))
    return {
        "seconds": seconds,
        "rows_per_second": rows * epochs / seconds,
        "accuracy": events[-1]["metrics"]["accuracy"],
    }


def main() -> int:
    options = arguments()
    if options.one:
        measured = {"stock": stock, "ours": ours}[options.one](options.folder, options.epochs)
        print(json.dumps(measured))
        return 0
    if not options.data.exists():
        print(f"Skipped: there is no {options.data.name}. Give --data and --test, CSV files with text and label.")
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(options, folder)
        figures = {name: alone(name, folder, options.epochs) for name in ("stock", "ours")}
    return tell(figures, options)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3000, help="rows to learn from, drawn at random")
    parser.add_argument("--test-rows", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--data", type=Path, default=SHARED / "banking77_train.csv")
    parser.add_argument("--test", type=Path, default=SHARED / "banking77_test.csv")
    parser.add_argument("--one", choices=("stock", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def draw(options: argparse.Namespace, folder: Path) -> None:
    """train.csv and test.csv: the same random rows for both."""
    generator = random.Random(0)
    for name, path, count in (("train", options.data, options.rows), ("test", options.test, options.test_rows)):
        rows = read(path)
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows(generator.sample(rows, min(count, len(rows))))


def alone(name: str, folder: Path, epochs: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--one", name, "--folder", str(folder), "--epochs", str(epochs)]
    started = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{name:6} {figures['rows_per_second']:7.1f} rows/s   {figures['accuracy']:.1%} right   "
        f"{figures['seconds']:.0f} s of training, {time.monotonic() - started:.0f} s in all",
        flush=True,
    )
    return figures


def tell(figures: dict[str, dict[str, Any]], options: argparse.Namespace) -> int:
    """The verdict; 1 when a promise is broken."""
    ratio = figures["ours"]["rows_per_second"] / figures["stock"]["rows_per_second"]
    loss = figures["stock"]["accuracy"] - figures["ours"]["accuracy"]
    kept = ratio >= WANTED_RATIO and loss <= WANTED_LOSS
    print(f"ratio  {ratio:7.2f} (wanted: {WANTED_RATIO})   accuracy {-100 * loss:+.1f} points")
    print("kept" if kept else "NOT kept")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
