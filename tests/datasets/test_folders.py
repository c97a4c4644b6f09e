"""Folders by tus and REST: each file with its place, paths that cannot be one, and how many come one by one."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from tests.datasets.sending import CSV, create, patch, refused, whole
from tests.trainer.data_files import classes
from webapp.datasets.folders import MAX_FOLDER_FILES
from webapp.datasets.models import Dataset, Upload

PICTURES = {f"photos/{name}": data for name, data in classes(("ripe", "unripe"), 5).items()}


def post(api: Client, files: dict[str, bytes], paths: list[str] | None = None) -> HttpResponse:
    sent = [SimpleUploadedFile(path.rpartition("/")[2], data) for path, data in files.items()]
    return api.post("/api/v1/datasets", {"file": sent, "relative_path": list(files) if paths is None else paths})


def stored(dataset: Dataset) -> dict[str, list[str]]:
    """Names inside each tar of an upload; [] for another file."""
    names = {}
    for path in sorted(dataset.upload_folder.iterdir()):
        inside: list[str] = []
        if path.suffix == ".tar":
            with tarfile.open(path) as archive:
                inside = archive.getnames()
        names[path.name] = inside
    return names


def refused_api(answer: HttpResponse, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = json.loads(answer.content)
    assert (answer.status_code, problem["code"]) == (status, code)
    return problem


def whole_in(client: Client, place: str, content: bytes) -> str:
    path = create(client, len(content), place.rpartition("/")[2], relative_path=place)["Location"]
    assert patch(client, path, 0, content).status_code == 204
    return path.rpartition("/")[2]


def test_files_posted_with_their_paths_keep_their_folders(api: Client, read: Callable[[Dataset], Dataset]) -> None:
    answer = post(api, PICTURES | {"photos/ripe/.DS_Store": b"\0"})
    assert answer.status_code == 201, answer.content
    dataset = Dataset.objects.get()
    assert (dataset.name, list(stored(dataset))) == ("photos", ["0-photos.tar"])
    version = read(dataset).latest
    assert version is not None
    assert {entry["label"]: entry["count"] for entry in version.labels} == {"ripe": 5, "unripe": 5}
    assert [(entry["reason"], entry["count"]) for entry in version.left_out] == [("hidden", 1)]


def test_uploads_with_their_paths_keep_their_folders_beside_one_without(
    api: Client, read: Callable[[Dataset], Dataset]
) -> None:
    table = "file_name,ripeness\n" + "".join(f"{path},{number}\n" for number, path in enumerate(PICTURES))
    ids = [whole(api, table.encode(), "table.csv")] + [whole_in(api, path, data) for path, data in PICTURES.items()]
    answer = api.post("/api/v1/datasets", json.dumps({"upload": ids}), content_type="application/json")
    assert answer.status_code == 201, answer.content
    dataset = Dataset.objects.get()
    assert stored(dataset) == {"0-table.csv": [], "1-photos.tar": list(PICTURES)}
    assert not Upload.objects.exists()
    version = read(dataset).latest
    assert version is not None
    assert (version.rows, "ripeness" in [column["name"] for column in version.columns]) == (len(PICTURES), True)


def test_the_path_may_be_called_as_uppy_calls_it(api: Client) -> None:
    create(api, 3, "a.csv", relativePath="null")
    create(api, 3, "a.csv", relativePath="sets\\a.csv")
    assert sorted(upload.relative_path for upload in Upload.objects.all()) == ["", "sets/a.csv"]


@pytest.mark.parametrize(
    "path",
    ["../a.csv", "/etc/a.csv", "C:\\a.csv", "a\0b.csv", "a/../../b.csv", "x" * 300 + ".csv", "a/" * 50 + "b.csv"],
)
def test_a_hostile_path_is_refused_in_words(api: Client, path: str) -> None:
    refused(create(api, 3, "a.csv", relative_path=path), 422, "bad_path")
    problem = refused_api(post(api, {"a.csv": CSV}, [path]), 422, "bad_path")
    assert "folder/file.png" in problem["hint"]
    assert not Dataset.objects.exists()


def test_a_path_for_each_file_or_none(api: Client) -> None:
    refused_api(post(api, {"a.csv": CSV, "b.csv": CSV}, ["x/a.csv"]), 422, "bad_path")
    assert not Dataset.objects.exists()


def test_more_files_go_as_one_tar(api: Client) -> None:
    ids = [whole_in(api, f"sets/{number}.csv", b"x") for number in range(MAX_FOLDER_FILES + 1)]
    answer = api.post("/api/v1/datasets", json.dumps({"upload": ids}), content_type="application/json")
    problem = refused_api(answer, 413, "too_many_files")
    assert "tar" in problem["hint"]
    assert Upload.objects.count() == len(ids), "nothing is lost"


def test_names_that_differ_by_case_or_are_devices_are_kept(api: Client, tmp_path: Path) -> None:
    names = ["sets/con/aux.png", "sets/Con/a.png", "sets/con/A.png"]
    assert post(api, dict.fromkeys(names, b"x")).status_code == 201
    assert stored(Dataset.objects.get()) == {"0-sets.tar": names}
