"""What goes out packed, and what must not."""

import gzip
from typing import Any

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from webapp.core.compression import packed

PAGE = "<p>one and the same sentence</p>" * 100


def answer(response: Any, accepts: str = "gzip, deflate, br") -> Any:
    return packed(RequestFactory().get("/", headers={"Accept-Encoding": accepts}), response)


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json", "application/problem+json"])
def test_pages_and_json_are_packed(kind: str) -> None:
    response = answer(HttpResponse(PAGE, content_type=kind, headers={"ETag": '"a"'}))
    assert response["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.content).decode() == PAGE
    assert int(response["Content-Length"]) == len(response.content) < 600
    assert (response["Vary"], response["ETag"]) == ("Accept-Encoding", 'W/"a"')


@pytest.mark.parametrize("accepts", ["gzip", "GZIP", "br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip;q=0.001", "deflate,gzip"])
def test_whoever_names_gzip_gets_it(accepts: str) -> None:
    assert answer(HttpResponse(PAGE), accepts)["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("accepts", ["", "identity", "br, gzip;q=0", "gzip ; q=0.0", "x-gzipped", "not-gzip, deflate"])
def test_whoever_cannot_unpack_gets_it_plain(accepts: str) -> None:
    response = answer(HttpResponse(PAGE), accepts)
    assert response.content.decode() == PAGE
    assert response["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "response",
    [
        HttpResponse(PAGE, content_type="image/png"),
        HttpResponse(PAGE, content_type="application/zip"),
        HttpResponse("short"),
        HttpResponse(PAGE, headers={"Content-Encoding": "br"}),
        StreamingHttpResponse([b"data: {}\n\n"] * 100, content_type="text/event-stream"),
        StreamingHttpResponse([PAGE.encode()], content_type="text/html"),
    ],
)
def test_the_rest_stays_as_it_is(response: Any) -> None:
    assert answer(response).get("Content-Encoding") in (None, "br")
