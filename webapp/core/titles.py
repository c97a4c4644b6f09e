"""A title for people from the name of a file."""

import re

ENDING = re.compile(r"(?:\.(?:csv|tsv|jsonl?|ndjson|txt|tar|parquet))?\.[A-Za-z0-9]{1,8}$")
"""The ending of a file, and the one before it where that is one of ours too: `.csv.gz`, `.tar.xz`."""
FORM = re.compile(r"\s*\((?:Responses|回复|回覆)\)(?:\s*[-–]\s*[^-–]*\d*)?$", re.IGNORECASE)
"""What Google Forms adds to the name of its form: “Feedback (Responses) - Form Responses 1”."""
SHEET = re.compile(r"\s+[-–]\s+(?:Sheet|Form Responses|Tabelle|Feuille|Hoja|工作表)\s*\d+$", re.IGNORECASE)


JOINER = "\u200d"
"""What holds the parts of one emoji together: no sign of its own, and no reason to take the emoji apart."""


def one_line(text: str) -> str:
    """The text on one line, without signs that nobody sees; "" where nothing is left that anybody would."""
    seen = "".join(char if char.isprintable() or char == JOINER else " " for char in text)
    line = " ".join(seen.split())
    return line if line.strip(f"{JOINER} ") else ""


def title_from(name: str, limit: int = 120) -> str:
    """A readable title: no folder, no ending, no underscores, nothing that a spreadsheet program has added; "" for none."""
    base = re.split(r"[\\/]", name)[-1]
    printable = "".join(char if char.isprintable() else " " for char in ENDING.sub("", base) or base)
    plain = re.sub(r"[_\s]+", " ", printable).strip(" .")
    short = SHEET.sub("", FORM.sub("", plain)).strip()
    return (short or plain)[:limit].strip()
