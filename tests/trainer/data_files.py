"""Files that the tests of reading are made of."""

import os
from pathlib import Path

SHARED = Path(os.environ.get("MAQUETTE_SHARED") or Path(__file__).resolve().parents[2].parent / "shared")
MESSY = SHARED / "data" / "messy"
TEXTS = SHARED / "data" / "text_classification"
TABLES = SHARED / "data" / "tabular"


def rows(count: int = 60, labels: tuple[str, ...] = ("good", "bad", "fair")) -> list[tuple[str, str]]:
    return [(f"message number {number} about the order", labels[number % len(labels)]) for number in range(count)]


def write_csv(path: Path, pairs: list[tuple[str, str]], header: str = "text,label") -> Path:
    path.write_text("\n".join([header, *(f'"{text}",{label}' for text, label in pairs)]) + "\n", "utf-8")
    return path
