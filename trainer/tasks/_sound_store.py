"""Decoded sounds: each decoded and resampled once, kept on disk by content, whatever its length."""

import json
import mmap
import os
import time
import weakref
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from trainer.data.media import UnreadableError
from trainer.hardware import cores
from trainer.sounds import LOGMEL, Hearing
from trainer.tasks._media import CHUNK, make_room, told, warn_no_room
from trainer.tasks._rows import digest_of

VERSION = 1
"""Raised when the same files would be decoded otherwise."""
FULL_SCALE = 32_768
BYTES_A_SAMPLE = 2


def pack(hearing: Hearing, data: bytes) -> np.ndarray:
    """What is kept of a file: a small net's spectrogram, otherwise samples of 16 bits. `UnreadableError`."""
    wave = hearing.wave(data)
    if hearing.kind == LOGMEL:
        return hearing.values(wave)
    return np.rint(wave * FULL_SCALE).clip(-FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def unpack(hearing: Hearing, kept: np.ndarray) -> np.ndarray:
    """The model's input."""
    return kept if hearing.kind == LOGMEL else hearing.values(kept.astype(np.float32) / FULL_SCALE)


class Store:
    """Sounds by their place in `paths`. `lost`: why those at some places cannot be used."""

    def __init__(self, paths: list[Path], hearing: Hearing) -> None:
        self.paths, self.hearing = paths, hearing
        self.lost: dict[int, str] = {}

    def kept(self, place: int) -> np.ndarray:
        """As `pack` gives it."""
        raise NotImplementedError

    def values(self, places: np.ndarray) -> list[np.ndarray]:
        """One model input each; waves differ in length."""
        return [unpack(self.hearing, self.kept(place)) for place in places.tolist()]


class Decoding(Store):
    """Decodes what is asked for; with `remember` only once, for a trial that reads few."""

    def __init__(self, paths: list[Path], hearing: Hearing, *, remember: bool = False) -> None:
        super().__init__(paths, hearing)
        self.memory: dict[int, np.ndarray] = {}
        self.remember = remember
        self.decoded, self.seconds = 0, 0.0

    def kept(self, place: int) -> np.ndarray:
        if place in self.memory:
            return self.memory[place]
        started = time.monotonic()
        found = reader(self.hearing, self.paths[place])
        packed = silence(self.hearing) if isinstance(found, str) else found
        self.decoded += 1
        self.seconds += time.monotonic() - started
        if self.remember:
            self.memory[place] = packed
        return packed


class Kept(Store):
    """Reads a file of all sounds one after another, mapped only while it is read."""

    def __init__(self, paths: list[Path], hearing: Hearing, file: Path) -> None:
        super().__init__(paths, hearing)
        self.handle = os.open(file, os.O_RDONLY)
        weakref.finalize(self, os.close, self.handle)
        facts = json.loads(facts_beside(file).read_text("utf-8"))
        self.lost = {int(place): why for place, why in facts["lost"].items()}
        self.ends = np.array(facts["ends"], dtype=np.int64)

    def kept(self, place: int) -> np.ndarray:
        start = int(self.ends[place - 1]) if place else 0
        with mmap.mmap(self.handle, 0, access=mmap.ACCESS_READ) as mapped:
            data = mapped[start : int(self.ends[place])]
        if self.hearing.kind == LOGMEL:
            return np.frombuffer(data, dtype=np.uint8).reshape(self.hearing.shape)
        return np.frombuffer(data, dtype=np.int16)


def silence(hearing: Hearing) -> np.ndarray:
    """In place of a sound that cannot be read: those of `lost` are asked for by nobody but a trial."""
    return np.zeros(hearing.shape, np.uint8) if hearing.kind == LOGMEL else np.zeros(hearing.rate, np.int16)


def open_store(job: Any, paths: list[Path], hearing: Hearing, seconds: np.ndarray) -> Store:
    """Decode everything once in threads, or find it decoded by an earlier run of the same sounds.

    `seconds[i]`: about how long each lasts.
    """
    if job.trial:
        return Decoding(paths, hearing, remember=True)
    digest = digest_of(VERSION, hearing, *(path.name for path in paths)).hexdigest()[:32]
    file = job.cache / "sounds" / f"{digest}.decoded"
    if not (file.exists() and facts_beside(file).exists()):
        file.parent.mkdir(parents=True, exist_ok=True)
        if not make_room(file.parent, needed(hearing, seconds)):
            return decode_each_time(job, paths, hearing)
        write(job, paths, hearing, file)
    else:
        job.log("These sounds were decoded before and are used again.")
    os.utime(file)
    return Kept(paths, hearing, file)


def needed(hearing: Hearing, seconds: np.ndarray) -> int:
    """Bytes on disk."""
    if hearing.kind == LOGMEL:
        return len(seconds) * int(np.prod(hearing.shape))
    return int(np.minimum(seconds, hearing.seconds).sum() * hearing.rate * BYTES_A_SAMPLE)


def facts_beside(file: Path) -> Path:
    return file.with_suffix(".facts.json")


def decode_each_time(job: Any, paths: list[Path], hearing: Hearing) -> Store:
    warn_no_room(job, "sounds")
    store = Decoding(paths, hearing)
    for place, found in enumerate(told(job, read_all(paths, hearing), len(paths), "sounds")):
        if isinstance(found, str):
            store.lost[place] = found
    return store


def write(job: Any, paths: list[Path], hearing: Hearing, file: Path) -> None:
    """Whole or not at all, sounds in the order of `paths`."""
    part = file.with_suffix(f".{os.getpid()}.part")
    lost: dict[int, str] = {}
    ends: list[int] = []
    started = time.monotonic()
    try:
        with part.open("wb") as target:
            for place, found in enumerate(told(job, read_all(paths, hearing), len(paths), "sounds")):
                if isinstance(found, str):
                    lost[place] = found
                    found = silence(hearing)
                target.write(np.ascontiguousarray(found).data)
                ends.append(target.tell())
        facts_beside(file).write_text(json.dumps({"lost": lost, "ends": ends}), "utf-8")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    speed = len(paths) / max(time.monotonic() - started, 1e-6)
    job.log(f"{len(paths):,} sounds decoded to {hearing.rate:,} samples a second, {speed:,.0f} sounds a second.")


def read_all(paths: list[Path], hearing: Hearing) -> Iterable[np.ndarray | str]:
    """What is kept of each, or why nothing is, in order; decoding and resampling run without Python's lock."""
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(paths), CHUNK):
            yield from pool.map(lambda path: reader(hearing, path), paths[start : start + CHUNK])


def reader(hearing: Hearing, path: Path) -> np.ndarray | str:
    try:
        return pack(hearing, path.read_bytes())
    except UnreadableError as error:
        return str(error)
    except OSError:
        return "is not there"
