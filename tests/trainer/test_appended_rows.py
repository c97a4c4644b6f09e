"""More rows for a version: columns matched by name, copies of what is tested on left out, and every row counted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import dataset, rows_of, texts, unmapped
from trainer.data.appending import append_rows, match_columns
from trainer.data.dataset import Dataset
from trainer.errors import DataError
from trainer.spec import SplitSpec


def silent(*_event: Any, **_fields: Any) -> None:
    """Nobody watches."""


def before(count: int = 40, **split: Any) -> Dataset:
    return dataset("text-classification", SplitSpec(**split), text=texts(count), label=["good", "bad"] * (count // 2))


def sent(folder: Path, *rows: tuple[str, str], header: str = "text,label") -> list[Path]:
    path = folder / "more.csv"
    path.write_text("\n".join([header, *(f'"{text}",{label}' for text, label in rows)]) + "\n", "utf-8")
    return [path]


def told(made: Dataset) -> dict[str, int]:
    return {problem["code"]: problem["count"] for problem in made.problems}


NEW = [(f"a new message that says {n}", "good" if n % 2 else "bad") for n in range(10)]


def test_rows_are_joined_and_learned_from_and_the_test_stays(tmp_path: Path) -> None:
    made = before()
    parts = made.split.copy()
    append_rows(made, sent(tmp_path, *NEW), silent)
    assert made.rows == 50
    assert made.split[:40].tolist() == parts.tolist()
    assert set(made.split[40:].tolist()) == {"train"}
    assert told(made) == {"rows_added": 10}
    assert made.sources[-1]["name"] == "more.csv"


@pytest.mark.parametrize("part", ["test", "validation"])
def test_a_copy_of_what_is_held_out_is_left_out_and_told(part: str, tmp_path: Path) -> None:
    made = before()
    held = str(made.column("text")[int(np.flatnonzero(made.split == part)[0])].as_py())
    append_rows(made, sent(tmp_path, *NEW, (held.upper() + "!", "good")), silent)
    assert told(made) == {"rows_added": 10, "test_copies": 1}
    assert made.rows == 50


def test_a_copy_of_a_row_that_is_learned_from_is_joined(tmp_path: Path) -> None:
    made = before()
    learned = str(made.column("text")[int(np.flatnonzero(made.split == "train")[0])].as_py())
    append_rows(made, sent(tmp_path, *NEW, (learned, "good")), silent)
    assert told(made) == {"rows_added": 11}


def test_columns_are_matched_by_name_and_what_differs_is_told(tmp_path: Path) -> None:
    made = before()
    path = tmp_path / "more.csv"
    path.write_text("\n".join(["Lable,channel", *(f"good,web{n}" for n in range(9))]), "utf-8")
    with pytest.raises(DataError, match="none of the columns that are read: text"):
        append_rows(made, [path], silent)
    path.write_text("\n".join(["TEXT,channel", *(f"another message {n} here,web" for n in range(9))]), "utf-8")
    append_rows(made, [path], silent)
    assert told(made) == {"rows_added": 9, "columns_added": 1, "columns_lacking": 1}
    assert rows_of(made)[-1] == {"text": "another message 8 here", "label": None}
    assert set(made.split[40:].tolist()) == {""}, "a row without a label is not learned from"


def test_findings_of_an_earlier_joining_do_not_stay(tmp_path: Path) -> None:
    made = before()
    append_rows(made, sent(tmp_path, *NEW), silent)
    append_rows(made, sent(tmp_path, *[(f"third {text}", label) for text, label in NEW[:3]]), silent)
    assert (told(made), made.rows) == ({"rows_added": 3}, 53)


def test_folds_are_drawn_anew_over_all_rows(tmp_path: Path) -> None:
    made = before(folds=5)
    append_rows(made, sent(tmp_path, *NEW), silent)
    assert made.folds is not None
    assert len(made.folds) == 50
    assert set(np.bincount(made.folds)) == {10}


def test_rows_of_pictures_and_files_of_documents_are_refused(tmp_path: Path) -> None:
    made = before()
    made.media = tmp_path
    with pytest.raises(DataError) as refused:
        append_rows(made, sent(tmp_path, *NEW), silent)
    assert (refused.value.code, refused.value.hint) == ("media_rows", "Upload all files together as a new dataset.")


# Matching


@pytest.mark.parametrize(
    ("names", "added", "matched"),
    [
        (["text", "label"], ["label", "text"], {"text": "text", "label": "label"}),
        (["Text"], ["text "], {"Text": "text "}),
        (["order_id"], ["Order ID"], {"order_id": "Order ID"}),
        (["message"], ["mesage"], {"message": "mesage"}),
        (["price_1", "price_2"], ["price_2"], {"price_1": None, "price_2": "price_2"}),
        (["text"], ["test"], {"text": None}),
        (["文本"], ["文本", "标签"], {"文本": "文本"}),
        ([], ["a"], {}),
        (["a"], [], {"a": None}),
    ],
)
def test_a_column_is_the_one_of_its_name(names: list[str], added: list[str], matched: dict[str, str | None]) -> None:
    assert match_columns(names, added) == matched


NAMES = some.lists(
    some.sampled_from(["message", "mesage", "Message", "label", "label ", "price", "x1", "x2"]), unique=True, max_size=6
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(NAMES, NAMES)
def test_no_column_is_taken_twice_and_an_equal_name_goes_first(names: list[str], added: list[str]) -> None:
    matched = match_columns(names, added)
    taken = [other for other in matched.values() if other is not None]
    assert len(taken) == len(set(taken))
    assert list(matched) == names
    assert all(matched[name] == name for name in names if name in added)


def test_rows_without_an_answer_join_a_table_that_has_none() -> None:
    made = unmapped(a=["1"], b=["2"])
    assert match_columns(made.names, ["b"]) == {"a": None, "b": "b"}
