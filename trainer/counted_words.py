"""Whether the word around the numbers of a column says what they count ("3 bedrooms") or names what has them ("3 Main Street", "2-door").
Standard library only."""

import re
from collections.abc import Sequence

from trainer.date_words import MONTH_OF
from trainer.numeral_marks import bound_of
from trainer.numerals import clock_of, common_number, scale_of, singular, tail_of, tidy
from trainer.worded_numbers import LED, STAR, WRITTEN, unscaled, without_lead

COUNTS, OPEN, NAMES = "counts", "open", "names"
FEW = 20
"""So many different numbers may be classes."""
NOUNS = (
    "star view follower people person like vote comment review point subscriber visit visitor click download install share repost bedroom "
    "room bathroom seat passenger guest night week month day hour minute second year employee member item piece sale page word character "
    "child adult kid case death result stern sterne sternen aufrufe bewertung bewertungen zimmer personen jahr jahre monat monate tag tage "
    "stunde stunden minuten woche wochen punkt punkte stück stimme stimmen gäste kinder mitarbeiter plätze kommentare seiten wörter mal "
    "étoile vue avi avis commentaire pièce chambre personne an mois jour heure semaine abonné foi fois employé mot estrella vista reseña "
    "comentario habitación habitaciones persona año mes mese día hora minuto semana punto voto seguidor seguidore vez vece empleado página "
    "palabra estrela visualizaçõe avaliação avaliaçõe comentário quarto pessoa dia ponto stella stelle visualizzazioni recensione "
    "recensioni commenti camere persone anno anni mesi giorno giorni ore minuti settimane punti voti volta volte ster sterren weergaven "
    "beoordeling beoordelingen kamer kamers persoon jaar maand maanden dag dagen uur week weken punten stem stemmen keer gwiazdka gwiazdki "
    "gwiazdek opinia opinie opinii pokój pokoje pokoi osoba osoby osób rok lata lat miesiąc miesiące miesięcy dzień dni godzina godziny "
    "godzin punkty punktów звезда звезды звёзд звезд просмотр просмотра просмотров отзыв отзыва отзывов комната комнаты комнат человек "
    "человека год года лет месяц месяца месяцев день дня дней час часа часов минута минуты минут балл балла баллов раз yıldız görüntüleme "
    "yorum oda kişi yıl ay gün saat dakika hafta puan oy kez"
)
COUNTED = frozenset(NOUNS.split())
"""What is counted, in ten languages, as `trainer.numerals.singular` has it."""
CJK = (
    "次 人 名 个 個 件 元 円 원 岁 歳 세 살 天 日間 小时 小時 時間 시간 分钟 分鐘 分間 分 秒 星 颗 票 赞 讚 评论 評論 回复 只 隻 张 張 枚 台 辆 輛 冊 册 匹 杯 篇 首 명 개 회 건 점 표 권 대 마리 잔 달 개월 个月 個月 "
    "ヶ月 年間 周 週間 주 字 座 间 間"
)
COUNTERS = tuple(CJK.split())
"""Words that Chinese, Japanese and Korean count with."""
SCALE_POINTS = frozenset(map(str, (3, 4, 5, 6, 7, 10, 15, 20, 30, 100)))
"""Most points of a rating; others may be pages of a book, or a month."""
BEGINNINGS = frozenset(
    ["from", "only", "ab", "nur", "dès", "seulement", "desde", "solo", "sólo", "仅", "à partir de", "a partir de", "starting at", "starting from"]
)  # fmt: skip
"""Words before a number that say where something begins, rather than what is measured."""
JOINED = re.compile(r"[-)\].:\u200d\ufe0f\u20e3]")
"""Marks that make one name of a number and what follows: 2-door, 1) step, a digit on a key."""
PARTED = re.compile(r"\d[.,]\d|[$€£¥]")
TITLED = re.compile(r"(?:[A-ZÀ-Þ][\w.'’]*)(?:\s+[A-ZÀ-Þ][\w.'’]*)+")
"""Several words with capitals: a street, a product."""


def verdict(cells: Sequence[str], unit: str) -> str:
    """`COUNTS` where the words or the numbers say that these are quantities, `NAMES` where the words only name what has the
    number, else `OPEN`. `unit`: the word around all of the numbers (`trainer.number_forms.found_unit`)."""
    if unit == STAR:
        return COUNTS
    if unit[:1] == "/" and unit[1:].isdigit():
        return COUNTS if unit[1:] in SCALE_POINTS else OPEN
    if any(PARTED.search(cell) or is_scaled(cell) for cell in cells):
        return COUNTS
    if unit.endswith(LED):
        return led_verdict(cells, unit)
    words = {singular(word) for word in unit.casefold().split()}
    if JOINED.match(unit) or MONTH_OF.keys() & words or any(clock_of(cell) for cell in cells[:FEW]):
        return NAMES
    if COUNTED & words or unit.startswith(COUNTERS) or not unit[:1].isalpha():
        return COUNTS
    if TITLED.fullmatch(unit) or (len(unit) == 1 and unit < "\u0250" and is_few(cells)):
        return NAMES
    return inflected(cells)


def led_verdict(cells: Sequence[str], unit: str) -> str:
    """Of "Rating: 4", "from 5", "Score 1"."""
    if any(mark in unit for mark in ":="):
        return COUNTS
    numbers = sorted({number for cell in cells if (number := common_number(without_lead(cell, unit), ".")) is not None})
    if unit.removesuffix(LED) in BEGINNINGS and len(numbers) <= FEW:
        return NAMES
    is_row = numbers[:1] in ([0], [1]) and numbers == [numbers[0] + step for step in range(len(numbers))]
    return NAMES if is_row and len(numbers) <= FEW else COUNTS if len(numbers) > FEW else OPEN


def is_scaled(cell: str) -> bool:
    """Whether thousands or millions stand behind a number, or between it and its word."""
    parted = tail_of(tidy(cell))
    return parted is not None and bool(scale_of(parted[1]) or unscaled(parted[1].lstrip("+ "), scale_of)[0])


def inflected(cells: Sequence[str]) -> str:
    """By how the word goes with 1 and with more: "1 guest", "2 guests" count; what stays as it is beside both names."""
    ones: set[str] = set()
    more: set[str] = set()
    for cell in cells:
        parted = tail_of(tidy(bound_of(cell) or cell))
        if parted:
            (ones if parted[0].strip() == "1" else more).add(parted[1].strip(" .+").casefold())
    plural = all(word.endswith("s") and len(word) > 3 for word in more)
    if more and plural:
        return COUNTS
    is_same = ones & more and is_few(cells) and all(len(word) > 3 and word < "\u1100" for word in more)
    return NAMES if is_same else OPEN


def is_few(cells: Sequence[str]) -> bool:
    """Whether a column has so few different cells that they may be classes."""
    return len({*cells[: 50 * FEW]}) <= FEW


def is_named(cells: Sequence[str], unit: str) -> bool:
    """Whether the cells stay the words that they are: where these name, and where they are few and nothing says that they count."""
    if not unit or unit == WRITTEN:
        return False
    verdict_of_cells = verdict(cells, unit)
    is_own = unit.endswith(LED) or (unit[:1] == "/" and unit[1:].isdigit())
    return verdict_of_cells == NAMES or (verdict_of_cells == OPEN and not is_own and is_few(cells))


def is_doubtful(cells: Sequence[str], unit: str) -> bool:
    """Whether either reading may be meant."""
    return verdict(cells, unit) == OPEN
