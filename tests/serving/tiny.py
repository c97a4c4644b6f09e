"""A tiny real artifact: a two-layer BERT from a config, its tokenizer, saved predictions, packaged as ONNX."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WORDS = [
    "the",
    "a",
    "card",
    "payment",
    "transfer",
    "money",
    "lost",
    "stolen",
    "how",
    "do",
    "i",
    "top",
    "up",
    "my",
    "account",
    "please",
    "help",
    "refund",
    "exchange",
    "rate",
]
LABELS = ["card", "money", "other"]


def texts(count: int) -> list[str]:
    """Different texts of different lengths."""
    return [
        " ".join(WORDS[(at * 7 + step * (at % 5 + 1)) % len(WORDS)] for step in range(2 + at % 17)) + f" {at}"
        for at in range(count)
    ]


def encoder(seed: int = 0) -> tuple[Any, Any]:
    """A BERT of two layers with random weights, and its tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, *"0123456789", *(f"##{digit}" for digit in "0123456789")]
    vocabulary = {name: at for at, name in enumerate(names)}
    raw = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    raw.normalizer, raw.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    raw.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(names),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    return BertModel(config, add_pooling_layer=False), tokenizer


def build(folder: Path, seed: int = 0, rows: int = 60) -> Path:
    """`artifact/` with its trained answers as predictions, not yet packaged."""
    import torch

    from trainer.families.text.encoder import EncoderClassifier

    reads, tokenizer = encoder(seed)
    model = EncoderClassifier(reads, LABELS, pooling="mean").eval()
    torch.nn.init.normal_(model.head.weight, std=1.0)
    artifact = folder / "artifact"
    model.save(artifact / "model", tokenizer, 32)
    save_predictions(artifact, answers(model, tokenizer, texts(rows)))
    (artifact / "manifest.json").write_text(json.dumps(manifest(artifact)))
    return artifact


def build_vectors(folder: Path) -> Path:
    """`artifact/` of a packaged model whose answers are vectors, with two texts to search."""
    import numpy as np

    from trainer.families.text.matcher import Matcher
    from trainer.packaging.export import export
    from trainer.similarity.bm25 import WordIndex
    from trainer.similarity.corpus import Corpus

    artifact, (reads, tokenizer) = folder / "artifact", encoder()
    searched = texts(2)
    Matcher(reads, "positives").eval().save(artifact / "model", tokenizer, {"max_length": 32, "scale": [0.0, 1.0]})
    vectors = np.eye(2, 32, dtype=np.float32)
    Corpus(searched, [1, 2], vectors, WordIndex.of(searched)).save(artifact / "model")
    (artifact / "manifest.json").write_text(json.dumps(manifest(artifact, task="sentence-similarity", labels=[])))
    export(artifact, emit=lambda *_args, **_fields: None, formats=("onnx",))
    return artifact


def answers(model: object, tokenizer: object, asked: list[str]) -> dict[str, list[str]]:
    """What the trained model itself says, text by text."""
    import torch

    found = []
    with torch.no_grad():
        for text in asked:
            one = tokenizer(text, return_tensors="pt", truncation=True, max_length=32)
            found.append(LABELS[int(model(one["input_ids"], one["attention_mask"]).argmax())])
    return {"text": asked, "predicted": found, "truth": found}


def save_predictions(artifact: Path, table: dict[str, list[str]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(table), artifact / "predictions.parquet")


def manifest(artifact: Path, task: str = "text-classification", labels: Sequence[str] = LABELS) -> dict[str, object]:
    from trainer.files import sha256

    files = {path.relative_to(artifact).as_posix(): sha256(path) for path in artifact.rglob("*") if path.is_file()}
    return {"version": 1, "task": task, "labels": labels, "max_length": 32, "files": files}
