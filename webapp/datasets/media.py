"""The pictures and sounds of a version as files to show."""

import re
from pathlib import Path

from django.http import Http404, HttpRequest

from webapp.core.downloads import Download
from webapp.core.media import size_of
from webapp.core.ranges import in_range
from webapp.datasets.models import DatasetVersion

MEDIA_TYPES = {
    "jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp", "bmp": "image/bmp",
    "wav": "audio/wav", "flac": "audio/flac", "mp3": "audio/mpeg", "ogg": "audio/ogg",
}  # fmt: skip
"""Types that a browser shows and never runs; everything else is handed over as bytes."""
MOST_READ = 8 * 2**20
"""Of a picture whose size is looked up."""
MEDIA_NAME = re.compile(r"[0-9a-f]{24}\.[a-z0-9]{2,5}")


def media_file(version: DatasetVersion, name: str, small: bool = False) -> tuple[Path, str] | None:
    """(path, content type) of a picture or sound by the name in its cell; None for anything else."""
    if not MEDIA_NAME.fullmatch(name):
        return None
    stem, _dot, suffix = name.partition(".")
    thumb = version.folder / "thumbs" / f"{stem}.jpg"
    path = thumb if small and thumb.is_file() else version.folder / "media" / name
    if not path.is_file():
        return None
    return path, MEDIA_TYPES.get(path.suffix[1:] or suffix, "application/octet-stream")


def size_in(version: DatasetVersion, name: str) -> tuple[int, int] | None:
    """Of a picture of the version, in pixels as a viewer turns it; None where its first bytes do not tell."""
    file = media_file(version, name)
    if file is None:
        return None
    with file[0].open("rb") as content:
        return size_of(content.read(MOST_READ))


def media_response(request: HttpRequest, version: DatasetVersion | None, name: str) -> Download:
    """The same to a browser, to keep for a day and never to run, `?thumb` for the small picture; `Http404`."""
    file = media_file(version, name, small="thumb" in request.GET) if version else None
    if file is None:
        raise Http404
    path, kind = file
    response = in_range(request, path.open("rb"), kind)
    response["Cache-Control"] = "private, max-age=86400, immutable"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
