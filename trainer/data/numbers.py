"""Columns of cells as numbers, many at once: what `trainer.columns.number_of` reads of one cell."""

import pyarrow as pa
import pyarrow.compute as pc

from trainer.columns import MONEY, PLAIN, THOUSANDS

AROUND = f"(?i){MONEY.pattern}"


def numbers_in(cells: pa.ChunkedArray, decimal: str = ".") -> pa.ChunkedArray:
    """float64, null for a cell that holds no number."""
    text = pc.utf8_trim_whitespace(cells)
    is_plain = pc.fill_null(pc.match_substring_regex(text, f"^(?:{PLAIN.pattern})$"), False)
    if decimal == "," or not pc.all(is_plain).as_py():
        text = pc.if_else(is_plain, text, None) if decimal == "." and has_no_marks(text) else stripped(text, decimal)
    is_number = pc.fill_null(pc.match_substring_regex(text, f"^(?:{PLAIN.pattern})$"), False)
    values = pc.cast(pc.utf8_ltrim(pc.if_else(is_number, text, None), "+"), pa.float64())
    return pc.if_else(pc.is_finite(values), values, None)


def has_no_marks(text: pa.ChunkedArray) -> bool:
    """Whether nothing but digits, dots and letters stands in the cells, so that none would become a number."""
    return not pc.any(pc.match_substring_regex(text, rf"[,(−]|{AROUND}")).as_py()


def stripped(text: pa.ChunkedArray, decimal: str) -> pa.ChunkedArray:
    """The cells without currency, percent and thousands' marks, decimals after a dot."""
    text = pc.replace_substring(pc.replace_substring_regex(text, AROUND, ""), "−", "-")
    text = pc.replace_substring_regex(text, r"^\((.*)\)$", r"-\1")
    if decimal == ",":
        swapped = (pc.replace_substring(text, ".", "\t"), ",", ".")
        text = pc.replace_substring(pc.replace_substring(*swapped), "\t", ",")
    parted = pc.match_substring_regex(text, f"^(?:{THOUSANDS.pattern})$")
    return pc.if_else(parted, pc.replace_substring(text, ",", ""), text)
