"""What a visitor's phone loads: bytes and requests of the pages, over the real application with its own static files."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.site import HIDDEN, ROOT
from trainer.families.image.pictures import thumb

MOST_BYTES, MOST_REQUESTS = 75_000, 9
COLUMNS = [{"name": f"measure {at}", "kind": "number", "min": 1, "max": 90, "example": at} for at in range(12)]
PLANS = {
    "name": "plan",
    "kind": "category",
    "choices": ["monthly", "yearly", "free"],
    "choice_rows": [9, 5, 4],
    "example": "free",
}
DEMOS: dict[str, dict[str, Any]] = {
    "text": {
        "task": "text-classification",
        "inputs": [{"name": "text", "kind": "text"}],
        "examples": [{"input": "My parcel still has not arrived. " * 4, "label": "a"}] * 4,
        "shows": "<textarea",
        "scripts": set(),
    },
    "picture": {
        "task": "image-classification",
        "inputs": [{"name": "image", "kind": "image"}],
        "examples": [{"input": f"examples/{at}.jpg", "label": "a", "image": f"{at}.jpg"} for at in range(4)],
        "shows": 'src="data:image/webp;base64,',
        "scripts": {"inputs.js"},
    },
    "picture with a text": {
        "task": "image-text-classification",
        "inputs": [{"name": "image", "kind": "image"}, {"name": "text", "kind": "text"}],
        "examples": [{"input": {"image": f"examples/{at}.jpg", "text": "ripe"}, "label": "a"} for at in range(4)],
        "shows": 'src="data:image/webp;base64,',
        "scripts": {"inputs.js"},
    },
    "table": {
        "task": "tabular-classification",
        "inputs": [*COLUMNS, PLANS],
        "examples": [{"input": {one["name"]: one["example"] for one in [*COLUMNS, PLANS]}, "label": "a"}] * 4,
        "shows": "<select",
        "scripts": set(),
    },
    "sound": {
        "task": "audio-classification",
        "inputs": [{"name": "audio", "kind": "audio"}],
        "examples": [{"input": f"examples/{at}.wav", "label": "a", "audio": f"{at}.wav"} for at in range(4)],
        "shows": "data-drawer=",
        "scripts": {"inputs.js"},
    },
}
"""What the artifact says that it reads, a part of the page that shows it, and the scripts that only it needs."""

LOAD = """
import asyncio, json, re, sys, wave
from PIL import Image
from urllib.parse import urljoin
from asgiref.testing import ApplicationCommunicator
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
call_command("migrate", verbosity=0, interactive=False)
from tests import things
from webapp.accounts.actions import ensure_user
from webapp.endpoints.models import Endpoint
workspace = ensure_user("ada@example.org")[0].workspaces.get()
prototype = things.prototype(workspace)
asked = json.loads(sys.stdin.read())
run = things.run(prototype, task=asked["task"])
run.artifact.mkdir(parents=True)
(run.artifact / "manifest.json").write_text(json.dumps({"inputs": asked["inputs"], "labels": ["a", "b"]}))
(run.artifact / "report.json").write_text(json.dumps({"labels": ["a", "b"]}))
(run.artifact / "examples.json").write_text(json.dumps(asked["examples"]))
(run.artifact / "examples").mkdir()
for number in range(4):
    Image.new("RGB", (8, 8), (number, 0, 0)).save(run.artifact / "examples" / f"{number}.jpg")
    with wave.open(str(run.artifact / "examples" / f"{number}.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes([number, 0] * 80))
from webapp.endpoints import choosing
rows = choosing.Wish(tick=frozenset(range(4)))
choosing.choose(things.endpoint(run), None, choosing.check(run, rows))
from webapp.asgi import application

async def get(path):
    headers = [(b"host", b"127.0.0.1"), (b"accept-encoding", b"gzip, deflate, br")]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
             "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
             "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "extensions": {}}
    asked = ApplicationCommunicator(application, scope)
    await asked.send_input({"type": "http.request", "body": b"", "more_body": False})
    start = await asked.receive_output(20)
    body = b""
    while True:
        part = await asked.receive_output(20)
        body += part.get("body", b"")
        if not part.get("more_body"):
            break
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return {"status": start["status"], "headers": headers, "bytes": len(body)}, body

async def page(path):
    import gzip
    first, body = await get(path)
    if first["headers"].get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    html = body.decode()
    assert asked["shows"] in html
    wanted = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', html)) | set(re.findall(r'src="(/d/[^"]+)"', html))
    found = {path: first}
    for address in sorted(wanted):
        found[address], content = await get(address)
        if address.endswith(".css"):
            if found[address]["headers"].get("content-encoding") == "gzip":
                content = gzip.decompress(content)
            for inner in re.findall(r'url\\("?([^")]+)"?\\)', content.decode()):
                if not inner.startswith(("data:", "#")):
                    wanted_too = urljoin(address, inner)
                    if wanted_too not in found:
                        found[wanted_too], _ = await get(wanted_too)
    print(json.dumps(found))

asyncio.run(page("/d/the-demo"))
"""


def photo(seed: int) -> Image.Image:
    """As large as an example of an artifact, and as hard to pack as a photo: forms of every size."""
    draw = np.random.default_rng(seed)
    layers = [draw.uniform(0, 255, (size, size, 3)).astype(np.uint8) for size in (4, 16, 64, 256)]
    pixels = [np.asarray(Image.fromarray(one).resize((512, 512), Image.Resampling.BICUBIC), float) for one in layers]
    return Image.fromarray(np.average(pixels, axis=0, weights=(8, 4, 2, 1)).astype(np.uint8))


def loaded(folder: Path, kind: str) -> dict[str, Any]:
    asked = {name: value for name, value in DEMOS[kind].items() if name != "scripts"}
    if "image" in {one["kind"] for one in asked["inputs"]}:
        asked["examples"] = [one | {"thumb": thumb(photo(at))} for at, one in enumerate(asked["examples"])]
    kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    environment = kept | {"MAQUETTE_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "webapp.settings", "PYTHONPATH": "."}
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        input=json.dumps(asked),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module", params=DEMOS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def demo(kind: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return loaded(tmp_path_factory.mktemp("data"), kind)


def test_a_demo_is_light(demo: dict[str, Any]) -> None:
    total = sum(one["bytes"] for one in demo.values())
    assert all(one["status"] == 200 for one in demo.values()), demo
    assert len(demo) <= MOST_REQUESTS, sorted(demo)
    assert total <= MOST_BYTES, {address: one["bytes"] for address, one in demo.items()}


def test_it_loads_no_script_that_it_does_not_use(kind: str, demo: dict[str, Any]) -> None:
    scripts = {re.sub(r"\.[0-9a-f]{12}\.", ".", Path(address).name) for address in demo if address.endswith(".js")}
    assert scripts == {"theme.js", "htmx-2.min.js", "app.js"} | DEMOS[kind]["scripts"]


def test_static_files_are_kept_for_good_and_packed(demo: dict[str, Any]) -> None:
    for address, one in demo.items():
        if address.startswith("/static/"):
            assert re.search(r"\.[0-9a-f]{12}\.\w+$", address), address
            assert "immutable" in one["headers"]["cache-control"], address
            if not address.endswith((".woff2", ".svg")) and one["bytes"] > 1000:
                assert one["headers"].get("content-encoding") == "gzip", address


def test_the_font_is_preloaded_under_the_name_that_the_stylesheet_uses(demo: dict[str, Any]) -> None:
    assert sum(address.endswith(".woff2") for address in demo) == 1
