"""Several files of one upload: parts by names, tests that cannot be one, columns and headers compared, the same file twice."""

from pathlib import Path
from typing import Any

import pytest

from tests.trainer.data_files import classes, zipped
from trainer.data.dataset import Dataset
from trainer.data.file_parts import parts_of_names
from trainer.data.intake import read_files
from trainer.data.readings import Choices
from trainer.errors import DataError

LABELS = ("refund", "delivery", "login")


def table(start: int = 0, count: int = 30, header: str = "text,label", label: bool = True) -> str:
    rows = [
        f"message number {n} about it" + (f",{LABELS[n % 3]}" if label else "") for n in range(start, start + count)
    ]
    return "".join(f"{line}\n" for line in ([header] if header else []) + rows)


def read(folder: Path, sent: dict[str, str], **asked: str) -> Dataset:
    folder.mkdir(exist_ok=True)
    for number, (name, content) in enumerate(sent.items()):
        (folder / f"{number}-{name}").write_text(content)
    paths = [folder / f"{number}-{name}" for number, name in enumerate(sent)]
    return read_files(paths, choices=Choices({key.replace("_at_", "@"): value for key, value in asked.items()}))


def reading(dataset: Dataset, what: str) -> dict[str, Any]:
    return next(entry for entry in dataset.readings if entry["what"].partition("@")[0] == what)


def left(dataset: Dataset) -> list[tuple[str, int]]:
    return [(entry["reason"], entry["count"]) for entry in dataset.left_out]


def codes(dataset: Dataset) -> set[str]:
    return {problem["code"] for problem in dataset.problems}


@pytest.mark.parametrize(
    ("files", "parts"),
    [
        (["train.csv", "test.csv"], ["train", "test"]),
        (["train.csv", "val.csv", "test.csv"], ["train", "validation", "test"]),
        (
            ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "test-00000-of-00001.parquet"],
            ["train", "train", "test"],
        ),
        (["banking77_train.csv", "banking77_test.csv"], ["train", "test"]),
        (["data/train/part.csv", "data/test/part.csv"], ["train", "test"]),
        (["reviews.csv", "reviews_test.csv"], [None, "test"]),
        (["data.csv", "test.csv"], [None, "test"]),
        (["train.zip", "test.zip"], ["train", "test"]),
        (["images_test.zip", "labels.csv"], [None, None]),
        (["user-tests-1.csv", "user-tests-2.csv"], [None, None]),
        (["user-test-1.csv", "user-test-2.csv", "orders.csv"], [None, None, None]),
        (["test-1.csv", "test-2.csv"], [None, None]),
        (["contest.csv", "latest.csv"], [None, None]),
        (["training_costs.xlsx", "travel_costs.xlsx"], [None, None]),
        (["training_costs.xlsx", "costs.xlsx"], [None, None]),
        (["train.csv"], [None]),
        (["train.csv", "test.csv", "sample_submission.csv"], ["train", "test", None]),
    ],
)
def test_names_make_a_split_together_or_not_at_all(files: list[str], parts: list[str | None]) -> None:
    assert parts_of_names(files) == parts
    assert parts_of_names(files[::-1]) == parts[::-1]


def test_a_given_test_is_kept_and_may_be_drawn_anew(tmp_path: Path) -> None:
    files = {"train.csv": table(), "test.csv": table(100, 10)}
    dataset = read(tmp_path / "a", files)
    assert (dataset.given_split, sum(dataset.split == "test")) == (True, 10)
    assert reading(dataset, "parts")["chosen"] == "files"
    drawn = read(tmp_path / "b", files, parts="drawn")
    assert (drawn.given_split, drawn.rows) == (False, 40)


def test_the_order_of_files_does_not_matter(tmp_path: Path) -> None:
    files = {"b.csv": table(), "a.csv": table(30, 5), "c.csv": table(40, 7, "label_,text_")}
    one, other = (read(tmp_path / str(n), dict(list(files.items())[::step])) for n, step in enumerate((1, -1)))
    assert one.table.equals(other.table)
    assert one.readings == other.readings


@pytest.mark.parametrize("empty", [False, True])
def test_a_test_without_answers_is_told_and_not_learned_from(empty: bool, tmp_path: Path) -> None:
    test = (
        "".join(f"{line},\n" for line in table(100, 12, "", False).splitlines()) if empty else table(100, 12, "", False)
    )
    files = {"train.csv": table(), "test.csv": ("text,label\n" if empty else "text\n") + test}
    files["sample_submission.csv"] = "text,label\n" + "".join(
        f"message number {n} about it,refund\n" for n in range(100, 112)
    )
    dataset = read(tmp_path / "a", files)
    assert dataset.rows == 30
    assert dict(left(dataset)) == {"submission": 12, "no_answers": 12}
    assert "given_part_unanswered" in codes(dataset)
    assert not dataset.given_split
    assert sum(dataset.split == "test") > 0


def test_the_same_file_twice_is_counted_once(tmp_path: Path) -> None:
    dataset = read(tmp_path / "a", {"a.csv": table(), "copy of a.csv": table(), "b.csv": table(50, 5)})
    assert (dataset.rows, left(dataset)) == (35, [("same_file", 30)])
    equal = read(tmp_path / "b", {"train.csv": table(), "test.csv": table()})
    assert (equal.rows, left(equal), equal.given_split) == (30, [("same_file", 30)], False)


def test_the_same_archive_twice_is_counted_once(tmp_path: Path) -> None:
    first = zipped(tmp_path / "0-photos.zip", classes())
    second = tmp_path / "1-photos (1).zip"
    second.write_bytes(first.read_bytes())
    dataset = read_files([first, second])
    assert (dataset.rows, left(dataset)) == (16, [("same_file", 16)])


def test_a_column_in_another_spelling_is_the_same_with_a_doubt(tmp_path: Path) -> None:
    files = {"a.csv": table(), "b.csv": table(40, 10, "Text,LABEL "), "c.csv": table(60, 10, "text,lable")}
    dataset = read(tmp_path / "a", files)
    assert dataset.names == ["text", "label"]
    doubts = [entry for entry in dataset.readings if entry["what"].startswith("spelling")]
    assert [entry["file"] for entry in doubts] == ["b.csv", "c.csv"]
    assert all(entry["doubt"] for entry in doubts)
    apart = read(tmp_path / "b", files, **{"spelling_at_c.csv": "apart"})
    assert set(apart.names) == {"text", "label", "lable"}


def test_columns_that_only_some_files_have_are_listed(tmp_path: Path) -> None:
    extra = "text,label,note\n" + "".join(f"message {n},refund,n\n" for n in range(9))
    dataset = read(tmp_path / "a", {"a.csv": table(), "b.csv": extra})
    assert dataset.names == ["text", "label", "note"]
    assert "note" in str(reading(dataset, "join")["sentence"])
    assert "columns_differ" in codes(dataset)


def test_files_that_share_nothing_are_a_choice(tmp_path: Path) -> None:
    files = {"costs.csv": "city,price\nRome,1\nParis,2\n", "letters.csv": table()}
    dataset = read(tmp_path / "a", files)
    assert (dataset.names, left(dataset)) == (["text", "label"], [("other_columns", 2)])
    choice = reading(dataset, "files")
    assert (choice["chosen"], choice["doubt"], choice["others"]) == ("letters.csv", True, ["costs.csv", "all"])
    assert choice["preview"]["columns"] == ["text", "label"]
    assert choice["choices"][0]["preview"]["rows"][0] == ["Rome", "1"]
    other = read(tmp_path / "b", files, files="costs.csv")
    assert (other.rows, left(other)) == (2, [("other_columns", 30)])
    every = read(tmp_path / "c", files, files="all")
    assert (every.rows, every.names) == (32, ["city", "price", "text", "label"])


def test_one_file_of_five_without_a_header_gives_its_first_row(tmp_path: Path) -> None:
    files = {f"{n}.csv": table(10 * n, 10, "" if n == 2 else "text,label") for n in range(5)}
    dataset = read(tmp_path / "a", files)
    assert (dataset.rows, dataset.names) == (50, ["text", "label"])
    assert dataset.table.column("text").to_pylist().count("message number 20 about it") == 1


def test_of_two_files_the_one_whose_names_are_cells_has_no_header(tmp_path: Path) -> None:
    dataset = read(tmp_path / "a", {"a.csv": table(0, 10, ""), "b.csv": table(20, 10)})
    assert (dataset.rows, dataset.names) == (20, ["text", "label"])


def test_folders_that_are_called_as_parts_make_the_split(tmp_path: Path) -> None:
    names = ["d/train/a.csv", "d/train/b.csv", "d/test/c.csv"]
    files = {name: table(20 * n, 20).encode() for n, name in enumerate(names)} | {"d/LICENSE": b"MIT License"}
    dataset = read_files([zipped(tmp_path / "d.zip", files)])
    assert (dataset.rows, dataset.given_split, (dataset.split == "test").sum()) == (60, True, 20)
    assert [(entry["reason"], entry["examples"]) for entry in dataset.left_out] == [("other_kind", ["d/LICENSE"])]
    assert parts_of_names(["2023/test.csv", "2024/test.csv"]) == [None, None]


def apart(count: int, answers: int) -> dict[str, str]:
    return {
        "x": "a,b\n" + "".join(f"{n},{n * 7 % 11}\n" for n in range(count)),
        "y": "label\n" + "".join(f"{LABELS[n % 3]}\n" for n in range(answers)),
    }


def test_inputs_and_answers_in_two_files_go_by_their_order(tmp_path: Path) -> None:
    train, test = apart(30, 30), apart(12, 12)
    files = {"X_train.csv": train["x"], "y_train.csv": train["y"], "X_test.csv": test["x"], "y_test.csv": test["y"]}
    dataset = read(tmp_path / "a", files)
    assert (dataset.rows, dataset.names, (dataset.split == "test").sum()) == (42, ["a", "b", "label"], 12)
    assert all(LABELS[int(row["a"]) % 3] == row["label"] for row in dataset.table.to_pylist())
    assert (left(dataset), reading(dataset, "rows")["doubt"]) == ([], True)


@pytest.mark.parametrize(("count", "answers"), [(30, 33), (40, 37), (30, 29)])
def test_files_of_unequal_length_are_not_set_beside_each_other(count: int, answers: int, tmp_path: Path) -> None:
    both = apart(count, answers)
    files = {"features.csv": both["x"], "labels.csv": both["y"]}
    dataset = read(tmp_path / "a", files)
    doubt = reading(dataset, "rows")
    assert (doubt["chosen"], doubt["doubt"], doubt["confidence"] < 0.5) == ("apart", True, True)
    assert f"{answers} rows" in doubt["sentence"]
    assert str(count) in doubt["sentence"]
    assert sum(left for _reason, left in left(dataset)) + dataset.rows == count + answers
    joined = read(tmp_path / "b", files, **{"rows_at_labels.csv": "join"})
    assert (joined.rows, joined.names) == (count, ["a", "b", "label"])
    assert left(joined) == ([("no_partner", answers - count)] if answers > count else [])
    assert joined.column("label").to_pylist().count(None) == max(0, count - answers)


def test_a_line_that_cannot_be_read_may_shift_all_answers_behind_it(tmp_path: Path) -> None:
    both = apart(31, 30)
    lines = both["x"].splitlines(keepends=True)
    lines[9] = "1,2,3,4\n"
    dataset = read(tmp_path / "a", {"features.csv": "".join(lines), "labels.csv": both["y"]})
    assert (reading(dataset, "rows")["chosen"], reading(dataset, "rows")["doubt"]) == ("apart", True)


@pytest.mark.parametrize("key", ["id", "row"])
def test_answers_in_another_order_go_by_the_column_that_names_the_rows(key: str, tmp_path: Path) -> None:
    texts = "id,text\n" + "".join(f"{n},message number {n} about it\n" for n in range(50))
    labels = f"{key},label\n" + "".join(f"{n},{LABELS[n % 3]}\n" for n in reversed(range(50)))
    dataset = read(tmp_path / "a", {"texts.csv": texts, "labels.csv": labels})
    rows = dataset.table.to_pylist()
    assert [row["label"] for row in rows] == [LABELS[int(row["id"]) % 3] for row in rows]
    assert reading(dataset, "keys")["doubt"]


def test_a_legend_is_no_file_of_answers(tmp_path: Path) -> None:
    data = "text,kind\n" + "".join(f"message number {n} about it,{n % 5}\n" for n in range(40))
    legend = "code,meaning text\n" + "".join(f"{n},kind number {n}\n" for n in range(5))
    dataset = read(tmp_path / "a", {"data.csv": data, "labels.csv": legend})
    assert (dataset.names, left(dataset)) == (["text", "kind"], [("other_columns", 5)])


@pytest.mark.parametrize("name", ["labels.txt", "labels.csv"])
@pytest.mark.parametrize("words", [("red", "green", "blue"), ("0", "1", "2")])
def test_labels_a_line_without_a_header_stand_beside_their_rows(
    name: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    said = [words[n * n % 3] for n in range(60)]
    dataset = read(tmp_path / "a", {"features.csv": apart(60, 0)["x"], name: "".join(f"{word}\n" for word in said)})
    assert (dataset.names, dataset.column("label").to_pylist()) == (["a", "b", "label"], said)
    assert (left(dataset), reading(dataset, "rows")["doubt"]) == ([], True)


def test_inputs_and_answers_line_by_line_are_no_classes(tmp_path: Path) -> None:
    lines = "".join(f"this is line number {n} of them\n" for n in range(30))
    said = [LABELS[n * n % 3] for n in range(30)]
    dataset = read(tmp_path / "a", {"texts.txt": lines, "labels.txt": "".join(f"{word}\n" for word in said)})
    assert dataset.rows == 30
    assert dataset.column("label").to_pylist() == said
    assert (reading(dataset, "lines")["chosen"], reading(dataset, "lines")["doubt"]) == ("answers", True)
    with pytest.raises(DataError, match=r"texts\.txt has 30 lines and .*labels\.txt has 29"):
        read(tmp_path / "b", {"texts.txt": lines, "labels.txt": "".join(f"{word}\n" for word in said[1:])})
    values = "".join(f"{n / 2:.7e} {n / 4:.7e} {n / 8:.7e}\n" for n in range(30))
    codes = "".join(f"{n % 3}\n" for n in range(30))
    dataset = read(tmp_path / "c", {"X_train.txt": values, "y_train.txt": codes})
    assert (dataset.rows, dataset.names) == (30, ["column_1", "column_2", "column_3", "label"])
