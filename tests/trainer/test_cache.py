"""The cache of what runs compute: bounded, the least recently used leaves first, nothing in use, and several processes at it."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer import command
from trainer import cache
from trainer.families.media.store import Decoding, Form, Kept, open_store


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of at most 1,000 bytes."""
    monkeypatch.setenv("MAQUETTE_CACHE_BYTES", "1000")
    return tmp_path / "cache"


def put(root: Path, name: str, size: int, used: float | None = None) -> Path:
    path = root / name
    with cache.writing(root, path) as part:
        part.write_bytes(bytes(size))
    if used is not None and path.exists():
        os.utime(path, (used, used))
    return path


def test_the_least_recently_used_leaves_first(root: Path) -> None:
    first, second, third = (
        put(root, f"embeddings/{name}.npy", 300, used) for name, used in zip("abc", (1, 2, 3), strict=True)
    )
    cache.touch(first)
    fourth = put(root, "pictures/d.decoded", 300)
    assert [path.exists() for path in (first, second, third, fourth)] == [True, False, True, True]
    assert cache.total_bytes(root) == 900
    assert list((root / cache.PARTS).iterdir()) == []


def test_previews_are_folders_and_count(root: Path) -> None:
    for number in range(3):
        folder = root / "previews" / "version" / f"key{number}"
        folder.mkdir(parents=True)
        (folder / "picture.png").write_bytes(bytes(400))
        os.utime(folder, (number, number))
    cache.keep_within(root)
    assert sorted(path.name for path in (root / "previews" / "version").iterdir()) == ["key1", "key2"]


def test_nothing_else_in_the_folder_is_touched(root: Path) -> None:
    """In the images the hub's models lie there too."""
    model = root / "hub" / "hub" / "models--a--b" / "blobs" / "weights"
    model.parent.mkdir(parents=True)
    model.write_bytes(bytes(5000))
    put(root, "embeddings/a.npy", 900)
    put(root, "embeddings/b.npy", 900)
    assert model.exists()
    assert cache.total_bytes(root) == 900


def test_what_is_in_use_stays(root: Path) -> None:
    used = put(root, "embeddings/used.npy", 600, 1)
    handle = cache.open_entry(used)
    os.utime(used, (1, 1))
    assert not put(root, "embeddings/other.npy", 600).exists(), "no room beside what is in use"
    assert used.exists()
    os.close(handle)
    assert put(root, "embeddings/other.npy", 600).exists()
    assert not used.exists()


def test_what_is_larger_than_the_cache_is_not_kept_and_drives_nothing_out(root: Path) -> None:
    small = put(root, "embeddings/small.npy", 100)
    assert not put(root, "embeddings/large.npy", 1001).exists()
    assert small.exists()


def test_what_a_killed_process_left_half_written_goes_after_a_day(root: Path) -> None:
    parts = root / cache.PARTS
    parts.mkdir(parents=True)
    (parts / "old").write_bytes(b"x")
    (parts / "new").write_bytes(b"x")
    os.utime(parts / "old", (1, 1))
    put(root, "embeddings/a.npy", 1)
    assert [path.name for path in parts.iterdir()] == ["new"]


def test_a_write_that_fails_leaves_nothing(root: Path) -> None:
    def fail() -> None:
        with cache.writing(root, root / "embeddings/a.npy") as part:
            part.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert cache.entries(root) == []
    assert list((root / cache.PARTS).iterdir()) == []


def test_each_dataset_has_a_folder_and_all_keep_within_the_limit(root: Path) -> None:
    mine, other = (cache.folder_of(root, workspace, "set") for workspace in ("mine", "other"))
    oldest = put(mine, "embeddings/a.npy", 600, 1)
    newest = put(other, "pictures/b.decoded", 600, 2)
    held = cache.open_entry(oldest)
    os.utime(oldest, (1, 1))
    cache.keep_all_within(root)
    assert (oldest.exists(), newest.exists()) == (True, False), "what is in use stays"
    os.close(held)
    newest = put(other, "pictures/b.decoded", 600, 2)
    cache.keep_all_within(root)
    assert (oldest.exists(), newest.exists()) == (False, True)
    assert cache.total_bytes_of_all(root) == 600


def test_what_earlier_versions_kept_for_all_datasets_together_goes(root: Path) -> None:
    unkeyed = [put(root, name, 10) for name in ("embeddings/a.npy", "pictures/b.decoded", "sounds/c.decoded")]
    keyed = put(cache.folder_of(root, "mine", "set"), "embeddings/a.npy", 10)
    hub = root / "hub" / "weights"
    hub.parent.mkdir(parents=True)
    hub.write_bytes(b"x")
    cache.keep_all_within(root)
    assert not any(path.exists() for path in unkeyed)
    assert keyed.exists()
    assert hub.exists()


WRITE_MANY = """
import sys
from pathlib import Path
from trainer import cache
root, me = Path(sys.argv[1]), sys.argv[2]
for turn in range(60):
    path = root / "embeddings" / f"{me}-{turn}.npy"
    with cache.writing(root, path) as part:
        part.write_bytes(bytes(90))
    with cache.locked(root):
        assert cache.total_bytes(root) <= 1000, cache.total_bytes(root)
"""


def test_several_processes_keep_within_the_limit(root: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE_MANY, str(root), str(number)], cwd=command.ROOT)
        for number in range(3)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert 900 <= cache.total_bytes(root) <= 1000


class Bytes(Form):
    """Files as they are, so that what is read back can be compared."""

    noun = "pictures"
    recipe = "bytes"

    def pack(self, data: bytes) -> np.ndarray:
        return np.frombuffer(data, dtype=np.uint8)

    def unpack(self, kept: bytes) -> np.ndarray:
        return np.frombuffer(kept, dtype=np.uint8)

    def blank(self) -> np.ndarray:
        return np.zeros(0, dtype=np.uint8)

    def describe(self) -> str:
        return "bytes"


class Job:
    """What a store asks of a run."""

    trial = False

    def __init__(self, root: Path) -> None:
        self.cache = root
        self.logs: list[str] = []

    def log(self, message: str) -> None:
        self.logs.append(message)

    def warn(self, code: str, _message: str, _hint: str = "") -> None:
        self.logs.append(code)

    def progress(self, *_arguments: Any, **_more: Any) -> None:
        pass

    def check_stop(self) -> None:
        pass


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Ten files of 20 bytes; the fourth is not there."""
    paths = [tmp_path / f"{number}.bin" for number in range(10)]
    for number, path in enumerate(paths):
        if number != 3:
            path.write_bytes(bytes([number]) * 20)
    return paths


def check(store: Any) -> None:
    assert list(store.lost) == [3]
    for number, array in enumerate(store.read(np.arange(10))):
        assert array.tolist() == ([] if number == 3 else [number] * 20)


def test_decoded_media_lie_in_one_file_with_their_facts(root: Path, pictures: list[Path]) -> None:
    first, second = Job(root), Job(root)
    check(open_store(first, pictures, Bytes(), 1))
    check(open_store(second, pictures, Bytes(), 1))
    assert "used again" in second.logs[0]
    assert len(list((root / "pictures").iterdir())) == 1


def test_a_spoiled_file_is_made_anew(root: Path, pictures: list[Path]) -> None:
    open_store(Job(root), pictures, Bytes(), 1)
    (kept,) = (root / "pictures").iterdir()
    for spoiled in (b"", b"short", kept.read_bytes()[:-3], kept.read_bytes()[:-9] + bytes(9)):
        kept.write_bytes(spoiled)
        check(open_store(Job(root), pictures, Bytes(), 1))
    check(Kept(pictures, Bytes(), cache.open_entry(kept)))


def test_more_than_the_cache_holds_is_decoded_once_for_this_run_alone(
    root: Path, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAQUETTE_CACHE_BYTES", "50")
    job = Job(root)
    store = open_store(job, pictures, Bytes(), 1)
    assert isinstance(store, Kept)
    check(store)
    assert cache.entries(root) == []


def test_a_disk_without_room_decodes_each_time(root: Path, pictures: list[Path]) -> None:
    job = Job(root)
    store = open_store(job, pictures, Bytes(), 2**62)
    assert isinstance(store, Decoding)
    check(store)
    assert "no_cache_room" in job.logs


def test_a_store_is_whole_while_another_process_removes_it(root: Path, pictures: list[Path]) -> None:
    """Two threads open what a third removes as fast as it can: each gets a whole store, each time."""
    ended = threading.Event()

    def remove() -> None:
        while not ended.is_set():
            for path in root.glob("pictures/*"):
                path.unlink(missing_ok=True)

    def open_often() -> None:
        for _turn in range(150):
            check(open_store(Job(root), pictures, Bytes(), 1))

    with ThreadPoolExecutor(3) as pool:
        removing = pool.submit(remove)
        opening = [pool.submit(open_often) for _ in range(2)]
        try:
            for one in opening:
                one.result()
        finally:
            ended.set()
        removing.result()
