"""Stand-ins for personal data: of the same shape, from ranges that are nobody's, the same for the same person; and counts from a
sample."""

import ipaddress
import re

import numpy as np
import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.personal import (
    EVERYTHING,
    find_spans,
    words_in,
)
from trainer.data.privacy import (
    draw_rows,
    scale_count,
)
from trainer.data.pseudonyms import draw_bits, make_name, make_stand_in

QUICK = settings(max_examples=80, deadline=None, derandomize=True)
SECRET = b"a key of the dataset"
FINDS = {
    "email": ["ada@lovelace.org", "A.L+x@mail.co.uk", "bob_1@x-y.info"],
    "iban": ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "fr14 2004 1010 0505 0001 3M02 606"],
    "id": ["123-45-6789", "11010519491231002X", "NHS no 943 476 5919", "SSN 123456789"],
    "card": ["4111 1111 1111 1111", "5500000000000004", "3782-822463-10005"],
    "ip": ["10.1.2.3", "2a00:1450:4001:81b::200e", "fe80::1"],
    "phone": ["+44 20 7946 0958", "(415) 555-2671", "phone 4155552671", "电话13800138000", "0044 20 7946 0958"],
    "name": ["Dr Lovelace", "Mrs. Ada B. Byron", "Mme Curie"],
}
ALL_FINDS = [find for finds in FINDS.values() for find in finds]
NOISE = ["", " ", ", ", "\n", "。", "the order", "我", "é", "(", "\u00a0", "x", "7", "🙂", "-", ":", "@", "\0", "Ltd."]
TEXTS = st.lists(st.sampled_from([*ALL_FINDS, *NOISE]), max_size=7).map("".join)


# Stand-ins


@QUICK
@given(st.sampled_from(["card", "iban", "id"]), st.data())
def test_a_stand_in_has_the_shape_of_what_it_stands_for(kind: str, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([find for find in FINDS[kind] if not re.search("no|SSN", find)]))
    key = re.sub(r"\W", "", text).upper()
    made = make_stand_in(SECRET, kind, key, text)
    assert re.sub("[0-9A-Za-z]", "x", made) == re.sub("[0-9A-Za-z]", "x", text)
    assert made.upper() != text.upper()
    assert make_stand_in(SECRET, kind, key, text) == made
    assert not find_spans(made, EVERYTHING)


@pytest.mark.parametrize(("kind", "text"), [("email", "ada@x.org"), ("phone", "+442079460958"), ("ip", "10.1.2.3"), ("ip", "fe80::1")])  # fmt: skip
def test_a_stand_in_is_from_a_range_that_is_nobody_s(kind: str, text: str) -> None:
    for number in range(200):
        made = make_stand_in(SECRET, kind, f"{text}{number}", text)
        assert not find_spans(made, EVERYTHING), made
        if kind == "email":
            assert re.fullmatch(r"person-[0-9a-f]{8}@example\.com", made)
        if kind == "ip":
            address = ipaddress.ip_address(made)
            reserved = "240.0.0.0/4" if address.version == 4 else "100::/64"
            assert address.version == ipaddress.ip_address(text).version
            assert address in ipaddress.ip_network(reserved)
        if kind == "phone":
            assert not phonenumbers.is_valid_number(phonenumbers.parse(made))


def test_bits_depend_on_secret_kind_key_and_attempt() -> None:
    drawn = {
        draw_bits(secret, kind, key, attempt)
        for secret in (b"a", b"b")
        for kind in ("card", "id")
        for key in ("1", "2", "")
        for attempt in (0, 1)
    }
    assert len(drawn) == 24
    assert all(0 <= value < 2**256 for value in drawn)


@pytest.mark.parametrize(
    ("part", "name", "same_as"),
    [
        ("full", "Ada Lovelace", "Lovelace, Ada"),
        ("full", "Ada Lovelace", "Dr. Ada Lovelace"),
        ("full", "Ada Lovelace", "ADA LOVELACE"),
        ("last", "O’Brien", "o’brien"),
        ("full", "Ada", "ADA"),
    ],
)
def test_a_person_is_the_same_in_every_spelling(part: str, name: str, same_as: str) -> None:
    assert make_name(SECRET, part, name) == make_name(SECRET, part, same_as)


def test_two_people_seldom_share_a_stand_in_and_a_name_has_as_many_words() -> None:
    made = [make_name(SECRET, "full", f"{first} {last}") for first in "ABCDE" for last in "VWXYZ"]
    assert len(set(made)) > 15
    assert all(len(words_in(name)) == 2 for name in made)
    assert len(words_in(make_name(SECRET, "full", "Ada"))) == 1


# Counts


@pytest.mark.parametrize(("hits", "factor", "count"), [(0, 5.0, 0), (12, 1, 12), (12, 10.0, 120), (123, 10.0, 1_200), (1, 1.5, 1)])  # fmt: skip
def test_a_count_from_a_sample_has_two_digits(hits: int, factor: float, count: int) -> None:
    assert scale_count(hits, factor) == count


@pytest.mark.parametrize(("rows", "most"), [(0, 5), (3, 5), (5, 5), (6, 5), (1_000, 10)])
def test_some_rows_are_drawn_in_order_and_the_same_each_time(rows: int, most: int) -> None:
    numbers = np.arange(rows) * 3
    drawn = draw_rows(numbers, most)
    assert len(drawn) == min(rows, most)
    assert drawn.tolist() == sorted(set(drawn.tolist()) & set(numbers.tolist()))
    assert np.array_equal(drawn, draw_rows(numbers, most))
