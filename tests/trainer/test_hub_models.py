"""Base models of the hub: sized before they are fetched, bounded, and told while they come. The hub is a small server that
speaks its language to its real client."""

import fcntl
import hashlib
import http.server
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.serving.conftest import wait_for
from tests.trainer import command
from trainer.errors import DOWNLOADING
from trainer.learning.job import Job
from trainer.model_download import claim_path
from trainer.spec import load
from trainer.tasks.text_classification import TextClassification

SAMPLE = TextClassification.sample()
SHA = "b" * 40
REPO, REF = "acme/tiny", "hub:acme/tiny"
WEIGHTS = "model.safetensors"
ASIDE = {"notes.md": b"# Tiny", "pytorch_model.bin": bytes(50_000), "modeling.py": b"raise SystemExit"}
"""What the repository holds besides and nobody fetches."""


class Hub(http.server.ThreadingHTTPServer):
    """One repository. `asked`: the files that were fetched; `announced`: their sizes where the listing lies; `ranges`: what was asked
    for of the weights; `stops_at`: the byte of the weights after which nothing more comes."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked = files, list[str]()
        self.announced: dict[str, int] = {}
        self.ranges, self.stops_at, self.over = list[str | None](), 0, threading.Event()
        self.address = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        file = re.fullmatch(rf"/{REPO}/resolve/{SHA}/(.+)", path)
        if path.startswith(f"/api/models/{REPO}"):
            sizes = {name: len(data) for name, data in self.server.files.items()} | self.server.announced
            siblings = [{"rfilename": name, "size": size} for name, size in sizes.items()]
            self.answer(json.dumps({"id": REPO, "modelId": REPO, "sha": SHA, "siblings": siblings}).encode())
        elif file and file[1] in self.server.files:
            data = self.server.files[file[1]]
            if self.command == "GET":
                self.server.asked.append(file[1])
            facts = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": SHA}
            if file[1] == WEIGHTS and self.command == "GET":
                self.answer_from(data, self.headers["Range"], **facts)
            else:
                self.answer(data, **facts)
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def answer_from(self, data: bytes, asked: str | None, **headers: str) -> None:
        """What was asked for of the weights, as far as it comes."""
        self.server.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if not self.server.stops_at:
            place = f"bytes {start}-{len(data) - 1}/{len(data)}"
            return self.answer(data[start:], status="206" if asked else "200", **headers | {"Content-Range": place})
        self.answer(b"", **headers | {"Content-Length": str(len(data))})
        self.wfile.write(data[: self.server.stops_at])
        self.server.over.wait(60)
        return None

    def answer(self, body: bytes, status: str = "200", **headers: str) -> None:
        self.send_response(int(status))
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def hub(models: Path) -> Iterator[Hub]:
    tiny = {path.name: path.read_bytes() for path in (models / "tiny").iterdir()}
    with Hub(tiny | ASIDE) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


def size_of_model(hub: Hub) -> int:
    return sum(len(data) for name, data in hub.files.items() if name not in ASIDE)


def of(hub: Hub, tmp_path: Path) -> dict[str, str]:
    return {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "home")}


RESOLVE = """
import json, sys
from trainer import models
from trainer.errors import ModelError
try:
    print(json.dumps(str(models.resolve(sys.argv[1], lambda *done: print(json.dumps(done))))))
except ModelError as error:
    print(json.dumps(error.as_dict()))
"""


def resolve(hub: Hub, tmp_path: Path, **more: str) -> list[Any]:
    """The progress that was told, and last the folder or the problem; in a process whose hub it is."""
    done = subprocess.run(
        [sys.executable, "-c", RESOLVE, REF],
        cwd=command.ROOT,
        env=command.environment(tmp_path, **of(hub, tmp_path) | more),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_a_killed_process_has_fetched_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    """The client writes ten MiB at a time."""
    hub.files[WEIGHTS] = bytes(range(256)) * (44 << 10)
    hub.stops_at = len(hub.files[WEIGHTS]) - 1
    command_line = [sys.executable, "-c", RESOLVE, REF]
    with subprocess.Popen(
        command_line, cwd=command.ROOT, env=command.environment(tmp_path, **of(hub, tmp_path))
    ) as killed:
        wait_for(lambda: any(path.stat().st_size == 10 << 20 for path in blobs(tmp_path)))
        killed.kill()
    hub.stops_at = 0
    *told, folder = resolve(hub, tmp_path)
    assert hub.ranges == [None, f"bytes={10 << 20}-"]
    assert (Path(folder) / WEIGHTS).read_bytes() == hub.files[WEIGHTS]
    assert told[-1][0] == told[-1][1]
    assert not [path for path in blobs(tmp_path) if path.suffix == ".part"]


def blobs(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "home").rglob("*") if path.is_file() and path.parent.name == "blobs"]


def test_a_run_downloads_its_model_and_tells_its_progress(hub: Hub, tmp_path: Path) -> None:
    spec = command.write_spec(tmp_path, SAMPLE, method="probe", model=REF)
    code, events = command.call_process(tmp_path, "run", spec, "--out", tmp_path / "out", **of(hub, tmp_path))
    assert code == 0, events[-1]
    told = [one for one in command.of(events, "progress") if one["unit"] == "bytes"]
    assert told
    assert {(one["stage"], one["total"]) for one in told} == {("prepare", size_of_model(hub))}


def test_only_what_is_needed_is_fetched_and_the_configuration_last(hub: Hub, tmp_path: Path) -> None:
    *told, folder = resolve(hub, tmp_path)
    total = size_of_model(hub)
    assert told[-1] == [total, total]
    assert [done for done, _total in told] == sorted(done for done, _total in told)
    assert sorted(hub.asked) == sorted(set(hub.files) - set(ASIDE)), "each file once, and no other"
    assert hub.asked[-1] == "config.json", "with it the snapshot is whole"
    assert resolve(hub, tmp_path, HF_HUB_OFFLINE="1") == [folder]
    assert resolve(hub, tmp_path, HF_ENDPOINT="http://127.0.0.1:9") == [folder]


def test_a_model_that_is_too_large_is_refused_before_anything_is_fetched(hub: Hub, tmp_path: Path) -> None:
    limit = size_of_model(hub) - 1
    (problem,) = resolve(hub, tmp_path, MAQUETTE_HUB_MODEL_BYTES=str(limit))
    assert problem["code"] == "model_too_large"
    assert "MAQUETTE_HUB_MODEL_BYTES" in problem["hint"]
    assert (hub.asked, blobs(tmp_path)) == ([], [])
    assert isinstance(resolve(hub, tmp_path, MAQUETTE_HUB_MODEL_BYTES=str(limit + 1))[-1], str), (
        "only what is fetched counts"
    )


def test_a_model_that_brings_more_than_announced_is_cut_off(hub: Hub, tmp_path: Path) -> None:
    hub.announced = dict.fromkeys(hub.files, 10)
    assert resolve(hub, tmp_path, MAQUETTE_HUB_MODEL_BYTES="1000")[-1]["code"] == "model_too_large"
    assert sum(path.stat().st_size for path in blobs(tmp_path)) <= 1000


def test_a_disk_without_room(hub: Hub, tmp_path: Path) -> None:
    hub.announced = {"model.safetensors": 2**60}
    (problem,) = resolve(hub, tmp_path, MAQUETTE_HUB_MODEL_BYTES=str(2**61))
    assert (problem["code"], hub.asked) == ("no_space", [])


@contextmanager
def downloading(tmp_path: Path, repo: str, left: int = 0) -> Iterator[None]:
    """As if another process were downloading a repository, of which so many bytes are still to come."""
    folder = tmp_path / "home" / "hub"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / claim_path(repo).name).open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write(b"%020d" % left)
        held.flush()
        yield


def test_of_two_processes_one_downloads_a_model(hub: Hub, tmp_path: Path) -> None:
    """The second looks when the first is done, and finds the model."""
    with ThreadPoolExecutor(2) as pool:
        with downloading(tmp_path, REPO):
            both = [pool.submit(resolve, hub, tmp_path) for _process in range(2)]
            time.sleep(6)
            assert hub.asked == [], "somebody else is at it"
        folders = {one.result()[-1] for one in both}
    assert len(folders) == 1
    assert sorted(hub.asked) == sorted(set(hub.files) - set(ASIDE)), "each file once"


def test_the_room_that_others_are_about_to_fill_is_not_there(hub: Hub, tmp_path: Path) -> None:
    """Nobody waits for the download of another model, and nobody counts what a process that died did not fetch."""
    with downloading(tmp_path, "acme/huge", 2**60):
        (problem,) = resolve(hub, tmp_path)
        assert (problem["code"], hub.asked) == ("no_space", [])
    with downloading(tmp_path, "acme/small", 1000):
        assert isinstance(resolve(hub, tmp_path)[-1], str)


def test_a_trial_does_not_wait_for_a_download(hub: Hub, tmp_path: Path) -> None:
    spec = command.write_spec(tmp_path, SAMPLE, method="probe", model=REF)
    with downloading(tmp_path, REPO):
        code, events = command.call_process(tmp_path, "estimate", spec, **of(hub, tmp_path))
    assert (code, events[-1]["type"], events[-1]["code"]) == (2, "error", DOWNLOADING)


def test_a_run_says_once_that_it_waits(tmp_path: Path) -> None:
    told: list[tuple[str, dict[str, object]]] = []

    def tell(kind: str, /, **fields: object) -> None:
        told.append((kind, fields))

    spec = load(command.write_spec(tmp_path, SAMPLE, method="probe", model=REF))
    job = Job(spec, tmp_path / "out", tell)
    job.wait_for_download()
    job.wait_for_download()
    assert told == [("log", {"message": "Waiting for another download of this model to finish."})]


def test_a_model_that_is_here_stays_usable_under_a_lower_limit(hub: Hub, tmp_path: Path) -> None:
    folder = resolve(hub, tmp_path)[-1]
    hub.asked.clear()
    assert resolve(hub, tmp_path, MAQUETTE_HUB_MODEL_BYTES="1")[-1] == folder
    assert hub.asked == []


def test_what_cannot_be_fetched(hub: Hub, tmp_path: Path) -> None:
    assert resolve(hub, tmp_path, HF_ENDPOINT="http://127.0.0.1:9")[-1]["code"] == "bad_model"
    assert resolve(hub, tmp_path, HF_HUB_OFFLINE="1")[-1]["code"] == "bad_model"
    hub.files.clear()
    assert resolve(hub, tmp_path)[-1]["code"] == "bad_model"
