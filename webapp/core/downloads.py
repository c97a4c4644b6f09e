"""Files and folders to keep, sent in pieces: however large, a download takes a few hundred kilobytes of memory.

Django answers over ASGI, where it turns a file's plain iterator into one list before it sends the first byte. These
responses hand out their pieces one by one, each read in a thread.
"""

import asyncio
import logging
import time
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.http import FileResponse, StreamingHttpResponse
from typing_extensions import Buffer

from webapp.core.files import files_below

log = logging.getLogger(__name__)
PIECE_BYTES = 256 * 1024
MISSING = "MISSING.txt"
ZIP64_BYTES = 2**31 - 1
"""From here on a zip needs longer records, so that its length is not said beforehand."""


class InPieces:
    """A streaming response over a plain iterator, whose pieces are read when the client has taken the last one."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = iter(self.streaming_content)  # type: ignore[attr-defined]
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece


class Download(InPieces, FileResponse):
    """An open file."""

    block_size = PIECE_BYTES


class TextDownload(InPieces, StreamingHttpResponse):
    """A text that is written while it is sent; nothing of it is kept."""

    def __init__(self, pieces: Iterator[str], filename: str, content_type: str) -> None:
        super().__init__(pieces, content_type=content_type)
        self["Content-Disposition"] = f'attachment; filename="{filename}"'


class ZipDownload(InPieces, StreamingHttpResponse):
    """A folder as a zip file, packed while it is sent; nothing of it is written to the disk."""

    def __init__(self, folder: Path, filename: str) -> None:
        files = [(path, path.relative_to(folder).as_posix()) for path, _facts in sorted(files_below(folder))]
        super().__init__(zipped(files), content_type="application/zip")
        self["Content-Disposition"] = f'attachment; filename="{filename}"'
        length = zip_length(files)
        if length < ZIP64_BYTES:
            self["Content-Length"] = str(length)


@dataclass(frozen=True)
class Remote:
    """A file to be fetched: its name inside of the zip file, and what opens it; `OSError` where it cannot be had."""

    name: str
    open: Callable[[], Any]


class ZipOf(InPieces, StreamingHttpResponse):
    """A zip file of what is made for it, of files, and of what lies elsewhere, packed while it is sent."""

    def __init__(
        self,
        made: list[tuple[str, bytes]],
        files: list[tuple[Path, str]],
        filename: str,
        elsewhere: Iterable["Remote"] = (),
    ) -> None:
        super().__init__(zipped(files, made, elsewhere), content_type="application/zip")
        self["Content-Disposition"] = f'attachment; filename="{filename}"'


class Pieces:
    """Where a zip file is written to: it cannot go back, and what was written is taken away."""

    def __init__(self) -> None:
        self.waiting: list[bytes] = []

    def write(self, data: Buffer) -> int:
        self.waiting.append(bytes(data))
        return len(self.waiting[-1])

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        taken, self.waiting = b"".join(self.waiting), []
        return taken


def zipped(
    files: list[tuple[Path, str]], made: Iterable[tuple[str, bytes]] = (), elsewhere: Iterable[Remote] = ()
) -> Iterator[bytes]:
    """A zip file of (name inside, content), then of (path, name inside), then of what is fetched, piece by piece. Weights do not
    compress, so they are stored. A file that was deleted meanwhile is left out where there is something made; what could not be
    fetched, or not to its end, is listed in `MISSING`."""
    missing: list[str] = []
    target = Pieces()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for name, content in made:
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
            yield target.take()
        for path, name in files:
            if made and not path.exists():
                continue
            with path.open("rb") as source, archive.open(zipfile.ZipInfo.from_file(path, name), "w") as inside:
                while piece := source.read(PIECE_BYTES):
                    inside.write(piece)
                    yield target.take()
            yield target.take()
        for remote in elsewhere:
            info = zipfile.ZipInfo(remote.name, time.gmtime()[:6])
            try:
                with remote.open() as source, archive.open(info, "w", force_zip64=True) as inside:
                    while piece := source.read(PIECE_BYTES):
                        inside.write(piece)
                        yield target.take()
            except OSError as error:
                log.warning("%s could not be fetched: %s", remote.name, error)
                missing.append(remote.name)
            yield target.take()
        if missing:
            archive.writestr(MISSING, "\n".join(missing) + "\n")
    yield target.take()


def zip_length(files: list[tuple[Path, str]]) -> int:
    """Bytes of that zip file: a header, the content and its checksum for each file, then the list of them all."""
    header, checksum, entry, end = 30, 16, 46, 22
    return end + sum(header + checksum + entry + 2 * len(name.encode()) + path.stat().st_size for path, name in files)
