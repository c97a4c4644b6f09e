"""The attack: a stranger looks for rows of the owner's data on every address of a demo whose owner chose none of them."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.endpoints.models import Endpoint
from webapp.runs.models import Run

SECRETS = ("lovelace", "15.78", "781.25", "Zanzibar", "2024-08-17", "written by a person", "UE5H", "whispered")
PICTURE = b"\x89PNG\r\n\x1a\n" + b"one-row-of-the-data" * 4
ROW = {"radius": 15.78, "area": 781.25, "town": "Zanzibar", "seen": "2024-08-17", "note": "written by a person"}
COLUMNS = [
    {"name": "radius", "kind": "number", "min": 0.5, "max": 15.78, "example": 15.78},
    {"name": "area", "kind": "number", "min": 11, "max": 781.25, "example": 781.25},
    {"name": "town", "kind": "category", "choices": ["Bath", "Zanzibar"], "example": "Zanzibar"},
    {"name": "seen", "kind": "date", "min": "2024-08-17", "max": "2024-08-17", "example": "2024-08-17"},
    {"name": "note", "kind": "text", "example": "written by a person"},
]
TEXT = [{"input": "write to ada.lovelace@engines.example", "label": "a"}]
TABLE = [{"input": ROW, "label": "a"}]
FILES = [{"input": "examples/0.png", "label": "whispered by lovelace", "thumb": "data:image/webp;base64,UE5H"}]
KINDS: dict[str, tuple[str, list[dict[str, Any]], list[Any]]] = {
    "text": ("text-classification", [{"name": "text", "kind": "text"}], TEXT),
    "table": ("tabular-classification", COLUMNS, TABLE),
    "picture": ("image-classification", [{"name": "image", "kind": "image"}], FILES),
    "sound": ("audio-classification", [{"name": "audio", "kind": "audio"}], FILES),
}


@pytest.fixture(params=KINDS)
def run(request: pytest.FixtureRequest, workspace: Workspace) -> Run:
    task, inputs, examples = KINDS[request.param]
    made = things.run(things.prototype(workspace), task=task)
    (made.artifact / "examples").mkdir(parents=True)
    (made.artifact / "examples" / "0.png").write_bytes(PICTURE)
    (made.artifact / "manifest.json").write_text(json.dumps({"inputs": inputs}), "utf-8")
    (made.artifact / "examples.json").write_text(json.dumps(examples), "utf-8")
    return made


@pytest.fixture(params=["public", "link"])
def demo(request: pytest.FixtureRequest, run: Run) -> Endpoint:
    return things.endpoint(run, visibility=request.param)


def holds_data(content: bytes) -> list[str]:
    page = content.decode(errors="replace")
    return [secret for secret in SECRETS if secret in page] + ["picture"] * (b"one-row" in content)


def test_a_stranger_finds_no_row(demo: Endpoint, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_slug: str, values: list[Any], _subject: str, **_how: Any) -> dict[str, Any]:
        return {"outputs": [{"label": "a", "score": 0.9, "scores": [], "echo": values}], "timing_ms": {"total": 1}}

    monkeypatch.setattr("webapp.endpoints.serving_client.predict", answer)
    path, link = reverse("demo", args=[demo.slug]), demo.links.get().token
    for key in ("", "0", "1", "typed-0"):
        for answered in (
            client.get(path, {"link": link, "example": key}),
            client.post(path, {"link": link, "example": key}),
            client.post(path, {"link": link, "example": key}, headers={"HX-Request": "true"}),
        ):
            assert holds_data(b"".join(answered)) == [], (key, answered.status_code)
    picture = client.get(reverse("demo_example", args=[demo.slug, 0]), {"link": link})
    assert picture.status_code == 404
    assert holds_data(b"".join(picture)) == []


def test_calls_to_paste_hold_no_row(
    demo: Endpoint, user: User, client_of: Callable[[User], Client], api_of: Callable[[User], Client]
) -> None:
    """The share page itself shows members the rows that they may tick; what they copy from it does not."""
    page = client_of(user).get(reverse("share", args=[demo.prototype_id])).content.decode()
    calls = re.findall(r"<pre[^>]*>.*?</pre>", page, re.DOTALL)
    assert len(calls) == 3
    assert holds_data("".join(calls).encode()) == []
    assert holds_data(api_of(user).get(f"/api/v1/endpoints/{demo.slug}").content) == []
