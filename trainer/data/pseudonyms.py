"""Stand-ins that belong to nobody: the same for the same find under one secret, and never found again."""

import hmac
import ipaddress
import itertools
import re

from trainer.data.personal import EVERYTHING, find_spans, words_in
from trainer.data.personal_patterns import HAN, MADE, MADE_SURNAMES, STEMS, TITLES


def draw_bits(secret: bytes, kind: str, key: str, attempt: int = 0) -> int:
    """256 bits that only the secret ties to what was found."""
    return int.from_bytes(hmac.digest(secret, f"{kind}\0{attempt}\0{key}".encode(), "sha256"), "big")


def make_stand_in(secret: bytes, kind: str, key: str, text: str) -> str:
    """A value of the same kind that belongs to nobody: the same for the same `key` under one secret."""
    value = draw_bits(secret, kind, key)
    if kind == "email":
        return f"person-{value % 2**32:08x}@example.com"
    if kind == "phone":
        return make_phone(secret, key)
    if kind == "ip" and ":" in text:  # discarded by every router: RFC 6666
        return str(ipaddress.IPv6Address((0x100 << 112) | value % 2**64))
    if kind == "ip":  # reserved and never given out: RFC 1112
        return str(ipaddress.IPv4Address(0xF0000000 | value % 0x0F000000))
    if kind == "name":
        return make_name(secret, *key.split(" ", 1))
    return make_number(secret, kind, key, text)


def make_phone(secret: bytes, key: str) -> str:
    """Neither the area code 555 nor a 0 after it is given out; drawn until its digits are no national number either."""
    values = (draw_bits(secret, "phone", key, attempt) for attempt in itertools.count())
    numbers = (f"+1 555 01{value % 10} {value // 10 % 10_000:04}" for value in values)
    return next(number for number in numbers if not find_spans(number, EVERYTHING))


def make_name(secret: bytes, part: str, name: str) -> str:
    """Word by word, so that a column of first names agrees with one of full names."""
    if HAN.search(name):
        value = draw_bits(secret, "name", name)
        return f"{MADE_SURNAMES[value % 10]}某{STEMS[value // 10 % 10]}"
    names = words_in(re.sub(rf"\b{TITLES}\b", "", " ".join(reversed(name.split(","))))) or [name]
    first, last = (
        MADE[part_of_name][draw_bits(secret, part_of_name, word.casefold()) % len(MADE[part_of_name])]
        for part_of_name, word in (("first", names[0]), ("last", names[-1]))
    )
    if part == "first" or (part == "full" and len(names) == 1):
        return first
    return last if part == "last" else f"{first} {last}"


def make_number(secret: bytes, kind: str, key: str, text: str) -> str:
    """Other digits in the same groups, drawn until no rule takes them for anybody's."""
    prefix = {"card": key[0], "iban": key[:2] + "00"}.get(kind, "000" if len(key) == 9 else "")
    made = key
    for attempt in itertools.count():
        value = draw_bits(secret, kind, key, attempt)
        made = (
            prefix
            + "".join(replace_character(char, value // 10**place) for place, char in enumerate(key))[len(prefix) :]
        )
        if not find_spans(made, EVERYTHING) and not find_spans(re.sub("(....)", r"\1 ", made), EVERYTHING):
            break
    remaining = iter(made)
    return "".join(next(remaining) if char.isalnum() else char for char in text)


def replace_character(char: str, value: int) -> str:
    """A digit for a digit, a letter for a letter."""
    return str(value % 10) if char.isdigit() else chr(65 + value % 26)
