"""A data set of the hub by its name, from a small server that speaks the hub's language to its real client."""

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trainer import command
from trainer.data.hub import choose_files, parse_name
from trainer.errors import DataError

SHA = "a" * 40
FILES = {
    "README.md": b"# Words",
    "loader.py": b"raise SystemExit",
    "data/train.csv": b"text,label\n" + b"".join(b"a good day %d,good\na bad day %d,bad\n" % (n, n) for n in range(60)),
    "data/test.csv": b"text,label\nfine,good\nawful,bad\n",
}


class Hub(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        assert "authorization" not in self.headers
        path = self.path.partition("?")[0]
        if path.startswith("/api/datasets/acme/words"):
            siblings = [{"rfilename": name, "size": len(data)} for name, data in FILES.items()]
            self.answer(json.dumps({"id": "acme/words", "sha": SHA, "siblings": siblings}).encode())
        elif path.startswith(f"/datasets/acme/words/resolve/{SHA}/"):
            data = FILES[path.partition(f"{SHA}/")[2]]
            self.answer(data, ETag=f'"{hashlib.sha256(data).hexdigest()}"', **{"X-Repo-Commit": SHA})
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def answer(self, body: bytes, **headers: str) -> None:
        self.send_response(200)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def hub() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def call(hub: str, name: str, out: Path, **more: str) -> tuple[int, dict[str, object]]:
    settings = {"HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "0", "HF_HOME": str(out.parent / "home"), "HF_TOKEN": "secret"}
    code, events = command.call_process(out, "fetch", name, "--out", out, **settings | more)
    return code, events[-1]


def test_data_files_and_nothing_else(hub: str, tmp_path: Path) -> None:
    code, told = call(hub, "acme/words", tmp_path / "out")
    assert (code, told["files"], told["revision"]) == (0, ["0-test.csv", "1-train.csv"], SHA)
    assert (tmp_path / "out" / "1-train.csv").read_bytes() == FILES["data/train.csv"]


def test_what_is_not_there(hub: str, tmp_path: Path) -> None:
    code, told = call(hub, "acme/nothing", tmp_path / "out")
    assert (code, told["code"]) == (2, "hub_not_found")


def test_no_hub(tmp_path: Path) -> None:
    code, told = call("http://127.0.0.1:9", "acme/words", tmp_path / "out")
    assert (code, told["code"]) == (2, "hub_away")
    code, told = call("http://127.0.0.1:9", "acme/words", tmp_path / "out", HF_HUB_OFFLINE="1")
    assert (code, told["code"]) == (2, "hub_away")


def test_names() -> None:
    assert parse_name("hub:acme/words@v1.0") == ("acme/words", "v1.0")
    assert parse_name("imdb") == ("imdb", None)
    for wrong in ("", "../x", "a/b/c", "https://example.org/a"):
        with pytest.raises(DataError, match="not the name"):
            parse_name(wrong)


def test_one_kind_of_one_configuration() -> None:
    sizes = dict.fromkeys(["en/train.parquet", "de/train.parquet", "train.csv", "x.py"], 1)
    assert list(choose_files(sizes, "a")) == ["de/train.parquet"]
    assert list(choose_files({"a.csv": 1, "data/b.csv": 1}, "a")) == ["a.csv"]
    with pytest.raises(DataError, match="too large"):
        choose_files({"a.csv": 3 * 2**30}, "a")
    with pytest.raises(DataError, match="no file"):
        choose_files({"a.py": 1}, "a")
