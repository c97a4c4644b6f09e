"""What a version's columns hold, in figures."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.trainer.test_data_uploads import classes, picture, sound, zipped
from trainer.data import column_statistics
from trainer.data.inspect import inspect


def column(*cells: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(list(cells), pa.string())])


def columns_of(folder: Path) -> dict[str, dict]:
    return {one["name"]: one for one in json.loads((folder / "profile.json").read_text("utf-8"))["columns"]}


def test_texts_numbers_and_dates_in_a_version(tmp_path: Path) -> None:
    lines = [
        f'"the order number {n} is late and that is not what you said{" again" * (n % 3)}",{"ab"[n % 2]},{n},2024-01-{n % 28 + 1:02}'
        for n in range(90)
    ]
    path = tmp_path / "a.csv"
    path.write_text("text,label,hours,day\n" + "\n".join(lines) + "\n")
    inspect([path], tmp_path / "v1")
    found = columns_of(tmp_path / "v1")
    text = found["text"]
    assert text["words"] == {"min": 13, "median": 14, "p95": 15, "max": 15}
    assert text["length"]["min"] == len("the order number 0 is late and that is not what you said")
    assert text["length"]["min"] < text["length"]["median"] < text["length"]["p95"] <= text["length"]["max"]
    assert (text["language"], text["script"]) == ("English", "Latin")
    assert text["languages"] == [{"name": "English", "share": 1.0}]
    assert found["day"]["dates"] == {"first": "2024-01-01", "last": "2024-01-28", "estimated": False}
    assert "words" not in found["label"]


def test_tokens_are_counted_or_said_to_be_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = column(*["where is my parcel now"] * 20, "word " * 500)
    exact = column_statistics.describe_texts(texts)["tokens"]
    if not exact["estimated"]:
        assert (exact["median"], exact["max"]) == (7, 502)
    monkeypatch.setattr(column_statistics, "load_tokenizer", lambda: None)
    assert column_statistics.describe_texts(texts)["tokens"] == {"median": 8, "p95": 8, "max": 652, "estimated": True}


def test_a_text_without_blanks_has_words() -> None:
    found = column_statistics.describe_texts(column("我的包裹在哪里", "请把钱退给我 now please"))
    assert found["words"] == {"min": 7, "median": 7.5, "p95": 7.95, "max": 8}
    assert (found["script"], found["language"]) == ("Han", "Chinese")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2", None, "n/a", "6"], {"min": 1, "median": 2, "max": 6, "mean": 3}),
        (["1,200.5", "+3", " -4 ", "x"], {"min": -4, "median": 3, "max": 1200.5, "mean": 399.833}),
        (["1e3", ".5"], {"min": 0.5, "median": 500.25, "max": 1000, "mean": 500.25}),
        (["-", ""], None),
    ],
)
def test_numbers(cells: list[str | None], expected: dict | None) -> None:
    assert column_statistics.describe_numbers(column(*cells)).get("numbers") == expected


def test_dates_as_people_write_them() -> None:
    assert column_statistics.describe_dates(column("03/02/2024", "25/12/2023", None))["dates"]["first"] == "2023-12-25"
    assert (
        column_statistics.describe_dates(column("2024-05-01 13:30", "2024-05-02"))["dates"]["first"]
        == "2024-05-01 13:30:00"
    )
    assert column_statistics.describe_dates(column("soon")) == {}


def test_many_dates_are_sampled_but_their_ends_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_statistics, "MAX_DATES", 5)
    days = np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]").astype(str)
    found = column_statistics.describe_dates(column(*days.tolist()))["dates"]
    assert found == {"first": "2020-01-01", "last": "2020-02-29", "estimated": True}


def test_pictures_and_sounds(tmp_path: Path) -> None:
    files = {f"{label}/{n}.png": picture(n, (20 + n, 10)) for n in range(6) for label in ("cat", "dog")}
    inspect([zipped(tmp_path / "pictures.zip", files)], tmp_path / "v1")
    found = columns_of(tmp_path / "v1")["image"]["pictures"]
    assert found["width"] == {"min": 20, "median": 22.5, "max": 25}
    assert (found["modes"], found["formats"]) == ({"RGB": 12}, {"png": 12})
    inspect([zipped(tmp_path / "sounds.zip", classes(each=6, form=sound))], tmp_path / "v2")
    found = columns_of(tmp_path / "v2")["audio"]["sounds"]
    assert found["seconds"] == {"min": 0.25, "median": 0.25, "max": 0.25, "total": 3.0}
    assert (found["rates"], found["channels"], found["formats"]) == ({"8000": 12}, {"1": 12}, {"wav": 12})
