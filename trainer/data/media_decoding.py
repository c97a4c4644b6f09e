"""Pictures and sounds of an archive decoded in threads, in order, never all of them in memory."""

import hashlib
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.data import media, media_conversion, media_pdf, media_video
from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.cuts import Cut
from trainer.data.media_conversion import RAW_SUFFIXES
from trainer.data.tempspace import temporary_folder
from trainer.errors import DataError
from trainer.machine import cores

if TYPE_CHECKING:
    from trainer.data.media_files import Collection, MediaRow

DECODERS = min(cores(), 4)
AHEAD, AHEAD_BYTES = 32, 128 * 1024**2
MAX_MEDIA_BYTES = 256 * 1024**2
MIN_CLIP_SECONDS = 0.05


Stored = list[tuple[media.Media | media.UnreadableError, dict[str, str | None]]]
"""What one file gives: pictures or sounds, each with cells of its own, such as the second of a video; and clips that it does not
have, with the reason."""


def decode(
    archive: Archive, media_rows: Iterable["MediaRow"], kind: str, folder: Path, collection: "Collection"
) -> Iterator[tuple["MediaRow", media.Media]]:
    """In order; reading is done here, decoding in threads, at most AHEAD files and about AHEAD_BYTES in memory. A video, an
    animation and a TIFF of several pages give a row for each picture, unless there are boxes."""
    window: deque[tuple[MediaRow, int, Future[Stored]]] = deque()
    bytes_ahead = 0
    every = collection.frame_seconds if collection.boxes is None else None
    with temporary_folder() as place, ThreadPoolExecutor(DECODERS) as pool:
        for number, row in enumerate(media_rows):
            try:
                source = read_source(archive, row.entry, place / f"{number}")
            except (EntryError, DataError):
                collection.lost.append((row.entry.name, "is damaged in the archive or too large"))
                continue
            size = len(source) if isinstance(source, bytes) else 0
            window.append((row, size, pool.submit(store, source, kind, folder, row, every)))
            bytes_ahead += size
            del source
            while window and (len(window) > AHEAD or bytes_ahead > AHEAD_BYTES):
                bytes_ahead -= window[0][1]
                yield from finish_decoding(window.popleft(), collection)
        while window:
            yield from finish_decoding(window.popleft(), collection)


def read_source(archive: Archive, entry: Entry, path: Path) -> bytes | Path:
    """A file's bytes; a video, which may be larger than memory, in a file."""
    if entry.suffix in media.VIDEO_SUFFIXES:
        return archive.extract(entry, path)
    return archive.read(entry, MAX_MEDIA_BYTES)


def finish_decoding(
    pending: tuple["MediaRow", int, Future[Stored]], collection: "Collection"
) -> Iterator[tuple["MediaRow", media.Media]]:
    row = pending[0]
    try:
        stored = pending[2].result()
    except media.UnreadableError as error:
        collection.lost.append((row.entry.name, str(error)))
        return
    if len(stored) > 1:
        collection.group = collection.group or "file"
    for source, cells in stored:
        if isinstance(source, media.UnreadableError):
            collection.lost.append((row.entry.name, str(source)))
            continue
        collection.converted[source.converted] += bool(source.converted)
        yield replace(row, cells=row.cells | cells) if cells else row, source


def store(source: bytes | Path, kind: str, folder: Path, row: "MediaRow", every: float | None) -> Stored:
    """Decode a file and keep what it holds. `every`: seconds from one picture of a video to the next; None for its first one alone.
    Raises `UnreadableError`."""
    try:
        if row.cuts:
            return store_clips(source, folder, row.cuts)
        if kind == "audio":
            return [(store_sound(source, folder), {})]
        return store_pictures(source, folder, row.entry.suffix, every)
    finally:
        if isinstance(source, Path):
            source.unlink(missing_ok=True)


def store_pictures(source: bytes | Path, folder: Path, suffix: str, every: float | None) -> Stored:
    if isinstance(source, Path):
        frames: Iterable[tuple[float, bytes]] = media_video.video_frames(source, every or media_video.FRAME_SECONDS)
        if every is None:
            frames = islice(frames, 1)
        return [(replace(media.store_media(jpeg, "image", folder), converted="video"), {"frame": f"{second:.2f}"})
                for second, jpeg in frames]  # fmt: skip
    if suffix == ".pdf":
        return [(page if isinstance(page, media.UnreadableError) else
                 replace(media.store_media(page, "image", folder), converted="pdf"), {"page": str(number)})
                for number, page in islice(media_pdf.page_pictures(source), 1 if every is None else None)]  # fmt: skip
    if every is not None and suffix not in RAW_SUFFIXES and media_video.count_pages(source) > 1:
        form = "animation" if source.startswith(b"GIF8") else "pages"
        named = ((f"{place:g}", png) for place, png in media_video.pages(source, every))
        return [(replace(media.store_media(png, "image", folder), converted=form), {"frame": place})
                for place, png in named]  # fmt: skip
    return [(media_conversion.store_picture(source, folder, suffix), {})]


def store_clips(source: bytes | Path, folder: Path, cuts: Sequence[Cut]) -> Stored:
    """The clips of a recording, each with its start and end in seconds."""
    with tempfile.TemporaryDirectory(prefix="whole-", dir=folder) as place:
        recording = Path(place) / store_sound(source, Path(place)).name
        return [store_clip(recording, cut, folder) for cut in cuts]


def store_clip(
    recording: Path, cut: Cut, folder: Path
) -> tuple[media.Media | media.UnreadableError, dict[str, str | None]]:
    import soundfile

    with soundfile.SoundFile(recording) as sound:
        rate, most, channels = sound.samplerate, sound.frames, sound.channels
        first = round(cut.start * rate)
        last = most if cut.end is None else min(round(cut.end * rate), most)
        if last - first < MIN_CLIP_SECONDS * rate:
            end = "" if cut.end is None else f"–{cut.end:.2f}"
            reason = "is beyond the end of the recording" if first >= most else "is too short"
            return media.UnreadableError(f"at {cut.start:.2f}{end} s {reason}"), {}
        sound.seek(first)
        with tempfile.NamedTemporaryFile(prefix="clip-", suffix=".flac", dir=folder, delete=False) as file:
            path = Path(file.name)
        try:
            with soundfile.SoundFile(path, "w", rate, channels, "PCM_16", format="FLAC") as out:
                block = media.block_size(rate, channels)
                for start in range(first, last, block):
                    out.write(sound.read(min(block, last - start), dtype="float32"))
            name = move_to_hash(path, folder)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    facts = {"seconds": f"{(last - first) / rate:.3f}", "rate": str(rate), "channels": str(channels)}
    times: dict[str, str | None] = {"start": f"{cut.start:.3f}", "end": f"{last / rate:.3f}"}
    return media.Media(name, facts), cut.cells | times


def move_to_hash(path: Path, folder: Path) -> str:
    """The name, made of its hash, that a FLAC in `folder` gets."""
    with path.open("rb") as file:
        name = f"{hashlib.file_digest(file, 'sha256').hexdigest()[: media.HASH_CHARACTERS]}.flac"
    path.replace(folder / name)
    return name


def store_sound(source: bytes | Path, folder: Path) -> media.Media:
    """A sound that libsndfile reads as it is; every other, and that of a video, as FLAC."""
    if isinstance(source, bytes):
        try:
            return media.store_media(source, "audio", folder)
        except media.UnreadableError as error:
            if str(error) != media.NO_SOUND:
                raise
    path, facts = media_video.write_flac(source, folder)
    return media.Media(move_to_hash(path, folder), facts, "sound")
