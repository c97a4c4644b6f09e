"""Decoded pictures and sounds: each file decoded once for all runs that learn from it, kept on disk by content."""

import json
import mmap
import os
import time
import weakref
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from trainer import cache
from trainer.data.media import UnreadableError
from trainer.learning.job import Job
from trainer.learning.rows import digest_of
from trainer.machine import cores
from trainer.messages import _

VERSION = 3
"""Raised when the same files would be decoded or kept otherwise."""
LENGTH = 8
"""Bytes at the end of a kept file that say how long the facts before them are."""
CHUNK = 256
"""Files decoded before the next are begun: what is in memory at once."""
SUFFIX = ".decoded"


class Form:
    """What is kept of a file. Pictures and sounds subclass this."""

    noun: str
    """What several files are called; also the cache's folder."""
    recipe: Any
    """What says how files are decoded; its `repr` is part of the key."""

    def pack(self, data: bytes) -> np.ndarray:
        """Of a file's bytes; `UnreadableError`."""
        raise NotImplementedError

    def unpack(self, data: bytes) -> np.ndarray:
        """The same array again."""
        raise NotImplementedError

    def blank(self) -> np.ndarray:
        """In place of a file that cannot be read: those of `lost` are asked for by nobody but a trial."""
        raise NotImplementedError

    def describe(self) -> str:
        """What files are decoded to."""
        raise NotImplementedError


FormT = TypeVar("FormT", bound=Form)


class Store(Generic[FormT]):
    """Files by their place in `paths`. `lost`: why those at some places cannot be used."""

    def __init__(self, paths: list[Path], form: FormT) -> None:
        self.paths, self.form = paths, form
        self.lost: dict[int, str] = {}

    def read(self, places: np.ndarray) -> list[np.ndarray]:
        """What is kept of each."""
        raise NotImplementedError


class Decoding(Store[FormT]):
    """Decodes what is asked for, each time anew; with `remember` only once, for a trial that reads few."""

    def __init__(self, paths: list[Path], form: FormT, *, remember: bool = False) -> None:
        super().__init__(paths, form)
        self.memory: dict[int, np.ndarray] = {}
        self.remember = remember
        self.decoded, self.seconds = 0, 0.0

    def read(self, places: np.ndarray) -> list[np.ndarray]:
        started = time.monotonic()
        new = [place for place in dict.fromkeys(places.tolist()) if place not in self.memory]
        packed = read_all([self.paths[place] for place in new], self.form)
        decoded = {
            place: self.form.blank() if isinstance(array, str) else array
            for place, array in zip(new, packed, strict=True)
        }
        self.decoded += len(new)
        self.seconds += time.monotonic() - started
        memory = self.memory | decoded
        if self.remember:
            self.memory = memory
        return [memory[place] for place in places.tolist()]


class Kept(Store[FormT]):
    """Reads a file of all one after another, with the facts about them in its tail. It is mapped for one batch at a time,
    so that memory stays bounded, and held open, so that it stays while it is used. Takes over the descriptor."""

    def __init__(self, paths: list[Path], form: FormT, handle: int) -> None:
        super().__init__(paths, form)
        self.handle = handle
        weakref.finalize(self, os.close, handle)
        facts = read_facts(handle)
        self.lost = {int(place): reason for place, reason in facts["lost"].items()}
        self.ends = [0, *facts["ends"]]

    def read(self, places: np.ndarray) -> list[np.ndarray]:
        with mmap.mmap(self.handle, 0, access=mmap.ACCESS_READ) as mapped:
            return [
                self.form.unpack(mapped[self.ends[place] : self.ends[place + 1]]) for place in map(int, places.tolist())
            ]


def open_store(job: Job, paths: list[Path], form: FormT, needed: int) -> Store[FormT]:
    """Decode everything once in threads, or find it decoded by an earlier run. `needed`: about how many bytes that takes."""
    if job.trial:
        return Decoding(paths, form, remember=True)
    digest = digest_of(VERSION, form.recipe, *(path.name for path in paths)).hexdigest()[:32]
    file = job.cache / form.noun / f"{digest}{SUFFIX}"
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):  # not there, or spoiled
        store = Kept(paths, form, cache.open_entry(file))
        job.log(_("These %(noun)s were decoded before and are used again.", noun=form.noun))
        return store
    if not cache.make_disk_room(job.cache, needed):
        return decode_each_time(job, paths, form)
    return Kept(paths, form, write(job, paths, form, file))


def read_facts(handle: int) -> dict[str, Any]:
    """{lost, ends} from a kept file's tail; `ValueError` where there are none."""
    size = os.fstat(handle).st_size
    length = int.from_bytes(os.pread(handle, LENGTH, max(size - LENGTH, 0)), "little")
    if not 0 < length <= size - LENGTH:
        raise ValueError("no facts")
    return json.loads(os.pread(handle, length, size - LENGTH - length))


def decode_each_time(job: Job, paths: list[Path], form: FormT) -> Store[FormT]:
    job.warn(
        "no_cache_room",
        _(
            "The disk has no room for the decoded %(noun)s, so they are decoded again in every pass, which takes longer.",
            noun=form.noun,
        ),
        _("Free some space for the next run."),
    )
    store = Decoding(paths, form)
    store.lost = {
        place: reason for place, reason in enumerate(read_with_progress(job, paths, form)) if isinstance(reason, str)
    }
    return store


def write(job: Job, paths: list[Path], form: Form, file: Path) -> int:
    """A descriptor of all of them in the order of `paths`. It is opened before the file is put in place, whole or not at
    all, so it is good whatever others do; a file for which the cache has no room is this run's alone and goes with it."""
    lost: dict[int, str] = {}
    ends: list[int] = []
    started = time.monotonic()
    with cache.writing(job.cache, file) as part:
        with part.open("wb") as target:
            for place, array in enumerate(read_with_progress(job, paths, form)):
                if isinstance(array, str):
                    lost[place] = array
                    array = form.blank()
                target.write(np.ascontiguousarray(array).data)
                ends.append(target.tell())
            facts = json.dumps({"lost": lost, "ends": ends}).encode()
            target.write(facts + len(facts).to_bytes(LENGTH, "little"))
        handle = cache.open_entry(part)
    speed = len(paths) / max(time.monotonic() - started, 1e-6)
    job.log(
        _(
            "%(count)s %(noun)s decoded to %(form)s, %(speed)s %(noun)s a second.",
            count=f"{len(paths):,}",
            noun=form.noun,
            form=form.describe(),
            speed=f"{speed:,.0f}",
        )
    )
    return handle


def read_with_progress(job: Job, paths: list[Path], form: Form) -> Iterable[np.ndarray | str]:
    """`read_all`, its progress told."""
    for done, array in enumerate(read_all(paths, form), 1):
        yield array
        if done % CHUNK == 0:
            job.progress(done, len(paths), unit=form.noun)
            job.check_stop()


def read_all(paths: list[Path], form: Form) -> Iterable[np.ndarray | str]:
    """What is kept of each, or why nothing is, in order; decoding runs without Python's lock, so threads share the work."""

    def read(path: Path) -> np.ndarray | str:
        try:
            return form.pack(path.read_bytes())
        except UnreadableError as error:
            return str(error)
        except OSError:
            return "is not there"

    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(paths), CHUNK):
            yield from pool.map(read, paths[start : start + CHUNK])
