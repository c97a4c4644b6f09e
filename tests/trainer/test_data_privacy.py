"""What counts as personal data and what only looks like it; masks and stand-ins that leave the rest alone."""

import re
import time

import pyarrow as pa
import pytest
from stdnum import iban, luhn
from stdnum.cn import ric

from trainer.data.privacy import Estimate, find_personal_data, mask_column, personal_data_problems, pseudonymise_column

SECRET = b"a key of the dataset"
ONE_OF_EACH = (
    "Dr Lovelace, ada@lovelace.org, +44 20 7946 0958, card 4111 1111 1111 1111, DE89 3704 0044 0532 0130 00, "
    "11010519491231002X, from 10.1.2.3."
)


def column(*cells: str | None) -> pa.ChunkedArray:
    half = len(cells) // 2
    return pa.chunked_array([pa.array(cells[:half], pa.string()), pa.array(cells[half:], pa.string())])


@pytest.mark.parametrize(
    ("kind", "name", "cell", "masked"),
    [
        ("email", "notes", "Write to Ada.L+news@mail.lovelace.co.uk.", "Write to ⟨email⟩."),
        ("email", "notes", "邮箱ada@qq.com，谢谢", "邮箱⟨email⟩，谢谢"),
        ("email", "notes", "13800138000@qq.com", "⟨email⟩"),
        ("phone", "notes", "on +1 415 555 2671 3 times", "on ⟨phone⟩ 3 times"),
        ("phone", "notes", "ring (415) 555-2671!", "ring ⟨phone⟩!"),
        ("phone", "notes", "415.555.2671", "⟨phone⟩"),
        ("phone", "notes", "020 7946 0958 or later", "⟨phone⟩ or later"),
        ("phone", "notes", "+44 (0)20 7946 0958", "⟨phone⟩"),
        ("phone", "notes", "电话13800138000。", "电话⟨phone⟩。"),
        ("phone", "notes", "房间电话 010-62345678", "房间电话 ⟨phone⟩"),
        ("phone", "notes", "Bitte unter 030/1234567 melden, wir öffnen", "Bitte unter ⟨phone⟩ melden, wir öffnen"),
        ("phone", "notes", "Appelez le 01 23 45 67 89 pour vous", "Appelez le ⟨phone⟩ pour vous"),
        ("phone", "notes", "my phone: 4155552671", "my phone: ⟨phone⟩"),
        ("phone", "notes", "+1 415 555 2671 020 7946 0958", "⟨phone⟩ ⟨phone⟩"),
        ("phone", "Mobile_number", "7911123456", "⟨phone⟩"),
        ("card", "notes", "paid with 4111111111111111, thanks", "paid with ⟨card⟩, thanks"),
        ("card", "notes", "5500-0000-0000-0004", "⟨card⟩"),
        ("card", "notes", "amex 3782 822463 10005", "amex ⟨card⟩"),
        ("iban", "notes", "to DE89 3704 0044 0532 0130 00 PLEASE", "to ⟨iban⟩ PLEASE"),
        ("iban", "notes", "账号DE89370400440532013000谢谢", "账号⟨iban⟩谢谢"),
        ("iban", "notes", "RE21 GB82WEST12345698765432", "RE21 ⟨iban⟩"),
        ("id", "notes", "身份证11010519491231002X", "身份证⟨id⟩"),
        ("id", "notes", "it is 123-45-6789.", "it is ⟨id⟩."),
        ("id", "notes", "123456789 is my SSN", "⟨id⟩ is my SSN"),
        ("id", "notes", "NHS no 943 476 5919", "NHS no ⟨id⟩"),
        ("id", "steuer_id", "36574261809", "⟨id⟩"),
        ("id", "notes", "numéro de sécu 2 95 10 99 126 111 93", "numéro de sécu ⟨id⟩"),
        ("id", "DNI", "54362315K", "⟨id⟩"),
        ("id", "codiceFiscale", "RCCMNL83S18D969H", "⟨id⟩"),
        ("id", "bsn", "1112.22.333", "⟨id⟩"),
        ("ip", "notes", "from 10.1.2.3:8080", "from ⟨ip⟩:8080"),
        ("ip", "notes", "2a00:1450:4001:81b::200e", "⟨ip⟩"),
        ("ip", "ip_address", "1.2.3.4", "⟨ip⟩"),
        ("name", "notes", "Dr. Ada Lovelace and Ms Hopper met", "Dr. ⟨name⟩ and Ms ⟨name⟩ met"),
        ("name", "full_name", "Lovelace, Mrs. Ada (Byron)", "⟨name⟩"),
        ("name", "lastName", "o’brien", "⟨name⟩"),
        ("name", "姓名", "欧阳明", "⟨name⟩"),
    ],
)
def test_is_found_and_masked(kind: str, name: str, cell: str, masked: str) -> None:
    assert find_personal_data(name, column(cell)) == {kind: 1}
    assert mask_column(column(cell), name).to_pylist() == [masked]


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("notes", "logo@2x.png, @ada, 3@4"),
        ("price", "1,299.00"),
        ("price", "$415 555 2671"),
        ("when", "2024-05-06"),
        ("when", "06.05.2024 10:20:30"),
        ("notes", "order 415-555-2671"),
        ("notes", "4155552671"),
        ("notes", "7 946 0958, 0.123456789 and 1714979000000"),
        ("notes", "0123456789"),
        ("notes", "room 12-34-56 for 2 x 150 000 000"),
        ("order", "1234567890123456"),
        ("notes", "4111 1111 1111 1112"),
        ("notes", "9999999999999995"),
        ("notes", "DE89 3704 0044 0532 0130 01"),
        ("notes", "ZZ89 3704 0044 0532 0130 00"),
        ("身份证", "110105194912310021"),
        ("身份证", "110105194913310024"),
        ("notes", "000-12-3456"),
        ("notes", "36574261809 54362315K 111222333"),
        ("bsn", "111222334"),
        ("notes", "1.2.3.4"),
        ("notes", "version 10.11.12.13, Chrome/120.0.0.0, v10.1.2.3"),
        ("notes", "127.0.0.1 and 255.255.255.0 and 10.1.2.3.4 and 300.1.1.1"),
        ("notes", "std::vector add::bad 12:30:45"),
        ("notes", "Ada Lovelace wrote it"),
        ("product name", "Ada Lovelace"),
        ("full name", "iPhone 12"),
        ("姓名", "苹果手机壳"),
        ("name", "nan"),
    ],
)
def test_only_looks_like_it(name: str, cell: str) -> None:
    assert find_personal_data(name, column(cell)) == {}
    assert mask_column(column(cell), name).to_pylist() == [cell]


def test_a_column_of_products_holds_no_names() -> None:
    assert find_personal_data("name", column("Ada Lovelace", "Grace Hopper")) == {"name": 2}
    assert find_personal_data("name", column("Ada Lovelace", "4 chairs", "blue pen", "Desk 120 cm")) == {}


def test_numbers_of_which_some_pass_as_cards_by_chance_are_none() -> None:
    numbers = [str(4_000_000_000_000_000 + 7_919 * row) for row in range(200)]
    assert find_personal_data("reference", column(*numbers)) == {}
    assert find_personal_data("card", column(*numbers))["card"] == sum(map(luhn.is_valid, numbers))


def test_rows_are_counted_once() -> None:
    cells = column(ONE_OF_EACH, None, "", ONE_OF_EACH + ONE_OF_EACH)
    assert find_personal_data("notes", cells) == dict.fromkeys(
        ("email", "iban", "id", "card", "ip", "phone", "name"), 2
    )
    assert not any(isinstance(count, Estimate) for count in find_personal_data("notes", cells).values())


def test_of_many_cells_some_are_looked_at_and_the_count_is_an_estimate() -> None:
    cells = ["card 4111 1111 1111 1111", "card 4111 1111 1111 1112"] * 15_000
    count = find_personal_data("notes", column(*cells))["card"]
    assert isinstance(count, Estimate)
    assert count == pytest.approx(15_000, rel=0.05)
    assert (
        "card numbers in about 15,000 rows"
        in personal_data_problems({"notes": {"card": Estimate(15_000)}})[0]["message"]
    )


def test_a_column_without_rows_or_values() -> None:
    for cells in (pa.chunked_array([], pa.string()), column(), column(None, None)):
        assert find_personal_data("name", cells) == {}
        assert mask_column(cells, "name").equals(cells)
        assert pseudonymise_column(cells, SECRET, "name").equals(cells)


def test_masking_leaves_the_rest() -> None:
    cells = column("  Good. ", None, "", "mail ada@lovelace.org\n\tnow", "é 中文 🙂")
    masked = mask_column(cells)
    assert masked.to_pylist() == ["  Good. ", None, "", "mail ⟨email⟩\n\tnow", "é 中文 🙂"]
    assert masked.type == cells.type
    assert masked.null_count == 1
    assert mask_column(masked).equals(masked)


@pytest.mark.parametrize("name", ["notes", "full name"])
def test_nothing_is_left_to_find(name: str) -> None:
    cells = column(ONE_OF_EACH, "Ada Lovelace", "my SSN is 123-45-6789", "2a00:1450:4001:81b::200e")
    assert find_personal_data(name, mask_column(cells, name)) == {}
    assert find_personal_data(name, pseudonymise_column(cells, SECRET, name)) == {}


def test_stand_ins_are_nobodys() -> None:
    made = pseudonymise_column(column(ONE_OF_EACH), SECRET).to_pylist()[0]
    found = re.fullmatch(
        r"Dr [A-Z][a-z]+, person-[0-9a-f]{8}@example\.com, \+1 555 01\d \d{4}, card (?P<card>4\d{3} \d{4} \d{4} \d{4}), "
        r"(?P<iban>DE00 \d{4} \d{4} \d{4} \d{4} \d\d), (?P<id>[0-9A-Z]{18}), from 2[45]\d\.\d+\.\d+\.\d+\.",
        made,
    )
    assert found
    assert not luhn.is_valid(found["card"])
    assert not iban.is_valid(found["iban"])
    assert not ric.is_valid(found["id"])


def test_the_same_person_has_the_same_stand_in_everywhere() -> None:
    one, again, other = pseudonymise_column(
        column("ada@lovelace.org +14155552671", "ADA@Lovelace.org (415) 555-2671", "bob@lovelace.org +14155552672"),
        SECRET,
    ).to_pylist()
    assert one == again
    assert not set(one.split()[:1] + one.split("555")[-1:]) & set(other.split()[:1] + other.split("555")[-1:])
    cards = pseudonymise_column(column("4111111111111111", "4111-1111-1111-1111"), SECRET).to_pylist()
    assert cards[0] == cards[1].replace("-", "")


def test_names_agree_over_columns() -> None:
    full, turned = pseudonymise_column(column("Ada Lovelace", "LOVELACE, Mrs. Ada"), SECRET, "full name").to_pylist()
    first = pseudonymise_column(column("ada"), SECRET, "first_name").to_pylist()[0]
    last = pseudonymise_column(column("Lovelace"), SECRET, "Surname").to_pylist()[0]
    assert full == turned == f"{first} {last}"
    assert pseudonymise_column(column("Dear Dr Lovelace"), SECRET).to_pylist() == [f"Dear Dr {last}"]
    assert re.fullmatch(".某.", pseudonymise_column(column("张伟"), SECRET, "姓名").to_pylist()[0])


def test_another_secret_gives_other_stand_ins() -> None:
    cells = column(*(f"user{row}@lovelace.org" for row in range(50)))
    made = [pseudonymise_column(cells, secret).to_pylist() for secret in (SECRET, SECRET, b"another")]
    assert made[0] == made[1]
    assert not set(made[0]) & set(made[2])
    assert len(set(made[0])) == 50
    with pytest.raises(ValueError, match="secret"):
        pseudonymise_column(cells, b"")


def test_one_finding_for_all_columns() -> None:
    assert personal_data_problems({}) == personal_data_problems({"notes": {}}) == []
    found = personal_data_problems({"notes": {"email": 12, "phone": 3, "name": 1}, "text": {}, "who": {"name": 40}})
    assert len(found) == 1
    assert found[0]["message"] == (
        "“notes” contains email addresses in 12 rows, phone numbers in 3 rows, names in 1 row; “who” contains names in 40 rows; "
        "names are found by simple rules and some will be missed."
    )
    assert {name: found[0][name] for name in ("code", "severity", "count", "rows", "examples")} == {
        "code": "personal_data",
        "severity": "warning",
        "count": 56,
        "rows": [],
        "examples": ["notes: ⟨email⟩ ⟨phone⟩ ⟨name⟩", "who: ⟨name⟩"],
    }
    fixes = [(one["action"], one["label"], one["safe"]) for one in found[0]["fixes"]]
    assert fixes == [("mask_personal", "Mask", False), ("pseudonymise_personal", "Replace with fake data", False)]
    assert found[0]["fix"] == found[0]["fixes"][0]


def test_many_columns_are_summed_up() -> None:
    message = personal_data_problems({f"c{number}": {"email": 1} for number in range(8)})[0]["message"]
    assert "“c5”" in message
    assert "2 more columns contain some;" in message


def test_what_is_found_is_never_told(capfd: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture) -> None:
    cells = column(ONE_OF_EACH)
    told = str(personal_data_problems({"notes": find_personal_data("notes", cells)}))
    mask_column(cells)
    pseudonymise_column(cells, SECRET)
    told += "".join(capfd.readouterr()) + caplog.text
    assert not re.search(r"lovelace|7946|4111|3704|110105|10\.1", told, re.IGNORECASE)


def test_a_hundred_thousand_rows_take_seconds() -> None:
    """A tenth of the bound for a million; in processor time, since others may be at work on the machine."""
    texts = [f"Parcel {row} came late on 2024-05-06 and cost 1,299.00, so I am not happy" for row in range(100_000)]
    texts[::20] = [f"Please call +44 20 7946 {row:04} or write to user{row}@lovelace.org" for row in range(5_000)]
    cells = column(*texts)
    started = time.process_time()
    found = find_personal_data("notes", cells)
    assert time.process_time() - started < 3
    assert found["email"] == 5_000
    assert found["phone"] == pytest.approx(5_000, rel=0.1)
