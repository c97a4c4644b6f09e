"""Pictures and sounds of an archive decoded in threads, in order, never all of them in memory."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.data import media
from trainer.data.archives import Archive, EntryError
from trainer.machine import cores

if TYPE_CHECKING:
    from trainer.data.media_files import Collection, MediaRow

DECODERS = min(cores(), 4)
AHEAD, AHEAD_BYTES = 32, 128 * 1024**2
MAX_MEDIA_BYTES = 256 * 1024**2


def decode(
    archive: Archive, media_rows: Iterable["MediaRow"], kind: str, folder: Path, collection: "Collection"
) -> Iterator[tuple["MediaRow", media.Media]]:
    """In order; reading is done here, decoding in threads, at most AHEAD files and about AHEAD_BYTES in memory."""
    window: deque[tuple[MediaRow, int, Future[media.Media]]] = deque()
    bytes_ahead = 0
    with ThreadPoolExecutor(DECODERS) as pool:
        for row in media_rows:
            try:
                data = archive.read(row.entry, MAX_MEDIA_BYTES)
            except EntryError:
                collection.lost.append((row.entry.name, "is damaged in the archive or too large"))
                continue
            window.append((row, len(data), pool.submit(media.store_media, data, kind, folder)))
            bytes_ahead += len(data)
            del data
            while window and (len(window) > AHEAD or bytes_ahead > AHEAD_BYTES):
                bytes_ahead -= window[0][1]
                yield from finish_decoding(window.popleft(), collection)
        while window:
            yield from finish_decoding(window.popleft(), collection)


def finish_decoding(
    pending: tuple["MediaRow", int, Future[media.Media]], collection: "Collection"
) -> Iterator[tuple["MediaRow", media.Media]]:
    try:
        yield pending[0], pending[2].result()
    except media.UnreadableError as error:
        collection.lost.append((pending[0].entry.name, str(error)))
