"""Times of day with a half or a word of the day: "1:05 PM", "7:30 Uhr", "下午1:05", "18点33分". Standard library only."""

import re

LATIN = re.compile(r"(\d{1,2})(?:[:.h](\d{2})(?:[:.](\d{2}))?)?\s*([ap])\.?\s?m\.?", re.IGNORECASE)
"""1 PM, 1:05 PM, 1:05:10 p. m."""
WORDED = re.compile(r"(\d{1,2})(?:[:.](\d{2})(?:[:.](\d{2}))?\s*(?:Uhr|h)|\s*Uhr\s*(\d{2}))\.?", re.IGNORECASE)
"""7:30 Uhr, 7.30 Uhr, 7 Uhr 30, 7:30 h."""
BEFORE = {
    "上午": 0,
    "午前": 0,
    "凌晨": 0,
    "早上": 0,
    "오전": 0,
    "下午": 12,
    "午後": 12,
    "午后": 12,
    "晚上": 12,
    "오후": 12,
    "中午": 12,
}
CJK = re.compile(
    rf"({'|'.join(BEFORE)})?\s*(\d{{1,2}})(?:\s*:\s*(\d{{2}})(?::(\d{{2}}))?|\s*[点點时時시]\s*(?:(\d{{1,2}})\s*[分분]?|(半))?)?"
)
ENDS = frozenset("mM.rRhH0123456789点點时時시分분半")
"""Of what may be such a time."""


def on_the_clock(text: str) -> str:
    """Such a time as 13:05 or 13:05:10; the text itself for anything else."""
    if len(text) > 20 or text[-1:] not in ENDS:
        return text
    if text.isascii():
        return with_half(match, text) if (match := LATIN.fullmatch(text)) else with_word(text)
    match = CJK.fullmatch(text)
    if match is None or not (match[1] or match[5] or match[6]):
        return text  # 5点 may be points
    minute = match[3] or match[5] or ("30" if match[6] else "0")
    return written(int(match[2]), BEFORE[match[1]] if match[1] else None, minute, match[4]) or text


def with_half(match: re.Match[str], text: str) -> str:
    return written(int(match[1]), 12 if match[4] in "pP" else 0, match[2] or "0", match[3]) or text


def with_word(text: str) -> str:
    match = WORDED.fullmatch(text) if text[-1] in "rRhH.0123456789" and not text.isdigit() else None
    return written(int(match[1]), None, match[2] or match[4], match[3]) or text if match else text


def written(hour: int, half: int | None, minute: str, second: str | None) -> str:
    """`half`: the hour at which its half of the day begins, where it is said; "" for what no clock shows."""
    if half is not None and hour <= 12:
        hour = hour % 12 + half
    if hour > 23 or int(minute) > 59 or (half == 0 and hour > 12):
        return ""
    return f"{hour}:{int(minute):02}" + (f":{second}" if second else "")
