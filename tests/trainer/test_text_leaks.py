"""Texts that give the answer away, by one word or by naming their label; and texts that do not."""

import numpy as np
import pytest

from trainer.text_leaks import named_score, text_score, word_score

TEXTS = ["closed: refunded in full", "closed: sent again", "closed: refunded in part", "open: sent again"] * 5
REFUNDED = np.array([1, 0, 1, 0] * 5)


def scored(texts: list[str], answers: list[str]) -> tuple[float, str | None]:
    labels = sorted(set(answers))
    return text_score(texts, np.array([labels.index(answer) for answer in answers]), labels)


def test_a_word_of_one_label_alone_decides() -> None:
    score, rule = text_score(TEXTS, REFUNDED, ["no", "yes"])
    assert score == 1.0
    assert rule in ("contains “refunded”: yes", "contains “in”: yes", "contains “again”: no", "contains “sent”: no")


def test_a_score_is_the_mean_of_both_labels_shares_and_not_of_rows() -> None:
    """One row of a label among many counts half."""
    texts = ["kettle"] * 9 + ["plate"]
    score, _rule = word_score(texts, np.array([0] * 9 + [1]), ["a", "b"])
    assert score == 1.0
    texts[0] = "plate"
    assert word_score(texts, np.array([0] * 9 + [1]), ["a", "b"])[0] == pytest.approx((8 / 9 + 1) / 2)


def test_a_word_counts_once_a_text() -> None:
    texts = ["yes yes yes yes", "no", "no", "no"]
    assert word_score(texts, np.array([0, 0, 1, 1]), ["a", "b"])[0] == pytest.approx(0.75)


def test_texts_that_say_nothing_are_no_leak() -> None:
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(list("abcdefgh"), 4)) for _row in range(400)]
    score, _rule = text_score(texts, generator.integers(0, 2, 400), ["no", "yes"])
    assert score < 0.7
    assert text_score(["", ""], np.array([0, 1]), ["no", "yes"]) == (0.0, None)


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("late parcel", "It was a LATE  parcel, again."),
        ("late_parcel", "a late parcel"),
        ("E-Mail", "Sent by e-mail today"),
        ("c++", "Written in C++ and fast"),
        ("q&a", "A q&a with the staff"),
        ("Zürich", "ZÜRICH, main station"),
        ("don't know", "I don't know this one"),
    ],
)
def test_a_label_is_named_as_people_write_it(label: str, text: str) -> None:
    """Labels with signs were never found: a text is looked at word by word, and “e-mail” is three."""
    answers = [label, "another thing", "something else"]
    texts = [text, "here another thing is told", "or something else"]
    assert scored(texts, answers) == (1.0, "names the answer")


def test_the_longest_label_that_is_named_is_meant() -> None:
    answers = ["lost card", "card", "transfer"]
    assert scored(["my lost card", "my card", "a transfer"], answers)[0] == 1.0
    assert scored(["my card", "my lost card", "a transfer"], answers)[0] == pytest.approx(1 / 3)


def test_a_label_within_a_word_is_not_named() -> None:
    assert scored(["scar tissue", "carpet", "a bus"], ["car", "plane", "bus"])[0] == pytest.approx(1 / 3)


@pytest.mark.parametrize("labels", [["a", "bus", "car"], ["1", "2", "3"], ["ok", "bus", "car"]])
def test_labels_so_short_that_they_are_named_by_chance_are_not_looked_for(labels: list[str]) -> None:
    assert named_score([f"this is {label}" for label in labels], np.arange(3), labels) == (0.0, None)


def test_texts_without_blanks_are_searched_as_they_are() -> None:
    answers = ["投诉", "退款", "咨询"] * 4
    texts = [f"客户说他要{answer}的事情" for answer in answers]
    assert scored(texts, answers) == (1.0, "names the answer")
    two = [answer for answer in answers if answer != "咨询"]
    score, rule = scored([f"客户说他要{answer}" for answer in two], two)
    assert score == 1.0
    assert rule is not None
    assert "contains" in rule


def test_a_label_that_no_row_has_does_not_count() -> None:
    score, _rule = named_score(["a kettle", "a plate"], np.array([0, 1]), ["kettle", "plate", "never seen"])
    assert score == 1.0


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    texts = ["x " * 2_000 + answer for answer in ("kettle", "plate", "spoon")]
    assert scored(texts, ["kettle", "plate", "spoon"])[0] < 0.5
