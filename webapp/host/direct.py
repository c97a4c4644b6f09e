"""The site's own parts are asked straight: HTTP_PROXY of the shell is for the internet, and would be told of them or fail."""

import urllib.request
from http.client import HTTPResponse
from typing import cast

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def open_directly(request: urllib.request.Request | str, timeout: float) -> HTTPResponse:
    """As `urlopen`, whatever the environment says of proxies."""
    return cast(HTTPResponse, OPENER.open(request, timeout=timeout))
