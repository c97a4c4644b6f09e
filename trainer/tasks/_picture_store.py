"""Decoded pictures: each decoded and brought to the model's resolution once, kept on disk by content."""

import json
import mmap
import os
import time
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from trainer.data.media import UnreadableError
from trainer.hardware import cores
from trainer.pictures import Preprocess
from trainer.tasks._media import CHUNK, make_room, told, warn_no_room
from trainer.tasks._rows import digest_of

VERSION = 1
"""Raised when the same files would be decoded otherwise."""


class Store:
    """Pictures by their place in `paths`. `lost`: why those at some places cannot be used."""

    def __init__(self, paths: list[Path], preprocess: Preprocess) -> None:
        self.paths, self.preprocess = paths, preprocess
        self.lost: dict[int, str] = {}

    def pixels(self, places: np.ndarray) -> np.ndarray:
        """(places, height, width, channels) bytes."""
        raise NotImplementedError


class Decoding(Store):
    """Decodes what is asked for, each time anew; with `remember` only once, for a trial that reads few."""

    def __init__(self, paths: list[Path], preprocess: Preprocess, *, remember: bool = False) -> None:
        super().__init__(paths, preprocess)
        self.memory: dict[int, np.ndarray] | None = {} if remember else None
        self.decoded, self.seconds = 0, 0.0

    def pixels(self, places: np.ndarray) -> np.ndarray:
        if self.memory is None:
            return np.stack(self.decode(places.tolist()))
        self.memory |= dict(zip(new := self.new(places), self.decode(new), strict=True))
        return np.stack([self.memory[place] for place in places.tolist()])

    def new(self, places: np.ndarray) -> list[int]:
        return [place for place in dict.fromkeys(places.tolist()) if place not in (self.memory or {})]

    def decode(self, places: list[int]) -> list[np.ndarray]:
        """Black in place of a picture that cannot be read: those of `lost` are asked for by nobody but a trial."""
        started = time.monotonic()
        black = np.zeros(self.preprocess.shape, dtype=np.uint8)
        found = [black if isinstance(one, str) else one for one in read_all(self.paths, places, self.preprocess)]
        self.decoded += len(places)
        self.seconds += time.monotonic() - started
        return found


class Kept(Store):
    """Reads a file of all pictures one after another. It is mapped for one batch at a time, so that memory stays bounded,
    and held open, so that it may be removed by another run that needs its room."""

    def __init__(self, paths: list[Path], preprocess: Preprocess, file: Path) -> None:
        super().__init__(paths, preprocess)
        self.handle = os.open(file, os.O_RDONLY)
        weakref.finalize(self, os.close, self.handle)
        self.lost = {int(place): why for place, why in json.loads(lost_beside(file).read_text("utf-8")).items()}

    def pixels(self, places: np.ndarray) -> np.ndarray:
        with mmap.mmap(self.handle, 0, access=mmap.ACCESS_READ) as mapped:
            every = np.frombuffer(mapped, dtype=np.uint8).reshape(-1, *self.preprocess.shape)
            found = every[places]
            del every  # the file can be let go only when nothing looks at it any more
        return found


def open_store(job: Any, paths: list[Path], preprocess: Preprocess) -> Store:
    """Decode everything once in threads, or find it decoded by an earlier run of the same pictures."""
    if job.trial:
        return Decoding(paths, preprocess, remember=True)
    digest = digest_of(VERSION, preprocess, *(path.name for path in paths)).hexdigest()[:32]
    file = job.cache / "pictures" / f"{digest}.decoded"
    if not (file.exists() and lost_beside(file).exists()):
        file.parent.mkdir(parents=True, exist_ok=True)
        if not make_room(file.parent, len(paths) * int(np.prod(preprocess.shape))):
            return decode_each_time(job, paths, preprocess)
        write(job, paths, preprocess, file)
    else:
        job.log("These pictures were decoded before and are used again.")
    os.utime(file)
    return Kept(paths, preprocess, file)


def lost_beside(file: Path) -> Path:
    return file.with_suffix(".lost.json")


def decode_each_time(job: Any, paths: list[Path], preprocess: Preprocess) -> Store:
    warn_no_room(job, "pictures")
    store = Decoding(paths, preprocess)
    for place, pixels in enumerate(told(job, read_all(paths, range(len(paths)), preprocess), len(paths), "pictures")):
        if isinstance(pixels, str):
            store.lost[place] = pixels
    return store


def write(job: Any, paths: list[Path], preprocess: Preprocess, file: Path) -> None:
    """Whole or not at all, pictures in the order of `paths`."""
    part = file.with_suffix(f".{os.getpid()}.part")
    lost: dict[int, str] = {}
    black = bytes(int(np.prod(preprocess.shape)))
    started = time.monotonic()
    try:
        with part.open("wb") as target:
            for place, pixels in enumerate(
                told(job, read_all(paths, range(len(paths)), preprocess), len(paths), "pictures")
            ):
                if isinstance(pixels, str):
                    lost[place] = pixels
                target.write(black if isinstance(pixels, str) else np.ascontiguousarray(pixels).data)
        lost_beside(file).write_text(json.dumps(lost), "utf-8")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    speed = len(paths) / max(time.monotonic() - started, 1e-6)
    height, width, _channels = preprocess.shape
    job.log(f"{len(paths):,} pictures decoded to {width} × {height} pixels at {speed:,.0f} a second.")


def read_all(paths: list[Path], places: Iterable[int], preprocess: Preprocess) -> Iterable[np.ndarray | str]:
    """Pixels, or why there are none, in order; Pillow decodes without Python's lock, so threads share the work."""
    every = list(places)
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(every), CHUNK):
            yield from pool.map(reader(preprocess), [paths[place] for place in every[start : start + CHUNK]])


def reader(preprocess: Preprocess) -> Callable[[Path], np.ndarray | str]:
    def read(path: Path) -> np.ndarray | str:
        try:
            return preprocess.read(path.read_bytes())
        except UnreadableError as error:
            return str(error)
        except OSError:
            return "is not there"

    return read
