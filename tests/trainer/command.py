"""The real command line, on a tiny real model built from a config."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest

from trainer.__main__ import main

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
    """(exit status, events) of a command in this process; every line of standard output must be JSON."""
    out, before = io.StringIO(), signal.getsignal(signal.SIGTERM)
    patched = pytest.MonkeyPatch()
    for name, value in environment(models, **more).items():
        patched.setenv(name, value)
    try:
        with contextlib.redirect_stdout(out), warnings.catch_warnings():
            warnings.simplefilter("default")
            code = main([str(one) for one in arguments])
    finally:
        patched.undo()
        signal.signal(signal.SIGTERM, before)
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert code in (0, 2, 3), events[-1:]
    return code, events


def call_process(models: Path, *arguments: object, **more: str) -> tuple[int, list[dict[str, Any]]]:
    """The same in a process of its own."""
    with start(models, *arguments, **more) as process:
        out, err = process.communicate(timeout=300)
    events = [json.loads(line) for line in out.splitlines()]
    assert process.returncode in (0, 2, 3), err
    return process.returncode, events


def of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == kind]


def write_spec(folder: Path, rows: list[dict[str, Any]], **fields: Any) -> Path:
    """spec.json and its data: JSON lines or, where cells are bytes, a zip of their files with such a table."""
    folder.mkdir(parents=True, exist_ok=True)
    media = any(isinstance(value, bytes) for row in rows[:1] for value in row.values())
    data = write_zip(folder / "data.zip", rows) if media else write_lines(folder / "data.jsonl", rows)
    spec = {"dataset": {"path": str(data)}, "model": MODEL, "method": "full"} | fields
    path = folder / "spec.json"
    path.write_text(json.dumps(spec), "utf-8")
    return path


def write_inputs(folder: Path, task: Any, rows: list[dict[str, Any]]) -> Path:
    """A file for `predict --input`, one row a line: its one cell, or the row without its answer; files by their paths."""
    lines = []
    for number, row in enumerate(rows):
        cells = {name: cell for name, cell in row.items() if name != task.answer_role}
        for name, value in cells.items():
            if isinstance(value, bytes):
                path = folder / f"{number}.bin"
                path.write_bytes(value)
                cells[name] = str(path)
        single = len(cells) == 1 and task.modality != "table"
        lines.append(json.dumps(next(iter(cells.values())) if single else cells) + "\n")
    target = folder / "inputs.jsonl"
    target.write_text("".join(lines), "utf-8")
    return target


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def write_zip(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Cells of bytes become files that `metadata.jsonl` names under `file_name`."""
    table = []
    with zipfile.ZipFile(path, "w") as archive:
        for number, row in enumerate(rows):
            cells = dict(row)
            for name, value in row.items():
                if isinstance(value, bytes):
                    file = f"{number:05d}.{'wav' if value[:4] == b'RIFF' else 'png'}"
                    archive.writestr(file, value)
                    cells = {"file_name": file, **{key: cell for key, cell in cells.items() if key != name}}
            table.append(cells)
        archive.writestr("metadata.jsonl", "".join(json.dumps(cells) + "\n" for cells in table))
    return path
