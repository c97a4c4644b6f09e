"""Every refusal to start is a sentence and a remedy."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from webapp.host import preflight
from webapp.host.preflight import StartError
from webapp.host.redis_server import EmbeddedRedis, find_binary


def test_a_free_port_passes() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    preflight.check_port("127.0.0.1", port, "PORT")
    with socket.socket() as later:
        later.bind(("127.0.0.1", port))  # looking did not take it
        assert later.getsockname()[1] == port


@pytest.mark.parametrize("setting", ["PORT", "SERVING_PORT"])
def test_a_port_in_use_names_the_process_and_another_port(setting: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(StartError) as caught:
            preflight.check_port("127.0.0.1", port, setting)
    assert f"Port {port} is already in use by" in caught.value.message
    assert f"make run {setting}={port + 10}" in caught.value.remedy


def test_an_address_that_is_not_ours() -> None:
    with pytest.raises(StartError, match="HOST"):
        preflight.check_port("203.0.113.1", 8000, "PORT")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StartError, match="MAQUETTE_DATA"):
        preflight.check_folder(tmp_path / "file" / "var")


def test_too_little_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "LEAST_FREE_BYTES", 2**60)
    with pytest.raises(StartError, match="GB are free"):
        preflight.check_folder(tmp_path)


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "OLDEST_PYTHON", (4, 0))
    with pytest.raises(StartError, match="Install a newer one"):
        preflight.check_python()


def test_a_missing_library() -> None:
    with pytest.raises(StartError, match="Delete the folder"):
        preflight.check_library("no_such_library", "the test")


def test_a_redis_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:secret@127.0.0.1:1/0")
    with pytest.raises(StartError) as caught:
        preflight.check_redis()
    assert "127.0.0.1:1" in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.skipif(find_binary() is None, reason="no Redis on this machine")
def test_a_wrong_password_is_called_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = EmbeddedRedis(tmp_path)
    try:
        monkeypatch.setenv("REDIS_URL", server.start().replace("://:", "://:not-"))
        with pytest.raises(StartError, match="does not take this user and password"):
            preflight.check_redis()
    finally:
        server.stop()


def test_no_redis_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setattr(preflight, "find_binary", lambda: None)
    with pytest.raises(StartError, match="apt install redis-server"):
        preflight.check_redis()


def test_a_second_one_on_the_same_folder(tmp_path: Path) -> None:
    with preflight.only_one(tmp_path):
        program = (
            "import sys; from pathlib import Path; from webapp.host.preflight import only_one\n"
            "with only_one(Path(sys.argv[1])): pass\n"
        )
        second = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True)
    assert second.returncode == 1
    assert f"Maquette already runs on {tmp_path} (process" in second.stderr
    with preflight.only_one(tmp_path):
        pass


def test_our_own_site_on_the_port_is_named() -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.end_headers()
            self.wfile.write(b'{"ready": false, "parts": {}}')

        def log_message(self, *_words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        with pytest.raises(StartError, match=f"already running at http://127.0.0.1:{port}"):
            preflight.check_port("127.0.0.1", port, "PORT")
        server.shutdown()


def test_the_doctor_installs_nothing() -> None:
    text = (Path(__file__).resolve().parents[2] / "Makefile").read_text()
    doctor = text.split("\ndoctor:\n")[1].split("\n\n")[0]
    assert "bootstrap" not in doctor
    assert "manage.py doctor" in doctor
