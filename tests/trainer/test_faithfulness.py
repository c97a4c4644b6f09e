"""The deletion test: what it says of right, wrong and random orders, on how many rows, and what is done with it."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer import small_tables
from trainer import faithfulness
from trainer.engines.explanations import Parts, Weighed, word_parts
from trainer.faithfulness import Areas, deletion_test, gain_of, most_faithful, row_areas, usual_method, weights_of


class Known:
    """A model whose answer is how many of a text's words are its own; `methods` weigh them rightly, wrongly, or not at all."""

    is_explained_quickly = True
    weighed_by_parts = ()
    reads_slowly = False
    WEIGHING = {"right": 1.0, "wrong": -1.0, "blind": 0.0}

    class scoring:  # noqa: N801  as an engine has it
        falls_in = "score"

    def __init__(self, *methods: str, seconds: float = 0.0) -> None:
        self.methods, self.seconds, self.asked = methods, seconds, 0

    def answer(self, text: str) -> float:
        return sum(word.startswith("own") for word in text.split()) / 4

    def parts(self, value: str, most: int) -> Parts[str]:
        return word_parts(value, str, most)

    def falls(self, value: str, others: Iterable[str]) -> np.ndarray:
        time.sleep(self.seconds)
        self.asked += 1
        return np.array([self.answer(value) - self.answer(other) for other in others])

    def exact(self, value: str) -> tuple[list[dict[str, Any]], Weighed]:
        raise AssertionError("weights are given below")


@pytest.fixture(autouse=True)
def weighing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The methods of `Known`; those of real engines as they are."""

    def weigh(engine: Any, method: str, value: Any, parts: Parts[Any]) -> np.ndarray:
        if not isinstance(engine, Known):
            return weights_of(engine, method, value, parts)
        own = np.array([part["text"].startswith("own") for part in parts.described], dtype=float)
        return Known.WEIGHING[method] * own

    monkeypatch.setattr(faithfulness, "weights_of", weigh)


def texts(count: int) -> list[str]:
    """Four words of the model's own among sixteen, anywhere."""
    generator = np.random.default_rng(1)
    words = [f"own{number}" for number in range(4)] + [f"word{number}" for number in range(12)]
    return [" ".join(generator.permutation(words)) for _text in range(count)]


def test_the_right_order_gains_and_the_wrong_one_loses() -> None:
    told = deletion_test(Known("right", "wrong", "blind"), texts(60))  # type: ignore[arg-type]
    right, wrong, blind = told["methods"]
    assert told["rows"] == 60
    assert right["low"] > 0.2
    assert wrong["high"] < -0.2
    assert abs(blind["gain"]) < 0.05
    assert right["area"] == pytest.approx(told["random"] + right["gain"], abs=1e-3)
    assert told["method"] == "right"


def test_areas_are_those_worked_out_by_hand() -> None:
    """Of sixteen words 2, 3, 5, 8 and 11 are left out; the own ones first: 2, 3, 4, 4 and 4 of four are gone."""
    (text,) = texts(1)
    areas = row_areas(Known("right", "wrong"), ("right", "wrong"), text, np.random.default_rng(0))  # type: ignore[arg-type]
    assert areas is not None
    assert areas[0] == pytest.approx((2 + 3 + 4 + 4 + 4) / 4 / 5)
    assert areas[1] == pytest.approx(0.0), "twelve others go first"


def test_pictures_and_sounds_are_divided_into_a_few_parts() -> None:
    engine = Known("right")
    engine.reads_slowly = True
    seen: list[int] = []

    def falls(value: str, others: Iterable[str]) -> np.ndarray:
        fallen = Known.falls(engine, value, others)
        seen.append(len(fallen))
        return fallen

    engine.falls = falls  # type: ignore[method-assign]
    row_areas(engine, engine.methods, texts(1)[0], np.random.default_rng(0))  # type: ignore[arg-type]
    assert seen == [10], "five steps of one order, and of a random one"


def test_another_method_is_taken_only_where_it_is_shown_to_be_better() -> None:
    assert deletion_test(Known("wrong", "right"), texts(40))["method"] == "right"  # type: ignore[arg-type]
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(50, 1))
    assert most_faithful(np.hstack([noise, noise + 0.01 * generator.normal(size=(50, 1))])) == 0
    assert most_faithful(np.hstack([noise, noise + 0.1])) == 1
    assert most_faithful(np.hstack([noise, noise - 0.1])) == 0


def test_an_exact_method_stays_where_it_beats_a_random_order() -> None:
    """Also beside one that asks again and is a little better; not where it is no better than chance."""
    generator = np.random.default_rng(0)
    random, better = generator.normal(size=50), np.full(50, 0.5)
    areas = np.stack([random + better, random + 2 * better], axis=1)
    assert usual_method(("shap", "occlusion"), Areas(areas, random)) == 0
    assert usual_method(("occlusion", "lime"), Areas(areas, random)) == 1
    assert usual_method(("shap", "occlusion"), Areas(areas - better[:, None], random)) == 1


def test_the_interval_covers_a_true_difference_of_nothing() -> None:
    generator = np.random.default_rng(3)
    covered = 0
    for _trial in range(100):
        gain = gain_of(generator.normal(size=60), generator.normal(size=60))
        covered += gain["low"] <= 0 <= gain["high"]
    assert covered >= 88


@pytest.mark.parametrize("rows", [[], ["one two"] * 40, texts(11)])
def test_too_few_rows_with_an_order_to_speak_of_are_not_judged(rows: Sequence[str]) -> None:
    assert deletion_test(Known("right", "wrong"), rows) == {"method": "right", "rows": 0}  # type: ignore[arg-type]


def test_a_slow_model_is_given_up_after_its_first_rows() -> None:
    engine = Known("right", seconds=0.05)
    assert deletion_test(engine, texts(200), seconds=0.3)["rows"] == 0  # type: ignore[arg-type]
    assert engine.asked <= 2, "twelve rows would take twice as long as there is"


def test_where_all_methods_take_too_long_the_usual_one_is_tested_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Known("right", "wrong")
    weighing = faithfulness.weights_of

    def weigh(asked: Any, method: str, value: Any, parts: Parts[Any]) -> np.ndarray:
        time.sleep(0.1 if method == "wrong" else 0)
        return weighing(asked, method, value, parts)

    monkeypatch.setattr(faithfulness, "weights_of", weigh)
    told = deletion_test(engine, texts(30), seconds=0.6)  # type: ignore[arg-type]
    assert [each["method"] for each in told["methods"]] == ["right"]
    assert told["rows"] == 30


def test_as_many_rows_are_tested_as_there_is_time_for() -> None:
    started = time.monotonic()
    told = deletion_test(Known("right", seconds=0.01), texts(200), seconds=0.5)  # type: ignore[arg-type]
    assert 12 <= told["rows"] < 60
    assert time.monotonic() - started < 2


def test_no_more_rows_than_two_hundred() -> None:
    assert deletion_test(Known("right"), texts(260))["rows"] == 200  # type: ignore[arg-type]


def test_models_that_cannot_be_tested_are_left_alone() -> None:
    writer, extract = Known("occlusion"), Known("scores")
    writer.is_explained_quickly = False
    for engine in (writer, extract):
        assert deletion_test(engine, texts(40)) == {"method": engine.methods[0], "rows": 0}  # type: ignore[arg-type]
        assert engine.asked == 0


def test_exact_weights_of_words_are_added_up_to_larger_parts(tmp_path: Path) -> None:
    class Exact(Known):
        def exact(self, value: str) -> tuple[list[dict[str, Any]], Weighed]:
            described = word_parts(value, str).described
            return described, Weighed(np.arange(len(described), dtype=float), "log_odds", 1)

    text = " ".join(f"w{number}" for number in range(12))
    parts = word_parts(text, str, 4)
    assert weights_of(Exact("sums"), "sums", text, parts).tolist() == [3.0, 12.0, 21.0, 30.0]  # type: ignore[arg-type]
    assert weights_of(Exact("sums"), "sums", text, word_parts(text, str)).tolist() == list(range(12))  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "outputs"), [("lightgbm", 1), ("lightgbm", 2), ("linear", 3)])
def test_exact_values_of_tables_beat_a_random_order(kind: str, outputs: int, tmp_path: Path) -> None:
    engine = small_tables.build(tmp_path, kind, outputs)
    told = deletion_test(engine, small_tables.rows(5)[:80], seconds=20)
    assert told["rows"] == 80
    assert [method["method"] for method in told["methods"]] == list(engine.methods)
    assert told["methods"][0]["low"] > 0
    assert told["unit"] == ("number" if outputs == 1 else "probability")
