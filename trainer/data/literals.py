"""Lists and objects in cells as Python and numpy write them. Light."""

import ast
import re

ACCOUNTING = re.compile(r"\(\d[\d.]*,\d+\)")
"""A negative amount with a decimal comma, “(1.200,50)”: Python writes a blank behind the comma of a pair."""


def parse_literal(cell: str) -> list[object] | dict[object, object] | None:
    """A list, tuple, set or object of Python's or numpy's as JSON has them; None for what is none."""
    text = cell.strip()
    if ACCOUNTING.fullmatch(text):
        return None
    if re.fullmatch(r"\[\s*('[^']*'|\"[^\"]*\")(\s+('[^']*'|\"[^\"]*\"))+\s*\]", text):  # numpy's, without commas
        return [single or double for single, double in re.findall(r"'([^']*)'|\"([^\"]*)\"", text)]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        words = re.fullmatch(r"\[([^\[\]{}()'\"]*)\]", text)
        return None if words is None else [word.strip() for word in words[1].split(",") if word.strip()]
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return list(value) if isinstance(value, list | tuple) else value if isinstance(value, dict) else None
