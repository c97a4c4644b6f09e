"""Inputs made worse: how much of them is wrong, the card of a model whose falls are known, and learning with slips."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.trainer import small_tables
from trainer.data.loading import Loaded
from trainer.errors import DataError
from trainer.robustness import pictures, sounds, texts
from trainer.robustness.card import Card, changes_of
from trainer.robustness.changes import KINDS, PICTURES, TEXTS, Change
from trainer.tested_inputs import AskedAgain

TEXT = "Where is the card that I ordered last week, and why has nobody written to me about it"


def drawn() -> np.random.Generator:
    return np.random.default_rng(0)


def letters(text: str) -> int:
    return sum(sign.isalpha() for sign in text)


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_as_many_letters_slip_as_were_asked(share: float) -> None:
    slipped = 0
    for seed in range(50):
        worse = texts.with_slips(TEXT, share, np.random.default_rng(seed))
        slipped += sum(a != b for a, b in zip(TEXT.split(" "), worse.split(" "), strict=False))
        assert abs(len(worse) - len(TEXT)) <= letters(TEXT) * share + 1
    assert slipped > 0
    assert texts.with_slips(TEXT, 0, drawn()) == TEXT
    assert texts.with_slips("123 !", 1, drawn()) == "123 !", "only letters slip"


def test_a_slip_is_of_one_of_four_kinds() -> None:
    found = {texts.with_slips("ab", 0.5, np.random.default_rng(seed)) for seed in range(60)}
    assert {"b", "a", "aab", "abb", "ba"} <= found, "one left out, one typed twice, two exchanged"
    assert found & {"qb", "wb", "sb", "zb"}, "a neighbouring key"


def test_other_changes_of_texts() -> None:
    assert texts.in_capitals("a b", 1, drawn()) == "A B"
    assert texts.without_accents("Crème brûlée à la carte, 東京, ø", 1, drawn()) == "Creme brulee a la carte, 東京, ø"
    assert sorted(texts.with_swapped_words(TEXT, 0.5, drawn()).split(" ")) == sorted(TEXT.split(" "))
    assert texts.with_swapped_words("a b c d", 1, drawn()) == "b a d c"


def test_pictures_keep_their_size_and_lose_detail() -> None:
    generator = drawn()
    image = Image.fromarray(generator.integers(0, 255, (40, 60, 3), dtype=np.uint8))
    before = np.asarray(image, dtype=float)
    for change in PICTURES:
        moved = []
        for strength in change.strengths:
            worse = Image.open(io.BytesIO(change.change(image, strength, np.random.default_rng(1))))
            assert worse.size == image.size
            moved.append(np.abs(np.asarray(worse.convert("RGB"), dtype=float) - before).mean())
        assert moved[0] < moved[-1], change.name
    assert pictures.opened(change.change(image, 5, drawn())).size == image.size


def test_a_telephone_lets_only_its_band_through() -> None:
    seconds = np.arange(sounds.RATE) / sounds.RATE
    wave = sum(0.3 * np.sin(2 * np.pi * hertz * seconds) for hertz in (100, 1000, 6000)).astype(np.float32)
    heard = sounds.decode(sounds.banded(wave, 3400, drawn()))
    spectrum = np.abs(np.fft.rfft(heard))
    assert spectrum[1000] > 100 * max(spectrum[100], spectrum[6000])
    noise = sounds.decode(sounds.noisy(wave, 10, drawn())) - wave
    assert 20 * np.log10(np.std(wave) / np.std(noise)) == pytest.approx(10, abs=0.5)


# The card


def card_of(engine: Any, kind: str, inputs: list[Any], truth: list[Any]) -> Card:
    loaded = Loaded({}, np.array([]), [], {}, [])
    return Card(engine, KINDS[kind], AskedAgain(loaded, np.arange(len(inputs)), inputs, truth, []))


def test_missing_cells_cost_a_table_what_they_tell(tmp_path: Path) -> None:
    engine = small_tables.build(tmp_path, "lightgbm", 2)
    rows = small_tables.rows()[:120]
    truth = [small_tables.LABELS[2][int(small_tables.truth_of(row, 2))] for row in rows]
    card = card_of(engine, "table", rows, truth)
    card.fit_rows(60)
    told = card.measure(KINDS["table"].changes[0], lambda *_args, **_fields: None, 0)
    assert told is not None
    assert len(told["scores"]) == len(told["falls"]) == 5
    assert told["scores"][-1] < card.score(card.clean) - 0.1
    assert told["falls"][-1]["low"] > 0
    assert told == card.measure(KINDS["table"].changes[0], lambda *_args, **_fields: None, 0), "the same every time"
    nothing = Change("accents", "share", (0.1, 0.2, 0.3, 0.4, 0.5), lambda value, _strength, _generator: dict(value))
    assert card.measure(nothing, lambda *_args, **_fields: None, 0) is None
    card.inputs, card.truth = rows, truth
    card.fit_rows(1e-9)
    assert len(card.inputs) == 20, "the fewest, where there is no time"


def test_an_input_of_which_nothing_is_left_stays(tmp_path: Path) -> None:
    engine = small_tables.build(tmp_path, "linear", 2)
    card = card_of(engine, "table", small_tables.rows()[:30], ["leaves"] * 30)
    gone = Change("slips", "share", (0.1,) * 5, lambda _value, _strength, _generator: "no row")
    assert card.changed(card.inputs[0], gone, 0, 0) is card.inputs[0]


def test_a_number_falls_by_its_own_metric(tmp_path: Path) -> None:
    engine = small_tables.build(tmp_path, "linear", 1)
    rows = small_tables.rows()[:60]
    card = card_of(engine, "table", rows, [small_tables.truth_of(row, 1) for row in rows])
    card.fit_rows(60)
    assert card.metric.name == "r2"
    assert card.score(card.clean) > 0.8


def test_places_in_a_text_cannot_be_told_of_worse_ones() -> None:
    class Tagger:
        is_writer = False

        class task:  # noqa: N801  as an engine has it
            modality, answer = "text", "spans"

            @staticmethod
            def shape() -> Any:
                class shape:  # noqa: N801
                    reads = ("text",)

                return shape

    with pytest.raises(DataError, match="cannot be measured") as raised:
        changes_of(Tagger())  # type: ignore[arg-type]
    assert raised.value.code == "no_robustness"
    assert {change.name for change in TEXTS} == {"slips", "capitals", "accents", "order"}
