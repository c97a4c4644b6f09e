"""What `trainer suggest` answers, asked as the site asks it."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from trainer.labelling.suggest import SUGGESTIONS, suggest


def suggested(
    version: Path, out: Path, decisions: list[dict[str, Any]], **more: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(result, rows of suggestions) where these were decided and are in no version yet."""
    out.mkdir(exist_ok=True)
    (out / "request.json").write_text(json.dumps({"version": str(version), "decisions": decisions} | more), "utf-8")
    result = suggest(out / "request.json", out)
    return result, pq.read_table(out / SUGGESTIONS).to_pylist()
