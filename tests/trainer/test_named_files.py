"""Files whose names are the label of their rows, headers of one column, mailboxes a class, and texts named by their label."""

import zipfile
from pathlib import Path

import pytest

from tests.trainer.test_several_files import left, read, reading
from trainer.data.intake import read_files
from trainer.data.named_files import labels_of
from trainer.data.readings import Choices

GOOD, BAD = ("".join(f"a {word} thing number {n},2024-01-0{n + 1}\n" for n in range(6)) for word in ("good", "bad"))


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["positive.csv", "negative.csv"], ["positive", "negative"]),
        (["reviews_pos_2.csv", "reviews_neg_1.csv"], ["pos", "neg"]),
        (["spam.mbox", "ham.mbox"], ["spam", "ham"]),
        (["好评.csv", "差评.csv"], ["好评", "差评"]),
        (["part1.csv", "part2.csv"], []),
        (["2023.csv", "2024.csv"], []),
        (["jan.csv", "feb.csv"], []),
        (["train.csv", "test.csv"], []),
        (["train_pos.csv", "train_neg.csv", "test_pos.csv", "test_neg.csv"], ["pos", "neg", "pos", "neg"]),
        (["train_pos.csv", "test_neg.csv"], []),
        (["data.csv", "export.csv"], []),
    ],
)
def test_what_a_file_is_called(names: list[str], labels: list[str]) -> None:
    parts = [next((part for part in ("train", "test") if part in name), None) for name in names]
    assert labels_of(names, parts) == labels


def test_the_name_of_a_file_is_the_label_of_its_rows_as_a_doubt(tmp_path: Path) -> None:
    sent = {"positive.csv": "text,date\n" + GOOD, "negative.csv": "text,date\n" + BAD}
    dataset = read(tmp_path / "a", sent)
    told = reading(dataset, "file_labels")
    assert (told["chosen"], told["others"], told["doubt"]) == ("names", ["none"], True)
    assert dataset.roles == {"text": "text", "label": "label"}
    assert sorted(dataset.column("label").to_pylist()) == ["negative"] * 6 + ["positive"] * 6
    dataset = read(tmp_path / "b", sent, file_labels="none")
    assert "label" not in dataset.names
    assert reading(dataset, "file_labels")["others"] == ["names"]


def test_files_with_labels_of_their_own_keep_them(tmp_path: Path) -> None:
    sent = {name: f"text,label\n{rows}" for name, rows in (("berlin.csv", GOOD), ("paris.csv", BAD))}
    assert not [told for told in read(tmp_path, sent).readings if told["what"] == "file_labels"]


def test_a_mailbox_a_class(tmp_path: Path) -> None:
    mail = "From a@b.org Mon Jan 01 00:00:00 2024\nFrom: Ann <a@b.org>\nSubject: s {0}\n\nbody of {0}\n\n"
    dataset = read(
        tmp_path, {f"{name}.mbox": "".join(mail.format(f"{name} {n}") for n in range(4)) for name in ("spam", "ham")}
    )
    assert (dataset.rows, dataset.roles) == (8, {"text": "text", "label": "label"})
    assert set(dataset.column("from").to_pylist()) == {"Ann <a@b.org>"}  # no tag of HTML


def test_one_column_of_which_one_file_has_no_header(tmp_path: Path) -> None:
    dataset = read(
        tmp_path,
        {
            "a.csv": "text\n" + "a text of words\n" * 3 + "and more of it\n",
            "b.csv": "one long text here\nand another one here\n",
        },
    )
    assert (dataset.rows, dataset.names, left(dataset)) == (6, ["text"], [])
    assert reading(dataset, "header@b.csv".partition("@")[0])["doubt"]


def test_one_column_under_two_names(tmp_path: Path) -> None:
    dataset = read(
        tmp_path,
        {
            "pos.csv": "review\na good thing here\nso very good indeed\n",
            "neg.csv": "comment\na bad thing here\nbad beyond words\n",
        },
    )
    assert (dataset.rows, sorted(set(dataset.column("label").to_pylist()))) == (4, ["neg", "pos"])


@pytest.mark.parametrize(
    "names", [("pos_{}.txt", "neg_{}.txt"), ("data/{}_spam.txt", "data/{}_ham.txt"), ("spam.{}.txt", "ham.{}.txt")]
)
def test_texts_with_their_label_in_their_names(names: tuple[str, str], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(5):
            for name in names:
                archive.writestr(name.format(number), f"a text, of {name} and its number {number}\nand a second line")
    dataset = read_files([tmp_path / "a.zip"])
    assert (dataset.rows, dataset.roles) == (10, {"text": "text", "label": "label"})
    assert reading(dataset, "label_in_name")["doubt"]
    again = read_files([tmp_path / "a.zip"], choices=Choices({"label_in_name": "none"}))
    assert (again.rows, "label" in again.names) == (10, False)
