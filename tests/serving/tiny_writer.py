"""A tiny packaged model that writes texts: a Llama from a config with random weights."""

import json
from pathlib import Path

from tests.trainer import tiny_writer
from trainer.files import sha256
from trainer.packaging.export import export


def build(folder: Path, positions: int = 128, *, ends: bool = True) -> Path:
    """Unless it `ends`, no token ends an answer."""
    artifact = folder / "artifact"
    tiny_writer.build(folder, positions).rename(folder / "model")
    artifact.mkdir()
    (folder / "model").rename(artifact / "model")
    if not ends:
        config = artifact / "model" / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text("utf-8")) | {"eos_token_id": None}), "utf-8")
    files = {path.relative_to(artifact).as_posix(): sha256(path) for path in artifact.rglob("*") if path.is_file()}
    facts = {"version": 1, "task": "text-generation", "labels": [], "form": "chat", "max_length": 64, "files": files}
    (artifact / "manifest.json").write_text(json.dumps(facts), "utf-8")
    export(artifact, emit=lambda *_args, **_fields: None)
    return artifact
