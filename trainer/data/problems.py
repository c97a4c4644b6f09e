"""What is wrong with rows, as people are told of it: a sentence with a count, row numbers, examples and a fix."""

from typing import Any

import numpy as np
import pyarrow as pa

from trainer.data.fixes import SAFE
from trainer.messages import _, sources

EXAMPLES = 3
ROWS_SHOWN = 20
EXAMPLE_CHARACTERS = 120
ORDER = {"error": 0, "warning": 1, "info": 2}


def shortened(text: str) -> str:
    text = text.strip()
    return text if len(text) <= EXAMPLE_CHARACTERS else text[: EXAMPLE_CHARACTERS - 1] + "…"


def problem(
    code: str,
    severity: str,
    message: str,
    rows: Any = (),
    examples: Any = (),
    fix: tuple[str, str] | None = None,
    count: int | None = None,
) -> dict[str, Any]:
    """One finding; `rows` are 0-based here and 1-based in the result."""
    return {
        "code": code,
        "severity": severity,
        "message": message,
        "count": len(rows) if count is None else count,
        "rows": [int(row) + 1 for row in rows[:ROWS_SHOWN]],
        "examples": [shortened(str(example)) for example in examples[:EXAMPLES]],
        "fix": remedy(*fix) if fix else None,
        **sources({"message": message}),
    }


def remedy(action: str, label: str) -> dict[str, Any]:
    """One click of the data page; `safe` ones can be taken all together without looking at the rows."""
    return {"action": action, "label": label, "safe": action in SAFE, **sources({"label": label})}


def samples(rows: np.ndarray, texts: pa.ChunkedArray) -> list[str]:
    return [texts[int(row)].as_py() or "" for row in rows[:EXAMPLES]]


DELETE_ROWS, REMOVE_DUPLICATES = _("Delete rows"), _("Remove duplicates")


def listing(names: list[str], most: int = 6) -> str:
    return ", ".join(shortened(name) for name in names[:most]) + (" …" if len(names) > most else "")
