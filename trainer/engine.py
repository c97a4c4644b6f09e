"""Answers from an artifact with ONNX Runtime and tokenizers alone: what serving runs, without torch or transformers."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from trainer import tasks
from trainer.errors import ModelError

FILES = {"onnx-int8": "model.int8.onnx", "onnx-fp32": "model.fp32.onnx"}
SORTED_FROM = 8
"""Batches from this size on are answered in order of length, in pieces, to save padding."""
PIECE = 16


class Engine:
    """One loaded model. `predict` may be called from one thread at a time."""

    def __init__(
        self, artifact: Path, engine: str | None = None, threads: int | None = None, *, verify: bool = False
    ) -> None:
        """`verify` compares the files with the manifest's SHA-256 and raises `ModelError` where one was changed."""
        manifest = read_json(artifact / "manifest.json", artifact)
        self.artifact = artifact
        self.task = tasks.get(manifest["task"])
        self.labels: list[str] = manifest["labels"]
        self.engine = engine or read_json(artifact / "onnx" / "export.json", artifact)["engine"]
        path = artifact / "onnx" / FILES.get(self.engine, "")
        if not path.is_file():
            raise ModelError(
                f"{artifact} was not packaged as {self.engine}.", hint="Run `python -m trainer export ARTIFACT`."
            )
        words = artifact / "model" / "tokenizer.json"
        if verify:
            check_files(artifact, (path, words), manifest.get("files", {}))
        self.tokenizer = open_tokenizer(words, manifest["max_length"])
        self.session = open_session(path, threads)
        self.bytes = path.stat().st_size

    def check(self, value: Any) -> str | None:
        """Why an input cannot be used; None when it can."""
        return self.task.check_input(value)

    def warm(self) -> None:
        """Answer once for nobody: a session sets up its memory on the first call of a shape."""
        self.run([[0, 0]])

    def predict(self, inputs: list[str]) -> list[dict[str, Any]]:
        """For each text `{label, score, scores [{label, score}, …]}`, the likeliest first."""
        if not inputs:
            return []
        probabilities = softmax(self.logits(inputs))
        order = np.argsort(-probabilities, axis=1, kind="stable")
        ranked = np.take_along_axis(probabilities, order, axis=1).round(6).tolist()
        labels = self.labels
        answers = []
        for places, scores in zip(order.tolist(), ranked, strict=True):
            listed = [{"label": labels[at], "score": score} for at, score in zip(places, scores, strict=True)]
            answers.append({"label": listed[0]["label"], "score": scores[0], "scores": listed})
        return answers

    def labels_of(self, inputs: list[str], batch: int) -> list[str]:
        """The likeliest label of each text: a long list, answered in batches of nearly one length."""
        order = sorted(range(len(inputs)), key=lambda at: len(inputs[at]))
        found = [""] * len(inputs)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            for row, at in zip(rows, self.logits([inputs[row] for row in rows]).argmax(1), strict=True):
                found[row] = self.labels[at]
        return found

    def logits(self, inputs: list[str]) -> np.ndarray:
        """(texts, labels), in the order of the texts."""
        encoded = [one.ids for one in self.tokenizer.encode_batch_fast(inputs)]
        if len(encoded) < SORTED_FROM:
            return self.run(encoded)
        order = sorted(range(len(encoded)), key=lambda at: len(encoded[at]))
        found = np.empty((len(encoded), len(self.labels)), dtype=np.float32)
        for start in range(0, len(order), PIECE):
            rows = order[start : start + PIECE]
            found[rows] = self.run([encoded[row] for row in rows])
        return found

    def run(self, encoded: list[list[int]]) -> np.ndarray:
        longest = max(2, max(map(len, encoded)))
        ids = np.zeros((len(encoded), longest), dtype=np.int64)
        mask = np.zeros((len(encoded), longest), dtype=np.int64)
        for at, one in enumerate(encoded):
            ids[at, : len(one)] = one
            mask[at, : len(one)] = 1
        return self.session.run(None, {"input_ids": ids, "attention_mask": mask})[0]


def read_json(path: Path, artifact: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(
            f"{artifact} is no artifact that can be served.",
            code="no_artifact",
            hint="Give the artifact folder of a finished run.",
        ) from error


def check_files(artifact: Path, paths: tuple[Path, ...], digests: dict[str, str]) -> None:
    for path in paths:
        name = path.relative_to(artifact).as_posix()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digests.get(name) != digest:
            raise ModelError(
                f"The file {name} is not the one that its manifest describes.",
                code="damaged_artifact",
                hint="Package the model again with `python -m trainer export ARTIFACT`.",
            )


def open_tokenizer(path: Path, max_length: int) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer


def open_session(path: Path, threads: int | None = None) -> Any:
    """A session whose threads sleep when idle: spinning ones would starve the web server beside them."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
