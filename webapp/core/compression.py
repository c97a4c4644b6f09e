"""Pages and JSON go out packed, where the browser says that it can unpack them. Streams, media and downloads stay as they are."""

import re
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.decorators import sync_and_async_middleware
from django.utils.text import compress_string

from trainer.problem_details import MEDIA_TYPE as PROBLEM

PACKED = ("text/html", "text/plain", "text/css", "text/csv", "text/javascript", "application/json")
PACKED_TOO = (PROBLEM, "image/svg+xml")
REFUSED = re.compile(r"q=0(\.0*)?")
LEAST_BYTES = 500
"""Below it, the packed body and its header are hardly smaller."""
MOST_RANDOM_BYTES = 100
"""Of padding: what a page holds cannot be guessed from its length (the attack called BREACH)."""


@sync_and_async_middleware
def compression(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    def passing(request: HttpRequest) -> HttpResponseBase:
        return packed(request, get_response(request))

    async def waiting(request: HttpRequest) -> HttpResponseBase:
        return packed(request, await get_response(request))

    return waiting if iscoroutinefunction(get_response) else passing


def takes_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` names gzip; `gzip;q=0` is how a client refuses it."""
    for part in accepted.lower().split(","):
        coding, _semicolon, weight = part.partition(";")
        if coding.strip() == "gzip":
            return not REFUSED.fullmatch(weight.strip())
    return False


def packed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    if not isinstance(response, HttpResponse) or kind not in (*PACKED, *PACKED_TOO):
        return response
    patch_vary_headers(response, ("Accept-Encoding",))
    if (
        not takes_gzip(request.headers.get("Accept-Encoding", ""))
        or response.has_header("Content-Encoding")
        or len(response.content) < LEAST_BYTES
    ):
        return response
    small = compress_string(response.content, max_random_bytes=MOST_RANDOM_BYTES)
    if len(small) >= len(response.content):
        return response
    response.content = small
    response.headers["Content-Length"] = str(len(small))
    response.headers["Content-Encoding"] = "gzip"
    etag = response.headers.get("ETag", "")
    if etag.startswith('"'):  # no longer byte for byte
        response.headers["ETag"] = f"W/{etag}"
    return response
