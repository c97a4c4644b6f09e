"""The explorer: sorted, changed, compared, downloaded; pictures shown and never run. The reader is the real one."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests import things
from tests.trainer.data_files import classes, picture, workbook, zipped
from webapp.accounts.models import User, Workspace
from webapp.core.problems import Problem
from webapp.datasets import actions, reading, versions
from webapp.datasets.exports import difference
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.datasets.rows import page
from webapp.prototypes.models import Prototype

ROWS = "text,label,price\n" + "".join(
    f'message number {n} about the order,{"ab"[n % 2]},"{n * 700 % 5000:,}"\n' for n in range(1, 41)
)


@pytest.fixture
def dataset(user: User, workspace: Workspace) -> Dataset:
    file = SimpleUploadedFile("rows.csv", ROWS.encode() + b"=1+1 and the rest of it,a,1\n")
    return read(actions.create_dataset(workspace, user, [file]))


def read(dataset: Dataset) -> Dataset:
    """What the worker would do."""
    newest = dataset.latest
    assert newest is not None
    reading.read(newest.pk)
    newest.refresh_from_db()
    assert newest.status == "ready", newest.error
    return dataset


def test_numbers_are_sorted_as_numbers(dataset: Dataset) -> None:
    version = dataset.current
    assert version is not None
    prices = [float(row["cells"][2].replace(",", "")) for row in page(version, sort="-price", size=50).rows]
    assert prices == sorted(prices, reverse=True)
    for sort in ("no such column", "-", "--number"):
        with pytest.raises(Problem, match="There is no column"):
            page(version, sort=sort)


def test_a_label_is_changed_and_a_row_left_out(dataset: Dataset, user: User) -> None:
    first = dataset.current
    assert first is not None
    versions.change(first, user, {"set": [{"row": 1, "column": "label", "value": "a"}], "drop": [2, 3]})
    second = read(dataset).current
    assert second is not None
    assert (second.number, second.rows) == (2, first.rows - 2)
    before = {row["cells"][0]: row["split"] for row in page(first, size=100).rows}
    after = {row["cells"][0]: row for row in page(second, size=100).rows}
    assert {text: row["split"] for text, row in after.items()} == {text: before[text] for text in after}
    assert after["message number 1 about the order"]["cells"][1] == "a"
    told = difference(first, second)
    assert (told["added"], told["removed"]) == (1, 3)
    assert page(first, size=100).total == first.rows


def test_originals_are_deleted_for_good(dataset: Dataset, user: User, api_of: Callable[[User], Client]) -> None:
    first = dataset.current
    assert first is not None
    address = f"/api/v1/datasets/{dataset.pk}/forget"
    assert api_of(user).post(address).json()["code"] == "nothing_to_forget"
    prototype = Prototype.objects.create(workspace=dataset.workspace, dataset=dataset, name="idea")
    run = things.run(prototype)
    versions.change(first, user, {"drop": [1]})
    read(dataset)
    told = api_of(user).post(address).json()
    assert told["versions"] == [1]
    assert [one["id"] for one in told["runs"]] == [run.pk]
    assert not first.folder.exists()
    assert not dataset.upload_folder.exists()
    second = dataset.current
    assert second is not None
    assert page(second).total == second.rows
    assert DatasetVersion.objects.get(pk=first.pk).error["code"] == "deleted"
    assert api_of(user).get(f"/api/v1/datasets/{dataset.pk}/rows?version=1").status_code == 404


def test_another_sheet_of_a_workbook(user: User, workspace: Workspace, client_of: Callable[[User], Client]) -> None:
    def sheet(word: str, rows: int) -> list[list[str]]:
        return [["text", "label"], *([f"{word} number {n} of the list", "ab"[n % 2]] for n in range(rows))]

    data = workbook({"First": sheet("order", 40), "Second": sheet("refund", 20)})
    made = read(actions.create_dataset(workspace, user, [SimpleUploadedFile("a.xlsx", data)]))
    version = made.current
    assert version is not None
    assert (version.sheet, version.sheets, version.rows) == ("First", ["First", "Second"], 40)
    prototype = Prototype.objects.create(workspace=workspace, dataset=made, name="book")
    assert client_of(user).post(f"/prototypes/{prototype.pk}/sheet", {"sheet": "Third"}).status_code == 422
    assert client_of(user).post(f"/prototypes/{prototype.pk}/sheet", {"sheet": "Second"}).status_code == 302
    second = read(made).current
    assert second is not None
    assert (second.sheet, second.rows) == ("Second", 20)
    assert b"Another sheet or header row" in client_of(user).get(f"/prototypes/{prototype.pk}/data").content


@pytest.mark.parametrize("changes", [{}, {"drop": []}, {"drop": "all"}, {"set": ["x"]}, {"drop": list(range(2000))}])
def test_changes_without_sense_are_refused(
    changes: dict, dataset: Dataset, api_of: Callable[[User], Client], user: User
) -> None:
    address = f"/api/v1/datasets/{dataset.pk}/versions"
    answer = api_of(user).post(address, json.dumps({"changes": changes}), content_type="application/json")
    assert answer.status_code in (400, 422)
    assert answer.json()["hint"]


def test_a_row_that_is_not_there_fails_the_version_only(dataset: Dataset, user: User) -> None:
    first = dataset.current
    assert first is not None
    made = versions.change(first, user, {"drop": [9_999]})
    reading.read(made.pk)
    made.refresh_from_db()
    assert made.error["code"] == "bad_change"
    assert dataset.current == first


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_downloads(form: str, dataset: Dataset, api_of: Callable[[User], Client], user: User, outsider: User) -> None:
    address = f"/api/v1/datasets/{dataset.pk}/download?format={form}"
    answer = api_of(user).get(address)
    assert answer["Content-Disposition"].startswith("attachment")
    body = b"".join(answer.streaming_content)
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(body.decode())))
        assert rows[-1]["text"].startswith("'=1+1")
        assert {row["split"] for row in rows} == {"train", "validation", "test"}
    elif form == "jsonl":
        assert json.loads(body.splitlines()[-1])["text"].startswith("=1+1")
    else:
        assert body.startswith(b"PAR1")
    assert api_of(outsider).get(address).status_code == 404


def test_rows_over_the_api(dataset: Dataset, api_of: Callable[[User], Client], user: User, outsider: User) -> None:
    address = f"/api/v1/datasets/{dataset.pk}/rows?search=number+7+&sort=-price"
    found = api_of(user).get(address).json()
    assert [item["cells"]["text"] for item in found["items"]] == ["message number 7 about the order"]
    assert api_of(outsider).get(address).status_code == 404


def test_pages_of_the_explorer(
    dataset: Dataset, client_of: Callable[[User], Client], user: User, workspace: Workspace
) -> None:
    prototype = Prototype.objects.create(workspace=workspace, dataset=dataset, name="idea")
    client = client_of(user)
    version = dataset.current
    assert version is not None
    shown = client.get(f"/prototypes/{prototype.pk}/data?sort=price").content.decode()
    assert 'aria-sort="ascending"' in shown
    sent = {"version": version.pk, "row": ["1", "2"], "action": "label", "value": "b"}
    assert client.post(f"/prototypes/{prototype.pk}/rows", sent).status_code == 302
    read(dataset)
    stale = client.post(f"/prototypes/{prototype.pk}/rows", sent)
    assert b"newer version" in stale.content
    compared = client.get(f"/prototypes/{prototype.pk}/diff?from=1&to=2")
    assert b"From version 1 to version 2" in compared.content
    assert client.get(f"/prototypes/{prototype.pk}/diff?from=1&to=9").status_code == 404


def test_pictures_are_shown_and_never_run(
    tmp_path: Path, user: User, outsider: User, workspace: Workspace, client_of: Callable[[User], Client]
) -> None:
    path = zipped(tmp_path / "a.zip", {"cat/large.png": picture(99, (400, 300))} | classes())
    made = read(actions.create_dataset(workspace, user, [SimpleUploadedFile("a.zip", path.read_bytes())]))
    version = made.current
    assert version is not None
    assert version.suggestion["task"] == "image-classification"
    prototype = Prototype.objects.create(workspace=workspace, dataset=made, name="pictures")
    client = client_of(user)
    shown = client.get(f"/prototypes/{prototype.pk}/data").content.decode()
    name = page(version).rows[0]["cells"][0]
    address = f"/prototypes/{prototype.pk}/media/{name}"
    assert address in shown
    for query, kind in (("", "image/png"), ("?thumb", "image/jpeg")):
        answer = client.get(address + query)
        assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == (kind, "nosniff")
        assert "sandbox" in answer["Content-Security-Policy"]
        whole = answer.getvalue()
        part = client.get(address + query, headers={"Range": "bytes=4-9"})
        assert (part.status_code, part.getvalue()) == (206, whole[4:10])
    assert client_of(outsider).get(address).status_code == 404
    for wrong in ("../data.parquet", "..%2fdata.parquet", "0" * 24 + ".png", "profile.json"):
        assert client.get(f"/prototypes/{prototype.pk}/media/{wrong}").status_code == 404


def test_another_header_row(user: User, workspace: Workspace, api_of: Callable[[User], Client]) -> None:
    lines = ["Support;first quarter", "text;label", *(f"order number {n} of the list;{'ab'[n % 2]}" for n in range(40))]
    file = SimpleUploadedFile("a.csv", "\n".join(lines).encode())
    made = read(actions.create_dataset(workspace, user, [file], header=0))
    version = made.current
    assert version is not None
    assert (version.header_row, version.rows, version.columns[0]["name"]) == (0, 42, "column_1")
    address, kind = f"/api/v1/datasets/{made.pk}/versions", "application/json"
    assert api_of(user).post(address, {"header": -2}, kind).json()["code"] == "bad_header"
    assert api_of(user).post(address, {"header": 2}, kind).status_code == 201
    second = read(made).current
    assert second is not None
    assert (second.header_row, second.rows, second.columns[0]["name"]) == (2, 40, "text")
    prototype = Prototype.objects.create(workspace=workspace, dataset=made, name="orders")
    client = api_of(user)
    client.force_login(user)
    assert b"Another header row" in client.get(f"/prototypes/{prototype.pk}/data").content
    assert client.post(f"/prototypes/{prototype.pk}/sheet", {"header": "0"}).status_code == 302
    third = read(made).current
    assert third is not None
    assert (third.header_row, third.rows) == (0, 42)
