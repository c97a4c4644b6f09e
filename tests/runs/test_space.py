"""What a workspace takes of the disk is counted, all of it, by figures that are kept: they equal a walk over the disk whatever was
done, and nothing fills the quota or the disk's reserve."""

import shutil
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests import things
from tests.datasets.sending import whole
from tests.site import rows_of
from tests.tiny_model import build
from tests.trained_run import trained
from tests.trainer.test_data_uploads import classes, zipped
from trainer import disk
from webapp.accounts.models import User, Workspace
from webapp.core.files import files_below
from webapp.core.problems import Problem
from webapp.datasets import actions as dataset_actions
from webapp.datasets import quota, reading, uploads, versions
from webapp.datasets.models import Dataset
from webapp.pages import erasure, removal
from webapp.prototypes.models import Prototype
from webapp.runs import actions, space, storage, upkeep
from webapp.runs.models import Run, Status
from webapp.runs.training import Training

MIB = 2**20
usage = namedtuple("usage", "total used free")


@pytest.fixture(autouse=True)
def data(settings: Any, tmp_path: Path) -> Path:
    settings.MAQUETTE_DATA = tmp_path
    return tmp_path


def walked(data: Path) -> int:
    """Bytes of every file below the data folder, each inode once, but for logs of readers and locks."""
    folders = ("uploads", "datasets", "runs", "cache")
    files = [pair for name in folders for pair in files_below(data / name)]
    counted = {facts.st_ino: facts.st_size for path, facts in files if path.suffix not in (".log", ".lock")}
    return sum(counted.values())


def settle() -> None:
    """What workers do every minute."""
    storage.measure_waiting()
    upkeep.trim_caches()


def make_dataset(workspace: Workspace, user: User, *files: SimpleUploadedFile) -> Dataset:
    dataset = dataset_actions.create_dataset(workspace, user, files)
    reading.read(dataset.latest.pk)
    assert dataset.latest.status == "ready", dataset.latest.error
    return dataset


@pytest.mark.django_db(transaction=True)
def test_the_figures_kept_equal_a_walk(
    user: User, workspace: Workspace, data: Path, client_of: Callable[[User], Any]
) -> None:
    """After each of everything that writes or removes files."""

    def check(what: str) -> None:
        settle()
        assert quota.used_bytes(workspace) == walked(data), what

    rows = make_dataset(workspace, user, SimpleUploadedFile("rows.csv", rows_of(40)))
    check("a file was sent and read")
    archive = zipped(data.parent / "pictures.zip", classes())
    pictures = make_dataset(workspace, user, SimpleUploadedFile("a.zip", archive.read_bytes()))
    check("pictures were")
    upload = whole(client_of(user), rows_of(30))
    check("an upload waits for its dataset")
    reading.read(uploads.create_dataset(workspace, user, [upload]).latest.pk)
    check("it became one")
    reading.read(dataset_actions.sample_dataset(workspace, user, "breast-cancer", "Tumours").latest.pk)
    check("a sample was written")
    for dataset in (rows, pictures):
        reading.read(versions.change(dataset.current, user, {"drop": [1]}).pk)
        check("a version was derived")
        versions.restore(dataset.versions.get(number=1), user)
        check("an old one was restored")
    broken = dataset_actions.create_dataset(workspace, user, [SimpleUploadedFile("a.xlsx", b"PK\3\4 no workbook")])
    reading.read(broken.latest.pk)
    assert broken.latest.status == "failed"
    check("a file could not be read")
    prototype = Prototype.objects.create(workspace=workspace, dataset=rows, name="idea")
    runs = [trained(prototype, number) for number in (1, 2, 3)]
    for name in ("embeddings/a.npy", "pictures/b.decoded", f"previews/{rows.current.pk}/key/augmentation.png"):
        (rows.cache_folder / name).parent.mkdir(parents=True, exist_ok=True)
        (rows.cache_folder / name).write_bytes(b"x" * 1234)
    check("runs have ended, and vectors were kept")
    removal.remove_model(runs[0], user)
    check("a model was removed")
    Run.objects.filter(pk=runs[1].pk).update(status=Status.FAILED)
    removal.remove_checkpoints(prototype, user)
    check("checkpoints were")
    upkeep.tidy()
    check("upkeep removed those of runs that succeeded")
    removal.delete_run(runs[2], user)
    check("a run was deleted")
    dataset_actions.purge_history(pictures.current, user)
    check("earlier versions were deleted for good")
    shutil.rmtree(runs[1].folder)
    (pictures.upload_folder / "left").parent.mkdir(exist_ok=True)
    (pictures.upload_folder / "left").write_bytes(b"x" * 99)
    upkeep.recount()
    check("an operator changed files, and they were counted again")
    dataset_actions.delete_dataset(pictures, user)
    removal.delete_prototype(prototype, user, with_data=True)
    check("a dataset, and a prototype with its data, were deleted")
    erasure.erase_workspace(workspace, user)
    assert walked(data) == 0


def test_asking_walks_over_nothing(
    user: User, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    make_dataset(workspace, user, SimpleUploadedFile("rows.csv", rows_of(40)))

    def walk(*_arguments: object) -> Iterator[Any]:
        raise AssertionError("walked over the disk")

    monkeypatch.setattr("os.walk", walk)
    monkeypatch.setattr("os.scandir", walk)
    with django_assert_max_num_queries(6):
        assert quota.room(workspace) > 0


@pytest.mark.parametrize("start", ["create", "resume"])
def test_a_run_without_room_is_refused_before_it_waits(
    start: str, user: User, workspace: Workspace, settings: Any
) -> None:
    prototype = things.prototype(workspace)
    failed = things.run(prototype, status=Status.FAILED, model="bundled:all-MiniLM-L6-v2", method="probe")
    needed = space.expected(failed.version, vars(failed))
    assert 200 * MIB < needed.kept < 250 * MIB, "22.7 million weights, in three forms"
    calls: dict[str, Callable[[], Run]] = {
        "create": lambda: actions.create_run(prototype, user, {"method": "probe"}),
        "resume": lambda: actions.resume(failed, user),
    }
    settings.MAQUETTE_QUOTA_BYTES = quota.used_bytes(workspace) + needed.kept + needed.working - 1
    with pytest.raises(Problem, match="has room for") as refused:
        calls[start]()
    assert (refused.value.code, refused.value.status) == ("quota", 413)
    assert not Run.objects.active().exists()
    settings.MAQUETTE_QUOTA_BYTES += 1
    assert calls[start]().status == Status.QUEUED
    assert quota.used_bytes(workspace) >= needed.kept, "its room is kept while it waits"


def test_a_run_is_expected_to_take_what_its_like_took(workspace: Workspace) -> None:
    prototype = things.prototype(workspace)
    run = things.run(prototype, bytes=7 * MIB)
    assert space.expected(run.version, vars(run)).kept == 7 * MIB
    other = things.run(prototype, 2, params={"epochs": 9}, bytes=None)
    assert space.expected(other.version, vars(other)).kept > 100 * MIB, "nobody knows this model"


def test_all_weights_learned_need_room_for_checkpoints(workspace: Workspace) -> None:
    run = things.run(things.prototype(workspace), model="bundled:all-MiniLM-L6-v2", method="full")
    probe = space.expected(run.version, vars(run) | {"method": "probe"})
    full = space.expected(run.version, vars(run))
    assert full.kept == probe.kept
    assert full.working > 4 * probe.working > 0
    tables = vars(run) | {"task": "tabular-classification", "model": "scratch:gbm", "method": "best"}
    assert space.expected(run.version, tables).working == 0


def test_caches_make_room(user: User, workspace: Workspace, settings: Any) -> None:
    """What is made again when it is needed keeps nobody from sending a file: what was used longest ago goes, no more than needed."""
    dataset = things.dataset(workspace)
    folder = dataset.cache_folder / "embeddings"
    folder.mkdir(parents=True)
    for name in ("old", "new"):
        (folder / f"{name}.npy").write_bytes(b"x" * MIB)
    import os

    os.utime(folder / "old.npy", (1, 1))
    upkeep.trim_caches()
    settings.MAQUETTE_QUOTA_BYTES = quota.used_bytes(workspace) + 10
    assert quota.room(workspace) == 2 * MIB + 10
    dataset_actions.create_dataset(workspace, user, [SimpleUploadedFile("a.csv", b"x" * (MIB // 2))])
    assert [path.name for path in folder.iterdir()] == ["new.npy"]
    dataset.refresh_from_db()
    assert dataset.cache_bytes == MIB
    with pytest.raises(Problem, match="has room for 1 MB more"):
        dataset_actions.create_dataset(workspace, user, [SimpleUploadedFile("a.csv", b"x" * 3 * MIB)])
    assert (folder / "new.npy").exists(), "nothing is emptied for what has no room anyway"


WAYS: dict[str, Callable[[Workspace, User, Dataset], object]] = {
    "a file": lambda workspace, user, _: dataset_actions.create_dataset(
        workspace, user, [SimpleUploadedFile("a.csv", b"text,label\n")]
    ),
    "an upload in parts": lambda workspace, user, _: uploads.begin(
        workspace, user, 10, name="a.csv", promised="", metadata=""
    ),
    "a sample": lambda workspace, user, _: dataset_actions.sample_dataset(workspace, user, "breast-cancer", "x"),
    "the hub": lambda workspace, user, _: dataset_actions.fetch_dataset(workspace, user, "org/rows"),
    "a version": lambda _, user, dataset: versions.change(dataset.current, user, {"drop": [1]}),
    "a run": lambda _, user, dataset: actions.create_run(dataset.prototypes.get(), user, {"method": "probe"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_touches_the_reserve_of_the_disk(
    way: str, user: User, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = things.prototype(workspace).dataset
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10, 9, disk.RESERVE_BYTES - 1))
    with pytest.raises(Problem) as refused:
        WAYS[way](workspace, user, dataset)
    assert (refused.value.code, refused.value.status) == ("disk_full", 507)
    assert "Storage" in refused.value.hint
    assert (Dataset.objects.count(), Run.objects.count()) == (1, 0)


def test_what_waited_until_the_disk_was_full_fails_in_words(
    user: User, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = dataset_actions.create_dataset(workspace, user, [SimpleUploadedFile("rows.csv", rows_of(40))])
    run = things.run(things.prototype(workspace), status=Status.QUEUED, headline=None)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10, 9, disk.RESERVE_BYTES - 1))
    reading.read(dataset.latest.pk)
    assert dataset.latest.error["code"] == "disk_full"
    Training.handle(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error["code"]) == (Status.FAILED, "disk_full")


@pytest.fixture
def long_run(user: User, workspace: Workspace, data: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """It would train for an hour."""
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", str(build(data / "models")))
    dataset = make_dataset(workspace, user, SimpleUploadedFile("rows.csv", rows_of(60)))
    prototype = Prototype.objects.create(workspace=workspace, dataset=dataset, name="idea")
    params = {"epochs": 100, "patience": 100, "max_length": 16}
    return actions.create_run(prototype, user, {"model": "local:tiny", "method": "full", "params": params})


@pytest.mark.slow
@pytest.mark.parametrize("full", ["quota", "disk"])
def test_a_run_that_fills_it_ends_early_and_keeps_its_best(
    full: str, long_run: Run, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Run.objects.update(expected_bytes=0)
    if full == "quota":
        settings.MAQUETTE_QUOTA_BYTES = 1
    else:  # once it has begun
        look = Training.check_room

        def fill(self: Training) -> None:
            monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10, 9, disk.RESERVE_BYTES - 1))
            look(self)

        monkeypatch.setattr(Training, "check_room", fill)
    Training.handle(long_run.pk)
    long_run.refresh_from_db()
    assert long_run.status == Status.SUCCEEDED, long_run.error
    assert long_run.stopped_early
    assert (long_run.artifact / "manifest.json").exists()
    told = long_run.events_path.read_text()
    assert '"no_room"' in told
    assert ("quota is full" if full == "quota" else "nearly full") in told
    assert long_run.bytes == quota.own_bytes(long_run.folder)


@pytest.mark.slow
def test_a_run_that_cannot_end_early_is_stopped_in_words(long_run: Run, settings: Any) -> None:
    Run.objects.update(expected_bytes=0)
    profile = long_run.version.profile
    profile["split"]["folds"] = 5
    long_run.version.save()
    settings.MAQUETTE_QUOTA_BYTES = 1
    Training.handle(long_run.pk)
    long_run.refresh_from_db()
    assert (long_run.status, long_run.error["code"]) == (Status.FAILED, "quota")
    assert "Storage" in long_run.error["hint"]
