import csv
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

SAMPLE = Path(__file__).resolve().parents[2] / "webapp" / "prototypes" / "samples" / "support-messages.csv"
TOPICS = {
    "Account and login",
    "Damaged or missing",
    "Delivery",
    "Payment and invoice",
    "Product question",
    "Returns and refunds",
}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with SAMPLE.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle, strict=True))


def words(message: str) -> tuple[str, ...]:
    """What is left once case, accents and punctuation are ignored: the eye's idea of the same text."""
    plain = unicodedata.normalize("NFKD", message).encode("ascii", "ignore").decode().lower()
    return tuple(re.findall(r"[a-z0-9]+", plain))


def test_the_file_has_two_filled_columns(rows: list[dict[str, str]]) -> None:
    assert all(list(row) == ["message", "topic"] for row in rows)
    assert all(row["message"] == row["message"].strip() != "" for row in rows)


def test_every_topic_has_eighty_messages(rows: list[dict[str, str]]) -> None:
    assert Counter(row["topic"] for row in rows) == dict.fromkeys(TOPICS, 80)


def test_topics_are_mixed_so_that_a_preview_shows_them_all(rows: list[dict[str, str]]) -> None:
    assert {row["topic"] for row in rows[:40]} == TOPICS


def test_no_message_occurs_twice(rows: list[dict[str, str]]) -> None:
    repeated = [text for text, count in Counter(words(row["message"]) for row in rows).items() if count > 1]
    assert repeated == []


def test_no_message_is_a_near_copy_of_another(rows: list[dict[str, str]]) -> None:
    """A near copy on both sides of the split would flatter every score shown on the first run page."""
    bags = [set(words(row["message"])) for row in rows]
    close = [
        (rows[i]["message"], rows[j]["message"])
        for i in range(len(bags))
        for j in range(i)
        if len(bags[i] & bags[j]) > 0.7 * len(bags[i] | bags[j])
    ]
    assert close == []


def test_messages_vary_in_length_and_stay_readable(rows: list[dict[str, str]]) -> None:
    lengths = sorted(len(row["message"].split()) for row in rows)
    assert lengths[0] >= 4
    assert lengths[-1] <= 60
    assert lengths[24] < 8
    assert lengths[-24] > 30
    assert all(len(row["message"]) <= 400 and "\n" not in row["message"] for row in rows)


def test_nothing_looks_like_an_address_a_number_or_a_link(rows: list[dict[str, str]]) -> None:
    personal = re.compile(r"\S@\S|https?:|www\.|\+\d{2}|\d(?:[ ./()-]?\d){7,}")
    assert [row["message"] for row in rows if personal.search(row["message"])] == []
