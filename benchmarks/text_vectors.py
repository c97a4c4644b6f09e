"""How quickly the bundled encoder reads texts on a processor: torch in float32 and bfloat16 beside graphs of ONNX Runtime.

    python benchmarks/text_vectors.py [--data CSV with a column of texts first] [--rows 1024] [--threads 1]

Each way by turns in one process, in the processor's seconds, batches of 64 texts of like length; the median of `--times`. By it
vectors of texts are read by torch (docs/benchmarks.md).
"""

import argparse
import copy
import csv
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks._sets import data  # noqa: E402
from trainer import models  # noqa: E402
from trainer.families.text.encoder import EncoderClassifier, load_encoder  # noqa: E402
from trainer.packaging.export import quiet  # noqa: E402
from trainer.packaging.graphs import write_transformer  # noqa: E402

Batch = tuple[Tensor, Tensor]
AXES = {0: "batch", 1: "length"}


class Vectors(nn.Module):
    def __init__(self, model: EncoderClassifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.model.features(input_ids, attention_mask)


def batches(texts: list[str], folder: Path) -> list[Batch]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokens = sorted((tokenizer(text, truncation=True, max_length=256)["input_ids"] for text in texts), key=len)
    pairs = []
    for start in range(0, len(tokens), 64):
        part = tokens[start : start + 64]
        ids = torch.zeros(len(part), len(part[-1]), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, own in enumerate(part):
            ids[row, : len(own)], mask[row, : len(own)] = torch.tensor(own), 1
        pairs.append((ids, mask))
    return pairs


def by_torch(model: EncoderClassifier, half: bool, batch: Batch) -> np.ndarray:
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
        return model.features(*batch).float().numpy()


def by_graph(model: EncoderClassifier, fused: bool, path: Path, threads: int) -> Callable[[Batch], np.ndarray]:
    twin = copy.deepcopy(model)
    twin.encoder.set_attn_implementation("eager")
    example = (torch.arange(18).view(2, 9), torch.ones(2, 9, dtype=torch.long))
    with quiet():
        if fused:
            axes = {"input_ids": AXES, "attention_mask": AXES}
            write_transformer(Vectors(twin), twin.encoder.config, example, axes, path)
        else:
            names = {"input_names": ["input_ids", "attention_mask"], "output_names": ["vectors"]}
            axes = {"input_ids": AXES, "attention_mask": AXES}
            torch.onnx.export(Vectors(twin), example, str(path), dynamic_axes=axes, dynamo=False, **names)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(str(path), options)
    names_in = [each.name for each in session.get_inputs()]
    return lambda batch: session.run(None, dict(zip(names_in, (tensor.numpy() for tensor in batch), strict=True)))[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    folder = models.find_bundled("all-MiniLM-L6-v2")
    path = options.data or data("text_classification") / "banking77_train.csv"
    with path.open(encoding="utf-8", newline="") as file:
        texts = [row[0] for row in csv.reader(file)][1 : options.rows + 1]
    every = batches(texts, folder)
    model = EncoderClassifier(load_encoder(folder), ["a", "b"], pooling="mean").eval()
    with tempfile.TemporaryDirectory() as scratch:
        ways: dict[str, Callable[[Batch], np.ndarray]] = {
            "torch, float32": partial(by_torch, model, False),
            "torch, bfloat16": partial(by_torch, model, True),
            "ONNX Runtime, fused": by_graph(model, True, Path(scratch) / "fused.onnx", options.threads),
            "ONNX Runtime, as traced": by_graph(model, False, Path(scratch) / "raw.onnx", options.threads),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.times):
            for name, read in ways.items():
                started = time.process_time()
                for batch in every:
                    read(batch)
                seconds[name].append(time.process_time() - started)
    plain = statistics.median(seconds["torch, float32"])
    for name, taken in seconds.items():
        middle = statistics.median(taken)
        print(f"{name:<26}{len(texts) / middle:8.0f} texts a second {plain / middle:6.2f} of torch in float32")


if __name__ == "__main__":
    main()
