"""Columns with names that collide with ours, with each other but for capitals, or that hardly are names."""

import csv
import io
import json
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.datasets.test_explorer import read
from webapp.accounts.models import User, Workspace
from webapp.datasets import actions, versions
from webapp.datasets.exports import difference
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.datasets.rows import page
from webapp.prototypes.models import Prototype

NAMES = [
    "text",
    "label",
    "file_row_number",
    "__part",
    "part",
    "maquette_part",
    "rowid",
    "File_Row",
    "FILE_ROW",
    "quote \" and ' it",
    "n" * 300,
    "=HYPERLINK(1)",
    "-sort",
    "c0",
    "n",
    "\u00a0",
    "a,b;c",
]


@pytest.fixture
def odd(user: User, workspace: Workspace) -> DatasetVersion:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(NAMES)
    for number in range(40):
        text = f"message number {number} about the order"
        writer.writerow([text, "ab"[number % 2], *(f"cell {number} of {place}" for place in range(2, len(NAMES)))])
    file = SimpleUploadedFile("odd.csv", out.getvalue().encode())
    version = read(actions.create_dataset(workspace, user, [file])).current
    assert version is not None
    return version


def test_every_odd_column_is_shown_sorted_searched_and_compared(
    odd: DatasetVersion, user: User, client_of: Callable[[User], Client], api_of: Callable[[User], Client]
) -> None:
    names = [column["name"] for column in odd.columns]
    assert len(names) == len(NAMES)
    for name in (*NAMES[:9], *NAMES[11:15]):
        for sort in (name, f"-{name}"):
            rows = page(odd, sort=sort).rows
            assert len(rows) == 10
    assert page(odd, search="cell 7 OF 5").rows[0]["number"] == 8
    assert page(odd, label="a", split="train", sort="file_row_number").total > 0
    prototype = Prototype.objects.create(workspace=odd.workspace, dataset=odd.dataset, name="odd")
    for query in ("", "?sort=FILE_ROW", "?sort=-sort", "?search=cell+7", "?label=a&split=test"):
        assert client_of(user).get(f"/prototypes/{prototype.pk}/data{query}").status_code == 200
    items = api_of(user).get(f"/api/v1/datasets/{odd.dataset_id}/rows?sort=rowid").json()["items"]
    assert list(items[0]["cells"]) == names
    versions.change(odd, user, {"drop": [1]})
    second = read(odd.dataset).current
    assert second is not None
    told = difference(odd, second)
    assert (told["added"], told["removed"]) == (0, 1)
    assert told["removed_rows"][0][:2] == ("message number 0 about the order", "a")


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_downloads_keep_every_odd_column(
    form: str, odd: DatasetVersion, user: User, api_of: Callable[[User], Client]
) -> None:
    answer = api_of(user).get(f"/api/v1/datasets/{odd.dataset_id}/download?format={form}")
    body = b"".join(answer.streaming_content)
    if form == "parquet":
        import pyarrow.parquet as pq

        rows = pq.read_table(io.BytesIO(body)).to_pylist()
    elif form == "csv":
        rows = list(csv.DictReader(io.StringIO(body.decode())))
        assert "'=HYPERLINK(1)" in rows[0]
        assert "'-sort" in rows[0]
    else:
        rows = [json.loads(line) for line in body.splitlines()]
    assert [row["text"] for row in rows] == [f"message number {number} about the order" for number in range(40)]
    assert len(rows[0]) == len(NAMES) + 1
    assert {row["split"] for row in rows} == {"train", "validation", "test"}


def test_a_large_version_is_sorted_and_searched_by_its_indices(user: User, workspace: Workspace) -> None:
    """The same answers as without them."""
    lines = (f'Word{n * 7919 % 50_021} of {n % 97},"{n * 7919 % 50_021:,}",{"ab"[n % 2]}' for n in range(50_000))
    body = ("text,price,label\n" + "\n".join(lines)).encode()
    dataset: Dataset = read(actions.create_dataset(workspace, user, [SimpleUploadedFile("large.csv", body)]))
    version = dataset.current
    assert version is not None
    asked = [
        {"sort": sort, "search": search, "label": label, "number": number}
        for sort in ("price", "-price", "text", "-label", "")
        for search, label, number in (("", "", 1), ("", "b", 900), ("word12", "", 1), ("WORD12", "a", 2))
    ]

    def answers() -> list[list[int]]:
        return [[row["number"] for row in page(version, one["number"], **named(one)).rows] for one in asked]

    def named(one: dict) -> dict:
        return {key: value for key, value in one.items() if key != "number"}

    assert (version.folder / "order.parquet").exists()
    indexed = answers()
    for name in ("order", "search"):
        (version.folder / f"{name}.parquet").unlink()
    assert indexed == answers()
