"""Personal data in a column of texts: found by rules, masked, or replaced by stand-ins that belong to nobody.

Arrow looks through the whole column for cells that might hold something; only those are checked exactly. What is found
is never logged and never part of a message.
"""

import functools
import hmac
import ipaddress
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from stdnum import iban, luhn
from stdnum.cn import ric
from stdnum.de import idnr
from stdnum.es import dni
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.us import ssn

from trainer.columns import is_missing
from trainer.data.keys import SLICE_ROWS, mixed
from trainer.data.profiling import many, shortened
from trainer.data.profiling import problem as finding

KINDS = ("email", "iban", "id", "card", "ip", "phone", "name")
"""In the order in which they claim characters: digits of an IBAN are no phone number."""
HEAVY = ("iban", "id", "card", "phone")
"""Kinds whose exact check takes up to 100 µs; their counts are scaled up from SAMPLE cells where more might hold one."""
SAMPLE = 20_000
LIGHT_SAMPLE = 100_000
"""The same for the other kinds, which take some 10 µs."""
REMEMBERED = 10_000
"""Stand-ins kept at hand for those that come again, while one column is gone through."""
MOST_BYTES = 20_000_000
"""Of a column with more text than this, rows are drawn and every count is scaled."""
MOST_CHECKED = 10_000_000
"""Bytes of text that the exact check of a kind goes through, at up to 1 µs each: fewer cells where they are long."""
GLANCE = 200
"""Cells that tell what language a column is in and what its numbers are."""
MOST_CHARACTERS = 100
"""A longer cell of a column of names is no name."""
FEW_NUMBERS = 20
"""A column with that many long numbers of which most fail as cards holds numbers of another kind: 1 in 10 would pass by chance."""
WORDS = {
    "email": "e-mail addresses",
    "phone": "phone numbers",
    "card": "card numbers",
    "iban": "IBANs",
    "id": "national identity numbers",
    "ip": "IP addresses",
    "name": "names",
}
FIXES = (("mask_personal", "Mask them"), ("pseudonymise_personal", "Replace them by made-up ones"))
RULES = "names are found by simple rules and some will be missed"

# Python counts Chinese characters as letters and full-width figures as digits: 电话13800138000 begins a number.
BEFORE = r"(?<![0-9A-Za-z_])(?<![0-9][.-])"
AFTER = r"(?![0-9A-Za-z_])(?![.-][0-9])"
LATIN = "0-9A-Za-zÀ-ÖØ-öø-ɏ"
HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")

EMAIL = re.compile(
    rf"(?<![{LATIN}._%+@-])[{LATIN}_][{LATIN}._%+'-]{{0,63}}@(?:[{LATIN}-]{{1,63}}\.){{1,8}}([A-Za-z]{{2,24}})(?![{LATIN}_@])"
)
FILE_ENDS = frozenset({"png", "jpg", "jpeg", "gif", "webp", "svg", "css", "js", "json", "html"})
"""logo@2x.png is a file."""
MADE_EMAIL = re.compile(r"person-[0-9a-f]{8}@example\.com")

IBAN = re.compile(rf"{BEFORE}(?=([A-Za-z]{{2}}[0-9]{{2}}(?:[ \u00a0-]?[0-9A-Za-z]){{11,30}}))")
"""Looked ahead for, since words before one may look like its beginning."""
CARD = re.compile(
    rf"{BEFORE}(?:[0-9]{{13,19}}|[0-9]{{4}}([ -])[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{1,4}}(?:\1[0-9]{{1,3}})?|[0-9]{{4}}([ -])[0-9]{{6}}\2[0-9]{{4,5}}){AFTER}"
)
ISSUED = (
    ("4", (13, 16, 19)),
    ("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),
    ("3[47]", (15,)),
    ("30[0-5]|3[689]", (14, 15, 16, 17, 18, 19)),
    ("6011|64[4-9]|65|62|352[89]|35[3-8]", (16, 17, 18, 19)),
    ("5018|5020|5038|6304|6759|676[1-3]", (13, 14, 15, 16, 17, 18, 19)),
)
"""Visa, Mastercard, American Express, Diners, Discover with UnionPay and JCB, Maestro: first digits and lengths."""
ISSUERS = tuple((re.compile(first), frozenset(lengths)) for first, lengths in ISSUED)

IP = re.compile(
    r"(?<![0-9A-Za-z_.])(?<![0-9A-Za-z]/)(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z_]|\.[0-9])"
    r"|(?<![0-9A-Za-z_:.])[0-9A-Fa-f]{1,4}(?:::?[0-9A-Fa-f]{1,4}){1,7}(?:::)?(?![0-9A-Za-z_:])"
)
HOSTS = tuple(map(ipaddress.IPv6Network, ("2000::/3", "fc00::/7", "fe80::/10")))
IP_WORD = re.compile(r"\b(?:ip|ipv4|ipv6|host|address|addr)\b|地址", re.I)
VERSION_WORD = re.compile(r"(?:\bv|\bver|version|release|build|firmware|driver|section|chapter|§|版本)[\s.:=]*$", re.I)

PHONE = re.compile(
    rf"(?<![$€£¥￥#])(?:(?<![0-9A-Za-z_])(?P<abroad>(?:\+|{BEFORE}00)[1-9](?:[ \u00a0./()-]{{0,3}}[0-9]){{6,14}})"
    rf"|{BEFORE}(?:(?P<us>(?:1[ .-])?(?:\([2-9][0-9]{{2}}\)[ .-]?|[2-9][0-9]{{2}}[ .-])[2-9][0-9]{{2}}[ .-][0-9]{{4}})"
    r"|(?P<cn>1[3-9][0-9](?:[ -]?[0-9]{4}){2})"
    r"|(?P<trunk>\(?0[1-9][0-9]{0,4}(?:\)|(?:[ \u00a0./-]{0,3}[0-9]))(?:[ \u00a0./-]{0,3}[0-9]){5,9})"
    rf"|(?P<bare>[0-9]{{9,11}}))){AFTER}"
)
PHONE_COLUMN = re.compile(
    r"\b(?:tele)?(?:phones?|fax)\b|\b(?:mobile|cell|tel|tél|whatsapp|handy|telefon|mobil|téléphone|portable)\b|电话|手机|联系方式",
    re.I,
)
PHONE_WORD = re.compile(PHONE_COLUMN.pattern + r"|\b(?:call|ring|rang|anrufen|appelez)\b|致电|拨打", re.I)
NO_PHONE_WORD = re.compile(
    r"(?:order|invoice|ref|reference|ticket|serial|sku|isbn|account|model|\bid|订单号?|单号|编号|发票号?)(?: (?:no|number|nr))?[\s.:#=-]*$",
    re.I,
)
DATE = re.compile(r"[0-9]{1,2}([ ./-])[0-9]{1,2}\1(?:19|20)[0-9]{2}(?![0-9])|(?:19|20)[0-9]{2}([./-])[0-9]{1,2}\2")
REGIONS = ("CN", "US", "GB", "DE", "FR")
LANGUAGES = {
    "CN": HAN,
    "DE": re.compile(r"[äöüÄÖÜß]|\b(?:und|ist|nicht|bitte|straße|ich)\b"),
    "FR": re.compile(r"[éèàçêôûœ]|\b(?:est|vous|les|pour|une|bonjour)\b"),
}
"""What a glance must show for a region to be tried, and first, without its country code or a word like “phone”."""


class Rule(NamedTuple):
    """National numbers; without words they are looked for everywhere, else beside one of the words or in a column so named."""

    words: tuple[str, ...]
    beside: "re.Pattern[str]"
    shape: "re.Pattern[str]"
    valid: Callable[[str], bool]


def rule(words: str, shape: str, valid: Callable[[str], bool]) -> Rule:
    beside = re.compile(rf"\b(?:{words})\b", re.I)
    return Rule(tuple(words.split("|")), beside, re.compile(BEFORE + shape + AFTER, re.I), valid)


BORN = "[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9X]"
ALWAYS = (
    rule("", BORN, ric.is_valid),
    rule("", "[0-9]{3}-[0-9]{2}-[0-9]{4}", ssn.is_valid),
)
"""A Chinese number proves itself by date, place and check digit; 123-45-6789 is how an American one is written."""
GERMAN_ID = "idnr|steuer id|steuer-id|steueridnr|steuer-idnr|steueridentifikationsnummer|steuer-identifikationsnummer"
FRENCH_ID = "nir|insee|sécurité sociale|securite sociale|numéro de sécu|numero de secu"
ITALIAN_ID = "[A-Z]{6}[0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z]"
ASKED = {
    "us": rule("ssn|social security", "[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4}", ssn.is_valid),
    "gb": rule("nhs", "[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}", nhs.is_valid),
    "de": rule(GERMAN_ID, "[0-9]{2}(?: ?[0-9]{3}){3}", idnr.is_valid),
    "fr": rule(FRENCH_ID, "[12](?: ?[0-9AB]){12}(?: ?[0-9]{2})", nir.is_valid),
    "es": rule("dni|nif", "[0-9]{8}[ -]?[A-Z]", dni.is_valid),
    "it": rule("codice fiscale|codicefiscale", ITALIAN_ID, codicefiscale.is_valid),
    "nl": rule("bsn|burgerservicenummer", r"(?:[0-9]{9}|[0-9]{4}[. ][0-9]{2}[. ][0-9]{3})", bsn.is_valid),
}
ASKED_WORDS = tuple(word for one in ASKED.values() for word in one.words)

NAMES = {
    "full": "name|names|full name|fullname|person|person name|customer name|client name|contact name|contact person|"
    "patient name|employee name|student name|nombre|nombre completo|nom|nom complet|nome|naam|фио|姓名|名字|客户姓名|联系人|氏名",
    "first": "first name|firstname|given name|forename|fname|vorname|prénom|prenom|имя",
    "last": "last name|lastname|surname|family name|lname|nachname|apellido|apellidos|cognome|nom de famille|фамилия",
}
NAME_COLUMNS = {title: part for part, titles in NAMES.items() for title in titles.split("|")}
VAGUE = frozenset({"name", "names", "nom", "nome", "nombre", "naam", "名字"})
"""May name products, too: only a column of which nearly every cell looks like a person counts."""
LETTER = r"[^\W\d_]"
CAPITAL = "[A-ZÀ-ÖØ-ÞĀČĐĘŁŃŚŠŹŻŽА-Я]"
WORD = rf"{CAPITAL}{LETTER}*(?:['’-]{LETTER}+)*"
TITLES = "(?:Mrs?|Ms|Mx|Dr|Prof|Mme|Mlle)"
TITLE = re.compile(rf"\b{TITLES}\.?[ \u00a0]+((?:[A-Z]\. ?)?{WORD}(?: {WORD})?)")
"""No “Frau” and “Herr”: as often as not they are a woman and a man."""
PERSON = re.compile(rf"[\"'(]?{LETTER}+(?:[ .,'’\"()/-]{{1,3}}{LETTER}+){{0,11}}[.)\"']{{0,2}}")
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方"
    "白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳欧管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝"
)
CHINESE = re.compile(rf"(?:欧阳|司马|上官|诸葛|司徒|东方|皇甫|尉迟|公孙|慕容|令狐|[{SURNAMES}])[\u4e00-\u9fff]{{1,2}}")
MADE_NAMES = {
    "first": "Arvelle Belisa Corvan Darinda Elvaro Fennic Galiane Hesper Idrion Jorvan Kaleva Lorwin Mirelo Nevane Orlis "
    "Perowen Quillan Rosmar Selwen Tavish Ulvena Verrin Wendrel Ysolde",
    "last": "Aldermoor Birchwell Cloverby Dunmarsh Elmstowe Fernwicke Glenhollow Heathcombe Ivorfield Juniperley Kestrelby "
    "Larkmoor Mossgate Nettleham Oakenby Pinecombe Quarrymead Rushwell Stonebeck Thistleby Underhay Vinehollow "
    "Willowmarch Yarrowdale",
}
"""Invented, so that a stand-in is told from a person."""
MADE = {part: tuple(names.split()) for part, names in MADE_NAMES.items()}
MADE_WORDS = frozenset(MADE["first"] + MADE["last"])
MADE_SURNAMES, STEMS = "赵钱孙李周吴郑王冯陈", "甲乙丙丁戊己庚辛壬癸"
MADE_CHINESE = re.compile(f"[{MADE_SURNAMES}]某[{STEMS}]")

# In the syntax of RE2, which Arrow uses: it knows no look-around, so these let too much through, never too little.
PREFILTERS = {
    "email": r"@[^\s@]+\.[A-Za-z]",
    "iban": r"[A-Za-z]{2}[0-9]{2}(?:[ \x{a0}-]?[0-9A-Za-z]){11}",
    "id": rf"[1-9][0-9]{{16}}[0-9Xx]|[0-9]{{3}}-[0-9]{{2}}-[0-9]{{4}}|(?i:{'|'.join(ASKED_WORDS)})",
    "card": r"[0-9](?:[ -]?[0-9]){12}",
    "ip": r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[0-9A-Fa-f]:[0-9A-Fa-f:]*:",
    "phone": r"[0-9](?:[ ().\x{a0}/-]{0,4}[0-9]){6}",
    "name": rf"{TITLES}\.?[ \x{{a0}}]+\p{{Lu}}",
}


class Estimate(int):
    """A count scaled up from a sample."""


class Span(NamedTuple):
    """`key`: what two spellings of the same address, number or name share."""

    start: int
    end: int
    kind: str
    key: str


Spans = Iterator[tuple[int, int, str]]


@dataclass(frozen=True)
class Hints:
    """What a column's name and a glance at its cells say about the numbers and names in it."""

    regions: tuple[str, ...] = REGIONS
    """Where a number with the trunk 0 may be from, or a bare Chinese mobile number."""
    phones: bool = True
    addresses: bool = True
    ids: frozenset[str] = frozenset(ASKED)
    bare_cards: bool = True
    names: str = ""
    """full, first, last, or "" where the column is not one of names."""


EVERYTHING = Hints()


def find(name: str, column: pa.ChunkedArray) -> dict[str, int]:
    """{kind: rows that hold at least one}; a count scaled up from a sample is an `Estimate`."""
    hints = hints_of(name, column)
    share = min(MOST_BYTES / max(column.nbytes, 1), 1.0)
    if share < 1:
        chosen = np.zeros(len(column), dtype=bool)
        chosen[drawn(np.arange(len(column)), max(int(len(column) * share), 1))] = True
        column = column.filter(pa.array(chosen))  # `take` would copy the whole column first
    affordable = MOST_CHECKED * len(column) // max(column.nbytes, 1) + 1
    counts: dict[str, int] = {}
    for kinds in (HEAVY, *((kind,) for kind in KINDS if kind not in HEAVY)):
        might = {kind: np.flatnonzero(passing(column, kind, hints).to_numpy()) for kind in kinds}
        few = {
            kind: drawn(rows, min(SAMPLE if kind in HEAVY else LIGHT_SAMPLE, affordable))
            for kind, rows in might.items()
        }
        looked = np.unique(np.concatenate(list(few.values())))
        held = [kinds_in(text, kinds, hints) for text in cells_at(column, looked)]
        for kind in kinds:
            hits = int(np.isin(looked[[kind in one for one in held]], few[kind]).sum())
            if hits:
                counts[kind] = scaled(hits, len(might[kind]) / len(few[kind]) / share)
    return {kind: counts[kind] for kind in KINDS if kind in counts}


def kinds_in(text: str, kinds: tuple[str, ...], hints: Hints) -> set[str]:
    """Which of the kinds a cell holds; what an earlier kind has claimed is not looked at again."""
    found = set()
    for kind in KINDS[: KINDS.index(kinds[-1])] if len(kinds) > 1 else ():
        if mine := claimed(text, kind, hints):
            text = rewritten(text, mine, blank)
            found.add(kind)
    if next(FINDERS[kinds[-1]](text, hints), None):
        found.add(kinds[-1])
    return found


def cells_at(column: pa.ChunkedArray, rows: np.ndarray) -> Iterator[str]:
    for start in range(0, len(rows), SLICE_ROWS):
        yield from column.take(pa.array(rows[start : start + SLICE_ROWS])).to_pylist()


def scaled(hits: int, factor: float) -> int:
    return hits if factor == 1 else Estimate(float(f"{hits * factor:.2g}"))


def drawn(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, in order; from other rows mostly the same ones, which are then looked at once."""
    if len(rows) <= most:
        return rows
    return np.sort(rows[np.argpartition(mixed(rows.astype(np.uint64), 0), most)[:most]])


def passing(cells: Any, kind: str, hints: Hints) -> Any:
    """True for each cell of an array, chunked or not, that may hold one."""
    if kind == "name" and hints.names:
        return pc.is_valid(cells)
    pattern = "[0-9]" if kind == "id" and hints.ids else PREFILTERS[kind]
    return pc.fill_null(pc.match_substring_regex(cells, pattern), False)


def hints_of(name: str, column: pa.ChunkedArray) -> Hints:
    places = np.unique(np.linspace(0, len(column) - 1, min(GLANCE, len(column))).astype(np.int64))
    cells = [cell.strip()[:500] for at in places if not is_missing(cell := column[int(at)].as_py())]
    text, title = "\n".join(cells), plain(name)
    local = tuple(region for region, signs in LANGUAGES.items() if signs.search(f"{title}\n{text}"))
    bare = [cell for cell in cells if re.fullmatch("[0-9]{13,19}", cell)]
    return Hints(
        regions=(*local, "US", "GB"),
        phones=PHONE_COLUMN.search(title) is not None,
        addresses=IP_WORD.search(title) is not None,
        ids=frozenset(country for country, one in ASKED.items() if one.beside.search(title)),
        bare_cards="card" in title or len(bare) < FEW_NUMBERS or sum(map(is_card, bare)) > 0.5 * len(bare),
        names=name_part(title, cells),
    )


def plain(name: str) -> str:
    """firstName and first_name as “first name”."""
    return re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)).strip().lower()


def name_part(title: str, cells: list[str]) -> str:
    alike = sum(is_person(cell) and not cell[0].islower() for cell in cells)
    return NAME_COLUMNS.get(title, "") if title not in VAGUE or alike >= 0.8 * len(cells) else ""


def spans(text: str, hints: Hints) -> list[Span]:
    """What a cell holds, in order and without overlaps."""
    found = []
    for kind in KINDS:
        mine = claimed(text, kind, hints)
        text = rewritten(text, mine, blank)
        found += mine
    return sorted(found)


def claimed(text: str, kind: str, hints: Hints) -> list[Span]:
    found: list[Span] = []
    for start, end, key in sorted(FINDERS[kind](text, hints)):
        if not found or start >= found[-1].end:
            found.append(Span(start, end, kind, key))
    return found


def rewritten(text: str, found: list[Span], new: Callable[[Span, str], str]) -> str:
    if not found:
        return text
    ends = [0, *(span.end for span in found)]
    pieces = (
        text[end : span.start] + new(span, text[span.start : span.end]) for end, span in zip(ends, found, strict=False)
    )
    return "".join(pieces) + text[ends[-1] :]


def blank(_span: Span, text: str) -> str:
    """Places stay what they are, and no rule takes a NUL for part of anything."""
    return "\0" * len(text)


def emails_in(text: str, _hints: Hints) -> Spans:
    for match in EMAIL.finditer(text):
        if match[1].lower() not in FILE_ENDS and not MADE_EMAIL.fullmatch(match[0]):
            yield *match.span(), match[0].lower()


def ibans_in(text: str, _hints: Hints) -> Spans:
    """The words after an IBAN look like more of it: the longest run of whole groups that is valid counts."""
    for match in IBAN.finditer(text):
        start = match.start()
        for end in range(match.end(1), start + 14, -1):
            whole = text[end - 1].isalnum() and re.match("[0-9A-Za-z_]", text[end : end + 1]) is None
            compact = re.sub(r"\W", "", text[start:end]).upper() if whole else ""
            if whole and remainder(compact) == 1 and iban.is_valid(compact):
                yield start, end, compact
                break


def remainder(compact: str) -> int:
    """ISO 7064 mod 97-10, a tenth of the time that all of `iban.is_valid` takes."""
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97


def ids_in(text: str, hints: Hints) -> Spans:
    rules = [(one, True) for one in ALWAYS]
    lowered = text.lower()
    if hints.ids or any(word in lowered for word in ASKED_WORDS):
        rules += [(one, country in hints.ids) for country, one in ASKED.items()]
    for one, sure in rules:
        for match in one.shape.finditer(text):
            beside = sure or one.beside.search(text, max(match.start() - 30, 0), match.end() + 20)
            if beside and one.valid(match[0]):
                yield *match.span(), re.sub(r"\W", "", match[0]).upper()


def cards_in(text: str, hints: Hints) -> Spans:
    if not hints.bare_cards and text.strip().isdigit():
        return
    for match in CARD.finditer(text):
        digits = re.sub("[ -]", "", match[0])
        if is_card(digits):
            yield *match.span(), digits


def is_card(digits: str) -> bool:
    return any(len(digits) in lengths and first.match(digits) for first, lengths in ISSUERS) and luhn.is_valid(digits)


def addresses_in(text: str, hints: Hints) -> Spans:
    for match in IP.finditer(text):
        try:
            address = ipaddress.ip_address(match[0])
        except ValueError:
            continue
        if is_host(address) and not is_version(text, match, hints):
            yield *match.span(), str(address)


def is_host(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Neither loopback, multicast, network mask nor from a range that is given to nobody."""
    if isinstance(address, ipaddress.IPv6Address):
        return any(address in network for network in HOSTS)
    return 0 < address.packed[0] < 224 and not address.is_loopback


def is_version(text: str, match: "re.Match[str]", hints: Hints) -> bool:
    """1.2.3.4 is one unless something speaks of an address."""
    before = text[max(match.start() - 20, 0) : match.start()]
    if VERSION_WORD.search(before):
        return True
    return len(match[0]) == 7 and "." in match[0] and not (hints.addresses or IP_WORD.search(before))


def phones_in(text: str, hints: Hints) -> Spans:
    match = PHONE.search(text)
    while match:
        start, end = match.span()
        before = text[max(start - 24, 0) : start]
        asked = hints.phones or PHONE_WORD.search(before) is not None
        shape = match.lastgroup or ""
        if not DATE.match(match[0]) and (asked or shape == "abroad" or not NO_PHONE_WORD.search(before)):
            regions = regions_of(shape, match[0], asked, hints)
            for piece in shorter(match[0]) if shape in ("abroad", "trunk") else [match[0]]:
                number = next(filter(None, (dialled(piece, region) for region in regions)), None)
                if number:
                    end = start + len(piece)
                    yield start, end, number
                    break
        match = PHONE.search(text, end)


def regions_of(shape: str, number: str, asked: bool, hints: Hints) -> tuple[str, ...]:
    """Where a number of that shape is tried. Digits alone count only where something speaks of a phone."""
    if shape == "abroad":
        return ("GB",)
    if shape == "us":
        return ("US",)
    if shape == "cn" and (asked or not number.isdigit() or "CN" in hints.regions):
        return ("CN", *hints.regions) if asked else ("CN",)
    if asked:
        return tuple(dict.fromkeys(hints.regions + REGIONS))
    if shape == "trunk" and not number.isdigit():
        return tuple(region for region in hints.regions if region != "US")
    return ()


def shorter(number: str) -> Iterator[str]:
    """The number, then without its last groups: a sentence may go on with a figure."""
    yield number
    for _ in range(3):
        number = re.sub(r"[ \u00a0./()-]+[0-9]+$", "", number)
        if sum(map(str.isdigit, number)) < 8:
            return
        yield number


def dialled(number: str, region: str) -> str | None:
    """The number in E.164 if it can be somebody's."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    zero = "0" if parsed.italian_leading_zero else ""
    return f"+{parsed.country_code}{zero}{parsed.national_number}" if phonenumbers.is_valid_number(parsed) else None


def names_in(text: str, hints: Hints) -> Spans:
    cell = text.strip()
    start = text.find(cell)
    if hints.names and is_person(cell):
        yield start, start + len(cell), f"{hints.names} {cell}"
        return
    for match in TITLE.finditer(text):
        if not MADE_WORDS.issuperset(words_in(match[1])):
            yield *match.span(1), f"{'full' if len(words_in(match[1])) > 1 else 'last'} {match[1]}"


def is_person(cell: str) -> bool:
    if not cell or len(cell) > MOST_CHARACTERS or is_missing(cell):
        return False
    if HAN.search(cell):
        return CHINESE.fullmatch(cell) is not None and not MADE_CHINESE.fullmatch(cell)
    return PERSON.fullmatch(cell) is not None and not MADE_WORDS.issuperset(words_in(cell))


def words_in(name: str) -> list[str]:
    return re.findall(rf"{LETTER}+(?:['’-]{LETTER}+)*", name)


FINDERS: dict[str, Callable[[str, Hints], Spans]] = {
    "email": emails_in,
    "iban": ibans_in,
    "id": ids_in,
    "card": cards_in,
    "ip": addresses_in,
    "phone": phones_in,
    "name": names_in,
}


def problem(found: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    """One finding over all columns, none where nothing was found; `found`: {column: what `find` returned}."""
    found = {name: counts for name, counts in found.items() if counts}
    if not found:
        return []
    told = [f"“{shortened(name)}” holds {held(counts)}" for name, counts in list(found.items())[:6]]
    if len(found) > 6:
        told.append(f"{many(len(found) - 6, 'more column holds', 'more columns hold')} some")
    examples = [f"{shortened(name)}: {' '.join(f'⟨{kind}⟩' for kind in counts)}" for name, counts in found.items()]
    count = sum(sum(counts.values()) for counts in found.values())
    one = finding("personal_data", "warning", f"{'; '.join(told)}; {RULES}.", (), examples, FIXES[0], count)
    return [one | {"fixes": [{"action": action, "label": label} for action, label in FIXES]}]


def held(counts: dict[str, int]) -> str:
    told = [
        f"{WORDS[kind]} in {'about ' if isinstance(count, Estimate) else ''}{many(count, 'row', 'rows')}"
        for kind, count in counts.items()
    ]
    return " and ".join(filter(None, [", ".join(told[:-1]), told[-1]]))


def mask(column: pa.ChunkedArray, name: str = "") -> pa.ChunkedArray:
    """Each find as ⟨email⟩, ⟨phone⟩ and so on. Without the column's name, what only the name gives away stays."""
    return replaced(column, name, lambda span, _text: f"⟨{span.kind}⟩")


def pseudonymise(column: pa.ChunkedArray, secret: bytes, name: str = "") -> pa.ChunkedArray:
    """Each find as a stand-in that is nobody's. One secret gives the same stand-in for the same find, in any column."""
    if not secret:
        raise ValueError("Without a secret anybody could work out who a stand-in stands for.")
    made = functools.lru_cache(REMEMBERED)(functools.partial(stand_in, secret))
    return replaced(column, name, lambda span, text: made(span.kind, span.key, text))


def replaced(column: pa.ChunkedArray, name: str, new: Callable[[Span, str], str]) -> pa.ChunkedArray:
    """Every cell that may hold something is looked at, however many: nothing is left to a sample."""
    hints = hints_of(name, column)
    chunks = []
    for start in range(0, len(column), SLICE_ROWS):
        cells = pa.concat_arrays(column.slice(start, SLICE_ROWS).chunks)
        chosen = functools.reduce(pc.or_, (passing(cells, kind, hints) for kind in KINDS))
        texts = [rewritten(text, spans(text, hints), new) for text in cells.filter(chosen).to_pylist()]
        chunks.append(pc.replace_with_mask(cells, chosen, pa.array(texts, cells.type)))
    return pa.chunked_array(chunks, column.type)


def draw(secret: bytes, kind: str, key: str, attempt: int = 0) -> int:
    """256 bits that only the secret ties to what was found."""
    return int.from_bytes(hmac.digest(secret, f"{kind}\0{attempt}\0{key}".encode(), "sha256"), "big")


def stand_in(secret: bytes, kind: str, key: str, text: str) -> str:
    value = draw(secret, kind, key)
    if kind == "email":
        return f"person-{value % 2**32:08x}@example.com"
    if kind == "phone":  # neither the area code 555 nor a 0 after it is given out
        return f"+1 555 01{value % 10} {value // 10 % 10_000:04}"
    if kind == "ip" and ":" in text:  # discarded by every router: RFC 6666
        return str(ipaddress.IPv6Address((0x100 << 112) | value % 2**64))
    if kind == "ip":  # reserved and never given out: RFC 1112
        return str(ipaddress.IPv4Address(0xF0000000 | value % 0x0F000000))
    if kind == "name":
        return made_name(secret, *key.split(" ", 1))
    return made_number(secret, kind, key, text)


def made_name(secret: bytes, part: str, name: str) -> str:
    """Word by word, so that a column of first names agrees with one of full names."""
    if HAN.search(name):
        value = draw(secret, "name", name)
        return f"{MADE_SURNAMES[value % 10]}某{STEMS[value // 10 % 10]}"
    words = words_in(re.sub(rf"\b{TITLES}\b", "", " ".join(reversed(name.split(","))))) or [name]
    first, last = (
        MADE[one][draw(secret, one, word.casefold()) % len(MADE[one])]
        for one, word in (("first", words[0]), ("last", words[-1]))
    )
    if part == "first" or (part == "full" and len(words) == 1):
        return first
    return last if part == "last" else f"{first} {last}"


def made_number(secret: bytes, kind: str, key: str, text: str) -> str:
    """Other digits in the same groups, drawn until no rule takes them for anybody's."""
    kept = {"card": key[0], "iban": key[:2] + "00"}.get(kind, "000" if len(key) == 9 else "")
    made = key
    for attempt in itertools.count():
        value = draw(secret, kind, key, attempt)
        made = kept + "".join(other(char, value // 10**place) for place, char in enumerate(key))[len(kept) :]
        if not spans(made, EVERYTHING) and not spans(re.sub("(....)", r"\1 ", made), EVERYTHING):
            break
    left = iter(made)
    return "".join(next(left) if char.isalnum() else char for char in text)


def other(char: str, value: int) -> str:
    """A digit for a digit, a letter for a letter."""
    return str(value % 10) if char.isdigit() else chr(65 + value % 26)
