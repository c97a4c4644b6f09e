"""A large upload, broken off five times (once by a killed web process), beside one plain form on the same site.

    python benchmarks/uploads.py [--megabytes 300]

Starts a web process of its own on loopback. The file must arrive byte for byte: its SHA-256 is compared at the end.
Prints MB/s of the plain form, of tus without a break, and of tus with the breaks and the time until the site is back.
"""

import argparse
import base64
import hashlib
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
MB = 2**20
CHUNK = 8 * MB
BREAKS = {2: "cut", 7: "cut", 13: "kill", 20: "cut", 29: "cut"}
"""After how many parts what happens."""


class Web:
    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        own = {"MAQUETTE_DATA": str(folder), "PORT": str(self.port), "REDIS_URL": "redis://127.0.0.1:1/0"}
        self.environment = os.environ | own | {"MAX_UPLOAD_MB": "4096"}
        self.log = folder / "web.log"
        self.manage("migrate", "--verbosity=0")
        token = self.manage("api_token", "--email", "bench@example.org")
        self.headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
        self.start()

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout.strip().rpartition("\n")[2]

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "webapp.asgi:application", f"--port={self.port}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                httpx.get(self.url + "/healthz")
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return
        raise SystemExit(self.log.read_text())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def plain(web: Web, file: Path) -> float:
    """Seconds of one form."""
    began = time.perf_counter()
    with file.open("rb") as body:
        answer = httpx.post(
            web.url + "/api/v1/datasets", headers=web.headers, files={"file": ("plain.csv", body)}, timeout=600
        )
    assert answer.status_code == 201, answer.text
    return time.perf_counter() - began


def tus(web: Web, file: Path, digest: str, breaks: dict[int, str]) -> tuple[float, int]:
    """(seconds, bytes that were sent twice); the file on the other side is the same, or this stops."""
    size = file.stat().st_size
    fields = {"Upload-Length": str(size), "Upload-Metadata": f"filename {base64.b64encode(b'rows.csv').decode()}"}
    path = httpx.post(web.url + "/uploads/", headers=web.headers | fields).headers["Location"]
    began, parts, again, planned = time.perf_counter(), 0, 0, dict(breaks)
    headers = web.headers | {"Content-Type": "application/offset+octet-stream"}
    with file.open("rb") as source, httpx.Client(timeout=120) as client:
        offset = 0
        while offset < size:
            source.seek(offset)
            part = source.read(CHUNK)
            named = headers | {"Upload-Offset": str(offset)}
            if how := planned.pop(parts, ""):
                sent = cut(web, path, named, part, kill=how == "kill")
                offset_now = int(httpx.head(web.url + path, headers=headers, timeout=60).headers["Upload-Offset"])
                again += max(0, offset + sent - offset_now)
                offset = offset_now
                continue
            answer = client.patch(web.url + path, headers=named, content=part)
            assert answer.status_code == 204, answer.text
            offset, parts = int(answer.headers["Upload-Offset"]), parts + 1
    assert not planned, planned
    assert answer.headers["Upload-Sha256"] == digest
    seconds = time.perf_counter() - began
    body = {"upload": path.rpartition("/")[2]}
    made = httpx.post(web.url + "/api/v1/datasets", headers=web.headers, json=body, timeout=60).json()["id"]
    [stored] = (Path(web.environment["MAQUETTE_DATA"]) / "uploads" / made).iterdir()
    with stored.open("rb") as arrived:
        assert hashlib.file_digest(arrived, "sha256").hexdigest() == digest
    return seconds, again


def cut(web: Web, path: str, headers: dict[str, str], part: bytes, *, kill: bool) -> int:
    """Send half a part, then hang up or kill the server; the bytes that left."""
    half = len(part) // 2
    with closing(http.client.HTTPConnection("127.0.0.1", web.port)) as connection:
        connection.putrequest("PATCH", path)
        for name, value in (headers | {"Content-Length": str(len(part))}).items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(part[:half])
        if kill:
            web.kill()
    if kill:
        web.start()
    time.sleep(0.2)  # until the other side has noticed
    return half


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.bin"
        with file.open("wb") as out:
            for _ in range(options.megabytes):
                out.write(os.urandom(MB))
        with file.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
        (Path(folder) / "site").mkdir()
        web = Web(Path(folder) / "site")
        try:
            parts = -(-options.megabytes * MB // CHUNK)
            breaks = {round(after * parts / 38): how for after, how in BREAKS.items()}
            took = plain(web, file)
            print(f"plain form             {options.megabytes / took:>8.0f} MB/s{took:>8.1f} s")
            took, _again = tus(web, file, digest, {})
            print(f"tus                    {options.megabytes / took:>8.0f} MB/s{took:>8.1f} s")
            took, again = tus(web, file, digest, breaks)
            print(
                f"tus, broken {len(breaks)} times    {options.megabytes / took:>8.0f} MB/s{took:>8.1f} s, "
                f"{again / MB:.1f} MB sent twice"
            )
            print(f"SHA-256 the same: {digest[:16]}…; load of this machine: {os.getloadavg()[0]:.1f}")
        finally:
            web.kill()


if __name__ == "__main__":
    main()
