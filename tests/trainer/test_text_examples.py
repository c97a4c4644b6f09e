"""The examples of a text model, which its demo shows to strangers."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from trainer.families.text.texts import Texts


def rows_of(*rows: tuple[str, str]) -> Texts:
    """Only what `examples` reads."""
    made = Texts.__new__(Texts)
    made.texts = [text for text, _label in rows]
    made.loaded = SimpleNamespace(answers=[label for _text, label in rows])  # type: ignore[assignment]
    made.part = lambda name: np.arange(len(rows))  # type: ignore[method-assign]
    return made


def test_a_text_with_personal_data_is_no_example() -> None:
    rows = rows_of(
        ("write to ada.lovelace@engines.example when my parcel is here", "delivery"),
        ("where is my parcel", "delivery"),
        ("call me at +44 20 7946 0958 about the refund, please do", "refund"),
    )
    assert rows.examples(Path()) == [{"input": "where is my parcel", "label": "delivery"}]


def test_each_label_has_one_short_example() -> None:
    rows = rows_of(("a" * 60, "first"), ("b" * 61, "first"), ("c" * 300, "second"), ("d" * 100, "second"))
    assert [one["input"][0] for one in rows.examples(Path())] == ["a", "d"]
