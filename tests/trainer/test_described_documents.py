"""A table that names documents: its columns join them, in an archive or sent one by one."""

from pathlib import Path

import pytest

from tests.trainer.data_files import zipped
from trainer.data.dataset import Dataset
from trainer.data.intake import read_files

LABELS = ("refund", "delivery", "login")


def texts(count: int = 24, folder: str = "docs/") -> dict[str, str]:
    return {f"{folder}doc{n}.txt": f"The order {n} has come.\n\nIt is the wrong one, number {n}." for n in range(count)}


def table(names: list[str], column: str = "file") -> str:
    return f"{column},label\n" + "".join(f"{name},{LABELS[n % 3]}\n" for n, name in enumerate(names))


def told(dataset: Dataset) -> dict[str, int]:
    return {entry["reason"]: entry["count"] for entry in dataset.left_out}


def check(dataset: Dataset, count: int = 24) -> None:
    assert (dataset.rows, told(dataset), dataset.roles) == (count, {}, {"text": "text", "label": "label"})
    labels = dict(zip(dataset.column("file").to_pylist(), dataset.column("label").to_pylist(), strict=True))
    assert all(label == LABELS[int(name.rpartition("doc")[2][:-4]) % 3] for name, label in labels.items())
    assert [entry["sentence"] for entry in dataset.readings if entry["what"] == "described"]


@pytest.mark.parametrize("form", ["doc{}.txt", "doc{}", "docs/doc{}.txt", "docs\\doc{}.txt", "./docs/doc{}.txt"])
@pytest.mark.parametrize("count", [24, 6])
def test_in_an_archive(form: str, count: int, tmp_path: Path) -> None:
    files = texts(count) | {"labels.csv": table([form.format(n) for n in range(count)], "name")}
    check(read_files([zipped(tmp_path / "d.zip", {name: text.encode() for name, text in files.items()})]), count)


def test_sent_one_by_one(tmp_path: Path) -> None:
    files = texts(24, "") | {"labels.csv": table([f"doc{n}" for n in range(24)])}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    check(read_files([tmp_path / name for name in files]))


def test_rows_without_a_document_and_documents_without_a_row_are_told(tmp_path: Path) -> None:
    names = [f"doc{n}" for n in range(4, 24)] + ["doc99", "doc5"]
    files = texts() | {"labels.csv": table(names)}
    dataset = read_files([zipped(tmp_path / "d.zip", {name: text.encode() for name, text in files.items()})])
    assert (dataset.rows, told(dataset)) == (24, {"no_partner": 2})
    assert dataset.column("label").to_pylist().count(None) == 4


def test_a_table_that_names_none_stays_apart(tmp_path: Path) -> None:
    files = texts() | {"other.csv": table([f"page {n}" for n in range(24)])}
    dataset = read_files([zipped(tmp_path / "d.zip", {name: text.encode() for name, text in files.items()})])
    assert (dataset.rows, told(dataset)) == (24, {"other_kind": 1})


def test_a_column_of_the_same_name_as_the_text(tmp_path: Path) -> None:
    rows = "".join(f"doc{n},note {n},{LABELS[n % 3]}\n" for n in range(24))
    files = texts() | {"labels.csv": "id,text,label\n" + rows}
    dataset = read_files([zipped(tmp_path / "d.zip", {name: text.encode() for name, text in files.items()})])
    assert dataset.names == ["text", "text (2)", "label", "file"]
