"""Uploads to a real web process, really killed, and from a real browser."""

import hashlib
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request, expect, sync_playwright

from tests.datasets.sending import (
    CHUNK,
    CSV,
    MB,
    TUS,
    b64,
)
from tests.site import HIDDEN, ROOT, free_port, wait
from webapp.datasets import tus


class Web:
    """The web process alone, on a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
        own = {"MAQUETTE_DATA": str(folder), "PORT": str(self.port), "REDIS_URL": "redis://127.0.0.1:1/0"}
        self.environment = kept | own
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        options: Any = {"cwd": ROOT, "env": self.environment, "capture_output": True, "text": True}
        done = subprocess.run(command, **options, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().rpartition("\n")[2]

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "webapp.asgi:application", f"--port={self.port}"]
        with (self.folder / "web.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        wait(self.answers, 60, "the web process answers")

    def answers(self) -> bool:
        try:
            return httpx.get(self.address + "/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)

    def restart(self) -> None:
        self.kill()
        self.start()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Web]:
    web = Web(tmp_path)
    web.manage("migrate", "--verbosity=0")
    web.start()
    yield web
    web.kill()


def break_off(web: Web, path: str, headers: dict[str, str], body: bytes, sent: int, *, kill: bool) -> None:
    """A PATCH of which only the first bytes leave, before the client goes or the server dies."""
    with closing(http.client.HTTPConnection("127.0.0.1", web.port)) as connection:
        connection.putrequest("PATCH", path)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(body[:sent])
        if kill:
            web.restart()


@pytest.mark.slow
def test_thirty_megabytes_interrupted_five_times(running: Web) -> None:
    content = os.urandom(30 * MB)
    token = running.manage("api_token", "--email", "tester@example.org")
    headers = {"Authorization": f"Bearer {token}"} | TUS
    digest = hashlib.sha256(content).hexdigest()
    fields = {"Upload-Length": str(len(content)), "Upload-Metadata": f"filename {b64('rows.csv')},sha256 {b64(digest)}"}
    made = httpx.post(running.address + "/uploads/", headers=headers | fields)
    assert made.status_code == 201, made.text
    path = made.headers["Location"]
    interruptions = iter(["kill in a part", "abort", "kill in between", "abort", "kill in a part"])
    offsets: list[int] = []
    while True:  # a client that remembers nothing but the address
        seen = httpx.head(running.address + path, headers=headers)
        assert seen.status_code == 200, seen.status_code
        offsets.append(int(seen.headers["Upload-Offset"]))
        if offsets[-1] == len(content):
            break
        part = content[offsets[-1] : offsets[-1] + CHUNK]
        parts = headers | {"Upload-Offset": str(offsets[-1]), "Content-Type": tus.CONTENT_TYPE}
        interruption = next(interruptions, "")
        if interruption in ("abort", "kill in a part"):
            break_off(running, path, parts, part, len(part) // 2, kill=interruption != "abort")
            assert int(httpx.head(running.address + path, headers=headers).headers["Upload-Offset"]) >= offsets[-1]
            continue
        answer = httpx.patch(running.address + path, headers=parts, content=part, timeout=60)
        assert answer.status_code == 204, answer.text
        if interruption == "kill in between":
            running.restart()
    assert not list(interruptions)
    assert offsets == sorted(offsets)
    assert seen.headers["Upload-Sha256"] == digest
    body = {"upload": path.rpartition("/")[2], "name": "thirty"}
    answer = httpx.post(running.address + "/api/v1/datasets", headers=headers, json=body, timeout=60)
    assert answer.status_code == 201, answer.text
    file = running.folder / "uploads" / answer.json()["id"] / "0-rows.csv"
    assert file.read_bytes() == content
    assert not list((running.folder / "uploads" / "parts").iterdir())


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        path = os.environ.get("MAQUETTE_CHROMIUM") or None
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_context().new_page()
        browser.close()


def sign_in(page: Page, web: Web) -> None:
    code = (
        "from webapp.accounts.actions import ensure_user; from webapp.accounts.models import SignInLink; "
        "print(SignInLink.issue(ensure_user('founder@example.org')[0]))"
    )
    page.goto(f"{web.address}/signin/{web.manage('shell', '-c', code)}")
    page.locator("main form button").click()
    page.wait_for_url(re.compile("/new$"))


def slow_down(page: Page) -> None:
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 6 * MB}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", conditions)


@pytest.mark.browser
@pytest.mark.slow
def test_the_page_goes_on_after_a_reload_a_pause_a_restart_and_a_lost_connection(
    running: Web, page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "letters.csv"
    file.write_bytes(b"text,label\n" + os.urandom(15 * MB).hex().encode())
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content" in message.text else None)
    patched: list[int] = []

    def note(request: Request) -> None:
        if request.method == "PATCH":
            patched.append(int(request.headers["upload-offset"]))

    page.on("request", note)
    sign_in(page, running)
    slow_down(page)
    speed = page.locator("[data-part=speed]")
    page.locator("input[type=file]").set_input_files(file)
    expect(speed).to_contain_text(re.compile(r"\d+ %, [\d.]+ of 31 MB, [\d.]+ MB/s, about \d+ s left"))
    wait_for(page, lambda: CHUNK in patched)
    page.reload()

    del patched[:]
    page.locator("input[type=file]").set_input_files(file)
    wait_for(page, lambda: patched)
    assert patched[0] >= CHUNK  # what was there was not sent again
    page.locator("[data-part=pause]").click()
    expect(speed).to_contain_text("Paused at")
    assert not Axe().run(page).response["violations"]
    page.locator("[data-part=resume]").click()
    expect(speed).to_contain_text("MB/s")

    running.kill()
    expect(speed).to_contain_text("Connection lost", timeout=20_000)
    running.start()
    expect(speed).to_contain_text("MB/s", timeout=30_000)
    page.context.set_offline(True)
    expect(speed).to_contain_text("Connection lost")
    page.context.set_offline(False)
    page.wait_for_url(re.compile("/prototypes/.+/data"), timeout=60_000)
    [stored] = (running.folder / "uploads").glob("*/0-letters.csv")
    assert stored.read_bytes() == file.read_bytes()
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('tus::')).length") == 0
    assert not complaints


@pytest.mark.browser
@pytest.mark.slow
def test_without_script_the_form_sends_itself(running: Web, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "letters.csv"
    file.write_bytes(CSV)
    plain = page.context.browser.new_context(java_script_enabled=False).new_page()
    sign_in(plain, running)
    plain.locator("input[type=file]").set_input_files(file)
    plain.locator("noscript button").click()
    plain.wait_for_url(re.compile("/prototypes/.+/data"))
    assert [one.read_bytes() for one in (running.folder / "uploads").glob("*/0-letters.csv")] == [CSV]


def wait_for(page: Page, condition: Callable[[], Any], seconds: float = 20) -> None:
    """As `wait`, with the browser's events coming in."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)
