"""For how long there is money for a run: whoever pays writes it beside the run again and again, since others spend too and
budgets change. Light: the site writes it, the trainer reads it."""

import json
import time
from pathlib import Path

FILE = "allowance.json"


def described(seconds: float) -> str:
    """The content of the file: `seconds` from now on are paid for."""
    return json.dumps({"seconds": max(round(seconds, 3), 0.0), "at": time.time()})


def seconds_left(folder: Path) -> float | None:
    """Of the run in this folder; None where nobody says."""
    try:
        written = json.loads((folder / FILE).read_text("utf-8"))
        passed = max(time.time() - float(written["at"]), 0.0)
        return max(float(written["seconds"]) - passed, 0.0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
