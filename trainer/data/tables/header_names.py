"""Names of columns from a header of one row or several."""

import re
from collections.abc import Sequence

from trainer.data.tables.table import named

Row = Sequence[str | None]
UNIT = re.compile(
    r"[\[(]?(%|‰|°c|°f|k|kg|g|mg|t|lb|lbs|oz|m|km|cm|mm|mi|ft|in|m²|m2|km²|ha|sqm|sqft|m³|m3|l|ml|s|sec|ms|min|h|hrs?|hours?|days?|years?|"
    r"months?|kwh|w|kw|v|a|hz|pa|bar|eur|usd|gbp|chf|jpy|cny|[$€£¥]|k?[$€£]|pcs|n|km/h|mph|m/s|text|-|–|count|units?|date|yyyy-mm-dd|dd/mm/yyyy|mm/dd/yyyy)[\])]?",
    re.IGNORECASE,
)
OPTION_WORDS = frozenset(
    {"response", "open-ended response", "antwort", "réponse", "respuesta", "risposta", "resposta", "开放式回答", "回答"}
)


def join_names(rows: list[Row], has_units: bool = False) -> list[str]:
    """Names of columns from one row or several: a question that spans its options is said before each."""
    if len(rows) == 1:
        return named(rows[0])
    width = max(map(len, rows))
    table = [[((row[place] if place < len(row) else "") or "").strip() for place in range(width)] for row in rows]
    for level, row in enumerate(table[:-1]):
        for place in range(1, width):
            spans = any(below[place] for below in table[level + 1 :])
            if not row[place] and spans and row[place - 1]:
                row[place] = row[place - 1]
    joined_names = []
    for place in range(width):
        parts = [row[place] for row in table if row[place]]
        parts = parts[:1] + [part for part in parts[1:] if part.lower() not in OPTION_WORDS and part != parts[0]]
        unit = parts[-1] if has_units and len(parts) > 1 and UNIT.fullmatch(parts[-1]) else ""
        joined_names.append(f"{parts[0]} ({unit.strip('()[]')})" if unit else ": ".join(parts))
    return named(joined_names)
