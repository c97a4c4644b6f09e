"""Sending files by tus, as the tests do."""

import base64
import io
import json
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.test import Client

from webapp.accounts.models import User
from webapp.datasets import tus

MB = 2**20
CHUNK = 8 * MB
CSV = b"text,label\none,a\ntwo,b\n"
TUS = {"Tus-Resumable": "1.0.0"}
ClientOf = Callable[[User], Client]


def b64(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def send(client: Client, method: str, path: str, body: bytes = b"", **headers: str) -> HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.generic(method, path, body, headers=TUS | {"Content-Type": tus.CONTENT_TYPE} | named)


def send_stream(client: Client, path: str, stream: io.IOBase, length: int, **headers: str) -> HttpResponse:
    """A PATCH at offset 0 whose body the server reads from `stream`."""
    environ = {"wsgi.input": stream, "CONTENT_LENGTH": str(length), "CONTENT_TYPE": tus.CONTENT_TYPE}
    return client.generic("PATCH", path, headers=TUS | {"Upload-Offset": "0"} | headers, **environ)


def create(client: Client, length: int, name: str = "rows.csv", **fields: str) -> HttpResponse:
    pairs = ",".join(f"{key} {b64(value)}" for key, value in {"filename": name, **fields}.items())
    return send(client, "POST", "/uploads/", Upload_Length=str(length), Upload_Metadata=pairs)


def patch(client: Client, path: str, offset: int, body: bytes, **headers: str) -> HttpResponse:
    return send(client, "PATCH", path, body, Upload_Offset=str(offset), **headers)


def offset_of(client: Client, path: str) -> int:
    answer = send(client, "HEAD", path)
    assert answer.status_code == 200, answer.status_code
    assert answer["Cache-Control"] == "no-store"
    return int(answer["Upload-Offset"])


def whole(client: Client, content: bytes = CSV, name: str = "rows.csv") -> str:
    """The id of a finished upload."""
    path = create(client, len(content), name)["Location"]
    assert patch(client, path, 0, content).status_code == 204
    return path.rpartition("/")[2]


def refused(answer: HttpResponse, status: int, code: str = "") -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Tus-Resumable"] == "1.0.0"
    assert answer["Content-Type"] == "application/problem+json"
    problem = json.loads(answer.content)
    assert problem["status"] == status
    assert problem["detail"].endswith(".")
    assert problem["hint"].endswith(".")
    assert code in ("", problem["code"])
    return problem


def make_dataset(client: Client, **body: Any) -> HttpResponse:
    return client.post("/api/v1/datasets", json.dumps(body), content_type="application/json")
