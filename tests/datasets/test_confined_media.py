"""Formats that libraries of C decode, read by the real confined reader under each means of confinement that this machine has; and
addresses in a table, fetched by a process of its own."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from sandbox import modes
from tests.trainer.test_data_media_formats import HEIC, film, recording
from tests.trainer.test_data_texts import pdf
from tests.trainer.web import pictures_server
from webapp.accounts.models import User, Workspace
from webapp.core import confinement
from webapp.datasets import actions
from webapp.datasets.models import Dataset, DatasetVersion, Status
from webapp.datasets.reading import fetched_folder, read
from webapp.prototypes.models import Prototype

pytestmark = pytest.mark.django_db
Read = Callable[[Dataset], Dataset]


@pytest.fixture(params=modes.PREFERRED)
def mode(request: pytest.FixtureRequest, settings: Any) -> str:
    probe = modes.probe(request.param, confinement.hidden())
    if not probe.works:
        pytest.skip(f"{request.param}: {probe.reason}")
    settings.MAQUETTE_SANDBOX = request.param
    return str(request.param)


def zipped(files: dict[str, bytes]) -> SimpleUploadedFile:
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return SimpleUploadedFile("files.zip", buffer.getvalue())


def avif() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(buffer, "AVIF")
    return buffer.getvalue()


def version_of(user: User, workspace: Workspace, file: SimpleUploadedFile) -> DatasetVersion:
    version = actions.create_dataset(workspace, user, [file]).latest
    read(version.pk)
    version.refresh_from_db()
    return version


def test_photos_and_videos(mode: str, user: User, workspace: Workspace) -> None:
    kinds = {"photo.heic": HEIC, "still.avif": avif(), "clip.mp4": film(4)}
    files = {f"{name}/{n}-{kind}": data for name in ("cat", "dog") for n in range(3) for kind, data in kinds.items()}
    version = version_of(user, workspace, zipped(files | {"cat/bad.heic": HEIC[:300], "dog/bad.mp4": film(4)[:900]}))
    assert version.status == Status.READY, version.error
    assert (version.rows, sum(entry["count"] for entry in version.profile["left_out"])) == (24, 2)
    assert {reading["chosen"] for reading in version.readings} >= {"heif", "avif", "video"}


def test_recordings(mode: str, user: User, workspace: Workspace) -> None:
    files = {f"{name}/{n}.m4a": recording("mp4", "aac") for name in ("hum", "hiss") for n in range(4)}
    version = version_of(user, workspace, zipped(files | {"hum/bad.m4a": recording("mp4", "aac")[:500]}))
    assert version.status == Status.READY, version.error
    assert version.rows == 8


def test_documents(mode: str, user: User, workspace: Workspace) -> None:
    files = {f"{name}/{n}.pdf": pdf(f"about {name} {n}") for name in ("bills", "letters") for n in range(4)}
    version = version_of(user, workspace, zipped(files | {"bills/bad.pdf": pdf("x")[:200]}))
    assert version.status == Status.READY, version.error
    assert version.rows == 8


def test_addresses_are_fetched_when_asked(
    mode: str, web: Client, api: Client, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pictures_server() as (port, asked):
        monkeypatch.setenv("MAQUETTE_FETCH_LOOPBACK", str(port))
        lines = [f"http://127.0.0.1:{port}/{n}.png,{'xy'[n % 2]}\n" for n in range(20)] + ["http://10.0.0.1/1.png,x\n"]
        file = io.BytesIO(("photo,label\n" + "".join(lines)).encode())
        file.name = "photos.csv"
        web.post(reverse("new_prototype"), {"file": file})
        dataset = read(Prototype.objects.get().dataset)
        page = web.get(reverse("data", args=[Prototype.objects.get().pk])).content.decode()
        assert "Fetch the files" in page
        assert asked == []
        before = dataset.upload_bytes
        web.post(
            reverse("choose_sheet", args=[Prototype.objects.get().pk]),
            {"reading": "addresses:photo", "choice": "fetch"},
        )
        version = read(dataset).latest
        assert version.status == Status.READY, version.error
        assert (version.rows, len(asked)) == (20, 20)
        told = api.get(f"/api/v1/datasets/{dataset.pk}").json()["left_out"]
        assert "leads into a private network" in told[0]["examples"][0]
        dataset.refresh_from_db()
        assert dataset.upload_bytes > before
        assert fetched_folder(version).is_dir()
