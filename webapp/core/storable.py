"""What every database takes: neither Postgres's JSON nor its text holds a zero byte, half a surrogate pair or no number."""

import math
import re
from typing import Any

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(value: object) -> Any:
    """The same JSON value without zero bytes and lone surrogates in its texts and keys; NaN and the infinities are null.

    Python's `json` reads and writes all of these; what a file or a model says of itself may hold them.
    """
    if isinstance(value, str):
        return UNSTORABLE.sub("", value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return value
