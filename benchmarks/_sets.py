"""Where the real sets are that benchmarks read: the folder MAQUETTE_SHARED, or `shared` beside the checkout."""

import os
import sys
from pathlib import Path

SHARED = Path(os.environ.get("MAQUETTE_SHARED") or Path(__file__).resolve().parents[2] / "shared")


def data(*parts: str) -> Path:
    """A folder of real sets; where there is none, says so and ends the benchmark without failing."""
    folder = SHARED.joinpath("data", *parts)
    if not folder.is_dir():
        print(f"Skipped: {folder} is not there. Set MAQUETTE_SHARED to the folder of the real sets.")
        sys.exit(0)
    os.environ.setdefault("MAQUETTE_MODELS_DIR", str(SHARED / "models"))
    return folder
