"""Artifacts in a bucket, against a server that speaks S3 on this machine."""

import io
import shutil
import socket
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, TestCase
from django.urls import reverse
from django.utils import timezone

from tests import things
from trainer.errors import DataError
from webapp.accounts.models import User, Workspace
from webapp.core import leased
from webapp.core.locks import only_one
from webapp.core.models import Removal
from webapp.core.problems import Unavailable
from webapp.endpoints import packaging, registry, tasks
from webapp.endpoints.actions import runs_without_files
from webapp.endpoints.models import EndpointVersion
from webapp.host import doctor
from webapp.pages.erasure import erase_dataset
from webapp.pages.removal import delete_prototype, delete_run, remove_model
from webapp.runs import artifacts, base_models, storage
from webapp.runs.models import Run
from webapp.runs.tasks import fetch_artifact, store


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in (
        ("AWS_ENDPOINT_URL", server),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(name, value)
    from pyarrow.fs import S3FileSystem

    made = S3FileSystem(
        endpoint_override=server.removeprefix("http://"), scheme="http", region="us-east-1", allow_bucket_creation=True
    )
    made.create_dir("models")
    settings.STORAGE_URL = "s3://models/our/site"
    return made


@pytest.fixture
def run(workspace: Workspace) -> Run:
    made = things.run(things.prototype(workspace))
    (made.artifact / "onnx").mkdir(parents=True)
    (made.artifact / "manifest.json").write_text("{}")
    (made.artifact / "report.json").write_text('{"labels": ["a"]}')
    (made.artifact / "onnx" / "model.onnx").write_bytes(bytes(range(256)) * 5000)
    return made


def keys(bucket: Any, run_id: str) -> list[str]:
    """Every object below a run's folder, as S3 lists them: pyarrow hides those that stand for folders."""
    from moto.s3.models import s3_backends

    stored = next(iter(s3_backends.values()))["aws"].buckets["models"].keys
    return [name for name in stored if f"/runs/{run_id}/" in f"/{name}"]


def names(bucket: Any) -> set[str]:
    from pyarrow.fs import FileSelector, FileType

    found = bucket.get_file_info(FileSelector("models", recursive=True))
    return {one.path for one in found if one.type == FileType.File}


def test_an_artifact_goes_to_the_bucket_and_comes_back(bucket: Any, run: Run) -> None:
    before = {path.relative_to(run.artifact): path.read_bytes() for path in run.artifact.rglob("*") if path.is_file()}
    store()
    run.refresh_from_db()
    assert run.stored_at
    root = f"models/our/site/runs/{run.pk}/artifact"
    assert names(bucket) == {f"{root}/{name}" for name in before}
    shutil.rmtree(run.artifact)
    assert artifacts.report(run) == {"labels": ["a"]}
    after = {path.relative_to(run.artifact): path.read_bytes() for path in run.artifact.rglob("*") if path.is_file()}
    assert after == before
    assert [path.name for path in run.folder.iterdir()] == ["artifact"]
    delete_prototype(run.prototype, None)
    store()
    assert not names(bucket)
    assert not keys(bucket, run.pk), "not even the empty object that stands for a folder"


def test_a_run_deleted_while_it_is_sent_leaves_nothing_in_the_bucket(bucket: Any, run: Run) -> None:
    Run.objects.filter(pk=run.pk).delete()
    storage.upload(run)
    assert not keys(bucket, run.pk)


def test_a_run_deleted_before_it_is_sent_again_leaves_nothing_in_the_bucket(bucket: Any, run: Run) -> None:
    storage.upload(run)
    storage.changed(run)
    delete_run(Run.objects.get(), None)
    store()
    assert not keys(bucket, run.pk)
    assert not Removal.objects.filter(in_bucket=True).exists()


def test_what_is_deleted_while_the_bucket_is_away_leaves_it_later(
    bucket: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs, and who deletes does not wait for it, however many runs there are."""
    storage.upload(run)
    runs = [run, *(things.run(run.prototype, number, stored_at=timezone.now()) for number in (2, 3))]
    assert keys(bucket, run.pk)
    with socket.create_server(("127.0.0.1", 0)) as silent, monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        away.setattr(storage, "REQUEST_SECONDS", 1)
        began = time.monotonic()
        delete_prototype(run.prototype, None)
        assert time.monotonic() - began < 1
        store()
    assert keys(bucket, run.pk)
    assert set(Removal.objects.filter(in_bucket=True).values_list("path", flat=True)) == {
        f"runs/{one.pk}" for one in runs
    }
    store()
    assert not keys(bucket, run.pk)
    assert not Removal.objects.filter(in_bucket=True).exists()


def test_what_the_bucket_refuses_keeps_nothing_else(bucket: Any, run: Run) -> None:
    """Two paths that it never takes, older than one that it does."""
    storage.upload(run)
    refused = ["runs/a", "runs/b"]
    for path in refused:
        with bucket.open_output_stream(f"models/our/site/{path}") as file:
            file.write(b"no folder")
    Removal.objects.bulk_create([Removal(path=path, in_bucket=True) for path in refused])
    delete_run(Run.objects.get(), None)
    storage.remove_due()
    assert not keys(bucket, run.pk)
    assert sorted(Removal.objects.filter(in_bucket=True).values_list("path", flat=True)) == refused


def test_an_artifact_that_the_bucket_refuses_keeps_no_other_waiting(
    bucket: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two newer ones that it never takes; and ten of which nothing is left here."""
    refused, also, *gone = (things.run(run.prototype, number, finished_at=timezone.now()) for number in range(2, 14))
    upload = storage.upload

    def send(one: Run) -> None:
        if one in (refused, also):
            raise OSError("AccessDenied")
        upload(one)

    monkeypatch.setattr(storage, "upload", send)
    for one in (refused, also):
        one.artifact.mkdir(parents=True)
    store()
    assert set(Run.objects.filter(stored_at=None)) == {refused, also, *gone}
    assert keys(bucket, run.pk)


def test_a_live_demo_s_artifact_is_fetched_for_serving(bucket: Any, run: Run) -> None:
    endpoint = things.endpoint(run)
    storage.upload(run)
    assert runs_without_files() == []
    shutil.rmtree(run.artifact)
    endpoint.refresh_from_db()
    assert registry.record(endpoint, None)["artifact"] == str(run.artifact)
    assert not run.artifact.exists(), "the list of endpoints waits for no bucket"
    assert runs_without_files() == [run.pk]
    fetch_artifact(run.pk)
    assert (run.artifact / "onnx" / "model.onnx").exists()
    assert Run.objects.get().stored_at
    storage.changed(run)
    assert Run.objects.get().stored_at is None


def test_a_bucket_that_is_away(bucket: Any, run: Run, settings: Any) -> None:
    settings.STORAGE_URL = "s3://no-such-bucket"
    store()
    assert Run.objects.get().stored_at is None, "it is tried again in a minute"
    Run.objects.update(stored_at="2026-01-01T00:00:00Z")
    run.refresh_from_db()
    shutil.rmtree(run.artifact)
    with pytest.raises(Unavailable):
        storage.local(run)
    fetch_artifact(run.pk)
    assert not list(run.folder.iterdir())


def test_a_bucket_that_hangs_holds_up_one_thread_for_a_bounded_time(
    bucket: Any, run: Run, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the connection and never answers. What else wants it is passed over at once."""
    storage.upload(run)
    run.refresh_from_db()
    shutil.rmtree(run.artifact)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(storage, "REQUEST_SECONDS", 1)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            storage.local(run)
        assert time.monotonic() - began < 10
        with only_one(settings.MAQUETTE_DATA / "locks" / "bucket.lock"):
            began = time.monotonic()
            fetch_artifact(run.pk)
            store()
            assert time.monotonic() - began < 0.5


@pytest.mark.parametrize(("minutes", "again"), [(0, True), (5, False)])
def test_packaging_leaves_the_waiting_for_the_bucket_to_one_thread(
    minutes: int, again: bool, bucket: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three deployments at once would else hold all threads that read uploads and look for dead workers."""
    version = things.endpoint(run).versions.get()
    storage.upload(run)
    shutil.rmtree(run.artifact)
    EndpointVersion.objects.update(engine="", created_at=timezone.now() - timedelta(minutes=minutes))
    asked: list[tuple[str, str]] = []
    for module in (packaging, leased):
        monkeypatch.setattr(module, "enqueue", lambda task, pk, **_when: asked.append((task.__name__, pk)))
    with TestCase.captureOnCommitCallbacks(execute=True):
        tasks.export_version(version.pk)
    assert asked == [("fetch_artifact", run.pk), *([("export_version", version.pk)] if again else [])]
    assert not run.artifact.exists()
    assert EndpointVersion.objects.get().error is None
    fetch_artifact(run.pk)
    tasks.export_version(version.pk)
    assert len(asked) == 1 + again, "it waits for nothing any more"


def test_the_doctor_looks_into_the_bucket(bucket: Any, settings: Any) -> None:
    assert doctor.storage()[0] == doctor.OK
    assert not [name for name in names(bucket) if "doctor" in name]
    settings.STORAGE_URL = "s3://no-such-bucket"
    state, words, remedy = doctor.storage()
    assert state == doctor.MISSING
    assert "no-such-bucket" in words
    assert "AWS_" in remedy
    settings.STORAGE_URL = ""
    assert doctor.storage()[0] == doctor.OK


def test_without_the_setting_nothing_is_sent(run: Run) -> None:
    store()
    run.refresh_from_db()
    assert run.stored_at is None
    assert storage.local(run) == run.artifact


def test_an_own_run_stays_a_base_model_when_its_files_are_in_the_bucket_alone(bucket: Any, run: Run) -> None:
    run.task = "text-classification"
    run.status = "succeeded"
    run.save()
    store()
    run.refresh_from_db()
    shutil.rmtree(run.artifact)
    assert base_models.can_go_on(run)
    ref = base_models.resolved(f"artifact:{run.pk}", run.task, run.workspace)
    assert ref == f"artifact:{run.artifact}"
    assert storage.is_here(run)


def test_a_removed_model_leaves_the_bucket_too(bucket: Any, run: Run) -> None:
    (run.artifact / "model").mkdir()
    (run.artifact / "model" / "weights.bin").write_bytes(bytes(1000))
    store()
    run.refresh_from_db()
    remove_model(run, None)
    shutil.rmtree(run.artifact)
    run.refresh_from_db()
    assert artifacts.report(run) == {"labels": ["a"]}
    parts = {path.name for path in run.artifact.iterdir()}
    assert parts == {"manifest.json", "report.json"}, "it does not come back while the bucket still has it"
    root = f"models/our/site/runs/{run.pk}/artifact"
    assert len([name for name in names(bucket) if name.startswith(root)]) == 4
    store()
    assert {name for name in names(bucket) if name.startswith(root)} == {f"{root}/{name}" for name in parts}
    assert not [name for name in keys(bucket, run.pk) if "/model" in name or "/onnx" in name]
    assert not Run.objects.get().model_in_bucket


def test_a_model_removed_while_it_is_sent_leaves_the_bucket(bucket: Any, run: Run) -> None:
    """The upload had begun before; its last files come after the row said that the model is removed."""
    storage.upload(run)
    removed = Run.objects.get()
    remove_model(removed, None)
    store()
    (run.artifact / "onnx").mkdir()
    (run.artifact / "onnx" / "model.onnx").write_bytes(bytes(1000))
    storage.upload(run)
    assert [name for name in keys(bucket, run.pk) if name.endswith(".onnx")]
    store()
    assert not [name for name in keys(bucket, run.pk) if "/onnx" in name]


def test_a_model_removed_while_it_is_fetched_stays_removed(
    bucket: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.upload(run)
    run.refresh_from_db()
    shutil.rmtree(run.artifact)
    copy = storage.copy_from

    def overtaken(*arguments: Any, **options: Any) -> None:
        copy(*arguments, **options)
        remove_model(Run.objects.get(), None)

    monkeypatch.setattr(storage, "copy_from", overtaken)
    assert storage.local(run).is_dir()
    assert {path.name for path in run.artifact.iterdir()} == {"manifest.json", "report.json"}


def test_a_removed_model_waits_for_a_bucket_that_is_away(bucket: Any, run: Run, settings: Any) -> None:
    store()
    run.refresh_from_db()
    remove_model(run, None)
    settings.STORAGE_URL = "s3://no-such-bucket/our/site"
    store()
    settings.STORAGE_URL = "s3://models/our/site"
    assert [name for name in keys(bucket, run.pk) if name.endswith(".onnx")]
    if Run.objects.get().model_in_bucket:
        store()
        assert not [name for name in keys(bucket, run.pk) if name.endswith(".onnx")]


def test_what_is_erased_leaves_the_bucket_too(bucket: Any, run: Run) -> None:
    (run.artifact / "report.json").write_text('{"labels": ["Zwetschgenmus"]}')
    kept = things.run(things.prototype(run.workspace))
    (kept.artifact / "model").mkdir(parents=True)
    (kept.artifact / "model" / "config.json").write_text("{}")
    store()
    assert keys(bucket, run.pk)
    erase_dataset(run.version.dataset, None)
    store()
    assert keys(bucket, run.pk) == []
    assert keys(bucket, kept.pk), "another dataset's stays"


def test_everything_can_be_taken_along_from_the_bucket(
    bucket: Any, run: Run, user: User, client_of: Callable[[User], Client], settings: Any
) -> None:
    """In a stream; what the bucket does not give is listed."""
    storage.upload(run)
    whole = {path.relative_to(run.artifact).as_posix(): path.read_bytes() for path in run.artifact.rglob("*.*")}
    shutil.rmtree(run.artifact)
    browser = client_of(user)

    def taken() -> dict[str, bytes]:
        answer: Any = browser.get(reverse("export"))
        with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    packed = taken()
    prefix = f"runs/{run.pk}/artifact/"
    assert {name.removeprefix(prefix): data for name, data in packed.items() if name.startswith(prefix)} == whole
    assert "MISSING.txt" not in packed
    assert not run.artifact.exists(), "nothing was written here"
    settings.STORAGE_URL = "s3://no-such-bucket"
    assert taken()["MISSING.txt"].decode() == f"runs/{run.pk}/artifact\n"


def test_a_source_in_a_bucket_is_read_again(
    server: str, bucket: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By a signed address, as `trainer.data.source_fetching` asks for it."""
    from trainer.data.source_fetching import fetch_source

    monkeypatch.setenv("MAQUETTE_FETCH_LOOPBACK", server.rpartition(":")[2])
    with bucket.open_output_stream("models/a folder/rows.csv") as file:
        file.write(b"text,label\nhello,a\n")
    asked = {"address": "s3://models/a folder/rows.csv", "key_id": "key", "secret": "secret", "endpoint": server}
    found = fetch_source(asked, tmp_path)
    assert (tmp_path / found["file"]).read_bytes() == b"text,label\nhello,a\n"
    assert fetch_source(asked | {"etag": found["etag"]}, tmp_path)["changed"] is False
    with pytest.raises(DataError, match="404"):
        fetch_source(asked | {"address": "s3://models/none.csv"}, tmp_path)
