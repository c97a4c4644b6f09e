"""More rows join the newest version: columns by name, the test as it was, copies of it left out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.labelling.rows import csv, made_from, read
from webapp.accounts.models import User, Workspace
from webapp.datasets.models import Dataset

LABELLED, UNLABELLED = 60, 5


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.MAQUETTE_DATA = tmp_path


@pytest.fixture
def dataset(user: User, workspace: Workspace, tmp_path: Path) -> Dataset:
    return made_from(csv(LABELLED, UNLABELLED), user, workspace, tmp_path)


@pytest.fixture
def api(user: User, api_of: Callable[[User], Client]) -> Client:
    return api_of(user)


def add(api: Client, dataset: Dataset, rows: Any, status: int = 202) -> Any:
    body = json.dumps({"rows": rows})
    answer = api.post(f"/api/v1/datasets/{dataset.pk}/rows", body, content_type="application/json")
    assert answer.status_code == status, answer.content
    return answer.json()


def parts_of(dataset: Dataset) -> list[str | None]:
    current = dataset.current
    assert current is not None
    parts: list[str | None] = pq.read_table(current.folder / "split.parquet").column("split").to_pylist()
    return parts


def codes_of(dataset: Dataset) -> dict[str, str]:
    current = dataset.current
    assert current is not None
    return {problem["code"]: problem["message"] for problem in current.problems}


def test_rows_join_and_the_test_stays(dataset: Dataset, api: Client) -> None:
    before = parts_of(dataset)
    of_test = before.index("test")
    rows: list[dict[str, Any]] = [{"text": f"a new question {row}", "label": "good"} for row in range(10)]
    rows += [{"text": "who knows"}, {"text": f"order number {of_test} has come", "label": "bad"}]
    assert add(api, dataset, rows) == {"version": 2, "status": "processing"}
    assert add(api, dataset, rows[:1], 409)["code"] == "not_ready"
    made = read(dataset)
    assert made.rows == LABELLED + UNLABELLED + 11
    after = parts_of(dataset)
    assert after[: len(before)] == before
    assert after[len(before) :] == ["train"] * 10 + ["pool"]
    told = codes_of(dataset)
    assert told["rows_added"] == "11 rows were added to the version before."
    assert told["test_copies"] == "1 added row is a copy of a test or validation row and was left out."
    assert made.source_names == dataset.versions.get(number=1).source_names


def test_columns_are_matched_by_name_and_differences_told(dataset: Dataset, api: Client) -> None:
    file = SimpleUploadedFile("more.csv", b"id,Text\n7,something quite new\n8,and another\n")
    answer = api.post(f"/api/v1/datasets/{dataset.pk}/rows", {"file": file})
    assert answer.status_code == 202, answer.content
    made = read(dataset)
    assert [column["name"] for column in made.columns] == ["text", "label"]
    assert parts_of(dataset)[-2:] == ["pool", "pool"]
    told = codes_of(dataset)
    assert "id" in told["columns_added"]
    assert "label" in told["columns_lacking"]
    dataset.refresh_from_db()
    assert dataset.upload_bytes > 0
    later = add(api, dataset, [{"text": "and one more", "label": "good"}])
    assert later["version"] == 3
    assert codes_of_read(dataset)["rows_added"] == "1 row was added to the version before."


def codes_of_read(dataset: Dataset) -> dict[str, str]:
    read(dataset)
    return codes_of(dataset)


@pytest.mark.parametrize(
    ("rows", "code"),
    [([], "no_rows"), ([{}], "bad_row"), ([{"text": {"a": 1}}], "bad_row"), ("x", "invalid"), ([1], "invalid")],
)
def test_what_are_no_rows_is_refused(rows: Any, code: str, dataset: Dataset, api: Client) -> None:
    assert add(api, dataset, rows, 422)["code"] == code
    assert dataset.versions.count() == 1


def test_rows_of_other_columns_are_refused_and_nothing_is_lost(dataset: Dataset, api: Client) -> None:
    from webapp.datasets import reading

    add(api, dataset, [{"name": "Ada", "age": 36}, {"name": "Bea", "age": 37}])
    newest = dataset.latest
    assert newest is not None
    reading.read(newest.pk)
    newest.refresh_from_db()
    assert newest.error is not None
    assert newest.error["code"] == "other_columns"
    assert dataset.current == dataset.versions.get(number=1)


def test_no_file_is_told(dataset: Dataset, api: Client) -> None:
    answer = api.post(f"/api/v1/datasets/{dataset.pk}/rows", {})
    assert (answer.status_code, answer.json()["code"]) == (422, "no_file")


def test_rows_stay_when_the_files_are_read_anew(dataset: Dataset, api: Client) -> None:
    content = csv(LABELLED, 0)
    dataset.upload_folder.mkdir(parents=True, exist_ok=True)
    (dataset.upload_folder / "table.csv").write_bytes(content)
    dataset.versions.update(sources=["table.csv"])
    add(api, dataset, [{"text": "a new question", "label": "good"}])
    read(dataset)
    add(api, dataset, [{"label": "bad", "text": "another new question"}])
    read(dataset)
    for header, rows, names in (("0", LABELLED + 3, ["column_1", "column_2"]), ("1", LABELLED + 2, ["text", "label"])):
        body = json.dumps({"header": int(header)})
        answer = api.post(f"/api/v1/datasets/{dataset.pk}/versions", body, content_type="application/json")
        assert answer.status_code == 201, answer.content
        made = read(dataset)
        assert ([column["name"] for column in made.columns], made.rows) == (names, rows)
        cells = pq.read_table(made.folder / "data.parquet").to_pylist()
        assert [tuple(row.values()) for row in cells[-2:]] == [
            ("a new question", "good"),
            ("another new question", "bad"),
        ]
        assert codes_of(dataset)["rows_added"].startswith("2 rows")
