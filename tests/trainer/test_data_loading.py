from pathlib import Path

import numpy as np
import pytest

from tests.trainer.data_files import TEXTS, rows, write_csv
from trainer.data.inspect import inspect
from trainer.data.loading import Loaded, load
from trainer.errors import DataError, SpecError
from trainer.spec import DatasetSpec, SplitSpec
from trainer.tasks.tabular_regression import TabularRegression
from trainer.tasks.text_classification import TextClassification


def loaded(path: Path, **fields: object) -> Loaded:
    return load(DatasetSpec(path=str(path), **fields), TextClassification)  # type: ignore[arg-type]


def test_a_version_and_its_file_give_the_same_rows(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [*rows(), ("no label", ""), rows()[0]])
    inspect([path], tmp_path / "v1")
    from_file, from_version = loaded(path), loaded(tmp_path / "v1")
    assert from_file.values == from_version.values
    assert from_file.row_numbers == from_version.row_numbers == [*range(1, 61), 62]
    assert np.array_equal(from_file.split, from_version.split)
    assert [problem["code"] for problem in from_version.problems] == ["unusable_rows"]
    assert sum(len(from_file.part(part)) for part in ("train", "validation", "test")) == 61


def test_a_fixed_test_file(tmp_path: Path) -> None:
    train, test = (
        write_csv(tmp_path / "a.csv", rows(90)),
        write_csv(tmp_path / "b.csv", [("new", "good"), ("odd", "unseen")]),
    )
    found = loaded(train, test_path=str(test))
    assert found.part("test").tolist() == [90, 91]
    assert len(found.part("validation")) == 9
    assert [problem["code"] for problem in found.problems] == ["unseen_labels"]


def test_labels_have_one_spelling(tmp_path: Path) -> None:
    pairs = [(text, (" 1.0 ", "1", "0", "0.0")[row % 4]) for row, (text, _label) in enumerate(rows())]
    assert set(loaded(write_csv(tmp_path / "a.csv", pairs)).values["label"]) == {"0", "1"}


def test_other_columns_than_the_version_has(tmp_path: Path) -> None:
    lines = [f"{text},{label},{'xy'[row % 2]}" for row, (text, label) in enumerate(rows())]
    (tmp_path / "a.csv").write_text("\n".join(["text,label,topic", *lines]))
    inspect([tmp_path / "a.csv"], tmp_path / "v1")
    found = loaded(tmp_path / "v1", columns={"label": "topic"})
    assert set(found.values["label"]) == {"x", "y"}
    assert found.columns == {"text": "text", "label": "topic"}


@pytest.mark.parametrize(
    ("pairs", "fields", "code"),
    [
        (rows(), {"columns": {"text": "nothing", "label": "label"}}, "no_column"),
        ([(text, "same") for text, _label in rows()], {}, "one_class"),
        ([(text, "") for text, _label in rows()], {"columns": {"text": "text", "label": "label"}}, "no_rows"),
        (rows(8), {}, "too_few_rows"),
        (
            [(text, text) for text, _label in rows()],
            {"columns": {"text": "text", "label": "label"}},
            "all_unique_label",
        ),
        (rows(), {"split": SplitSpec(test=0)}, "no_test_rows"),
    ],
)
def test_what_cannot_be_learned_from(pairs: list[tuple[str, str]], fields: dict, code: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        loaded(write_csv(tmp_path / "a.csv", pairs), **fields)
    assert caught.value.code == code
    assert caught.value.hint


def test_the_hint_lists_the_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        loaded(write_csv(tmp_path / "a.csv", rows()), columns={"text": "nothing"})
    assert "text, label" in caught.value.hint
    (tmp_path / "b.csv").write_text("a,b\n" + "1,2\n" * 30)
    with pytest.raises(DataError, match="No column was found for the text"):
        loaded(tmp_path / "b.csv")


def test_numbers_beyond_all_measure_are_left_out(tmp_path: Path) -> None:
    lines = [f"{number},{'1e300' if number == 7 else number * 3}" for number in range(40)]
    (tmp_path / "a.csv").write_text("x,target\n" + "\n".join(lines))
    found = load(DatasetSpec(path=str(tmp_path / "a.csv")), TabularRegression)  # type: ignore[arg-type]
    assert max(found.answers) == 117
    assert "row 8." in next(one["message"] for one in found.problems if one["code"] == "not_a_number")


def test_a_column_of_the_roles_own_name(tmp_path: Path) -> None:
    """Where nothing can be guessed it is taken, so that what is told is what is wrong: here that there is one answer only."""
    (tmp_path / "a.csv").write_text(
        "when,target\n" + "\n".join(f"2024-01-{1 + number % 28:02},5" for number in range(40))
    )
    with pytest.raises(DataError) as caught:
        load(DatasetSpec(path=str(tmp_path / "a.csv")), TabularRegression)  # type: ignore[arg-type]
    assert caught.value.code in ("one_value", "no_test_rows")


def test_a_folder_that_is_no_version(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a dataset version"):
        loaded(tmp_path)
    inspect([write_csv(tmp_path / "a.csv", rows())], tmp_path / "v1")
    with pytest.raises(SpecError, match="test_path"):
        loaded(tmp_path / "v1", test_path="b.csv")


@pytest.mark.skipif(not TEXTS.is_dir(), reason="the data sets are not on this machine")
def test_banking77_with_its_test_file() -> None:
    found = loaded(TEXTS / "banking77_train.csv", test_path=str(TEXTS / "banking77_test.csv"))
    assert len(found.part("test")) == 3080
    assert len(found.part("train")) + len(found.part("validation")) == 10003
    assert len(set(found.values["label"])) == 77
    assert found.problems == []
