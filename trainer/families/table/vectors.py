"""Texts of a table as vectors of a frozen encoder: read by the graph that is packaged, so that a run learns from what is served."""

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from trainer.engines.text_vectors import Encoder
from trainer.families.text import encoder
from trainer.files import write_json
from trainer.learning.job import Job
from trainer.learning.probe import load_vectors, save_vectors
from trainer.learning.rows import digest_of, digest_weights
from trainer.messages import _
from trainer.packaging.export import quiet, write_int8
from trainer.packaging.graphs import write_transformer
from trainer.table_texts import GRAPH, TOKENIZER
from trainer.tasks.table import TEXT_MODEL

MAX_LENGTH = 256
"""Tokens that are read of a text."""
CHUNK, CACHED_FROM = 32, 512
"""Texts between two looks at the clock; so many are worth a file in the cache."""
AGREEING = 0.98
"""Mean cosine of the vectors in int8 and in float32 from which int8 is packaged."""
TOLD = "encoder.json"


class Features(nn.Module):
    """(ids, mask) → vectors, under the name that graphs give their output."""

    def __init__(self, model: encoder.EncoderClassifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.model.features(input_ids, attention_mask)


class Vectors:
    """The vectors of a run's texts, each read once. `facts`: what columns.json says of the encoder."""

    def __init__(self, job: Job, seconds: float | None = None) -> None:
        """`seconds` that reading may take, where that is not a setting."""
        self.job = job
        self.limit: float = job.params.text_seconds if seconds is None else seconds
        self.folder = job.out / "encoder"
        self.known: dict[str, np.ndarray] = {}
        self.encoder: Encoder | None = None

    @property
    def facts(self) -> dict[str, object]:
        facts: dict[str, object] = json.loads((self.folder / TOLD).read_text("utf-8"))
        return facts

    def open(self, sample: Sequence[str]) -> Encoder:
        """The encoder as a graph, which the run makes once; `sample`: texts by which int8 and float32 are compared."""
        if self.encoder is None:
            if not (self.folder / TOLD).exists():
                self.write(sample)
            self.encoder = Encoder(self.folder, MAX_LENGTH, self.job.spec.hardware.threads)
        return self.encoder

    def write(self, sample: Sequence[str]) -> None:
        source = self.job.model_folder(TEXT_MODEL)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        shutil.copy(source / TOKENIZER, self.folder / TOKENIZER)
        model = encoder.EncoderClassifier(
            encoder.load_encoder(source, "eager"), ["a"], pooling="mean", normalise=True
        ).eval()
        ids = torch.arange(18).view(2, 9)
        axes = {0: "batch", 1: "length"}
        graph, small = self.folder / GRAPH, self.folder / "int8.onnx"
        with quiet():
            write_transformer(
                Features(model), model.encoder.config, (ids, torch.ones_like(ids)),
                {"input_ids": axes, "attention_mask": axes}, graph,
            )  # fmt: skip
            write_int8(graph, small)
        exact = Encoder(self.folder, MAX_LENGTH)(sample)
        whole = graph.rename(self.folder / "fp32.onnx")
        small.rename(graph)
        rounded = Encoder(self.folder, MAX_LENGTH)(sample)
        agreement = float((exact * rounded).sum(axis=1).mean())
        if agreement < AGREEING:
            whole.replace(graph)
        whole.unlink(missing_ok=True)
        facts = {"model": TEXT_MODEL, "max_length": MAX_LENGTH, "int8": agreement >= AGREEING, "agreement": agreement}
        write_json(self.folder / TOLD, facts)

    def read(self, texts: Sequence[str], every: int) -> bool:
        """Whether these texts have vectors now, which takes `every` text of the table so long that there is time for it."""
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        limit, late = self.limit, self.folder / "late"
        if late.exists() or (not new and not self.known):
            return False
        if not new:
            return True
        reads, path = self.open(new[:CHUNK]), self.cache_path(new)
        width = reads([new[0]]).shape[1]
        if (cached := load_vectors(path, (len(new), width))) is not None:
            self.known |= dict(zip(new, cached, strict=True))
            return True
        started = time.monotonic()
        for start in range(0, len(new), CHUNK):
            chunk = new[start : start + CHUNK]
            self.known |= dict(zip(chunk, reads(chunk), strict=True))
            self.job.check_stop()
            each = (time.monotonic() - started) / (start + len(chunk))
            if each * every > limit or self.job.out_of_time():
                late.touch()
                self.job.log(
                    _(
                        "The texts are read by their words alone: an encoder would take %(seconds)s s for %(count)s texts, and has %(limit)s s.",
                        seconds=f"{each * every:,.0f}",
                        count=f"{every:,}",
                        limit=f"{limit:,.0f}",
                    )
                )
                return False
            self.job.progress(0.9 * (start + len(chunk)) / len(new), 1, unit="texts")
        if len(new) >= CACHED_FROM:
            save_vectors(self.job, path, self.matrix(new))
        return True

    def cache_path(self, texts: Sequence[str]) -> Path:
        """Where the vectors of these texts are kept, for other runs of the same rows."""
        digest = digest_of("table", TEXT_MODEL, MAX_LENGTH, self.facts["int8"])
        digest_weights(digest, self.job.model_folder(TEXT_MODEL))
        for text in texts:
            digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
        return self.job.cache / "embeddings" / f"{digest.hexdigest()[:32]}.npy"

    def matrix(self, texts: Sequence[str]) -> np.ndarray:
        """(texts, width) of texts that were read."""
        return np.stack([self.known[text] for text in texts])

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (GRAPH, TOKENIZER):
            shutil.copy(self.folder / name, folder / name)
