"""Personal data in one text: what each kind of find is, exactly, and which characters it takes."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import phonenumbers
from stdnum import iban, luhn

from trainer.columns import is_missing
from trainer.data.personal_patterns import (
    ALWAYS,
    ASKED,
    ASKED_WORDS,
    CARD,
    CHINESE,
    DATE,
    EMAIL,
    FILE_ENDS,
    HAN,
    HOSTS,
    IBAN,
    IP,
    IP_WORD,
    ISSUERS,
    LETTER,
    MADE_CHINESE,
    MADE_EMAIL,
    MADE_WORDS,
    NO_PHONE_WORD,
    PERSON,
    PHONE,
    PHONE_WORD,
    REGIONS,
    TITLE,
    VERSION_WORD,
    WIDE_FORMS,
)

KINDS = ("email", "iban", "id", "card", "ip", "phone", "name")
"""In the order in which they claim characters: digits of an IBAN are no phone number."""
MAX_NAME_CHARACTERS = 100
"""A longer cell of a column of names is not a name."""


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


def find_spans(text: str, hints: Hints) -> list[Span]:
    """What a cell holds, in order and without overlaps."""
    text = narrow(text)
    claimed_spans = []
    for kind in KINDS:
        mine = claim_spans(text, kind, hints)
        text = rewrite_spans(text, mine, blank_out)
        claimed_spans += mine
    return sorted(claimed_spans)


def claim_spans(text: str, kind: str, hints: Hints) -> list[Span]:
    claimed_spans: list[Span] = []
    for start, end, key in sorted(FINDERS[kind](narrow(text), hints)):
        if not claimed_spans or start >= claimed_spans[-1].end:
            claimed_spans.append(Span(start, end, kind, key))
    return claimed_spans


def narrow(text: str) -> str:
    """With digits and signs of full width as the usual ones, character for character."""
    return text if text.isascii() else text.translate(WIDE_FORMS)


def rewrite_spans(text: str, claimed_spans: list[Span], new: Callable[[Span, str], str]) -> str:
    """The text with each span replaced by what `new` makes of it and of its own text."""
    if not claimed_spans:
        return text
    ends = [0, *(span.end for span in claimed_spans)]
    pieces = (
        text[end : span.start] + new(span, text[span.start : span.end])
        for end, span in zip(ends, claimed_spans, strict=False)
    )
    return "".join(pieces) + text[ends[-1] :]


def blank_out(_span: Span, text: str) -> str:
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
            if whole and iban_remainder(compact) == 1 and iban.is_valid(compact):
                yield start, end, compact
                break


def iban_remainder(compact: str) -> int:
    """ISO 7064 mod 97-10, a tenth of the time that all of `iban.is_valid` takes."""
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97


def ids_in(text: str, hints: Hints) -> Spans:
    """National numbers: of some countries anywhere, of others in a column or beside a word that names them."""
    rules = [(rule, True) for rule in ALWAYS]
    lowered = text.lower()
    if hints.ids or any(word in lowered for word in ASKED_WORDS):
        rules += [(rule, country in hints.ids) for country, rule in ASKED.items()]
    for rule, sure in rules:
        for match in rule.shape.finditer(text):
            in_context = sure or rule.context.search(text, max(match.start() - 30, 0), match.end() + 20)
            if in_context and rule.valid(match[0]):
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
    """Phone numbers that can be dialled, by the shape in which they are written and by what stands before."""
    match = PHONE.search(text)
    while match:
        start, end = match.span()
        before = text[max(start - 24, 0) : start]
        is_phone_expected = hints.phones or PHONE_WORD.search(before) is not None
        shape = match.lastgroup or ""
        if not DATE.match(match[0]) and (is_phone_expected or shape == "abroad" or not NO_PHONE_WORD.search(before)):
            regions = regions_to_try(shape, match[0], is_phone_expected, hints)
            for piece in shorten_number(match[0]) if shape in ("abroad", "trunk") else [match[0]]:
                number = next(filter(None, (parse_phone(piece, region) for region in regions)), None)
                if number:
                    end = start + len(piece)
                    yield start, end, number
                    break
        match = PHONE.search(text, end)


def regions_to_try(shape: str, number: str, is_phone_expected: bool, hints: Hints) -> tuple[str, ...]:
    """Where a number of that shape is tried. Digits alone count only where something speaks of a phone."""
    if shape == "abroad":
        return ("GB",)
    if shape == "us":
        return ("US",)
    if shape == "cn" and (is_phone_expected or not number.isdigit() or "CN" in hints.regions):
        return ("CN", *hints.regions) if is_phone_expected else ("CN",)
    if is_phone_expected:
        return tuple(dict.fromkeys(hints.regions + REGIONS))
    if shape == "trunk" and not number.isdigit():
        return tuple(region for region in hints.regions if region != "US")
    return ()


def shorten_number(number: str) -> Iterator[str]:
    """The number, then without its last groups: a sentence may go on with a figure."""
    yield number
    for _ in range(3):
        number = re.sub(r"[ \u00a0./()-]+[0-9]+$", "", number)
        if sum(map(str.isdigit, number)) < 8:
            return
        yield number


def parse_phone(number: str, region: str) -> str | None:
    """The number in E.164 if it can be somebody's."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    zero = "0" if parsed.italian_leading_zero else ""
    return f"+{parsed.country_code}{zero}{parsed.national_number}" if phonenumbers.is_valid_number(parsed) else None


def names_in(text: str, hints: Hints) -> Spans:
    """The whole cell in a column of names; elsewhere what follows a title."""
    cell = text.strip()
    start = text.find(cell)
    if hints.names and is_person(cell):
        yield start, start + len(cell), f"{hints.names} {cell}"
        return
    for match in TITLE.finditer(text):
        if not MADE_WORDS.issuperset(words_in(match[1])):
            yield *match.span(1), f"{'full' if len(words_in(match[1])) > 1 else 'last'} {match[1]}"


def is_person(cell: str) -> bool:
    if not cell or len(cell) > MAX_NAME_CHARACTERS or is_missing(cell):
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
