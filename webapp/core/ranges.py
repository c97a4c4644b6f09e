"""A part of what is asked for, as players of sounds ask: Safari plays nothing that is not sent in parts, and no player can be
wound forward without them (RFC 9110, 14)."""

import os
import re
from typing import IO

from django.http import HttpRequest

from webapp.core.downloads import Download

ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Part:
    """So many of the next bytes of an open file."""

    def __init__(self, source: IO[bytes], count: int) -> None:
        self.source, self.left = source, count

    def read(self, most: int) -> bytes:
        piece = self.source.read(min(most, self.left))
        self.left -= len(piece)
        return piece

    def close(self) -> None:
        self.source.close()


def in_range(request: HttpRequest, source: IO[bytes], content_type: str) -> Download:
    """All of an open file, or the one part that the request names (206); 416 for one that lies behind its end."""
    size = source.seek(0, os.SEEK_END)
    asked = ONE_RANGE.fullmatch(request.headers.get("Range", ""))
    if not asked or not any(asked.groups()):
        response = part_of(source, 0, size, content_type)
    else:
        start, end = bounds_of(asked[1], asked[2], size)
        response = part_of(source, start, end, content_type)
        response.status_code = 206 if start < end else 416
        response["Content-Range"] = f"bytes {start}-{end - 1}/{size}" if start < end else f"bytes */{size}"
    response["Accept-Ranges"] = "bytes"
    return response


def bounds_of(first: str, last: str, size: int) -> tuple[int, int]:
    """(start, end) of `first-last`, the end not among them; equal where no byte is."""
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    return start, max(start, end)


def part_of(source: IO[bytes], start: int, end: int, content_type: str) -> Download:
    source.seek(start)
    response = Download(Part(source, end - start), content_type=content_type)
    response["Content-Length"] = str(end - start)
    return response
