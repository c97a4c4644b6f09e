"""What a judge was asked, written down before it is sent and again when it has replied: whoever is killed in between and begins
anew asks nothing twice. A question without a reply may have been charged: it counts at the price that was foreseen, and is left
out."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any


class Journal:
    """Of all gradings of a run; `of` names the one at work. Without a path nothing is kept."""

    def __init__(self, path: Path | None = None, of: str = "") -> None:
        self.path, self.of = path, of
        self.replies: dict[str, str] = {}
        self.open: dict[str, tuple[float, str]] = {}
        """{question without a reply: (its price, of which grading)}"""
        self.paid: dict[str, float] = {}
        """{grading: what its replies cost}"""
        for line in lines_of(path):
            self.take(line)

    def take(self, line: dict[str, Any]) -> None:
        key, price, of = str(line["key"]), float(line["price"]), str(line["of"])
        if line["state"] == "asked":
            self.open[key] = (price, of)
            return
        self.open.pop(key, None)
        if line["state"] == "replied":
            self.replies[key] = str(line["reply"])
            self.paid[of] = self.paid.get(of, 0.0) + price

    def note(self, key: str, state: str, price: float = 0.0, reply: str = "") -> None:
        """`state`: `asked`, `replied`, or `refused`, which costs nothing and can be asked again."""
        line = {"key": key, "state": state, "price": price, "reply": reply, "of": self.of}
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
        self.take(line)

    def spent(self, of: str | None = None) -> float:
        """By one grading; what was asked without a reply counts in full."""
        of = self.of if of is None else of
        return self.paid.get(of, 0.0) + sum(price for price, its in self.open.values() if its == of)

    def is_known(self, key: str) -> bool:
        """Whether it is not to be asked any more."""
        return key in self.replies or key in self.open


def key_of(url: str, model: str, question: str) -> str:
    return hashlib.sha256(f"{url}\n{model}\n{question}".encode()).hexdigest()


def lines_of(path: Path | None) -> list[dict[str, Any]]:
    """Those that are whole: the last one may have been cut when its writer was killed."""
    if path is None or not path.is_file():
        return []
    entries = []
    for text in path.read_text("utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            continue
        entries += [line] if isinstance(line, dict) and {"key", "state", "price", "of", "reply"} <= line.keys() else []
    return entries
