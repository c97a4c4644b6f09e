"""Downloads are sent in pieces over ASGI: memory stays flat, nothing is written, and several at once get the same whole file."""

import asyncio
import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from tests import things
from webapp.accounts.actions import create_token
from webapp.accounts.models import User, Workspace
from webapp.core.downloads import PIECE_BYTES, Download, ZipDownload, zip_length, zipped
from webapp.runs.models import Run

MB = 1024**2


@pytest.fixture
def run(workspace: Workspace, settings: Any, tmp_path: Path) -> Run:
    settings.MAQUETTE_DATA = tmp_path
    made = things.run(things.prototype(workspace))
    (made.artifact / "model").mkdir(parents=True)
    (made.artifact / "manifest.json").write_text("{}")
    (made.artifact / "empty").touch()
    (made.artifact / "model" / "weights é.bin").write_bytes(b"0123456789abcdef" * (24 * MB // 16))
    return made


def contents(packed: bytes) -> dict[str, int]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        return {one.filename: one.file_size for one in archive.infolist()}


def test_an_artifact_is_the_zip_of_its_folder_and_nothing_else_is_kept(user: User, run: Run, client_of: Any) -> None:
    client: Client = client_of(user)
    answer = client.get(f"/runs/{run.pk}/artifact.zip")
    packed = b"".join(answer.streaming_content)
    assert contents(packed) == {"empty": 0, "manifest.json": 2, "model/weights é.bin": 24 * MB}
    assert answer["Content-Length"] == str(len(packed))
    assert answer["Content-Type"] == "application/zip"
    assert [path.name for path in run.folder.iterdir()] == ["artifact"]


def test_four_first_downloads_at_once_over_asgi(user: User, run: Run) -> None:
    _token, secret = create_token(user, run.workspace, "test")

    async def get() -> tuple[int, int, int]:
        headers = {"Authorization": f"Bearer {secret}"}
        answer = await AsyncClient().get(f"/api/v1/runs/{run.pk}/artifact", headers=headers)
        size = largest = 0
        async for piece in answer:
            size, largest = size + len(piece), max(largest, len(piece))
        return answer.status_code, size, largest

    async def four() -> list[tuple[int, int, int]]:
        return await asyncio.gather(*(get() for _ in range(4)))

    answers = async_to_sync(four)()
    assert {status for status, _size, _largest in answers} == {200}
    assert len({size for _status, size, _largest in answers}) == 1
    assert max(largest for _status, _size, largest in answers) < 2 * PIECE_BYTES


@pytest.mark.parametrize("kind", ["file", "zip"])
def test_memory_stays_flat(kind: str, run: Run) -> None:
    async def read() -> int:
        weights = run.artifact / "model" / "weights é.bin"
        answer = Download(weights.open("rb")) if kind == "file" else ZipDownload(run.artifact, "a.zip")
        size = 0
        async for piece in answer:
            size += len(piece)
        answer.close()
        return size

    tracemalloc.start()
    try:
        assert async_to_sync(read)() >= 24 * MB
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MB


def test_the_length_is_that_of_the_zip(tmp_path: Path) -> None:
    files = []
    for number, size in enumerate((0, 1, PIECE_BYTES, PIECE_BYTES + 1)):
        path = tmp_path / f"file {number} 字"
        path.write_bytes(b"x" * size)
        files.append((path, f"folder/{path.name}"))
    for some in ([], files[:1], files):
        assert zip_length(some) == sum(len(piece) for piece in zipped(some))
