"""A part of what is asked for, as players of sounds ask: Safari plays nothing that is not sent in parts (RFC 9110, 14)."""

import re

from django.http import HttpRequest, HttpResponse

ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def in_range(request: HttpRequest, content: bytes, content_type: str) -> HttpResponse:
    """All of the content, or the one part that the request names (206); 416 for one that lies behind its end."""
    asked = ONE_RANGE.fullmatch(request.headers.get("Range", ""))
    if not asked or not any(asked.groups()):
        response = HttpResponse(content, content_type=content_type)
    else:
        response = part_of(content, content_type, *asked.groups())
    response["Accept-Ranges"] = "bytes"
    return response


def part_of(content: bytes, content_type: str, first: str, last: str) -> HttpResponse:
    size = len(content)
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    headers = {"Content-Range": f"bytes {start}-{end}/{size}"}
    return HttpResponse(content[start : end + 1], content_type=content_type, status=206, headers=headers)
