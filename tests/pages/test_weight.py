"""What a visitor's phone loads: bytes and requests of the pages, over the real application with its own static files."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.site import HIDDEN, ROOT

MOST_BYTES, MOST_REQUESTS = 75_000, 9

LOAD = """
import asyncio, json, os, re, sys
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
run = things.run(prototype)
run.artifact.mkdir(parents=True)
inputs = [{"name": "text", "kind": "text"}]
if sys.argv[1] == "audio":
    inputs = [{"name": "audio", "kind": "audio"}]
(run.artifact / "manifest.json").write_text(json.dumps({"inputs": inputs, "labels": ["a", "b"]}))
(run.artifact / "report.json").write_text(json.dumps({"labels": ["a", "b"]}))
things.endpoint(run)
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
    assert ("<textarea" if sys.argv[1] == "text" else "<audio") in html
    wanted = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', html))
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


def loaded(folder: Path, kind: str) -> dict[str, Any]:
    import os

    kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    environment = kept | {"MAQUETTE_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "webapp.settings", "PYTHONPATH": "."}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, kind], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: Any) -> dict[str, Any]:
    return loaded(tmp_path_factory.mktemp("data"), "text")


def test_the_demo_of_a_text_is_light(demo: dict[str, Any]) -> None:
    total = sum(one["bytes"] for one in demo.values())
    assert all(one["status"] == 200 for one in demo.values()), demo
    assert len(demo) <= MOST_REQUESTS, sorted(demo)
    assert total <= MOST_BYTES, {address: one["bytes"] for address, one in demo.items()}


def test_it_loads_no_script_that_it_does_not_use(demo: dict[str, Any]) -> None:
    scripts = {re.sub(r"\.[0-9a-f]{12}\.", ".", Path(address).name) for address in demo if address.endswith(".js")}
    assert scripts == {"theme.js", "htmx-2.min.js", "app.js"}


def test_static_files_are_kept_for_good_and_packed(demo: dict[str, Any]) -> None:
    for address, one in demo.items():
        if address.startswith("/static/"):
            assert re.search(r"\.[0-9a-f]{12}\.\w+$", address), address
            assert "immutable" in one["headers"]["cache-control"], address
            if not address.endswith((".woff2", ".svg")) and one["bytes"] > 1000:
                assert one["headers"].get("content-encoding") == "gzip", address


def test_the_font_is_preloaded_under_the_name_that_the_stylesheet_uses(demo: dict[str, Any]) -> None:
    assert sum(address.endswith(".woff2") for address in demo) == 1


def test_a_recording_brings_its_scripts(tmp_path: Path) -> None:
    scripts = {re.sub(r"\.[0-9a-f]{12}\.", ".", Path(address).name) for address in loaded(tmp_path, "audio")}
    assert {"inputs.js", "spectrogram.js"} <= scripts
