"""The proxy as the web runs it, around an application that knows no page: `uvicorn tests.serving.webside:app`."""

import os
from typing import Any

from webapp.endpoints.proxy import ServingProxy


async def pages(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"page"})


app = ServingProxy(pages, os.environ["SERVING_URL"], os.environ["MAQUETTE_INTERNAL_TOKEN"])
