"""The real command line, on a tiny real model built from a config."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MODEL = "local:tiny"


def build_model(root: Path) -> Path:
    """`tiny` in the hub's layout under `root`: a two-layer BERT with a word-piece tokenizer of letters."""
    import string

    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    letters = string.ascii_lowercase + string.digits
    words = ["lovely", "wonderful", "dreadful", "rude", "cafe", "shop", "staff", "time", "worked"]
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words, *letters, *(f"##{letter}" for letter in letters)]
    raw = Tokenizer(models.WordPiece({name: at for at, name in enumerate(names)}, unk_token="[UNK]"))
    raw.normalizer, raw.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    raw.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(names),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    folder = root / "tiny"
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def environment(models: Path, **more: str) -> dict[str, str]:
    return os.environ | {"MAQUETTE_MODELS_DIR": str(models), "HF_HUB_OFFLINE": "1", "MAQUETTE_CACHE": ""} | more


def start(models: Path, *arguments: object, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "trainer", *map(str, arguments)],
        cwd=ROOT,
        env=environment(models, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def call(models: Path, *arguments: object, **more: str) -> tuple[int, list[dict[str, Any]]]:
    """(exit status, events); every line of standard output must be JSON."""
    with start(models, *arguments, **more) as process:
        out, err = process.communicate(timeout=300)
    events = [json.loads(line) for line in out.splitlines()]
    assert process.returncode in (0, 2, 3), err
    return process.returncode, events


def of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == kind]


def write_spec(folder: Path, rows: list[dict[str, Any]], **fields: Any) -> Path:
    """spec.json and its data as JSON lines."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data.jsonl"
    data.write_text("\n".join(json.dumps(row) for row in rows) + "\n", "utf-8")
    spec = {"dataset": {"path": str(data)}, "model": MODEL, "method": "full"} | fields
    path = folder / "spec.json"
    path.write_text(json.dumps(spec), "utf-8")
    return path
