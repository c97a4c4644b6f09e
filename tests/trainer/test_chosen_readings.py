"""Every reading with another choice can be changed and changed back: after the other choice the question is still there, and the first
one chosen again gives what was read first."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainer.data_files import picture, workbook, zipped
from tests.trainer.test_several_files import LABELS, read, table
from trainer.data.dataset import Dataset
from trainer.data.intake import read_files
from trainer.data.readings import FOUND, Choices
from trainer.errors import SpecError

TEXTS = [f"a message with number {n} about the {LABELS[n % 3]}" for n in range(12)]
Files = dict[str, str | bytes]


def lines(rows: list[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


def people(header: list[list[str]]) -> bytes:
    return workbook({"S": [*header, *([f"text number {n} of it", n, "ab"[n % 2]] for n in range(9))]})


def pictures(name: str) -> dict[str, bytes]:
    return {name.format(n): picture(n * 7) for n in range(30)}


def listed(column: str, count: int = 30) -> bytes:
    return lines([f"{column},label", *(f"{n},{'ab'[n % 2]}" for n in range(count))]).encode()


CASES: dict[str, tuple[str, Files]] = {
    "header": ("header", {"a.csv": table()}),
    "header below titles": ("header", {"a.csv": "Report of May\n\n" + table()}),
    "no header": ("header", {"a.csv": lines([f"text number {n},{n},{n % 2}" for n in range(20)])}),
    "header of two rows": ("header", {"a.csv": "What do you think of it?,Would you come again?,\n,Yes,No\n" + lines([f"words number {n} of it,{n % 2},{1 - n % 2}" for n in range(20)])}),
    "header of a workbook": ("header", {"a.xlsx": people([["text", "n", "label"]])}),
    "header of one of three": ("header", {"a.csv": table(), "b.csv": table(30), "c.csv": table(60, header="")}),
    "delimiter": ("delimiter", {"a.csv": lines([f"{n},{n};{n},x{n}" for n in range(20)])}),
    "lines of labels": ("lines", {"texts.txt": lines(TEXTS), "labels.txt": lines([LABELS[n % 3] for n in range(12)])}),
    "lines of languages": ("lines", {"c.en": lines(TEXTS), "c.de": lines(TEXTS)}),
    "lines of classes": ("lines", {"polarity.pos": lines(TEXTS), "polarity.neg": lines(TEXTS)}),
    "lists of a split": ("lists", {"a.json": json.dumps({part: [{"text": text} for text in TEXTS] for part in ("train", "test")})}),
    "lists of labels": ("lists", {"a.json": json.dumps({"login": TEXTS[:5], "refund": TEXTS[:7]})}),
    "lists as long": ("lists", {"a.json": json.dumps({"login": TEXTS[:6], "refund": TEXTS[6:]})}),
    "lists of opinions": ("lists", {"a.json": json.dumps({"good": ["great", "fine"], "bad": ["poor", "awful"]})}),
    "several lists": ("records", {"a.json": json.dumps({"tickets": [{"text": text} for text in TEXTS], "calls": [{"words": text} for text in TEXTS[:9]]})}),
    "texts with values": ("pairs", {"a.json": json.dumps({text: n % 3 for n, text in enumerate(TEXTS)})}),
    "names of files": ("file_labels", {"positive.csv": table(0, 9, "text", False), "negative.csv": table(9, 9, "text", False)}),
    "parts": ("parts", {"train.csv": table(), "test.csv": table(100, 10)}),
    "ranges": ("ranges", {"a.csv": "text,n\n" + lines([f"words of it {n},{'about ' if n == 3 else ''}{n + 10}" for n in range(20)])}),
    "decimals": ("decimal", {"a.csv": "text;n\n" + lines([f"words of it {n};{n + 1}.{n + 10}0" for n in range(20)])}),
    "dates": ("dates", {"a.csv": "text,when\n" + lines([f"words of it {n},0{n % 9 + 1}/05/2024" for n in range(20)])}),
    "separator": ("separator", {"a.csv": "text,labels\n" + lines([f"words of it {n},{'a;b' if n % 2 else 'b;c' if n % 3 else 'c'}" for n in range(30)])}),
    "columns of labels": ("label_columns", {"a.csv": "text,refund,login,bug\n" + lines([f"words of it {n},{n % 2},{n % 3 % 2},{n % 5 % 2}" for n in range(30)])}),
    "one text or a table": ("text_columns", {"a.csv": "text,n,m,k,label\n" + lines([f"some words of it here {n},{n},{n % 7},{n % 5},{'ab'[n % 2]}" for n in range(60)])}),
}  # fmt: skip
MEDIA: dict[str, tuple[str, dict[str, bytes]]] = {
    "numbers": ("file_numbers", {**{f"{'ab'[n % 2]}/{n:03}.png": picture(n * 7) for n in range(30)}, "list.csv": listed("id")}),
    "folders": ("folders_of_table", {**{f"{n // 3}/{n}.png": picture(n * 7) for n in range(30)}, "sites.csv": listed("site", 10)}),
    "levels": ("label_folder", {f"cam{n % 2}/{'ab'[n // 15]}/{n}.png": picture(n * 7) for n in range(30)}),
}  # fmt: skip
Again = Callable[[str], Dataset]


def key_of(dataset: Dataset, what: str) -> str:
    return str(next(told["what"] for told in dataset.readings if told["what"].startswith(what) and told["others"]))


def assert_goes_back(first: Dataset, key: str, again: Again) -> None:
    told = next(entry for entry in first.readings if entry["what"] == key)
    for other in told["others"][:3]:
        changed = [entry for entry in again(other).readings if entry["what"] == key]
        assert [(entry["chosen"], entry["asked"], entry["doubt"]) for entry in changed] == [(other, True, False)]
        assert {told["chosen"], FOUND} & set(changed[0]["others"])
    back = again(told["chosen"])
    assert (back.names, back.table.to_pydict()) == (first.names, first.table.to_pydict())
    kept = next(entry for entry in back.readings if entry["what"] == key)
    assert (kept["chosen"], kept["asked"], set(kept["others"])) == (told["chosen"], True, set(told["others"]))
    assert again(FOUND).table.to_pydict() == first.table.to_pydict()


@pytest.mark.parametrize("case", CASES)
def test_a_reading_goes_back(case: str, tmp_path: Path) -> None:
    what, files = CASES[case]
    paths = []
    for number, (name, content) in enumerate(files.items()):
        paths.append(tmp_path / f"{number}-{name}")
        paths[-1].write_bytes(content if isinstance(content, bytes) else content.encode())
    first = read_files(paths)
    key = key_of(first, what)
    assert_goes_back(first, key, lambda choice: read_files(paths, choices=Choices({key: choice})))


@pytest.mark.parametrize("case", MEDIA)
def test_a_reading_of_pictures_goes_back(case: str, tmp_path: Path) -> None:
    what, files = MEDIA[case]
    path, places = zipped(tmp_path / "a.zip", files), iter(range(99))

    def again(**asked: str) -> Dataset:
        return read_files([path], media=tmp_path / f"media{next(places)}", choices=Choices(asked))

    first = again()
    key = key_of(first, what)
    if what != "file_numbers":
        assert_goes_back(first, key, lambda choice: again(**{key: choice}))
    else:  # without the names in the table the folders are the labels
        told = next(entry for entry in again(**{key: "none"}).readings if entry["what"] == key)
        assert (told["chosen"], told["others"], told["asked"]) == ("none", ["names"], True)


def test_rows_of_a_header_that_are_not_found_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError):
        read(tmp_path, {"a.csv": table()}, header="3-4")
