"""Competitions' files: what is to be predicted is in train.csv, not in test.csv, and in the example of what to hand in; values and
labels may come apart, joined by the name of a row."""

from pathlib import Path
from typing import Any

import pytest

from tests.trainer.data_files import picture, zipped
from tests.trainer.test_several_files import codes, left, read, reading
from trainer.data.competitions import is_submission
from trainer.data.intake import read_files

NAMES = "Id,LotArea,SalePrice,YrSold"
"""The price stands in the middle, and a column behind it looks as much like an answer."""


def houses(start: int, count: int, *, price: bool) -> str:
    rows = [(n, 4000 + 37 * n % 911, 90_000 + 211 * (n * n % 1013), 2006 + n % 5) for n in range(start, start + count)]
    lines = [[str(cell) for place, cell in enumerate(row) if price or place != 2] for row in rows]
    header = [name for name in NAMES.split(",") if price or name != "SalePrice"]
    return "".join(",".join(line) + "\n" for line in [header, *lines])


def tweets(start: int, count: int, *, target: bool) -> str:
    rows = [
        f"{n},{('storm', 'party')[n % 2]},a short message about place number {n}" + (f",{n % 2}" if target else "")
        for n in range(start, start + count)
    ]
    return "\n".join(["id,keyword,text" + (",target" if target else ""), *rows]) + "\n"


def example(column: str, start: int, count: int, name: str = "Id") -> str:
    return f"{name},{column}\n" + "".join(f"{n},0\n" for n in range(start, start + count))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sample_submission.csv", True),
        ("sampleSubmission.csv", True),
        ("gender_submission.csv", True),
        ("submission_format.csv", True),
        ("resubmissions_2024.csv", False),
        ("train.csv", False),
    ],
)
def test_examples_of_what_to_hand_in(name: str, says: bool) -> None:
    assert is_submission(name) == says


@pytest.mark.parametrize("with_example", [False, True])
@pytest.mark.parametrize("with_test", [False, True])
def test_prices_in_the_middle_are_the_answer(with_test: bool, with_example: bool, tmp_path: Path) -> None:
    files = {"train.csv": houses(1, 120, price=True)}
    files |= {"test.csv": houses(121, 30, price=False)} if with_test else {}
    files |= {"sampleSubmission.csv": example("SalePrice", 121, 30)} if with_example else {}
    dataset = read(tmp_path / "a", files)
    assert dataset.rows == 120
    if with_test or with_example:
        assert (dataset.task, dataset.roles) == ("tabular-regression", {"target": "SalePrice"})
        assert reading(dataset, "answer")["chosen"] == "SalePrice"
    assert dict(left(dataset)) == ({"no_answers": 30} if with_test else {}) | (
        {"submission": 30} if with_example else {}
    )
    assert ("given_part_unanswered" in codes(dataset)) == with_test
    assert not dataset.given_split


def test_texts_of_a_competition(tmp_path: Path) -> None:
    files = {
        "train.csv": tweets(1, 80, target=True),
        "test.csv": tweets(81, 20, target=False),
        "sample_submission.csv": example("target", 81, 20, "id"),
    }
    dataset = read(tmp_path / "a", files)
    assert (dataset.task, dataset.roles) == ("text-classification", {"text": "text", "label": "target"})
    assert (dataset.rows, dict(left(dataset))) == (80, {"submission": 20, "no_answers": 20})


def test_an_example_that_fits_nothing_says_nothing(tmp_path: Path) -> None:
    files = {"train.csv": houses(1, 60, price=True), "sample_submission.csv": example("Predicted", 1, 9)}
    dataset = read(tmp_path / "a", files)
    assert not dataset.answer
    assert not [entry for entry in dataset.readings if entry["what"] == "answer"]


def values_and_labels(count: int = 60, test: int = 15) -> dict[str, str]:
    values = [f"{n},{n % 9},{n * n % 31},{('wood', 'stone')[n % 2]}" for n in range(1, count + test + 1)]
    labels = [f"{n},{('low', 'high', 'medium')[n % 3]}" for n in range(count, 0, -1)]
    header = "building_id,age,area,wall"
    return {
        "train_values.csv": "\n".join([header, *values[:count]]) + "\n",
        "train_labels.csv": "\n".join(["building_id,damage", *labels]) + "\n",
        "test_values.csv": "\n".join([header, *values[count:]]) + "\n",
        "submission_format.csv": "building_id,damage\n" + "".join(f"{n},low\n" for n in range(count + 1, count + test + 1)),
    }  # fmt: skip


def test_values_and_labels_apart_are_joined_by_their_key(tmp_path: Path) -> None:
    dataset = read(tmp_path / "a", values_and_labels())
    assert dataset.names == ["building_id", "age", "area", "wall", "damage"]
    assert (dataset.rows, dict(left(dataset))) == (60, {"submission": 15, "no_answers": 15})
    assert [row["damage"] for row in dataset.table.slice(0, 3).to_pylist()] == ["high", "medium", "low"]
    assert (dataset.task, dataset.roles) == ("tabular-classification", {"target": "damage"})
    entry = reading(dataset, "keys")
    assert (entry["chosen"], entry["others"], entry["doubt"]) == ("join", ["apart"], True)


def test_they_stay_apart_when_asked(tmp_path: Path) -> None:
    files = {name: text for name, text in values_and_labels().items() if name.startswith("train")}
    dataset = read(tmp_path / "a", files, **{"keys_at_train_labels.csv": "apart"})
    assert dataset.rows == 120


def test_labels_of_no_row_are_counted(tmp_path: Path) -> None:
    files = {name: text for name, text in values_and_labels().items() if name.startswith("train")}
    files["train_labels.csv"] += "900,low\n901,low\n"
    dataset = read(tmp_path / "a", files)
    assert (dataset.rows, dict(left(dataset))) == (60, {"no_partner": 2})


def test_in_one_zip(tmp_path: Path) -> None:
    packed: dict[str, Any] = {name: text.encode() for name, text in values_and_labels().items()}
    dataset = read_files([zipped(tmp_path / "0-download.zip", packed)])
    assert (dataset.rows, dataset.roles) == (60, {"target": "damage"})


def test_pictures_to_learn_from_alone_are_no_given_split(tmp_path: Path) -> None:
    """The labels name those in train/; those in test/ have none, so that what is tested on is drawn."""
    files: dict[str, bytes] = {f"train/{n}.png": picture(n) for n in range(40)}
    files |= {f"test/{n}.png": picture(100 + n) for n in range(40, 46)}
    files["train.csv"] = ("id,label\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(40))).encode()
    files["sample_submission.csv"] = ("id,label\n" + "".join(f"{n},a\n" for n in range(40, 46))).encode()
    dataset = read_files([zipped(tmp_path / "0-dogs.zip", files)])
    assert (dataset.rows, dataset.given_split, sum(dataset.split == "test") > 0) == (40, False, True)
    assert dict(left(dataset)) == {"other_table": 6, "unnamed": 6}
