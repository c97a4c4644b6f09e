"""Numbers among words that are the same in a whole column: "4 out of 5 stars", "5つ星のうち4.0", "★★★★☆", "1.2K views", "Rating: 4".
Which words stand around them is the column's unit (`trainer.numerals.NumberForm`). Standard library only."""

import re
from collections.abc import Callable, Sequence

WRITTEN = "as written"
"""The unit of a column whose numbers somebody wants to stay words."""
STAR = "★"
FULL, EMPTY, HALF = frozenset("★⭐🌟✮✪"), frozenset("☆✩✰"), "½"
STARRED = re.compile(r"[★⭐🌟✮✪☆✩✰\ufe0f ]{1,30}½?[☆✩✰\ufe0f ]{0,30}")
RATED = r"(?:(?:rated|rating|score|bewertung|note|valoración|nota|valutazione|评分|评价|評価)\s*:?\s*)?"
STARS = r"(?:\s*-?(?:stars?|sterne?n?|étoiles?|estrellas?|estrelas?|stelle|punkten?|points?|pts|puntos|pontos|gwiazdek|颗星|星|分|点)\.?)?"
POINTS = re.compile(
    rf"{RATED}(\d+(?:[.,]\d+)?){STARS}\s*(?:/|out of|of|von|sur|de|di|van|su|z|av|из)\s*([1-9]\d{{0,2}}){STARS}", re.IGNORECASE
)  # fmt: skip
"""4/5, 7 out of 10, Rated 4 out of 5, 4,5 von 5 Sternen."""
POINTS_CJK = re.compile(
    r"(?P<of>[1-9]\d?)つ星のうち(?P<got>\d+(?:\.\d+)?)|(?:评分\s*[:：]?\s*)?(?P<points>\d+(?:\.\d+)?)\s*(?:颗星|星|分)\s*[,，/（(]?\s*(?:最多|满分|滿分|共)\s*(?P<most>[1-9]\d{0,2})\s*(?:颗星|星|分)?[)）]?"
)
LEADS = (
    "rating rated score scored age aged price cost qty quantity amount total weight height from only bewertung alter preis kosten menge "
    "anzahl betrag ab nur gewicht âge prix quantité montant dès seulement poids edad precio cantidad importe desde solo sólo puntuación"
)
LEAD = re.compile(
    rf"((?:{'|'.join(LEADS.split())}|à partir de|a partir de|starting (?:at|from))(?:\s*[:=]|\s)|(?:note|nota|size|length|taille|größe)\s*:"
    r"|(?:评分|年龄|价格|数量|金额|仅|年齢|価格)\s*[:：]?)\s*(?=[-+(]?[$€£¥]?\s?\d)",
    re.IGNORECASE,
)  # fmt: skip
"""Words before a number that it measures: others name what has it ("Room 5", "Ticket 12")."""
LED = " …"
"""Behind the unit of a column whose word stands before its numbers."""
NOMINAL = frozenset(
    "楼樓号號班月日年室级級路组組期届屆章节節季层層栋棟幢单元版本类類型课課页頁卷集话話回等条條名位阶階代后後部丁中厂廠院医醫"
    "队隊车車区區码碼番巻线線门門舱艙档檔弄巷段连排营团団학층호등반동번"
)
"""First letters of what follows a number that names something, in scripts without blanks."""
UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
SCALE_BEFORE = re.compile(r"([A-Za-z]{1,9}\.?)\s+(\D+)|([千百万萬亿億만억])\s*(\D+)", re.DOTALL)


def points_in(text: str) -> tuple[str, str] | None:
    """(points, of how many) of a rating as it is written; None for anything else."""
    if text.isascii() or not (match := POINTS_CJK.fullmatch(text)):
        match = POINTS.fullmatch(text)
        return (match[1], match[2]) if match else None
    return (match["got"], match["of"]) if match["of"] else (match["points"], match["most"])


def are_points(cells: Sequence[str]) -> str:
    """How many points there are at most, where every cell is a rating of as many; "" for others."""
    points = [points_in(cell) for cell in cells]
    if not all(points) or len({pair[1] for pair in points if pair}) != 1:
        return ""
    if any(re.match("0[0-9]", pair[0]) or float(pair[0].replace(",", ".")) > int(pair[1]) for pair in points if pair):
        return ""
    return next(pair[1] for pair in points if pair)


def stars_in(text: str) -> float | None:
    """How many of the stars are full: "★★★½☆" is 3.5; None for anything but stars."""
    if text.isascii() or not STARRED.fullmatch(text):
        return None
    full = sum(char in FULL for char in text)
    return full + 0.5 * (HALF in text) if full or any(char in EMPTY for char in text) else None


def are_stars(cells: Sequence[str]) -> bool:
    """Whether nearly all cells are stars, of two numbers or more: one alone is a mark."""
    counts = [stars_in(cell) for cell in cells]
    return len({*counts} - {None}) > 1 and sum(count is not None for count in counts) >= 0.95 * len(cells)


def lead_of(text: str) -> str:
    """The word before a number that says what it measures; "" for none."""
    match = LEAD.match(text)
    return " ".join(match[1].split()).casefold() if match else ""


def without_lead(text: str, unit: str) -> str:
    match = LEAD.match(text) if unit.endswith(LED) else None
    return text[match.end() :] if match else text


def unscaled(tail: str, is_scale: Callable[[str], object]) -> tuple[str, str]:
    """(thousands or millions before the word behind a number, the word itself): "K views" is ("K", "views"); without them ("", the
    tail). `is_scale`: says of a word whether it is one."""
    match = SCALE_BEFORE.fullmatch(tail)
    if match is None:
        return "", tail
    scale, word = (match[1], match[2]) if match[1] else (match[3], match[4])
    return (scale, word.strip()) if is_scale(scale) else ("", tail)
