"""Marks behind the numbers of a column that only the whole column explains: CR and DR of accounts, small letters for thousands and
millions. A column that has them keeps that as its unit (`trainer.numerals.NumberForm`). Standard library only."""

import re
from collections import Counter
from collections.abc import Sequence

CREDIT, DEBIT = "CR", "DR"
"""Which of the two marks of an account is above 0; the other is below."""
SMALL = "k, m, b"
"""Small letters are thousands, millions and billions."""
APART = "a:b"
"""Numbers with a colon between them are no times: verses, scores."""
MODES = frozenset([CREDIT, DEBIT, SMALL, APART])
SMALL_SCALES = {"m": 1e6, "b": 1e9, "t": 1e12}
ACCOUNT = re.compile(r"(.*\d[.,)]?)\s*(cr|dr)\.?", re.IGNORECASE | re.DOTALL)
BEHIND = re.compile(r"\d[.,]?\s?([a-zA-Z]{1,3})\.?$")
CENTS = re.compile(r"[.,]\d\d\D*$")
MONEY_MILLIONS = re.compile(r"[$€£¥]\s?\d+([.,]\d+)?\s?[mb]$")
LONGEST = 60
BARE = re.compile(r"-?[0-9]{1,30}(\.[0-9]{0,30})?")
"""A number that needs no looking at: digits alone, with a decimal point at most."""
DIGIT = re.compile("[0-9]")


def is_bare(cell: str) -> bool:
    return BARE.fullmatch(cell) is not None


def is_wordy(cell: str) -> bool:
    """Whether a cell of ASCII has no digit, and so no number."""
    return cell.isascii() and DIGIT.search(cell) is None


WORDS_BEFORE = (
    "under|over|below|above|beyond|less than|fewer than|more than|greater than|at least|at most|up to|max\\.?|min\\.?|unter|über|bis zu|bis|ab|"
    "mindestens|höchstens|weniger als|mehr als|moins de|plus de|jusqu'à|au moins|au plus|menos de|más de|hasta|al menos|como mínimo|meno di|più di|oltre|"
    "minder dan|meer dan"
)
WORDS_BEHIND = (
    "and (?:over|above|older|up|more|under|below|younger|less)|or (?:over|above|older|more|under|below|younger|less|fewer)|plus|und (?:älter|mehr|darüber|darunter|jünger)|"
    "oder (?:älter|mehr|weniger|jünger)|et plus|ou plus|et moins|ou moins|y más|o más|o menos|y menos|及以上|及以下|以上|以下|以内|以內|未満|以外"
)
WORDED_BOUND = re.compile(
    rf"(?:{WORDS_BEFORE})\s+(\D{{0,3}}\d[^<>]*)|([^<>]*\d\D{{0,12}}?)\s*(?:{WORDS_BEHIND})|(?:少于|多于|低于|高于|超过|不到|至少|最多|小于|大于)\s*(\d[^<>]*)",
    re.IGNORECASE,
)
"""More or less than a number in words: under 18, 65 and over, moins de 18, 65岁以上."""
MORE = re.compile(r"([^<>=≤≥+]*\d)\s*\+\s*([^\d+]{1,40})")
"""10,000+ employees."""
BOUND = re.compile(r"(?:[<>≤≥＜＞]=?|=[<>]|⩽|⩾)\s*([-+(]?[^<>=≤≥]*\d[^<>=≤≥]*)|([^<>=≤≥]*\d\D{0,12}?)\s*\+")
"""More or less than a number, as laboratories and forms write it: >5, <0.1, 65+."""
BOUNDED = re.compile(r"^\s*[<>≤≥＜＞=⩽⩾]|\+\s*$")
ABOUT = re.compile(
    r"(?:[~≈∼～≃]|(?:ca|circa|approx|approximately|about|around|roughly|etwa|ungefähr|rund|environ|env|aprox|aproximadamente|unos|około|примерно|около|約|约|大约|大概)\.?)\s*([-+(]?\D{0,4}\d[^~]*)",
    re.IGNORECASE,
)
"""Nearly a number, as people write what they did not count: ~5, ca. 5, about 5."""
NO_TIMES = re.compile(
    r"(^|[^a-z])(verses?|chapters?|refs?|reference|scores?|result|ratio|odds|aspect|bible|sura|ayah|vers|kapitel|ergebnis|stand|verset)($|[^a-z])|比分|比例|章节"
)
VERSIONS = re.compile(
    r"(^|[^a-z])(versions?|ver|release|revision|firmware|sections?|chapters?|kapitel|abschnitt|chapitre|capítulo)($|[^a-z])|版本|章节"
)
"""Names of columns in which 1.10 comes behind 1.9."""
GRADE = re.compile(r"[1-6][+-]?")
TIMES = re.compile(
    r"(^|[^a-z])(time|times|duration|length|start|end|from|to|hours?|minutes?|seconds?|dauer|zeit|uhrzeit|durée|heure|duración|hora|pace|lap|runtime|clock|opens?|closes?)($|[^a-z])|时长|时间"
)


def guess_mode(cells: Sequence[str]) -> str:
    """One of `MODES` that the marks behind the numbers tell; "" for none."""
    tails: Counter[str] = Counter()
    for cell in cells:
        if len(cell) <= LONGEST and not cell.isdigit() and (match := BEHIND.search(cell)):
            tails[match[1]] += 1
    folded = {tail.lower() for tail in tails}
    if folded and folded <= {"cr", "dr"}:
        is_cents = all(CENTS.search(cell) for cell in cells if len(cell) <= LONGEST)
        return CREDIT if "dr" in folded or is_cents else ""
    is_small = bool({"m", "b"} & tails.keys()) and folded <= {"k", "m", "b", "bn", "mn"}
    if set(tails) == {"b"} and any(cell[-2:-1].isspace() for cell in cells if cell.endswith("b")):
        return ""  # flags of statistics: a break in the series
    has_money = is_small and any(MONEY_MILLIONS.search(cell) for cell in cells)
    return SMALL if is_small and ({"k", "K", "b", "B", "bn"} & tails.keys() or has_money) else ""


def are_grades(cells: Sequence[str]) -> bool:
    """Whether all cells are grades of a school, such as 2- and 1+: an accountant's minus stands behind amounts."""
    return any(cell[-1:] == "-" for cell in cells[:200]) and all(map(GRADE.fullmatch, cells))


def account_parts(text: str) -> tuple[str, str] | None:
    """(the number, CR or DR) of an amount with the mark of an account behind it."""
    match = ACCOUNT.fullmatch(text)
    return (match[1].strip(), match[2].upper()) if match else None


def bound_of(text: str) -> str | None:
    """The number of ">5", "<= 0.1", "65+", "~5", "about 5", as it is written; None for what is no bound."""
    text = text.strip()
    if len(text) <= LONGEST and not text[:1].isdigit() and (about := ABOUT.fullmatch(text)):
        return about[1].strip()
    if len(text) > LONGEST:
        return None
    if "+" in text and (more := MORE.fullmatch(text)):
        return f"{more[1]} {more[2]}"
    match = BOUND.fullmatch(text) if BOUNDED.search(text) else WORDED_BOUND.fullmatch(text)
    return None if match is None else next(part for part in match.groups() if part).strip()
