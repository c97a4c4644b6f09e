"""The site's own parts are asked straight, whatever the shell says of proxies; a setting that cannot be read is a sentence."""

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from webapp.host import health, preflight, readiness, startup
from webapp.host.preflight import StartError


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"parts": {"database": "ok"}}')

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Something that answers, behind a proxy that nobody reaches."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_loopback_is_never_asked_by_proxy(address: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.SERVING_URL = address
    monkeypatch.setenv("PORT", address.rpartition(":")[2])
    assert readiness.serving_answers()
    assert health.web()
    assert startup.readiness(address) == (True, {"database": "ok"})


@pytest.mark.parametrize("port", ["abc", "0", "70000", "-1", "８０００", "80 80"])
def test_a_port_that_is_none_is_a_sentence(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(StartError, match="is not a port number"):
        preflight.port_of("PORT", 8000)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "abc"), ("MAX_UPLOAD_MB", "much"), ("RUN_LEASE_SECONDS", "x"), ("SECURITY_LOG", "paper")],
)
def test_the_doctor_says_a_sentence_of_a_setting_that_cannot_be(name: str, value: str, tmp_path: Any) -> None:
    environment = os.environ | {name: value, "MAQUETTE_DATA": str(tmp_path), "PUBLIC_URL": ""}
    environment.pop("PUBLIC_URL")
    ended = subprocess.run(
        [sys.executable, "manage.py", "doctor"], capture_output=True, text=True, env=environment, check=False
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert name in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
